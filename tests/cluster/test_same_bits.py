"""Where a study is done, and by how many, does not show in its numbers: the same bits from every executor."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.executors import Dask, Executor, Processes, Threads
from nkcell_sim.executors import Slurm as SlurmJobs
from nkcell_sim.experiments import Rest
from nkcell_sim.results import Results, compare, open_results
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.journal import positions_of, size_of
from nkcell_sim.study.plan import Plan

from . import mpi as mpi_programs
from .dask_cluster import DaskCluster, need_dask
from .slurm import Slurm

SOURCE = Path(nk.__file__).parents[1]
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
WORKERS = [1, 2, 8]


def study() -> nk.Study:
    """Two experiments on donors with drawn cells, one of them through an instrument with noise; some runs cannot start."""
    imaging = nk.CalciumImaging(ntx_in_bath="kept", baseline="5 s", application="10 s", recovery="5 s")
    cases = [nk.Case("healthy", nk.primary_nk_cell()), nk.Case("ME/CFS", nk.primary_nk_cell().with_phenotype("me_cfs"))]
    points = nk.MonteCarlo({"TRPM3.density": nk.LogNormal(1.0, cv=0.5), "KCa31.g_max": nk.Normal(0.25, 0.2)}, samples=15, seed=2)
    cohort = nk.Cohort(donors=2, cells=2, seed=3, spread=(nk.Spread(key="CRAC.permeability", donors=0.3, cells=0.2),))
    return nk.Study(cases, {"imaging": imaging, "rest": Rest(duration="20 s")}, design=points, cohort=cohort)


@pytest.fixture(scope="module")
def alone() -> Results:
    """In memory, one thread."""
    results = nk.run(study(), on=Threads(1))
    assert {"ok", "not_run"} <= set(results["rest"].status)
    return results


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{SOURCE}{os.pathsep}{ROOT}")


def same(found: Results, alone: Results) -> None:
    compared = compare(found.root, alone.root)
    assert compared.equal, str(compared)
    assert compared.values > 10_000
    for name in alone.experiments:
        assert np.array_equal(np.asarray(found[name]["run_key"]), np.asarray(alone[name]["run_key"]))
        assert found[name].run_ids == alone[name].run_ids


@pytest.mark.parametrize("count", WORKERS)
def test_threads(tmp_path: Path, alone: Results, count: int) -> None:
    same(nk.run(study(), tmp_path / "x.h5", on=Threads(count)), alone)


@pytest.mark.parametrize("count", WORKERS)
def test_processes(tmp_path: Path, alone: Results, count: int) -> None:
    same(nk.run(study(), tmp_path / "x.h5", on=Processes(count)), alone)


def test_processes_without_a_file(alone: Results) -> None:
    same(nk.run(study(), on=Processes(2)), alone)


FORKED = pytest.param("forked processes", marks=pytest.mark.skipif(sys.platform != "linux", reason="forks of a process with threads are safe on Linux only"))


@pytest.mark.parametrize("kind", ["threads", "spawned processes", "processes of a fork server", FORKED])
def test_an_executor_of_the_standard_library(tmp_path: Path, alone: Results, kind: str) -> None:
    pool: Any = {
        "threads": lambda: concurrent.futures.ThreadPoolExecutor(3),
        "spawned processes": lambda: concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")),
        "processes of a fork server": lambda: concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver")),
        "forked processes": lambda: concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")),
    }[kind]()
    with pool:
        same(nk.run(study(), tmp_path / "x.h5", on=pool), alone)
        assert pool.submit(abs, -1).result() == 1, "it is the caller's, and left open"


@pytest.mark.dask
@pytest.mark.parametrize("count", WORKERS)
def test_dask(tmp_path: Path, alone: Results, count: int) -> None:
    same(nk.run(study(), tmp_path / "x.h5", on=Dask(count)), alone)


@pytest.mark.dask
def test_a_scheduler_of_dask_that_runs_already(tmp_path: Path, alone: Results, dask_cluster: DaskCluster) -> None:
    same(nk.run(study(), tmp_path / "x.h5", on=Dask(scheduler=dask_cluster.address)), alone)


@pytest.mark.dask
def test_workers_of_dask_with_several_threads_each(tmp_path: Path, alone: Results) -> None:
    need_dask()
    with DaskCluster(tmp_path / "dask", workers=1, threads=4) as cluster:
        executor = Dask(scheduler=cluster.address)
        with executor.pool() as pool:
            assert executor.workers_of(pool) == 4
        same(nk.run(study(), tmp_path / "x.h5", on=executor, virtual=True), alone)
    folder = StudyFolder.beside(tmp_path / "x.h5")
    assert len(list(folder.journals.glob("*.jsonl"))) > 1, "a journal for each thread"
    history = folder.history()
    assert sorted(k for e in history.finished.values() for k in positions_of(e["end"])) == list(range(len(Plan(study())))), "every run once"
    assert not history.unfinished, "no thread writes into the journal of another"


@pytest.mark.dask
def test_chunks_fit_the_workers_that_a_scheduler_has(tmp_path: Path, dask_cluster: DaskCluster) -> None:
    executor = Dask(scheduler=dask_cluster.address)
    with executor.pool() as pool:
        assert executor.workers_of(pool) == 2
        dask_cluster.add_worker()
        dask_cluster.wait_for_workers(3)
        assert executor.workers_of(pool) == 3, "also those that came later"
    nk.run(study(), tmp_path / "x.h5", on=executor, virtual=True)
    sizes = [size_of(entry["end"]) for entry in StudyFolder.beside(tmp_path / "x.h5").history().finished.values()]
    assert max(sizes) >= 24, "120 runs of an experiment in two chunks for each of three workers, not as if there were 64"


PROGRAM = """
import sys
from pathlib import Path
import nkcell_sim as nk
from nkcell_sim.executors.mpi import serves
from tests.cluster.test_same_bits import study
if not serves():
    nk.run(study(), "x.h5", on="mpi")
"""


@pytest.mark.mpi
@pytest.mark.parametrize("count", WORKERS)
def test_mpi(mpi: None, tmp_path: Path, alone: Results, count: int) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    mpi_programs.run(count + 1, ["program.py"], tmp_path, timeout=240)
    same(open_results(tmp_path / "x.h5"), alone)


@pytest.mark.slurm
@pytest.mark.parametrize("count", WORKERS)
def test_slurm(slurm: Slurm, tmp_path: Path, alone: Results, count: int) -> None:
    same(nk.run(study(), tmp_path / "x.h5", on=SlurmJobs(count)), alone)


@pytest.mark.slurm
@pytest.mark.dask
def test_jobs_of_slurm_that_dask_asks_for(slurm: Slurm, tmp_path: Path, alone: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue")
    options = {"cores": 1, "processes": 1, "memory": "1GB", "interface": "lo", "python": sys.executable, "local_directory": str(tmp_path)}
    executor: Executor = Dask(2, cluster="slurm", options={**options, "log_directory": str(tmp_path / "logs"), "death_timeout": 60})
    same(nk.run(study(), tmp_path / "x.h5", on=executor), alone)
