"""What a result file holds: a tree of groups of labelled variables, independent of the storage.

The layout follows netCDF-4: a variable names its dimensions, every dimension has a coordinate variable of the same
name, and a group may use the dimensions of the groups above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ResultsError

# Version of the layout. Readers accept this and older ones.
SCHEMA = 1
SHARDS = "nkcell_shards"  # attribute of an experiment: the files that its traces are in, one a line, from the folder of the file
ENSEMBLE = "ensemble"  # the attribute ``nkcell_kind`` of a file of draws
CONVENTIONS = "nkcell-1 (dimensions, units and long_name as in netCDF-4)"
# Tables computed from the runs, and the name of their dimension.
TABLES = {"targets": "target", "statistics": "comparison", "variance": "split", "power": "design", "predictions": "prediction", "deciding": "separation"}
RESERVED_GROUPS = ("provenance", *TABLES)  # beside the groups of experiments
OBSERVED = "observed."  # before the name of a trace: as the instrument shows it
IDEAL = "ideal_"  # before the name of a feature: without the instrument
ERROR_SUFFIX = "_numerical_error"  # of the variable beside a measure that holds its error bar
NUMBERS = ("<f8", "<f4", "<i8", "<i4")
LABELS = ("group", "donor", "cell", "age", "sex", "pair")  # of a cohort's runs
BLOCK_VALUES = 2**20  # values handled at once where a whole variable need not be in memory
TIME, OWN_TIMES = "time from the start of the recording", "time"  # meaning of a common time axis, and of times that differ between runs
NO_PARAMETER = ("", "not a parameter of this cell")  # (evidence, source) where a run's cell does not have a parameter


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
        return self.dtype == object

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values, known without reading them."""
        return self.values.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of every axis, known without reading the values."""
        return tuple(self.values.shape)

    def part(self, where: Any) -> np.ndarray:
        """Some of the values, as in ``values[where]``; of a variable in a file only these are read."""
        return np.asarray(self.values[where])

    def blocks(self, most: int = BLOCK_VALUES, *, step: int = 1) -> Iterator[slice]:
        """The rows in parts of at most about ``most`` values, multiples of ``step`` rows."""
        if not self.shape:
            return
        rows = max(1, most // max(1, int(np.prod(self.shape[1:], dtype=int))) // step) * step
        for start in range(0, self.shape[0], rows):
            yield slice(start, min(start + rows, self.shape[0]))

    def labelled(self, **more: Any) -> Variable:
        """A copy with attributes added or replaced."""
        return Variable(self.dims, self.values, {**self.attributes, **more})


class Pending(Variable):
    """A variable whose values follow later: its type and size are known, so that its place in a file can be made."""

    _shape: tuple[int, ...]
    _dtype: np.dtype[Any]
    virtual: Any = None  # where the values are, as HDF5 says it, when they stay in other files

    def __init__(self, dims: tuple[str, ...], shape: tuple[int, ...], dtype: Any, attributes: Mapping[str, Any], virtual: Any = None) -> None:
        for name, value in (("dims", dims), ("_shape", shape), ("_dtype", np.dtype(dtype)), ("attributes", attributes), ("virtual", virtual)):
            object.__setattr__(self, name, value)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self._shape

    def __repr__(self) -> str:
        return f"values to come over {' x '.join(self.dims)} {self.shape}"

    def labelled(self, **more: Any) -> Variable:
        return Pending(self.dims, self.shape, self.dtype, {**self.attributes, **more}, self.virtual)


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


def coordinates_first(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Variables in the order of a file: the coordinates of dimensions before what uses them."""
    return dict(sorted(variables.items(), key=lambda item: item[1].dims != (item[0],)))


def united(lists: Iterable[Sequence[str]]) -> list[str]:
    """Names of all lists in an order that does not depend on how runs were divided: as they come where all lists agree, else by name.

    An empty list says nothing about the order.
    """
    different = dict.fromkeys(tuple(names) for names in lists if len(names))
    return list(next(iter(different), ())) if len(different) < 2 else sorted({name for names in different for name in names})


def agreed(attributes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Attributes of one variable that was described several times: where they differ the first by alphabet, whatever the order they come in."""
    if any(a != attributes[0] for a in attributes[1:]):
        return {k: min((a[k] for a in attributes if k in a), key=lambda v: (str(type(v)), v)) for k in dict.fromkeys(k for a in attributes for k in a)}
    return dict(attributes[0])


def located(variables: dict[str, Variable], labels: Sequence[str]) -> dict[str, Variable]:
    """Variables of runs that name their auxiliary coordinates, as in CF: the condition, the identity, labels, what was varied, and times of their own."""
    varied = [name for name, v in variables.items() if v.attributes.get("role") == "varied"]
    own = ["time"] if "time" in variables and variables["time"].dims[0] == "run" else []
    names = ["case", "run_id", *(name for name in labels if name in variables), *varied, *own]
    listed = " ".join(names)
    return {name: v.labelled(coordinates=listed) if v.dims[:1] == ("run",) and name not in ("run", *names) else v for name, v in variables.items()}
