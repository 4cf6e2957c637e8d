"""How far a study is, in words: what is finished counts wherever it is, who works is looked up, and nothing of the study is loaded for that."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim import cli
from nkcell_sim.executors import Threads
from nkcell_sim.experiments import Rest
from nkcell_sim.results.pack import pack
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.journal import History, process_age
from nkcell_sim.study.rate import runs_per_second
from nkcell_sim.study.runner import collect_study
from nkcell_sim.study.status import status_text
from nkcell_sim.study.tally import taken_over, tally

from .unfinished import interrupted


def study(runs: int) -> nk.Study:
    return nk.Study(nk.primary_nk_cell(), {"rest": Rest(duration="20 s")}, vary={"KCa31.g_max": [0.1 + 0.01 * i for i in range(runs)]})


def test_the_status_of_a_study_that_extends_a_file_counts_the_rows_in_it(tmp_path: Path) -> None:
    target = tmp_path / "many.h5"
    nk.run(study(30), target, on=Threads(1))
    interrupted(target, study(40), after=None)
    before = target.read_bytes()
    said = status_text(str(StudyFolder.beside(target).path))
    assert target.read_bytes() == before
    assert "40 of 40 runs finished (100.0 %)" in said
    assert "30 of them by an earlier study with the same runs" in said
    assert "every run is finished" in said


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "many.h5"


@pytest.fixture
def stopped(target: Path) -> StudyFolder:
    """A study of 24 runs that was stopped when eight were finished."""
    return interrupted(target, study(24))


def claim(folder: StudyFolder, **said: object) -> Path:
    path = folder.path / "driver-1.json"
    path.write_text(json.dumps({"host": platform.node(), "pid": os.getpid(), "age": process_age(os.getpid()), "token": "x", "beat": 3, **said}))
    return path


def journal(folder: StudyFolder, name: str, *entries: object, **writer: object) -> None:
    about = {"host": platform.node(), "pid": os.getpid(), "age": process_age(os.getpid()), **writer}
    path = folder.journals / f"{folder.about['study']}-{name}.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in (about, *entries)), encoding="utf-8")


# -- finished -------------------------------------------------------------------------------------------------------------------


def test_a_complete_virtual_study_is_complete_and_says_where_its_traces_are(target: Path) -> None:
    nk.run(study(24), target, on=Threads(1), virtual=True)
    for given in (target, StudyFolder.beside(target).path):
        said = status_text(str(given))
        assert said.splitlines()[0].endswith("many.h5: complete")
        assert "rest: 24 runs, 24 ok" in said
        assert f"its traces are in many.h5.runs; `nkcell pack {target}` joins them" in said
        assert "resume" not in said
        assert "collect" not in said


def test_a_folder_that_is_left_over_beside_a_complete_file_is_said_to_be_and_goes_as_it_says(target: Path) -> None:
    nk.run(study(24), target, on=Threads(1), virtual=True)
    pack(target)
    folder = StudyFolder.beside(target)
    assert f"many.h5.runs is left over; `nkcell resume {folder.path}` removes it" in status_text(str(target))
    assert cli.main(["resume", str(folder.path), "--quiet"]) == 0
    assert list(target.parent.iterdir()) == [target]


def test_a_complete_file_of_an_earlier_study_does_not_make_the_one_in_the_folder_complete(target: Path) -> None:
    nk.run(nk.Study(nk.primary_nk_cell(), {"rest": Rest(duration="20 s")}, vary={"KCa31.g_max": [0.5 + 0.01 * i for i in range(24)]}), target, on=Threads(1))
    interrupted(target, study(24), after=None)
    said = status_text(str(target))
    assert "24 of 24 runs finished" in said
    assert "every run is finished; `nkcell collect" in said


def test_a_file_that_was_collected_too_early_says_how_many_runs_are_missing(stopped: StudyFolder, target: Path) -> None:
    other = target.with_name("other.h5")
    collect_study(stopped, other, partial=True)
    assert status_text(str(other)).splitlines()[0] == f"{other}: not complete: 16 of 24 runs are not finished"
    collect_study(stopped, target, partial=True)
    said = status_text(str(target))
    assert "8 of 24 runs finished" in said
    assert "many.h5 was collected before all was done: 16 of its runs are not finished" in said


# -- who works ------------------------------------------------------------------------------------------------------------------


def test_a_study_that_nobody_works_on_says_how_to_go_on_from_where_the_reader_is(stopped: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"nobody works on it; `nkcell resume {stopped.path}` goes on" in status_text(str(stopped.path))
    monkeypatch.chdir(stopped.path.parent)
    assert "`nkcell resume many.h5.runs` goes on" in status_text("many.h5")
    renamed = stopped.path.rename("it is mine.h5.runs")
    assert "`nkcell resume 'it is mine.h5.runs'` goes on" in status_text(str(renamed))


def test_a_driver_on_this_machine_is_looked_up(stopped: StudyFolder) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        claim(stopped, pid=other.pid, age=process_age(other.pid))
        said = status_text(str(stopped.path))
        assert f"process {other.pid} on {platform.node()} hands out the work" in said
        assert "resume" not in said
        other.kill()
    said = status_text(str(stopped.path))
    assert f"process {other.pid} on {platform.node()}, which handed out the work, is gone: it was killed" in said
    assert "nobody works on it; `nkcell resume" in said


def test_a_driver_on_another_machine_is_judged_by_its_last_sign_of_life(stopped: StudyFolder) -> None:
    path = claim(stopped, host="elsewhere", pid=77)
    said = status_text(str(stopped.path))
    assert "process 77 on elsewhere hands out the work; its last sign of life is" in said
    assert "resume" not in said
    os.utime(path, (time.time() - 7200, time.time() - 7200))
    said = status_text(str(stopped.path))
    assert "process 77 on elsewhere handed out the work, and cannot be looked up from here; its last sign of life is 2 h old" in said
    assert "nobody works on it; `nkcell resume" in said


def test_runs_that_were_given_up_are_failures_and_done_and_in_nobodys_hand(stopped: StudyFolder) -> None:
    history = History(finished=stopped.history().finished)
    journal(stopped, "dead", {"start": [[8, 10]]}, pid=2**22 + 1)
    history.unfinished = stopped.history().unfinished
    assert len(tally(stopped.about, history).in_hand) == 1
    history.lost = [(((8, 10),), "a"), (((9, 10),), "b")]
    counted = tally(stopped.about, history)
    assert (counted.here, counted.lost, counted.done, counted.before, counted.in_hand) == (8, 2, 10, 0, ())
    assert taken_over(np.arange(24) < 12, history) == 2, "runs that a result file holds as worker_lost are counted once"


def test_chunks_of_dead_workers_are_done_again_only_when_somebody_does_them(stopped: StudyFolder) -> None:
    journal(stopped, "dead", {"start": [[8, 16]]}, pid=2**22 + 1)
    assert "chunks: 1 lost with their worker; they will be done again" in status_text(str(stopped.path))
    claim(stopped)
    assert "chunks: 1 lost with their worker; they are done again" in status_text(str(stopped.path))


def test_what_cannot_be_seen_from_here_is_not_called_nobody(stopped: StudyFolder) -> None:
    journal(stopped, "far", {"start": [[8, 16]]}, host="elsewhere")
    said = status_text(str(stopped.path))
    assert "chunks: 1 in work elsewhere, or lost" in said
    assert f"nobody is seen at work from here; if that is so, `nkcell resume {stopped.path}` goes on" in said
    (stopped.path / "slurm").mkdir()
    (stopped.path / "slurm" / "jobs.json").write_text('{"jobs": ["17"]}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        assert "job 17 of Slurm was submitted; there is no squeue here to ask" in status_text(str(stopped.path))


# -- how fast -------------------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def ended(*ends: tuple[float, float]) -> History:
    """Chunks of ten runs, each with when it ended [s before now] and how long it took [s]."""
    entries = [
        {"end": [(10 * i, 10 * i + 10)], "shard": f"{i}", "seconds": took, "counts": {"ok": 10}, "at": (NOW - timedelta(seconds=before)).isoformat()}
        for i, (before, took) in enumerate(ends)
    ]
    return History(finished={str(entry["shard"]): entry for entry in entries})


def test_the_rate_leaves_out_the_time_when_nobody_worked() -> None:
    now = NOW.timestamp()
    steady = [(50.0 - 10 * i, 10.0) for i in range(5)]
    assert runs_per_second(ended(*steady), now) == pytest.approx(1.0)
    assert runs_per_second(ended((100_000.0, 10.0), (90_000.0, 10.0), *steady), now) == pytest.approx(1.0)
    assert runs_per_second(ended((100_000.0, 10.0), (5.0, 10.0)), now) == pytest.approx(1.0), "one chunk since the interruption"


def test_there_is_no_rate_when_the_last_news_is_old_or_nobody_works(stopped: StudyFolder) -> None:
    steady = ended(*[(5000.0 - 10 * i, 10.0) for i in range(5)])
    assert runs_per_second(steady, NOW.timestamp()) == 0.0
    now = datetime.now(UTC)
    lines = [
        {"end": [[8 + i, 9 + i]], "shard": stopped.files()[0].name, "seconds": 1.0, "counts": {"ok": 1}, "at": (now - timedelta(seconds=9 - i)).isoformat()}
        for i in range(3)
    ]
    for i, line in enumerate(lines):
        shard = stopped.shards / f"1-{i}.h5"
        shard.touch()
        line["shard"] = shard.name
    journal(stopped, "busy", *lines)
    assert "runs/s" not in status_text(str(stopped.path))
    claim(stopped)
    assert "runs/s lately, about" in status_text(str(stopped.path))


# -- what is not done for it ------------------------------------------------------------------------------------------------------


def test_the_study_is_not_loaded_to_tell_how_far_it_is(target: Path) -> None:
    nk.run(study(10), target, on=Threads(1))
    interrupted(target, study(24), after=None)
    folder = StudyFolder.beside(target)
    for pickle in folder.path.glob("study*.pickle"):
        pickle.write_bytes(b"cbuiltins\nexit\n(I3\ntR.")  # which ends the process that loads it
    said = status_text(str(target))
    assert "24 of 24 runs finished" in said
    assert "10 of them by an earlier study" in said


def test_entries_of_shards_that_are_gone_are_not_counted(stopped: StudyFolder) -> None:
    assert "8 of 24 runs finished" in status_text(str(stopped.path))
    stopped.files()[0].unlink()
    assert "0 of 24 runs finished" in status_text(str(stopped.path))
