"""The slow twin of many cells at once: one evaluation with NumPy serves all cells of a composition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..units import to_kernel
from .composition import Composition, Evaluation
from .twin import STEP

# Cells are padded to a multiple of this, so that no number is ever worked on by the tail of a vector loop, whose last bit may differ.
LANES = 8


class Twins:
    """Right-hand sides of cells of one composition with NumPy, all in kernel units.

    ``parameters`` (n_parameters, n_cells), ``inputs`` (n_inputs, n_cells). Every number is an element of a contiguous array whose length along the cells is
    a multiple of :data:`LANES`, and no operation mixes cells: a cell has the same bits alone, in any batch and at any place in it.
    """

    def __init__(self, composition: Composition, parameters: np.ndarray, inputs: np.ndarray) -> None:
        self.composition = composition
        self.cells = parameters.shape[1]
        leaves = [(composition.parameters, parameters), (composition.inputs, inputs)]
        self._leaves: dict[str, Any] = {key: row for keys, table in leaves for key, row in zip(keys, self._padded(table), strict=True)}

    def _padded(self, table: np.ndarray) -> np.ndarray:
        missing = -self.cells % LANES
        return np.concatenate([table, np.repeat(table[..., -1:], missing, axis=-1)], axis=-1) if missing else np.ascontiguousarray(table)

    def rates(self, y: np.ndarray, wanted: Sequence[int], changed: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """Time derivatives (n_wanted, n_columns, n_cells) of some states at ``y`` (n_states, n_cells).

        ``changed`` gives some states or parameters several values, (n_columns, n_cells).
        """
        keys = list(self.composition.states)
        leaves = {**self._leaves, **dict(zip(keys, self._padded(y), strict=True)), **{k: self._padded(v) for k, v in (changed or {}).items()}}
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            derivatives = Evaluation(self.composition, leaves).run().derivatives
        values = [derivatives[keys[i]] for i in wanted]
        columns = max((len(v) for v in (changed or {}).values()), default=1)
        found = np.empty((len(values), columns, self.cells), dtype=np.result_type(float, *values))
        for row, value in zip(found, values, strict=True):
            row[...] = np.broadcast_to(value, (columns, self.cells + -self.cells % LANES))[:, : self.cells]
        return found

    def linearised(self, y: np.ndarray, free: Sequence[int], columns: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rates (n_free, n_cells) of some states, their slopes (n_free, n_free, n_cells) along each other by complex steps, and whether these are finite.

        The last array, (n_free, n_cells), is False where a rate or one of its slopes is not a number.
        """
        keys = list(self.composition.states)
        tilted = {}
        for i, column in zip(free, columns.column_of, strict=True):
            value = np.repeat(y[i][None].astype(complex), columns.count, axis=0)
            value[column] += 1j * STEP
            tilted[keys[i]] = value
        found = self.rates(y, free, tilted)
        slope = np.where(columns.pattern[:, :, None], found.imag[:, columns.column_of] / STEP, 0.0)
        return np.ascontiguousarray(found.real[:, 0]), slope, np.isfinite(found).all(axis=1)


class Columns:
    """Which states are tilted together: those that share a column turn no state in common."""

    def __init__(self, pattern: np.ndarray) -> None:
        self.pattern = pattern
        self.column_of: list[int] = []
        taken: list[np.ndarray] = []
        for mine in pattern.T:
            place = next((k for k, rows in enumerate(taken) if not (rows & mine).any()), len(taken))
            if place == len(taken):
                taken.append(np.zeros(len(pattern), dtype=bool))
            taken[place] |= mine
            self.column_of.append(place)
        self.count = len(taken)

    @classmethod
    def separate(cls, free: Sequence[int]) -> Columns:
        """Every state in a column of its own."""
        return cls(np.ones((len(free), len(free)), dtype=bool))


@lru_cache(maxsize=64)
def shared_columns(composition: Composition, free: tuple[int, ...]) -> Columns:
    """Columns for some states of a composition, from which of them turn which at its declared values and beside them.

    A slope that is zero at all of these points and not elsewhere costs a Newton iteration, never a digit of what it ends at.
    """
    parameters, inputs = composition.parameter_defaults, composition.input_defaults
    y = np.array([to_kernel(s.initial, s.unit) for s in composition.states.values()])
    scale = np.array([to_kernel(s.scale, s.unit) for s in composition.states.values()])
    beside = [np.where(values == 0.0, 0.5, values * 1.01) for values in (parameters, inputs)]
    twins = Twins(composition, np.stack([parameters, beside[0]], axis=1), np.stack([inputs, beside[1]], axis=1))
    slope = twins.linearised(np.stack([y, y + 0.01 * scale], axis=1), free, Columns.separate(free))[1]
    return Columns((slope != 0.0).any(axis=2) | np.eye(len(free), dtype=bool))
