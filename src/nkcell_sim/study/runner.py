"""Runs a study: what is not finished yet is simulated on an executor, shard by shard, and the results are put together."""

from __future__ import annotations

import concurrent.futures
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..batch import thread_count, usable_cores
from ..errors import ParameterError, ResultsError
from ..execution import Execution
from ..executors import Executor, Slurm, Threads, executor_of
from ..provenance import collect
from ..results import Group, Results, check_shard, merged, open_results, shards_of
from ..results.origin import file_attributes, provenance_group
from ..results.pack import pack
from ..results.target import checked_target
from .chunk import EveryRunRaised, Treated, simulated
from .collecting import Found, Tables, add_earlier, add_shards, add_unknown, write_result
from .design import Study
from .driver import LINGER, Driver
from .folder import StudyFolder
from .plan import Plan
from .shown import as_argument
from .tally import given_up
from .versions import notes_of_others

REPAIRS = 3  # times that runs are done again whose shards were damaged after they were written
MEMORY_CHUNK = 1024  # runs that are put into one tree before all are merged, where nothing is written
Progress = Callable[[int, int, str], None]


def run(
    study: Study,
    save: str | os.PathLike[str] | None = None,
    *,
    on: Any = None,
    workers: int | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    config: str = "",
    tables: Tables | None = None,
    asked: Any = None,
    note: Callable[[str], None] | None = None,
    fresh: bool = False,
    retry_lost: bool = False,
    virtual: bool = False,
) -> Results:
    """Run every cell of a study in every experiment; a run that fails is marked with how and why, never dropped.

    ``save`` names an HDF5 file, which is complete or not there. What is finished on the way is kept in the folder ``save`` + ".runs", and the
    same call again goes on from there, after whatever ended the first; rows that an earlier file of that name holds already (a smaller design,
    fewer donors) are not computed again either, unless ``fresh``. When the file is complete and packed the folder is removed; with ``virtual`` the
    traces stay in its shards (``nkcell pack`` joins them later).

    ``on`` says where: "threads" (default: this process), "processes", "dask", "mpi", "slurm", an :class:`~nkcell_sim.executors.Executor`, or any
    open ``concurrent.futures.Executor`` whose workers share this file system; ``workers`` how many, ``options`` the settings of the engine.
    The results have the same bits anywhere. A run whose worker dies with it again and again ends as ``worker_lost``; ``retry_lost`` tries
    such runs of an earlier file again.

    ``progress(done, total, what)`` is called as the work goes on. ``config`` is the resolved configuration that the result keeps, ``tables`` adds what
    is computed from the runs (``asked`` says what, for a later resumption), and ``note`` is told what a reader should know.
    Raises :class:`~nkcell_sim.errors.ResultsError` when nothing can be written; what is finished stays in the folder.
    """
    if not isinstance(study, Study):
        raise ParameterError(f"got {type(study).__name__}; expected a study, as in run(Study(cases, experiments)), or use run_experiment", name="study")
    executor = executor_of(on, workers, options)
    report = progress or (lambda done, total, what: None)
    plan = Plan(study)
    if save is None:
        results = _in_memory(plan, executor, report, config)
        return results if tables is None else tables(results)
    executor.ready()
    work = StudyRun(plan, checked_target(save), executor, report, config=config, tables=tables, asked=asked, retry_lost=retry_lost, virtual=virtual)
    results = work.result(fresh=fresh)
    if note is not None:
        for said in work.notes:
            note(said)
    return results


