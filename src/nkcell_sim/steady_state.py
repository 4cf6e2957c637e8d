"""Rest: Newton on all states at once, relaxation behind it, and a report of what was found and what was held.

A cell without a pipette keeps some totals for ever (its charge, the calcium of a tight cell) and some states have no
way to move (thapsigargin block without thapsigargin). Both are found from the Jacobian and held, so that the answer is the
rest that the cell itself would settle to, and the report says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .engine import require_compiled
from .errors import NkcellError, SteadyStateError
from .model.calibrate import resting_states
from .protocol import Protocol
from .simulate import simulate
from .solver import StateScales
from .units import from_kernel, to_kernel

if TYPE_CHECKING:
    from .model.cell import Cell
    from .model.composition import Composition

NULL_RATE = 1e-10  # 1/ms: an eigenvalue slower than 1e-7 per s counts as zero (a structural zero, or months)
MAX_NEWTON = 60
BLOCK = 64  # cells solved together: their Jacobians stay in the cache


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
    [found] = steady_states([cell.set_inputs(dict(inputs)) if inputs else cell], tolerance=tolerance, relax=relax)
    if isinstance(found, NkcellError):
        raise found
    return found


def steady_states(cells: Sequence[Cell], *, tolerance: float = 1e-11, relax: float = 1e5) -> list[SteadyState | NkcellError]:
    """The :func:`steady_state` of every cell, or why there is none; a cell has the same bits alone and among others."""
    found = _found(cells, tolerance, relax)
    return [each if isinstance(each, NkcellError) else each.report() for each in found]


def settled_each(cells: Sequence[Cell], *, tolerance: float = 1e-11, relax: float = 1e5) -> list[Cell | NkcellError]:
    """Every cell at its :func:`steady_state`, or why there is none, without the spectrum."""
    found = _found(cells, tolerance, relax)
    return [each if isinstance(each, NkcellError) else each.cell.with_state(each.y) for each in found]


@dataclass(frozen=True)
class _Found:
    """Where Newton's iteration of a cell ended."""

    cell: Cell
    y: np.ndarray
    method: str
    iterations: int

    def report(self) -> SteadyState:
        """Residuals, spectrum and what was held at the solution."""
        problem = _Problems([self.cell])
        y, first = self.y[:, None], np.zeros(1, dtype=int)
        rates, slopes, outputs = problem.evaluate(y, first)
        f, jacobian, composition = rates[:, 0], np.ascontiguousarray(slopes[..., 0]), problem.composition
        keys, names = list(composition.states), list(composition.outputs)
        eigenvalues = np.linalg.eigvals(jacobian)
        zero = np.abs(eigenvalues) < NULL_RATE
        moving = eigenvalues[~zero]
        kept = problem.kept(rates, slopes, problem.gradients(y, first))[:, 0]
        units = composition.declarations
        return SteadyState(
            cell=self.cell.with_state(self.y),
            residuals={k: float(abs(r) * 1e3) for k, r in zip(keys, f, strict=True)},
            eigenvalues=np.array(sorted(eigenvalues * 1e3, key=lambda x: x.real)),
            zero_modes=int(zero.sum()),
            largest_real_part=float(moving.real.max() * 1e3) if len(moving) else 0.0,
            conserved={names[t]: float(outputs[t, 0] / to_kernel(1.0, units[names[t]].unit)) for t, k in zip(problem.totals, kept, strict=True) if k},
            held=tuple(keys[i] for i in range(len(f)) if f[i] == 0.0 and not np.any(jacobian[i])),
            method=self.method,
            iterations=self.iterations,
        )


