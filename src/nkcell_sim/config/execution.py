"""The section [execution] of a configuration: where its runs are done. It never changes a result, and is not part of the resolved configuration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ..errors import NkcellError
from ..executors import EXECUTORS, Executor, executor_of
from .locate import Path
from .sections import Section, Whole
from .source import Source


class ExecutionSection(Section):
    """Where the runs are done."""

    on: Literal[tuple(EXECUTORS)] = Field(  # type: ignore[valid-type]
        default="threads", description="threads of this process, processes of this machine, Dask workers, the processes of an MPI job, or jobs of Slurm"
    )
    workers: Whole | None = Field(default=None, ge=1, description="threads, processes, worker processes of Dask, or tasks of a Slurm array")
    dask: dict[str, Any] = Field(default={}, description='scheduler = "tcp://HOST:8786", or cluster = "slurm" with options = { ... } of dask-jobqueue')
    slurm: dict[str, Any] = Field(default={}, description='options of sbatch: partition, account, time, memory, cpus, ... (see `nkcell submit --help`)')


def executor_from(section: ExecutionSection, source: Source) -> Executor:
    """The executor that a section describes; an error shows its line."""
    given = {"dask": section.dask, "slurm": section.slurm}
    options = given.pop(section.on, {})
    for name, table in given.items():
        if table:
            raise source.error(("execution", name), f"these options belong to on = {name!r}; this file has on = {section.on!r}", at_key=True)
    try:
        return executor_of(section.on, section.workers, options)
    except NkcellError as error:
        named = str(getattr(error, "name", ""))
        path: Path = ("execution", section.on, named) if named in options else ("execution", "workers" if named in ("workers", "count") else "on")
        raise source.error(path, str(error), at_key=named in options) from error
