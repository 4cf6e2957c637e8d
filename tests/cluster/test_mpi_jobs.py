"""Jobs of MPI end, and so does every process in them, whatever rank 0 finds to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import nkcell_sim as nk
from nkcell_sim.results import open_results

from ..small_config import SMALL
from . import mpi as programs

pytestmark = pytest.mark.mpi
SOURCE = Path(nk.__file__).parents[1]
NKCELL = ["-m", "nkcell_sim.cli"]
HEAD = """
import nkcell_sim as nk
from nkcell_sim.executors.mpi import leading, serves
from nkcell_sim.experiments import Rest

def study(runs):
    return nk.Study(nk.primary_nk_cell(), {"rest": Rest(duration="20 s")}, vary={"KCa31.g_max": [0.1 + 0.01 * i for i in range(runs)]})
"""


@pytest.fixture
def here(mpi: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", f"{SOURCE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    (tmp_path / "small.toml").write_text(SMALL, encoding="utf-8")
    return tmp_path


def script(folder: Path, body: str) -> list[str]:
    (folder / "script.py").write_text(HEAD + body, encoding="utf-8")
    return ["script.py"]


def runs(path: Path) -> int:
    return len(open_results(path)["rest"].status)


def test_an_error_of_rank_0_ends_the_job(here: Path) -> None:
    done = programs.run(2, [*NKCELL, "resume", "nothing.h5", "--on", "mpi"], here, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.count("'nothing.h5' is neither a result file nor the folder of a study") == 1


def test_a_job_with_nothing_to_do_ends(here: Path) -> None:
    for said in ("wrote small.h5", "nothing was computed"):
        assert said in programs.run(3, [*NKCELL, "run", "small.toml", "--no-figure", "--on", "mpi"], here, timeout=60).stdout


SEVERAL = {
    "serves": """
if not serves():
    nk.run(study(16), "a.h5", on="mpi")
    nk.run(study(24), "b.h5", on="mpi")
""",
    "serves for each": """
if not serves():
    nk.run(study(16), "a.h5", on="mpi")
if not serves():
    nk.run(study(24), "b.h5", on="mpi")
""",
    "leading": """
with leading() as first:
    if first:
        nk.run(study(16), "a.h5", on="mpi")
        nk.run(study(24), "b.h5", on="mpi")
""",
    "leading for each": """
with leading() as first:
    if first:
        nk.run(study(16), "a.h5", on="mpi")
from mpi4py import MPI
MPI.COMM_WORLD.barrier()  # something that all do together
with leading() as first:
    if first:
        nk.run(study(24), "b.h5", on="mpi")
""",
}


@pytest.mark.parametrize("how", SEVERAL)
def test_a_script_runs_several_studies(here: Path, how: str) -> None:
    programs.run(3, script(here, SEVERAL[how]), here, timeout=120)
    assert (runs(here / "a.h5"), runs(here / "b.h5")) == (16, 24)


def test_a_script_under_mpi4py_futures_runs_several_studies_without_a_guard(here: Path) -> None:
    programs.futures(2, script(here, 'nk.run(study(16), "a.h5", on="mpi")\nnk.run(study(24), "b.h5", on="mpi")\n'), here, timeout=120)
    assert (runs(here / "a.h5"), runs(here / "b.h5")) == (16, 24)


@pytest.mark.parametrize("way", ["if not serves():", "with leading() as first:"])
def test_a_script_that_raises_in_rank_0_ends(here: Path, way: str) -> None:
    body = f'{way}\n    if "first" not in globals() or first:\n        nk.run(study(16), "a.h5", on="mpi")\n        raise RuntimeError("of the script")\n'
    done = programs.run(3, script(here, body), here, timeout=60, check=False)
    assert done.returncode
    assert done.stderr.count("RuntimeError: of the script") == 1
    assert runs(here / "a.h5") == 16


def test_a_script_in_which_nobody_serves_ends_with_an_error(here: Path) -> None:
    done = programs.run(2, script(here, 'from nkcell_sim.executors import mpi\nmpi.PATIENCE = 2.0\nnk.run(study(16), "a.h5", on="mpi")\n'), here, check=False)
    assert done.returncode
    assert "got a study on mpi in rank 1; rank 0 alone hands out the work: put the script under" in done.stderr
