"""The commands on the page "From laptop to cluster in one flag", run on the engines that they name."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from nkcell_sim import open_results
from nkcell_sim.results import compare

from .dask_cluster import DaskCluster
from .mpi import ENVIRONMENT, futures
from .slurm import Slurm

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto" / "clusters.md").read_text(encoding="utf-8")
CONFIG = "sobol_uncertainty.toml"
RESULT = "sobol_uncertainty.h5"


def commands(engine: str) -> list[str]:
    """The shell blocks of the page for one engine, in order."""
    return re.findall(rf"^<!-- engine: {engine} -->\n```sh\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "configs" / CONFIG, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of the same study in one process."""
    place = tmp_path_factory.mktemp("reference")
    shutil.copy(ROOT / "configs" / CONFIG, place)
    shell(f"nkcell run {CONFIG} --no-figure -q", place)
    return place / RESULT


def shell(command: str, folder: Path, more: Mapping[str, str] | None = None) -> str:
    """Run a block as a person would, with this interpreter's `nkcell` and `python`; its output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **(more or {})}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def same(result: Path, unbroken: Path) -> bool:
    return compare(open_results(result).root, open_results(unbroken).root).equal


def test_every_shell_block_of_the_page_is_run_by_a_test_here() -> None:
    assert len(re.findall(r"^```sh$", PAGE, flags=re.MULTILINE)) == sum(len(commands(engine)) for engine in ("none", "dask", "mpi", "slurm"))


@pytest.mark.slow
def test_processes_and_verify_as_on_the_page(folder: Path, unbroken: Path) -> None:
    said = [shell(command, folder) for command in commands("none")]
    assert "every number is the same, bit for bit" in said[-1]
    assert same(folder / RESULT, unbroken)


@pytest.mark.dask
def test_dask_as_on_the_page(folder: Path, unbroken: Path, dask_cluster: DaskCluster) -> None:
    for command in commands("dask"):
        shell(command, folder, {"SCHEDULER": dask_cluster.address})
    assert same(folder / RESULT, unbroken)


@pytest.mark.mpi
def test_mpi_as_on_the_page(folder: Path, unbroken: Path, mpi: None) -> None:
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
    for command in commands("mpi"):
        shell(command, folder, {**ENVIRONMENT, **root})
    assert same(folder / RESULT, unbroken)


@pytest.mark.mpi
def test_the_script_for_mpi_as_on_the_page(tmp_path: Path, mpi: None) -> None:
    (script,) = re.findall(r"^```text\n# density.py\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "density.py").write_text(script, encoding="utf-8")
    (command,) = re.findall(r"^Start it with `mpiexec -n (\d+) python -m mpi4py.futures density.py`", PAGE, flags=re.MULTILINE)
    futures(int(command) - 1, ["density.py"], tmp_path, timeout=240)
    assert open_results(tmp_path / "density.h5").status_counts() == {"imaging": {"ok": 32}}


@pytest.mark.slurm
def test_slurm_as_on_the_page(folder: Path, unbroken: Path, slurm: Slurm) -> None:
    from .engines import wait_until

    submit, collect = commands("slurm")
    said = shell(submit, folder)
    assert re.search(r"submitted \d+ runs to Slurm as job \d+", said)
    wait_until(lambda: not slurm.run("squeue", "--noheader").strip(), "the jobs have left the queue", 120.0)
    shell(collect, folder)
    assert same(folder / RESULT, unbroken)
    assert not (folder / f"{RESULT}.runs").exists()
