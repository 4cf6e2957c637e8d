"""A study that is stopped goes on where it was: nothing finished is computed again, and the file is that of the study that was never stopped."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pickle
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.errors import ResultsError
from nkcell_sim.executors import Threads
from nkcell_sim.experiments import Rest
from nkcell_sim.results import Results, compare, open_results
from nkcell_sim.results.pack import pack
from nkcell_sim.study.arrays import SHARES, work_on_share
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.journal import positions_of, process_age
from nkcell_sim.study.plan import Plan
from nkcell_sim.study.status import status_text
from nkcell_sim.study.worker import Recipe

SOURCE = Path(nk.__file__).parents[1]
CELL = nk.primary_nk_cell()
SHORT = Rest(duration="20 s")
RUNS = 160  # three chunks at least: the first has 64 runs
G_MAX = "KCa31.g_max"


def study(runs: int = RUNS, experiment: Rest = SHORT, title: str = "many") -> nk.Study:
    return nk.Study(CELL, {"rest": experiment}, vary={G_MAX: np.linspace(0.1, 0.5, runs)}, title=title)


@dataclass
class Counted:
    """What was computed for a result file, as the journals of its folder say."""

    ended: list[int]  # positions of runs, once for every time that they were finished
    results: Results

    @property
    def once_each(self) -> bool:
        return sorted(self.ended) == list(range(len(self.ended)))


def computed(target: Path, plan: Plan) -> list[int]:
    entries = StudyFolder.beside(target).history(plan.identity).finished.values()
    return sorted(position for entry in entries for position in positions_of(entry["end"]))


def done(of: nk.Study, target: Path, **options: Any) -> Counted:
    """Run with the folder kept, and count."""
    results = nk.run(of, target, on=Threads(1), virtual=True, **options)
    folder = StudyFolder.beside(target)
    return Counted(computed(target, Plan(of)) if folder.exists else [], results)


def interrupt_at(runs: int) -> Callable[[int, int, str], None]:
    def progress(finished: int, total: int, what: str) -> None:
        if finished >= runs:
            raise KeyboardInterrupt

    return progress


def interrupted(target: Path, of: nk.Study | None = None, runs: int = 70) -> StudyFolder:
    """A study that was stopped after its first chunk."""
    with pytest.raises(KeyboardInterrupt):
        nk.run(of or study(), target, on=Threads(1), progress=interrupt_at(runs))
    assert not target.exists()
    folder = StudyFolder.beside(target)
    assert folder.files(), "the first chunk is kept"
    return folder


@pytest.fixture(scope="module")
def unbroken() -> Results:
    """The same study in memory, never stopped."""
    return nk.run(study(), on=Threads(1))


def equal(a: Results, b: Results) -> bool:
    found = compare(a.root, b.root)
    assert found.equal, str(found)
    return True


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "many.h5"


# -- interrupts -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", [1, 65, 159])
def test_an_interrupted_study_goes_on_and_gives_the_file_of_the_unbroken_one(target: Path, unbroken: Results, runs: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        nk.run(study(), target, on=Threads(1), progress=interrupt_at(runs))
    assert not target.exists()
    again = done(study(), target)
    assert equal(again.results, unbroken)
    assert again.once_each
    assert len(again.ended) == RUNS, "no finished run is repeated"


def test_an_interrupt_while_the_results_are_put_together_costs_no_run(target: Path, unbroken: Results) -> None:
    def progress(finished: int, total: int, what: str) -> None:
        if what == "results":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nk.run(study(), target, on=Threads(1), progress=progress)
    again = done(study(), target)
    assert equal(again.results, unbroken)
    assert len(again.ended) == RUNS


def test_a_study_that_was_interrupted_before_anything_was_finished_leaves_nothing(target: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        nk.run(study(), target, on=Threads(1), progress=interrupt_at(0))
    assert not list(target.parent.iterdir())


def test_every_interrupted_start_brings_the_study_further(target: Path, unbroken: Results) -> None:
    """Interrupted again and again, each time after one more chunk."""
    starts, kept = 0, -1
    while not target.exists():
        starts += 1
        assert starts < 10

        def progress(finished: int, total: int, what: str, before: int = max(kept, 0)) -> None:
            if finished > before + 64 and what != "results":
                raise KeyboardInterrupt

        try:
            nk.run(study(), target, on=Threads(1), progress=progress, virtual=True)
        except KeyboardInterrupt:
            now = len(computed(target, Plan(study())))
            assert now > kept
            kept = now
    assert equal(open_results(target), unbroken)
    assert computed(target, Plan(study())) == list(range(RUNS))


# -- what is finished stays finished ----------------------------------------------------------------------------------------------


def test_a_complete_file_is_not_computed_again_unless_fresh(target: Path) -> None:
    done(study(), target)
    before, notes = target.read_bytes(), list[str]()
    again = done(study(), target, note=notes.append)
    assert len(again.ended) == RUNS
    assert target.read_bytes() == before
    assert notes == [f"many.h5 holds all {RUNS} runs of this study: nothing was computed (--fresh computes them again)"]
    with pytest.raises(ResultsError, match=r"keeps its traces in many\.h5\.runs, which doing all runs afresh would clear"):
        done(study(), target, fresh=True)
    nk.run(study(), target, on=Threads(1), fresh=False)
    pack(target)
    StudyFolder.beside(target).remove()
    before = target.read_bytes()
    fresh = done(study(), target, fresh=True)
    assert len(fresh.ended) == RUNS, "the old journals went with the old folder"
    assert target.read_bytes() != before, "its provenance says that it was made later"


def test_another_title_is_written_from_the_rows_that_are_there(target: Path) -> None:
    nk.run(study(), target, on=Threads(1))
    renamed = nk.run(study(title="other"), target, on=Threads(1))
    assert renamed.title == "other"
    assert not StudyFolder.beside(target).exists, "nothing was computed"


DISTRIBUTIONS = {G_MAX: nk.Uniform(0.1, 0.5), "TRPM3.density": nk.LogNormal(1.0, cv=0.3)}
POINTS = [{G_MAX: 0.1 + 0.01 * i, "TRPM3.density": 1.0 + 0.1 * (i % 3)} for i in range(12)]
COLUMNS = {key: [point[key] for point in POINTS] for key in (G_MAX, "TRPM3.density")}


def first(count: int, columns: dict[str, list[float]]) -> dict[str, list[float]]:
    return {key: values[:count] for key, values in columns.items()}


DESIGNS: dict[str, tuple[Any, Any]] = {
    "grid": (nk.Grid({G_MAX: [0.1, 0.3], "TRPM3.density": [1.0, 2.0]}), nk.Grid({G_MAX: [0.1, 0.2, 0.3], "TRPM3.density": [1.0, 2.0, 3.0]})),
    "zip": (nk.Zip(first(6, COLUMNS)), nk.Zip(COLUMNS)),
    "list": (nk.Listed(POINTS[:6]), nk.Listed(POINTS)),
    "table": (nk.Table(first(6, COLUMNS)), nk.Table(COLUMNS)),
    "reordered table": (nk.Table(first(6, COLUMNS)), nk.Table({key: values[::-1] for key, values in COLUMNS.items()})),
    **{
        kind.__name__: (kind(DISTRIBUTIONS, samples=6, seed=3), kind(DISTRIBUTIONS, samples=6, seed=3).extended(12))
        for kind in (nk.MonteCarlo, nk.LatinHypercube, nk.Sobol, nk.Halton)
    },
}


@pytest.mark.parametrize("kind", DESIGNS)
def test_an_extended_design_keeps_every_row_of_the_earlier_file(target: Path, kind: str) -> None:
    small, large = (nk.Study(CELL, {"rest": SHORT}, design=design) for design in DESIGNS[kind])
    nk.run(small, target, on=Threads(1))
    grown = done(large, target)
    assert len(grown.ended) == len(large) - len(small), "only what is new was computed"
    assert equal(grown.results, nk.run(large, on=Threads(1)))


def test_more_donors_and_more_cells_keep_the_rows_of_those_that_were_there(target: Path) -> None:
    def cohort(donors: int, cells: int) -> nk.Study:
        return nk.Study(CELL, {"rest": SHORT}, cohort=nk.Cohort(donors=donors, cells=cells, seed=5))

    nk.run(cohort(2, 2), target, on=Threads(1))
    grown = done(cohort(3, 3), target)
    assert len(grown.ended) == 9 - 4
    assert equal(grown.results, nk.run(cohort(3, 3), on=Threads(1)))


def test_a_stopped_study_can_be_extended_before_it_is_finished(target: Path) -> None:
    small, large = (nk.Study(CELL, {"rest": SHORT}, design=nk.MonteCarlo(DISTRIBUTIONS, samples=n, seed=3)) for n in (RUNS, RUNS + 40))
    interrupted(target, small)
    grown = done(large, target)
    assert len(grown.ended) == len(large) - 64, "the chunk that the smaller study had finished is taken over"
    assert equal(grown.results, nk.run(large, on=Threads(1)))


# -- damage -----------------------------------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("damage", [cut, emptied, flipped])
def test_a_damaged_shard_is_set_aside_and_its_runs_are_done_again(target: Path, unbroken: Results, damage: Callable[[Path], None]) -> None:
    folder = interrupted(target)
    (shard,) = folder.files()
    damage(shard)
    notes: list[str] = []
    again = done(study(), target, note=notes.append)
    assert equal(again.results, unbroken)
    assert [path.name for path in (folder.path / "damaged").iterdir()] == [shard.name]
    assert f"{shard.name!r} is truncated or was changed" in notes[0]
    assert "set aside in many.h5.runs/damaged, and its runs were done again" in notes[0]


NONSENSE = [
    '{"start": [[64, 1',
    '{"start": 3}',
    '{"start": []}',
    '{"start": [[1e99, 5]]}',
    '{"start": [[5000, 6000]]}',
    '{"end": [[0, "x"]], "shard": 1}',
    '{"end": [[0, 64]]}',
    '{"end": [[5000, 6000]], "shard": "x.h5", "seconds": 1, "counts": {}}',
    '{"stop": null, "why": 1}',
    "[]",
]


def test_lines_that_were_torn_or_say_nothing_sensible_in_journals_cost_nothing(target: Path, unbroken: Results) -> None:
    folder = interrupted(target)
    (journal,) = folder.journals.iterdir()
    text, identity = journal.read_text(encoding="utf-8"), Plan(study()).identity
    for i, line in enumerate(NONSENSE):
        (folder.journals / f"{identity}-{i}.jsonl").write_text(text + line, encoding="utf-8")
    journal.write_text(text + "\n".join(NONSENSE), encoding="utf-8")
    (folder.journals / f"{identity}-empty.jsonl").touch()
    (folder.journals / f"{identity}-torn.jsonl").write_bytes(b'\xff\x00{"host": "x"')
    assert "64 of 160 runs finished" in status_text(str(target))
    assert equal(done(study(), target).results, unbroken)


def test_a_clock_that_jumped_is_harmless(target: Path, unbroken: Results) -> None:
    folder = interrupted(target, runs=130)
    (journal,) = folder.journals.iterdir()
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    for at in ["1970-01-01T00:00:00+00:00", "2999-12-31T23:59:59+00:00", "yesterday", "2026-01-01T00:00:00", 17, None]:
        lines[-1]["at"] = at
        journal.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        assert "of 160 runs finished" in status_text(str(target))
    for path in folder.files():
        os.utime(path, (0, 0))
    assert equal(done(study(), target).results, unbroken)


# -- one driver at a time -----------------------------------------------------------------------------------------------------------


def test_a_study_that_another_process_runs_is_refused_until_that_process_is_gone(target: Path, unbroken: Results) -> None:
    folder = interrupted(target)
    with subprocess.Popen(["sleep", "60"]) as other:
        said = {"host": platform.node(), "pid": other.pid, "age": process_age(other.pid), "beat": 1}
        (folder.path / "driver-1.json").write_text(json.dumps(said), encoding="utf-8")
        with pytest.raises(ResultsError, match=rf"process {other.pid} on .* runs this study in '.*many\.h5\.runs' already; follow it with `nkcell status"):
            nk.run(study(), target, on=Threads(1))
        with pytest.raises(ResultsError, match="already"):
            nk.run(study(), target, on=Threads(1), fresh=True)
        assert folder.files(), "nothing was taken from it"
        other.kill()
    assert equal(done(study(), target).results, unbroken)
    assert not (folder.path / "driver-1.json").exists()


STALE = ["", "{", "[]", '{"host": "x"}', json.dumps({"host": platform.node(), "pid": 2**22 + 1, "age": "1", "beat": 3})]
STALE += [json.dumps({"host": platform.node(), "pid": 1, "age": "not that of process 1", "beat": 3})]  # the number was given again


def test_a_sign_of_life_that_is_stale_or_unreadable_stops_nobody(target: Path, unbroken: Results) -> None:
    folder = interrupted(target)
    for said in STALE:
        (folder.path / "driver-1.json").write_text(said, encoding="utf-8")
        with folder.driven():
            pass
    (folder.path / "driver-1.json").write_text(STALE[-1], encoding="utf-8")
    assert equal(done(study(), target).results, unbroken)


# -- errors of Python ---------------------------------------------------------------------------------------------------------------


class Fussy(Rest):
    """An experiment whose code cannot cope with some cells."""

    def features(self, trace: Any) -> Any:
        values = np.array([cell.parameter(G_MAX) for cell in trace.cells])
        if np.any(np.abs(values - 0.3) < 1e-9):
            raise ZeroDivisionError("no such cell")
        return super().features(trace)


class Broken(Rest):
    def features(self, trace: Any) -> Any:
        raise ZeroDivisionError("no cell at all")


def test_an_error_of_python_costs_only_its_run(target: Path) -> None:
    runs = 81  # with 0.3 in the middle
    found = nk.run(study(runs, Fussy(duration="20 s")), target, on=Threads(1))["rest"]
    whole = nk.run(study(runs))["rest"]
    lost = runs // 2
    assert [i for i, status in enumerate(found.status) if status != "ok"] == [lost]
    assert found.failure(lost) == "not_run: ZeroDivisionError: no such cell"
    kept = np.arange(runs) != lost
    assert np.array_equal(found["v_rest"][kept], whole["v_rest"][kept])
    assert np.isnan(found["v_rest"][lost])


@pytest.mark.parametrize("first", [True, False])
def test_errors_in_every_run_of_a_chunk_are_those_of_its_runs_when_others_came_through(target: Path, monkeypatch: pytest.MonkeyPatch, first: bool) -> None:
    """The first or the last chunk holds nothing but runs that raise."""
    monkeypatch.setattr("nkcell_sim.study.driver.FIRST", 8)
    bad = (np.arange(24) < 8) if first else (np.arange(24) >= 16)
    points = nk.Zip({G_MAX: np.where(bad, 0.3, 0.2).tolist(), "TRPM3.density": np.linspace(1.0, 2.0, 24).tolist()})
    found = nk.run(nk.Study(CELL, {"rest": Fussy(duration="20 s")}, design=points), target, on=Threads(1))["rest"]
    assert [found.failure(i) for i in np.flatnonzero(bad)] == ["not_run: ZeroDivisionError: no such cell"] * 8
    assert [found.status[i] for i in np.flatnonzero(~bad)] == ["ok"] * 16


def test_an_error_in_every_run_is_raised(target: Path) -> None:
    with pytest.raises(ZeroDivisionError, match="no cell at all"):
        nk.run(study(20, Broken(duration="20 s")), target, on=Threads(1))
    assert not list(target.parent.iterdir())


# -- identities -------------------------------------------------------------------------------------------------------------------------


def test_a_recipe_is_less_than_a_kilobyte_however_large_the_study_is() -> None:
    path = "/a/rather/long/path/of/a/shared/file/system" * 4
    recipe = Recipe(path, "0" * 16, "0" * 16, ((999_000, 1_003_096),), 1)
    assert len(pickle.dumps(recipe)) < 1000


def test_keys_and_ids_are_those_of_the_run_not_of_the_study() -> None:
    alone = nk.Study(CELL, {"rest": SHORT}, vary={G_MAX: [0.2]}, title="alone")
    among = nk.Study(CELL, {"imaging": nk.CalciumImaging(ntx_in_bath="kept"), "rest": SHORT}, vary={G_MAX: [0.1, 0.2, 0.3]}, title="among")
    (mine,), plan = list(Plan(alone)), Plan(among)
    same = [i for i, run in enumerate(plan) if run.id == mine.id]
    assert same == [4]
    assert plan.keys[4] == Plan(alone).keys[0]
    assert len(set(plan.keys.tolist())) == len(plan)


def test_a_given_executor_leaves_the_file_of_the_unbroken_study(target: Path, unbroken: Results) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert equal(nk.run(study(), target, on=pool), unbroken)


def test_a_process_that_has_ended_is_not_alive_though_nobody_has_looked_yet() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert child.stdin is not None
    age = process_age(child.pid)
    assert age
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and left as a zombie
    assert process_age(child.pid) == ""
    child.wait()


def test_a_truncated_shard_stops_neither_a_task_nor_the_status(target: Path) -> None:
    plan, folder = Plan(study()), interrupted(target, study(RUNS - 10))  # shards of an earlier study, which both look into
    folder.prepare(plan, result=target, config="")
    (shard,) = folder.files()
    cut(shard)
    (folder.path / "slurm").mkdir()
    (folder.path / SHARES).write_text(json.dumps({"missing": [[0, RUNS]], "tasks": 1}), encoding="utf-8")
    assert "0 of 160 runs finished" in status_text(str(target))
    assert work_on_share(folder, 0, 1, 1, lambda *_: None).ledger.finished.all()


def test_a_task_that_is_told_to_stop_gives_up_its_chunk_and_says_so(target: Path) -> None:
    folder, plan = StudyFolder.beside(target), Plan(study(4000, Rest(duration="2000 s")))  # seconds a chunk
    folder.prepare(plan, result=target, config="")
    (folder.path / "slurm").mkdir()
    (folder.path / SHARES).write_text(json.dumps({"missing": [[0, 4000]], "tasks": 1}), encoding="utf-8")
    command = [sys.executable, "-m", "nkcell_sim.cli", "work", str(folder.path), "--task", "0", "--tasks", "1"]
    task = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(Path(nk.__file__).parents[1])}, stderr=subprocess.PIPE, text=True)
    while not folder.history().unfinished:
        assert task.poll() is None
        time.sleep(0.01)
    task.send_signal(signal.SIGTERM)  # as Slurm does stop_before the end of the time
    _, said = task.communicate(timeout=60)
    assert task.returncode == 128 + signal.SIGTERM
    assert "interrupted" in said
    history = folder.history()
    assert [why for _, why in history.stopped] == ["SIGTERM"]
    assert not history.unfinished, "a chunk that was given up is no death"
