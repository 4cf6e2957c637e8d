"""The section [execution] of a configuration: where its runs are done. It never changes a result, and is not part of the resolved configuration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ..errors import NkcellError
from ..executors import EXECUTORS, Executor, executor_of
from .locate import Path
from .sections import Section, Whole
from .source import Source


class DaskSection(Section):
    """Workers of Dask; by default processes of this machine."""

    scheduler: str = Field(default="", description='address of a scheduler that runs already, "tcp://HOST:8786"')
    cluster: Literal["", "slurm"] = Field(default="", description='"slurm": workers are jobs, asked for through dask-jobqueue and replaced when they are lost')
    options: dict[str, Any] = Field(default={}, description="options of dask-jobqueue's cluster, for example cores, memory, walltime, queue")


class SlurmSection(Section):
    """What the tasks of an array ask for; empty is the cluster's default."""

    partition: str = Field(default="", description="partition")
    account: str = Field(default="", description="account that is charged")
    qos: str = Field(default="", description="quality of service")
    time: str = Field(default="", description='time limit of a task, "4 h" or "1-12:00:00"')
    memory: str = Field(default="", description='memory of a task, "4 GB"')
    cpus_per_task: Whole = Field(default=1, description="cores of a task, each with a process of its own")
    max_concurrent: Whole = Field(default=0, description="tasks that run at once at most (0: as many as the cluster gives)")
    stop_before: str = Field(default="60 s", description="how long before the end of its time a task gives up the chunks in hand and stops")
    modules: list[str] = Field(default=[], description="modules to load")
    prologue: list[str] = Field(default=[], description="shell lines before Python")
    extra: list[str] = Field(default=[], description='further options of sbatch, for example "--constraint=avx512"')
    python: str = Field(default="", description="interpreter on the nodes; by default the one that submits")


class ExecutionSection(Section):
    """Where the runs are done; nothing here changes a result."""

    on: Literal[tuple(EXECUTORS)] = Field(  # type: ignore[valid-type]
        default="threads", description="threads of this process, processes of this machine, Dask workers, the processes of an MPI job, or jobs of Slurm"
    )
    workers: Whole | None = Field(default=None, ge=1, description="threads, processes, worker processes of Dask, or tasks of a Slurm array")
    dask: DaskSection = Field(default=DaskSection(), description="how Dask gets its workers")
    slurm: SlurmSection = Field(default=SlurmSection(), description="what tasks of Slurm ask for")


def executor_from(section: ExecutionSection, source: Source) -> Executor:
    """The executor that a section describes; an error shows its line."""
    given = {name: {key: getattr(table, key) for key in table.model_fields_set} for name, table in (("dask", section.dask), ("slurm", section.slurm))}
    options = given.pop(section.on, {})
    for name, table in given.items():
        if table:
            raise source.error(("execution", name), f"these options belong to on = {name!r}; this file has on = {section.on!r}", at_key=True)
    try:
        return executor_of(section.on, section.workers, options)
    except NkcellError as error:
        named = str(getattr(error, "name", ""))
        path: Path = ("execution", section.on, named) if named in options else ("execution", "workers" if named in ("workers", "count") else "on")
        raise source.error(path, str(error), at_key=False) from error
