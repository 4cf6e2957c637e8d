"""One run that kills the process it runs in costs itself, wherever it runs; every other run is what it would have been without it."""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.errors import NkcellError
from nkcell_sim.executors import Slurm as SlurmJobs
from nkcell_sim.executors import Threads
from nkcell_sim.results import Results, compare, open_results
from nkcell_sim.study.arrays import SHARES, work_on_share
from nkcell_sim.study.driver import MANY
from nkcell_sim.study.journal import spans_of
from nkcell_sim.study.plan import Plan
from nkcell_sim.study.runner import StudyRun, collect_study

from .poison import KEY, VARIABLE, Poisoned
from .slurm import Slurm

ROOT = Path(__file__).parents[2]
SOURCE = Path(nk.__file__).parents[1]
RUNS, LOST = 40, 23
VALUES = np.linspace(0.1, 0.5, RUNS)
pytestmark = pytest.mark.slow


def study(values: Any = VALUES) -> nk.Study:
    return nk.Study(nk.primary_nk_cell(), {"rest": Poisoned(duration="20 s")}, vary={KEY: values}, title="poisoned")


@pytest.fixture(scope="module")
def wholesome() -> Results:
    return nk.run(study(), on=Threads(1))


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find the experiment."""
    monkeypatch.setenv("PYTHONPATH", f"{SOURCE}{os.pathsep}{ROOT}")


def poison(monkeypatch: pytest.MonkeyPatch, how: str = "kill", value: float = float(VALUES[LOST])) -> None:
    monkeypatch.setenv(VARIABLE, f"{how} {value!r}")


def check(found: Results, wholesome: Results, status: str = "worker_lost") -> None:
    """Exactly the deadly run is lost, and says so."""
    runs, whole = found["rest"], wholesome["rest"]
    assert [(i, s) for i, s in enumerate(runs.status) if s != "ok"] == [(LOST, status)]
    kept = np.arange(RUNS) != LOST
    assert set(runs.group.variables) == set(whole.group.variables)
    for name, variable in whole.group.variables.items():
        if variable.dims[:1] == ("run",):
            a, b = np.asarray(runs.group.variables[name].values)[kept], np.asarray(variable.values)[kept]
            assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), name
    assert runs.varied[KEY][LOST] == VALUES[LOST], "what was asked of the lost run is known"
    assert np.isnan(runs["v_rest"][LOST])


def check_retried(target: Path, monkeypatch: pytest.MonkeyPatch, wholesome: Results, **options: Any) -> None:
    """It is not tried again unless asked, and then it is."""
    monkeypatch.delenv(VARIABLE)
    same = nk.run(study(), target, on=Threads(1))
    assert same["rest"].status.count("worker_lost") == 1
    again = nk.run(study(), target, retry_lost=True, **options)
    found = compare(again.root, wholesome.root)
    assert found.equal, str(found)


@pytest.mark.parametrize("how", ["kill", "crash", "exit"])
def test_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wholesome: Results, how: str) -> None:
    poison(monkeypatch, how)
    check(nk.run(study(), tmp_path / "x.h5", on="processes", workers=2), wholesome)
    check_retried(tmp_path / "x.h5", monkeypatch, wholesome, on="processes", workers=1)


def test_a_run_that_is_still_deadly_is_lost_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wholesome: Results) -> None:
    poison(monkeypatch)
    nk.run(study(), tmp_path / "x.h5", on="processes", workers=2)
    check(nk.run(study(), tmp_path / "x.h5", on="processes", workers=2, retry_lost=True), wholesome)


def test_a_run_that_asks_for_more_memory_than_there_is_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wholesome: Results) -> None:
    poison(monkeypatch, "memory")
    found = nk.run(study(), tmp_path / "x.h5", on="processes", workers=2)
    check(found, wholesome, "not_run")
    assert found["rest"].failure(LOST).startswith("not_run: ")
    assert "allocate" in found["rest"].failure(LOST)


PROGRAM = """
import sys
import nkcell_sim as nk
from tests.cluster.test_poison import study
if __name__ == "__main__":
    nk.run(study(), "x.h5", on="threads", workers=1)
