"""Processes of an MPI job, through mpi4py.futures: one hands out the work, the others do it."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from ..errors import MissingPackageError, ParameterError
from .base import Executor


@dataclass(frozen=True)
class MPI(Executor):
    """The processes that ``mpiexec`` started: rank 0 hands out the work. MPI ends the whole job when one process dies; starting it again resumes."""

    name: ClassVar[str] = "mpi"

    @property
    def workers(self) -> int:
        return max(1, int(_world().COMM_WORLD.Get_size()) - 1)

    @contextmanager
    def pool(self) -> Iterator[concurrent.futures.Executor]:
        from mpi4py.futures import MPICommExecutor

        world = _world().COMM_WORLD
        if world.Get_size() < 2:
            raise ParameterError(
                "got --on mpi in a single process; start at least two, for example `mpiexec -n 4 nkcell run CONFIG --on mpi` (one of them hands out the work)",
                name="on",
            )
        _met.append(True)
        with MPICommExecutor(world, root=0) as executor:
            yield executor  # type: ignore[misc]


# Whether the processes of this job have met: those that serve wait for rank 0 until it comes once.
_met: list[bool] = []


def release() -> None:
    """Let the processes that serve go, when rank 0 had no work for them."""
    if not _met and _world().COMM_WORLD.Get_size() > 1:
        with MPI().pool():
            pass


def serves() -> bool:
    """Work for rank 0 until it is done, in a process of an MPI job that is not rank 0; False in rank 0."""
    world = _world().COMM_WORLD
    if world.Get_rank() == 0:
        return False
    from mpi4py.futures import MPICommExecutor

    with MPICommExecutor(world, root=0):
        pass
    return True


def _world() -> Any:
    try:
        from mpi4py import MPI as interface
    except (ImportError, RuntimeError) as error:
        raise MissingPackageError(f"running on MPI needs mpi4py and an MPI library: pip install 'nkcell_sim[mpi]' ({error})") from error
    return interface
