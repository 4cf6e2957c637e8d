"""A real Dask scheduler and workers on loopback, each a process whose number is known, so that tests can kill it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from .engines import EngineError, ended, killed, missing, started, tail, wait_until

QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "info", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class DaskCluster:
    """A scheduler and ``workers`` workers of ``threads`` threads without nannies: ``with DaskCluster(folder) as cluster: cluster.client()``.

    ``workers`` holds the processes by number from 0 in the order of start; a killed one stays dead until :meth:`add_worker`.
    """

    def __init__(self, folder: Path, workers: int = 2, threads: int = 1) -> None:
        self.folder = folder
        self.threads = threads
        self.workers: dict[int, subprocess.Popen[Any]] = {}
        self.scheduler: subprocess.Popen[Any] | None = None
        self._count = workers

    @property
    def address(self) -> str:
        """Where clients connect."""
        return str(json.loads((self.folder / "scheduler.json").read_text(encoding="utf-8"))["address"])

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.start_scheduler()
            for _ in range(self._count):
                self.add_worker()
            self.wait_for_workers(self._count)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start_scheduler(self) -> None:
        """Start the scheduler and wait for its address."""
        file = self.folder / "scheduler.json"
        file.unlink(missing_ok=True)
        self.scheduler = self._started("scheduler", ["--host", "127.0.0.1", "--port", "0", "--no-show", "--scheduler-file", str(file)])
        self._wait(lambda: file.exists() and file.stat().st_size > 0, "the scheduler's address")

    def add_worker(self) -> int:
        """Start one more worker; its number is the key in ``workers``."""
        number = max(self.workers, default=-1) + 1
        options = ["--nthreads", str(self.threads), "--no-nanny", "--name", f"w{number}", "--host", "127.0.0.1", "--local-directory", str(self.folder)]
        self.workers[number] = self._started("worker", [self.address, *options], f"worker-{number}")
        return number

    def wait_for_workers(self, count: int, timeout: float = 60.0) -> None:
        """Wait until the scheduler knows ``count`` workers."""
        with self.client() as client:
            self._wait(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) >= count, f"{count} workers", timeout)

    def client(self) -> Any:
        """A new client; use it in a ``with``."""
        from distributed import Client

        return Client(self.address, timeout=30, set_as_default=False)

    def kill_worker(self, number: int) -> None:
        """kill -9 of a worker."""
        killed(self.workers[number])

    def kill_scheduler(self) -> None:
        """kill -9 of the scheduler."""
        assert self.scheduler is not None
        killed(self.scheduler)

    def logs(self) -> str:
        """The ends of all logs."""
        return "\n".join(tail(path) for path in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        """End all processes, workers first."""
        for process in self.workers.values():
            killed(process)
        if self.scheduler is not None:
            ended(self.scheduler)

    def _started(self, kind: str, options: list[str], log: str = "") -> subprocess.Popen[Any]:
        command = [sys.executable, "-m", "dask", kind, *options, "--no-dashboard"]
        return started(command, self.folder / f"{log or kind}.log", {**os.environ, **QUIET}, self.folder)

    def _wait(self, true: Any, what: str, timeout: float = 60.0) -> None:
        try:
            wait_until(true, what, timeout)
        except EngineError as error:
            raise EngineError(f"{error}\n{self.logs()}") from error


def local_cluster(workers: int = 2) -> Any:
    """Dask's LocalCluster with worker processes of one thread, no dashboard, loopback only; use it in a ``with``."""
    from distributed import LocalCluster

    return LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None, silence_logs=40)


def need_dask() -> None:
    """Skip the test unless Dask's scheduler is installed."""
    if importlib.util.find_spec("distributed") is None:
        missing("Dask is not installed: pip install 'nkcell_sim[cluster]'")
