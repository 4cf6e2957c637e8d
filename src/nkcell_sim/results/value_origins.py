"""Where parameters have their values from, as a column of a result."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np

from ..model.cell import Cell
from .layout import NO_PARAMETER


class Origins:
    """Numbers the different (evidence, source) of values, in order of first appearance; equal values of equal cells are asked about once."""

    def __init__(self) -> None:
        self.table: dict[tuple[str, str], int] = {}
        self._known: dict[tuple[Any, ...], int] = {}
        self._declared: dict[Hashable, np.ndarray] = {}  # numbers of values as declared, by kind of cell; -1 where no cell had them so far

    def numbers(self, cell: Cell, keys: Iterable[str]) -> np.ndarray:
        """Number of the origin of each parameter's value in a cell."""
        names = list(keys)
        kind = (id(cell.composition), cell.parameter_set, cell.phenotype)
        declared = self._declared.setdefault(kind, np.full(len(names), -1))
        found = declared.copy()
        own = cell.values
        for i in np.flatnonzero((declared < 0) | np.array([name in own for name in names])):
            found[i] = self._number(cell, names[i])
            if names[i] not in own:
                declared[i] = found[i]
        return found

    def _number(self, cell: Cell, key: str) -> int:
        if key not in cell.composition.parameters:
            return self.table.setdefault(NO_PARAMETER, len(self.table))
        value = cell.values.get(key)
        asked = (cell.composition.name, cell.parameter_set, cell.phenotype, key, value, value is not None and cell.solved.get(key) == value)
        if asked not in self._known:
            self._known[asked] = self.table.setdefault(cell.origin(key), len(self.table))
        return self._known[asked]
