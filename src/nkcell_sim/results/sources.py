"""Where rows of results come from: the group of one experiment in a shard, in an earlier result file, or in memory."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import h5py
import numpy as np

from ..errors import ResultsError
from .layout import Group, Variable
from .reader import attributes_of, dims_of, dtype_of, opened, translated

AXES = ("parameter", "input", "state")  # of the columns of tables over runs; runs may have different ones
SPAN = 2**22  # values read at once where the wanted rows lie apart
MOST_OPEN = 8


@dataclass(frozen=True)
class Column:
    """A variable of a source without its values."""

    dims: tuple[str, ...]
    dtype: np.dtype[Any]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Layout:
    """What the variables of a source are, without what depends on its runs: columns by path ("status", "parameters/value"), attributes, axes."""

    columns: Mapping[str, Column]
    attributes: Mapping[str, Mapping[str, Any]]  # by group, "" for that of the experiment
    axes: Mapping[str, Mapping[str, tuple[str, ...]]]  # axis: column of its table: texts


class Source(ABC):
    """Rows of one experiment. Values are read with :meth:`whole` and :meth:`take`; see :meth:`of`."""

    name = "results in memory"
    path: Path | None = None  # of a file
    blank = False  # whether its traces are NaN throughout
    runs: int
    layout: Layout

    @staticmethod
    def of(given: str | os.PathLike[str] | Group, experiment: str) -> Source:
        """The group of an experiment in a tree, or in a shard or a result file."""
        if isinstance(given, Group):
            if experiment not in given.groups:
                raise ResultsError(f"got results without an experiment {experiment!r}; they have {', '.join(given.groups)}")
            return MemorySource(given.groups[experiment])
        return FileSource(Path(given), experiment)

    def open(self) -> None:  # noqa: B027 (results in memory are)
        """Get ready to be read."""

    def close(self) -> None:  # noqa: B027 (they take nothing)
        """Give back what :meth:`open` took."""

    @abstractmethod
    def size(self, path: str) -> int:
        """Number of rows of a variable."""

    @abstractmethod
    def whole(self, path: str) -> np.ndarray:
        """All values of a variable; texts of a file as UTF-8 bytes."""

    @abstractmethod
    def take(self, path: str, rows: np.ndarray) -> np.ndarray:
        """Some rows of a variable, in the order asked for."""


class MemorySource(Source):
    """Rows of a tree in memory."""

    def __init__(self, group: Group) -> None:
        self.variables = {f"{prefix}{name}": v for prefix, part in _parts(group) for name, v in part.variables.items()}
        self.runs = self.variables["run"].shape[0]
        columns = {path: Column(v.dims, v.dtype, v.attributes) for path, v in self.variables.items()}
        attributes = {prefix.rstrip("/"): part.attributes for prefix, part in _parts(group)}
        axes = {axis: {p: plain(self.variables[p].values) for p in paths} for axis, paths in _axes(columns).items()}
        self.layout = Layout(columns, attributes, axes)

    def size(self, path: str) -> int:
        return self.variables[path].shape[0]

    def whole(self, path: str) -> np.ndarray:
        return self.variables[path].values

    def take(self, path: str, rows: np.ndarray) -> np.ndarray:
        return taken(self.variables[path], rows)


class FileSource(Source):
    """Rows of an HDF5 file; its layout is taken from another file that says that it has the same one."""

    _layouts: ClassVar[OrderedDict[tuple[str, str], Layout]] = OrderedDict()

    def __init__(self, path: Path, experiment: str) -> None:
        self.path: Path = path
        self.name = str(path)
        self.experiment = experiment
        self._stack: ExitStack | None = None
        self._file: Any = None
        self._datasets: dict[str, Any] = {}
        self._layout: Layout | None = None
        self._runs = -1

    @property
    def layout(self) -> Layout:  # type: ignore[override]
        """Read once, when it is first asked for."""
        if self._layout is None:
            self._describe()
        assert self._layout is not None
        return self._layout

    @property
    def runs(self) -> int:  # type: ignore[override]
        if self._runs < 0:
            self._runs = self.size("run")
        return self._runs

    def open(self) -> None:
        if self._stack is None:
            stack = ExitStack()
            self._file = stack.enter_context(opened(self.path))
            self._stack = stack
            if self.experiment not in self._file:
                has = ", ".join(self._file)
                self.close()
                raise ResultsError(f"{self.name!r} has no experiment {self.experiment!r}; it has {has}")

    def close(self) -> None:
        if self._stack is not None:
            self._datasets.clear()
            stack, self._stack, self._file = self._stack, None, None
            stack.close()

    def _dataset(self, path: str) -> Any:
        if path not in self._datasets:
            self.open()
            self._datasets[path] = h5py.Dataset(h5py.h5d.open(self._file.id, f"{self.experiment}/{path}".encode()))
        return self._datasets[path]

    def size(self, path: str) -> int:
        with translated(self.name):
            return int(self._dataset(path).shape[0])

    def width(self, path: str) -> int:
        """Length of the second axis of a table."""
        with translated(self.name):
            return int(self._dataset(path).shape[1])

    def whole(self, path: str) -> np.ndarray:
        with translated(self.name):
            return np.asarray(self._dataset(path)[()])

    def take(self, path: str, rows: np.ndarray) -> np.ndarray:
        with translated(self.name):
            dataset = self._dataset(path)
            return picked(lambda a, b: dataset[a:b], rows, int(np.prod(dataset.shape[1:], dtype=int)))

    def _describe(self) -> None:
        """Names, units, attributes and axes of everything; equal ones are kept once."""
        with translated(self.name):
            self.open()
            key = (self.experiment, str(self._file.attrs.get(LAYOUT, "")))
            known = self._layouts.get(key) if key[1] else None
            self._layout = known or self._read_layout()
            if key[1] and known is None:
                self._layouts[key] = self._layout
                while len(self._layouts) > MOST_OPEN:
                    self._layouts.popitem(last=False)

    def _read_layout(self) -> Layout:
        top = self._file[self.experiment]
        groups = {"": top, **{name: item for name, item in top.items() if isinstance(item, h5py.Group)}}
        columns = {}
        for prefix, group in groups.items():
            for name, item in group.items():
                if isinstance(item, h5py.Dataset):
                    columns[f"{prefix}/{name}".lstrip("/")] = Column(dims_of(name, item), dtype_of(item), attributes_of(item))
        attributes = {name: attributes_of(group) for name, group in groups.items()}
        axes = {axis: {p: plain(self.whole(p)) for p in paths} for axis, paths in _axes(columns).items()}
        return Layout(columns, attributes, axes)


LAYOUT = "nkcell_layout"  # attribute of a shard: digest of its layout


class Readers:
    """Keeps the sources open that were used last."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources
        self._open: OrderedDict[int, Source] = OrderedDict()

    def __getitem__(self, number: int) -> Source:
        source = self.sources[number]
        if number in self._open:
            self._open.move_to_end(number)
            return source
        source.open()
        self._open[number] = source
        if len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)[1].close()
        return source

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, *_: object) -> None:
        for source in self._open.values():
            source.close()
        self._open.clear()


