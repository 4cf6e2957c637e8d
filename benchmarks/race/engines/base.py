"""What every engine of the race offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from ..task import Task

MULTISTEP = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)  # their error at the end is 10 to 1000 times the tolerance


class Engine(ABC):
    """One way to integrate the task; ``name`` is used on the command line, ``title`` in tables.

    ``modules`` are what a user imports before anything else; ``settings`` says how the engine was set up.
    """

    name: str
    title: str
    settings: str
    modules: tuple[str, ...]
    tolerances: tuple[float, ...] = MULTISTEP
    share_of_many = 0.0  # of the large number of draws that fills lanes; 0: the draws that everybody runs

    @abstractmethod
    def prepare(self, task: Task) -> None:
        """Turn the equations into something that runs (compiling included); raises :class:`Missing` when it cannot be had."""

    @abstractmethod
    def run(self, task: Task, rtol: float) -> Any:
        """Integrate every draw: from the table of parameters to the outputs. This is what is timed."""

    def outputs(self, raw: Any) -> np.ndarray:
        """What ``run`` returned as (n_draws, n_times, n_states), kernel units."""
        return np.asarray(raw)

    def version(self) -> str:
        """Version of the engine's package."""
        from importlib.metadata import version

        return version(self.modules[-1])
