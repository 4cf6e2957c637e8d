"""From a word to an executor."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..errors import ParameterError
from .base import Executor
from .dask import Dask
from .given import Given
from .mpi import MPI
from .processes import Processes
from .slurm import Slurm
from .slurm_options import SlurmOptions
from .threads import Threads

EXECUTORS: dict[str, type[Executor]] = {each.name: each for each in (Threads, Processes, Dask, MPI, Slurm)}


def executor_of(on: Any = None, workers: int | None = None, options: Mapping[str, Any] | None = None) -> Executor:
    """The place where a study runs: an :class:`Executor`, an open ``concurrent.futures.Executor``, or a word ("threads", "processes", "dask", "mpi", "slurm").

    ``workers`` and ``options`` go with a word: the number of workers, and settings of its engine (``scheduler`` of Dask, ``partition`` of Slurm).
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # a process that starts, and runs the script of the one that started it
        said = "got a study in a worker process, which runs the script to load what is defined in it"
        raise ParameterError(f'{said}; put what the script does under `if __name__ == "__main__":`', name="on")
    given = dict(options or {})
    if isinstance(on, Executor):
        chosen: Executor | None = on
    elif isinstance(on, concurrent.futures.Executor):
        chosen = Given(on)
    else:
        chosen = None
    if chosen is not None:
        if workers is not None or given:
            raise ParameterError(f"got an executor and workers or options beside it ({', '.join(given) or 'workers'}); an executor has its own", name="workers")
        return chosen
    word = "threads" if on in (None, "") else on
    if word not in EXECUTORS:
        raise ParameterError(f"got on = {on!r:.60}; expected one of {', '.join(map(repr, EXECUTORS))}, or an open concurrent.futures.Executor", name="on")
    if word == "mpi" and workers is not None:
        raise ParameterError("got workers with on = 'mpi'; mpiexec decides how many there are (-n)", name="workers")
    known = [field.name for field in fields(SlurmOptions if word == "slurm" else EXECUTORS[word]) if field.name not in ("count", "main")]  # type: ignore[arg-type]
    wrong = next((name for name in given if name not in known), None)
    if wrong is not None:
        expected = f"expected {', '.join(known)}" if known else "it has none"
        raise ParameterError(f"got the option {wrong!r} with on = {word!r}; {expected}", name=wrong)
    if word == "slurm":
        return Slurm(workers, SlurmOptions(**given))
    return EXECUTORS[word](**given, **({} if workers is None else {"count": workers}))
