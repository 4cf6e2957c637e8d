"""Constants that nobody measured, solved from the stationarity of the wanted rest.

They enter the right-hand side linearly, so the twin evaluated at unit vectors gives a small linear system:
one balance (a pinned state that must not change) for each constant.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import SteadyStateError, UnreachableRestError
from ..units import from_kernel, to_kernel
from .twin import STEP, Twin

if TYPE_CHECKING:
    from .cell import Cell

# A Newton iteration on gates ends quadratically: the step after 1e-12 is rounding.
TOLERANCE = 1e-12
MAX_ITERATIONS = 60
# A state below this share of its scale is zero up to rounding.
SMALL = 1e-20


def calibrated_constants(cell: Cell) -> tuple[str, ...]:
    """Keys of the parameters of a cell that a balance at rest fixes."""
    return tuple(k for k, p in cell.composition.parameters.items() if p.balance)


def resting_state(cell: Cell) -> np.ndarray:
    """Pinned states at the wanted rest, all others stationary there; declared initial values for a composition without a rest.

    States that nothing drives (a pump not yet blocked, Mg2+ without a pipette) keep their declared initial value.
    """
    composition = cell.composition
    y = np.array([to_kernel(composition.rest.get(k, s.initial), s.unit) for k, s in composition.states.items()])
    if not composition.starts_at_rest:
        return y
    free = np.array([i for i, k in enumerate(composition.states) if k not in composition.rest], dtype=int)
    if not len(free):
        return y
    scale = np.array([to_kernel(s.scale, s.unit) for s in composition.states.values()])[free]
    lower, upper = _bounds(cell, free)
    twin = Twin(cell)
    tilt = np.zeros((len(y), len(free)), dtype=complex)
    tilt[free, np.arange(len(free))] = 1j * STEP
    for _ in range(MAX_ITERATIONS):
        columns = twin.rhs(y[:, None] + tilt)[free]  # real part: the rates; imaginary part: their slopes
        rate, slope = columns.real[:, 0], columns.imag / STEP * scale
        _check_finite(cell, columns, free)
        speed = np.maximum(np.abs(slope).max(axis=1), 1e-300)
        step = np.linalg.lstsq(slope / speed[:, None], -rate / speed, rcond=1e-13)[0]
        y[free] = np.clip(y[free] + scale * step, lower, upper)
        if np.max(np.abs(step)) < TOLERANCE:
            y[free] = np.where(np.abs(y[free]) < SMALL * scale, 0.0, y[free])
            return y
    raise SteadyStateError(
        f"cell {cell.name!r}: the gates and signalling states do not settle at the wanted rest within {MAX_ITERATIONS} iterations; "
        "check the parameters that were changed last"
    )


def _check_finite(cell: Cell, columns: np.ndarray, free: np.ndarray) -> None:
    bad = ~np.isfinite(columns).all(axis=1)
    if bad.any():
        names = [k for i, k in enumerate(cell.composition.states) if i in set(free[bad])]
        raise SteadyStateError(
            f"cell {cell.name!r}: the rate of change of {', '.join(names[:3])} is not a number at the wanted rest; "
            "check the resting bath (a bath without K+ and Cs+ has no K+ reversal potential) and the parameters that were changed last"
        )


def _bounds(cell: Cell, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Physical range of the free states in kernel units."""
    declared = [list(cell.composition.states.values())[i] for i in free]
    lower = np.array([-np.inf if s.lower is None else to_kernel(s.lower, s.unit) for s in declared])
    upper = np.array([np.inf if s.upper is None else to_kernel(s.upper, s.unit) for s in declared])
    return lower, upper


def solve_constants(cell: Cell) -> dict[str, float]:
    """Values (declared units) of the calibrated constants that make the wanted rest stationary.

    Raises :class:`UnreachableRestError` naming the balance when a constant leaves its physical range.
    """
    keys = calibrated_constants(cell)
    values = {k: cell.parameter(k) for k in keys}
    if not keys:
        return values
    _check_switches(cell, keys)
    for _ in range(5):  # one pass is exact unless a free state depends on a constant (Cs+ through the pump)
        y = resting_state(replace(cell, values={**cell.values, **values}, state=None))
        previous, values = values, _solve_linear(cell, keys, y)
        if all(abs(values[k] - previous[k]) <= 1e-14 * abs(values[k]) for k in keys):
            break
    _check_range(cell, values)
    return values


def _solve_linear(cell: Cell, keys: tuple[str, ...], y: np.ndarray) -> dict[str, float]:
    """Solve the balances for the constants at a given state."""
    composition, twin = cell.composition, Twin(cell)
    parameters = composition.parameters
    rows = [composition.state_index[parameters[k].balance] for k in keys]
    unit = np.array([max(abs(to_kernel(parameters[k].default, parameters[k].unit)), 1e-30) for k in keys])
    trial = np.concatenate([np.zeros((len(keys), 1)), np.diag(unit)], axis=1)
    rates = twin.rhs(np.repeat(y[:, None], len(keys) + 1, axis=1), changed=dict(zip(keys, trial, strict=True)))[rows]
    constant, matrix = rates[:, 0], rates[:, 1:] - rates[:, :1]
    if not np.isfinite(rates).all():
        raise SteadyStateError(f"cell {cell.name!r}: the balances at the wanted rest are not numbers; check the resting bath and the parameters changed last")
    size = np.abs(matrix).max(axis=1)
    for k, s in zip(keys, size, strict=True):
        if s == 0.0:
            balance = parameters[k].balance
            raise UnreachableRestError(
                f"cell {cell.name!r}: no calibrated constant acts on the balance of {balance} ({k} has no effect); "
                "switch its component on or give it something to act on (for example K+ in the bath)", balance=balance, constant=k
            )  # fmt: skip
    solution = np.linalg.solve(matrix / size[:, None], -constant / size) * unit
    return {k: float(from_kernel(v, parameters[k].unit)) for k, v in zip(keys, solution, strict=True)}


def _check_switches(cell: Cell, keys: tuple[str, ...]) -> None:
    for key in keys:
        owner = cell.composition.owner[key].name
        if f"{owner}.switch" in cell.composition.parameters and cell.parameter(f"{owner}.switch") == 0.0:
            balance = cell.composition.parameters[key].balance
            raise UnreachableRestError(
                f"cell {cell.name!r}: {owner} is switched off, but its {key} must balance {balance} at rest; calibrate first, then switch it off",
                balance=balance, constant=key,
            )  # fmt: skip


def _check_range(cell: Cell, values: dict[str, float]) -> None:
    for key, value in values.items():
        parameter = cell.composition.parameters[key]
        low, high = parameter.minimum, parameter.maximum
        if (low is not None and value < low) or (high is not None and value > high) or not np.isfinite(value):
            what = cell.composition.states[parameter.balance].description
            raise UnreachableRestError(
                f"cell {cell.name!r}: the wanted rest cannot be reached: balance of {what}: {parameter.unreachable or 'out of range'} "
                f"({key} would be {value:.4g} {parameter.unit} at {cell.parameter('temperature') - 273.15:.4g} degC); "
                "lower the current that is too large, or give the cell another rest",
                balance=parameter.balance, constant=key, value=value,
            )  # fmt: skip
