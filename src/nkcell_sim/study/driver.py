"""Hands out the runs of a study in chunks and sees that each is finished or accounted for, whatever happens to workers.

Retries, replacement of workers and scaling are those of the engine behind the executor. What is decided here is what to hand out: chunks that last some tens
of seconds; after a death the chunks that were in hand, halved and one at a time, until the run that kills its worker is alone; and when to give it up.
"""

from __future__ import annotations

import concurrent.futures
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import NkcellError, ResultsError
from ..executors.base import Executor
from ..executors.processes import Processes
from ..executors.threads import Threads
from ..results.reader import read
from ..results.target import reason
from .folder import StudyFolder, described, waited_for
from .journal import Begun, History, Journal, Spans, positions_of, size_of, spans_of
from .orders import ALL, Orders, look_again
from .plan import Plan
from .worker import Done, Recipe, Worker, causes, tag_in, tag_of, work

TARGET = 20.0  # s that a chunk should last: long against handing it out, short against losing it
FIRST, LARGEST, LANES = 64, 8192, 8  # runs of the first chunks and of the largest; full blocks of lanes
NUMBERS = 2**24  # recorded numbers of a chunk at most (128 MB): a worker holds its chunk until it is written
SPANS = 40  # stretches of positions in a chunk at most: a recipe stays below a kilobyte
MANY = 4  # more workers than these that die under one order are rather the machine's doing than that of their runs
AHEAD = 2  # chunks handed out for each worker: one in work, one waiting
SUSPICION = 4  # of a run, after which it is a suspect: a worker that dies with it among others adds 2, among many deaths 1
DEATHS = 3  # of workers with nothing but this run in hand, and nothing beside them, before it is given up
RAISING = 8  # chunks of which every run may raise an error of Python before it is believed to be that of all
EMPTY_HANDED = 5  # pools that may break one after another with no chunk finished and none begun
LINGER = 120.0  # s to wait for workers of this machine that still have a chunk of an earlier driver in hand
Progress = Callable[[int, int, str], None]


