"""Where parameters have their values from, as a column of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..model.cell import Cell
from ..model.cells.parameter_sets import PARAMETER_SETS
from ..model.cells.phenotypes import PHENOTYPES
from .layout import NO_PARAMETER


class Origins:
    """Numbers the different (evidence, source) of values; equal values of equal cells are asked about once."""

    def __init__(self) -> None:
        self.table: dict[tuple[str, str], int] = {}
        self._known: dict[tuple[Any, ...], int] = {}
        self._told: dict[tuple[Any, ...], frozenset[float]] = {}
        self._unset: dict[tuple[Any, ...], np.ndarray] = {}

    def numbered(self, cells: Sequence[Cell], keys: Sequence[str]) -> tuple[np.ndarray, list[tuple[str, str]]]:
        """Number of the origin of every value (n_cells, n_keys), and the origins in the order in which they first occur."""
        place = {key: i for i, key in enumerate(keys)}
        rows = np.empty((len(cells), len(keys)), dtype="<i4")
        alike: dict[tuple[Any, ...], list[int]] = {}
        for i, cell in enumerate(cells):
            alike.setdefault((id(cell.composition), cell.parameter_set, cell.phenotype, *cell.values), []).append(i)
        for mine in alike.values():
            one = cells[mine[0]]
            rows[mine] = self._declared(one, keys)
            for key in one.values:
                if key in one.composition.parameters:
                    rows[mine, place[key]] = self._of_key([cells[i] for i in mine], key)
        found, places = np.unique(rows, return_index=True)
        order = found[np.argsort(places)]
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

    def _of_key(self, cells: Sequence[Cell], key: str) -> list[int]:
        """Numbers for one value that is set in all of some cells alike; values that nothing is told of are all the user's or the calibration's."""
        told = self._values_told(cells[0], key)
        known: dict[tuple[Any, bool], int] = {}
        found = []
        for cell in cells:
            value = cell.values[key]
            asked = (value if value in told else None, cell.solved.get(key) == value)
            if asked not in known:
                known[asked] = self._number(cell, key)
            found.append(known[asked])
        return found

    def _values_told(self, cell: Cell, key: str) -> frozenset[float]:
        """The values of a parameter that have an origin of their own: the declared one, and those of the parameter set and the phenotype."""
        asked = (id(cell.composition), cell.parameter_set, cell.phenotype, key)
        if asked not in self._told:
            entries = [*PARAMETER_SETS.get(cell.parameter_set, ()), *(PHENOTYPES[cell.phenotype].entries if cell.phenotype in PHENOTYPES else ())]
            self._told[asked] = frozenset([cell.composition.parameters[key].default, *(entry.value for entry in entries if entry.key == key)])
        return self._told[asked]

    def _number(self, cell: Cell, key: str) -> int:
        if key not in cell.composition.parameters:
            return self.table.setdefault(NO_PARAMETER, len(self.table))
        value = cell.values.get(key)
        asked = (id(cell.composition), cell.parameter_set, cell.phenotype, key, value, value is not None and cell.solved.get(key) == value)
        if asked not in self._known:
            self._known[asked] = self.table.setdefault(cell.origin(key), len(self.table))
        return self._known[asked]
