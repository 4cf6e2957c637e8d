"""Runs a study: cells are incubated, every experiment is done on them in batches, and the results are put together."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from ..batch import thread_count
from ..experiments.base import Experiment, ExperimentResult
from ..experiments.settling import settle
from ..model.cell import Cell
from ..provenance import collect
from ..results import Batch, Results, assemble
from ..simulate import Execution, simulate
from ..trace import Trace
from .design import Run, Study

# Cells simulated in one call: enough to fill the engine, few enough for the progress bar to move.
BATCH = 64
Progress = Callable[[int, int, str], None]


def run(study: Study, save: str | os.PathLike[str] | None = None, *, progress: Progress | None = None, config: str = "") -> Results:
    """Run every cell of a study in every experiment.

    ``save`` names an HDF5 file, written at the end or not at all. ``progress(done, total, what)`` is called as the work
    goes on. ``config`` is the resolved configuration that the result keeps. A run that fails is marked, never dropped.
    """
    started = time.perf_counter()
    report = progress or (lambda done, total, what: None)
    runs = list(study.runs())
    solver = asdict(study.solver)
    report(0, len(runs), "incubation")
    ready = _incubated(runs)
    done = 0
    batches: dict[str, list[Batch]] = {name: [] for name in study.experiments}
    for part in _parts(runs):
        name = runs[part[0]].experiment
        report(done, len(runs), name)
        execution = Execution(on_progress=lambda finished, before=done, what=name: report(before + finished, len(runs), what))  # type: ignore[misc]
        batches[name] += _simulated(part, runs, ready, execution, solver)
        done += len(part)
    report(done, len(runs), "results")
    compositions = {run.cell.composition.name: run.cell.composition.hash for run in runs}
    threads = thread_count(min(BATCH, len(runs)), Execution().lanes())
    provenance = collect(models=compositions, solver=solver, config=config, runs=len(runs), elapsed=time.perf_counter() - started, threads=threads)
    units = {key: study.unit_of(key) for key in study.vary}
    results = assemble(study.title, batches, units=units, provenance=provenance)
    if save is not None:
        results.save(save)
    return results


def _parts(runs: Sequence[Run]) -> Iterator[list[int]]:
    """Positions of the runs that are simulated in one call: one experiment, sampled alike, at most :data:`BATCH` of them."""
    times: dict[Experiment, bytes] = {}
    for each in runs:
        if each.setup not in times:
            times[each.setup] = each.setup.times().tobytes()
    for group in _groups(runs, lambda r: (r.experiment, r.cell.composition.name, r.setup.record, times[r.setup])):
        for start in range(0, len(group), BATCH):
            yield group[start : start + BATCH]


def _simulated(part: list[int], runs: Sequence[Run], ready: Sequence[Cell], execution: Execution, solver: dict[str, Any]) -> list[Batch]:
    """Simulate runs together, each with its own protocol, and read the features of each setup from its own runs."""
    by_setup = list(_groups([runs[i] for i in part], lambda r: r.setup))
    order = [part[k] for group in by_setup for k in group]
    cells, protocols = [], []
    for group in by_setup:
        setup = runs[part[group[0]]].setup
        cells += setup.prepare_all([ready[part[k]] for k in group])
        protocols += [setup.protocol()] * len(group)
    first = runs[order[0]].setup
    trace = simulate(cells, protocols, record=first.record, times=first.times(), execution=execution, **solver)
    batches, start = [], 0
    for group in by_setup:
        positions = order[start : start + len(group)]
        batches.append(_batch(positions, runs, _rows(trace, start, start + len(group))))
        start += len(group)
    return batches


def _rows(trace: Trace, start: int, end: int) -> Trace:
    """Some consecutive runs of a trace."""
    return replace(
        trace,
        values={name: table[start:end] for name, table in trace.values.items()},
        outcomes=trace.outcomes[start:end],
        final=trace.final[start:end],
        cells=trace.cells[start:end],
    )


def _batch(positions: list[int], runs: Sequence[Run], trace: Trace) -> Batch:
    mine = [runs[i] for i in positions]
    setup = mine[0].setup
    features = setup.features(trace)
    result = ExperimentResult(setup, trace, features, setup.warnings(trace, features))
    return Batch(result, tuple(positions), tuple(r.id for r in mine), tuple(r.case for r in mine), tuple(r.varied for r in mine))


def _groups(runs: Sequence[Run], key: Callable[[Run], Hashable]) -> Iterable[list[int]]:
    """Positions of the runs that share a key, in order of first appearance."""
    found: dict[Hashable, list[int]] = {}
    for i, each in enumerate(runs):
        found.setdefault(key(each), []).append(i)
    return found.values()


def _incubated(runs: Sequence[Run]) -> list[Cell]:
    """The cell of every run as it enters its experiment; equal cells with equal incubations are treated once."""
    unique: dict[Hashable, list[int]] = {}
    for i, each in enumerate(runs):
        unique.setdefault((id(each.cell), each.incubation), []).append(i)
    firsts = [indices[0] for indices in unique.values()]
    treated: dict[int, Cell] = {}
    for group in _groups([runs[i] for i in firsts], lambda r: r.incubation):
        positions = [firsts[g] for g in group]
        incubation = runs[positions[0]].incubation
        cells = [runs[p].cell for p in positions]
        treated.update(zip(positions, settle(cells) if incubation is None else incubation.apply_all(cells), strict=True))
    ready = {i: treated[indices[0]] for indices in unique.values() for i in indices}
    return [ready[i] for i in range(len(runs))]
