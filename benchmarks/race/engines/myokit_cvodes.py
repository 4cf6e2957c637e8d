"""Myokit: CVODES with C code that Myokit writes and compiles from its own model format."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..missing import Missing
from ..mmt import model_text
from ..task import Task
from .base import Engine


class Myokit(Engine):
    """Myokit has one absolute tolerance for all states, so the model is written in states divided by their scales."""

    name = "myokit"
    title = "Myokit (CVODES)"
    settings = "model text written from our equations, compiled by Myokit, states divided by their scales, Jacobian by differences, logged at the output times"
    modules = ("myokit",)

    def prepare(self, task: Task) -> None:
        """Write the model, let Myokit compile it."""
        try:
            import myokit
        except ImportError as error:
            raise Missing(str(error), "apt-get install libsundials-dev gcc && pip install myokit") from error
        text, self.constants, self.logged = model_text(task)
        model = myokit.parse_model(text)
        try:
            self.simulation = myokit.Simulation(model)
        except myokit.MyokitError as error:
            raise Missing(f"Myokit could not compile its simulation: {str(error).strip().splitlines()[-1]}", "apt-get install libsundials-dev gcc") from error

    def run(self, task: Task, rtol: float) -> Any:
        """Set the drawn constants, reset, run; every draw."""
        simulation, start = self.simulation, list(task.start / task.scale)
        simulation.set_tolerance(abs_tol=rtol, rel_tol=rtol)
        result = np.full((len(task), len(task.times), len(task.start)), np.nan)
        for i, values in enumerate(task.parameters[:, task.drawn]):
            for name, value in zip(self.constants, values, strict=True):
                simulation.set_constant(name, value)
            simulation.set_state(start)
            simulation.set_time(0.0)
            log = simulation.run(task.times[-1] + 1.0, log=self.logged, log_times=task.times)
            result[i] = np.array([log[name] for name in self.logged]).T
        return result * task.scale
