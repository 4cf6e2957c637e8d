"""Some rows of results in memory; and rows for runs that have no result, after the pattern of one that has."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .layout import Group
from .merge import Merge
from .sources import MemorySource, Source


def taken_rows(source: Source, rows: np.ndarray, name: str) -> Group:
    """The tree of some rows of the experiment ``name``, in memory."""
    return Group({}, {name: Merge([source], np.zeros(len(rows), dtype=np.int32), np.asarray(rows, dtype=np.int64)).in_memory()})


class BlankSource(MemorySource):
    """Rows of runs without a result, made when they are read: numbers are NaN, texts empty, and what is known without simulating is entered.

    ``pattern`` is a tree of one row that says which variables there are and what they mean; ``known`` holds what is known of every run, by variable. The
    protocol of such a run is not known: its number is -1.
    """

    name = "runs without a result"
    blank = True

    def __init__(self, pattern: Group, known: Mapping[str, np.ndarray]) -> None:
        super().__init__(Group(pattern.variables, {k: g for k, g in pattern.groups.items() if k != "warnings"}, pattern.attributes))
        self.known = {path: values for path, values in known.items() if path in self.variables}
        self.runs = len(next(iter(known.values())))

    def size(self, path: str) -> int:
        return self.runs if self.variables[path].dims[:1] == ("run",) else super().size(path)

    def whole(self, path: str) -> np.ndarray:
        return self.take(path, np.arange(self.runs)) if self.variables[path].dims[:1] == ("run",) else super().whole(path)

    def take(self, path: str, rows: np.ndarray) -> np.ndarray:
        variable = self.variables[path]
        if variable.dims[:1] != ("run",):
            return super().take(path, rows)
        if path in self.known:
            return np.asarray(self.known[path][rows])
        if path == "run":
            return np.asarray(rows).astype(variable.dtype)
        if path == "parameters/origin_of_value":
            return np.repeat(variable.values[:1], len(rows), axis=0)
        return np.broadcast_to(_blank(path, variable.is_text, variable.dtype), (len(rows), *variable.shape[1:]))


def _blank(path: str, is_text: bool, dtype: np.dtype) -> np.ndarray:
    if is_text:
        return np.array("", dtype=object)
    return np.array(np.nan if dtype.kind == "f" else -1 if path.endswith("protocol_of_run") else 0, dtype=dtype)
