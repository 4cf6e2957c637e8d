"""Processes of an MPI job, through mpi4py.futures: one hands out the work, the others do it."""

from __future__ import annotations

import atexit
import concurrent.futures
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from ..errors import MissingPackageError, ParameterError
from .base import Executor

HERE, ORDER = 7291, 7292  # tags of the messages "I serve" to rank 0, and of its orders
POOL, LEAVE, END = "pool", "leave", "end"  # orders: work in a pool, stop serving for now, stop for good
PATIENCE = 60.0  # s in which every process has to serve once rank 0 has work
PAUSE = 0.01  # s between two looks for a message: processes that wait leave their core to others


@dataclass(frozen=True)
class MPI(Executor):
    """The processes that ``mpiexec`` started: rank 0 hands out the work. MPI ends the whole job when one process dies; starting it again resumes.

    The others have to serve meanwhile, see :func:`leading`; under ``python -m mpi4py.futures`` they do so by themselves.
    """

    name: ClassVar[str] = "mpi"

    @property
    def elsewhere(self) -> bool:
        return True

    @property
    def workers(self) -> int:
        return max(1, int(_world().Get_size()) - 1)

    def ready(self) -> None:
        world = _world()
        if world.Get_size() < 2:
            raise ParameterError(
                "got --on mpi in a single process; start at least two, for example `mpiexec -n 4 nkcell run CONFIG --on mpi` (one of them hands out the work)",
                name="on",
            )
        if world.Get_rank():
            raise ParameterError(f"got a study on mpi in rank {world.Get_rank()}; rank 0 alone hands out the work: {ADVICE}", name="on")

    @contextmanager
    def pool(self) -> Iterator[concurrent.futures.Executor]:
        from mpi4py.futures import MPICommExecutor

        self.ready()
        world = _world()
        if not _by_themselves():
            _meet(world)
            _order(world, POOL)
        with MPICommExecutor(world, root=0, main=False) as executor:  # workers do not run the script: they load the study
            yield executor  # type: ignore[misc]


ADVICE = (
    "put the script under `with nkcell_sim.executors.mpi.leading() as first:` and `if first:`, or start it with `mpiexec -n 4 python -m mpi4py.futures SCRIPT`"
)


@contextmanager
def leading() -> Iterator[bool]:
    """True in rank 0, whatever it does inside (several studies, none, an error); False in the others, once they have worked for it to the end.

    ::

        with leading() as first:
            if first:
                nk.run(study, "study.h5", on="mpi")
    """
    if serves():
        yield False
        return
    try:
        yield True
    finally:
        release()


def serves() -> bool:
    """Work for rank 0 until it releases this process or ends, in a process of an MPI job that is not rank 0; False in rank 0."""
    world = _world()
    if world.Get_rank() == 0:
        if not _job.listening:
            _job.listening = True
            atexit.register(_end)
        return False
    if _job.ended:
        return True
    from mpi4py.futures import MPICommExecutor

    world.send(world.Get_rank(), dest=0, tag=HERE)
    while (order := _next(world)) == POOL:
        with MPICommExecutor(world, root=0):
            pass
    _job.ended = order == END
    return True


def release() -> None:
    """Let the processes that serve go on with what comes after :func:`serves` in their script; called by rank 0."""
    if _job.listening and not _by_themselves():
        _order(_world(), LEAVE)
        _job.met.clear()


class _Job:
    """What this process knows of the others."""

    def __init__(self) -> None:
        self.listening = False  # in rank 0: whether others may wait for it
        self.ended = False  # in the others: whether rank 0 has ended
        self.met: set[int] = set()  # in rank 0: the others that serve
        self.sent: list[Any] = []  # orders on their way


_job = _Job()


def _meet(world: Any) -> None:
    """Wait until all others serve; an error when some do not, who would never come."""
    deadline = time.monotonic() + PATIENCE
    while len(_job.met) < world.Get_size() - 1:
        if world.iprobe(tag=HERE):
            _job.met.add(world.recv(tag=HERE))
        elif time.monotonic() > deadline:
            raise ParameterError(f"{world.Get_size() - 1 - len(_job.met)} processes of this MPI job do not serve rank 0: {ADVICE}", name="on")
        else:
            time.sleep(PAUSE)


def _order(world: Any, what: str) -> None:
    """Tell the others; those that are not listening yet read it when they do."""
    _job.sent += [world.isend(what, dest=rank, tag=ORDER) for rank in range(1, world.Get_size())]


def _next(world: Any) -> str:
    while not world.iprobe(source=0, tag=ORDER):
        time.sleep(PAUSE)
    return str(world.recv(source=0, tag=ORDER))


def _end() -> None:
    """Rank 0 ends, whatever it ended with: nobody waits for it any longer."""
    if not _by_themselves():
        _order(_world(), END)


def _by_themselves() -> bool:
    """Whether this is `python -m mpi4py.futures`, where the others wait for tasks from the start."""
    core = sys.modules.get("mpi4py.futures._core")
    return getattr(core, "SharedPool", None) is not None


def _world() -> Any:
    try:
        from mpi4py import MPI as interface
    except (ImportError, RuntimeError) as error:
        raise MissingPackageError(f"running on MPI needs mpi4py and an MPI library: pip install 'nkcell_sim[mpi]' ({error})") from error
    return interface.COMM_WORLD