"""


def test_threads_end_with_the_run_and_the_next_starts_find_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wholesome: Results) -> None:
    poison(monkeypatch)
    codes = []
    while not (tmp_path / "x.h5").exists():
        assert len(codes) < 5
        codes.append(subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, check=False).returncode)
    print("exit codes of the starts:", codes)
    assert codes[0] == -9
    check(open_results(tmp_path / "x.h5"), wholesome)


@pytest.mark.parametrize("alone", [1, 2])
def test_a_study_of_nothing_but_deadly_runs_ends_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: int) -> None:
    """The process that hands out the work survives the writing of the result."""
    poison(monkeypatch, value=0.3)
    points = nk.Zip({KEY: [0.3] * alone, "TRPM3.density": np.linspace(1.0, 2.0, alone).tolist()})
    deadly = nk.Study(nk.primary_nk_cell(), {"rest": Poisoned(duration="20 s")}, design=points)
    assert nk.run(deadly, tmp_path / "x.h5", on="processes", workers=1)["rest"].status == ["worker_lost"] * alone


def test_several_deadly_runs_are_all_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch, value=0.3)
    deadly = [0, 7, 8, 30, 39]
    values = np.where(np.isin(np.arange(RUNS), deadly), 0.3, 0.2).tolist()
    points = nk.Zip({KEY: values, "TRPM3.density": np.linspace(1.0, 2.0, RUNS).tolist()})
    found = nk.run(nk.Study(nk.primary_nk_cell(), {"rest": Poisoned(duration="20 s")}, design=points), tmp_path / "x.h5", on="processes", workers=2)
    assert [i for i, status in enumerate(found["rest"].status) if status == "worker_lost"] == deadly
    assert found["rest"].status.count("ok") == RUNS - len(deadly)


WITH_ALL = """
import sys
import nkcell_sim as nk
from tests.cluster.test_poison import study
if __name__ == "__main__":
    nk.run(study(), "x.h5", on="processes", workers=6)
"""


def started(program: str, folder: Path, **variables: str) -> int:
    """Exit code of a script in a group of processes of its own."""
    (folder / "script.py").write_text(program, encoding="utf-8")
    environment = {**os.environ, **variables}
    return subprocess.run([sys.executable, "script.py"], cwd=folder, env=environment, start_new_session=True, stderr=subprocess.DEVNULL, check=False).returncode


def test_a_run_that_takes_all_processes_with_it_each_time_is_found_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wholesome: Results) -> None:
    poison(monkeypatch, "group")
    codes = []
    while not (tmp_path / "x.h5").exists():
        assert len(codes) < 15
        codes.append(started(WITH_ALL, tmp_path))
    print("exit codes of the starts:", codes)
    assert codes[0] == -9
    check(open_results(tmp_path / "x.h5"), wholesome)


OWN = """
import os, signal
import numpy as np
import nkcell_sim as nk
from nkcell_sim.experiments import Rest

def made():
    class Own(Rest):
        kind = "own"
        def features(self, trace):
            if os.environ.get("DIE") == "all" or any(str(cell.parameter("KCa31.g_max")) == os.environ.get("DIE") for cell in trace.cells):
                os.kill(os.getpid(), signal.SIGKILL)
            return super().features(trace)
    return Own