def plain(values: np.ndarray) -> tuple[str, ...]:
    """Texts of a column."""
    return tuple(v.decode() if isinstance(v, bytes) else v for v in values)


def taken(variable: Variable, rows: np.ndarray) -> np.ndarray:
    """Some rows of a variable, in the order asked for; of one in a file only what is needed is read."""
    return picked(lambda a, b: variable.part(slice(a, b)), rows, int(np.prod(variable.shape[1:], dtype=int)))


def picked(read: Any, rows: np.ndarray, wide: int) -> np.ndarray:
    """Rows in the order asked for from ``read(start, end)``, which is asked for stretches of bounded length."""
    if not len(rows):
        return np.asarray(read(0, 0))
    first, last = int(rows.min()), int(rows.max())
    most = max(1, SPAN // max(1, wide))
    if last - first < most:
        found = np.asarray(read(first, last + 1))
        return found if len(found) == len(rows) and (len(rows) < 2 or bool((np.diff(rows) == 1).all())) else found[rows - first]
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    parts, at = [], 0
    while at < len(rows):
        end = int(np.searchsorted(ordered, ordered[at] + most))
        part = np.asarray(read(int(ordered[at]), int(ordered[end - 1]) + 1))
        parts.append(part[ordered[at:end] - ordered[at]])
        at = end
    together = np.concatenate(parts)
    back = np.empty(len(rows), dtype=int)
    back[order] = np.arange(len(rows))
    return together[back]


def _parts(group: Group) -> list[tuple[str, Group]]:
    return [("", group), *((f"{name}/", part) for name, part in group.groups.items())]


def _axes(columns: Mapping[str, Column]) -> dict[str, list[str]]:
    """Paths of the texts that describe the columns of tables, by axis; the names first."""
    found: dict[str, list[str]] = {}
    for axis in AXES:
        paths = [p for p, c in columns.items() if c.dims == (axis,) and c.dtype == object]
        found[axis] = sorted(paths, key=lambda p: p.rpartition("/")[2] != axis)
    return {axis: paths for axis, paths in found.items() if paths}
