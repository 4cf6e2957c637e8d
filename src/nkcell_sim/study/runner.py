"""Runs a study: cells are incubated, every experiment is done on them in batches, and the results are put together."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import asdict, replace

from ..batch import thread_count
from ..errors import ParameterError
from ..execution import Execution
from ..experiments.base import Experiment
from ..experiments.settling import settle_each
from ..model.cell import Cell
from ..provenance import collect
from ..results import Batch, Results, assemble
from .batches import grouped, recorded, treated_each
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
    report(0, len(runs), "treatment")
    ready = _treated(runs)
    done = 0
    batches: dict[str, list[Batch]] = {name: [] for name in study.experiments}
    for part in _parts(runs):
        name = runs[part[0]].experiment
        report(done, len(runs), name)
        execution = Execution(on_progress=lambda finished, before=done, what=name: report(before + finished, len(runs), what))  # type: ignore[misc]
        made = recorded(part, runs, ready, execution=execution, solver=study.solver, keep=study.keep)
        batches[name] += [replace(b, notes=study.notes(name)) for b in made]
        done += len(part)
    report(done, len(runs), "results")
    compositions = {run.cell.composition.name: run.cell.composition.hash for run in runs}
    threads = thread_count(min(BATCH, len(runs)), Execution().lanes())
    elapsed, seeds = time.perf_counter() - started, sorted({int(r.chance[0]) for r in runs if r.chance} | ({study.cohort.seed} if study.cohort else set()))
    provenance = collect(models=compositions, solver=solver, config=config, runs=len(runs), elapsed=elapsed, threads=threads, seeds=seeds)
    units = {key: study.unit_of(key) for key in study.design.keys}
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
    for group in grouped(runs, lambda r: (r.experiment, r.cell.composition.name, r.setup.record, times[r.setup])):
        for start in range(0, len(group), BATCH):
            yield group[start : start + BATCH]


def _treated(runs: Sequence[Run]) -> list[Cell | str]:
    """The cell of every run as it enters its experiment, or why there is none; equal cells with equal treatments are treated once."""
    unique: dict[Hashable, list[int]] = {}
    for i, each in enumerate(runs):
        unique.setdefault((id(each.cell), each.treatment), []).append(i)
    firsts = [indices[0] for indices in unique.values()]
    treated: dict[int, Cell | str] = {p: runs[p].failure for p in firsts if runs[p].failure}
    able = [p for p in firsts if p not in treated]
    for group in grouped([runs[i] for i in able], lambda r: r.treatment):
        positions = [able[g] for g in group]
        treatment = runs[positions[0]].treatment
        cells = [runs[p].cell for p in positions]
        treated.update(zip(positions, treated_each(settle_each if treatment is None else treatment.apply_all, cells), strict=True))
    ready = {i: treated[indices[0]] for indices in unique.values() for i in indices}
    return [ready[i] for i in range(len(runs))]
