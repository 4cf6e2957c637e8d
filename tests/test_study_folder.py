"""The folder of a study: whose it is when it is renamed, linked, left by a crash or by another version, and what is put together from it."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import nkcell_sim as nk
from nkcell_sim import cli
from nkcell_sim.errors import ResultsError
from nkcell_sim.executors import Threads
from nkcell_sim.experiments import Rest
from nkcell_sim.results import compare, open_results
from nkcell_sim.results.target import replacing
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.journal import size_of
from nkcell_sim.study.plan import Plan
from nkcell_sim.study.runner import collect_study
from nkcell_sim.study.shown import as_argument
from nkcell_sim.study.stored import recipe_of

from .unfinished import held_by_another, interrupted


def study(runs: int) -> nk.Study:
    return nk.Study(nk.primary_nk_cell(), {"rest": Rest(duration="20 s")}, vary={"KCa31.g_max": [0.1 + 0.01 * i for i in range(runs)]}, title="many")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "many.h5"


@pytest.fixture(scope="module")
def whole() -> nk.Results:
    return nk.run(study(24), on=Threads(1))


@pytest.fixture
def held(target: Path) -> Iterator[StudyFolder]:
    """A folder in which another process works."""
    folder = interrupted(target, study(24))
    with held_by_another(folder.path):
        yield folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and not p.name.startswith("driver-")}


def computed(folder: StudyFolder) -> int:
    return sum(size_of(entry["end"]) for entry in folder.history().finished.values())


# -- the recipe ----------------------------------------------------------------------------------------------------------------


def test_a_crash_while_another_study_is_put_in_the_folder_leaves_the_one_before_whole(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = interrupted(target, study(24))

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(StudyFolder, "_write", killed)  # the pickle is there, study.json is not
        with pytest.raises(SystemExit):
            folder.prepare(Plan(study(30)), result=target, config="")
    assert len(list(folder.path.glob("study-*.pickle"))) == 2
    assert len(folder.load()[0]) == 24
    assert collect_study(folder, target, partial=True)[0]["rest"].unfinished.sum() == 16
    folder.prepare(Plan(study(30)), result=target, config="")
    assert [path.name for path in folder.path.glob("study*.pickle")] == [f"study-{folder.about['recipe']}.pickle"]


def test_a_folder_of_an_earlier_version_with_its_one_pickle_is_read(target: Path) -> None:
    folder = interrupted(target, study(24))
    (pickle,) = folder.path.glob("study-*.pickle")
    pickle.rename(folder.path / "study.pickle")
    assert len(folder.load()[0]) == 24


def test_work_that_belongs_to_another_study_is_told_so(target: Path) -> None:
    folder = interrupted(target, study(24))
    with pytest.raises(ResultsError, match="does not hold the study that this work belongs to"):
        folder.load("0" * 16)


# -- its name ------------------------------------------------------------------------------------------------------------------


def test_a_renamed_folder_is_resumed_where_it_is(target: Path, whole: nk.Results, capsys: pytest.CaptureFixture[str]) -> None:
    folder = interrupted(target, study(24))
    backup = StudyFolder(folder.path.rename(target.with_name("backup.h5.runs")))
    assert cli.main(["resume", str(backup.path), "--virtual"]) == 0
    assert computed(backup) == 24, "what was finished was not done again"
    assert not target.exists()
    assert not folder.path.exists()
    assert compare(open_results(target.with_name("backup.h5")).root, whole.root).equal
    assert "backup.h5.runs was made as many.h5.runs; its result file is backup.h5 now" in capsys.readouterr().out


def test_a_renamed_folder_still_takes_over_the_rows_of_the_file_that_it_extends(target: Path) -> None:
    nk.run(study(10), target, on=Threads(1))
    folder = interrupted(target, study(24), after=19)
    backup = StudyFolder(folder.path.rename(target.with_name("backup.h5.runs")))
    with pytest.raises(KeyboardInterrupt):
        nk.run(study(24), backup.result, on=Threads(1), progress=interrupting)
    assert cli.main(["resume", str(backup.path), "--quiet", "--virtual"]) == 0
    assert computed(backup) == 14


def interrupting(done: int, total: int, what: str) -> None:
    raise KeyboardInterrupt


def test_a_folder_that_is_not_named_as_one_is_refused_and_nothing_is_computed(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = interrupted(target, study(24))
    other = folder.path.rename(target.with_name("old"))
    before = sorted(target.parent.rglob("*"))
    for command in ("resume", "collect"):
        assert cli.main([command, str(other)]) == 2
        assert "rename it, for example to many.h5.runs as it was" in capsys.readouterr().err
    assert sorted(target.parent.rglob("*")) == before


@pytest.mark.parametrize("name", ["many.h5.runs", "many.h5"])
def test_a_folder_that_is_a_link_is_the_one_beside_the_file_of_its_name(tmp_path: Path, whole: nk.Results, name: str) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    link = home / "many.h5.runs"
    link.symlink_to(scratch)
    interrupted(home / "many.h5", study(24))
    assert (scratch / "study.json").is_file()
    assert cli.main(["resume", str(home / name), "--quiet"]) == 0
    assert [path.name for path in home.iterdir()] == ["many.h5"], "the link is gone with what it led to"
    assert list(scratch.iterdir()) == []
    assert compare(open_results(home / "many.h5").root, whole.root).equal


def test_a_folder_beside_a_link_to_a_result_elsewhere_is_refused_and_nothing_is_computed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scratch").mkdir()
    folder = interrupted(tmp_path / "many.h5", study(24))
    (tmp_path / "many.h5").symlink_to(tmp_path / "scratch" / "many.h5")
    before = content(folder.path)
    assert cli.main(["resume", str(folder.path)]) == 2
    assert "is not beside that; move it there, or remove the link" in " ".join(capsys.readouterr().err.split())
    assert content(folder.path) == before
    assert list((tmp_path / "scratch").iterdir()) == []


# -- the file ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["研" * 78 + ".h5", "研" * 80 + ".h5", "𝜆" * 61 + ".h5"])
def test_a_name_of_many_bytes_has_room_for_what_is_written_beside_it(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    with replacing(target) as place:
        place.partial.write_text("not a result")
    assert target.read_text() == "not a result"
    assert len(nk.run(study(2), target, on=Threads(1))["rest"].status) == 2
    assert list(tmp_path.iterdir()) == [target]


def test_a_partial_collection_into_another_file_disturbs_no_process_that_works_in_the_folder(held: StudyFolder, target: Path) -> None:
    (shard,) = held.files()
    written = target.with_name("many.h5.abc.tmp")  # by the other process, in this moment
    written.touch()
    (held.path / "writing-abc").write_text(str(written))
    before = content(held.path)
    results, notes = collect_study(held, target.with_name("so_far.h5"), partial=True)
    assert written.exists()
    assert results["rest"].unfinished.sum() == 16
    assert notes[-1].startswith("16 of 24 runs are not finished")
    assert content(held.path) == before
    shard.write_bytes(shard.read_bytes()[:-1])
    results, notes = collect_study(held, target.with_name("later.h5"), partial=True)
    assert results["rest"].unfinished.sum() == 24
    assert "is truncated or was changed" in notes[0]
    assert "it was left out" in notes[0]
    assert shard.exists(), "whoever works there sets it aside"
    with pytest.raises(ResultsError, match="already"):
        collect_study(held, target, partial=True)


def test_a_collection_into_another_file_has_the_rows_of_the_file_that_the_study_extends(target: Path, whole: nk.Results) -> None:
    nk.run(study(16), target, on=Threads(1))
    folder = interrupted(target, study(24), after=None)
    other = target.with_name("other.h5")
    assert cli.main(["collect", str(folder.path), "-o", str(other), "--quiet"]) == 0
    assert compare(open_results(other).root, whole.root).equal
    assert folder.exists


# -- another version -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def upgraded(target: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFolder:
    folder = interrupted(target, study(24))
    monkeypatch.setattr(nk, "__version__", "99.0")
    return folder


@pytest.mark.parametrize("command", ["resume", "collect", "work"])
def test_work_of_another_version_is_refused_with_both_and_what_to_do(upgraded: StudyFolder, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = content(upgraded.path)
    options = ["--task", "0", "--tasks", "1"] if command == "work" else []
    assert cli.main([command, str(upgraded.path), *options]) == 2
    said = capsys.readouterr().err
    made = upgraded.about["nkcell_sim"]
    assert f"nkcell_sim {made} made it, and this is 99.0; use that version (pip install nkcell_sim=={made})" in " ".join(said.split())
    assert content(upgraded.path) == before


def test_a_study_that_this_version_cannot_load_says_which_one_can(target: Path) -> None:
    folder = interrupted(target, study(24))
    data = b"cnkcell_sim.of_old\nThing\n."
    (folder.path / f"study-{recipe_of(data)}.pickle").write_bytes(data)
    (folder.path / "study.json").write_text(json.dumps({**folder.about, "recipe": recipe_of(data), "nkcell_sim": "0.0.9"}))
    with pytest.raises(ResultsError, match=r"cannot load the study .*nkcell_sim 0\.0\.9 made it, and this is .*; use that version"):
        folder.load()


def test_a_study_that_is_run_again_because_of_another_version_says_so(upgraded: StudyFolder, target: Path) -> None:
    made, notes = upgraded.about["nkcell_sim"], list[str]()
    nk.run(study(24), target, on=Threads(1), note=notes.append)
    assert notes[0] == f"nkcell_sim {made} made many.h5.runs, and this is 99.0: of its finished runs 8 are not those of this study here"


def test_a_file_of_another_version_whose_rows_are_not_taken_over_says_so(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nk.run(study(4), target, on=Threads(1))
    made, notes = nk.__version__, list[str]()
    monkeypatch.setattr(nk, "__version__", "99.0")
    nk.run(study(5), target, on=Threads(1), note=notes.append)
    assert notes == [f"nkcell_sim {made} made many.h5, and this is 99.0: runs of another version are not taken over, they are done again"]


# -- what is said --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["many.h5.runs", "my study.h5.runs", "it's.h5.runs", "-o.h5.runs", "a/b.h5.runs", "../b.h5.runs"])
def test_a_path_in_a_suggested_command_is_that_of_the_folder_wherever_the_reader_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (word,) = shlex.split(as_argument(Path.cwd() / name))
    assert os.path.abspath(word) == os.path.abspath(name)
    assert not word.startswith("-")


def test_only_what_is_in_the_folder_counts_as_finished(target: Path) -> None:
    folder = interrupted(target, study(24), after=17)
    assert sum(folder.history().counts.values()) == 16
    folder.files()[0].unlink()
    assert sum(folder.history().counts.values()) == 8


def test_study_json_says_how_many_runs_were_there_before(target: Path) -> None:
    nk.run(study(10), target, on=Threads(1))
    folder = interrupted(target, study(24), after=19)
    assert json.loads((folder.path / "study.json").read_text())["before"] == 10
    interrupted(target, study(24), after=20)
    assert folder.about["before"] == 10, "those that were finished here are told by its journals"


def test_who_names_the_configuration_instead_of_the_result_is_told_how_a_study_goes_on(target: Path) -> None:
    config = target.with_suffix(".toml")
    config.touch()
    with pytest.raises(ResultsError, match=r"many.toml' is a configuration; `nkcell run .*many\.toml` goes on where its study was"):
        StudyFolder.of(config)
