"""Jobs of Slurm: an array whose tasks each do a share of the runs; no package is needed on either side."""

from __future__ import annotations

import concurrent.futures
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import ClassVar

from ..errors import ParameterError
from .base import Executor, whole
from .slurm_options import SlurmOptions


@dataclass(frozen=True)
class Slurm(Executor):
    """An array job of ``count`` tasks (default: by the size of the study), with the ``options`` of sbatch. Tasks take no orders: each knows its share."""

    count: int | None = None
    options: SlurmOptions = field(default_factory=SlurmOptions)

    name: ClassVar[str] = "slurm"

    def __post_init__(self) -> None:
        if self.count is not None:
            whole("workers", self.count, "tasks of the array")

    @property
    def elsewhere(self) -> bool:
        return True

    @property
    def workers(self) -> int:
        return self.count or self.options.tasks or 1

    def pool(self) -> AbstractContextManager[concurrent.futures.Executor]:
        raise ParameterError("jobs of Slurm are no pool that takes tasks one by one; use Dask(cluster='slurm') for one", name="on")
