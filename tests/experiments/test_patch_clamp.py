"""The virtual rig: what it measures against what the membrane does."""

from __future__ import annotations

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.experiments import IVCurve, PatchClamp, run_experiment
from nkcell_sim.experiments.settling import settle

PATCH = PatchClamp(ntx_in_bath="kept")


@pytest.fixture(scope="module")
def cell():
    return settle([nk.primary_nk_cell()])[0]


@pytest.fixture(scope="module")
def result(cell):
    return run_experiment(cell, PATCH)


def test_ramps_end_on_multiples_of_the_interval():
    protocol = PATCH.protocol()
    assert protocol.duration == 600.0
    assert PATCH.ramp_ends()[[0, -1]] == pytest.approx([10.0, 600.0])
    # -100 mV is reached by a step at the ramp's start, +100 mV at its end, then back to 0 mV
    for time, wanted in ((119.9, -100.0), (119.95, 0.0), (119.99999, 99.98), (120.0, 0.0), (125.0, 0.0)):
        assert protocol.value("v_cmd", time, unit="mV") == pytest.approx(wanted, abs=1e-6)


def test_solutions_change_when_the_phases_say_so():
    protocol = PATCH.protocol()
    for time, pregs, ononetin in ((60.0, 0.0, 0.0), (180.0, 100.0, 0.0), (300.0, 0.0, 0.0), (420.0, 100.0, 0.0), (540.0, 100.0, 10.0)):
        assert protocol.value("pregs", time, unit="uM") == pytest.approx(pregs)
        assert protocol.value("ononetin", time, unit="uM") == pytest.approx(ononetin)
    assert PATCH.phases() == [(120.0, 240.0, "PregS 100 µM"), (360.0, 600.0, "PregS 100 µM"), (480.0, 600.0, "ononetin 10 µM")]


def test_bath_is_electroneutral_and_free_of_potassium():
    protocol = PATCH.protocol()
    ions = {name: protocol.value(name, 1.0, unit="mM") for name in ("na_out", "k_out", "cs_out", "cl_out", "ca_out", "mg_out")}
    charge = ions["na_out"] + ions["k_out"] + ions["cs_out"] + 2 * ions["ca_out"] + 2 * ions["mg_out"] - ions["cl_out"]
    assert ions["k_out"] == 0.0
    assert charge == pytest.approx(0.0, abs=1e-9)


def test_measured_current_is_membrane_plus_leak_plus_capacitance(result):
    """At the end of a ramp: I_measured = I_ion + g_seal V + Cm dV/dt, and V follows the command at the ramp's rate."""
    trace = result.trace
    measured, membrane, v = (PATCH.at_ramps(trace, key)[0] for key in (PatchClamp.record.fget(PATCH)[0], "i_ion", "v"))
    capacitive = 2.6 * 2.0  # pF times 2 mV/ms
    # The membrane lags R_s Cm = 0.04 ms behind and the ionic slope is 0.3 nS: dV/dt differs by R_s g = 0.5 % from the command's.
    assert measured == pytest.approx(membrane + 0.1 * v + capacitive, abs=0.01 * capacitive)
    assert PATCH.at_ramps(trace)[0] == pytest.approx(measured - capacitive, abs=1e-9)


def test_evoked_current_is_the_trpm3_current_on_top_of_its_baseline(result):
    trace = result.trace
    alone = PATCH.at_ramps(trace, "TRPM3.i")[0]
    out = PATCH.at_ramps(trace)[0]
    # Leak cancels; the series resistance (0.2 mV of 100 mV) and drift of the background leave about 1 %.
    assert out[12] - out[11] == pytest.approx(alone[12] - alone[11], rel=0.01)


def test_iv_table_has_a_curve_for_every_phase(result):
    iv = PATCH.iv(result.trace)
    assert list(iv.current) == ["baseline", "PregS 1", "wash 1", "PregS 2", "ononetin"]
    assert iv.voltage[-1] == pytest.approx(100.0)
    assert pytest.approx(iv.voltage[np.argmin(np.abs(iv.voltage + 94.0))]) == -94.0
    assert iv.current["PregS 1"][0, -1] - iv.current["baseline"][0, -1] == pytest.approx(result.features["pregs_1_outward"].values[0])
    assert "command mV" in repr(iv)
    # Cs+ inside against Na+ and Cs+ outside: the evoked current reverses near 0 mV
    assert abs(result.features["evoked_reversal"].values[0]) < 5.0


def test_densities_scale_with_capacitance(cell, result):
    """Twice the membrane with the same channels per pF: the same density."""
    f = result.features
    assert f["pregs_1_outward_density"].values[0] * cell.parameter("cm") == pytest.approx(f["pregs_1_outward"].values[0])


def test_a_current_below_the_detection_limit_is_warned_of(cell):
    blind = PatchClamp(ntx_in_bath="kept", detection_limit="50 pA")
    assert "below the detection limit" in run_experiment(cell, blind).warnings[0][0]


def test_without_drugs_there_is_a_baseline_only(cell):
    features = run_experiment(cell, PatchClamp(ntx_in_bath="kept", pregs="0 uM", ononetin=0.0)).features
    assert features["pregs_1_end_outward"].values[0] == pytest.approx(0.0, abs=0.05)
    assert "ononetin_block" not in features


def test_an_inward_reading_while_the_membrane_charges_is_warned_of(cell):
    warned = run_experiment(cell.set({"Electrode.r_series": "500 MOhm"}), PATCH).warnings[0]
    assert any("still charging" in text for text in warned)
    assert not any("still charging" in text for text in run_experiment(cell, PATCH).warnings[0])


def test_voltage_steps_agree_with_ramps(cell):
    """The steady current of a step to +100 mV in PregS is near that of a ramp at the same time after PregS."""
    steps = IVCurve(ntx_in_bath="kept", pregs="100 uM", pregs_lead="9.9 s", first="100 mV", last="100 mV", holding="0 mV", step="100 ms")
    ramped = run_experiment(cell, PATCH)
    stepped = run_experiment(cell, steps)
    # same seconds after PregS at the end of the pulse, and no capacitive current any more
    assert stepped.features["steady_+100_mV"].values[0] == pytest.approx(PATCH.at_ramps(ramped.trace)[0, 12], rel=0.005)