@dataclass
class Ledger:
    """What is known of every run: whether it is finished, how large a chunk with it may be, how suspect it is, how many workers died with it alone."""

    finished: np.ndarray  # bool (n_runs,)
    most: np.ndarray  # int32 (n_runs,)
    suspicion: np.ndarray  # int16 (n_runs,)
    deaths: np.ndarray  # int16 (n_runs,)
    raised: np.ndarray  # bool (n_runs,): in a chunk of which every run raised an error of Python, to be done last
    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)  # a run, by experiment

    @classmethod
    def of(cls, finished: np.ndarray) -> Ledger:
        """Nothing known but what is finished."""
        count = len(finished)
        suspicion, deaths = np.zeros((2, count), dtype=np.int16)
        return cls(finished.copy(), np.full(count, LARGEST, dtype=np.int32), suspicion, deaths, np.zeros(count, dtype=bool))

    def died(self, spans: Spans, *, alone: bool, among_many: bool = False, workers: int = 1) -> None:
        """Workers died with this chunk in hand, alone or beside others: it is not handed out whole again."""
        size = size_of(spans)
        for first, last in spans:
            rows = slice(first, last)
            self.most[rows] = np.minimum(self.most[rows], max(1, size // 2))
            self.suspicion[rows] = np.minimum(self.suspicion[rows] + workers * (1 if among_many else 2), SUSPICION)
            if alone and size == 1:
                self.deaths[rows] = np.minimum(self.deaths[rows] + workers, DEATHS)

    def give_up(self, spans: Spans) -> None:
        """These runs are not tried any more."""
        for first, last in spans:
            self.deaths[first:last] = DEATHS

    @property
    def evidence(self) -> int:
        """How much is known of deaths; it grows with each one that says something new, and only so often."""
        return int(self.suspicion.sum(dtype=np.int64) + self.deaths.sum(dtype=np.int64) - self.most.sum(dtype=np.int64))

    @property
    def lost(self) -> np.ndarray:
        """Runs that are given up."""
        return np.asarray(~self.finished & (self.deaths >= DEATHS))

    @property
    def suspects(self) -> np.ndarray:
        """Runs to do that workers died with more than once."""
        return np.asarray(~self.finished & (self.suspicion >= SUSPICION) & (self.deaths < DEATHS))

    @property
    def clean(self) -> np.ndarray:
        """Runs to do that little speaks against."""
        return np.asarray(~self.finished & (self.suspicion < SUSPICION) & (self.deaths < DEATHS) & ~self.raised)


class Driver:
    """Runs what is missing of a study on an executor; with ``only`` (bool, n_runs) nothing but those runs, the ``share`` of that name.

    ``forgive`` tries again what was given up before.
    """

    def __init__(
        self,
        plan: Plan,
        folder: StudyFolder,
        recipe: str,
        executor: Executor,
        finished: np.ndarray,
        progress: Progress,
        *,
        only: np.ndarray | None = None,
        share: str = ALL,
        forgive: bool = False,
        earlier: Mapping[str, int] | None = None,
    ) -> None:
        self.plan, self.folder, self.recipe, self.executor = plan, folder, recipe, executor
        self.ledger = Ledger.of(finished)
        self.progress = progress
        self.shards: list[tuple[Path, np.ndarray]] = []  # with the positions of their rows
        self._only = np.ones(len(plan), dtype=bool) if only is None else only
        self._local: Worker | None = None
        self._what = next(iter(plan.spans))
        self._width = executor.workers  # chunks at once, in the pool that is open
        self._orders = Orders(folder.attempts, share)
        self._journal = Journal(folder.journals, plan.identity)
        self._forgive = forgive
        self._told_lost = np.zeros(len(plan), dtype=bool)
        self._empty_handed = 0  # pools in a row that broke with no chunk finished and none begun
        self._earlier = Counter(earlier or {})  # of runs that no journal here tells of: how they ended
        self._waits = ""  # what the open pool waits for
        self._known: set[Begun] = set()
        self._errors: list[Exception] = []  # of chunks of which every run raised one
        self._patient = False  # with such chunks: their runs are marked instead

    def run(self) -> None:
        """Finish every run; those that kill their workers are left as :attr:`Ledger.lost`."""
        try:
            self.ledger.counts = self._earlier + self._ended_before()
            self.learn()
            self._report(0)
            self._clean_runs()
            if self._errors:
                self._judge()
                self._clean_runs()
            self._suspects()
        except OSError as error:
            if error in self._errors:  # of the runs
                raise
            raise ResultsError(f"cannot go on with the work in {self.folder.path.name!r}: {reason(error)}. {self.kept()}") from error
        finally:
            with suppress(OSError):
                if self._orders.stands:
                    self._orders.close()

    def _judge(self) -> None:
        """Chunks of which every run raised an error of Python: theirs alone if others came through, else a mistake that is told."""
        if not self.ledger.finished.any():
            raise self._errors[0]
        self._patient = True
        self.ledger.raised[:] = False

    def _clean_runs(self) -> None:
        while (self.ledger.clean & self._only).any():
            before = self.ledger.finished.sum()
            if not self._clean():
                self._judge_pool(self.executor, self.learn(), int(before))

    def _judge_pool(self, engine: Executor, news: int, finished_before: int) -> None:
        """A pool broke: it was its runs' doing, or workers cannot even begin."""
        self._empty_handed = 0 if news or self.ledger.finished.sum() > finished_before else self._empty_handed + 1
        if self._empty_handed == EMPTY_HANDED:
            said = f"workers ({engine.name}) died {EMPTY_HANDED} times before they began their work; is there memory for {engine.workers} of them"
            guard = ", and does the script that made the study guard its work with if __name__ == '__main__'" if self.folder.about.get("main") else ""
            raise NkcellError(f"{said}{guard}? {self.kept()}")

    def kept(self) -> str:
        """What is finished, where it is, and how to go on, for messages."""
        return self.folder.kept(int(self.ledger.finished.sum()), len(self.plan))

    def learn(self, *, take_over: bool = True, patience: float = LINGER) -> int:
        """Read in the journals what the driver has not seen itself: chunks that were finished all the same, and those that died with their workers.

        Whatever was handed out before is taken back, once workers of this machine have ended what they do or ``patience`` (s) is over; without ``take_over``
        those who work are left alone. Returns the number of deaths that are news and speak against runs.
        """
        look_again(self.folder.attempts, self.folder.journals, self.folder.shards)
        if take_over:
            self._orders.close()
        history, alive = waited_for(self.folder, self.plan.identity, patience, self._concerns)
        if take_over:
            for begun in history.unfinished:
                self._orders.withdraw(begun.attempt)
            if self._orders.share == ALL:
                self._orders.withdraw_all()
        known = {path.name for path, _ in self.shards}
        for name, entry in history.finished.items():
            spans = entry["end"]
            if name not in known and spans[-1][1] <= len(self.plan) and not self._all_finished(spans) and (self.folder.shards / name).is_file():
                self._enter(Done(spans, name, entry["counts"], float(entry["seconds"])))
        self._inherit(history)
        deaths = [begun for begun in history.unfinished if begun not in alive]
        if self._forgive and take_over:
            self._forgive = False
            if deaths or history.lost:
                self._journal.forgive([*(death.attempt for death in deaths), *(attempt for _, attempt in history.lost)])
            self._known.update(deaths)
            history.lost.clear()
        for spans, _ in history.lost:
            if spans[-1][1] <= len(self.plan):
                self.ledger.give_up(spans)
                self._told_lost[positions_of(spans)] = True
        news = self._held_against([death for death in deaths if death not in self._known and not self._all_finished(death.spans)])
        if take_over:
            self._tell_lost()
        return news

    def _held_against(self, news: Sequence[Begun]) -> int:
        """Hold deaths against the runs that were in hand."""
        self._known.update(news)
        if self.executor.supervises:  # an engine that supervises says itself which chunk it gave up
            return 0
        together = Counter(_handed_out_with(death) for death in news)
        for death in news:
            self.ledger.died(death.spans, alone=death.alone, among_many=together[_handed_out_with(death)] > MANY)
        return len(news)

    def _tell_lost(self) -> None:
        """Write down which runs are given up, for whoever reads the journals."""
        new = self.ledger.lost & ~self._told_lost
        if new.any():
            self._journal.give_up(spans_of(np.flatnonzero(new).tolist()))
            self._told_lost |= new

    def _all_finished(self, spans: Spans) -> bool:
        return all(self.ledger.finished[first:last].all() for first, last in spans)

    def _concerns(self, spans: Spans) -> bool:
        return spans[-1][1] <= len(self.plan) and any(self._only[first:last].any() for first, last in spans)

    def _inherit(self, history: History) -> None:
        """Take over the shards of workers that died, or were told to stop, between putting it in place and saying so."""
        untold = {tag_in(path): path for path in self.folder.files() if path.name not in history.finished}
        begun = [*(begun.spans for begun in history.unfinished), *(spans for spans, _ in history.stopped)] if untold else []
        for spans in begun:
            shard = untold.pop(tag_of(Recipe("", self.plan.identity, "", spans)), None)
            if shard is None or spans[-1][1] > len(self.plan):
                continue
            found = Done(spans, shard.name, causes(read(shard)), 0.0)
            self._journal.end(spans, found.shard, 0.0, found.counts)
            if not self._all_finished(spans):
                self._enter(found)

    # -- ordinary chunks ---------------------------------------------------------------------------------------------------

    def _clean(self) -> bool:
        """Hand out what nothing speaks against; False when the pool broke."""
        handed: dict[concurrent.futures.Future[Done], Spans] = {}
        queue = self._chunks()
        with self.executor.pool() as pool:
            try:
                while True:
                    self._width, self._waits = self.executor.workers_of(pool), self.executor.waits_for(pool)
                    while len(handed) < AHEAD * self._width and (spans := next(queue, None)) is not None:
                        handed[self._submitted(pool, spans)] = spans
                        if isinstance(self.executor, Threads):
                            break
                    if not handed:
                        return True
                    ended, _ = concurrent.futures.wait(handed, timeout=1.0, return_when=concurrent.futures.FIRST_COMPLETED)
                    broken = False
                    for future in ended:
                        broken = not self._taken(future, handed.pop(future)) or broken
                    if broken:
                        for future, spans in handed.items():  # finished before the pool broke
                            if future.done() and not future.cancelled() and future.exception() is None:
                                self._taken(future, spans)
                        return False
                    self._report(0)
            except BaseException:
                for future in handed:
                    future.cancel()
                raise

    def _submitted(self, pool: concurrent.futures.Executor, spans: Spans) -> concurrent.futures.Future[Done]:
        recipe = self._told(spans, self.executor.threads)
        if isinstance(self.executor, Threads):
            return pool.submit(self._here, recipe)
        try:
            return pool.submit(work, recipe)
        except Exception as error:  # a pool that broke meanwhile says so here
            if not self.executor.broken(error) and not isinstance(error, concurrent.futures.BrokenExecutor):
                raise NkcellError(f"the executor ({self.executor.name}) takes no work ({type(error).__name__}: {error}). {self.kept()}") from error
            future: concurrent.futures.Future[Done] = concurrent.futures.Future()
            future.set_exception(error)
            return future

    def _told(self, spans: Spans, threads: int | None, *, alone: bool = False) -> Recipe:
        return Recipe(str(self.folder.path.resolve()), self.plan.identity, self.recipe, spans, threads, self._patient, self._orders.name, alone)

    def _here(self, recipe: Recipe) -> Done:
        """In this process, with its progress run by run."""
        if self._local is None:
            self._local = Worker(self.folder, self.plan)
        self._what = self._experiment(recipe.spans)
        return self._local.work(recipe, lambda done: self._report(done))

    def _taken(self, future: concurrent.futures.Future[Done], spans: Spans) -> bool:
        """Enter what a task brought; False when it brought the news that the pool is broken."""
        try:
            done = future.result()
        except (Exception, concurrent.futures.CancelledError) as error:
            if self.executor.killed(error):
                self.ledger.died(spans, alone=True, workers=DEATHS)  # one after another, and each had nothing else in hand
                self._tell_lost()
                return True
            if self.executor.broken(error):
                return False
            if isinstance(error, concurrent.futures.BrokenExecutor):
                raise NkcellError(f"the executor that was given is broken ({error}); open a new one. {self.kept()}") from error
            raise
        self._enter(done)
        return True

    def _enter(self, done: Done) -> None:
        if done.withdrawn:  # by an engine that believed its worker lost, unless it was somebody else who took over
            if not self._orders.stands:
                if not self.folder.exists:
                    moved = f"the folder {self.folder.path.name!r} of the study was moved or removed while it was in work"
                    raise ResultsError(f"{moved}; put it back and repeat the command")
                raise NkcellError(f"another process took over the work on {self.folder.path.name!r}; this one leaves it to that. {self.kept()}")
            return
        if done.problem:
            raise ResultsError(f"{done.problem}. {self.kept()}")
        if done.raised is not None:
            self._errors.append(done.raised)
            self.ledger.raised[positions_of(done.spans)] = True
            if len(self._errors) >= RAISING and not self.ledger.finished.any():
                raise self._errors[0]
            return
        self._waits = ""  # somebody came
        positions = np.array(positions_of(done.spans), dtype=np.int64)
        self.shards.append((self.folder.shards / done.shard, positions))
        self.ledger.finished[positions] = True
        self.ledger.counts.update(done.counts)
        self._what = self._experiment(done.spans)
        if done.seconds:
            self.ledger.seconds[self._what] = done.seconds / len(positions)

    def _experiment(self, spans: Spans) -> str:
        return next(name for name, (first, last) in self.plan.spans.items() if first <= spans[0][0] < last)

    def _chunks(self) -> Iterator[Spans]:
        """Chunks of what little speaks against, of one experiment each; their size follows the time that runs of it take."""
        for name, (first, last) in self.plan.spans.items():
            inside = np.zeros(len(self.plan), dtype=bool)
            inside[first:last] = True
            waiting = np.flatnonzero(self.ledger.clean & self._only & inside)
            most = self.ledger.most[waiting]
            done = 0
            while done < len(waiting):
                size = min(self._size(name, len(waiting) - done), int(most[done]))
                smaller = np.flatnonzero(most[done : done + size] < size)
                if len(smaller) and smaller[0]:
                    size = int(smaller[0])
                breaks = np.flatnonzero(np.diff(waiting[done : done + size]) != 1)
                if len(breaks) >= SPANS:
                    size = int(breaks[SPANS - 1]) + 1
                yield spans_of(waiting[done : done + size].tolist())
                done += size

    def _size(self, experiment: str, left: int) -> int:
        """Runs of the next chunk: a time that fits, and at the end small enough that all workers end together."""
        seconds = self.ledger.seconds.get(experiment)
        size = FIRST * (1 if self.executor.threads == 1 else 2) if seconds is None else int(min(LARGEST, max(LANES, TARGET / max(seconds, 1e-6))))
        size = min(size, max(LANES, NUMBERS // max(1, self.plan.numbers(experiment))))
        if self._width > 1:
            size = min(size, -(-left // (AHEAD * self._width)))
        return max(1, min(left, -(-size // LANES) * LANES))

    # -- suspects -----------------------------------------------------------------------------------------------------------

    def _suspects(self) -> None:
        """One at a time, where their death is seen and takes nothing with it."""
        self._patient = True
        about = self.folder.about
        if isinstance(self.executor, Threads) and (about.get("unloadable") or about.get("main")):
            while (self.ledger.suspects & self._only).any():
                self._enter(self._here(self._told(self._next_suspects(), 1, alone=True)))  # the next start hears of it if this is the end
            return
        engine = self.executor if self.executor.supervises else Processes(1, main=bool(about.get("main")))
        while (self.ledger.suspects & self._only).any():
            with engine.pool() as pool:
                while (self.ledger.suspects & self._only).any() and self._suspect(engine, pool):
                    self._report(0)

    def _suspect(self, engine: Executor, pool: concurrent.futures.Executor) -> bool:
        """Do the next suspects; False when the pool broke."""
        spans, before = self._next_suspects(), int(self.ledger.finished.sum())
        try:
            future = pool.submit(work, self._told(spans, 1, alone=True))
            while not concurrent.futures.wait([future], timeout=1.0).done:
                self._waits = engine.waits_for(pool)
                self._report(0)
            self._enter(future.result())
        except (Exception, concurrent.futures.CancelledError) as error:
            if engine.killed(error):
                self.ledger.died(spans, alone=True, workers=DEATHS)
                self._tell_lost()
                return True
            if not engine.broken(error):
                raise
            self._judge_pool(engine, self.learn(), before)
            return False
        self._empty_handed = 0
        return True

    def _next_suspects(self) -> Spans:
        """The suspects with the fewest deaths, as many as may be together."""
        suspects = self.ledger.suspects & self._only
        positions = np.flatnonzero(suspects)
        first = int(positions[np.argmin(self.ledger.deaths[positions])])
        end = min(first + int(self.ledger.most[first]), self.plan.spans[self._experiment(((first, first + 1),))][1])
        others = np.flatnonzero(~suspects[first:end])
        return ((first, first + int(others[0]) if len(others) else end),)

    # -- progress -----------------------------------------------------------------------------------------------------------

    def follow(self, what: str) -> None:
        """Report on runs that are done elsewhere, as their journals tell."""
        history = self.folder.history(self.plan.identity)
        self.ledger.counts = self._earlier + Counter(history.counts)
        self._what = f"{self.executor.name}: {what}"
        self._report(self.elsewhere(history))

    def elsewhere(self, history: History | None = None) -> int:
        """Number of runs that the journals call finished and that are not entered here yet."""
        told = np.zeros(len(self.plan), dtype=bool)
        for entry in (history or self.folder.history(self.plan.identity)).finished.values():
            for first, last in entry["end"]:
                told[first:last] = True
        return int((told & ~self.ledger.finished).sum())

    def _ended_before(self) -> Counter[str]:
        """How runs ended that were finished before the start, as far as journals tell."""
        counts: Counter[str] = Counter()
        finished = self.ledger.finished & self._only
        for entry in self.folder.history(self.plan.identity).finished.values():
            positions = positions_of(entry["end"])
            if positions[-1] < len(self.plan) and finished[positions].all():
                counts.update(entry["counts"])
        return counts

    def _report(self, more: int) -> None:
        failed: Counter[str] = Counter()
        for cause, count in self.ledger.counts.items():
            failed[cause.split()[0].rstrip(":")] += count
        del failed["ok"]
        what = f"{self._what} ({described(dict(failed.most_common()))})" if failed else self._what
        what += f", {self._waits}" if self._waits else ""
        self.progress(int((self.ledger.finished & self._only).sum()) + more, int(self._only.sum()), what)


def _handed_out_with(begun: Begun) -> str:
    """What else may have died with it: the same order; or, of a task of an array, whose order is its own, any other task."""
    return "tasks" if begun.order.startswith("task") else begun.order