Own = made()
HERE = ""
nk.run(nk.Study(nk.primary_nk_cell(), {"rest": Own(duration="20 s")}, vary={"KCa31.g_max": [0.1, 0.2, 0.3, 0.4]}), "x.h5", on="threads")
"""
SCRIPTS = {"no process can load": OWN, "only the script can load, which has no guard": OWN.replace('HERE = ""', 'Own.__qualname__ = "Own"')}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_study_that_runs_on_threads_only_outlives_kills_and_finds_its_deadly_run(tmp_path: Path, script: str) -> None:
    for _ in range(2):
        assert started(SCRIPTS[script], tmp_path, DIE="all") == -9
    codes = []
    while not (tmp_path / "x.h5").exists():
        assert len(codes) < 10
        codes.append(started(SCRIPTS[script], tmp_path, DIE="0.3"))
    print("exit codes of the starts:", codes)
    assert open_results(tmp_path / "x.h5")["rest"].status == ["ok", "ok", "worker_lost", "ok"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_run_is_lost_because_no_worker_can_begin(tmp_path: Path, script: str) -> None:
    for _ in range(2):
        assert started(SCRIPTS[script], tmp_path, DIE="all") == -9
    assert started(SCRIPTS[script], tmp_path) == 0
    assert open_results(tmp_path / "x.h5")["rest"].status == ["ok"] * 4


def test_an_executor_that_was_given_breaks_and_the_next_ones_find_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wholesome: Results) -> None:
    poison(monkeypatch)
    said: list[str] = []
    while not (tmp_path / "x.h5").exists():
        assert len(said) < 5
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            try:
                nk.run(study(), tmp_path / "x.h5", on=pool)
            except NkcellError as error:
                said.append(str(error))
    assert said
    assert all("the executor that was given is broken" in each for each in said)
    assert all("are finished and kept in x.h5.runs; the same command goes on from there" in each for each in said)
    check(open_results(tmp_path / "x.h5"), wholesome)


def test_an_executor_that_takes_no_work_says_so_with_what_is_kept(tmp_path: Path) -> None:
    pool = concurrent.futures.ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(NkcellError, match=r"takes no work .*after shutdown.* 0 of 40 runs are finished"):
        nk.run(study(), tmp_path / "x.h5", on=pool)


def test_what_a_task_gave_up_is_known_to_the_one_that_collects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wholesome: Results) -> None:
    """More deaths than die at once anywhere, of a process that is gone when the file is put together."""
    poison(monkeypatch)
    work = StudyRun(Plan(study()), tmp_path / "x.h5", Threads(1), lambda *_: None)
    with work.prepared() as (missing, folder):
        (folder.path / "slurm").mkdir()
    (folder.path / SHARES).write_text(json.dumps({"missing": spans_of(missing.tolist()), "tasks": 1}), encoding="utf-8")
    work_on_share(folder, 0, 1, 2, lambda *_: None)
    assert len(folder.history().unfinished) > MANY
    check(collect_study(folder, tmp_path / "x.h5")[0], wholesome)


@pytest.mark.dask
def test_dask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wholesome: Results) -> None:
    poison(monkeypatch)
    check(nk.run(study(), tmp_path / "x.h5", on="dask", workers=2), wholesome)
    check_retried(tmp_path / "x.h5", monkeypatch, wholesome, on="dask", workers=1)


@pytest.mark.slurm
def test_slurm_finds_two_deadly_runs_of_one_share_without_submitting_them_again(slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them is the first run of a chunk."""
    poison(monkeypatch, value=0.3)
    deadly = [16, 23]
    values = np.where(np.isin(np.arange(RUNS), deadly), 0.3, 0.2).tolist()
    points = nk.Zip({KEY: values, "TRPM3.density": np.linspace(1.0, 2.0, RUNS).tolist()})
    seen: list[set[str]] = []

    def see(done: int, total: int, what: str) -> None:
        seen.append({path.name for path in (tmp_path / "x.h5.runs" / "slurm").glob("array-*.sh")})
        assert len(seen[-1]) < 6, "submitted again and again"

    found = nk.run(nk.Study(nk.primary_nk_cell(), {"rest": Poisoned(duration="20 s")}, design=points), tmp_path / "x.h5", on=SlurmJobs(2), progress=see)
    assert [i for i, status in enumerate(found["rest"].status) if status == "worker_lost"] == deadly
    assert found["rest"].status.count("ok") == RUNS - len(deadly)
    assert set().union(*seen) == {"array-1.sh"}, "the tasks found them by themselves"


@pytest.mark.slurm
def test_slurm(slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wholesome: Results) -> None:
    poison(monkeypatch)
    check(nk.run(study(), tmp_path / "x.h5", on=SlurmJobs(2)), wholesome)
    check_retried(tmp_path / "x.h5", monkeypatch, wholesome, on=SlurmJobs(1))
