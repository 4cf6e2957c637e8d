"""simulate(cells, protocol): a pure function from cells and what is done to them to traces; one path for one run and a million."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .channels import StochasticChannels
from .draws import Draws, Listed, Room, Table
from .engine import Block, Jobs, Plan
from .error_bars import Errors, error_bars
from .errors import ModelError, ParameterError, ProtocolError
from .execution import Execution
from .features import Reading
from .gating import Gating, resting_inputs, whole_numbers
from .ladder import climb
from .outcomes import Outcomes
from .protocol import CompiledProtocol, Protocol
from .solver import SCIPY_METHODS, Solver
from .trace import Trace
from .units import convert_from_kernel, from_kernel

if TYPE_CHECKING:
    from .model.cell import Cell
    from .model.composition import Composition

BLOCK_NUMBERS = 2**22  # recorded numbers in a block at most (32 MB), so that long recordings stay flat in memory
FEWEST = 64  # runs in a block at least: fewer leave lanes empty


def simulate(
    cells: Cell | Sequence[Cell] | Draws,
    protocol: Protocol | Sequence[Protocol],
    *,
    record: Sequence[str] = (),
    times: Any = None,
    features: Mapping[str, Reading] | None = None,
    channels: StochasticChannels | None = None,
    solver: Solver | None = None,
    execution: Execution | None = None,
    **options: Any,
) -> Trace:
    """Integrate one or many cells through a protocol and return what was recorded.

    ``cells`` is one cell, a list of cells of one kind, or :class:`Draws`, a table of parameter draws; ``protocol`` is one for all or one for each.
    ``record`` names states, flows, observables or inputs; ``times`` [s] are output times (default: 201 equally spaced), read from
    dense output, so that they never change a step. ``features`` {name: :class:`~nkcell_sim.features.Peak` and the like} are read while the engine
    integrates, from the continuous course and not from samples; ``Trace.features`` has them. ``channels`` lets channels open and close one by one
    (:class:`~nkcell_sim.channels.StochasticChannels`; without it their mean is integrated). ``execution`` says where the runs go (threads,
    instruction set) and never changes a bit. ``options`` are the fields of :class:`Solver` (``rtol=1e-8``). Runs that fail do not raise: see ``Trace.status``.
    """
    settings, where = Solver.chosen(solver, options), Execution.chosen(execution)
    task = _Task.of(cells, protocol, record=record, times=times, features=features, channels=channels, solver=settings, execution=where)
    return task.trace(0, len(task.group), task.joined())


def simulate_blocks(
    cells: Cell | Sequence[Cell] | Draws,
    protocol: Protocol | Sequence[Protocol],
    *,
    record: Sequence[str] = (),
    times: Any = None,
    features: Mapping[str, Reading] | None = None,
    channels: StochasticChannels | None = None,
    solver: Solver | None = None,
    execution: Execution | None = None,
    **options: Any,
) -> Iterator[Trace]:
    """Like :func:`simulate`, but yields a trace for every ``execution.block`` consecutive runs, so that memory does not grow with the number of runs.

    Ctrl-C raises unless ``execution.keep_interrupted``; then the block in hand is the last one and its unfinished runs are marked.
    """
    settings, where = Solver.chosen(solver, options), Execution.chosen(execution)
    task = _Task.of(cells, protocol, record=record, times=times, features=features, channels=channels, solver=settings, execution=where)
    return (task.trace(start, start + len(block.outcomes), block) for start, block in task.blocks())


@dataclass(frozen=True)
class _Task:
    """Everything that was asked, checked and resolved."""

    group: Listed | Draws
    protocols: tuple[Protocol, ...]
    protocol_of: np.ndarray  # (n_runs,), or (1,) when all follow the same
    plan: Plan
    times: np.ndarray
    record: tuple[str, ...]
    solver: Solver
    execution: Execution
    channels: StochasticChannels | None

    @classmethod
    def of(
        cls,
        cells: Cell | Sequence[Cell] | Draws,
        protocol: Protocol | Sequence[Protocol],
        *,
        record: Sequence[str],
        times: Any,
        features: Mapping[str, Reading] | None,
        channels: StochasticChannels | None,
        solver: Solver,
        execution: Execution,
    ) -> _Task:
        group = cells if isinstance(cells, Draws) else Listed(_cells(cells))
        _check_features(features)
        composition = _one_composition(group)
        if channels is not None:
            composition = _drawn_form(composition, channels, solver, len(group))
        protocols, protocol_of = assigned_protocols(protocol, group)
        if channels is not None:
            _check_driven(composition, protocols)
        when = _output_times(times, protocols)
        kinds, indices = _resolve_record(composition, record)
        plan = Plan(composition, kinds, indices, when * 1e3 if kinds else when[:0], dict(features or {}))
        plan.watched.check(min(p.duration for p in protocols))
        return cls(group, protocols, protocol_of, plan, when, tuple(record), solver, execution, channels)

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """Consecutive blocks with the position of their first run; a block that was interrupted is the last."""
        count, step = len(self.group), min(self.execution.block, max(FEWEST, BLOCK_NUMBERS // max(1, self.plan.size)))
        room = Room()
        for start in range(0, count, step):
            jobs = self.jobs(start, min(count, start + step), room)
            block = climb(self.plan, jobs, self.solver, self._reporting(start))
            if self.solver.error_bars and not block.interrupted:
                block.errors = error_bars(self.plan, jobs, block, self.solver, self.execution)
            if block.interrupted and not self.execution.keep_interrupted:
                raise KeyboardInterrupt
            yield start, block
            if block.interrupted:
                return

    def joined(self) -> Block:
        """All blocks as one; what an interrupt left out stays unknown."""
        joined = None
        try:
            for start, block in self.blocks():
                if len(block.outcomes) == len(self.group):
                    return block
                joined = joined or self.empty()
                joined.put(slice(start, start + len(block.outcomes)), block)
        except KeyboardInterrupt:
            if not self.execution.keep_interrupted:
                raise
        return joined or self.empty()

    def jobs(self, start: int, end: int, room: Room) -> Jobs:
        """The runs from ``start`` to before ``end`` as the engine takes them; each different pair of protocol and resting inputs is compiled once."""
        table = self.group.block(start, end, room)
        followed = self.protocol_of[start:end] if len(self.protocol_of) > 1 else np.broadcast_to(self.protocol_of, (end - start,))
        inputs = resting_inputs(self.plan.composition, table.inputs)
        pairs, of = np.unique(followed * len(table.inputs) + table.inputs_of, return_inverse=True)
        which, resting = np.divmod(pairs, len(table.inputs))
        compiled = self._compiled(which.tolist(), inputs[resting])
        return Jobs(table.states, table.parameters, of.reshape(-1), compiled, self.group[start:end], gating=self._gating(table, start, end))

    def _gating(self, table: Table, start: int, end: int) -> Gating | None:
        """The channels that are drawn in some of the runs."""
        if self.channels is None:
            return None
        composition = self.plan.composition
        return Gating.of(composition, whole_numbers(composition, table, start), self.channels.words[start:end], self.channels.tick_ms)

    def _compiled(self, which: Sequence[int], inputs: np.ndarray) -> tuple[CompiledProtocol, ...]:
        """Protocols for pairs of protocol and resting inputs; a resting input that the protocol does not drive only sets a level."""
        composition = self.plan.composition
        made: dict[tuple[int, bytes], CompiledProtocol] = {}
        found = []
        for p, resting in zip(which, inputs, strict=True):
            protocol = self.protocols[p]
            driven = [composition.input_index[name] for name in protocol.inputs if name in composition.inputs]
            key = (p, resting[driven].tobytes())
            if key not in made:
                made[key] = protocol.compile(composition, dict(zip(composition.inputs, resting, strict=True)))
            found.append(made[key].with_steady(resting, driven))
        return tuple(found)

    def _reporting(self, start: int) -> Execution:
        """The execution whose progress counts the runs of earlier blocks as well."""
        report = self.execution.on_progress
        return self.execution if report is None or not start else replace(self.execution, on_progress=lambda done: report(start + done))

    def empty(self) -> Block:
        """Room for all runs, none of them started."""
        count, composition = len(self.group), self.plan.composition
        records = np.full((count, len(self.record), len(self.plan.times)), np.nan)
        final = np.full((count, len(composition.states)), np.nan)
        features, errors = np.full((count, len(self.plan.features)), np.nan), Errors.unknown(self.plan, count) if self.solver.error_bars else None
        events = None if self.channels is None else np.zeros((count, 2), dtype=np.int64)
        return Block(records, final, Outcomes.waiting(count, tuple(composition.states)), features, errors=errors, events=events)

    def trace(self, start: int, end: int, block: Block) -> Trace:
        """The result of the runs from ``start`` to before ``end`` in declared units; failed runs are NaN."""
        units = {name: self.plan.composition.declarations[name].unit for name in self.record}
        failed = ~block.outcomes.ok
        values = {}
        for j, name in enumerate(self.record):
            values[name] = convert_from_kernel(block.records[:, j], units[name])
            values[name][failed] = np.nan
        cells = self.group[start:end] if (start, end) != (0, len(self.group)) else self.group
        parameters = {cells.label(key): values for key, values in cells.columns.items()} if isinstance(cells, Draws) else {}
        features, feature_units = self.plan.watched.converted(block.features), dict(zip(self.plan.features, self.plan.watched.units, strict=True))
        trace = Trace(self.times, values, units, block.outcomes, block.final, cells, parameters, features, feature_units)
        if block.events is not None:
            trace = replace(trace, transitions=block.events[:, 0], channel_numbers=self._numbers(start, end))
        return trace if block.errors is None else self._with_errors(trace, block.errors)

    def _numbers(self, start: int, end: int) -> dict[str, np.ndarray]:
        """Numbers of channels of some of the runs by scheme, (n_runs,) each."""
        composition = self.plan.composition
        return dict(zip(composition.schemes, whole_numbers(composition, self.group.block(start, end), start).T, strict=True))

    def _with_errors(self, trace: Trace, errors: Errors) -> Trace:
        """The trace with the error bars of its records and features, in declared units."""
        records = {name: from_kernel(errors.records[:, j], trace.units[name]) - from_kernel(0.0, trace.units[name]) for j, name in enumerate(self.record)}
        return replace(trace, record_errors=records, feature_errors=self.plan.watched.converted(errors.features, difference=True))


def _drawn_form(composition: Composition, channels: StochasticChannels, solver: Solver, runs: int) -> Composition:
    """The form of a cell whose channels are drawn; refuses what cannot be combined with that."""
    if not isinstance(channels, StochasticChannels):
        raise ParameterError(f"got channels = {channels!r:.60}; expected StochasticChannels(keys), one key a run", name="channels")
    if len(channels.keys) != runs:
        raise ParameterError(f"got {len(channels.keys)} keys for {runs} runs; expected one for each", name="keys")
    if solver.method in SCIPY_METHODS:
        raise ParameterError(f"got method {solver.method!r} with stochastic channels; only the compiled methods draw them (\"rosenbrock\")", name="method")
    if solver.error_bars:
        problem = "got error_bars with stochastic channels; a run at a tighter tolerance takes other decisions, so that the difference is no error"
        raise ParameterError(f"{problem}. Compare means of many runs, or the mean channels without `channels`", name="error_bars")
    return composition.drawn


def _check_driven(composition: Composition, protocols: Sequence[Protocol]) -> None:
    """Refuse protocols that drive what the channels drive."""
    taken = {key for scheme in composition.schemes.values() for key in scheme.drives}
    for protocol in protocols:
        for name in taken.intersection(protocol.inputs):
            raise ProtocolError(f"got a protocol that drives {name!r}, which the channels of the cell drive")


def _check_features(features: Any) -> None:
    """Refuse what is not a mapping from names to features."""
    if features is not None and not (isinstance(features, Mapping) and all(isinstance(name, str) and name for name in features)):
        raise ParameterError(f"got features = {features!r:.60}; expected a dict of names, for example {{'peak': nk.Peak('ca_cyt')}}", name="features")


def _cells(given: Any) -> Sequence[Cell]:
    """One cell, or the cells of a list."""
    from .model.cell import Cell

    cells = given if isinstance(given, Sequence) and not isinstance(given, str | bytes) else (given,)
    for i, cell in enumerate(cells):
        if not isinstance(cell, Cell):
            where = f" as cell {i}" if cells is given else ""
            raise ParameterError(f"got {type(cell).__name__}{where}; expected a cell, a list of cells, or Draws (a cell and a table)", name="cells")
    return cells


def _one_composition(group: Listed | Draws) -> Composition:
    if not len(group):
        raise ParameterError("got no cells; expected at least one", name="cells")
    names = {group.composition.name} if isinstance(group, Draws) else {c.composition.name for c in group}
    if len(names) > 1:
        raise ModelError(f"got cells of different kinds ({', '.join(sorted(names))}); simulate takes cells of one kind")
    return group.composition


def assigned_protocols(protocol: Protocol | Sequence[Protocol], group: Listed | Draws) -> tuple[tuple[Protocol, ...], np.ndarray]:
    """The different protocols, and which of them each run follows."""
    given = tuple(protocol) if isinstance(protocol, Sequence) and not isinstance(protocol, str) else (protocol,)
    for one in given:
        if not isinstance(one, Protocol):
            raise ProtocolError(f"got {one!r:.60} as the protocol; expected a Protocol, for example nk.Protocol('60 s'), or one for each cell")
    chosen = group.protocol_of if isinstance(group, Draws) else None
    if chosen is not None:
        if chosen.max() >= len(given):
            row = int(np.argmax(chosen >= len(given)))
            raise ProtocolError(f"row {row} of the draws follows protocol {chosen[row]}; {len(given)} were given, counted from 0")
        return given, chosen
    if not isinstance(protocol, Sequence):
        return given, np.zeros(1, dtype=np.intp)
    if len(given) != len(group):
        raise ProtocolError(f"got {len(given)} protocols for {len(group)} cells; expected one for all or one for each")
    where = {id(p): i for i, p in reversed(list(enumerate(given)))}
    first = sorted(set(where.values()))
    position = {i: k for k, i in enumerate(first)}
    return tuple(given[i] for i in first), np.array([position[where[id(p)]] for p in given], dtype=np.intp)


def _output_times(times: Any, protocols: Sequence[Protocol]) -> np.ndarray:
    end = min(p.duration for p in protocols)
    if times is None:
        return np.linspace(0.0, end, 201)
    try:
        when = np.atleast_1d(np.asarray(times, dtype=float))
    except (TypeError, ValueError) as error:
        raise ProtocolError(f"got output times {times!r:.60}; expected numbers in s, one ascending list") from error
    if when.ndim != 1 or not np.all(np.isfinite(when)) or np.any(np.diff(when) < 0.0):
        raise ProtocolError("output times are one ascending list of finite numbers [s]")
    if len(when) and (when[0] < 0.0 or when[-1] > end * (1.0 + 1e-12)):
        raise ProtocolError(f"got output times from {when[0]:g} to {when[-1]:g} s; expected them within the protocol, 0 to {end:g} s")
    return np.minimum(when, end)


def _resolve_record(composition: Composition, record: Sequence[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    tables = [list(composition.states), list(composition.outputs), list(composition.inputs)]
    where = {key: (kind, i) for kind, keys in enumerate(tables) for i, key in enumerate(keys)}
    kinds, indices = [], []
    if isinstance(record, str) or not isinstance(record, Iterable) or not all(isinstance(name, str) for name in record):
        raise ParameterError(f"got record = {record!r:.60}; expected a list of names, for example ['v', 'ca_cyt']", name="record")
    for name in record:
        if name not in where:
            close = difflib.get_close_matches(name, where, n=1, cutoff=0.4)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ParameterError(f"cell {composition.name!r} has no quantity {name!r} to record{hint}", name=name)
        kind, index = where[name]
        kinds.append(kind)
        indices.append(index)
    return tuple(kinds), tuple(indices)
