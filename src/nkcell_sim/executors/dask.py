"""Workers of Dask distributed: on this machine, behind the address of a scheduler, or jobs that dask-jobqueue asks Slurm for."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..batch import usable_cores
from ..errors import MissingPackageError, NkcellError, ParameterError
from .base import Executor, whole

CONNECTION = 120.0  # s to wait for a scheduler, also for one that starts again
CLUSTERS = ("", "slurm")
STARTS = 3  # attempts at starting workers on this machine


@dataclass(frozen=True)
class Dask(Executor):
    """Workers of Dask distributed.

    Without a ``scheduler`` and a ``cluster`` it starts ``count`` worker processes of one thread on this machine. ``scheduler`` is the address of one that
    runs ("tcp://HOST:8786"). ``cluster = "slurm"`` asks Slurm for worker jobs through dask-jobqueue, whose options are ``options``; lost jobs are replaced.
    """

    count: int | None = None
    scheduler: str = ""
    cluster: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    name: ClassVar[str] = "dask"
    supervises: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.count is not None:
            whole("workers", self.count, "worker processes")
        if self.cluster not in CLUSTERS:
            raise ParameterError(f"got cluster = {self.cluster!r}; expected 'slurm', or none for this machine or a scheduler's address", name="cluster")
        if self.scheduler and self.cluster:
            raise ParameterError("got a scheduler and a cluster; expected one of them", name="cluster")

    @property
    def elsewhere(self) -> bool:
        return bool(self.scheduler or self.cluster)

    @property
    def workers(self) -> int:
        """Worker processes to start; of a scheduler that runs already a guess, see :meth:`workers_of`."""
        return self.count or (max(2, usable_cores()) if not self.scheduler else 64)

    @contextmanager
    def pool(self) -> Iterator[concurrent.futures.Executor]:
        with self._cluster() as address, _client(address) as client:
            pool = client.get_executor(pure=False)
            pool.cores = client.ncores
            yield pool

    def workers_of(self, pool: concurrent.futures.Executor) -> int:
        """Threads of all workers that the scheduler has now, each of which does one chunk at a time."""
        try:
            return max(1, sum(pool.cores().values()))  # type: ignore[attr-defined]
        except (OSError, TimeoutError, concurrent.futures.TimeoutError, RuntimeError):  # the scheduler is away: tasks tell whether it is gone
            return self.workers

    def waits_for(self, pool: concurrent.futures.Executor) -> str:
        try:
            return "" if pool.cores() else "waiting for workers: the scheduler has none"  # type: ignore[attr-defined]
        except (OSError, TimeoutError, concurrent.futures.TimeoutError, RuntimeError):
            return ""

    @contextmanager
    def _cluster(self) -> Iterator[Any]:
        _distributed()
        if self.scheduler:
            yield self.scheduler
            return
        if self.cluster == "slurm":
            try:
                from dask_jobqueue import SLURMCluster
            except ImportError as error:
                raise MissingPackageError("worker jobs of Slurm need dask-jobqueue: pip install 'nkcell_sim[cluster]'") from error
            with SLURMCluster(**{"cores": 1, "processes": 1, "memory": "2GB", **self.options}) as cluster:
                cluster.adapt(minimum_jobs=self.workers, maximum_jobs=self.workers, interval="2s")
                yield cluster
            return
        with _local(self.workers) as cluster:
            yield cluster

    def broken(self, error: BaseException) -> bool:
        return isinstance(error, concurrent.futures.CancelledError) or type(error).__name__ in ("FutureCancelledError", "CommClosedError", "SchedulerRestarted")

    def killed(self, error: BaseException) -> bool:
        return type(error).__name__ == "KilledWorker"


@contextmanager
def _local(workers: int) -> Iterator[Any]:
    """Worker processes of this machine; nothing but this machine listens."""
    distributed = _distributed()
    import dask

    # a chunk is not given to a second worker while it runs, and workers are not ended for the memory they take
    quiet = {"distributed.scheduler.work-stealing": False, "distributed.worker.memory.terminate": False}
    settings = {"threads_per_worker": 1, "processes": True, "dashboard_address": None, "host": "127.0.0.1", "silence_logs": "CRITICAL"}
    with dask.config.set(quiet):
        for attempt in range(STARTS):
            try:
                cluster = distributed.LocalCluster(n_workers=workers, **settings)
                break
            except (RuntimeError, OSError) as error:  # a worker that died while it started takes the cluster with it
                if attempt + 1 == STARTS:
                    raise NkcellError(f"{workers} workers of Dask did not start ({error}); is there memory for them? try fewer (--workers)") from error
        with cluster:
            yield cluster


@contextmanager
def _client(address: Any) -> Iterator[Any]:
    """A connection to a scheduler, which may be starting."""
    distributed = _distributed()
    deadline = time.monotonic() + CONNECTION
    while True:
        try:
            client = distributed.Client(address, timeout=min(10.0, CONNECTION), set_as_default=False)
            break
        except (OSError, TimeoutError, concurrent.futures.TimeoutError) as error:
            if time.monotonic() > deadline:
                raise NkcellError(
                    f"no scheduler of Dask answers at {address!r} ({type(error).__name__}: {error}); start one with `dask scheduler`, or check the address"
                ) from error
            time.sleep(1.0)
    try:
        yield client
    finally:
        client.close(timeout=5)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MissingPackageError("running on Dask needs distributed: pip install 'nkcell_sim[cluster]'") from error
    return distributed
