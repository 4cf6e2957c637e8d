"""The retry ladder: only what can be cured is tried again, inside the run's own budget, and everything is written down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nkcell_sim import ladder
from nkcell_sim.engine import Block, Jobs, Plan, integrate
from nkcell_sim.execution import Execution
from nkcell_sim.model.cells import primary_nk_cell
from nkcell_sim.outcomes import RUNGS, STATUSES, Outcome, Outcomes
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate
from nkcell_sim.solver import LEAST_RTOL, Solver

from .problems import problem
from .test_failures import CASES

COMPOSITION = problem("blow_up").composition
PLAN = Plan(COMPOSITION, (0,), (0,), np.array([1.0]))


def jobs(count: int) -> Jobs:
    """Jobs that no engine sees; the start state tells them apart."""
    return Jobs(np.arange(count, dtype=float)[:, None], np.zeros((count, 1)), np.zeros(count, dtype=int), (), [problem("blow_up")] * count)


Script = Callable[[int, Solver, int], Outcome]


def scripted(monkeypatch: pytest.MonkeyPatch, script: Script) -> list[tuple[list[int], Solver]]:
    """Put a script in place of the engine: what a run comes to, by run, settings and steps already spent; returns the calls made."""
    calls: list[tuple[list[int], Solver]] = []

    def integrate(plan: Plan, given: Jobs, solver: Solver, execution: Execution) -> Block:
        runs = given.states[:, 0].astype(int).tolist()
        spent = [0] * len(runs) if given.spent_steps is None else given.spent_steps.tolist()
        calls.append((runs, solver))
        outcomes = Outcomes.of([script(run, solver, s) for run, s in zip(runs, spent, strict=True)], ("y",))
        value = np.array(runs) + solver.rtol
        return Block(value[:, None, None].copy(), value[:, None].copy(), outcomes, np.empty((len(runs), 0)))

    monkeypatch.setattr(ladder, "integrate", integrate)
    return calls


def ended(status: str, steps: int = 100, rejected: int = 0) -> Outcome:
    return Outcome(status, 1.0, "" if status == "ok" else "y", steps, rejected, 8 * steps, steps)


def test_a_run_climbs_until_a_rung_cures_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = scripted(monkeypatch, lambda run, s, spent: ended("ok") if run != 1 or s.rtol < 1e-7 else ended("non_finite_rhs", 40, 2))
    block = ladder.climb(PLAN, jobs(3), Solver(), Execution())
    assert [runs for runs, _ in calls] == [[0, 1, 2], [1], [1]]
    cured = block.outcomes[1]
    assert (cured.status, cured.rung, cured.attempts) == ("ok", 2, ("non_finite_rhs", "non_finite_rhs", "ok"))
    # the work is that of all attempts, the numbers are those of the last
    assert (cured.steps, cured.rejected, cured.rhs) == (40 + 40 + 100, 4, 8 * 180)
    assert block.records[1, 0, 0] == 1.0 + 1e-8
    assert [block.outcomes[i] for i in (0, 2)] == [ended("ok"), ended("ok")]


def test_a_run_that_nothing_cures_is_reported_as_it_failed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, lambda run, s, spent: ended("step_underflow", 30) if s.rtol == 1e-6 else ended("out_of_range", 50))
    outcome = ladder.climb(PLAN, jobs(1), Solver(), Execution()).outcomes[0]
    assert (outcome.status, outcome.rung, outcome.worst) == ("step_underflow", 0, "y")
    assert outcome.attempts[:3] == ("step_underflow", "step_underflow", "out_of_range")
    assert "as asked: step_underflow, small first steps: step_underflow, tighter tolerance: out_of_range" in str(outcome)


@pytest.mark.parametrize("status", [s for s in STATUSES if s not in ladder.RETRIED])
def test_what_no_retry_can_cure_is_not_tried_again(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = scripted(monkeypatch, lambda run, s, spent: ended(status))
    outcome = ladder.climb(PLAN, jobs(2), Solver(), Execution()).outcomes[0]
    assert (len(calls), outcome.rung, outcome.attempts) == (1, 0, ())


def test_all_attempts_together_stay_inside_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(run: int, solver: Solver, spent: int) -> Outcome:
        left = solver.max_steps - spent
        return ended("step_underflow", 60) if left > 60 else ended("step_limit", left)

    calls = scripted(monkeypatch, script)
    outcome = ladder.climb(PLAN, jobs(1), Solver(max_steps=100), Execution()).outcomes[0]
    assert (outcome.status, outcome.steps, outcome.attempts) == ("step_underflow", 100, ("step_underflow", "step_limit"))
    assert len(calls) == 2


def test_switched_off_means_one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = scripted(monkeypatch, lambda run, s, spent: ended("step_underflow"))
    for solver in (Solver(retry=False), Solver(fixed_step=1e-3), Solver(method="bdf")):
        ladder.climb(PLAN, jobs(1), solver, Execution())
    assert len(calls) == 3


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-12, 1e-14])
def test_no_rung_is_less_accurate_than_what_was_asked_for(rtol: float) -> None:
    rungs = ladder.ladder(Solver(rtol=rtol))
    assert [r.name for r in rungs] == list(RUNGS[1 : len(rungs) + 1])
    for number, _ in enumerate(rungs, 1):
        settings = ladder.settings_on(number, Solver(rtol=rtol))
        assert min(rtol, LEAST_RTOL) <= settings.rtol <= rtol
        assert settings.first_step < 1.0


@pytest.mark.parametrize("case", CASES)
def test_the_reference_failures_keep_their_outcomes(case: str) -> None:
    name, protocol, outcome, when = CASES[case]
    with_retry, without = (simulate(problem(name), protocol, times=[], retry=retry).outcomes[0] for retry in (True, False))
    assert (with_retry.status, with_retry.time_reached, with_retry.worst) == (without.status, without.time_reached, without.worst)
    assert with_retry.status == outcome
    assert with_retry.time_reached == pytest.approx(when, abs=1e-4)


def test_retries_give_the_same_bits_alone_in_any_batch_and_on_any_threads() -> None:
    # every other run is driven into the pole of its equation and tried again on every rung; the others pass it by
    cells = [problem("singular_in_time").with_state({"y": 0.01 * i}) for i in range(60)]
    protocols = [Protocol(2.0).ramp(0.0, 2.0, x=(0.0, 2.0)) if i % 2 else Protocol(2.0) for i in range(60)]
    options = {"record": ["y"], "times": [0.5, 2.0]}
    together = simulate(cells, protocols, **options)
    assert [bool(o.attempts) for o in together.outcomes] == [bool(i % 2) for i in range(60)]
    for execution in (Execution(threads=1), Execution(threads=8), Execution(isa="portable", threads=2), Execution(block=7)):
        again = simulate(cells[::-1], protocols[::-1], execution=execution, **options)
        assert list(again.outcomes)[::-1] == list(together.outcomes)
        assert again.final[::-1].tobytes() == together.final.tobytes()
        assert again["y"][::-1].tobytes() == together["y"].tobytes()
    for i in (0, 1, 58, 59):
        alone = simulate(cells[i], protocols[i], **options)
        assert alone.outcomes[0] == together.outcomes[i]
        assert alone.final[0].tobytes() == together.final[i].tobytes()


def test_a_budget_in_steps_per_simulated_second_stops_a_run_that_creeps() -> None:
    # fixed steps of 1 us are a million a second of simulated time; 1000 are free, so the run ends after 1000/(1 - 0.1) of them
    outcome = simulate(problem("oregonator"), Protocol(360.0), times=[], fixed_step=1e-6, max_steps_per_second=1e5).outcomes[0]
    assert outcome.status == "step_rate_limit"
    assert outcome.steps == pytest.approx(1000 / 0.9, abs=2)
    assert outcome.time_reached == pytest.approx(outcome.steps * 1e-6, rel=1e-9)


def test_the_scipy_route_keeps_to_the_rate_too() -> None:
    # each of the 500 pulses costs several steps, 1 ms apart
    protocol = Protocol(1.0)
    for k in range(500):
        protocol = protocol.pulse(1e-3 + 1e-3 * k, 1e-5, i_cmd=1e3)
    outcome = simulate(problem("passive_membrane"), protocol, times=[], method="lsoda", max_steps_per_second=100.0).outcomes[0]
    assert (outcome.status, outcome.steps > 1000) == ("step_rate_limit", True)


def test_a_rate_that_is_kept_costs_nothing_however_long_the_run() -> None:
    # fixed steps of 10 ms, 100 a second for 100 s: ten times the free allowance in all
    settings = {"times": [], "fixed_step": 1e-2}
    held = simulate(problem("passive_membrane"), Protocol(100.0), max_steps_per_second=101.0, **settings)
    assert (held.status, held.outcomes[0].steps) == (["ok"], 10_000)
    assert simulate(problem("passive_membrane"), Protocol(100.0), max_steps_per_second=50.0, **settings).status == ["step_rate_limit"]


def test_short_segments_do_not_trip_the_rate() -> None:
    # twenty pulses of 1 us: each costs a few steps, thousands per simulated second, and all of them fit into the free allowance
    protocol = Protocol(10.0)
    for k in range(20):
        protocol = protocol.pulse(0.1 + 0.4 * k, 1e-6, i_cmd=1e3)
    cell = primary_nk_cell()
    cell = cell.with_state(cell.initial_state())
    free = simulate(cell, protocol, times=[])
    bound = simulate(cell, protocol, times=[], max_steps_per_second=50.0)
    assert (free.status, bound.status) == (["ok"], ["ok"])
    assert free.final.tobytes() == bound.final.tobytes()


def test_wall_time_and_steps_are_one_budget_for_all_attempts() -> None:
    # 4 s of 3 are gone before the second run starts, 990 of 1000 steps before the third: only the first has its whole budget
    cell, protocol = problem("oregonator"), Protocol(5.0)
    states = np.repeat(cell.initial_state()[None], 3, axis=0)
    parameters = np.repeat(cell.parameter_vector()[None], 3, axis=0)
    spent = {"spent_steps": np.array([0, 0, 990]), "spent_seconds": np.array([0.0, 4.0, 0.0])}
    batch = Jobs(states, parameters, np.zeros(3, dtype=int), (protocol.compile(cell.composition),), [cell] * 3, **spent)
    plan = Plan(cell.composition, (), (), np.zeros(0))
    block = integrate(plan, batch, Solver(max_seconds=3.0, max_steps=1000), Execution())
    assert block.outcomes.status == ["ok", "time_limit", "step_limit"]
    assert block.outcomes[2].steps + block.outcomes[2].rejected == 10
    assert block.seconds is not None
    assert block.seconds[1] > 4.0
    rows = batch.rows(np.array([2, 1]))
    assert (rows.spent_steps.tolist(), rows.spent_seconds.tolist()) == ([990, 0], [0.0, 4.0])
