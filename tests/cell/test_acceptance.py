"""Acceptance numbers of the 23-state cell with the TRPM3 stub (cell brief, sections 7.1, 7.3 and 7.6).

The brief's values are an independent implementation's at rtol 1e-9 and are printed to three or four digits; the gate of
0.5 % (2 % for the oscillation) is the brief's own, and printed values are met to their rounding where that is wider.
"""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import stub_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate

READD = 720.0
THAPSIGARGIN = Protocol(1320.0).step(60.0, ca_out="1 uM").step(120.0, thapsigargin="1 uM").step(READD, ca_out="2 mM")


def test_rest_does_not_drift_in_an_hour() -> None:
    trace = simulate(stub_nk_cell(), Protocol("1 h"), record=["v", "ca_cyt", "Ledger.charge"], rtol=1e-9).raise_for_status()
    assert np.max(np.abs(trace["v"] + 59.0)) < 1e-3
    assert np.max(np.abs(trace["ca_cyt"] - 0.080)) < 1e-6
    charge = trace["Ledger.charge"][0]
    assert np.ptp(charge) < 1e-7 * abs(charge[0])


def soce(cell: Cell) -> dict[str, float]:
    """Release peak and its time, readdition peak and its time, plateau [nM, s], voltage range after readdition [mV]."""
    t = np.arange(0.0, 1320.5, 0.5)
    trace = simulate(cell, THAPSIGARGIN, record=["ca_cyt", "v"], times=t, rtol=1e-9).raise_for_status()
    ca, v, late = trace["ca_cyt"][0] * 1e3, trace["v"][0], t > READD
    release, again = np.argmax(np.where(late, 0.0, ca)), np.argmax(np.where(late, ca, 0.0))
    return {
        "release": ca[release], "release_time": t[release] - 120.0, "peak": ca[again], "peak_time": t[again] - READD,
        "plateau": ca[-1], "v_min": v[late].min(), "v_end": v[-1], "v_max": v[late].max(),
    }  # fmt: skip


def test_thapsigargin_releases_the_store_and_readdition_opens_crac() -> None:
    got = soce(stub_nk_cell())
    assert got["release"] == pytest.approx(163.3, rel=5e-3)
    assert got["release_time"] == pytest.approx(27.0, abs=0.5)
    assert got["peak"] == pytest.approx(989.6, rel=5e-3)
    assert got["peak_time"] == pytest.approx(11.0, abs=0.5)
    assert got["plateau"] == pytest.approx(437.3, rel=5e-3)
    # "V goes -59 to -80 mV": the peak hyperpolarisation passes it, the plateau is there (printed to 1 mV)
    assert got["v_end"] == pytest.approx(-80.0, abs=1.0)


def test_half_the_crac_channels_halve_the_readdition_peak() -> None:
    cell = stub_nk_cell()
    got = soce(cell.with_state(cell.initial_state()).set({"CRAC.permeability": 0.25}))
    assert (got["peak"], got["plateau"]) == pytest.approx((489.0, 281.8), rel=5e-3)


def test_blocking_kca31_lowers_the_readdition_peak_and_depolarises() -> None:
    cell = stub_nk_cell()
    got = soce(cell.with_state(cell.initial_state()).set({"KCa31.g_max": 0.0}))
    assert (got["peak"], got["plateau"]) == pytest.approx((681.7, 352.6), rel=5e-3)
    assert got["v_end"] == pytest.approx(-55.0, abs=1.0)


def test_blocking_both_potassium_channels_collapses_entry() -> None:
    cell = stub_nk_cell()
    got = soce(cell.with_state(cell.initial_state()).set({"KCa31.g_max": 0.0, "Kv13.g_max": 0.0}))
    # printed to three digits
    assert (got["peak"], got["plateau"]) == pytest.approx((220.0, 169.0), rel=5e-3)


