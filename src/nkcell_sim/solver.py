"""How a run is integrated: tolerances, method and budget; and the states' scales that tolerances are measured in."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ParameterError
from .units import to_kernel

if TYPE_CHECKING:
    from .model.composition import Composition

LEAST_RTOL = 1e-13  # below, rounding decides and not the tolerance
MOST_STEPS = 2**62  # what the engine counts to
# field, smallest and largest value, in words
_RANGES = (
    ("rtol", 1e-14, 0.1, "a number from 1e-14 to 0.1 (1e-6 is the default)"),
    ("max_seconds", 0.0, np.inf, "seconds of wall time, at least 0 (0: no bound)"),
    ("max_steps_per_second", 0.0, np.inf, "steps per simulated second, at least 0 (0: no bound)"),
    ("fixed_step", 0.0, np.inf, "a step in s, at least 0 (0: step control)"),
    ("first_step", 1e-12, 1.0, "a share of the engine's own first step, above 0 and at most 1"),
    ("max_growth", 1.01, 10.0, "a ratio of two steps from 1.01 to 10"),
    ("tightening", 2.0, 1e9, "a factor between two tolerances of at least 2"),
)
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
    Each run ends inside its budget: ``max_steps`` attempted steps, ``max_seconds`` of wall time and ``max_steps_per_second`` of simulated time
    (no stretch of a run may take more attempted steps than this rate times its length, and 1000 more; 0: no bound). ``retry`` tries a run
    that failed numerically again (see :mod:`nkcell_sim.ladder`), inside the same budget. ``error_bars`` repeats every run with ``rtol`` divided
    by ``tightening`` and keeps the difference (not with ``fixed_step``). ``first_step`` shortens the first step after each edge to this share
    of the one the engine would choose, ``max_growth`` bounds the ratio of two steps, ``fixed_step`` [s] switches step control off (for order tests).
    """

    rtol: float = 1e-6
    method: str = "rosenbrock"
    max_steps: int = 1_000_000
    max_seconds: float = 0.0
    max_steps_per_second: float = 0.0
    fixed_step: float = 0.0
    first_step: float = 1.0
    max_growth: float = 6.0
    retry: bool = True
    error_bars: bool = False
    tightening: float = 100.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            close = difflib.get_close_matches(str(self.method), METHODS, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise ParameterError(f"got method {self.method!r}; expected one of {', '.join(METHODS)}{hint}", name="method")
        steps = self.max_steps
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or not 1 <= steps <= MOST_STEPS:
            raise ParameterError(f"got max_steps = {steps!r:.40}; expected a whole number of steps from 1 to {MOST_STEPS:.0e}", name="max_steps")
        for name, low, high, what in _RANGES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating) or not low <= value <= high:
                raise ParameterError(f"got {name} = {value!r:.40}; expected {what}", name=name)
        for name in ("retry", "error_bars"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ParameterError(f"got {name} = {getattr(self, name)!r:.40}; expected True or False", name=name)
        if self.error_bars and (self.fixed_step or self.tighter().rtol >= self.rtol):
            given = f"fixed_step = {self.fixed_step!r}" if self.fixed_step else f"rtol = {self.rtol!r}"
            problem = f"got error_bars with {given}; they compare with a run at a tighter tolerance, which needs step control and an rtol above {LEAST_RTOL:g}"
            raise ParameterError(problem, name="error_bars")

    @classmethod
    def chosen(cls, solver: Solver | None, options: dict[str, Any]) -> Solver:
        """The solver of a call that takes either ``solver`` or its fields as ``options``."""
        known = [f.name for f in fields(cls)]
        for name in options:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(known)}"
                raise ParameterError(f"got the option {name!r}, which no solver has; {hint}", name=name)
        if solver is None:
            return cls(**options)
        if not isinstance(solver, cls):
            raise ParameterError(f"got solver = {solver!r:.60}; expected a Solver, for example Solver(rtol=1e-8)", name="solver")
        if options:
            raise ParameterError(f"got a solver and {', '.join(options)} beside it; give one of the two", name=next(iter(options)))
        return solver

    def tighter(self) -> Solver:
        """The solver that error bars compare with: ``rtol`` divided by ``tightening``, as far as doubles allow."""
        return replace(self, rtol=max(self.rtol / self.tightening, LEAST_RTOL), error_bars=False)


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
