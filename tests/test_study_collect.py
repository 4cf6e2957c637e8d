"""Putting a study together: before it is finished, virtually, from an earlier file; what is missing is never taken for a result."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.errors import ResultsError
from nkcell_sim.results import compare, open_results, shards_of
from nkcell_sim.results.pack import pack
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.runner import collect_study

from .unfinished import interrupted

RIG = nk.CalciumImaging(pregs="50 uM", ntx_in_bath="kept")


def study(samples: int) -> nk.Study:
    design = nk.MonteCarlo({"TRPM3.density": nk.LogNormal(1.0, cv=0.4), "imaging.pregs": nk.Uniform(10.0, 60.0)}, samples=samples)
    cells = [nk.Case("HC", nk.primary_nk_cell()), nk.Case("ME", nk.primary_nk_cell().with_phenotype("me_cfs"))]
    return nk.Study(cells, {"imaging": RIG}, design=design, keep=["ca_cyt"])


@pytest.fixture(scope="module")
def whole() -> nk.Results:
    return nk.run(study(12))


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A study that was interrupted when some of its chunks were finished."""
    interrupted(tmp_path / "s.h5", study(12), virtual=True)
    return tmp_path / "s.h5"


def test_a_study_that_is_not_finished_is_collected_on_request_only_and_then_says_what_is_missing(stopped: Path, whole: nk.Results) -> None:
    folder = StudyFolder.of(stopped)
    with pytest.raises(ResultsError, match=r"16 of 24 runs are not finished; `nkcell resume \S*/s.h5.runs` goes on with them"):
        collect_study(folder, stopped)
    results, notes = collect_study(folder, stopped, partial=True)
    runs = results["imaging"]
    assert "16 of 24 runs are not finished" in notes[-1]
    assert runs.unfinished.sum() == 16
    assert np.isnan(runs["ca_amplitude"][runs.unfinished]).all()
    assert np.array_equal(runs["ca_amplitude"][~runs.unfinished], whole["imaging"]["ca_amplitude"][~runs.unfinished])
    assert np.array_equal(runs.varied["TRPM3.density"], whole["imaging"].varied["TRPM3.density"]), "what is asked of a run is known without doing it"
    assert runs.cases == whole["imaging"].cases
    assert set(runs.group.groups["protocol"].variables["protocol_of_run"].values[runs.unfinished]) == {-1}


def test_rows_that_mark_missing_runs_are_never_taken_for_results(stopped: Path, whole: nk.Results) -> None:
    folder = StudyFolder.of(stopped)
    collect_study(folder, stopped, partial=True)
    folder.remove()  # nothing is left but the file with its missing runs
    assert compare(nk.run(study(12), stopped).root, whole.root).equal


def test_a_virtual_result_is_the_packed_one_and_stays_whole_when_samples_are_added(tmp_path: Path, whole: nk.Results) -> None:
    path = tmp_path / "v.h5"
    virtual = nk.run(study(12), path, virtual=True)
    assert shards_of(path)
    assert compare(virtual.root, whole.root).equal
    pack(path, tmp_path / "p.h5")
    assert compare(open_results(tmp_path / "p.h5").root, whole.root).equal
    more = nk.run(study(14), path, virtual=True)
    assert compare(more.root, nk.run(study(14)).root).equal
    StudyFolder.of(path).remove()
    with pytest.raises(ResultsError, match="shard"):
        open_results(path)


def test_a_folder_left_by_a_process_that_was_killed_after_its_last_step_is_cleared_away(stopped: Path) -> None:
    folder = StudyFolder.of(stopped)
    kept = {p: p.read_bytes() for p in folder.path.rglob("*") if p.is_file()}
    nk.run(study(12), stopped)
    assert not folder.path.exists()
    for path, content in kept.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    said: list[str] = []
    nk.run(study(12), stopped, note=said.append)
    assert "nothing was computed" in said[0]
    assert not folder.path.exists()


KILLED = """
import os, signal, sys
from nkcell_sim.results import collect, writer
collect.seal = writer.seal = lambda partial: os.kill(os.getpid(), signal.SIGKILL)
from nkcell_sim import cli
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("command", ["collect", "pack"])
def test_a_kill_while_the_file_is_written_leaves_nothing_beside_it_for_long(tmp_path: Path, whole: nk.Results, command: str) -> None:
    path = tmp_path / "s.h5"
    nk.run(study(12), path, virtual=True)
    environment = {**os.environ, "PYTHONPATH": str(Path(nk.__file__).parents[1])}
    process = subprocess.run([sys.executable, "-c", KILLED, command, str(path)], env=environment, capture_output=True, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert list(tmp_path.glob("*.tmp")), "it was killed with the file half written"
    subprocess.run([sys.executable, "-m", "nkcell_sim.cli", command, str(path)], env=environment, capture_output=True, check=True)
    assert [each.name for each in tmp_path.iterdir()] == ["s.h5"]
    assert compare(open_results(path).root, whole.root).equal
