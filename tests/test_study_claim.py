"""Who may work in the folder of a study: one process at a time, and it clears nothing away that is not in the file."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import nkcell_sim as nk
from nkcell_sim.errors import ResultsError
from nkcell_sim.results import compare
from nkcell_sim.study.claim import claimed
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.journal import Writer, process_age

from .unfinished import held_by_another, holder, interrupted

RIG = nk.CalciumImaging(pregs="50 uM", ntx_in_bath="kept")


def study(samples: int) -> nk.Study:
    return nk.Study(nk.primary_nk_cell(), RIG, design=nk.MonteCarlo({"TRPM3.density": nk.LogNormal(1.0, cv=0.4)}, samples=samples), keep=[])


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    path = tmp_path / "s.h5"
    interrupted(path, study(24))
    return path


@pytest.fixture
def held(unfinished: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that works in the folder."""
    with held_by_another(StudyFolder.beside(unfinished).path) as process:
        yield process


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and not p.name.startswith("driver-")}


def test_a_second_start_is_refused_and_touches_nothing_of_the_first(unfinished: Path, held: subprocess.Popen[str]) -> None:
    folder = StudyFolder.beside(unfinished).path
    before = content(folder)
    for other in (study(24), study(30)):
        with pytest.raises(ResultsError, match=rf"process {held.pid} on .* runs this study in 's.h5.runs' already; follow it with `nkcell status {folder}`"):
            nk.run(other, unfinished)
    with pytest.raises(ResultsError, match="already"):
        nk.run(study(24), unfinished, fresh=True)
    assert content(folder) == before
    assert holder(folder)["pid"] == held.pid


def test_the_folder_of_a_process_that_was_killed_is_taken_over(unfinished: Path, held: subprocess.Popen[str]) -> None:
    held.kill()
    held.wait()
    assert holder(StudyFolder.beside(unfinished).path), "it could not take its name away"
    assert compare(nk.run(study(24), unfinished).root, nk.run(study(24)).root).equal
    assert not StudyFolder.beside(unfinished).path.exists()


def test_only_one_of_two_takes_the_place_of_one_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "driver-1.json").write_text('{"host": "' + platform.node() + '", "pid": 999999999, "age": "1", "token": "x", "beat": 3}')
    with claimed(tmp_path):
        with pytest.raises(ResultsError, match="already"), claimed(tmp_path):
            pass
        assert holder(tmp_path)["token"] != "x"
    assert list(tmp_path.iterdir()) == []


def test_finished_runs_of_a_larger_study_outlive_a_smaller_one_in_the_same_file(unfinished: Path) -> None:
    said: list[str] = []
    small = nk.run(study(4), unfinished, note=said.append)
    assert len(small["calcium_imaging"].status) == 4
    assert said[-1].startswith("s.h5.runs is kept: it holds 4 finished runs that are not in s.h5, of a larger or another study")
    notes: list[str] = []
    assert compare(nk.run(study(24), unfinished, note=notes.append).root, nk.run(study(24)).root).equal
    assert notes[0] == "8 of 24 runs were finished already"


def test_a_result_says_nothing_of_points_that_only_an_earlier_study_had(tmp_path: Path) -> None:
    def at(*kelvin: float) -> nk.Study:
        return nk.Study(nk.primary_nk_cell(), RIG, vary={"temperature": list(kelvin)}, keep=[])

    both = nk.run(at(296.15, 303.15), tmp_path / "t.h5")
    assert any("at 30 degC" in note for note in both["calcium_imaging"].notes)
    one = nk.run(at(296.15), tmp_path / "t.h5")
    assert one["calcium_imaging"].notes == nk.run(at(296.15))["calcium_imaging"].notes


def test_links_and_the_folder_itself_name_a_study_and_a_bare_dot_does_not(unfinished: Path) -> None:
    link = unfinished.with_name("link.h5")
    link.symlink_to(unfinished)
    assert StudyFolder.of(link).path == StudyFolder.beside(unfinished).path
    with pytest.raises(ResultsError, match="neither a result file nor the folder of a study"):
        StudyFolder.of(".")


def replaced(folder: Path) -> Path:
    """As if the process that has the claim had been held up, and another one had taken over."""
    (now,) = folder.glob("driver-*.json")
    after = folder / f"driver-{int(now.stem.partition('-')[2]) + 1}.json"
    after.write_text(json.dumps({**holder(folder), "token": "another"}))
    now.unlink()
    return after


def test_a_process_that_was_held_up_does_not_take_the_claim_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nkcell_sim.study.claim.HEARTBEAT", 0.1)
    with claimed(tmp_path) as claim:
        while holder(tmp_path)["beat"] < 2:
            time.sleep(0.01)
        assert claim.held
        after = replaced(tmp_path)
        time.sleep(0.4)  # four heartbeats
        assert not claim.held
        assert list(tmp_path.iterdir()) == [after]
    assert list(tmp_path.iterdir()) == [after], "nor does it take the other's away at its end"
    assert holder(tmp_path)["token"] == "another"


@pytest.mark.parametrize("doomed", [True, False])
def test_a_process_that_was_replaced_leaves_the_folder_to_the_one_that_works_there(tmp_path: Path, doomed: bool) -> None:
    folder = StudyFolder(tmp_path / "s.h5.runs")
    with folder.driven():
        after = replaced(folder.path)
        (folder.path / "shards").mkdir()
        if doomed:
            folder.remove()
    assert sorted(folder.path.iterdir()) == [after, folder.path / "shards"]