@dataclass
class StudyRun:
    """One call's work on a study with a result file."""

    plan: Plan
    target: Path
    executor: Executor
    report: Progress
    config: str = ""
    tables: Tables | None = None
    asked: Any = None
    retry_lost: bool = False
    virtual: bool = False

    def __post_init__(self) -> None:
        self.folder = StudyFolder.beside(self.target)
        self.started = time.perf_counter()
        self.notes: list[str] = []
        self.others = 0  # finished runs in the folder that are none of this study

    def result(self, *, fresh: bool = False) -> Results:
        """Do what is missing, and give the results."""
        if fresh:
            self._refuse_loss()
        elif not self.folder.path.exists() and self._is_complete():
            return open_results(self.target)
        with self.folder.driven(jobs=not isinstance(self.executor, Slurm)):
            found = self.found(fresh=fresh)
            if found.known.all() and not fresh and self._is_complete():
                if not shards_of(self.target):
                    self._clear()  # left behind by a process that was killed when all else was done
                return open_results(self.target)
            if not found.known.all():
                if found.known.any():
                    self.notes.append(f"{int(found.known.sum()):,} of {len(self.plan):,} runs were finished already")
                self._work(found)
            return self.collected(found)

    def _refuse_loss(self) -> None:
        """A result that reads its traces from the folder would be gone before the new one is there."""
        if self.target.is_file() and self.folder.exists and shards_of(self.target):
            raise ResultsError(
                f"{self.target.name} keeps its traces in {self.folder.path.name}, which doing all runs afresh would clear; "
                f"give another name with -o, or join them first (nkcell pack {as_argument(self.target)})"
            )

    def _is_complete(self) -> bool:
        """Whether the result file is that of this study already; then it is noted."""
        current = self.target.is_file() and self._is_current()
        if current:
            self.notes.append(f"{self.target.name} holds all {len(self.plan):,} runs of this study: nothing was computed (--fresh computes them again)")
        return current

    def _clear(self) -> None:
        """Remove the folder, unless it holds finished runs of another study."""
        if self.others:
            said = f"{self.folder.path.name} is kept: it holds {self.others:,} finished runs that are not in {self.target.name}, of a larger or another study"
            self.notes.append(f"{said}; run that again, or delete the folder")
        else:
            self.folder.remove()

    @contextmanager
    def prepared(self) -> Iterator[tuple[np.ndarray, StudyFolder]]:
        """The positions of the runs that are missing, and the folder with what workers need, which no other process may drive meanwhile."""
        with self.folder.driven():
            found = self.found()
            missing = np.flatnonzero(~found.known)
            if len(missing):
                self.folder.prepare(self.plan, result=self.target, config=self.config, asked=self.asked, known=found.known)
            yield missing, self.folder

    def found(self, *, fresh: bool = False) -> Found:
        """What is finished already: in the folder, and in an earlier result file."""
        found = Found.nowhere(self.plan)
        if fresh:
            self.folder.clear()
            return found
        if self.folder.exists:
            problems, self.others = add_shards(found, self.plan, self.folder)
            then = f"it was set aside in {self.folder.path.name}/damaged, and its runs were done again" if self.folder.claim else "it was left out"
            self.notes += [f"{problem}; {then}" for problem in problems]
        for earlier in dict.fromkeys([self.target, *self.folder.earlier_results]):
            if earlier.is_file():
                add_earlier(found, self.plan, earlier, again=("worker_lost",) if self.retry_lost else ())
        self.notes += notes_of_others(self.folder, self.target, others=self.others, missing=not found.known.all())
        return found

    def _is_current(self) -> bool:
        """Whether the result file is that of this study already, configuration, title and order included."""
        try:
            results = open_results(self.target)
        except ResultsError:
            return False
        same = results.config == self.config and results.title == self.plan.study.title and list(results.experiments) == list(self.plan.spans)
        if not same or (self.tables is not None and (self.asked is None or not set(self.asked.names) <= set(results.root.groups))):
            return False
        for name, (first, last) in self.plan.spans.items():
            runs = results[name]
            if "run_key" not in runs or not np.array_equal(runs["run_key"], self.plan.keys[first:last]):
                return False
            if runs.unfinished.any():
                return False
        return not (self.retry_lost and any(status == "worker_lost" for _, _, status in results.failed))

    def _work(self, found: Found) -> None:
        """Simulate what is missing, into shards."""
        try:
            with self.folder.keeping(int(found.known.sum()), len(self.plan)):
                needed = not isinstance(self.executor, Threads)
                recipe = self.folder.prepare(self.plan, result=self.target, config=self.config, asked=self.asked, needed=needed, known=found.known)
            self.executor = self.executor.with_main(bool(self.folder.about.get("main")))
            driver = Driver(self.plan, self.folder, recipe, self.executor, found.known, self.report, earlier=found.earlier, forgive=self.retry_lost)
            self._drive(driver)
            for left in range(REPAIRS, -1, -1):
                if not self._damaged(driver, found):
                    break
                if not left:
                    raise ResultsError(
                        f"shards in {self.folder.path.name!r} are damaged after they were written, again and again; is the disk sound? {driver.kept()}"
                    )
                driver = Driver(self.plan, self.folder, recipe, self.executor, found.known, self.report, earlier=found.earlier)
                self._drive(driver)
        except BaseException:
            if not self.folder.files() and not self.folder.has_history:
                self.folder.remove()
            raise
        add_unknown(found, self.plan, np.flatnonzero(driver.ledger.lost), "worker_lost")

    def _drive(self, driver: Driver) -> None:
        if isinstance(self.executor, Slurm):
            from .arrays import run_arrays

            run_arrays(driver, self.executor)
        else:
            driver.run()

    def _damaged(self, driver: Driver, found: Found) -> bool:
        """Enter the shards that were made; whether some are no longer what was written, and were set aside."""
        damaged = False
        self.report(len(self.plan), len(self.plan), "checking")
        with concurrent.futures.ThreadPoolExecutor(usable_cores()) as pool:
            problems = list(pool.map(check_shard, [shard for shard, _ in driver.shards]))
        for (shard, positions), problem in zip(driver.shards, problems, strict=True):
            if not problem:
                found.add(shard, positions)
                continue
            damaged = True
            self.notes.append(f"{problem}; its runs were done again")
            if shard.exists():
                self.folder.set_aside(shard)
        return damaged

    def collected(self, found: Found, *, keep: bool = False) -> Results:
        """The result file from what is there; runs that are not are marked ``not_run``, and the folder is kept for them (or with ``keep``)."""
        missing = np.flatnonzero(~found.known)
        if len(missing):
            add_unknown(found, self.plan, missing, "not_run")
        self.report(len(self.plan), len(self.plan), "results")
        provenance = _provenance(self.plan, self.config, time.perf_counter() - self.started, self.executor)
        writing = self.folder.provisional(self.target) if self.folder.claim else nullcontext()
        with self.folder.keeping(len(self.plan) - len(missing), len(self.plan)), writing as through:
            write_result(self.target, self.plan, found, provenance, virtual=self.virtual, tables=self.tables, through=through)
        if not self.virtual and not len(missing) and not keep:
            self._clear()
        return open_results(self.target)


