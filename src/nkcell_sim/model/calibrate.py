"""Constants that nobody measured, solved from the stationarity of the wanted rest.

They enter the right-hand side linearly, so the twin evaluated at unit vectors gives a small linear system:
one balance (a pinned state that must not change) for each constant. Many cells are solved together, each to the bits that it has alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..errors import NkcellError, SteadyStateError, UnreachableRestError
from ..units import from_kernel, to_kernel
from .elimination import solve_each
from .twins import Columns, Twins, shared_columns

if TYPE_CHECKING:
    from .cell import Cell

# A Newton iteration on gates ends quadratically: the step after 1e-12 is rounding.
TOLERANCE = 1e-12
MAX_ITERATIONS = 60
PASSES = 5  # of the constants: one is exact unless a free state depends on a constant (Cs+ through the pump)
# A state below this share of its scale is zero up to rounding.
SMALL = 1e-20
# Pivots this far apart belong to a system that is singular but for rounding, which is solved as a least-squares problem.
SINGULAR = 1e-13
BLOCK = 256  # cells evaluated together: enough to hide the cost of a NumPy call, few enough to stay in the cache

Found = TypeVar("Found")


def calibrated_constants(cell: Cell) -> tuple[str, ...]:
    """Keys of the parameters of a cell that a balance at rest fixes."""
    return tuple(k for k, p in cell.composition.parameters.items() if p.balance)


def resting_state(cell: Cell) -> np.ndarray:
    """Pinned states at the wanted rest, all others stationary there; declared initial values for a composition without a rest.

    States that nothing drives (a pump not yet blocked, Mg2+ without a pipette) keep their declared initial value.
    """
    return _alone(resting_states([cell]))


def resting_states(cells: Sequence[Cell]) -> list[np.ndarray | NkcellError]:
    """The :func:`resting_state` of every cell, or why there is none."""
    return _in_blocks(cells, lambda block: _Rest(block).settle())


def solve_constants(cell: Cell) -> dict[str, float]:
    """Values (declared units) of the calibrated constants that make the wanted rest stationary.

    Raises :class:`UnreachableRestError` naming the balance when a constant leaves its physical range.
    """
    return _alone(solve_constants_each([cell]))


def solve_constants_each(cells: Sequence[Cell]) -> list[dict[str, float] | NkcellError]:
    """The :func:`solve_constants` of every cell, or why there are none."""
    return _in_blocks(cells, lambda block: _Balances(block).solve() if calibrated_constants(block[0]) else [{} for _ in block])


def recalibrated_each(cells: Sequence[Cell]) -> list[Cell | NkcellError]:
    """:meth:`~.cell.Cell.recalibrated` of every cell, or why there is none."""
    found = solve_constants_each([reference_of(cell) for cell in cells])
    return [c if isinstance(c, NkcellError) else with_constants(cell, c, healthy_of(cell)) for cell, c in zip(cells, found, strict=True)]


def healthy_of(cell: Cell) -> str:
    """Phenotype of the healthy cell of the same lesion; empty without a phenotype."""
    from .cells.phenotypes import phenotype

    return phenotype(cell.phenotype).healthy if cell.phenotype else ""


def reference_of(cell: Cell) -> Cell:
    """The healthy cell of the same lesion, whose rest fixes the constants."""
    from .cells.phenotypes import phenotype

    healthy = healthy_of(cell)
    return cell.set({k: v for k, v in phenotype(healthy).changes.items() if k in cell.composition.parameters}) if healthy else cell


def with_constants(cell: Cell, constants: dict[str, float], phenotype: str) -> Cell:
    """The cell with constants that were solved for a phenotype, back at its wanted rest."""
    new = replace(cell, values={**cell.values, **constants}, state=None, calibrated_for=phenotype, solved=constants)
    return new.noted(f"calibrated at rest as {phenotype}" if phenotype else "calibrated at rest")


def _alone(found: list[Found | NkcellError]) -> Found:
    """What was found for the only cell; raises when it is an error."""
    if isinstance(found[0], NkcellError):
        raise found[0]
    return found[0]


def _in_blocks(cells: Sequence[Cell], work: Callable[[list[Cell]], Sequence[Found | NkcellError]]) -> list[Found | NkcellError]:
    """Results of ``work`` on blocks of cells that share a composition, in the order of the cells."""
    by_composition: dict[int, list[int]] = {}
    for i, cell in enumerate(cells):
        by_composition.setdefault(id(cell.composition), []).append(i)
    found: dict[int, Found | NkcellError] = {}
    for positions in by_composition.values():
        for start in range(0, len(positions), BLOCK):
            block = positions[start : start + BLOCK]
            found.update(zip(block, work([cells[i] for i in block]), strict=True))
    return [found[i] for i in range(len(cells))]


class _Rest:
    """The wanted rest of cells of one composition: parameters (n_parameters, n_cells) and states that stay where they are."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        composition = cells[0].composition
        self.cells, self.composition = cells, composition
        self.parameters = np.stack([cell.parameter_vector() for cell in cells], axis=1)
        self.inputs = np.stack([cell.input_defaults() for cell in cells], axis=1)
        pinned = composition.rest if composition.starts_at_rest else composition.states
        self.free = tuple(i for i, k in enumerate(composition.states) if k not in pinned)
        declared = [s for k, s in composition.states.items() if k not in pinned]
        self.scale = np.array([to_kernel(s.scale, s.unit) for s in declared])[:, None]
        self.lower = np.array([-np.inf if s.lower is None else to_kernel(s.lower, s.unit) for s in declared])[:, None]
        self.upper = np.array([np.inf if s.upper is None else to_kernel(s.upper, s.unit) for s in declared])[:, None]

    def start(self) -> np.ndarray:
        """States (n_states,) at their wanted rest or, where there is none, as declared."""
        return np.array([to_kernel(self.composition.rest.get(k, s.initial), s.unit) for k, s in self.composition.states.items()])

    def settle(self) -> list[np.ndarray | NkcellError]:
        """Resting state of every cell, or why there is none."""
        y = np.repeat(self.start()[:, None], len(self.cells), axis=1)
        errors = self.move(y, np.arange(len(self.cells)))
        return [errors.get(i, state) for i, state in enumerate(np.ascontiguousarray(y.T))]

    def move(self, y: np.ndarray, cells: np.ndarray) -> dict[int, NkcellError]:
        """Bring the free states of some cells (positions) to rest in ``y`` (n_states, n_all_cells); errors by position."""
        if not self.free or not len(cells):
            return {}
        start = y.copy()
        errors, late = self._newton(y, cells, shared_columns(self.composition, self.free))
        if len(late):
            y[:, late] = start[:, late]
            more, late = self._newton(y, late, Columns.separate(self.free))
            errors.update(more)
        for i in late:
            errors[int(i)] = SteadyStateError(
                f"cell {self.cells[i].name!r}: the gates and signalling states do not settle at the wanted rest within {MAX_ITERATIONS} iterations; "
                "check the parameters that were changed last"
            )
        return errors

    def _newton(self, y: np.ndarray, cells: np.ndarray, columns: Columns) -> tuple[dict[int, NkcellError], np.ndarray]:
        """Newton's iteration, every cell until its own step is small; errors by position, and the cells that did not arrive."""
        errors: dict[int, NkcellError] = {}
        free, moving = np.array(self.free), cells
        for _ in range(MAX_ITERATIONS):
            twins = Twins(self.composition, self.parameters[:, moving], self.inputs[:, moving])
            rate, slope, finite = twins.linearised(y[:, moving], self.free, columns)
            sound = finite.all(axis=0)
            for i, good in zip(moving[~sound], finite[:, ~sound].T, strict=True):
                errors[int(i)] = self._not_finite(int(i), good)
            moving, step = moving[sound], _steps(slope[..., sound] * self.scale, rate[:, sound])
            at = free[:, None], moving
            y[at] = np.clip(y[at] + self.scale * step, self.lower, self.upper)
            arrived = np.abs(step).max(axis=0) < TOLERANCE
            there = free[:, None], moving[arrived]
            y[there] = np.where(np.abs(y[there]) < SMALL * self.scale, 0.0, y[there])
            moving = moving[~arrived]
            if not len(moving):
                break
        return errors, moving

    def _not_finite(self, i: int, good: np.ndarray) -> SteadyStateError:
        keys = list(self.composition.states)
        names = [keys[k] for k, fine in zip(self.free, good, strict=True) if not fine]
        return SteadyStateError(
            f"cell {self.cells[i].name!r}: the rate of change of {', '.join(names[:3])} is not a number at the wanted rest; "
            "check the resting bath (a bath without K+ and Cs+ has no K+ reversal potential) and the parameters that were changed last"
        )


