"""Runs a study: cells are incubated, every experiment is done on them in batches, and the results are put together."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ..batch import thread_count
from ..errors import NkcellError, ParameterError
from ..execution import Execution
from ..experiments.base import Experiment, ExperimentResult
from ..experiments.numerical_error import companion, measure_errors
from ..experiments.settling import settle
from ..model.cell import Cell
from ..outcomes import Outcomes
from ..provenance import collect
from ..results import Batch, Results, assemble
from ..simulate import simulate
from ..solver import Solver
from ..trace import Trace
from .design import Study
from .specification import Run

# Cells simulated in one call: enough to fill the engine, few enough for the progress bar to move.
BATCH = 64
Progress = Callable[[int, int, str], None]


def run(study: Study, save: str | os.PathLike[str] | None = None, *, progress: Progress | None = None, config: str = "") -> Results:
    """Run every cell of a study in every experiment.

    ``save`` names an HDF5 file, written at the end or not at all. ``progress(done, total, what)`` is called as the work
    goes on. ``config`` is the resolved configuration that the result keeps. A run that fails is marked, never dropped.
    """
    if not isinstance(study, Study):
        raise ParameterError(f"got {type(study).__name__}; expected a study, as in run(Study(cases, experiments)), or use run_experiment", name="study")
    started = time.perf_counter()
    report = progress or (lambda done, total, what: None)
    runs = list(study.runs())
    solver = asdict(study.solver)
    notes = study.notes()
    report(0, len(runs), "treatment")
    ready = _treated(runs)
    done = 0
    batches: dict[str, list[Batch]] = {name: [] for name in study.experiments}
    for part in _parts(runs):
        name = runs[part[0]].experiment
        report(done, len(runs), name)
        execution = Execution(on_progress=lambda finished, before=done, what=name: report(before + finished, len(runs), what))  # type: ignore[misc]
        batches[name] += [replace(b, notes=notes) for b in _simulated(part, runs, ready, execution, solver, study.keep)]
        done += len(part)
    report(done, len(runs), "results")
    compositions = {run.cell.composition.name: run.cell.composition.hash for run in runs}
    threads = thread_count(min(BATCH, len(runs)), Execution().lanes())
    elapsed, seeds = time.perf_counter() - started, sorted({int(r.chance[0]) for r in runs if r.chance} | ({study.cohort.seed} if study.cohort else set()))
    provenance = collect(models=compositions, solver=solver, config=config, runs=len(runs), elapsed=elapsed, threads=threads, seeds=seeds)
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


def _simulated(
    part: list[int], runs: Sequence[Run], ready: Sequence[Cell | str], execution: Execution, solver: dict[str, Any], keep: tuple[str, ...] | None
) -> list[Batch]:
    """Simulate runs together, each with its own protocol, and read the features of each setup from its own runs."""
    by_setup = [[part[k] for k in group] for group in _groups([runs[i] for i in part], lambda r: r.setup)]
    prepared: dict[int, Cell | str] = {}
    for positions in by_setup:
        prepared.update(_prepared(positions, runs[positions[0]].setup, ready))
    order = [p for positions in by_setup for p in positions]
    sound = {p: c for p, c in prepared.items() if isinstance(c, Cell)}
    first = runs[order[0]].setup
    going = [p for p in order if p in sound]
    trace = repeated = None
    if going:
        protocols = [runs[p].setup.protocol() for p in going]
        trace = simulate([sound[p] for p in going], protocols, record=first.record, times=first.times(), execution=execution, **{**solver, "error_bars": False})
        if solver["error_bars"]:
            repeated = companion(trace, protocols, Solver(**solver))
    batches = []
    for positions in by_setup:
        setup = runs[positions[0]].setup
        mine = [p for p in positions if p in sound]
        if trace is not None and mine:
            rows = slice(going.index(mine[0]), going.index(mine[0]) + len(mine))
            batches.append(_batch(mine, runs, _rows(trace, rows), {}, None if repeated is None else _rows(repeated, rows), keep=keep))
        failed = {p: c for p in positions if isinstance(c := prepared[p], str)}
        if failed:
            batches.append(_batch(list(failed), runs, _not_run([runs[p].cell for p in failed], setup), failed, keep=keep))
    return batches


def _prepared(positions: Sequence[int], setup: Experiment, ready: Sequence[Cell | str]) -> dict[int, Cell | str]:
    """Cells as they are when the recording starts, or why there is none, by position in the study."""
    found: dict[int, Cell | str] = {p: c for p in positions if isinstance(c := ready[p], str)}
    sound = [p for p in positions if p not in found]
    found.update(zip(sound, _each(setup.prepare_all, [c for p in sound if isinstance(c := ready[p], Cell)]), strict=True))
    return found


def _each(treat: Callable[[Sequence[Cell]], Sequence[Cell]], cells: Sequence[Cell]) -> list[Cell | str]:
    """Treat all cells at once; when that fails, one by one, so that a bad cell costs only itself and says why."""
    if not cells:
        return []
    try:
        return list(treat(cells))
    except NkcellError as error:
        if len(cells) == 1:
            return [str(error)]
    return [result for cell in cells for result in _each(treat, [cell])]


def _not_run(cells: Sequence[Cell], setup: Experiment) -> Trace:
    """The trace of runs that never started: NaN everywhere, outcome ``not_run``."""
    times, composition = setup.times(), cells[0].composition
    values = {name: np.full((len(cells), len(times)), np.nan) for name in setup.record}
    units = {name: composition.declarations[name].unit for name in setup.record}
    final = np.full((len(cells), len(composition.states)), np.nan)
    return Trace(times, values, units, Outcomes.waiting(len(cells), tuple(composition.states)), final, tuple(cells))


def _rows(trace: Trace, rows: slice) -> Trace:
    """Some consecutive runs of a trace."""
    values = {name: table[rows] for name, table in trace.values.items()}
    return replace(trace, values=values, outcomes=trace.outcomes[rows], final=trace.final[rows], cells=trace.cells[rows])


def _batch(
    positions: list[int], runs: Sequence[Run], trace: Trace, failures: Mapping[int, str], repeated: Trace | None = None, *, keep: tuple[str, ...] | None
) -> Batch:
    mine = [runs[i] for i in positions]
    setup = mine[0].setup
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NaN rows of failed runs have no largest value
        features = setup.features(trace)
    said: list[tuple[str, ...]] = [(f"not run: {failures[p]}",) for p in positions] if failures else setup.warnings(trace, features)
    errors = {} if repeated is None else measure_errors(setup, features, repeated)
    if keep is not None:
        trace = replace(trace, values={name: values for name, values in trace.values.items() if name in keep})
    result = ExperimentResult(setup, trace, features, said, errors)
    labels = tuple(r.labels for r in mine)
    return Batch(result, tuple(positions), tuple(r.id for r in mine), tuple(r.case for r in mine), tuple(r.varied for r in mine), labels=labels)


def _groups(runs: Sequence[Run], key: Callable[[Run], Hashable]) -> Iterable[list[int]]:
    """Positions of the runs that share a key, in order of first appearance."""
    found: dict[Hashable, list[int]] = {}
    for i, each in enumerate(runs):
        found.setdefault(key(each), []).append(i)
    return found.values()


def _treated(runs: Sequence[Run]) -> list[Cell | str]:
    """The cell of every run as it enters its experiment, or why there is none; equal cells with equal treatments are treated once."""
    unique: dict[Hashable, list[int]] = {}
    for i, each in enumerate(runs):
        unique.setdefault((id(each.cell), each.treatment), []).append(i)
    firsts = [indices[0] for indices in unique.values()]
    treated: dict[int, Cell | str] = {p: runs[p].failure for p in firsts if runs[p].failure}
    able = [p for p in firsts if p not in treated]
    for group in _groups([runs[i] for i in able], lambda r: r.treatment):
        positions = [able[g] for g in group]
        treatment = runs[positions[0]].treatment
        cells = [runs[p].cell for p in positions]
        treated.update(zip(positions, _each(settle if treatment is None else treatment.apply_all, cells), strict=True))
    ready = {i: treated[indices[0]] for indices in unique.values() for i in indices}
    return [ready[i] for i in range(len(runs))]
