"""Some rows of results in memory; and rows for runs that have no result, after the pattern of one that has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .layout import Group, Variable
from .merge import Merge
from .sources import Source

KEPT = ("run",)


def unknown_rows(pattern: Source, row: int, status: str, keys: np.ndarray, about: Sequence[Mapping[str, str | float]], name: str) -> Group:
    """The tree of runs of the experiment ``name`` with this ``status`` and these ``keys``; ``about`` holds what is known of each by variable.

    ``row`` of ``pattern`` says which variables there are and what they mean. The protocol of such a run is not known: its number is -1.
    """
    count = len(keys)
    group = taken_rows(pattern, np.full(count, row), name).groups[name]
    emptied = _emptied(group, "run")
    entered = {"run_key": np.asarray(keys, dtype="<i8"), "status": _texts([status] * count)}
    for variable in dict.fromkeys(key for each in about for key in each):
        if variable in emptied.variables:
            values = [each[variable] for each in about]
            entered[variable] = _texts(values) if emptied.variables[variable].is_text else np.array(values, dtype=float)
    variables = {k: replace(v, values=entered[k]) if k in entered else v for k, v in emptied.variables.items()}
    groups = {k: _emptied(g, "run") for k, g in emptied.groups.items() if k != "warnings"}
    return Group({}, {name: Group(variables, groups, emptied.attributes)})


def taken_rows(source: Source, rows: np.ndarray, name: str) -> Group:
    """The tree of some rows of the experiment ``name``, in memory."""
    return Group({}, {name: Merge([source], np.zeros(len(rows), dtype=np.int32), np.asarray(rows, dtype=np.int64)).in_memory()})


def _emptied(group: Group, dimension: str) -> Group:
    variables = {name: v if name in KEPT or v.dims[:1] != (dimension,) else _empty(name, v) for name, v in group.variables.items()}
    return Group(variables, group.groups, group.attributes)


def _empty(name: str, variable: Variable) -> Variable:
    if variable.is_text:
        return replace(variable, values=_texts([""] * variable.values.size).reshape(variable.values.shape))
    if variable.values.dtype.kind == "f":
        return replace(variable, values=np.full_like(variable.values, np.nan))
    if name == "protocol_of_run":
        return replace(variable, values=np.full_like(variable.values, -1))
    return variable if name == "origin_of_value" else replace(variable, values=np.zeros_like(variable.values))


def _texts(values: Sequence[object]) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[...] = [str(value) for value in values]
    return found
