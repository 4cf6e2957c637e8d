"""One run that kills the process it runs in costs itself, wherever it runs; every other run is what it would have been without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.executors import Slurm as SlurmJobs
from nkcell_sim.executors import Threads
from nkcell_sim.results import Results, compare, open_results

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


@pytest.mark.dask
def test_dask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wholesome: Results) -> None:
    poison(monkeypatch)
    check(nk.run(study(), tmp_path / "x.h5", on="dask", workers=2), wholesome)
    check_retried(tmp_path / "x.h5", monkeypatch, wholesome, on="dask", workers=1)


@pytest.mark.slurm
def test_slurm(slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wholesome: Results) -> None:
    poison(monkeypatch)
    check(nk.run(study(), tmp_path / "x.h5", on=SlurmJobs(2)), wholesome)
    check_retried(tmp_path / "x.h5", monkeypatch, wholesome, on=SlurmJobs(1))
