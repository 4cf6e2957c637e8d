"""The engines that other tests stand on start, do work, and come back after being killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .dask_cluster import DaskCluster
from .engines import pids_with, wait_until
from .mpi import futures
from .slurm import PREFIX, Slurm, job_number

SLEEPER = "from tests.cluster.slurm import Slurm\nwith Slurm() as slurm:\n    print(slurm.folder, flush=True)\n    input()\n"


@pytest.mark.slurm
def test_slurm_runs_every_task_of_an_array(slurm: Slurm, tmp_path: Path) -> None:
    slurm.run("sbatch", "--wait", "--array=0-3", f"--output={tmp_path}/%a.txt", "--wrap", "echo task $SLURM_ARRAY_TASK_ID")
    assert {path.read_text(encoding="utf-8") for path in tmp_path.glob("*.txt")} == {f"task {i}\n" for i in range(4)}


@pytest.mark.slurm
def test_slurm_comes_back_after_each_daemon_is_killed(slurm: Slurm) -> None:
    for name in ("slurmctld", "slurmd"):
        slurm.kill(name)
    slurm.ensure()
    assert slurm.node_state() == "idle"


@pytest.mark.slurm
def test_a_killed_session_leaves_no_slurm_once_the_next_one_starts(slurm: Slurm) -> None:
    session = subprocess.Popen([sys.executable, "-c", SLEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert session.stdin is not None
    assert session.stdout is not None
    folder = Path(session.stdout.readline().strip())
    assert folder.name.startswith(PREFIX)
    session.kill()
    session.wait(10)
    session.stdin.close()
    session.stdout.close()
    with Slurm() as other:
        assert other.folder != slurm.folder
        assert job_number(other.run("sbatch", "--wrap", "true", "--output=/dev/null")) == "1"
    assert not folder.exists()
    assert not pids_with("SLURM_CONF", str(folder / "slurm.conf"))
    assert slurm.node_state() == "idle"  # the one that is in use was left alone


@pytest.mark.dask
def test_dask_workers_do_tasks_and_a_task_of_a_killed_worker_is_done_by_another(dask_cluster: DaskCluster) -> None:
    with dask_cluster.client() as client:
        workers = {p.pid for p in dask_cluster.workers.values()}
        assert set(client.run(os.getpid).values()) == workers
        dask_cluster.kill_worker(0)
        assert client.submit(os.getpid, pure=False).result(timeout=60) == dask_cluster.workers[1].pid
        number = dask_cluster.add_worker()
        dask_cluster.wait_for_workers(2)
        assert dask_cluster.workers[number].pid in client.run(os.getpid).values()


@pytest.mark.dask
def test_a_local_cluster_starts_a_killed_worker_again(local_cluster: Any) -> None:
    from distributed import Client

    with Client(local_cluster, set_as_default=False) as client:
        before = set(client.run(os.getpid).values())
        os.kill(min(before), 9)
        wait_until(lambda: len(after := set(client.run(os.getpid, on_error="ignore").values())) == 2 and after != before, "a new worker")


@pytest.mark.mpi
def test_mpi_ranks_share_the_tasks_of_a_pool(mpi: None, tmp_path: Path) -> None:
    code = "import os\nfrom mpi4py.futures import MPIPoolExecutor\nif __name__ == '__main__':\n"
    code += "    with MPIPoolExecutor() as pool:\n        print(pool.num_workers, sum(pool.map(abs, range(-100, 0))))\n"
    (tmp_path / "program.py").write_text(code, encoding="utf-8")
    assert futures(2, ["program.py"], tmp_path).stdout.split() == ["2", "5050"]
