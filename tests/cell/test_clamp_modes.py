"""Voltage clamp, current clamp and free running are modes of one cell, switched inside one protocol."""

from __future__ import annotations

import numpy as np
import pytest

import nkcell_sim as nk


def test_one_protocol_goes_from_free_running_to_voltage_clamp_to_current_clamp_and_back() -> None:
    cell = nk.primary_nk_cell()
    protocol = (
        nk.Protocol(8.0)
        .step(2.0, whole_cell=1.0, v_clamp=1.0, v_cmd="-80 mV")
        .step(4.0, v_clamp=0.0, i_cmd="5 pA")
        .step(6.0, whole_cell=0.0, i_cmd="0 pA")
    )
    times = [1.9, 3.9, 5.9, 6.0, 8.0]
    trace = nk.simulate(cell, protocol, record=["v", "i_ion", "Electrode.i_measured", "Electrode.i_seal", "Electrode.i_electrode"], times=times, rtol=1e-9)
    trace.raise_for_status()
    v = trace["v"][0]
    assert v[0] == pytest.approx(-59.0, abs=1e-6)  # free: at rest
    # clamped: the command less the drop over 15 MOhm, and the amplifier supplies what membrane and seal take (steady to 1e-3 pA)
    measured = trace["Electrode.i_measured"][0]
    assert v[1] == pytest.approx(-80.0 - 0.015 * measured[1], abs=1e-6)
    assert measured[1] == pytest.approx(trace["i_ion"][0, 1] + trace["Electrode.i_seal"][0, 1], abs=1e-2)
    # current clamp: the injected current is what the electrode carries, the amplifier reads no clamp current, the cell depolarises
    assert trace["Electrode.i_electrode"][0, 2] == 5.0
    assert measured[2] == 0.0
    assert v[2] > -50.0
    # free again: nothing flows through the electrode, the membrane repolarises
    assert trace["Electrode.i_electrode"][0, 4] == 0.0
    assert trace["Electrode.i_seal"][0, 4] == 0.0
    assert v[4] < v[3] - 1.0


def test_without_a_pipette_the_clamp_does_nothing() -> None:
    cell = nk.primary_nk_cell()
    plain = nk.simulate(cell, nk.Protocol(5.0).step(1.0, pregs="50 uM"), record=["v"], times=[5.0])
    switched = nk.simulate(cell, nk.Protocol(5.0).step(1.0, pregs="50 uM", v_clamp=1.0, v_cmd="50 mV"), record=["v"], times=[5.0])
    assert np.array_equal(plain["v"], switched["v"])
