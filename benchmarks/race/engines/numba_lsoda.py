"""numbalsoda: LSODA in C++ called from a numba loop, right-hand side a C function pointer."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ..missing import Missing
from ..native.build import build
from ..task import Task
from .base import Engine


class NumbaLsoda(Engine):
    """No call from the solver to the right-hand side passes through Python."""

    name = "numbalsoda"
    title = "numbalsoda (LSODA)"
    settings = "right-hand side a C function (gcc -O3 -march=native), loop over draws by numba, states divided by their scales, Jacobian by differences"
    modules = ("numbalsoda",)

    def prepare(self, task: Task) -> None:
        """Compile the equations and the loop."""
        try:
            import numba
            from numbalsoda import lsoda
        except ImportError as error:
            raise Missing(str(error), "apt-get install gfortran cmake && pip install numbalsoda") from error
        module = build(task)
        begin_address, self.rhs_address = module.addresses()
        begin = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(begin_address)

        @numba.njit
        def loop(address: int, parameters: Any, inputs: Any, start: Any, times: Any, rtol: float, result: Any) -> None:
            for i in range(len(parameters)):
                row = parameters[i]
                begin(row.ctypes.data, inputs.ctypes.data)
                values, good = lsoda(address, start, times, rtol=rtol, atol=rtol, mxstep=100000)
                result[i] = values[1:]
                if not good:
                    result[i] = np.nan

        self.module, self.loop = module, loop

    def run(self, task: Task, rtol: float) -> Any:
        """One compiled loop over all draws."""
        result = np.empty((len(task), len(task.times), len(task.start)))
        times = np.concatenate([[0.0], task.times])
        self.loop(self.rhs_address, task.parameters, task.inputs, task.start / task.scale, times, rtol, result)
        return result * task.scale
