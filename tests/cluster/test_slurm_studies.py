"""Studies as arrays of a real Slurm: how they are divided, submitted again, and given up."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim import cli
from nkcell_sim.errors import ClusterError
from nkcell_sim.executors import Slurm as SlurmJobs
from nkcell_sim.executors import slurm_jobs
from nkcell_sim.executors.slurm_options import SlurmOptions
from nkcell_sim.experiments import Rest
from nkcell_sim.study import arrays
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.plan import Plan

from ..small_config import SMALL
from .slurm import Slurm

pytestmark = pytest.mark.slurm
SOURCE = Path(nk.__file__).parents[1]


def study(runs: int) -> nk.Study:
    return nk.Study(nk.primary_nk_cell(), {"rest": Rest(duration="20 s")}, vary={"KCa31.g_max": np.linspace(0.1, 0.5, runs)})


def scripts(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "slurm").glob("array-*.sh"))


@pytest.mark.parametrize("interpreter", ["/bin/false", "/bin/true"], ids=["fail", "end"])
def test_arrays_whose_tasks_do_nothing_are_not_submitted_for_ever(slurm: Slurm, tmp_path: Path, interpreter: str) -> None:
    folder = StudyFolder.beside(tmp_path / "x.h5")
    folder.prepare(Plan(study(8)), result=tmp_path / "x.h5", config="")
    (folder.shards / "kept.h5").write_bytes(b"")  # so that the folder stays
    with pytest.raises(ClusterError, match="3 arrays of Slurm ended without a finished run"):
        nk.run(study(8), tmp_path / "x.h5", on=SlurmJobs(2, SlurmOptions(python=interpreter, memory="50 MB")))


def test_arrays_that_have_left_the_queue_at_the_first_look_are_not_submitted_for_ever(slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted = []

    def cancelled(*given):  # type: ignore[no-untyped-def]
        submitted.append(submit(*given))
        slurm_jobs.cancel(submitted[-1])
        slurm.wait_idle()
        return submitted[-1]

    submit = arrays.submit_study
    monkeypatch.setattr(arrays, "submit_study", cancelled)
    with pytest.raises(ClusterError, match="3 arrays of Slurm ended without a finished run"):
        nk.run(study(8), tmp_path / "x.h5", on=SlurmJobs(2, SlurmOptions(memory="50 MB")))
    assert len(submitted) == 3


def test_tasks_are_told_their_share_before_the_first_can_start(slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (slurm_jobs, arrays):
        monkeypatch.setattr(module, "max_array_size", lambda **_: 3)
    folder = StudyFolder.beside(tmp_path / "x.h5")
    folder.prepare(Plan(study(64)), result=tmp_path / "x.h5", config="")
    jobs = arrays.submit_study(folder, np.arange(64), SlurmJobs(8, SlurmOptions(python="/bin/true", memory="50 MB", max_concurrent=2)))
    slurm.wait_idle()
    assert len(jobs) == 2
    shares = folder.path / arrays.SHARES
    assert json.loads(shares.read_text(encoding="utf-8"))["tasks"] == 6
    assert all(shares.stat().st_mtime_ns <= (folder.path / "slurm" / name).stat().st_mtime_ns for name in scripts(folder.path))
    assert sorted(np.concatenate([arrays.share_of(folder, k, 6) for k in range(6)]).tolist()) == list(range(64))


def test_resumed_jobs_ask_for_what_those_before_them_asked_for(slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{SOURCE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    (tmp_path / "small.toml").write_text(SMALL, encoding="utf-8")
    assert cli.main(["submit", "small.toml", "--partition", "short", "--time", "5 min", "--memory", "300 MB", "-q"]) == 0
    folder = StudyFolder.beside("small.h5")
    slurm_jobs.cancel(arrays.jobs_of(folder))
    slurm.wait_idle()
    assert cli.main(["resume", "small.h5", "--on", "slurm", "--virtual", "-q"]) == 0
    first, second = ((folder.path / "slurm" / name).read_text(encoding="utf-8").splitlines() for name in ("array-1.sh", "array-2.sh"))
    asked = ("#SBATCH --partition", "#SBATCH --time", "#SBATCH --mem")
    assert [line for line in second if line.startswith(asked)] == [line for line in first if line.startswith(asked)] != []
