"""How a run is integrated: tolerances, method and budget; and the states' scales that tolerances are measured in."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import ParameterError
from .units import to_kernel

if TYPE_CHECKING:
    from .model.composition import Composition

COMPILED_METHODS = ("rosenbrock", "rodas5p", "rodas4", "rodas4p2", "rodas3p", "ros34pw2")  # the first stands for the choice of this version
SCIPY_METHODS = ("radau", "bdf", "lsoda")
METHODS = COMPILED_METHODS + SCIPY_METHODS


@dataclass(frozen=True)
class Solver:
    """How a run is integrated.

    ``rtol`` is the tolerance of one step relative to each state, with an absolute part of ``rtol`` times the state's
    declared scale; the error reached at the end of a run is larger (see the verification pages). ``method`` "rosenbrock" is the
    compiled engine with the method that this version found best (now "rodas5p"); "rodas5p", "rodas4", "rodas4p2", "rodas3p" and "ros34pw2" ask for
    one of its methods by name; "radau", "bdf" and "lsoda" run SciPy on the NumPy twin of the equations, slowly, as a cross-check.
    ``max_steps`` and ``max_seconds`` bound each run (0 s: no bound); ``fixed_step`` [s] switches step control off (for order tests).
    """

    rtol: float = 1e-6
    method: str = "rosenbrock"
    max_steps: int = 1_000_000
    max_seconds: float = 0.0
    fixed_step: float = 0.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            close = difflib.get_close_matches(str(self.method), METHODS, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise ParameterError(f"got method {self.method!r}; expected one of {', '.join(METHODS)}{hint}", name="method")
        if not 1e-14 <= self.rtol <= 0.1:
            raise ParameterError(f"got rtol = {self.rtol!r}; expected 1e-14 to 0.1 (1e-6 is the default)", name="rtol")
        if not self.max_steps > 0:
            raise ParameterError(f"got max_steps = {self.max_steps!r}; expected a positive number", name="max_steps")
        if not self.max_seconds >= 0.0 or not self.fixed_step >= 0.0:
            raise ParameterError("max_seconds and fixed_step are at least 0 s", name="max_seconds")


@dataclass(frozen=True)
class StateScales:
    """Per-state numbers for the integrator, kernel units, each (n_states,)."""

    scale: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def of(cls, composition: Composition) -> StateScales:
        """Read scales and bounds from the declarations."""
        states = composition.states.values()
        return cls(
            np.array([to_kernel(s.scale, s.unit) for s in states]),
            np.array([-np.inf if s.lower is None else to_kernel(s.lower, s.unit) for s in states]),
            np.array([np.inf if s.upper is None else to_kernel(s.upper, s.unit) for s in states]),
        )
