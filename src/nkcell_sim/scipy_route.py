"""The same run by SciPy on the NumPy twin: slow, independent of the compiled engine, for sceptical users."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .engine import Block, Jobs, Plan
from .outcomes import Outcome, Outcomes
from .protocol import CompiledProtocol
from .scipy_readings import Readings
from .units import to_kernel

if TYPE_CHECKING:
    from .model.cell import Cell
    from .solver import Solver

FREE_STEPS = 1000
_NAMES = {"radau": "Radau", "bdf": "BDF", "lsoda": "LSODA"}


def integrate_with_scipy(plan: Plan, jobs: Jobs, solver: Solver) -> Block:
    """Integrate each cell segment by segment (restarted at every edge); times in ms, values in kernel units."""
    records = np.full((len(jobs), len(plan.kinds), len(plan.times)), np.nan)
    final = jobs.states.copy()
    features = np.full((len(jobs), len(plan.features)), np.nan)
    outcomes = []
    for i, (cell, p) in enumerate(zip(jobs.cells, jobs.protocol_of, strict=True)):
        readings = Readings(plan.watched, jobs.protocols[p]) if plan.features else None
        run = _Run(cell, jobs.protocols[p], solver, plan.kinds, plan.indices, plan.times, records[i], final[i], readings)
        outcomes.append(run.integrate())
        if readings and outcomes[-1].ok:
            features[i] = readings.read()
    return Block(records, final, Outcomes.of(outcomes, tuple(plan.composition.states)), features)


class _Stop(Exception):
    """Ends a run with an outcome of the closed list."""

    def __init__(self, status: str, worst: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.worst = worst


@dataclass
class _Run:
    """One cell: SciPy's stepper is driven step by step, so that the budget holds and every end has a cause."""

    cell: Cell
    protocol: CompiledProtocol
    solver: Solver
    kinds: tuple[int, ...]
    indices: tuple[int, ...]
    when: np.ndarray
    record: np.ndarray
    y: np.ndarray
    readings: Readings | None = None
    reached: float = 0.0
    crowding: float = 0.0
    counts: dict[str, int] = field(default_factory=lambda: {"steps": 0, "rhs": 0, "jacobians": 0})

    def integrate(self) -> Outcome:
        """Run all segments and say how it ended."""
        from .model.twin import Twin

        self.twin = Twin(self.cell)
        self.names = list(self.cell.composition.states)
        states = self.cell.composition.states.values()
        self.atol = self.solver.rtol * np.array([to_kernel(s.scale, s.unit) for s in states])
        self.lower = np.array([-np.inf if s.lower is None else to_kernel(s.lower, s.unit) for s in states])
        self.upper = np.array([np.inf if s.upper is None else to_kernel(s.upper, s.unit) for s in states])
        self.deadline = time.monotonic() + self.solver.max_seconds if self.solver.max_seconds else np.inf
        segment_of = self.protocol.locate(self.when)
        status, worst = "ok", ""
        try:
            for s in range(len(self.protocol.lengths)):
                self._segment(s, np.flatnonzero(segment_of == s))
        except _Stop as stop:
            status, worst = stop.status, stop.worst
        return Outcome(status, self.reached * 1e-3, worst, self.counts["steps"], 0, self.counts["rhs"], self.counts["jacobians"])

    def _segment(self, s: int, wanted: np.ndarray) -> None:
        length, start = float(self.protocol.lengths[s]), float(self.protocol.edges[s])
        local = self.protocol.local(self.when[wanted], np.full(len(wanted), s))
        with np.errstate(all="ignore"):
            stepper = self._stepper(s, length)
            first = 0
            while stepper.status == "running":
                self._step(stepper, s)
                self.reached = start + stepper.t
                dense = None
                while first < len(wanted) and local[first] <= stepper.t:
                    dense = dense or stepper.dense_output()
                    state = stepper.y if local[first] == stepper.t else dense(local[first])
                    self._store(wanted[first], state, self.protocol.inputs(s, local[first]))
                    first += 1
                if self.readings:
                    self._read(self.readings, stepper, s, dense or stepper.dense_output())
                self.y[:] = stepper.y
        self.reached = float(self.protocol.edges[s + 1])

    def _stepper(self, s: int, length: float) -> Any:
        from scipy import integrate

        kind = getattr(integrate, _NAMES[self.solver.method])
        options = {"rtol": self.solver.rtol, "atol": self.atol, "jac": lambda t, x: self._jacobian(x, self.protocol.inputs(s, t))}
        return kind(lambda t, x: self._rhs(x, self.protocol.inputs(s, t)), 0.0, self.y.copy(), length, **options)

    def _rhs(self, y: np.ndarray, u: np.ndarray) -> np.ndarray:
        self.counts["rhs"] += 1
        if time.monotonic() > self.deadline:
            raise _Stop("time_limit")
        if self.counts["rhs"] > 100 * self.solver.max_steps:
            raise _Stop("step_limit")
        return self.twin.rhs(y, u)

    def _jacobian(self, y: np.ndarray, u: np.ndarray) -> np.ndarray:
        self.counts["jacobians"] += 1
        return self.twin.jacobian(y, u)

    def _step(self, stepper: Any, s: int) -> None:
        """One accepted step, or the cause why there is none."""
        try:
            stepper.step()
        except (ValueError, np.linalg.LinAlgError):  # SciPy's linear algebra refuses numbers that are not finite
            raise self._cause(stepper, s) from None
        if stepper.status == "failed":
            raise self._cause(stepper, s)
        self.counts["steps"] += 1
        if not np.all(np.isfinite(stepper.y)):
            raise self._cause(stepper, s)
        outside = (stepper.y < self.lower - 1e3 * self.atol) | (stepper.y > self.upper + 1e3 * self.atol)
        if np.any(outside):
            raise _Stop("out_of_range", self.names[int(np.argmax(outside))])
        far = np.abs(stepper.y) > 1e12 * self.atol / self.solver.rtol
        if np.any(far):
            raise _Stop("diverged", self.names[int(np.argmax(far))])
        if self.counts["steps"] >= self.solver.max_steps and stepper.status == "running":
            raise _Stop("step_limit")
        allowed = self.solver.max_steps_per_second
        if allowed:  # as in the engine: 1000 steps at a time are free, and the count drains at the allowed rate
            self.crowding = max(0.0, self.crowding - allowed * stepper.step_size * 1e-3) + 1.0
            if self.crowding > FREE_STEPS:
                raise _Stop("step_rate_limit")

    def _cause(self, stepper: Any, s: int) -> _Stop:
        """Why no step is possible: a broken equation at or just beyond the last good state, or a step that became too small."""
        length = float(self.protocol.lengths[s])
        y = self.y
        here = self.twin.rhs(y, self.protocol.inputs(s, self.reached - float(self.protocol.edges[s])))
        near = y + 1e-6 * length * here
        outside = (near < self.lower) | (near > self.upper)
        if np.any(outside):
            return _Stop("out_of_range", self.names[int(np.argmax(outside))])
        for ahead in (0.0, 1e-6, 1e-3):
            t = min(length, self.reached - float(self.protocol.edges[s]) + ahead * length)
            broken = ~np.isfinite(self.twin.rhs(y, self.protocol.inputs(s, t)))
            if np.any(broken):
                return _Stop("non_finite_rhs", self.names[int(np.argmax(broken))])
        return _Stop("step_underflow")

    def _read(self, readings: Readings, stepper: Any, s: int, dense: Any) -> None:
        """Hand the watched quantities within the present step over to the features."""
        start, watched = float(stepper.t_old), readings.watched

        def values(t: float) -> np.ndarray:
            state = self.y if t == start else stepper.y if t == stepper.t else np.clip(dense(t), self.lower, self.upper)
            inputs = self.protocol.inputs(s, t)
            outputs = list(self.twin.observe(state, inputs).values()) if 1 in watched.kinds else []
            return np.array([(state, outputs, inputs)[kind][index] for kind, index in zip(watched.kinds, watched.indices, strict=True)])

        readings.step(s, start, float(stepper.t), values)

    def _store(self, column: int, state: np.ndarray, inputs: np.ndarray) -> None:
        outputs = list(self.twin.observe(state, inputs).values()) if 1 in self.kinds else []
        for j, (kind, index) in enumerate(zip(self.kinds, self.indices, strict=True)):
            self.record[j, column] = (state, outputs, inputs)[kind][index]