def _found(cells: Sequence[Cell], tolerance: float, relax: float) -> list[_Found | NkcellError]:
    """Where the Newton iteration of every cell ends, or why it does not."""
    by_composition: dict[int, list[int]] = {}
    for i, cell in enumerate(cells):
        by_composition.setdefault(id(cell.composition), []).append(i)
    found: dict[int, _Found | NkcellError] = {}
    for positions in by_composition.values():
        require_compiled(cells[positions[0]].composition)
        starts = resting_states([cells[i] for i in positions if cells[i].state is None])
        started = iter(starts)
        block: dict[int, Cell] = {}
        for i in positions:
            start = cells[i].state if cells[i].state is not None else next(started)
            if isinstance(start, NkcellError):
                found[i] = start
            elif start is not None:
                block[i] = replace(cells[i], state=start)
        found.update(zip(block, _newton_or_relaxation(list(block.values()), tolerance, relax), strict=True))
    return [found[i] for i in range(len(cells))]


def _newton_or_relaxation(cells: list[Cell], tolerance: float, relax: float) -> list[_Found | NkcellError]:
    """Newton from the states of cells of one composition; those that do not arrive are relaxed and try again."""
    found: dict[int, _Found | NkcellError] = {}
    method, spent, present, iterations = "Newton", 0, dict(enumerate(cells)), [0] * len(cells)
    while present:
        positions = list(present)
        for start in range(0, len(positions), BLOCK):
            block = positions[start : start + BLOCK]
            for i, (y, more) in zip(block, _Problems([present[i] for i in block]).newton(tolerance), strict=True):
                iterations[i] += more
                if y is not None:
                    found[i] = _Found(present.pop(i), y, method, iterations[i])
        if not present or spent == 10:
            break
        method, spent = "relaxation and Newton", spent + 1
        trace = simulate(list(present.values()), Protocol(relax), times=[], rtol=1e-8)
        for k, (i, outcome) in enumerate(zip(list(present), trace.outcomes, strict=True)):
            if outcome.ok:
                present[i] = trace.final_cell(k)
            else:
                found[i] = SteadyStateError(f"no steady state: the relaxation of {present.pop(i).name} ended as {outcome}")
    found.update({i: _never(cell, relax * spent) for i, cell in present.items()})
    return [found[i] for i in range(len(cells))]


def _never(cell: Cell, spent: float) -> SteadyStateError:
    """Why a cell does not come to rest."""
    residual = np.abs(_Problems([cell]).evaluate(cell.initial_state()[:, None], np.zeros(1, dtype=int))[0][:, 0])
    worst = list(cell.composition.states)[int(np.argmax(residual))]
    return SteadyStateError(
        f"no steady state of {cell.name} after {spent:g} s of relaxation: {worst} still moves by {residual.max() * 1e3:.3g} of its scale per s; "
        "the cell may oscillate, or its inputs drain a store without a way back"
    )