def collect_study(
    folder: StudyFolder,
    target: Path,
    *,
    config: str = "",
    tables: Tables | None = None,
    asked: Any = None,
    partial: bool = False,
    virtual: bool = False,
) -> tuple[Results, list[str]]:
    """The result file of the study in a folder from what is finished, and what a reader should know.

    Raises :class:`ResultsError` when runs are missing, unless ``partial``.
    """
    plan, _ = folder.load()
    work = StudyRun(plan, checked_target(target), Threads(), lambda done, total, what: None, config=config, tables=tables, asked=asked, virtual=virtual)
    own = folder.is_beside(work.target)
    work.folder = folder
    with folder.driven(jobs=not partial) if own or not partial else nullcontext():  # what is written elsewhere disturbs nobody
        found = work.found()
        if folder.claim:
            ledger = Driver(plan, folder, "", Threads(), found.known, work.report)
            ledger.learn(take_over=False, patience=0.0 if partial else LINGER)
            for shard, positions in ledger.shards:
                found.add(shard, positions)
            lost = ledger.ledger.lost
        else:
            lost = given_up(folder.history(plan.identity), len(plan)) & ~found.known
        add_unknown(found, plan, np.flatnonzero(lost), "worker_lost")
        missing = int((~found.known).sum())
        if missing and not partial:
            raise ResultsError(
                f"{missing:,} of {len(plan):,} runs are not finished; `nkcell resume {folder.shown}` goes on with them (with --on slurm as jobs), "
                "`nkcell collect --partial` writes what is there"
            )
        results = work.collected(found, keep=not own)
    if missing:
        work.notes.append(f"{missing:,} of {len(plan):,} runs are not finished: they are marked as not_run, and {folder.path.name} is kept")
    return results, work.notes


