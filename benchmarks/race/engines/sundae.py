"""scikit-sundae: CVODE of SUNDIALS 7 behind Python callbacks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..missing import Missing
from ..native.build import build
from ..task import Task
from .base import Engine


class Sundae(Engine):
    """CVODE's BDF with compiled callbacks; scikit-sundae takes Python callables only, so they are C functions with the cheapest calling convention."""

    modules = ("sksundae",)

    def __init__(self, solver: str = "dense") -> None:
        self.solver = solver
        self.name = f"sundae-{solver}"
        self.title = f"scikit-sundae (CVODE, {solver})"
        kind = "dense LU" if solver == "dense" else "sparse LU (SuperLU_MT)"
        compiled = "right-hand side and analytic Jacobian compiled (gcc -O3 -march=native)"
        self.settings = f"BDF, {kind}, {compiled}, absolute tolerance per state, one solver for all draws"

    def prepare(self, task: Task) -> None:
        """Compile the equations."""
        try:
            from sksundae import cvode
        except ImportError as error:
            raise Missing(str(error), "pip install scikit-sundae") from error
        self.cvode, self.equations = cvode, build(task)

    def _solver(self, task: Task, rtol: float) -> Any:
        equations = self.equations
        how: dict[str, Any] = {"jacfn": equations.jacobian_into, "linsolver": "dense"}
        if self.solver == "sparse":
            how = {"jacfn": equations.columns_into, "linsolver": "sparse", "sparsity": equations.pattern()}
        return self.cvode.CVODE(equations.rhs_into, rtol=rtol, atol=rtol * task.scale, max_num_steps=100_000, **how)

    def run(self, task: Task, rtol: float) -> Any:
        """The solver is made once and started again for every draw."""
        solver, times = self._solver(task, rtol), np.concatenate([[0.0], task.times])
        result = np.full((len(task), len(task.times), len(task.start)), np.nan)
        for i, parameters in enumerate(task.parameters):
            self.equations.begin(parameters, task.inputs)
            solution = solver.solve(times, task.start)
            if solution.success:
                result[i] = solution.y[1:]
        return result

    def version(self) -> str:
        """Version of the package, which is not named like its module."""
        from importlib.metadata import version

        return version("scikit-sundae")
