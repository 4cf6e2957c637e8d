"""What a result file holds: a tree of groups of labelled variables, independent of the storage.

The layout follows netCDF-4: a variable names its dimensions, every dimension has a coordinate variable of the same
name, and a group may use the dimensions of the groups above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ResultsError

# Version of the layout. Readers accept this and older ones.
SCHEMA = 1
ENSEMBLE = "ensemble"  # the attribute ``nkcell_kind`` of a file of draws
CONVENTIONS = "nkcell-1 (dimensions, units and long_name as in netCDF-4)"
# Tables computed from the runs, and the name of their dimension.
TABLES = {"targets": "target", "statistics": "comparison", "variance": "split", "power": "design", "predictions": "prediction", "deciding": "separation"}
RESERVED_GROUPS = ("provenance", *TABLES)  # beside the groups of experiments
OBSERVED = "observed."  # before the name of a trace: as the instrument shows it
IDEAL = "ideal_"  # before the name of a feature: without the instrument
ERROR_SUFFIX = "_numerical_error"  # of the variable beside a measure that holds its error bar
NUMBERS = ("<f8", "<f4", "<i8", "<i4")


@dataclass(frozen=True)
class Variable:
    """An array with named axes: values of dtype f8, f4, i8, i4 or text (object array of ``str``)."""

    dims: tuple[str, ...]
    values: np.ndarray
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = np.asarray(self.values)
        if values.dtype.kind in "US":
            values = values.astype(object)
        elif values.dtype.kind == "b":
            values = values.astype("<i4")
        if values.dtype != object and values.dtype.newbyteorder("<").str not in NUMBERS:
            raise ResultsError(f"got values of type {values.dtype}; result files hold f8, f4, i8, i4 and text")
        if values.ndim != len(self.dims):
            raise ResultsError(f"got {values.ndim} axes for dimensions {self.dims}")
        object.__setattr__(self, "values", values)

    @property
    def is_text(self) -> bool:
        """Whether the values are strings."""
        return self.values.dtype == object


@dataclass(frozen=True)
class Group:
    """Variables, attributes and sub-groups, in order."""

    variables: dict[str, Variable] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)

    def walk(self, path: str = "/") -> Iterator[tuple[str, Group]]:
        """This group and every one below it, with its path."""
        yield path, self
        for name, group in self.groups.items():
            yield from group.walk(f"{path.rstrip('/')}/{name}")

    def with_group(self, name: str, group: Group) -> Group:
        """A copy with one sub-group added or replaced."""
        return Group(self.variables, {**self.groups, name: group}, self.attributes)


def numbers(dims: tuple[str, ...], values: Any, units: str, long_name: str, **attributes: str) -> Variable:
    """A variable of numbers with its unit and meaning."""
    return Variable(dims, np.asarray(values), {"units": units, "long_name": long_name, **{k: v for k, v in attributes.items() if v}})


def text(dims: tuple[str, ...], values: Sequence[str] | str, long_name: str) -> Variable:
    """A variable of strings with its meaning."""
    array = np.empty(() if isinstance(values, str) else len(values), dtype=object)
    array[...] = values
    return Variable(dims, array, {"long_name": long_name})


def index(name: str, size: int, long_name: str) -> Variable:
    """A coordinate that only counts: 0, 1, 2, ..."""
    return numbers((name,), np.arange(size, dtype="<i4"), "1", long_name)