# g [nS]: Ca peak [nM] and its time [s], Ca at 300 s, V max and V at 300 s [mV], I at the peak [pA], Na_i at 300 s [mM]
STUB_TABLE = {
    0.02: (178, 68, 163, -52.6, -54.8, -1.1, 27),
    0.05: (332, 37, 238, -49.4, -53.2, -3.1, 50),
    0.10: (595, 23, 322, -47.0, -47.3, -5.7, 82),
    0.20: (1130, 16, 358, -26.8, -26.8, -9.5, 117),
    0.30: (2456, 40, 373, -15.8, -15.8, -10.4, 130),
}


@pytest.mark.parametrize("g", STUB_TABLE)
def test_trpm3_like_conductance_gives_the_tabulated_response(g: float) -> None:
    start = 30.0
    t = np.arange(0.0, 1200.0 + 0.25, 0.25)
    protocol = Protocol(1200.0).step(start, t3_drive=1.0).step(start + 300.0, t3_drive=0.0)
    cell = stub_nk_cell()
    cell = cell.with_state(cell.initial_state()).set({"TRPM3Stub.g_chord": g})
    trace = simulate(cell, protocol, record=["ca_cyt", "v", "na_cyt", "TRPM3Stub.i"], times=t, rtol=1e-9).raise_for_status()
    on = (t > start) & (t <= start + 300.0)
    ca, v = trace["ca_cyt"][0] * 1e3, trace["v"][0]
    peak, peak_time, late, v_max, v_late, current, sodium = STUB_TABLE[g]
    i_peak, i_end = int(np.argmax(np.where(on, ca, 0.0))), int(np.flatnonzero(on)[-1])
    assert ca[i_peak] == pytest.approx(peak, rel=5e-3)
    assert t[i_peak] - start == pytest.approx(peak_time, abs=1.0)
    assert ca[i_end] == pytest.approx(late, rel=5e-3)
    assert v[on].max() == pytest.approx(v_max, abs=0.1)
    assert v[i_end] == pytest.approx(v_late, abs=0.1)
    assert trace["TRPM3Stub.i"][0][i_peak] == pytest.approx(current, abs=0.06)
    assert trace["na_cyt"][0][i_end] == pytest.approx(sodium, rel=5e-3, abs=0.5)
    # "Ca returns to 80-82 nM within 300 s of wash-out in every case"
    assert 79.0 < ca[int((start + 600.0) * 4)] < 82.5


def spikes(drive: float) -> tuple[np.ndarray, np.ndarray]:
    """Times of the Ca2+ maxima after the first 500 s [s] and Ca2+ after 700 s [nM] under a constant receptor drive."""
    t = np.linspace(0.0, 1530.0, 6121)
    trace = simulate(stub_nk_cell(), Protocol(1530.0).step(30.0, plc_drive=drive), record=["ca_cyt"], times=t, rtol=1e-8)
    ca = trace.raise_for_status()["ca_cyt"][0] * 1e3
    tops = [i for i in range(1, len(ca) - 1) if ca[i - 1] < ca[i] >= ca[i + 1] and t[i] > 500.0]
    return t[tops], ca[t > 700.0]


# "drive 0.09-0.13, period 171 down to 113 s": printed to 1 s, 2 % is the brief's gate for oscillations
@pytest.mark.parametrize(("drive", "period"), [(0.09, 171.0), (0.12, 125.0), (0.13, 113.0)])
def test_receptor_drive_makes_the_cell_oscillate_with_the_tabulated_period(drive: float, period: float) -> None:
    tops, _ = spikes(drive)
    assert len(tops) >= 5
    assert np.diff(tops).mean() == pytest.approx(period, rel=0.02)


def test_oscillations_span_the_tabulated_range() -> None:
    _, settled = spikes(0.12)
    assert (settled.max(), settled.min()) == pytest.approx((445.0, 101.0), rel=0.02)


