"""Simulates draws block by block into one HDF5 file, so that memory does not grow with the number of runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..batch import thread_count
from ..draws import Draws
from ..errors import ParameterError, ResultsError
from ..execution import Execution
from ..outcomes import COUNTERS, RUNGS, STATUSES
from ..protocol import Protocol
from ..provenance import collect
from ..simulate import assigned_protocols, simulate_blocks
from ..solver import Solver
from ..trace import Trace
from ..units import from_kernel
from .ensemble import Ensemble
from .layout import ENSEMBLE, Group, Variable, index, numbers, text
from .origin import event_table, file_attributes, provenance_group
from .target import Place, replacing, uninterrupted
from .writer import CHUNK_VALUES, Disk, new_file, write_group

# Runs in a chunk of a file at most; a block of the engine then fills whole chunks.
CHUNK_RUNS = 4096
UNFINISHED = (STATUSES.index("cancelled"), STATUSES.index("not_run"))


def simulate_to_file(
    draws: Draws,
    protocol: Protocol | Sequence[Protocol],
    path: str | os.PathLike[str],
    *,
    record: Sequence[str] = (),
    times: Any = None,
    features: Mapping[str, Any] | None = None,
    final_state: bool = False,
    title: str = "",
    solver: Solver | None = None,
    execution: Execution | None = None,
    **options: Any,
) -> Ensemble:
    """Simulate draws into an HDF5 file and return it, opened lazily; memory stays flat however many runs there are.

    Arguments are those of :func:`~nkcell_sim.simulate.simulate`; ``final_state`` keeps every run's last state as well. The file holds one number a run
    along the dimension ``run`` for each drawn column and feature, the status and the work done, and recorded quantities over ``run`` and ``time``. It is
    written beside ``path`` and takes that name when it is complete. After Ctrl-C the runs that were finished stay readable in
    ``path`` with ``.part`` added, marked incomplete (with ``execution.keep_interrupted`` that file is returned; else ``KeyboardInterrupt`` names it).
    """
    if not isinstance(draws, Draws):
        raise ParameterError(f"got {type(draws).__name__}; simulate_to_file takes Draws, a cell and a table (a list of cells fits a Study)", name="draws")
    solver, execution = Solver.chosen(solver, options), Execution.chosen(execution)
    kept = replace(execution, keep_interrupted=True)
    blocks = simulate_blocks(draws, protocol, record=record, times=times, features=features, solver=solver, execution=kept)
    started = time.perf_counter()
    with replacing(path) as place, _growing(place) as (file, disk):
        store = _Store(file, draws, final_state=final_state, features=dict(features or {}))
        complete = _streamed(blocks, store, disk)
        threads = thread_count(len(draws), execution.lanes(), execution.threads)
        models = {draws.composition.name: draws.composition.hash}
        origin = collect(models=models, solver=asdict(solver), runs=store.finished, elapsed=time.perf_counter() - started, threads=threads)
        with uninterrupted():
            store.close(title, origin, protocol, complete=complete)
        if not complete:
            place.target = place.target.with_name(f"{place.target.name}.part")
    if not complete and not execution.keep_interrupted:
        raise KeyboardInterrupt(
            f"interrupted after {store.finished} of {len(draws)} runs; they are kept in {_beside(path)!r}, a result file marked incomplete "
            f"(nkcell_sim.open_ensemble reads it); {str(path)!r} was not written"
        )
    return Ensemble(path if complete else _beside(path))


def _beside(path: str | os.PathLike[str]) -> str:
    return str(Path(path).with_name(f"{Path(path).name}.part"))


@contextmanager
def _growing(place: Place) -> Iterator[tuple[Any, Disk]]:
    """The HDF5 file under its provisional name; a disk that was full is an error after the file was closed."""
    with place.partial.open("r+b", buffering=0) as opened:
        disk = Disk(opened)
        with uninterrupted():
            file = new_file(disk)
        try:
            yield file, disk
        finally:
            with uninterrupted():
                file.close()
            if disk.problem is not None:
                raise disk.problem


def _streamed(blocks: Iterator[Trace], store: _Store, disk: Disk) -> bool:
    """Store block after block; False when Ctrl-C came before the last run was finished."""
    try:
        for trace in blocks:
            with uninterrupted():
                store.put(trace)
            if disk.problem is not None:
                raise disk.problem
    except KeyboardInterrupt:
        pass  # what is finished decides what is kept
    if not store.finished:
        raise KeyboardInterrupt("interrupted before the first run was finished; nothing was written")
    return store.finished == len(store.draws)


class _Store:
    """The growing file: columns along ``run``, made when the first block tells what there is."""

    def __init__(self, file: Any, draws: Draws, *, final_state: bool, features: Mapping[str, Any]) -> None:
        self.file = file
        self.draws = draws
        self.final_state = final_state
        self.features = features
        self.next = self.finished = 0
        self.scales: dict[str, Any] = {}

    def put(self, trace: Trace) -> None:
        """Store the next block."""
        if not self.next:
            self._make(trace)
        rows = slice(self.next, self.next + len(trace.outcomes))
        for name, values in self._columns(trace).items():
            self.file[name][rows] = values
        self.next = rows.stop
        self.finished += int(np.sum(~np.isin(trace.outcomes.codes, UNFINISHED)))

    def _columns(self, trace: Trace) -> dict[str, np.ndarray]:
        """Everything a block brings, by the name of its dataset."""
        ends = trace.outcomes
        found = {"status": ends.codes, "time_reached": ends.time_reached, "worst_component": ends.worst}
        found |= {"rung": ends.rung, "attempts": np.asarray(ends.attempts)}
        found |= {name: ends.column(name) for name in COUNTERS}
        found |= {**trace.features, **{f"{name}.error": values for name, values in _errors(trace).items()}, **trace.values}
        if self.final_state:
            found["final_state/value"] = _declared_states(trace)
        return found

    def _make(self, trace: Trace) -> None:
        """All datasets of the file, filled with NaN and ``not_run``."""
        self._check_names(trace)
        self._static(self.file, Group({"run": index("run", len(self.draws), "number of the run")}))
        self._outcomes(trace)
        for key, values in self.draws.columns.items():
            self._drawn(key, values)
        for name in trace.features:
            about = {"units": trace.feature_units.get(name, "1"), "long_name": str(self.features.get(name, name)), "role": "feature"}
            self._dataset(name, about)
            if name in trace.feature_errors:
                self._dataset(f"{name}.error", {"units": about["units"], "long_name": f"error bar of {name}", "role": "error"})
        if trace.values:
            self._static(self.file, Group({"time": numbers(("time",), trace.time, "s", "time from the start of the protocol")}))
        for name in trace.values:
            about = {"units": trace.units[name], "long_name": self.draws.composition.declarations[name].description, "role": "trace"}
            self._dataset(name, about, ("run", "time"))
            if name in trace.record_errors:
                self._dataset(f"{name}.error", {"units": about["units"], "long_name": f"largest numerical error of {name} over time", "role": "error"})
        if self.final_state:
            self._final_state()

    def _outcomes(self, trace: Trace) -> None:
        flags = {"flag_values": np.arange(len(STATUSES), dtype="<i4"), "flag_meanings": " ".join(STATUSES)}
        about = "how the run ended: number of the status in flag_meanings; the outputs of a run that is not ok are NaN"
        self._dataset("status", {"units": "1", "long_name": about, **flags}, dtype="<i4", fill=STATUSES.index("not_run"))
        self._dataset("time_reached", {"units": "s", "long_name": "simulated time reached"})
        states = {"flag_values": np.arange(len(trace.outcomes.names), dtype="<i4"), "flag_meanings": " ".join(trace.outcomes.names)}
        about = "state a failed run failed on: number of the state in flag_meanings, -1 where none is known"
        self._dataset("worst_component", {"units": "1", "long_name": about, **states}, dtype="<i4", fill=-1)
        meanings = ("accepted integration steps", "rejected integration steps", "evaluations of the right-hand side", "evaluations of the Jacobian")
        for name, about in zip(COUNTERS, meanings, strict=True):
            self._dataset(name, {"units": "1", "long_name": about}, dtype="<i8", fill=0)
        rungs = {"flag_values": np.arange(len(RUNGS), dtype="<i4"), "flag_meanings": " ".join(name.replace(" ", "_") for name in RUNGS)}
        about = "attempt that is kept, of a run that was tried again with other settings"
        self._dataset("rung", {"units": "1", "long_name": about, **rungs}, dtype="<i4", fill=0)
        self._static(self.file, Group({"attempt": index("attempt", len(RUNGS), "number of the attempt, a rung of the retry ladder")}))
        about = "status of every attempt of a run that was tried again: number of the status in flag_meanings, -1 where there was none"
        self._dataset("attempts", {"units": "1", "long_name": about, **flags}, ("run", "attempt"), dtype="<i4", fill=-1)

    def _drawn(self, key: str, values: np.ndarray) -> None:
        declared = self.draws.composition.declarations[key]
        name = self.draws.label(key)
        about = {"units": declared.unit, "long_name": f"drawn: {declared.description}", "role": "drawn"}
        self._dataset(name, about)[...] = values

    def _final_state(self) -> None:
        states = self.draws.composition.states
        group = self.file.create_group("final_state", track_order=True)
        units, meanings = [s.unit for s in states.values()], [s.description for s in states.values()]
        columns = {"state": text(("state",), list(states), "name"), "unit": text(("state",), units, "unit")}
        columns["description"] = text(("state",), meanings, "meaning")
        self._static(group, Group(columns))
        about = {"units": "1", "long_name": "value at the end, or where a failed run stopped, in the unit of the state (see `unit`)"}
        self.scales["state"] = group["state"]
        self._dataset("final_state/value", about, ("run", "state"))

    def _dataset(self, name: str, about: Mapping[str, Any], dims: tuple[str, ...] = ("run",), *, dtype: str = "<f8", fill: float = np.nan) -> Any:
        shape = tuple(len(self.scales[d]) for d in dims)
        wide = int(np.prod(shape[1:], dtype=int))
        runs = min(CHUNK_RUNS, shape[0], 2 ** max(0, (CHUNK_VALUES // max(1, wide)).bit_length() - 1))
        chunks = (runs, *(max(1, n) for n in shape[1:])) if all(shape) else None
        dataset = self.file.create_dataset(name, shape=shape, dtype=dtype, chunks=chunks, fletcher32=chunks is not None, fillvalue=fill, track_order=True)
        for key, value in about.items():
            dataset.attrs[key] = value
        for axis, dimension in enumerate(dims):
            dataset.dims[axis].attach_scale(self.scales[dimension])
        return dataset

    def _static(self, h5: Any, group: Group) -> None:
        """Coordinates, which later datasets attach to."""
        write_group(h5, group, self.scales)
        for name, variable in group.variables.items():
            if variable.dims == (name,):
                self.scales[name] = h5[name]

    def _check_names(self, trace: Trace) -> None:
        names = [*COUNTERS, "status", "time_reached", "worst_component", "rung", "attempts", "attempt", "run", "time"]
        names += ["base_cell", "protocol", "provenance", "final_state"]
        names += [*map(self.draws.label, self.draws.columns), *trace.values, *trace.features, *(f"{name}.error" for name in _errors(trace))]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ResultsError(f"two things of the file would be named {twice[0]!r}; rename the feature, or record one of them only")
        if slashed := [name for name in names if "/" in name]:
            raise ResultsError(f"got a feature named {slashed[0]!r}; a name in a file has no slash")

    def close(self, title: str, origin: Mapping[str, Any], protocol: Protocol | Sequence[Protocol], *, complete: bool) -> None:
        """Say what the file is: base cell, protocols, provenance, and whether every run is in it."""
        protocols, of = assigned_protocols(protocol, self.draws)
        attributes = {**file_attributes(title, origin), "nkcell_kind": ENSEMBLE, "complete": int(complete), "finished_runs": self.finished}
        groups = {"base_cell": _base_cell(self.draws), "protocol": _protocol(protocols, of), "provenance": provenance_group(origin)}
        write_group(self.file, Group({}, groups, attributes), self.scales)


def _errors(trace: Trace) -> dict[str, np.ndarray]:
    """Error bars of features and records by name."""
    return {**trace.feature_errors, **trace.record_errors}


def _declared_states(trace: Trace) -> np.ndarray:
    """Last states in their declared units (n_runs, n_states)."""
    states = trace.cells[0].composition.states.values()
    return np.column_stack([from_kernel(trace.final[:, i], s.unit) for i, s in enumerate(states)])


def _base_cell(draws: Draws) -> Group:
    """Everything that was not drawn: parameters, resting inputs and start of the base cell, in declared units."""
    cell, composition = draws.cell, draws.composition
    origins = [cell.origin(key) for key in composition.parameters]
    more = {"evidence": text(("parameter",), [e for e, _ in origins], "evidence code"), "source": text(("parameter",), [s for _, s in origins], "source")}
    groups = {
        "parameters": _values("parameter", composition.parameters, cell.parameter_vector(), more),
        "inputs": _values("input", composition.inputs, cell.input_defaults(), {}),
        "start": _values("state", composition.states, cell.initial_state(), {}),
    }
    groups = {name: group for name, group in groups.items() if len(group.variables["unit"].values)}
    start = "each run's own rest" if draws.start == "rest" else "of the base cell"
    return Group({}, groups, {"name": cell.name, "composition": composition.name, "history": "\n".join(cell.history), "start": start})


def _values(axis: str, declared: Mapping[str, Any], kernel: np.ndarray, more: Mapping[str, Variable]) -> Group:
    values = [float(from_kernel(value, d.unit)) for value, d in zip(kernel, declared.values(), strict=True)]
    columns = {
        axis: text((axis,), list(declared), "name"),
        "value": numbers((axis,), values, "1", f"value in the unit of the {axis} (see `unit`); runs differ in what was drawn"),
        "unit": text((axis,), [d.unit for d in declared.values()], "unit"),
        "description": text((axis,), [d.description for d in declared.values()], "meaning"),
    }
    return Group({**columns, **more})


def _protocol(protocols: Sequence[Protocol], of: np.ndarray) -> Group:
    """What was done, once for each different protocol, and which one each run followed when there are several."""
    variables = {
        "protocol": index("protocol", len(protocols), "number of the protocol"),
        "duration": numbers(("protocol",), [p.duration for p in protocols], "s", "length of the protocol"),
    }
    if len(of) > 1:
        variables["protocol_of_run"] = numbers(("run",), of.astype("<i4"), "1", "protocol that the run followed")
    return Group({**variables, **event_table([(i, t, what) for i, p in enumerate(protocols) for t, what in p.events()])})
