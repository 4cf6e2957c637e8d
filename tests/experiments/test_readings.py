"""What the engine reads of a recording equals what the rig measures on its samples."""

from __future__ import annotations

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.experiments import CalciumImaging, PatchClamp
from nkcell_sim.experiments.base import Array, Experiment, Feature
from nkcell_sim.simulate import simulate
from nkcell_sim.trace import Trace


def both(experiment: Experiment) -> tuple[Trace, dict[str, Feature]]:
    """A recording of two cells with the engine's readings, and the rig's measures on its samples."""
    cells = experiment.prepare_all([nk.primary_nk_cell(), nk.primary_nk_cell().set({"TRPM3.density": 0.6})])
    trace = simulate(cells, experiment.protocol(), record=experiment.record, times=experiment.times(), features=experiment.readings())
    return trace, experiment.features(trace)


@pytest.fixture(scope="module", params=["f_over_f0", "ratio"])
def imaging(request: pytest.FixtureRequest) -> tuple[CalciumImaging, Trace, dict[str, Feature]]:
    rig = CalciumImaging(ntx_in_bath="kept", baseline="10 s", application="60 s", recovery="120 s", sampling="0.1 s", readout=request.param)
    return rig, *both(rig)


def sampled(rig: CalciumImaging, trace: Trace) -> dict[str, tuple[Array, float, float]]:
    """Per kind of signal: its samples in the unit of the readings, and the rig's measures over the readings of size and area."""
    light = rig.fluorescence(trace)
    if rig.readout == "ratio":
        return {"ca": (trace["ca_cyt"], 1e3, 1.0), "ratio": (light, 1.0, 1.0)}
    free = 1.0 + (rig.brightness - 1.0) * trace["Dye.fraction"]
    return {"ca": (trace["ca_cyt"], 1e3, 1.0), "f": (free, 1.0, 1.0)}


def test_sizes_and_times_of_a_rise_are_the_rigs_to_within_its_frames(imaging: tuple[CalciumImaging, Trace, dict[str, Feature]]) -> None:
    rig, trace, measured = imaging
    read, step = trace.features, rig.sampling
    for name, (y, unit, _) in sampled(rig, trace).items():
        size = "light" if name == "f" else name
        over = unit / (read["light_baseline"] if name == "f" else 1.0)
        inside = y[:, (trace.time >= rig.onset) & (trace.time <= rig.offset)]
        # frames miss a peak by at most half an interval at the steepest slope seen
        missed = 0.5 * np.max(np.abs(np.diff(inside)), axis=1)
        top = measured[f"{name}_amplitude"].values - read[f"{size}_amplitude"] * over
        assert np.all(top <= 1e-9 * unit)
        assert np.all(-top <= missed * over)
        # trapezia are off by h^2/12 times the change of slope, of which second differences see h each; twice that for what lies between frames
        bend = 2.0 * step / 12.0 * np.sum(np.abs(np.diff(inside, 2)), axis=1) + step * missed
        assert np.all(np.abs(measured[f"{name}_area"].values - read[f"{size}_area"] * over) <= bend * over)
        # a level is passed in the same interval or, since the sampled peak is a little lower, in the one before
        for of in ("half_time", "decay_half_time", "time_to_peak"):
            assert read[f"{name}_{of}"] == pytest.approx(measured[f"{name}_{of}"].values, abs=step, nan_ok=True), of


def test_levels_at_edges_are_the_recorded_ones(imaging: tuple[CalciumImaging, Trace, dict[str, Feature]]) -> None:
    _, trace, measured = imaging
    # the same polynomial of a state at the same time, summed in another order
    assert trace.features["ca_baseline"] * 1e3 == pytest.approx(measured["ca_baseline"].values, rel=1e-12)
    assert trace.features["ca_end"] * 1e3 == pytest.approx(measured["ca_end"].values, rel=1e-12)
    for name in ("na_max", "v_max"):
        y = trace[name.removesuffix("_max") + ("_cyt" if name == "na_max" else "")]
        higher = trace.features[name] - measured[name].values
        assert np.all(higher >= -1e-9)
        assert np.all(higher <= np.max(np.abs(np.diff(y)), axis=1))


@pytest.fixture(scope="module")
def patch() -> tuple[Trace, dict[str, Feature]]:
    return both(PatchClamp(ntx_in_bath="kept", break_in="20 s", application="30 s", wash="10 s", block="10 s", acute_ntx="100 nM", acute_time="10 s"))


def test_currents_on_ramps_are_the_rigs_in_every_phase(patch: tuple[Trace, dict[str, Feature]]) -> None:
    trace, measured = patch
    shared = sorted(trace.features.keys() & measured.keys())
    assert shared == ["acute_ntx_change", "ononetin_residual", *(f"pregs_{i}_{of}" for i in (1, 2) for of in ("end_inward", "end_outward", "outward"))]
    for name in shared:
        # (v_cmd - v)/R_s is linear in a quartic and a line, so that five points of a step give it exactly: what is left is rounding of 100 mV / 15 MOhm = 7 nA
        assert trace.features[name] == pytest.approx(measured[name].values, abs=1e-8), name


def test_the_current_of_the_last_ramp_before_the_drugs_has_the_ramps_capacitive_current_in_it(patch: tuple[Trace, dict[str, Feature]]) -> None:
    trace, measured = patch
    capacitive = np.array([cell.parameter("cm") for cell in trace.cells]) * 2.0  # pF times 2 mV/ms
    for side in ("outward", "inward"):
        assert trace.features[f"baseline_measured_{side}"] - capacitive == pytest.approx(measured[f"baseline_{side}"].values, abs=1e-8)


def test_readings_that_the_protocol_does_not_allow_are_left_out() -> None:
    assert "ca_decay_half_time" not in CalciumImaging(ntx_in_bath="kept", recovery=0.0).readings()
    below = PatchClamp(ntx_in_bath="kept", holding="-120 mV", ononetin=0.0).readings()
    assert "pregs_1_outward" not in below
    assert "pregs_1_end_outward" in below
    assert "ononetin_residual" not in below
