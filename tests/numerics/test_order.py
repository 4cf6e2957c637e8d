"""The order of the method is a claim that is measured: fixed steps against a closed form and against a tight run."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate

from .problems import problem

CLAIMED_ORDER = 5


def observed_order(name: str, protocol: Protocol, steps: list[int]) -> float:
    """Slope of log(end error) against log(step)."""
    cell = problem(name)
    exact = simulate(cell, protocol, times=[], rtol=1e-13).final[0]
    errors = [np.max(np.abs(simulate(cell, protocol, times=[], fixed_step=protocol.duration / n).final[0] - exact)) for n in steps]
    return float(-np.polyfit(np.log(steps), np.log(errors), 1)[0])


@pytest.mark.parametrize(
    ("name", "protocol", "steps"),
    [
        # a ramped drive: the equations depend on time inside the segment (df/dt term of the method)
        ("markov_scheme", Protocol(4.0).ramp(0.0, 4.0, drive=(0.0, 1.0)), [32, 64, 128]),
        # an exponentially relaxing input
        ("markov_scheme", Protocol(4.0).exchange(0.0, 2.0, drive=1.0), [32, 64, 128]),
        # nonlinear, constant input
        ("buffer_relaxation", Protocol(0.02), [32, 64, 128]),
    ],
)
def test_observed_order_is_within_0_2_of_the_claim(name: str, protocol: Protocol, steps: list[int]) -> None:
    assert abs(observed_order(name, protocol, steps) - CLAIMED_ORDER) < 0.2
