"""Stiff reference problems against published end values, at the gates of the verification plan."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nkcell_sim import _kernels
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate

from .problems import STIFF, TOLERANCES, problem, relative_error


@pytest.mark.parametrize("method", _kernels.methods())
@pytest.mark.parametrize("name", STIFF)
def test_end_error_stays_below_its_gate_and_falls_with_the_tolerance(name: str, method: str) -> None:
    case = STIFF[name]
    # the methods of order 3 are offered for loose tolerances and gather more error: four times the gate that the others keep
    allowance = 4.0 if _kernels.tableau(method)["order"] == 3 else 1.0
    errors = []
    for rtol, gate in zip(TOLERANCES, case.gates, strict=True):
        trace = simulate(problem(case.cell), Protocol(case.end), times=[], rtol=rtol, method=method).raise_for_status()
        errors.append(relative_error(trace.final[0], case.reference))
        assert errors[-1] < allowance * gate * rtol
    # the references carry 13 to 16 digits: below 1e-12 an error may be the reference's own
    assert all(later < earlier or later < 1e-12 for earlier, later in itertools.pairwise(errors))


@pytest.mark.parametrize("name", ["HIRES", "OREGO", "ROBER 40", "ROBER 1e5", "VDPOL"])
def test_samples_are_the_same_bits_for_any_number_of_output_points(name: str) -> None:
    case = STIFF[name]
    cell = problem(case.cell)
    keys = list(cell.composition.states)
    # 11 and 101 points are subsets of 10 001
    fine = np.linspace(0.0, case.end, 10_001)
    traces = {n: simulate(cell, Protocol(case.end), record=keys, times=fine[:: 10_000 // (n - 1)]) for n in (11, 101, 10_001)}
    for key in keys:
        dense = traces[10_001][key][0]
        for n in (11, 101):
            assert np.array_equal(traces[n][key][0], dense[:: 10_000 // (n - 1)])
    assert len({t.final.tobytes() for t in traces.values()}) == 1
    assert len({t.outcomes[0] for t in traces.values()}) == 1
