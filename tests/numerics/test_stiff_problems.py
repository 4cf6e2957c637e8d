"""Stiff reference problems against published end values, at the gates of the verification plan."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate

from .problems import STIFF, TOLERANCES, problem, relative_error


@pytest.mark.parametrize("name", STIFF)
def test_end_error_stays_below_its_gate_and_falls_with_the_tolerance(name: str) -> None:
    case = STIFF[name]
    errors = []
    for rtol, gate in zip(TOLERANCES, case.gates, strict=True):
        trace = simulate(problem(case.cell), Protocol(case.end), times=[], rtol=rtol).raise_for_status()
        errors.append(relative_error(trace.final[0], case.reference))
        assert errors[-1] < gate * rtol
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


def test_dense_output_is_of_fourth_order_between_steps() -> None:
    # y' = drive k (1 - y) ...: the three-state channel with a ramped drive, sampled at the middle of fixed steps
    cell, end = problem("markov_scheme"), 4.0
    protocol = Protocol(end).ramp(0.0, end, drive=(0.0, 1.0))
    errors, steps = [], np.array([16, 32, 64])
    for count in steps:
        middle = (np.arange(count) + 0.5) * end / count
        exact = simulate(cell, protocol, record=["opened"], times=middle, rtol=1e-13)["opened"][0]
        got = simulate(cell, protocol, record=["opened"], times=middle, fixed_step=end / count)["opened"][0]
        errors.append(np.max(np.abs(got - exact)))
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    # a dense output of order 4 has a local error of h^5; its sup over many steps with the order-5 step below it is between 4 and 5
    assert slope > 3.8
