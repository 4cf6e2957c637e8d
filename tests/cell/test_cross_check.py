"""The main experiments against SciPy's Radau on the NumPy twin: another method, another implementation of the equations."""

from __future__ import annotations

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.experiments.base import Experiment

# Measured quantities agree to 1e-6 of their largest value; Radau runs at 1e-10, where its own error is far below.
GATE = 1e-6


def largest_difference(experiment: Experiment, cell: nk.Cell, protocol: nk.Protocol, times: np.ndarray) -> dict[str, float]:
    prepared = experiment.prepare(cell)
    record = list(experiment.record)
    ours = nk.simulate(prepared, protocol, record=record, times=times, rtol=1e-8).raise_for_status()
    theirs = nk.simulate(prepared, protocol, record=record, times=times, rtol=1e-10, method="radau").raise_for_status()
    return {k: float(np.max(np.abs(ours[k] - theirs[k])) / np.max(np.abs(theirs[k]))) for k in record}


def patient() -> nk.Cell:
    cell = nk.primary_nk_cell().with_phenotype("me_cfs")
    return cell.with_state(cell.initial_state())


@pytest.mark.slow
def test_whole_imaging_protocol_equals_radau() -> None:
    imaging = nk.CalciumImaging(ntx_in_bath="kept")
    differences = largest_difference(imaging, patient(), imaging.protocol(), imaging.times())
    assert {k: d for k, d in differences.items() if d > GATE} == {}


@pytest.mark.slow
def test_whole_patch_clamp_protocol_equals_radau() -> None:
    patch = nk.PatchClamp(ntx_in_bath="kept")
    differences = largest_difference(patch, patient(), patch.protocol(), patch.times())
    assert {k: d for k, d in differences.items() if d > GATE} == {}


@pytest.mark.parametrize("method", ["radau", "bdf", "lsoda"])
def test_each_scipy_method_agrees_on_a_short_stimulus(method: str) -> None:
    protocol = nk.Protocol(20.0).exchange(2.0, 1.0, pregs="50 uM").pulse(10.0, 2.0, k_out="20 mM")
    times = np.linspace(0.0, 20.0, 81)
    record = ["v", "ca_cyt", "TRPM3.i", "pregs"]
    ours = nk.simulate(patient(), protocol, record=record, times=times, rtol=1e-9)
    theirs = nk.simulate(patient(), protocol, record=record, times=times, rtol=1e-8, method=method)
    for key in record:
        # global error of a multistep run at 1e-8: some hundreds of times its tolerance
        assert np.max(np.abs(ours[key] - theirs[key])) < 1e-5 * np.max(np.abs(ours[key]))
