"""SciPy's solve_ivp with compiled right-hand side and Jacobian."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..native.build import build
from ..task import Task
from .base import Engine


class ScipyIvp(Engine):
    """BDF, LSODA or Radau: the step loop of BDF and Radau is Python, that of LSODA compiled code."""

    modules = ("scipy.integrate",)

    def __init__(self, method: str) -> None:
        self.method = method
        self.name = f"scipy-{method.lower()}"
        self.title = f"SciPy {method}"
        self.settings = "solve_ivp, right-hand side and analytic Jacobian compiled (gcc -O3 -march=native), absolute tolerance per state"

    def prepare(self, task: Task) -> None:
        """Compile the equations."""
        from scipy.integrate import solve_ivp

        self.solve_ivp, self.equations = solve_ivp, build(task)

    def run(self, task: Task, rtol: float) -> Any:
        """One call of solve_ivp a draw."""
        result = np.full((len(task), len(task.times), len(task.start)), np.nan)
        span, options = (0.0, task.times[-1]), {"rtol": rtol, "atol": rtol * task.scale, "jac": self.equations.jacobian, "method": self.method}
        for i, parameters in enumerate(task.parameters):
            self.equations.begin(parameters, task.inputs)
            solution = self.solve_ivp(self.equations.rhs, span, task.start, t_eval=task.times, **options)
            if solution.success:
                result[i] = solution.y.T
        return result

    def version(self) -> str:
        """Version of SciPy."""
        import scipy

        return str(scipy.__version__)
