"""libRoadRunner: CVODE with equations compiled by LLVM from our SBML export."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..missing import Missing
from ..task import DRAWN, Task
from .base import Engine


class RoadRunner(Engine):
    """States are parameters with rate rules in our SBML, so one array sets the draw and the start."""

    name = "roadrunner"
    title = "libRoadRunner (CVODE)"
    settings = (
        "our SBML export, LLVM (LLJIT, aggressive optimisation), stiff CVODE, Jacobian by differences, absolute tolerance per state, "
        "draw and start set by one array, outputs by `simulate(times=...)`"
    )
    modules = ("roadrunner",)

    def prepare(self, task: Task) -> None:
        """Write SBML, let LLVM compile it."""
        try:
            import roadrunner
        except ImportError as error:
            raise Missing(str(error), "pip install libroadrunner") from error
        try:
            from nkcell_sim.codegen.sbml import SbmlWriter
        except ImportError as error:
            raise Missing(f"the SBML export cannot be imported: {error}", "pip install 'nkcell_sim[interop]'") from error
        roadrunner.Logger.setLevel(roadrunner.Logger.LOG_ERROR)
        config = roadrunner.Config
        config.setValue(config.LLVM_BACKEND, config.LLJIT)
        config.setValue(config.LLJIT_OPTIMIZATION_LEVEL, config.AGGRESSIVE)
        writer = SbmlWriter(task.cell.composition)
        self.runner = roadrunner.RoadRunner(writer.text(task.cell, task.protocol, check=False))
        self._find([writer.names[k] for k in DRAWN], [writer.names[k] for k in task.states])
        self._scale = dict(zip(self.states, task.scale, strict=True))

    def _find(self, drawn: list[str], states: list[str]) -> None:
        """Places of the drawn parameters and of the states among all values."""
        known = list(self.runner.model.getGlobalParameterIds())
        self.states = states
        self.places = np.array([known.index(name) for name in drawn + states], dtype=np.int32)
        self.runner.timeCourseSelections = states

    def run(self, task: Task, rtol: float) -> Any:
        """Set drawn parameters and start by one array, simulate; every draw."""
        runner, model, integrator = self.runner, self.runner.model, self.runner.integrator
        integrator.setValue("relative_tolerance", rtol)
        integrator.setValue("absolute_tolerance", [float(rtol * self._scale[name]) for name in runner.getRateRuleIds()])
        integrator.setValue("maximum_num_steps", 100_000)
        times, drawn = [0.0, *task.times], task.parameters[:, task.drawn]
        result = np.empty((len(task), len(task.times), len(task.start)))
        for i, values in enumerate(drawn):
            model.setTime(0.0)
            model.setGlobalParameterValues(self.places, np.concatenate([values, task.start]))
            result[i] = runner.simulate(times=times)[1:]
        return result

    def version(self) -> str:
        """Version of the package, which is not named like its module."""
        from importlib.metadata import version

        return version("libroadrunner")
