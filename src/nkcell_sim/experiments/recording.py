"""One recording as it ideally is and as an instrument sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..simulate import simulate
from .sweeps import positions

if TYPE_CHECKING:
    from ..channels import StochasticChannels
    from ..execution import Execution
    from ..model.cell import Cell
    from ..solver import Solver
    from ..trace import Trace
    from .base import Array, Experiment


@dataclass(frozen=True)
class Recording:
    """``ideal`` is the trace without an instrument, ``observed`` what the instrument shows (None without one)."""

    ideal: Trace
    observed: Trace | None


def record(
    experiment: Experiment,
    prepared: Sequence[Cell],
    streams: Sequence[np.random.Generator],
    *,
    solver: Solver,
    execution: Execution | None = None,
    channels: StochasticChannels | None = None,
) -> Recording:
    """Run an experiment on cells that ``experiment.ideal.prepare_all`` made ready, once, or twice if the cell feels the instrument.

    ``channels`` open and close by chance in both, by the same random numbers. The ideal trace has the times and, bit for bit, the numbers of the same
    experiment without its instrument.
    """
    ideal = experiment.ideal
    rigged = experiment.equipped(prepared)
    felt = any(a is not b for a, b in zip(rigged, prepared, strict=True)) or experiment.protocol() != ideal.protocol()

    def run(setup: Experiment, cells: Sequence[Cell]) -> Trace:
        return simulate(cells, setup.protocol(), record=setup.record, times=setup.times(), solver=solver, execution=execution, channels=channels)

    trace = run(experiment, rigged)
    observed = experiment.observed(trace, streams)
    if observed is None:
        return Recording(trace, None)
    return Recording(run(ideal, prepared) if felt else at_times(trace, ideal.times()), observed)


def at_times(trace: Trace, times: Array) -> Trace:
    """The trace at some of its own times [s]; ValueError if it lacks one."""
    kept = positions(trace.time, times)
    return replace(trace, time=times, values={name: np.ascontiguousarray(table[:, kept]) for name, table in trace.values.items()})
