"""Rest: Newton on all states at once, relaxation behind it, and a report of what was found and what was held.

A cell without a pipette keeps some totals for ever (its charge, the calcium of a tight cell) and some states have no
way to move (thapsigargin block without thapsigargin). Both are found from the Jacobian and held, so that the answer is the
rest that the cell itself would settle to, and the report says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .engine import require_compiled
from .errors import SteadyStateError
from .protocol import Protocol
from .simulate import simulate
from .solver import StateScales
from .units import from_kernel, to_kernel

if TYPE_CHECKING:
    from .model.cell import Cell

NULL_RATE = 1e-10  # 1/ms: an eigenvalue slower than 1e-7 per s counts as zero (a structural zero, or months)
MAX_NEWTON = 60


@dataclass(frozen=True)
class SteadyState:
    """A stationary state: ``residuals`` are |dy/dt|/scale [1/s] per state; eigenvalues are in 1/s."""

    cell: Cell
    residuals: dict[str, float]
    eigenvalues: np.ndarray
    zero_modes: int
    largest_real_part: float
    conserved: dict[str, float]
    held: tuple[str, ...]
    method: str
    iterations: int

    @property
    def stable(self) -> bool:
        """True when every mode but the structural zeros decays."""
        return self.largest_real_part < 0.0

    @property
    def worst(self) -> str:
        """The state with the largest residual."""
        return max(self.residuals, key=lambda k: self.residuals[k])

    def __repr__(self) -> str:
        verdict = "stable" if self.stable else "not stable"
        lines = [
            f"Steady state of {self.cell.name} by {self.method} ({self.iterations} iterations): {verdict}, "
            f"largest real part {self.largest_real_part:.3g} 1/s, {self.zero_modes} zero modes",
            f"  largest residual {self.residuals[self.worst]:.2e} of its scale per s ({self.worst})",
        ]
        if self.conserved:
            lines.append("  totals held: " + ", ".join(f"{k} = {v:.8g}" for k, v in self.conserved.items()))
        if self.held:
            lines.append("  states that cannot move here: " + ", ".join(self.held))
        composition = self.cell.composition
        for (key, declaration), value in zip(composition.states.items(), self.cell.initial_state(), strict=True):
            lines.append(f"  {key:<28}{from_kernel(value, declaration.unit):>14.6g} {declaration.unit:<6}{self.residuals[key]:>12.1e}")
        return "\n".join(lines)


def steady_state(cell: Cell, inputs: Mapping[str, float | str] | None = None, *, tolerance: float = 1e-11, relax: float = 1e5) -> SteadyState:
    """Find the rest a cell settles to from its initial state, with ``inputs`` (declared units) held constant.

    ``tolerance`` bounds |dy/dt|/scale per ms. When Newton does not converge the cell is integrated for ``relax`` seconds
    (ten times at most) and Newton tried again. Raises :class:`SteadyStateError` with the worst state when neither arrives.
    """
    if inputs:
        cell = cell.set_inputs(dict(inputs))
    require_compiled(cell.composition)
    problem = _Problem(cell)
    y, iterations = problem.newton(cell.initial_state(), tolerance)
    method = "Newton"
    spent = 0
    while y is None and spent < 10:
        method = "relaxation and Newton"
        trace = simulate(cell, Protocol(relax), times=[], rtol=1e-8)
        spent += 1
        if not trace.outcomes[0].ok:
            raise SteadyStateError(f"no steady state: the relaxation of {cell.name} ended as {trace.outcomes[0]}")
        cell = trace.final_cell(0)
        y, more = problem.newton(trace.final[0], tolerance)
        iterations += more
    if y is None:
        residual = problem.residual(cell.initial_state())
        worst = list(cell.composition.states)[int(np.argmax(residual))]
        raise SteadyStateError(
            f"no steady state of {cell.name} after {relax * spent:g} s of relaxation: {worst} still moves by {residual.max() * 1e3:.3g} of its scale per s; "
            "the cell may oscillate, or its inputs drain a store without a way back"
        )
    return problem.report(y, method, iterations)


class _Problem:
    """Right-hand side, Jacobian and conserved totals of one cell at constant inputs, in scaled variables."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.composition = cell.composition
        self.inputs = cell.input_defaults()
        self.parameters = cell.parameter_vector()
        self.bounds = StateScales.of(self.composition)
        self.scale = self.bounds.scale
        outputs = list(self.composition.outputs)
        self.totals = [outputs.index(k) for k in self.composition.conserved]

    def evaluate(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Scaled derivative, scaled Jacobian and outputs."""
        from . import _kernels

        f, jacobian, outputs = _kernels.evaluate(self.composition.name, y, self.inputs, self.parameters)
        return f[0] / self.scale, jacobian[0] * self.scale / self.scale[:, None], outputs[0]

    def residual(self, y: np.ndarray) -> np.ndarray:
        """|dy/dt|/scale per ms."""
        return np.abs(self.evaluate(y)[0])

    def total_gradient(self, y: np.ndarray, kept: list[int]) -> np.ndarray:
        """Gradient of the kept totals with respect to the scaled states (central differences)."""
        from . import _kernels

        step = 1e-4 * np.maximum(self.scale, 1e-3 * np.abs(y))
        points = np.concatenate([y + np.diag(step), y - np.diag(step)])
        outputs = _kernels.evaluate(self.composition.name, points, self.inputs, self.parameters)[2][:, kept]
        n = len(y)
        return ((outputs[:n] - outputs[n:]) / (2.0 * step[:, None]) * self.scale[:, None]).T

    def kept_totals(self, y: np.ndarray, f: np.ndarray, jacobian: np.ndarray) -> list[int]:
        """Declared totals that really are kept under these inputs: their gradient is orthogonal to every way to move."""
        kept = []
        for total in self.totals:
            gradient = self.total_gradient(y, [total])[0]
            size = np.linalg.norm(gradient)
            # 1e-9: the gradient is a central difference, good to about 1e-10; the drift's floor is the rounding of f
            steady = np.linalg.norm(gradient @ jacobian) < 1e-9 * size * np.linalg.norm(jacobian)
            if steady and abs(gradient @ f) <= size * (1e-9 * np.linalg.norm(f) + 1e-13):
                kept.append(total)
        return kept

    def newton(self, start: np.ndarray, tolerance: float) -> tuple[np.ndarray | None, int]:
        """Damped Newton with held states and kept totals as extra equations; None when it stalls or leaves the range."""
        y = start.copy()
        f, jacobian, outputs = self.evaluate(y)
        wanted: np.ndarray | None = None
        for iteration in range(1, MAX_NEWTON + 1):
            if not np.all(np.isfinite(f)):
                return None, iteration
            kept = self.kept_totals(y, f, jacobian)
            if wanted is None:
                reference = {t: outputs[t] for t in self.totals}
            wanted = np.array([reference[t] for t in kept])
            still = [i for i in range(len(y)) if f[i] == 0.0 and not np.any(jacobian[i])]
            rows, right = [jacobian], [-f]
            if kept:
                gradient = self.total_gradient(y, kept)
                size = np.linalg.norm(gradient, axis=1, keepdims=True)
                # weighted like a fast equation, so that the total is met exactly
                rows.append(gradient / size)
                right.append((wanted - outputs[kept]) / size[:, 0])
            if still:
                rows.append(np.eye(len(y))[still])
                right.append(np.zeros(len(still)))
            system, target = np.concatenate(rows), np.concatenate(right)
            weight = 1.0 / np.maximum(np.abs(system).max(axis=1), 1e-300)
            step = np.linalg.lstsq(system * weight[:, None], target * weight, rcond=1e-15)[0] * self.scale
            moved, damping = self._advance(y, step, f)
            if moved is None:
                return None, iteration
            y = moved
            f, jacobian, outputs = self.evaluate(y)
            if damping == 1.0 and np.max(np.abs(step) / np.maximum(self.scale, np.abs(y))) < 1e-10 and np.abs(f).max() < tolerance:
                return y, iteration
        return None, MAX_NEWTON

    def _advance(self, y: np.ndarray, step: np.ndarray, f: np.ndarray) -> tuple[np.ndarray | None, float]:
        """Shorten a step until it stays in range and does not make matters much worse."""
        size = np.linalg.norm(f)
        damping = 1.0
        for _ in range(12):
            trial = y + damping * step
            edge = np.clip(trial, self.bounds.lower, self.bounds.upper)
            trial = np.where(np.abs(trial - edge) <= 1e-9 * self.scale, edge, trial)  # rounding at a bound is not a violation
            if np.all(trial >= self.bounds.lower) and np.all(trial <= self.bounds.upper):
                new = self.evaluate(trial)[0]
                if np.all(np.isfinite(new)) and np.linalg.norm(new) <= 2.0 * size + 1e-12:
                    return trial, damping
            damping *= 0.5
        return None, damping

    def report(self, y: np.ndarray, method: str, iterations: int) -> SteadyState:
        """Residuals, spectrum and what was held at the solution."""
        f, jacobian, outputs = self.evaluate(y)
        keys = list(self.composition.states)
        eigenvalues = np.linalg.eigvals(jacobian)
        zero = np.abs(eigenvalues) < NULL_RATE
        moving = eigenvalues[~zero]
        kept = self.kept_totals(y, f, jacobian)
        names = list(self.composition.outputs)
        units = self.composition.declarations
        return SteadyState(
            cell=self.cell.with_state(y),
            residuals={k: float(abs(r) * 1e3) for k, r in zip(keys, f, strict=True)},
            eigenvalues=np.array(sorted(eigenvalues * 1e3, key=lambda x: x.real)),
            zero_modes=int(zero.sum()),
            largest_real_part=float(moving.real.max() * 1e3) if len(moving) else 0.0,
            conserved={names[t]: float(outputs[t] / to_kernel(1.0, units[names[t]].unit)) for t in kept},
            held=tuple(keys[i] for i in range(len(y)) if f[i] == 0.0 and not np.any(jacobian[i])),
            method=method,
            iterations=iterations,
        )
