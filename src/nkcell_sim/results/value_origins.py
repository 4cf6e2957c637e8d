"""Where parameters have their values from, as a column of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..model.cell import Cell
from .layout import NO_PARAMETER


class Origins:
    """Numbers the different (evidence, source) of values; equal values of equal cells are asked about once."""

    def __init__(self) -> None:
        self.table: dict[tuple[str, str], int] = {}
        self._known: dict[tuple[Any, ...], int] = {}
        self._unset: dict[tuple[Any, ...], np.ndarray] = {}

    def numbered(self, cells: Sequence[Cell], keys: Sequence[str]) -> tuple[np.ndarray, list[tuple[str, str]]]:
        """Number of the origin of every value (n_cells, n_keys), and the origins in the order in which they first occur."""
        place = {key: i for i, key in enumerate(keys)}
        rows = np.empty((len(cells), len(keys)), dtype="<i4")
        for row, cell in zip(rows, cells, strict=True):
            row[:] = self._declared(cell, keys)
            for key in cell.values:
                if key in cell.composition.parameters:
                    row[place[key]] = self._number(cell, key)
        found, first = np.unique(rows, return_index=True)
        order = found[np.argsort(first)]
        to = np.zeros(len(self.table), dtype="<i4")
        to[order] = np.arange(len(order))
        listed = list(self.table)
        return to[rows], [listed[i] for i in order]

    def _declared(self, cell: Cell, keys: Sequence[str]) -> np.ndarray:
        """Numbers for a cell of which nothing was set."""
        asked = (id(cell.composition), cell.parameter_set, cell.phenotype)
        if asked not in self._unset:
            bare = replace(cell, values={}, solved={})
            self._unset[asked] = np.array([self._number(bare, key) for key in keys], dtype="<i4")
        return self._unset[asked]

    def _number(self, cell: Cell, key: str) -> int:
        if key not in cell.composition.parameters:
            return self.table.setdefault(NO_PARAMETER, len(self.table))
        value = cell.values.get(key)
        asked = (id(cell.composition), cell.parameter_set, cell.phenotype, key, value, value is not None and cell.solved.get(key) == value)
        if asked not in self._known:
            self._known[asked] = self.table.setdefault(cell.origin(key), len(self.table))
        return self._known[asked]
