"""The retry ladder: a run that failed numerically is tried again with other settings, one rung after another, inside its own budget.

Which failures a retry can cure was measured on random parameter sets over +-3 decades (see "Choose tolerances" in the documentation):

- ``non_finite_rhs``: a step into a region where an equation overflows. While slopes of Hill functions could overflow, the tighter rung cured 2 of 20
  such runs, both rightly; none of the random sets ends so any more. Retried.
- ``step_underflow``: a singularity of the equations, which stays one on every rung, or rounding that leaves no step small enough, which another
  sequence of steps can escape. Retried.
- ``out_of_range``, ``diverged``: the solution itself left the model's range; no rung changed that in a single one of them. Not retried.
- limits, ``cancelled``: the budget is used up or nobody wants the run any more. Not retried.

Every rung is at least as accurate as what was asked for, so that a cured run is never a worse one. A looser tolerance is not a rung: it
"cures" runs by stepping over their singularity.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .engine import Block, Jobs, Plan, integrate
from .execution import Execution
from .outcomes import RUNGS, STATUSES
from .solver import COMPILED_METHODS, LEAST_RTOL, SCIPY_METHODS, Solver

RETRIED = ("non_finite_rhs", "step_underflow")
_RETRIED_CODES = [STATUSES.index(status) for status in RETRIED]


@dataclass(frozen=True)
class Rung:
    """One change of settings: first steps and growth of steps as in :class:`Solver`, the tolerance divided by ``tightening``, another ``method``."""

    name: str
    first_step: float = 1e-3
    max_growth: float = 2.0
    tightening: float = 1.0
    method: str = ""

    def applied(self, solver: Solver) -> Solver:
        """The settings of this rung for a run that was asked for with ``solver``."""
        return replace(
            solver,
            first_step=min(solver.first_step, self.first_step),
            max_growth=min(solver.max_growth, self.max_growth),
            rtol=max(solver.rtol / self.tightening, min(solver.rtol, LEAST_RTOL)),
            method=self.method or solver.method,
            error_bars=False,
        )


def ladder(solver: Solver) -> tuple[Rung, ...]:
    """The rungs above the run as it was asked for; the last one needs a second method in the engine."""
    rungs = (Rung(RUNGS[1]), Rung(RUNGS[2], tightening=100.0))
    named: tuple[str, ...] = COMPILED_METHODS[1:]
    other = next((method for method in named if method != _kernel_method(solver)), "")
    return (*rungs, Rung(RUNGS[3], tightening=100.0, method=other)) if other else rungs


def _kernel_method(solver: Solver) -> str:
    """Name of the engine's method behind the solver's."""
    from . import _kernels

    return _kernels.methods()[0] if solver.method == COMPILED_METHODS[0] else solver.method


def retries(solver: Solver) -> bool:
    """Whether failed runs are tried again: not with fixed steps, and not by SciPy's methods, which are the cross-check."""
    return solver.retry and not solver.fixed_step and solver.method not in SCIPY_METHODS


def settings_on(rung: int, solver: Solver) -> Solver:
    """The settings that a run on a rung was integrated with (0: as asked)."""
    return ladder(solver)[rung - 1].applied(solver) if rung else solver


def climb(plan: Plan, jobs: Jobs, solver: Solver, execution: Execution) -> Block:
    """Integrate all jobs, and those that failed in a curable way again on each rung until they succeed or their budget is used up."""
    block = integrate(plan, jobs, solver, execution)
    if not retries(solver):
        return block
    failed = np.flatnonzero(np.isin(block.outcomes.codes, _RETRIED_CODES))
    if not len(failed):
        return block
    attempts = np.asarray(block.outcomes.attempts)
    attempts[failed, 0] = block.outcomes.codes[failed]
    quiet = replace(execution, on_progress=None)  # the runs were counted when they failed
    for number, rung in enumerate(ladder(solver), 1):
        failed = failed[_within_budget(block, failed, solver)]
        if block.interrupted or not len(failed):
            break
        again = integrate(plan, _with_spent(jobs, block, failed), rung.applied(solver), quiet)
        _enter(block, failed, again, number)
        failed = failed[~again.outcomes.ok]
    return block


def _within_budget(block: Block, rows: np.ndarray, solver: Solver) -> np.ndarray:
    """Which of the runs have steps and time left for another attempt."""
    left = _attempted(block, rows) < solver.max_steps
    if solver.max_seconds and block.seconds is not None:
        left &= block.seconds[rows] < solver.max_seconds
    return left


def _attempted(block: Block, rows: np.ndarray) -> np.ndarray:
    """Accepted and rejected steps of all attempts so far, without those that transitions of channels were granted."""
    steps = block.outcomes.column("steps")[rows] + block.outcomes.column("rejected")[rows]
    return np.asarray(steps if block.events is None else steps - block.events[rows, 1])


def _with_spent(jobs: Jobs, block: Block, rows: np.ndarray) -> Jobs:
    """Some of the jobs, each with what its earlier attempts took out of its budget."""
    seconds = None if block.seconds is None else block.seconds[rows]
    return replace(jobs.rows(rows), spent_steps=_attempted(block, rows), spent_seconds=seconds)


def _enter(block: Block, rows: np.ndarray, again: Block, number: int) -> None:
    """Write down an attempt: its status and work for all runs, its results for those that it cured."""
    outcomes, cured = block.outcomes, again.outcomes.ok
    np.asarray(outcomes.attempts)[rows, number] = again.outcomes.codes
    work = outcomes.counters[rows] + again.outcomes.counters
    tried = np.asarray(outcomes.attempts)[rows]
    if again.seconds is not None and block.seconds is not None:
        block.seconds[rows] = again.seconds  # counted from the first attempt
    granted = None if block.events is None or again.events is None else block.events[rows, 1] + again.events[:, 1]
    if cured.any():
        block.put(rows[cured], again.rows(cured))
        outcomes.rung[rows[cured]] = number
        outcomes.attempts[rows] = tried  # type: ignore[index]
    outcomes.counters[rows] = work
    if block.events is not None:
        block.events[rows, 1] = granted
    block.interrupted |= again.interrupted
