"""Where a batch runs: threads, instruction set, size of the blocks. Nothing here changes a result."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .batch import ISA_VARIABLE
from .errors import ParameterError


@dataclass(frozen=True)
class Execution:
    """Where a batch runs; nothing here changes a result.

    ``threads`` defaults to the environment variable NKCELL_THREADS, else one a usable core; ``isa`` ("avx512", "avx2", "portable") to NKCELL_ISA, else
    the widest this processor runs. ``on_progress`` is called with the number of finished runs. With ``keep_interrupted`` Ctrl-C returns what is finished.
    ``block`` is the number of runs that are set up and integrated at once: more cost memory, a few hundred already keep lanes and threads busy.
    """

    threads: int | None = None
    isa: str = ""
    on_progress: Callable[[int], None] | None = None
    keep_interrupted: bool = False
    block: int = 4096

    def __post_init__(self) -> None:
        if isinstance(self.block, bool) or not isinstance(self.block, int | np.integer) or self.block < 1:
            raise ParameterError(f"got block = {self.block!r}; expected a whole number of runs from 1", name="block")
        if self.on_progress is not None and not callable(self.on_progress):
            raise ParameterError(f"got on_progress = {self.on_progress!r:.60}; expected a function of the number of finished runs", name="on_progress")

    @classmethod
    def chosen(cls, execution: Execution | None) -> Execution:
        """The execution of a call, by default that of this machine."""
        if execution is not None and not isinstance(execution, cls):
            raise ParameterError(f"got execution = {execution!r:.60}; expected an Execution, for example Execution(threads=2)", name="execution")
        return execution or cls()

    def engine(self) -> str:
        """Name of the engine to use; raises :class:`ParameterError` for one that this machine does not run."""
        from . import _kernels

        runs = [e["name"] for e in _kernels.engines() if e["runs"]]
        wanted = self.isa or os.environ.get(ISA_VARIABLE, "")
        if wanted and wanted not in runs:
            raise ParameterError(f"got instruction set {wanted!r}; this machine runs {', '.join(runs)} ({ISA_VARIABLE} or isa=)", name="isa")
        return wanted or runs[-1]

    def lanes(self) -> int:
        """Cells in one block of the engine to use."""
        from . import _kernels

        name = self.engine()
        return next(int(e["lanes"]) for e in _kernels.engines() if e["name"] == name)