class _Problems:
    """Right-hand sides, Jacobians and conserved totals of cells of one composition at constant inputs, in scaled variables.

    The last axis of every array is the cells; no operation mixes them, and sums are added up in order, so that a cell has the same bits in any batch.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells, self.composition = cells, cells[0].composition
        self.inputs = np.array([cell.input_defaults() for cell in cells])
        self.parameters = np.array([cell.parameter_vector() for cell in cells])
        bounds = StateScales.of(self.composition)
        self.scale, self.lower, self.upper = bounds.scale[:, None], bounds.lower[:, None], bounds.upper[:, None]
        self.totals = _totals(self.composition)

    def evaluate(self, y: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Scaled derivatives (n_states, n), scaled Jacobians (n_states, n_states, n) and outputs (n_outputs, n) of some cells at y (n_states, n)."""
        from . import _kernels

        f, jacobian, outputs = _kernels.evaluate(self.composition.name, y.T, self.inputs[cells], self.parameters[cells])
        slopes = np.ascontiguousarray(jacobian.transpose(1, 2, 0))
        slopes *= self.scale
        slopes /= self.scale[:, None]
        return f.T / self.scale, slopes, outputs.T

    def gradients(self, y: np.ndarray, cells: np.ndarray, moved: np.ndarray | None = None) -> np.ndarray:
        """Gradients (n_totals, n_states, n) of the declared totals with respect to the scaled states (central differences).

        Only states that can be part of a total are moved, or those that are asked for.
        """
        from . import _kernels

        found = np.zeros((len(self.totals), *y.shape))
        moved = _in_totals(self.composition) if moved is None else moved
        if not self.totals or not len(moved):
            return found
        step = (1e-4 * np.maximum(self.scale, 1e-3 * np.abs(y)))[moved]
        points = np.repeat(y.T[:, None], 2 * len(moved), axis=1)  # (n, 2 n_moved, n_states)
        rows = np.arange(len(moved))
        points[:, rows, moved] += step.T
        points[:, rows + len(moved), moved] -= step.T
        each = np.repeat(cells, 2 * len(moved))
        outputs = _kernels.evaluate(self.composition.name, points.reshape(-1, len(y)), self.inputs[each], self.parameters[each])[2][:, self.totals]
        up, down = np.moveaxis(outputs.reshape(len(cells), 2, len(moved), -1), (1, 3, 2, 0), (0, 1, 2, 3))
        found[:, moved] = (up - down) / (2.0 * step) * self.scale[moved]
        return found

    @staticmethod
    def kept(f: np.ndarray, jacobian: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        """Which declared totals (n_totals, n) really are kept under these inputs: their gradient is orthogonal to every way to move."""
        found = np.zeros((len(gradients), f.shape[-1]), dtype=bool)
        speed = _norm(f)
        for kept, gradient in zip(found, gradients, strict=True):
            size = _norm(gradient)
            # 1e-9: the gradient is a central difference, good to about 1e-10; the drift's floor is the rounding of f
            steady = _norm(_sum(g * row for g, row in zip(gradient, jacobian, strict=True))) < 1e-9 * size * _norm(jacobian.reshape(-1, f.shape[-1]))
            kept[:] = steady & (np.abs(_sum(gradient * f)) <= size * (1e-9 * speed + 1e-13))
        return found

    def newton(self, tolerance: float) -> list[tuple[np.ndarray | None, int]]:
        """Damped Newton of every cell, with held states and kept totals as extra equations: the solution and the number of iterations.

        The solution is None for a cell whose iteration stalls or leaves the range.
        """
        y = np.stack([cell.initial_state() for cell in self.cells], axis=1)
        going = np.arange(len(self.cells))
        f, jacobian, outputs = self.evaluate(y, going)
        wanted = outputs[self.totals].copy()
        ended: dict[int, tuple[np.ndarray | None, int]] = {}
        for iteration in range(1, MAX_NEWTON + 1):
            sound = np.isfinite(f).all(axis=0)
            ended.update({int(i): (None, iteration) for i in going[~sound]})
            going, f, jacobian, outputs = going[sound], f[:, sound], jacobian[..., sound], outputs[:, sound]
            at = y[:, going]
            gradients = self.gradients(at, going)
            kept = self.kept(f, jacobian, gradients)
            missing = wanted[:, going] - outputs[self.totals]
            step = np.empty_like(at)
            for k, mine in enumerate(kept.T):
                step[:, k] = _step(f[:, k].copy(), jacobian[..., k].copy(), gradients[mine, :, k], missing[mine, k])
            step *= self.scale
            damping, moved, f, jacobian, outputs = self._advance(at, step, f, jacobian, outputs, going)
            y[:, going] = moved
            near = np.max(np.abs(step) / np.maximum(self.scale, np.abs(moved)), axis=0) < 1e-10
            with np.errstate(invalid="ignore"):
                arrived = (damping == 1.0) & near & (np.abs(f).max(axis=0) < tolerance)
            ended.update({int(i): (y[:, i].copy(), iteration) for i in going[arrived]})
            ended.update({int(i): (None, iteration) for i in going[damping == 0.0]})
            on = ~arrived & (damping > 0.0)
            going, f, jacobian, outputs = going[on], f[:, on], jacobian[..., on], outputs[:, on]
            if not len(going):
                break
        ended.update({int(i): (None, MAX_NEWTON) for i in going})
        return [ended[i] for i in range(len(self.cells))]

    def _advance(self, y: np.ndarray, step: np.ndarray, f: np.ndarray, jacobian: np.ndarray, outputs: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, ...]:
        """Shorten steps until they stay in range and do not make matters much worse: the damping (0: no such step), and everything where they end."""
        size, y, f, jacobian, outputs = _norm(f), y.copy(), f.copy(), jacobian.copy(), outputs.copy()
        damping, waiting, share = np.zeros(len(cells)), np.arange(len(cells)), 1.0
        for _ in range(12):
            trial = y[:, waiting] + share * step[:, waiting]
            edge = np.clip(trial, self.lower, self.upper)
            trial = np.where(np.abs(trial - edge) <= 1e-9 * self.scale, edge, trial)  # rounding at a bound is not a violation
            inside = np.flatnonzero(((trial >= self.lower) & (trial <= self.upper)).all(axis=0))
            if len(inside):
                mine, there = waiting[inside], self.evaluate(trial[:, inside], cells[waiting[inside]])
                with np.errstate(all="ignore"):
                    good = np.isfinite(there[0]).all(axis=0) & (_norm(there[0]) <= 2.0 * size[mine] + 1e-12)
                done = mine[good]
                y[:, done], f[:, done], jacobian[..., done], outputs[:, done] = trial[:, inside[good]], *(table[..., good] for table in there)
                damping[done] = share
                waiting = np.setdiff1d(waiting, done)
            if not len(waiting):
                break
            share *= 0.5
        return damping, y, f, jacobian, outputs


def _step(f: np.ndarray, jacobian: np.ndarray, gradients: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """The Newton step of one cell in scaled variables, which closes the kept totals' ``missing`` and leaves states that cannot move."""
    rows, right = [jacobian], [-f]
    if len(gradients):
        size = np.linalg.norm(gradients, axis=1, keepdims=True)
        # weighted like a fast equation, so that the total is met exactly
        rows.append(gradients / size)
        right.append(missing / size[:, 0])
    still = (f == 0.0) & ~jacobian.any(axis=1)
    if still.any():
        rows.append(np.eye(len(f))[still])
        right.append(np.zeros(int(still.sum())))
    system, target = np.concatenate(rows), np.concatenate(right)
    weight = 1.0 / np.maximum(np.abs(system).max(axis=1), 1e-300)
    return np.asarray(np.linalg.lstsq(system * weight[:, None], target * weight, rcond=1e-15)[0])


def _sum(terms: Iterable[np.ndarray]) -> np.ndarray:
    """Sum in order, whatever the shapes: the same bits for every cell of a batch."""
    total: np.ndarray | float = 0.0
    for term in terms:
        total = total + term
    return np.asarray(total)


def _norm(table: np.ndarray) -> np.ndarray:
    """Euclidean norm along the first axis."""
    return np.sqrt(_sum(row * row for row in table))


def _totals(composition: Composition) -> list[int]:
    """Positions of the declared totals among the outputs."""
    outputs = list(composition.outputs)
    return [outputs.index(k) for k in composition.conserved]


@lru_cache(maxsize=64)
def _in_totals(composition: Composition) -> np.ndarray:
    """States that are part of some total: those that it depends on at the declared values with every absent quantity present."""
    from .model.cell import Cell

    parameters, y = composition.parameter_defaults, np.array([to_kernel(s.initial, s.unit) for s in composition.states.values()])
    scale = StateScales.of(composition).scale
    problem = _Problems([Cell(composition)])
    problem.parameters = np.where(parameters == 0.0, 0.5, parameters)[None]
    gradient = problem.gradients(np.where(y == 0.0, 0.1 * scale, y)[:, None], np.zeros(1, dtype=int), np.arange(len(y)))
    return np.flatnonzero((gradient[..., 0] != 0.0).any(axis=0))
