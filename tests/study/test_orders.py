"""Work that was given to somebody else: what waits is not begun, what is being done is not put in place, what is finished stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nkcell_sim as nk
from nkcell_sim.errors import ResultsError
from nkcell_sim.results import check_shard
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.journal import Journal
from nkcell_sim.study.orders import Orders
from nkcell_sim.study.plan import Plan
from nkcell_sim.study.runner import collect_study
from nkcell_sim.study.worker import Done, Recipe, Worker

RUNS = 4


class Bench:
    """A study in a folder, and workers that do all of it as one chunk."""

    def __init__(self, folder: Path) -> None:
        design = nk.MonteCarlo({"TRPM3.density": nk.LogNormal(1.0, cv=0.4)}, samples=RUNS)
        self.plan = Plan(nk.Study(nk.primary_nk_cell(), nk.CalciumImaging(pregs="50 uM", ntx_in_bath="kept"), design=design, keep=[]))
        self.folder = StudyFolder.beside(folder / "s.h5")
        self.recipe = self.folder.prepare(self.plan, result=folder / "s.h5", config="")
        self.orders = Orders(self.folder.attempts)

    def handed_out(self) -> Recipe:
        return Recipe(str(self.folder.path), self.plan.identity, self.recipe, ((0, RUNS),), 1, order=self.orders.name)

    def done(self, recipe: Recipe, meanwhile: Callable[[], object] = bool) -> Done:
        """What another worker makes of it, while something else happens once."""
        happened: list[object] = []

        def report(_: int) -> None:
            if not happened:
                happened.append(meanwhile())

        return Worker(self.folder, self.plan).work(recipe, report)

    def in_hand(self) -> list[str]:
        return [begun.attempt for begun in self.folder.history().unfinished]

    def kept(self) -> list[Path]:
        """The shards, which are sound; nobody has anything in hand, and nothing is left of attempts."""
        assert self.in_hand() == []
        assert not list(self.folder.attempts.glob("attempt-*"))
        assert not [problem for path in self.folder.files() if (problem := check_shard(path))]
        return self.folder.files()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_work_that_waits_in_a_queue_is_not_begun_once_its_order_is_closed(bench: Bench) -> None:
    queued = bench.handed_out()
    bench.orders.close()
    assert bench.done(queued).withdrawn
    assert bench.kept() == []
    assert bench.done(bench.handed_out()).counts == {"ok": RUNS}, "under a new order it is"
    assert len(bench.kept()) == 1


def test_work_in_hand_that_is_withdrawn_puts_nothing_in_place(bench: Bench) -> None:
    done = bench.done(bench.handed_out(), lambda: [bench.orders.withdraw(name) for name in bench.in_hand()])
    assert done.withdrawn
    assert not done.problem
    assert bench.kept() == []


def test_work_that_is_finished_is_not_taken_back(bench: Bench) -> None:
    names: list[str] = []
    done = bench.done(bench.handed_out(), lambda: names.extend(bench.in_hand()))
    bench.orders.withdraw(names[0])
    assert not done.withdrawn
    assert [path.name for path in bench.kept()] == [done.shard]


def test_an_engine_that_hands_a_finished_chunk_out_again_gets_what_is_there(bench: Bench) -> None:
    recipe = bench.handed_out()
    first, again = bench.done(recipe), bench.done(recipe)
    assert first.seconds > 0 == again.seconds
    assert [path.name for path in bench.kept()] == [first.shard] == [again.shard]


def test_who_began_a_chunk_in_the_moment_in_which_its_order_was_closed_is_known_or_does_not_go_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed between the word in the journal and the mark: the worker puts down what whoever reads the journals takes for in hand."""
    recipe, seen = bench.handed_out(), []
    said = Journal.start

    def start(journal: Journal, *given: Any, **options: Any) -> None:
        said(journal, *given, **options)
        bench.orders.close()
        seen.extend(bench.in_hand())

    monkeypatch.setattr(Journal, "start", start)
    assert bench.done(recipe).withdrawn
    assert len(seen) == 1
    assert bench.kept() == []


def test_of_two_attempts_at_the_same_runs_the_later_one_counts_and_the_earlier_one_hears_of_it(bench: Bench) -> None:
    recipe = bench.handed_out()
    inner: list[Done] = []
    outer = bench.done(recipe, lambda: inner.append(bench.done(recipe)))
    assert [path.name for path in bench.kept()] == [inner[0].shard] == [outer.shard]
    assert inner[0].seconds > 0 == outer.seconds, "one of them did it"


def test_an_order_of_a_share_leaves_those_of_other_shares_alone(bench: Bench) -> None:
    shares = {name: Orders(bench.folder.attempts, name) for name in ("task1", "task11", "task2")}
    names = {share: orders.name for share, orders in shares.items()}
    again = Orders(bench.folder.attempts, "task1")  # the same task, started once more
    again.close()
    assert {share: orders.stands for share, orders in shares.items()} == {"task1": False, "task11": True, "task2": True}
    assert shares["task1"].name == names["task1"], "the first start does not go on under another order"
    bench.orders.close()
    assert not any(orders.stands for orders in shares.values()), "who may hand out everything closes all"


@pytest.mark.parametrize("given", ["../study.json", "study.json", "attempt-/../../study.json", ""])
def test_only_attempts_can_be_withdrawn(bench: Bench, given: str) -> None:
    bench.orders.withdraw(given)
    assert (bench.folder.path / "study.json").is_file()


@pytest.mark.parametrize("partial", [False, True])
def test_collecting_takes_nothing_from_those_who_work(bench: Bench, tmp_path: Path, partial: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nkcell_sim.study.runner.LINGER", 0.0)
    said: list[str] = []

    def collect() -> None:
        try:
            said.extend(collect_study(bench.folder, tmp_path / "other.h5", partial=partial)[1])
        except ResultsError as error:
            said.append(str(error))

    done = bench.done(bench.handed_out(), collect)
    assert f"{RUNS} of {RUNS} runs are not finished" in said[-1]
    assert [path.name for path in bench.kept()] == [done.shard]
