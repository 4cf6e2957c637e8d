"""Puts rows of one experiment from many sources together: the result never depends on how the runs were divided among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ResultsError
from .layout import LABELS, OWN_TIMES, RESERVED_GROUPS, TIME, Group, Pending, Variable, agreed, coordinates_first, index, located, numbers, text, united
from .protocols import SET
from .scan import RAGGED, TIMES, Scan
from .sources import AXES, Readers, Source

BAND_BYTES = 192 * 2**20  # of runs handled at once
ROUND = 16_384  # runs: a band is a multiple where it can be, so that chunks of a file are written once
FIRST = ("run_key", "run_id", "case", "status", "time_reached", "worst_component", "steps", "rung", "attempts", *LABELS)
GROUPS = ("parameters", "inputs", "final_state", "protocol", "warnings")
TEXT_BYTES = 96  # of a short text in memory


def merged(trees: Sequence[Group]) -> Group:
    """Results of the same study in several trees, given in the order of their runs, as one tree; of one tree the same in canonical form.

    Each tree holds the group of an experiment, or several; what else they hold (provenance, tables) is that of the first that has it.
    """
    names = dict.fromkeys(name for tree in trees for name in tree.groups)
    groups = {}
    for name in names:
        having = [tree for tree in trees if name in tree.groups]
        groups[name] = having[0].groups[name] if name in RESERVED_GROUPS else _joined([Source.of(tree, name) for tree in having])
    return Group({}, groups, dict(trees[0].attributes))


def _joined(sources: Sequence[Source]) -> Group:
    sizes = [source.runs for source in sources]
    return Merge(sources, np.repeat(np.arange(len(sources)), sizes), np.concatenate([np.arange(n) for n in sizes])).in_memory()


class Merge:
    """Run i of the result is row ``row_of[i]`` of ``sources[source_of[i]]``.

    :meth:`tree` is the result with places for its values, :meth:`pieces` gives the values part by part.
    ``runs`` is the number of runs that the study asks for, when it is not that of the rows.
    """

    def __init__(self, sources: Sequence[Source], source_of: Any, row_of: Any, *, runs: int | None = None) -> None:
        self.sources = sources
        self.source_of, self.row_of = np.asarray(source_of, dtype=np.int32), np.asarray(row_of, dtype=np.int64)
        if self.source_of.shape != self.row_of.shape or not len(self.source_of):
            raise ResultsError(
                f"got {len(self.source_of)} sources and {len(self.row_of)} rows of runs; expected one of each for every run, and at least one run"
            )
        self.asked = len(self.source_of) if runs is None else runs
        self.found = Scan(sources, self.source_of, self.row_of)
        self.columns = self._columns()

    def __len__(self) -> int:
        return len(self.source_of)

    # -- what the result is --------------------------------------------------------------------------------------

    def _columns(self) -> dict[str, Variable]:
        """Every variable of the result by path, in order; those that are known already with their values."""
        names: dict[str, list[list[str]]] = {}
        for layout in self.found.layouts:
            for group in ("", *sorted(g for g in layout.attributes if g)):
                mine = [p for p in layout.columns if p.rpartition("/")[0] == group]
                names.setdefault(group, []).append(mine)
        found = {}
        for group in ("", *(g for g in GROUPS if g in names), *sorted(names.keys() - {"", *GROUPS})):
            for path in self._ordered(group, names[group]):
                variable = self._variable(path)
                if variable is not None:
                    found[path] = variable
        return found

    def _ordered(self, group: str, lists: Sequence[Sequence[str]]) -> list[str]:
        if group:
            known = [name for name in ORDER.get(group, ()) if any(f"{group}/{name}" in names for names in lists)]
            fixed = [f"{group}/{name}" for name in known]
            return [*fixed, *united([[p for p in names if p not in fixed] for names in lists])]
        role = {p: str(c.attributes.get("role", "")) for layout in self.found.layouts for p, c in layout.columns.items()}
        present = {p for names in lists for p in names}
        parts = [["run"], [p for p in FIRST if p in present], _longest([[p for p in names if role[p] == "varied"] for names in lists])]
        parts += [["time"] if self.found.time is not None else ["sample", "time"]]
        for wanted in ("trace", "observed", "ideal_feature"):
            parts.append(united([[p for p in names if role[p] == wanted] for names in lists]))
        errors = {p: [q for q in (f"{p}_numerical_error",) if q in present] for p in present}
        features = united([[p for p in names if role[p] == "feature"] for names in lists])
        parts.append([q for p in features for q in (p, *errors[p])])
        taken = {p for part in parts for p in part} | {"time", "sample"}
        return [*(p for part in parts for p in part), *united([[p for p in names if p not in taken] for names in lists])]

    def _variable(self, path: str) -> Variable | None:
        name = path.rpartition("/")[2]
        if path in ("sample", "time"):
            return self._time(path)
        having = [layout.columns[path] for layout in self.found.layouts if path in layout.columns]
        attributes = {k: v for k, v in agreed([c.attributes for c in having]).items() if k != "coordinates"}
        dims = having[0].dims
        if dims[:1] == ("protocol",) and any(c.attributes.get("source") == SET["source"] for c in having if c.attributes.get("role") == "input"):
            attributes |= SET
        known = self._known(path, name, dims)
        if known is not None:
            return Variable(dims, known, attributes)
        if dims[0] == "origin" or dims[0] in AXES:
            return None
        dims = (dims[0], *(self.found.axis if d in TIMES else d for d in dims[1:]))
        kind = having[0].dtype if len({c.dtype for c in having}) == 1 else np.result_type(*(c.dtype for c in having))
        return Pending(dims, tuple(self._size(d) for d in dims), kind, attributes)

    def _time(self, path: str) -> Variable:
        common = self.found.time
        if common is not None:
            return numbers(("time",), common, "s", TIME)
        if path == "sample":
            return index("sample", self.found.samples, "number of the sample")
        return Pending(("run", "sample"), (len(self), self.found.samples), np.dtype("<f8"), {"units": "s", "long_name": OWN_TIMES})

    def _known(self, path: str, name: str, dims: tuple[str, ...]) -> np.ndarray | None:
        """Values that follow from the numbering alone, or that are the same for all runs."""
        found = self.found
        if dims == (name,) and name not in AXES:
            return np.arange(self._size(name), dtype="<i4")
        if dims[:1] == ("origin",):
            column = 0 if name == "evidence" else 1
            return text(dims, [pair[column] for pair in found.origins], "").values
        if len(dims) == 1 and dims[0] in AXES:
            described = found.described[dims[0]]
            return text(dims, described[name], "").values if name in described else None
        if path == "protocol/protocol_of_run":
            return found.protocol_of_run
        for axis, owner in RAGGED.items():
            if path == owner:
                return np.repeat(np.arange(len(found.counts[axis]), dtype="<i4"), found.counts[axis])
        return found.constant(path) if not dims or dims[0] not in ("run", "protocol", *RAGGED) else None

    def _size(self, dimension: str) -> int:
        found = self.found
        if dimension in RAGGED:
            return int(found.counts[dimension].sum())
        sizes = {"run": len(self), "protocol": len(found.protocols[0]), "origin": len(found.origins), **{a: len(n) for a, n in found.axes.items()}}
        sizes |= dict.fromkeys(TIMES, found.samples)
        if dimension not in sizes:
            raise ResultsError(f"got a variable over {dimension!r}, which is no axis of results")
        return sizes[dimension]

    def tree(self, **changed: Variable) -> Group:
        """The result with :class:`Pending` variables in place of values."""
        groups: dict[str, dict[str, Variable]] = {}
        for path, variable in {**self.columns, **changed}.items():
            group, _, name = path.rpartition("/")
            if variable.dims[:1] and variable.dims[0] in RAGGED and not variable.shape[0]:
                continue
            groups.setdefault(group, {})[name] = variable
        top = coordinates_first(located(groups.pop("", {}), LABELS))
        attributes = {name: self.found.layouts[0].attributes.get(name, {}) for name in groups}
        return Group(top, {n: Group(coordinates_first(v), {}, dict(attributes[n])) for n, v in groups.items()}, self._attributes())

    def _attributes(self) -> dict[str, Any]:
        all_of = [layout.attributes[""] for layout in self.found.layouts]
        found = {k: v for k, v in all_of[0].items() if k not in ("notes", "nkcell_runs")}
        notes = "\n".join(dict.fromkeys(line for a in all_of for line in str(a.get("notes", "")).splitlines()))
        return {**found, **({"notes": notes} if notes else {}), "nkcell_runs": self.asked}

    # -- its values ----------------------------------------------------------------------------------------------

    def in_memory(self) -> Group:
        """The whole result."""
        arrays = {path: np.empty(v.shape, v.dtype) for path, v in self.columns.items() if isinstance(v, Pending)}
        for path, start, values in self.pieces():
            arrays[path][start : start + len(values)] = plain_texts(values) if values.dtype == object else values
        return self.tree(**{p: Variable(self.columns[p].dims, a, self.columns[p].attributes) for p, a in arrays.items()})

    def pieces(self, skipped: Sequence[str] = ()) -> Iterator[tuple[str, int, np.ndarray]]:
        """(path, first row, values) of everything that :meth:`tree` leaves open; texts as ``str`` or UTF-8 bytes."""
        waiting = {p: v for p, v in self.columns.items() if isinstance(v, Pending) and p not in skipped and all(v.shape)}
        by_axis = {axis: {p: v for p, v in waiting.items() if v.dims[0] == axis} for axis in ("run", "protocol", *RAGGED)}
        with Readers(self.sources) as readers:
            for axis, owners in (("run", (self.source_of, self.row_of)), ("protocol", self.found.protocols)):
                for start, end in _bands(by_axis[axis], len(owners[0])):
                    yield from self._band(readers, by_axis[axis], owners[0][start:end], owners[1][start:end], start)
            for axis in RAGGED:
                if by_axis[axis]:
                    yield from self._ragged(readers, axis, by_axis[axis])

    def _band(
        self, readers: Readers, columns: Mapping[str, Variable], source_of: np.ndarray, row_of: np.ndarray, start: int
    ) -> Iterator[tuple[str, int, np.ndarray]]:
        """Rows of all columns, source by source."""
        found: dict[str, np.ndarray] = {}
        for number, where in by_source(source_of):
            source = readers[number]
            for path, variable in columns.items():
                values = self._adapted(source, number, path, variable, row_of[where])
                if len(values) == len(source_of):
                    found[path] = values
                else:
                    found.setdefault(path, np.empty((len(source_of), *variable.shape[1:]), variable.dtype))[where] = values
        for path, values in found.items():
            yield path, start, values

    def _adapted(self, source: Source, number: int, path: str, variable: Variable, rows: np.ndarray) -> np.ndarray:
        """Rows of a source on the axes of the result."""
        column = source.layout.columns.get(path)
        shape = (len(rows), *variable.shape[1:])
        if path == "time" and column is not None and column.dims == ("time",):
            values: np.ndarray = np.tile(source.whole("time"), (len(rows), 1))
        elif column is None:
            return np.full(shape, missing(variable.dtype))
        else:
            values = source.take(path, rows)
        if path == ORIGIN_OF_VALUE:
            values = self.found.numbered(number, values)
        if values.shape == shape and (len(shape) < 2 or variable.dims[1] not in AXES):
            return values
        if variable.dims[1] in AXES:
            columns = self.found.places(source.layout, variable.dims[1])
            if columns is None:
                return values
            out = np.full(shape, self.found.absent if path == ORIGIN_OF_VALUE else missing(variable.dtype), dtype=variable.dtype)
            out[:, columns] = values
            return out
        out = np.full(shape, np.nan)
        width = min(shape[1], values.shape[1])
        out[:, :width] = values[:, :width]
        return out

    def _ragged(self, readers: Readers, axis: str, columns: Mapping[str, Variable]) -> Iterator[tuple[str, int, np.ndarray]]:
        """Rows of a table that belong to runs or protocols, in the order of these."""
        source_of, row_of = (self.source_of, self.row_of) if axis == "warning" else self.found.protocols
        counts = self.found.counts[axis]
        starts = np.concatenate([[0], np.cumsum(counts)])
        for start in range(0, len(source_of), ROUND):
            band = slice(start, start + ROUND)
            total = int(counts[band].sum())
            if not total:
                continue
            having = np.flatnonzero(counts[band])
            rows, owner = np.empty(total, dtype=np.int64), np.repeat(source_of[band], counts[band])
            for number, where in by_source(source_of[band][having]):
                mine = having[where]
                owners = readers[number].whole(RAGGED[axis])
                order = np.argsort(owners, kind="stable")
                first = np.searchsorted(owners[order], row_of[band][mine])
                n = counts[band][mine]
                rows[ranges(starts[band][: len(counts[band])][mine] - starts[start], n)] = order[ranges(first, n)]
            yield from self._band(readers, columns, owner, rows, int(starts[start]))


ORIGIN_OF_VALUE = "parameters/origin_of_value"
ORDER = {
    "parameters": ("parameter", "unit", "description", "value", "origin", "origin_of_value", "evidence", "source"),
    "inputs": ("input", "unit", "description", "value"),
    "final_state": ("state", "unit", "description", "value"),
    "protocol": (
        *("protocol", "protocol_of_run", "duration", "event", "event_protocol", "event_time", "event_text"),
        *("phase", "phase_protocol", "phase_start", "phase_end", "phase_text"),
    ),
    "warnings": ("warning", "warning_run", "warning_text"),
}


def _longest(lists: Sequence[list[str]]) -> list[str]:
    """The list that holds all others, or all names by alphabet: keys are added to a study, never reordered."""
    longest = max(lists, key=len, default=[])
    return longest if all(set(names) <= set(longest) for names in lists) and len({tuple(n) for n in lists if len(n) == len(longest)}) == 1 else united(lists)


def missing(dtype: Any) -> Any:
    """What stands where a source has no value."""
    kind = np.dtype(dtype).kind
    return "" if kind == "O" else np.nan if kind == "f" else 0


def plain_texts(values: np.ndarray) -> np.ndarray:
    """Texts as ``str``."""
    out = np.empty(values.shape, dtype=object)
    out.reshape(-1)[:] = [v.decode() if isinstance(v, bytes) else v for v in values.reshape(-1)]
    return out


def by_source(source_of: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(source, positions that come from it), in the order of first appearance."""
    order = np.argsort(source_of, kind="stable")
    used, first = np.unique(source_of[order], return_index=True)
    ends = [*first[1:], len(order)]
    parts = sorted(((int(order[a]), int(s), order[a:b]) for s, a, b in zip(used, first, ends, strict=True)), key=lambda part: part[0])
    for _, number, positions in parts:
        yield number, positions


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The numbers from every start on, as many as its count, one after the other."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))


def _bands(columns: Mapping[str, Variable], total: int) -> Iterator[tuple[int, int]]:
    """Parts of the rows that fit into memory."""
    wide = sum(int(np.prod(v.shape[1:], dtype=int)) * (TEXT_BYTES if v.is_text else v.dtype.itemsize) for v in columns.values())
    rows = max(1, BAND_BYTES // max(1, wide))
    rows = rows // ROUND * ROUND or rows
    if columns:
        for start in range(0, total, rows):
            yield start, min(start + rows, total)