def _steps(slope: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Newton steps (n_free, n_cells), over the scale of each state; a state that nothing turns stays."""
    speed = np.maximum(np.abs(slope).max(axis=1), 1e-300)
    system, right = slope / speed[:, None], -rate / speed
    still = speed == 1e-300
    k, cell = np.nonzero(still)
    system[k, :, cell], right[k, cell] = 0.0, 0.0
    system[k, k, cell] = 1.0
    step, pivots = solve_each(system, right)
    for i in np.flatnonzero(~(pivots > SINGULAR)):
        step[:, i] = np.linalg.lstsq(np.ascontiguousarray(system[..., i]), np.ascontiguousarray(right[:, i]), rcond=SINGULAR)[0]
    return step


class _Balances(_Rest):
    """The balances of cells of one composition that fix its calibrated constants."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        super().__init__(cells)
        self.keys = calibrated_constants(cells[0])
        declared = self.composition.parameters
        self.declared = [declared[k] for k in self.keys]
        self.places = np.array([self.composition.parameter_index[k] for k in self.keys])
        self.balanced = [self.composition.state_index[p.balance] for p in self.declared]
        self.size = np.array([max(abs(to_kernel(p.default, p.unit)), 1e-30) for p in self.declared])

    def solve(self) -> list[dict[str, float] | NkcellError]:
        """Constants of every cell, or why there are none."""
        errors: dict[int, NkcellError] = {}
        for i, cell in enumerate(self.cells):
            self._keep(errors, {i: _switched_off(cell, self.keys)})
        values = np.array([[cell.parameter(k) for cell in self.cells] for k in self.keys])
        y = np.repeat(self.start()[:, None], len(self.cells), axis=1)
        going = np.arange(len(self.cells))
        for _ in range(PASSES):
            going = self._keep(errors, {}, going)
            going = self._keep(errors, self.move(y, going), going)
            previous = values[:, going].copy()
            failed = self._balance(y, going, values)
            with np.errstate(invalid="ignore"):
                same = (np.abs(values[:, going] - previous) <= 1e-14 * np.abs(values[:, going])).all(axis=0)
            going = self._keep(errors, failed, going[~same])
            if not len(going):
                break
        found = [dict(zip(self.keys, column, strict=True)) for column in values.T.tolist()]
        self._keep(errors, {i: _out_of_range(self.cells[i], each) for i, each in enumerate(found) if i not in errors})
        return [errors.get(i, each) for i, each in enumerate(found)]

    @staticmethod
    def _keep(errors: dict[int, NkcellError], more: Mapping[int, NkcellError | None], cells: np.ndarray | None = None) -> np.ndarray:
        """Note more errors, and leave the cells that have one out."""
        errors.update({i: error for i, error in more.items() if error is not None})
        return np.array([i for i in (() if cells is None else cells) if int(i) not in errors], dtype=int)

    def _balance(self, y: np.ndarray, cells: np.ndarray, values: np.ndarray) -> dict[int, NkcellError]:
        """Solve the balances of some cells (positions) at given states, into ``values`` (n_constants, n_cells) and the parameters; errors by position."""
        if not len(cells):
            return {}
        trial = np.concatenate([np.zeros((len(self.keys), 1)), np.diag(self.size)], axis=1)
        changed = {k: np.repeat(row[:, None], len(cells), axis=1) for k, row in zip(self.keys, trial, strict=True)}
        twins = Twins(self.composition, self.parameters[:, cells], self.inputs[:, cells])
        rates = twins.rates(y[:, cells], self.balanced, changed)
        with np.errstate(all="ignore"):
            constant, matrix = rates[:, 0], rates[:, 1:] - rates[:, :1]
            size = np.abs(matrix).max(axis=1)
            solution, pivots = solve_each(matrix / size[:, None], -constant / size)
            for row, place, p, v in zip(values, self.places, self.declared, solution * self.size[:, None], strict=True):
                row[cells] = from_kernel(v, p.unit)
                self.parameters[place, cells] = to_kernel(row[cells], p.unit)
        finite = np.isfinite(rates).all(axis=(0, 1))
        poor = np.flatnonzero(~finite | ~(pivots > 0.0))
        return {int(cells[j]): self._unbalanced(self.cells[cells[j]], bool(finite[j]), size[:, j]) for j in poor}

    def _unbalanced(self, cell: Cell, finite: bool, size: np.ndarray) -> NkcellError:
        """Why the balances of a cell give no constants; ``size`` is how much constants act on each of them."""
        if not finite:
            return SteadyStateError(
                f"cell {cell.name!r}: the balances at the wanted rest are not numbers; check the resting bath and the parameters changed last"
            )
        k, balance = next(((k, p.balance) for k, p, s in zip(self.keys, self.declared, size, strict=True) if s == 0.0), ("", ""))
        if not k:
            return SteadyStateError(f"cell {cell.name!r}: the balances at the wanted rest do not tell its constants apart; check the parameters changed last")
        return UnreachableRestError(
            f"cell {cell.name!r}: no calibrated constant acts on the balance of {balance} ({k} has no effect); "
            "switch its component on or give it something to act on (for example K+ in the bath)", balance=balance, constant=k
        )  # fmt: skip


def _switched_off(cell: Cell, keys: tuple[str, ...]) -> UnreachableRestError | None:
    """Why a constant of a component that is switched off cannot be solved."""
    for key in keys:
        owner = cell.composition.owner[key].name
        if f"{owner}.switch" in cell.composition.parameters and cell.parameter(f"{owner}.switch") == 0.0:
            balance = cell.composition.parameters[key].balance
            return UnreachableRestError(
                f"cell {cell.name!r}: {owner} is switched off, but its {key} must balance {balance} at rest; calibrate first, then switch it off",
                balance=balance, constant=key,
            )  # fmt: skip
    return None


def _out_of_range(cell: Cell, values: dict[str, float]) -> UnreachableRestError | None:
    """Why constants of a cell are none that it can have."""
    for key, value in values.items():
        parameter = cell.composition.parameters[key]
        low, high = parameter.minimum, parameter.maximum
        if (low is not None and value < low) or (high is not None and value > high) or not np.isfinite(value):
            what = cell.composition.states[parameter.balance].description
            return UnreachableRestError(
                f"cell {cell.name!r}: the wanted rest cannot be reached: balance of {what}: {parameter.unreachable or 'out of range'} "
                f"({key} would be {value:.4g} {parameter.unit} at {cell.parameter('temperature') - 273.15:.4g} degC); "
                "lower the current that is too large, or give the cell another rest",
                balance=parameter.balance, constant=key, value=value,
            )  # fmt: skip
    return None