@pytest.mark.parametrize("when", ["at the first run", "results"])
def test_a_study_whose_driver_was_replaced_keeps_its_folder_whether_that_fails_or_finishes(tmp_path: Path, when: str) -> None:
    path = tmp_path / "s.h5"
    folder = StudyFolder.beside(path).path

    def progress(done: int, total: int, what: str) -> None:
        if when == "at the first run" or what == when:
            replaced(folder)
        if when == "at the first run":
            raise KeyboardInterrupt

    if when == "results":
        nk.run(study(4), path, progress=progress)
    else:
        with pytest.raises(KeyboardInterrupt):
            nk.run(study(4), path, progress=progress)
    assert holder(folder)["token"] == "another"
    assert (folder / "study.json").is_file()


def test_a_folder_is_not_removed_by_a_process_that_does_not_drive_it(unfinished: Path, held: subprocess.Popen[str]) -> None:
    folder = StudyFolder.beside(unfinished)
    before = content(folder.path)
    folder.remove()
    assert content(folder.path) == before
    held.kill()
    held.wait()
    folder.remove()
    assert not folder.path.exists()


RACE = """
import errno, os, random, sys, time
from pathlib import Path
from nkcell_sim.errors import ResultsError
from nkcell_sim.study import claim


def slow(act):
    def slowly(*given, **named):
        try:
            return act(*given, **named)
        finally:
            time.sleep(random.uniform(0.0, 0.003))

    return slowly


for name in ("open", "link", "rename", "unlink"):  # a file system far away
    setattr(os, name, slow(getattr(os, name)))

folder, inside, number = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
if sys.argv[4]:
    def link(*_):
        raise OSError(getattr(errno, sys.argv[4]), "not here")
    os.link = link


def once(dies):
    try:
        with claim.claimed(folder):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails when another one is in here
            time.sleep(0.001)
            inside.unlink()
            print("held", flush=True)
            if dies:
                os._exit(0)
    except ResultsError:
        time.sleep(0.001)


input()
for count in range(50):
    child = os.fork()
    if not child:
        try:
            once(dies=(count + number) % 2)
        except FileExistsError as error:
            print("two at once" if str(inside) in str(error) else error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize("links", ["", "EOPNOTSUPP", "EACCES"], ids=["links", "no links", "links forbidden"])
def test_of_processes_that_want_the_claim_at_the_same_time_one_has_it(tmp_path: Path, links: str) -> None:
    """Half of those that have it die with it, and leave it to be taken over."""
    folder = tmp_path / "folder"
    folder.mkdir()
    command = [sys.executable, "-c", RACE, str(folder), str(tmp_path / "inside")]
    racers = [subprocess.Popen([*command, str(i), links], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for i in range(4)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = [line for racer in racers for line in racer.communicate()[0].split("\n") if line]
    assert set(said) == {"held"}
    assert len(said) > 20, "there was a race"
    with claimed(folder):
        assert len(list(folder.iterdir())) == 1
    assert list(folder.iterdir()) == []


def test_a_process_of_another_user_that_cannot_be_looked_up_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that shows everybody only their own processes (hidepid=2)."""

    def nothing(path: Path) -> str:
        raise FileNotFoundError(path)

    def refused(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", nothing)
    monkeypatch.setattr("os.kill", refused)
    assert Writer(platform.node(), 1, "81").alive


def test_a_claim_that_is_being_written_is_waited_for(tmp_path: Path, their_claim: dict[str, object]) -> None:
    """Where there are no hard links it has its name before its content."""
    path = tmp_path / "driver-1.json"
    path.touch()
    writer = threading.Timer(0.1, lambda: path.write_text(json.dumps(their_claim)))
    writer.start()
    with pytest.raises(ResultsError, match="already"), claimed(tmp_path):
        pass
    writer.join()
    assert holder(tmp_path) == their_claim


@pytest.fixture
def their_claim() -> dict[str, object]:
    return {"host": platform.node(), "pid": os.getppid(), "age": process_age(os.getppid()), "token": "another", "beat": 0}


def test_an_interrupt_while_the_folder_is_cleared_does_not_lock_this_process_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nkcell_sim.study import claim as claims

    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(claims, "_remove", interrupted)
        with pytest.raises(KeyboardInterrupt):
            nk.run(study(4), tmp_path / "s.h5")
    assert holder(StudyFolder.beside(tmp_path / "s.h5").path)["pid"] == os.getpid(), "its claim was left behind"
    assert compare(nk.run(study(4), tmp_path / "s.h5").root, nk.run(study(4)).root).equal
    assert [path.name for path in tmp_path.iterdir()] == ["s.h5"]


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("told", ["", '{"title": "x"}'])
def test_a_damaged_description_of_the_study_is_written_anew_by_the_command_that_made_it(unfinished: Path, told: str, fresh: bool) -> None:
    (StudyFolder.beside(unfinished).path / "study.json").write_text(told, encoding="utf-8")
    assert compare(nk.run(study(24), unfinished, fresh=fresh).root, nk.run(study(24)).root).equal
