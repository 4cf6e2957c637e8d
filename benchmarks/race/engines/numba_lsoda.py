"""numbalsoda: LSODA in C++ called from a numba loop; no call from the solver to the right-hand side passes through Python."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np

from ..missing import Missing
from ..native.build import build
from ..plain import plain_source
from ..task import Task
from .base import Engine


class NumbaLsoda(Engine):
    """With this engine's equations in C ("numbalsoda"), or as a modeller would write them in numba ("numbalsoda-plain")."""

    modules = ("numbalsoda",)

    def __init__(self, *, plain: bool = False) -> None:
        self.plain = plain
        self.name = "numbalsoda-plain" if plain else "numbalsoda"
        self.title = "numbalsoda (LSODA), plain equations" if plain else "numbalsoda (LSODA)"
        rhs = "right-hand side in numba, equation by equation as the model states them" if plain else "right-hand side a C function (gcc -O3 -march=native)"
        self.settings = f"{rhs}, loop over draws by numba, states divided by their scales, Jacobian by differences"

    def prepare(self, task: Task) -> None:
        """Compile the equations and the loop."""
        try:
            import numba
            from numbalsoda import lsoda
        except ImportError as error:
            raise Missing(str(error), "apt-get install gfortran cmake && pip install numbalsoda") from error
        begin, address = self._plain(task) if self.plain else self._compiled(task)

        @numba.njit
        def loop(parameters: Any, inputs: Any, start: Any, times: Any, rtol: float, result: Any) -> None:
            for i in range(len(parameters)):
                row = parameters[i]
                begin(row.ctypes.data, inputs.ctypes.data)
                values, good = lsoda(address, start, times, np.concatenate((row, inputs)), rtol=rtol, atol=rtol, mxstep=100000)
                result[i] = values[1:]
                if not good:
                    result[i] = np.nan

        self.loop = loop

    def _compiled(self, task: Task) -> tuple[Any, int]:
        """The function that begins a run and the address of the right-hand side."""
        self.equations = build(task)
        begin, address = self.equations.addresses()
        return ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(begin), address

    def _plain(self, task: Task) -> tuple[Any, int]:
        """The same from Python source; a run needs no beginning."""
        import numba
        from numbalsoda import lsoda_sig

        scope: dict[str, Any] = {"math": math}
        exec(plain_source(task), scope)
        self.rhs = numba.cfunc(lsoda_sig, error_model="numpy", fastmath=False)(scope["rhs"])

        @numba.njit
        def begin(row: int, inputs: int) -> None:
            pass

        return begin, self.rhs.address

    def run(self, task: Task, rtol: float) -> Any:
        """One compiled loop over all draws."""
        result = np.empty((len(task), len(task.times), len(task.start)))
        times = np.concatenate([[0.0], task.times])
        self.loop(task.parameters, task.inputs, task.start / task.scale, times, rtol, result)
        return result * task.scale

    def version(self) -> str:
        """Version of the package."""
        from importlib.metadata import version

        return version("numbalsoda")
