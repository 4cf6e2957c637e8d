"""What is held against a run, and what is not: errors of its own code, deaths of its workers, and what processes leave that were stopped at a bad moment."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.errors import ResultsError
from nkcell_sim.executors import Threads
from nkcell_sim.experiments import Rest
from nkcell_sim.results import compare
from nkcell_sim.study import driver
from nkcell_sim.study.driver import Driver
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.journal import Journal, Spans
from nkcell_sim.study.orders import Orders
from nkcell_sim.study.plan import Plan
from nkcell_sim.study.runner import collect_study
from nkcell_sim.study.worker import Recipe, Worker

KEY = "KCa31.g_max"
RUNS = 24
RAISED: list[OSError] = []


@dataclass(frozen=True, kw_only=True, repr=False)
class Unlucky(Rest):
    """An experiment whose code asks a server that does not always answer."""

    kind: ClassVar[str] = "unlucky"

    def features(self, trace: Any) -> Any:
        if RAISED and any(abs(cell.parameter(KEY) - 0.3) < 1e-9 for cell in trace.cells):
            raise RAISED[0]
        return super().features(trace)


def study(runs: int = RUNS, experiment: Rest | None = None) -> nk.Study:
    return nk.Study(nk.primary_nk_cell(), {"rest": experiment or Rest(duration="20 s")}, vary={KEY: np.linspace(0.1, 0.5, runs)})


@pytest.fixture
def raised() -> Any:
    yield RAISED
    RAISED.clear()


@pytest.mark.parametrize("error", [TimeoutError("the licence server did not answer"), FileNotFoundError(errno.ENOENT, "no such table")])
def test_an_error_of_the_operating_system_in_the_code_of_one_run_costs_only_that_run(tmp_path: Path, raised: list[OSError], error: OSError) -> None:
    raised.append(error)
    found = nk.run(study(5, Unlucky(duration="20 s")), tmp_path / "x.h5", on=Threads(1))["rest"]
    assert found.status == ["ok", "ok", "not_run", "ok", "ok"]
    assert type(error).__name__ in found.failure(2)


def test_a_machine_that_has_no_room_is_no_fault_of_a_run(tmp_path: Path, raised: list[OSError]) -> None:
    raised.append(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(ResultsError, match=r"cannot go on: No space left on device"):
        nk.run(study(5, Unlucky(duration="20 s")), tmp_path / "x.h5", on=Threads(1))
    raised.clear()
    assert nk.run(study(5, Unlucky(duration="20 s")), tmp_path / "x.h5", on=Threads(1))["rest"].status == ["ok"] * 5


class Bench:
    """The folder of a study, with what processes wrote into it that are gone."""

    def __init__(self, folder: Path) -> None:
        self.plan, self.target = Plan(study()), folder / "s.h5"
        self.folder = StudyFolder.beside(self.target)
        self.recipe = self.folder.prepare(self.plan, result=self.target, config="")
        self.orders = Orders(self.folder.attempts)

    def driver(self) -> Driver:
        return Driver(self.plan, self.folder, self.recipe, Threads(1), np.zeros(RUNS, dtype=bool), lambda *_: None)

    def dead(self, spans: Spans, order: str, *, alone: bool = False) -> None:
        """A worker that began and is gone."""
        aside = self.target.with_name(f"journal of {os.urandom(4).hex()}")
        aside.mkdir()
        Journal(aside, self.plan.identity).start(spans, f"attempt-{os.urandom(4).hex()}", order, alone=alone)
        (path,) = aside.iterdir()
        first, *rest = path.read_text(encoding="utf-8").splitlines()
        gone = json.dumps({**json.loads(first), "pid": 2**22 + 1})  # above the largest number that a process has
        (self.folder.journals / path.name).write_text("\n".join([gone, *rest]) + "\n", encoding="utf-8")

    def learned(self) -> Driver:
        made = self.driver()
        made.learn()
        return made


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def chunk(first: int, last: int) -> Spans:
    return ((first, last),)


def test_a_chunk_that_died_twice_is_suspect_whatever_of_it_was_finished_since(bench: Bench) -> None:
    for order in ("a", "b"):
        bench.dead(chunk(16, 24), order)
    ledger = bench.learned().ledger
    assert np.flatnonzero(ledger.suspects).tolist() == list(range(16, 24))
    ledger.finished[16] = True  # the first run of the chunk, in another one since
    assert np.flatnonzero(ledger.suspects).tolist() == list(range(17, 24))
    Worker(bench.folder, bench.plan).work(bench.driver()._told(chunk(16, 17), 1))
    assert np.flatnonzero(bench.learned().ledger.suspects).tolist() == list(range(17, 24))


def test_many_deaths_under_one_order_weigh_half_and_are_not_forgotten(bench: Bench) -> None:
    def all_die(order: str) -> None:
        for first in range(0, RUNS, 4):  # six workers: the machine went down
            bench.dead(chunk(first, first + 4), order)

    for number in range(driver.SUSPICION):
        assert not bench.learned().ledger.suspects.any(), f"after {number} times"
        all_die(f"order {number}")
    assert bench.learned().ledger.suspects.all()


def test_tasks_of_an_array_that_die_together_are_many_though_each_has_an_order_of_its_own(bench: Bench) -> None:
    for outage in range(2):
        for task, first in enumerate(range(0, RUNS, 4)):
            bench.dead(chunk(first, first + 4), f"task{task}-{outage}")
    assert not bench.learned().ledger.suspects.any(), "two outages of a node or its power"


def test_only_what_died_alone_is_given_up_and_everybody_hears_of_it(bench: Bench) -> None:
    for number in range(driver.DEATHS):
        bench.dead(chunk(3, 4), f"among others {number}")
        bench.dead(chunk(7, 8), f"alone {number}", alone=True)
        bench.dead(chunk(8, 10), f"two alone {number}", alone=True)
    assert np.flatnonzero(bench.learned().ledger.lost).tolist() == [7]
    assert [spans for spans, _ in bench.folder.history().lost] == [chunk(7, 8)]
    for path in bench.folder.journals.glob("*.jsonl"):
        if '"lost"' not in path.read_text(encoding="utf-8"):
            path.unlink()
    assert np.flatnonzero(bench.learned().ledger.lost).tolist() == [7], "without those who saw the deaths"


def test_what_is_forgiven_is_tried_again_and_counted_afresh(bench: Bench) -> None:
    for number in range(driver.DEATHS):
        bench.dead(chunk(7, 8), f"alone {number}", alone=True)
    assert bench.learned().ledger.lost.sum() == 1
    forgiving = Driver(bench.plan, bench.folder, bench.recipe, Threads(1), np.zeros(RUNS, dtype=bool), lambda *_: None, forgive=True)
    forgiving.learn()
    assert not forgiving.ledger.lost.any()
    bench.dead(chunk(7, 8), "once more", alone=True)
    ledger = bench.learned().ledger
    assert (ledger.deaths[7], ledger.lost.any()) == (1, False)


def test_a_shard_of_a_worker_that_was_stopped_before_it_could_say_so_is_taken_over(bench: Bench) -> None:
    done = Worker(bench.folder, bench.plan).work(Recipe(str(bench.folder.path), bench.plan.identity, bench.recipe, chunk(0, 8), 1, order=bench.orders.name))
    (path,) = bench.folder.journals.iterdir()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines[-1] = {"stop": lines[-1]["end"], "why": "SIGTERM"}  # as the handler writes it
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    made = bench.driver()
    made.learn()
    assert np.flatnonzero(made.ledger.finished).tolist() == list(range(8))
    assert list(bench.folder.history().finished) == [done.shard]


def test_whoever_takes_the_folder_over_withdraws_what_an_earlier_study_left_in_work(bench: Bench) -> None:
    (bench.folder.attempts / "attempt-of-another-study").touch()
    bench.driver().learn(take_over=False)
    assert [path.name for path in bench.folder.attempts.iterdir()] == ["attempt-of-another-study"]
    bench.driver().learn()
    assert not list(bench.folder.attempts.iterdir())


def test_runs_that_are_given_up_are_in_the_collected_file(bench: Bench) -> None:
    Worker(bench.folder, bench.plan).work(Recipe(str(bench.folder.path), bench.plan.identity, bench.recipe, chunk(0, RUNS - 1), 1, order=bench.orders.name))
    for number in range(driver.DEATHS):
        bench.dead(chunk(RUNS - 1, RUNS), f"alone {number}", alone=True)
    bench.learned()
    found, _ = collect_study(bench.folder, bench.target)
    assert found["rest"].status == ["ok"] * (RUNS - 1) + ["worker_lost"]
    assert "every process that did it died" in found["rest"].failure(RUNS - 1)


@pytest.mark.parametrize("how", ["cut", "removed"])
def test_a_shard_that_is_damaged_while_the_study_goes_on_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(driver, "FIRST", 8)
    monkeypatch.setattr(driver, "LARGEST", 8)
    harm: dict[str, Callable[[Path], object]] = {"cut": lambda shard: os.truncate(shard, shard.stat().st_size // 2), "removed": Path.unlink}
    harmed: list[Path] = []

    def progress(done: int, total: int, what: str) -> None:
        shards = StudyFolder.beside(tmp_path / "x.h5").files()
        if len(shards) > 1 and not harmed:
            harm[how](shards[0])
            harmed.append(shards[0])

    said: list[str] = []
    found = nk.run(study(), tmp_path / "x.h5", progress=progress, note=said.append)
    assert harmed
    assert compare(found.root, nk.run(study()).root).equal
    assert "its runs were done again" in " ".join(said)