def test_a_weaker_receptor_drive_ends_in_a_plateau() -> None:
    """At 0.08, below the window, Ca2+ has come to rest: what is left of the swing is a thousandth of the spikes at 0.12."""
    tops, settled = spikes(0.08)
    assert len(tops) == 0
    assert np.ptp(settled) < 0.4


def test_blocking_kv13_alone_depolarises_too_far_because_the_potassium_background_is_tiny() -> None:
    cell = stub_nk_cell()
    blocked = cell.with_state(cell.initial_state()).set({"Kv13.g_max": 0.0})
    trace = simulate(blocked, Protocol("30 min"), record=["v"], times=[1800.0], rtol=1e-8).raise_for_status()
    assert trace["v"][0, 0] == pytest.approx(-17.0, abs=0.5)  # printed to 1 mV


def test_ionomycin_raises_calcium_and_kca31_hyperpolarises_towards_the_potassium_potential() -> None:
    t = np.linspace(0.0, 600.0, 1201)
    protocol = Protocol(600.0).step(0.0, ionomycin="2e-3 1/s", ionomycin_er="1 1/s")
    trace = simulate(stub_nk_cell(), protocol, record=["ca_cyt", "v"], times=t, rtol=1e-8).raise_for_status()
    assert trace["ca_cyt"].max() * 1e3 == pytest.approx(334.0, rel=5e-3)
    assert trace["v"].min() == pytest.approx(-84.0, abs=0.5)  # printed to 1 mV


@pytest.mark.parametrize(("v", "peak"), [(0.0, 91.0), (40.0, 154.0), (80.0, 210.0)])
def test_voltage_steps_open_kv13_which_then_inactivates_in_a_fifth_of_a_second(v: float, peak: float) -> None:
    """Peak outward current [pA] after steps from -80 mV, gates settled there; 1 % because the brief does not print how it held the cell."""
    n, h = 1.0 / (1.0 + np.exp((80.0 - 53.3) / 8.0)), 1.0 / (1.0 + np.exp((62.0 - 80.0) / 8.0))
    cell = stub_nk_cell()
    cell = cell.with_state(cell.initial_state()).set({"Membrane.clamp": 1.0}).with_state({"v": v, "Kv13.n": n, "Kv13.h": h})
    t = np.linspace(0.0, 1.0, 2001)
    current = simulate(cell, Protocol(1.0), record=["i_ion"], times=t, rtol=1e-8).raise_for_status()["i_ion"][0]
    top = int(np.argmax(current))
    assert current[top] == pytest.approx(peak, rel=0.01)
    # "C-type inactivation ~200 ms": time from the peak to 1/e of it
    fallen = top + int(np.argmax(current[top:] < current[top] / np.e))
    assert t[fallen] - t[top] == pytest.approx(0.2, abs=0.02)


def test_high_potassium_depolarises_without_a_calcium_rise() -> None:
    # V goes on creeping as K+ and Cl- load; the brief's printed values are those of the fifth minute
    trace = simulate(stub_nk_cell(), Protocol(300.0).step(0.0, k_out="60 mM"), record=["v", "ca_cyt"], times=[300.0], rtol=1e-8)
    assert trace["v"][0, 0] == pytest.approx(-23.0, abs=0.5)
    assert trace["ca_cyt"][0, 0] * 1e3 == pytest.approx(69.0, abs=0.5)


def test_ouabain_loads_sodium_and_loses_potassium_in_half_an_hour() -> None:
    cell = stub_nk_cell()
    blocked = cell.with_state(cell.initial_state()).set({"NaKATPase.i_max": 0.0})
    trace = simulate(blocked, Protocol("30 min"), record=["na_cyt", "k_cyt", "v"], times=[1800.0], rtol=1e-8)
    assert trace["na_cyt"][0, 0] == pytest.approx(45.0, abs=0.5)
    assert trace["k_cyt"][0, 0] == pytest.approx(103.0, abs=0.5)
    assert trace["v"][0, 0] == pytest.approx(-56.6, abs=0.1)
