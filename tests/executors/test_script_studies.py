"""Studies of a script that hold what only the script has: where they run, and what is said where they cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nkcell_sim as nk
from nkcell_sim.errors import ParameterError
from nkcell_sim.executors import MPI, Dask, Executor, Processes, Slurm, Threads
from nkcell_sim.experiments import Rest
from nkcell_sim.results import compare, open_results
from nkcell_sim.study.folder import needs_main, pickled

pytestmark = pytest.mark.slow  # it starts many processes
SOURCE = Path(nk.__file__).parents[1]
HEAD = """
import sys
import nkcell_sim as nk
from nkcell_sim.experiments import Rest

class Mine(Rest):
    pass

def local():
    class Inside(Rest):
        pass
    return Inside

def study(kind=Mine):
    return nk.Study(nk.primary_nk_cell(), {"rest": kind(duration="20 s")}, vary={"KCa31.g_max": [0.1 + 0.01 * i for i in range(20)]})
"""
GUARDED = (
    HEAD
    + """
if __name__ == "__main__":
    nk.run(study(local() if "local" in sys.argv else Mine), sys.argv[1], on=sys.argv[2])
"""
)


def script(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "script.py", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120)


def study() -> nk.Study:
    return nk.Study(nk.primary_nk_cell(), {"rest": Rest(duration="20 s")}, vary={"KCa31.g_max": [0.1, 0.2]})


def test_a_class_of_the_script_runs_in_processes_as_in_threads(tmp_path: Path) -> None:
    for on in ("threads", "processes"):
        done = script(tmp_path, GUARDED, f"{on}.h5", on)
        assert done.returncode == 0, done.stderr
    assert compare(open_results(tmp_path / "threads.h5").root, open_results(tmp_path / "processes.h5").root).equal


def test_a_script_without_a_guard_is_told_to_have_one(tmp_path: Path) -> None:
    done = script(tmp_path, HEAD + 'nk.run(study(), "x.h5", on="processes", workers=1)\n')
    assert done.returncode
    assert 'put what the script does under `if __name__ == "__main__":`' in done.stderr
    assert not (tmp_path / "x.h5").exists()


def test_a_class_that_no_other_process_can_load_runs_in_threads(tmp_path: Path) -> None:
    done = script(tmp_path, GUARDED, "x.h5", "threads", "local")
    assert done.returncode == 0, done.stderr
    assert open_results(tmp_path / "x.h5")["rest"].status == ["ok"] * 20


@pytest.mark.parametrize("on", ["processes", "dask", "slurm"])
def test_elsewhere_such_a_class_is_named(tmp_path: Path, on: str) -> None:
    done = script(tmp_path, GUARDED, "x.h5", on, "local")
    assert "ParameterError: workers cannot load this study" in done.stderr
    assert "Inside" in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "script.py"]


@pytest.mark.parametrize("on", ["dask", "slurm"])
def test_workers_that_cannot_have_the_script_are_not_asked(tmp_path: Path, on: str) -> None:
    done = script(tmp_path, GUARDED, "x.h5", on)
    assert "ParameterError" in done.stderr
    assert "move it into a module" in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "script.py"]


def test_an_interrupted_study_that_nobody_else_can_load_says_so_when_it_is_resumed(tmp_path: Path) -> None:
    stop = """
def progress(done, total, what):
    if done > 64:  # the first chunk is kept
        raise KeyboardInterrupt
many = nk.Study(nk.primary_nk_cell(), {"rest": local()(duration="20 s")}, vary={"KCa31.g_max": [0.1 + 0.001 * i for i in range(200)]})
nk.run(many, "x.h5", on=nk.executors.Threads(1), progress=progress if "stop" in sys.argv else None)
"""
    text = HEAD + "import nkcell_sim.executors\n" + stop
    assert script(tmp_path, text, "stop").returncode
    command = [sys.executable, "-m", "nkcell_sim.cli", "resume", "x.h5"]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot be loaded by another process" in done.stderr
    assert "run the script that made it again" in done.stderr
    assert script(tmp_path, text).returncode == 0
    assert open_results(tmp_path / "x.h5")["rest"].status == ["ok"] * 200


def test_only_what_belongs_to_a_script_needs_it() -> None:
    data, problem = pickled(study())
    assert not problem
    assert not needs_main(data)


@pytest.mark.parametrize("executor", [Slurm(2), Dask(scheduler="tcp://127.0.0.1:1"), Dask(2, cluster="slurm"), MPI()], ids=lambda e: e.name)
def test_workers_on_other_machines_need_a_file(executor: Executor) -> None:
    with pytest.raises(ParameterError, match=r"give save='FILE\.h5'"):
        nk.run(study(), on=executor)


@pytest.mark.parametrize("executor", [Threads(1), Processes(1)], ids=lambda e: e.name)
def test_workers_of_this_machine_need_none(executor: Executor) -> None:
    assert nk.run(study(), on=executor)["rest"].status == ["ok", "ok"]
