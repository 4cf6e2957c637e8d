"""Numerical error of measures: the whole recording is repeated at a tighter tolerance, and every measure is read from both.

What was done to the cell before the recording (settling, incubation, washing) is not repeated: it is solved to 1e-9 or better.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..ladder import settings_on
from ..outcomes import Outcomes
from ..simulate import simulate
from .base import Array, Experiment, Feature

if TYPE_CHECKING:
    from ..execution import Execution
    from ..protocol import Protocol
    from ..solver import Solver
    from ..trace import Trace


def companion(trace: Trace, protocols: Sequence[Protocol], solver: Solver, execution: Execution | None = None) -> Trace:
    """The runs of a trace that are ok once more, each at a tolerance tighter than the one it was integrated with; NaN for the others."""
    values = {name: np.full_like(table, np.nan) for name, table in trace.values.items()}
    outcomes, final = Outcomes.waiting(len(trace.outcomes), trace.outcomes.names), np.full_like(trace.final, np.nan)
    for rung in np.unique(trace.outcomes.rung[trace.outcomes.ok]).tolist():
        rows = np.flatnonzero(trace.outcomes.ok & (trace.outcomes.rung == rung))
        settings = replace(settings_on(rung, solver).tighter(), error_bars=False)
        cells, followed = [trace.cells[int(i)] for i in rows], [protocols[int(i)] for i in rows]
        again = simulate(cells, followed, record=list(trace.values), times=trace.time, solver=settings, execution=execution)
        for name, table in again.values.items():
            values[name][rows] = table
        final[rows] = again.final
        outcomes.put(rows, again.outcomes)
    return replace(trace, values=values, outcomes=outcomes, final=final)


def measure_errors(experiment: Experiment, features: Mapping[str, Feature], repeated: Trace) -> dict[str, Array]:
    """Absolute difference of every feature from the same feature of the repeated recording; NaN where one of the two does not exist."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NaN rows have no largest value
        tighter = experiment.features(repeated)
    return {name: np.abs(f.values - tighter[name].values) for name, f in features.items() if name in tighter}
