"""This engine: one instruction set and a number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..missing import Missing
from ..task import TIMES, Task
from .base import Engine


class NkCell(Engine):
    """``nk.simulate`` on a table of draws."""

    modules = ("nkcell_sim",)
    tolerances = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)

    def __init__(self, isa: str, threads: int = 1) -> None:
        self.isa, self.threads = isa, threads
        self.share_of_many = 0.125 if isa == "portable" else 1.0  # the portable build is much slower and has half the lanes
        self.name = f"nkcell-{isa}" + ("" if threads == 1 else f"-{threads}t")
        self.title = f"nkcell_sim, {isa}" + ("" if threads == 1 else f", {threads} threads")
        self.settings = f"default method, `nk.Draws`, all draws in one call, {threads} thread{'s' if threads > 1 else ''}"

    def prepare(self, task: Task) -> None:
        """Nothing is compiled at run time; only ask whether this processor has the instructions."""
        from nkcell_sim.errors import ParameterError
        from nkcell_sim.execution import Execution

        self.execution = Execution(threads=self.threads, isa=self.isa)
        try:
            self.execution.engine()
        except ParameterError as error:
            raise Missing(str(error), "run on a processor that has these instructions") from error

    def run(self, task: Task, rtol: float) -> Any:
        """From the drawn columns to a trace of all states at the output times."""
        from nkcell_sim.draws import Draws
        from nkcell_sim.simulate import simulate

        draws = Draws(task.cell, task.columns)
        return simulate(draws, task.protocol, record=task.states, times=TIMES, rtol=rtol, execution=self.execution)

    def outputs(self, raw: Any) -> np.ndarray:
        """The trace in kernel units; the recorded values are in lab units."""
        from nkcell_sim.units import to_kernel

        return np.stack([to_kernel(raw[k], raw.units[k]) for k in raw.values], axis=2)

    def version(self) -> str:
        """Version of the package."""
        import nkcell_sim

        return nkcell_sim.__version__
