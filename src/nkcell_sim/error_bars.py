"""Error bars: every run is repeated at a tighter tolerance, and the difference is kept beside what it belongs to.

The difference estimates the error of the looser run: the companion's own error is smaller by about the ratio of the tolerances. It covers the
integration, not the equations, and not what was done to the cell before the recording.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np

from .engine import Block, Jobs, Plan
from .execution import Execution
from .ladder import climb, settings_on
from .solver import Solver


@dataclass
class Errors:
    """Differences between runs and their companions, kernel units: ``records`` (n_runs, n_records), the largest over time, and ``features``
    (n_runs, n_features); NaN where a run or its companion failed or no tighter tolerance is left."""

    records: np.ndarray
    features: np.ndarray

    @classmethod
    def unknown(cls, plan: Plan, count: int) -> Errors:
        """No error known yet."""
        return cls(np.full((count, len(plan.kinds)), np.nan), np.full((count, len(plan.features)), np.nan))

    def put(self, rows: slice | np.ndarray, other: Errors) -> None:
        """Enter the errors of some runs."""
        self.records[rows], self.features[rows] = other.records, other.features


def error_bars(plan: Plan, jobs: Jobs, block: Block, solver: Solver, execution: Execution) -> Errors:
    """Repeat the runs of a block that are ok, each tighter than the rung of the retry ladder that it ended on."""
    found = Errors.unknown(plan, len(jobs))
    quiet = replace(execution, on_progress=None)
    for rung in np.unique(block.outcomes.rung[block.outcomes.ok]).tolist():
        rows = np.flatnonzero(block.outcomes.ok & (block.outcomes.rung == rung))
        settings = settings_on(rung, solver)
        tighter = settings.tighter()
        if not tighter.rtol < settings.rtol:
            continue  # a rung at the tightest tolerance: the same run again would show an error of 0
        companion = climb(plan, jobs.rows(rows), tighter, quiet)
        found.put(rows, _differences(block.rows(rows), companion))
        block.interrupted |= companion.interrupted
    return found


def _differences(run: Block, companion: Block) -> Errors:
    errors = Errors(_largest(run.records, companion.records), np.abs(run.features - companion.features))
    failed = ~companion.outcomes.ok
    errors.records[failed] = np.nan
    errors.features[failed] = np.nan
    return errors


def _largest(run: np.ndarray, companion: np.ndarray) -> np.ndarray:
    """Largest absolute difference over time; NaN without times, or where a time has a number in one of the two only."""
    if not run.shape[2]:
        return np.full(run.shape[:2], np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a quantity that is nowhere a number
        largest = np.asarray(np.nanmax(np.abs(run - companion), axis=2))
    return np.where((np.isnan(run) ^ np.isnan(companion)).any(axis=2), np.nan, largest)