def pack_study(file: Path, target: Path) -> list[str]:
    """Join a result file and its shards in one file; in its own place the folder goes, unless it holds more. Returns what a reader should know."""
    folder = StudyFolder.beside(file)
    if file.resolve() != target.resolve() or not folder.path.exists():
        pack(file, target)
        return []
    with folder.driven():
        used = {Path(name).name for name in shards_of(file)}
        with folder.provisional(target.resolve()) as through:
            pack(file, target, through)
        more = [path for path in folder.files() if path.name not in used]
        if not more:
            folder.remove()
            return []
    return [f"{folder.path.name} is kept: it holds {len(more)} shards that are not in {target.name}"]


def _in_memory(plan: Plan, executor: Executor, report: Progress, config: str) -> Results:
    """Results that no file holds."""
    if executor.elsewhere:
        raise ParameterError(f"got a study on {executor.name} without a file; its workers need a folder that they share: give save='FILE.h5'", name="save")
    if not isinstance(executor, Threads):
        with tempfile.TemporaryDirectory(prefix="nkcell-") as folder:
            return _loaded(StudyRun(plan, Path(folder) / "results.h5", executor, report, config=config).result())
    started, treated, execution = time.perf_counter(), Treated(), Execution(threads=executor.threads)
    groups: dict[str, Group] = {}
    for name, (first, last) in plan.spans.items():
        trees: list[Group] = []
        for start in range(first, last, MEMORY_CHUNK):
            report(start, len(plan), name)
            positions = range(start, min(start + MEMORY_CHUNK, last))
            try:
                told, patient = _counting(report, start, len(plan), name), bool(groups or trees)
                trees.append(simulated(plan, positions, treated, execution=execution, report=told, patient=patient))
            except EveryRunRaised as every:
                raise every.error from None
        groups[name] = merged(trees).groups[name]
    report(len(plan), len(plan), "results")
    provenance = _provenance(plan, config, time.perf_counter() - started, executor)
    root = Group({}, groups, file_attributes(plan.study.title, provenance))
    return Results(root.with_group("provenance", provenance_group(provenance)))


def _counting(report: Progress, before: int, total: int, what: str) -> Callable[[int], None]:
    return lambda done: report(before + done, total, what)


def _loaded(results: Results) -> Results:
    """Results whose file may go."""
    for _, group in results.root.walk():
        for variable in group.variables.values():
            _ = variable.values
    return results


def _provenance(plan: Plan, config: str, elapsed: float, executor: Executor) -> dict[str, Any]:
    study = plan.study
    models = {case.cell.composition.name: case.cell.composition.hash for case in study.cases}
    threads = thread_count(len(plan), Execution().lanes(), executor.threads)
    chance = study.channels != "mean" or any(experiment.instrument is not None for experiment in study.experiments.values())
    seeds = {study.cohort.seed} if study.cohort is not None else {study.seed} if chance else set()
    return collect(models=models, solver=asdict(study.solver), config=config, runs=len(plan), elapsed=elapsed, threads=threads, seeds=sorted(seeds))
