"""The slow, readable twin: the same equations evaluated with NumPy, the oracle of the compiled kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .composition import Composition, Evaluation

if TYPE_CHECKING:
    from .cell import Cell

# Size of the imaginary step of the complex-step derivative: exact to rounding, no cancellation.
STEP = 1e-30


class Twin:
    """Right-hand side, Jacobian and observables of a cell with NumPy, all in kernel units (ms, mV, pA, uM, ...).

    States ``y`` have shape ``(n_states,)`` or ``(n_states, n_columns)``; inputs ``u`` have shape ``(n_inputs,)`` and default to the cell's.
    """

    def __init__(self, cell: Cell) -> None:
        self.composition: Composition = cell.composition
        self.parameters: dict[str, Any] = dict(zip(cell.composition.parameters, cell.parameter_vector().tolist(), strict=True))
        self.inputs = cell.input_defaults()

    def evaluate(self, y: Any, u: Any = None, **changed: Any) -> Evaluation:
        """Run all equations; ``changed`` replaces parameters by key (arrays broadcast over columns).

        One real state runs on plain floats, ten times faster; where floats would raise (1/0), NumPy's inf and nan take over.
        """
        inputs = self.inputs if u is None else u
        if np.ndim(y) == 1 and not changed and not np.iscomplexobj(y):
            try:
                return self._evaluate(np.asarray(y, dtype=float).tolist(), np.asarray(inputs, dtype=float).tolist(), changed)
            except (ZeroDivisionError, OverflowError, ValueError, TypeError):
                pass
        return self._evaluate(y, inputs, changed)

    def _evaluate(self, y: Any, inputs: Any, changed: Mapping[str, Any]) -> Evaluation:
        leaves: dict[str, Any] = {**self.parameters, **changed}
        leaves.update(zip(self.composition.inputs, inputs, strict=True))
        leaves.update(zip(self.composition.states, y, strict=True))
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return Evaluation(self.composition, leaves).run()

    def rhs(self, y: Any, u: Any = None, changed: Mapping[str, Any] | None = None) -> np.ndarray:
        """Time derivatives of all states, in kernel units per ms."""
        y = np.asarray(y)
        derivatives = self.evaluate(y, u, **dict(changed or {})).derivatives
        values = [derivatives[k] for k in self.composition.states]
        if y.ndim == 1 and all(isinstance(v, float) for v in values):
            return np.array(values)
        shape = np.broadcast_shapes(*(np.shape(v) for v in values), y.shape[1:])
        return np.array([np.broadcast_to(v, shape) for v in values])

    def jacobian(self, y: Any, u: Any = None) -> np.ndarray:
        """d(rhs)/dy by complex steps, all columns in one evaluation, ``(n_states, n_states)``."""
        y = np.asarray(y, dtype=float)
        columns = y[:, None] + 1j * STEP * np.eye(len(y))
        return np.asarray(self.rhs(columns, u).imag / STEP)

    def observe(self, y: Any, u: Any = None) -> dict[str, Any]:
        """Flows and observables by key, in kernel units."""
        values = self.evaluate(np.asarray(y), u).values
        return {k: values[k] for k in self.composition.outputs}
