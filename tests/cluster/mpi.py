"""Python programs under a real mpiexec on this machine, over shared memory and loopback."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from .engines import EngineError, missing, need_programs

PACKAGES = "openmpi-bin libopenmpi-dev"
# no network interface but loopback, no ssh, ranks that yield while they wait (there may be more of them than cores)
ENVIRONMENT = {
    "OMPI_MCA_btl": "self,vader",
    "OMPI_MCA_oob_tcp_if_include": "lo",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    "OMPI_MCA_plm_rsh_agent": "",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMP_NUM_THREADS": "1",
}


def run(
    ranks: int, arguments: Sequence[str], folder: Path, *, environment: Mapping[str, str] | None = None, timeout: float = 120.0, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run ``python ARGUMENTS`` on ``ranks`` ranks; one that fails or takes too long raises with its output, and leaves no process behind."""
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    command = ["mpiexec", "-n", str(ranks), *root, "--oversubscribe", sys.executable, *arguments]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **ENVIRONMENT, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except BaseException as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # mpiexec passes it on to its ranks
        out, err = process.communicate(timeout=30)
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise EngineError(f"{' '.join(command)} took longer than {timeout:g} s\n{out[-3000:]}{err[-3000:]}") from error
    if check and process.returncode:
        raise EngineError(f"{' '.join(command)} ended with {process.returncode}\n{out[-3000:]}{err[-3000:]}")
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def futures(workers: int, arguments: Sequence[str], folder: Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run ``python -m mpi4py.futures ARGUMENTS`` with one rank for the program and ``workers`` for its MPIPoolExecutor."""
    return run(workers + 1, ["-m", "mpi4py.futures", *arguments], folder, **options)  # type: ignore[arg-type]


def need_mpi() -> None:
    """Skip the test unless this machine runs MPI programs."""
    need_programs("MPI", PACKAGES, ["mpiexec"])
    if importlib.util.find_spec("mpi4py") is None:
        missing("mpi4py is not installed: pip install 'nkcell_sim[mpi]'")
