"""Integrates a block of runs: job arrays in, result arrays out, all in kernel units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .batch import run_batch, thread_count
from .errors import ModelError
from .execution import Execution
from .features import Reading
from .outcomes import Outcomes
from .protocol import CompiledProtocol
from .solver import SCIPY_METHODS, Solver, StateScales
from .watching import Watched

if TYPE_CHECKING:
    from .error_bars import Errors
    from .gating import Gating
    from .model.cell import Cell
    from .model.composition import Composition

DIVERGED = 1e12  # a state this many times its scale has left every physical range


@dataclass(frozen=True)
class Plan:
    """What all runs have in common: the composition, what is recorded (``kinds`` and ``indices``), at which times [ms], and the features to compute."""

    composition: Composition
    kinds: tuple[int, ...]
    indices: tuple[int, ...]
    times: np.ndarray
    features: Mapping[str, Reading] = field(default_factory=dict)

    @cached_property
    def watched(self) -> Watched:
        """The features as the engine takes them."""
        return Watched.of(self.composition, self.features)

    @property
    def size(self) -> int:
        """Numbers recorded per run."""
        return len(self.kinds) * max(1, len(self.times))


@dataclass(frozen=True)
class Jobs:
    """Runs to integrate: ``states`` (n_runs, n_states) at the start, ``parameters`` (n_runs, n_parameters), and ``protocol_of`` (n_runs,), which counts
    in ``protocols``. ``cells`` are the same runs as cells, for the slow methods; ``spent_steps`` and ``spent_seconds`` (n_runs,) are what earlier
    attempts took out of each run's budget. ``gating`` says which channels of the runs are drawn, if any."""

    states: np.ndarray
    parameters: np.ndarray
    protocol_of: np.ndarray
    protocols: tuple[CompiledProtocol, ...]
    cells: Sequence[Cell]
    spent_steps: np.ndarray | None = None
    spent_seconds: np.ndarray | None = None
    gating: Gating | None = None

    def __len__(self) -> int:
        return len(self.states)

    def rows(self, chosen: np.ndarray) -> Jobs:
        """Some of the runs (positions), to be integrated again with other settings."""
        cells = [self.cells[int(i)] for i in chosen] if isinstance(self.cells, list | tuple) else _Chosen(self.cells, chosen)
        spent = [None if column is None else column[chosen] for column in (self.spent_steps, self.spent_seconds)]
        of = self.protocol_of[chosen]
        gating = self.gating and self.gating.rows(chosen)
        return Jobs(self.states[chosen], self.parameters[chosen], of, self.protocols, cells, spent[0], spent[1], gating)


class _Chosen(Sequence["Cell"]):
    """Some cells of a longer sequence, built when they are asked for."""

    def __init__(self, cells: Sequence[Cell], chosen: np.ndarray) -> None:
        self._cells, self._chosen = cells, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: int) -> Cell:  # type: ignore[override]
        return self._cells[int(self._chosen[index])]


@dataclass
class Block:
    """What a block of runs came to: ``records`` (n_runs, n_records, n_times), ``final`` (n_runs, n_states), ``features`` (n_runs, n_features)."""

    records: np.ndarray
    final: np.ndarray
    outcomes: Outcomes
    features: np.ndarray
    interrupted: bool = False
    seconds: np.ndarray | None = None  # wall time of each run (n_runs,), where it is bounded
    errors: Errors | None = None  # of records and features, where they were asked for
    events: np.ndarray | None = None  # (n_runs, 2), where channels are drawn: transitions, and steps granted for them beyond the budget

    def put(self, rows: slice | np.ndarray, other: Block) -> None:
        """Replace some runs by their repetition."""
        self.records[rows], self.final[rows], self.features[rows] = other.records, other.final, other.features
        self.outcomes.put(rows, other.outcomes)
        self.interrupted |= other.interrupted
        if self.errors is not None and other.errors is not None:
            self.errors.put(rows, other.errors)
        if self.events is not None and other.events is not None:
            self.events[rows] = other.events

    def rows(self, chosen: np.ndarray) -> Block:
        """Some of the runs (positions or a mask)."""
        events = None if self.events is None else self.events[chosen]
        return Block(self.records[chosen], self.final[chosen], self.outcomes[chosen], self.features[chosen], self.interrupted, events=events)


def integrate(plan: Plan, jobs: Jobs, solver: Solver, execution: Execution) -> Block:
    """Integrate all jobs with one set of settings; may be called again for some of the rows with other settings."""
    if solver.method in SCIPY_METHODS:
        from .scipy_route import integrate_with_scipy

        return integrate_with_scipy(plan, jobs, solver)
    return _compiled(plan, jobs, solver, execution)


def _compiled(plan: Plan, jobs: Jobs, solver: Solver, execution: Execution) -> Block:
    from . import _kernels

    require_compiled(plan.composition)
    watched = plan.watched
    scales = StateScales.of(plan.composition)
    batch = _kernels.Batch(
        plan.composition.name,
        jobs.states,
        jobs.parameters,
        jobs.protocol_of,
        [_with_times(protocol, plan.times) for protocol in jobs.protocols],
        plan.kinds,
        plan.indices,
        rtol=solver.rtol,
        atol=solver.rtol * scales.scale,
        lower=scales.lower,
        upper=scales.upper,
        diverged=DIVERGED * scales.scale,
        max_steps=solver.max_steps,
        max_step_rate=solver.max_steps_per_second * 1e-3,
        max_seconds=solver.max_seconds,
        spent_steps=jobs.spent_steps,
        spent_seconds=jobs.spent_seconds,
        fixed_step=solver.fixed_step * 1e3,
        first_step=solver.first_step,
        max_growth=solver.max_growth,
        engine=execution.engine(),
        features=watched.table(),
        windows=[watched.windows(protocol) for protocol in jobs.protocols],
        watched_kind=watched.kinds,
        watched_index=watched.indices,
        channels=jobs.gating,
        method="" if solver.method == "rosenbrock" else solver.method,
    )
    completed = run_batch(batch, thread_count(len(jobs), execution.lanes(), execution.threads), execution.on_progress)
    codes, worst, rung = batch.status.astype(np.int8), batch.worst.astype(np.int32), np.zeros(len(jobs), dtype=np.int8)
    outcomes = Outcomes(codes, batch.t_end * 1e-3, worst, batch.counters, rung, tuple(plan.composition.states))
    events = None if jobs.gating is None else batch.events
    return Block(batch.records[:, :, : len(plan.times)], batch.y_end, outcomes, batch.features, not completed, batch.seconds, events=events)


def _with_times(protocol: CompiledProtocol, times: np.ndarray) -> tuple[CompiledProtocol, np.ndarray, np.ndarray]:
    segment = protocol.locate(times)
    return protocol, protocol.local(times, segment), segment


def require_compiled(composition: Composition) -> None:
    """Raise :class:`ModelError` when the engine was not built with this very composition."""
    from . import _kernels

    built = _kernels.models().get(composition.name)
    if built is None:
        raise ModelError(
            f"cell {composition.name!r} is not in the compiled engine; add it to nkcell_sim.model.cells.COMPOSITIONS and rebuild (pip install .), "
            'or call simulate(..., method="radau"), which needs no compiled cell'
        )
    if built["hash"] != composition.hash:
        raise ModelError(
            f"cell {composition.name!r} was edited after the engine was built (equations {composition.hash}, engine {built['hash']}); "
            "rebuild it (pip install .)"
        )
