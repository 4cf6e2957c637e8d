"""What a worker does: some runs of a study into one shard, from a recipe that says no more than where the study is and which runs."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
import weakref
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ResultsError
from ..execution import Execution
from ..results import ExperimentRuns, Group, write_shard
from ..results.reader import read
from ..results.results import NUMBER
from ..results.target import reason
from .chunk import EveryRunRaised, Report, Treated, simulated
from .folder import StudyFolder
from .journal import Journal, Spans, positions_of
from .orders import Attempt, OrderClosed
from .plan import Plan

TRIES = 3  # at writing a shard: network file systems fail for a moment
FIRST_PAUSE = 0.5  # s before the second one


@dataclass(frozen=True)
class Recipe:
    """Some runs of a study, as a worker is told of them: less than a kilobyte however large the study is."""

    folder: str
    study: str
    recipe: str
    spans: Spans
    threads: int | None = None
    patient: bool = False  # whether runs that all raise an error of Python are a result
    order: str = ""  # that this belongs to: it is not begun once that is closed
    alone: bool = False  # whether nothing else is done meanwhile, because it may be deadly


@dataclass(frozen=True)
class Done:
    """What a worker reports of finished runs: their shard, how they ended and the time they took; or why there is nothing to keep."""

    spans: Spans
    shard: str
    counts: dict[str, int]
    seconds: float
    problem: str = ""
    raised: Exception | None = None
    withdrawn: bool = False  # somebody else was given these runs


class Worker:
    """A process, or one of its threads, that works for a study: the study is loaded once, treated cells are remembered."""

    def __init__(self, folder: StudyFolder, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self.treated = Treated()
        self.journal = Journal(folder.journals, plan.identity)

    @classmethod
    def loaded(cls, path: str, study: str, recipe: str) -> Worker:
        """A worker for the study in a folder; :class:`ResultsError` when it is another one there, or makes other runs here."""
        folder = StudyFolder(path)
        plan, _ = folder.load(recipe)
        if plan.identity != study:
            raise ResultsError(f"the study in {path!r} makes other runs here than where it was started; expected the same version of nkcell_sim everywhere")
        return cls(folder, plan)

    def work(self, recipe: Recipe, report: Report | None = None) -> Done:
        """Simulate and keep; what is finished already, by a worker that could not tell, is not done again, nor what was taken back."""
        try:
            with Attempt.at(self.folder.attempts, tag_of(recipe)) as attempt:
                self.journal.start(recipe.spans, attempt.name, recipe.order, alone=recipe.alone)
                if not attempt.is_first(recipe.order, tag_of(recipe)):
                    attempt.withdraw_others(tag_of(recipe))
                    if (found := finished_before(self.folder, recipe)) is not None:
                        return self._found(recipe, found)
                return self._worked(recipe, attempt, report)
        except OrderClosed:
            return self._withdrawn(recipe)
        except EveryRunRaised as every:
            self.journal.stop(type(every.error).__name__)
            return Done(recipe.spans, "", {}, 0.0, raised=every.error)
        except OSError as error:
            problem = f"a worker for {self.folder.path.name!r} cannot go on: {reason(error)}"
            with suppress(OSError):
                self.journal.stop(problem)
            return Done(recipe.spans, "", {}, 0.0, problem)
        except BaseException as error:
            with suppress(OSError):
                self.journal.stop(type(error).__name__)
            raise

    def _found(self, recipe: Recipe, shard: Path) -> Done:
        """What another attempt finished, which may not have said so."""
        counts = causes(read(shard))
        self.journal.end(recipe.spans, shard.name, 0.0, counts)
        return Done(recipe.spans, shard.name, counts, 0.0)

    def _withdrawn(self, recipe: Recipe) -> Done:
        self.journal.stop("these runs were given to another worker")
        return Done(recipe.spans, "", {}, 0.0, withdrawn=True)

    def _worked(self, recipe: Recipe, attempt: Attempt, report: Report | None) -> Done:
        started = time.perf_counter()
        execution = Execution(threads=recipe.threads)
        tree = simulated(self.plan, positions_of(recipe.spans), self.treated, execution=execution, report=report, patient=recipe.patient)
        counts = causes(tree)
        shard, problem = self._kept(tree, tag_of(recipe), attempt)
        if problem and not attempt.stands:
            found = finished_before(self.folder, recipe)  # a network file system may have done what it says it could not
            return self._withdrawn(recipe) if found is None else self._found(recipe, found)
        if problem:
            self.journal.stop(problem)
            return Done(recipe.spans, "", {}, 0.0, problem)
        seconds = time.perf_counter() - started
        self.journal.end(recipe.spans, shard, seconds, counts)
        return Done(recipe.spans, shard, counts, seconds)

    def _kept(self, tree: Group, tag: str, attempt: Attempt) -> tuple[str, str]:
        """Name of the shard, or why it could not be written."""
        problem = ""
        for tried in range(TRIES):
            try:
                return write_shard(tree, self.folder.shards, tag, attempt.path).name, ""
            except ResultsError as error:
                problem = str(error)
            if not attempt.stands:
                break
            if tried + 1 < TRIES:
                time.sleep(FIRST_PAUSE * 2**tried)
        return "", problem


def finished_before(folder: StudyFolder, recipe: Recipe) -> Path | None:
    """The shard of just these runs, if it is there."""
    return next(folder.shards.glob(f"*-{tag_of(recipe)}-*.h5"), None)


def tag_in(shard: Path) -> str:
    """The tag in the name of a shard."""
    return "".join(shard.name.split("-")[1:2])


def tag_of(recipe: Recipe) -> str:
    """What the name of the shard of a recipe says of it."""
    return hashlib.sha256(repr((recipe.study, recipe.spans)).encode()).hexdigest()[:12]


def causes(tree: Group) -> dict[str, int]:
    """Numbers of runs by how they ended; failures by what they failed on, without the numbers that differ from run to run."""
    ((name, group),) = tree.groups.items()
    runs = ExperimentRuns(name, group)
    failed = runs.failures_by_cause()
    found = Counter({"ok": len(runs) - sum(failed.values())})
    for cause, count in failed.items():
        found[NUMBER.sub("...", cause)] += count
    return shortened(+found)


def shortened(found: Counter[str], most: int = 20) -> dict[str, int]:
    """The commonest causes; the reasons of the others are left out, their numbers are not."""
    listed = found.most_common()
    kept = dict(listed[:most])
    for cause, count in listed[most:]:
        plain = cause.partition(":")[0]
        kept[plain] = kept.get(plain, 0) + count
    return kept


class _Mine(threading.local):
    """The worker of this thread, and the study that it works for: threads share neither journals nor what they remember."""

    asked: tuple[str, str, str] | None = None
    worker: Worker | None = None


_mine = _Mine()
_workers: weakref.WeakSet[Worker] = weakref.WeakSet()  # of all threads of this process


def work(recipe: Recipe) -> Done:
    """Do what a recipe says, in this thread; the study is loaded when it is first met."""
    asked = (recipe.folder, recipe.study, recipe.recipe)
    worker = _mine.worker
    if worker is None or _mine.asked != asked:
        _mine.asked = _mine.worker = None  # one study at a time: its treated cells and its plan are not small
        _mine.worker = worker = Worker.loaded(*asked)
        _mine.asked = asked
        _workers.add(worker)
    return worker.work(recipe)


def begin(parent: int) -> None:
    """How a worker process of this machine starts: it leaves Ctrl-C to its parent, stops quietly when told to, and ends when its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _told_to_stop)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _told_to_stop(*_: Any) -> None:
    for worker in list(_workers):
        worker.journal.stop("SIGTERM", at_once=True)
    os._exit(143)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    for worker in list(_workers):
        with suppress(OSError):
            worker.journal.stop("the process that started this one is gone")
    os._exit(1)
