"""The order of every method is a claim that is measured: fixed steps against a closed form and against a tight run."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim import _kernels
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate
from nkcell_sim.solver import COMPILED_METHODS

from .problems import problem

METHODS = _kernels.methods()
# steps a run: small enough for the leading term of the error, large enough for errors far above rounding
STEPS = {5: [32, 64, 128], 4: [64, 128, 256], 3: [256, 512, 1024]}


def claimed_order(method: str) -> int:
    return int(_kernels.tableau(method)["order"])


def slope(steps: list[int], errors: list[float]) -> float:
    """Slope of log(error) against log(step size)."""
    return float(-np.polyfit(np.log(steps), np.log(errors), 1)[0])


def test_the_names_of_the_settings_are_those_of_the_engine_with_the_default_first() -> None:
    assert list(COMPILED_METHODS) == ["rosenbrock", *METHODS]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        # a ramped drive: the equations depend on time inside the segment (df/dt term of the method)
        ("markov_scheme", Protocol(4.0).ramp(0.0, 4.0, drive=(0.0, 1.0))),
        # an exponentially relaxing input
        ("markov_scheme", Protocol(4.0).exchange(0.0, 2.0, drive=1.0)),
        # nonlinear, constant input
        ("buffer_relaxation", Protocol(0.02)),
    ],
)
def test_observed_order_is_within_0_2_of_the_claim(name: str, protocol: Protocol, method: str) -> None:
    cell, steps = problem(name), STEPS[claimed_order(method)]
    exact = simulate(cell, protocol, times=[], rtol=1e-13).final[0]
    runs = [simulate(cell, protocol, times=[], fixed_step=protocol.duration / n, method=method) for n in steps]
    assert abs(slope(steps, [np.max(np.abs(run.final[0] - exact)) for run in runs]) - claimed_order(method)) < 0.2


@pytest.mark.parametrize("method", METHODS)
def test_dense_output_between_steps_is_as_good_as_its_order_and_the_steps_allow(method: str) -> None:
    """A dense output of order q errs by h^(q+1) inside a step, on top of the h^p that the steps have gathered."""
    cell, end, steps = problem("markov_scheme"), 4.0, STEPS[claimed_order(method)]
    protocol = Protocol(end).ramp(0.0, end, drive=(0.0, 1.0))
    errors = []
    for count in steps:
        inside = (np.arange(count) + 0.3) * end / count
        exact = simulate(cell, protocol, record=["opened"], times=inside, rtol=1e-13)["opened"][0]
        got = simulate(cell, protocol, record=["opened"], times=inside, fixed_step=end / count, method=method)["opened"][0]
        errors.append(np.max(np.abs(got - exact)))
    expected = min(claimed_order(method), int(_kernels.tableau(method)["dense_order"]) + 1)
    assert abs(slope(steps, errors) - expected) < 0.2


@pytest.mark.parametrize("method", METHODS)
def test_the_default_is_the_first_method_and_names_choose_the_others(method: str) -> None:
    protocol = Protocol(0.02)
    named = simulate(problem("buffer_relaxation"), protocol, times=[], method=method)
    default = simulate(problem("buffer_relaxation"), protocol, times=[])
    assert (named.final.tobytes() == default.final.tobytes()) == (method == METHODS[0])
