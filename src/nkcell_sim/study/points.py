"""Points of a design as flat arrays: different rows, different values, and whether they fit the records that they change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .designs import Design

MOST_TRIED = 2000  # different settings of a record that are tried one by one (0.1 ms each), before their bounds are all that is checked


class Distinct(Mapping[str, "list[float]"]):
    """The different values of every key of a design, found when they are asked for."""

    def __init__(self, design: Design) -> None:
        self._design = design

    def __getitem__(self, key: str) -> list[float]:
        if key not in self._design.keys:
            raise KeyError(key)
        found: list[float] = self._design.distinct(key).tolist()
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._design.keys)

    def __len__(self) -> int:
        return len(self._design.keys)

    def __repr__(self) -> str:
        return repr(dict(self))


def distinct_rows(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every different row (n, k) once, in order of first appearance; NaN equals NaN and -0 equals 0, as in the keys of runs."""
    if not table.shape[1]:
        return table[:1]
    if np.signbit(table[table == 0.0]).any():
        table = table + 0.0
    bits = np.ascontiguousarray(np.where(np.isnan(table), np.nan, table))  # one NaN of the many that doubles have
    whole = bits.view(np.dtype((np.void, bits.itemsize * bits.shape[1]))).ravel()
    _, first = np.unique(whole, return_index=True)
    kept = table if len(first) == len(table) else table[np.sort(first)]
    kept.flags.writeable = False
    return kept


def check_fields(keys: Sequence[str], values: NDArray[np.float64], records: Sequence[Any]) -> None:
    """Refuse values (n, k) of fields that do not fit an experiment or a treatment; raises :class:`ParameterError` that names the key.

    Bounds are checked for every value; whether settings fit together is tried for the first of the different rows and for those with the smallest and the
    largest value of each field. A misfit beyond these costs its own runs only.
    """
    for record in records:
        for key, column in zip(keys, values.T, strict=True):
            _check_bounds(record, key, column)
    rows = distinct_rows(values)
    if len(rows) > MOST_TRIED:
        lowest, highest = (np.where(np.isnan(rows), worst, rows) for worst in (np.inf, -np.inf))
        rows = np.concatenate([rows[lowest.argmin(axis=0)], rows[highest.argmax(axis=0)], rows[:MOST_TRIED]])
    for record in records:
        for row in rows.tolist():
            given = {key.partition(".")[2]: value for key, value in zip(keys, row, strict=True) if value == value}
            try:
                replace(record, **given)
            except ParameterError as error:
                raise _told(error, keys) from error


def _check_bounds(record: Any, key: str, column: NDArray[np.float64]) -> None:
    """The first value outside the bounds of its field is refused in the words of the record."""
    field = key.partition(".")[2]
    meta = record.lab_fields()[field].metadata
    low, high = (-np.inf if meta["minimum"] is None else meta["minimum"]), (np.inf if meta["maximum"] is None else meta["maximum"])
    bad = (column < low) | (column > high)
    if bad.any():
        try:
            replace(record, **{field: float(column[np.argmax(bad)])})
        except ParameterError as error:
            raise _told(error, [key]) from error


def _told(error: ParameterError, keys: Sequence[str]) -> ParameterError:
    owner = keys[0].partition(".")[0]
    named = f"{owner}.{error.name}"
    return ParameterError(f"variation of {', '.join(keys)}: {error}", name=named if named in keys else keys[0])
