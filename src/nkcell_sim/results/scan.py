"""The first look at the sources of a merge: axes, times, and the numbering of protocols and origins, in the order of the runs."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from ..errors import ResultsError
from .layout import NO_PARAMETER, agreed, united
from .sources import AXES, Layout, Readers, Source, plain

RAGGED = {"event": "protocol/event_protocol", "phase": "protocol/phase_protocol", "warning": "warnings/warning_run"}  # axis: who a row belongs to
TIMES = ("time", "sample")
BLOCK = 4096  # runs


class Scan:
    """What the sources of a merge have in common.

    ``axes`` holds the names of parameters, inputs and states, ``described`` the texts that go with them; ``time`` is the common time axis [s] or
    None; ``protocols`` (source, row) of every different protocol and ``protocol_of_run`` its number; ``counts`` the number of rows of each
    ragged table by owner; ``origins`` the (evidence, source) by number.
    """

    def __init__(self, sources: Sequence[Source], source_of: np.ndarray, row_of: np.ndarray) -> None:
        self.sources, self.source_of, self.row_of = sources, source_of, row_of
        self.layouts: list[Layout] = []
        self._times = _Times()
        self._contents: dict[bytes, int] = {}
        self._protocols = (array("q"), array("q"))  # source and row: a study may have as many protocols as runs
        self._protocol_rows = {"event": array("q"), "phase": array("q")}
        self._following = np.zeros(len(source_of), dtype="<i4")
        self._warned = np.zeros(len(source_of), dtype=np.int32)
        self._pairs: dict[tuple[str, str], int] = {}
        self._maps: dict[int, np.ndarray] = {}
        self._places: dict[tuple[int, str], np.ndarray | None] = {}
        with Readers(sources) as readers:
            self._look(readers)
            self._unite()
            self._number_protocols()
            self._number_origins(readers)

    def _look(self, readers: Readers) -> None:
        order = np.argsort(self.source_of, kind="stable")
        used, first = np.unique(self.source_of[order], return_index=True)
        bounds = dict(zip(used.tolist(), zip(first.tolist(), [*first[1:].tolist(), len(order)], strict=True), strict=True))
        known = set()
        for number in sorted(bounds, key=lambda s: order[bounds[s][0]]):
            source = readers[number]
            positions = order[slice(*bounds[number])]
            rows = self.row_of[positions]
            if int(rows.min()) < 0 or int(rows.max()) >= source.runs:
                raise ResultsError(f"got row {int(rows.max())} of {source.name}, which has {source.runs} runs")
            if id(source.layout) not in known:
                known.add(id(source.layout))
                self.layouts.append(source.layout)
            self._times.add(source, rows)
            self._look_at_protocols(source, number, positions, rows)
            self._look_at_warnings(source, positions, rows)
            self._look_at_origins(source, number)

    def _look_at_warnings(self, source: Source, positions: np.ndarray, rows: np.ndarray) -> None:
        if RAGGED["warning"] in source.layout.columns:
            self._warned[positions] = np.bincount(source.whole(RAGGED["warning"]), minlength=source.runs)[rows]

    def _look_at_protocols(self, source: Source, number: int, positions: np.ndarray, rows: np.ndarray) -> None:
        columns = source.layout.columns
        following = source.whole("protocol/protocol_of_run")[rows] if "protocol/protocol_of_run" in columns else np.zeros(len(rows), dtype=int)
        used = np.unique(following)
        to = np.full(max(0, int(used[-1])) + 1, -1, dtype="<i4")
        contents = _Contents(source)
        for row in used[used >= 0].tolist():  # -1 is that of a run without a result: it is not known
            content = contents.digest(row)
            if content not in self._contents:
                self._contents[content] = len(self._contents)
                self._protocols[0].append(number)
                self._protocols[1].append(row)
                for axis, counts in self._protocol_rows.items():
                    counts.append(contents.count(axis, row))
            to[row] = self._contents[content]
        self._following[positions] = np.where(following >= 0, to[following], -1)

    def _look_at_origins(self, source: Source, number: int) -> None:
        if "parameters/origin_of_value" in source.layout.columns:
            pairs = zip(plain(source.whole("parameters/evidence")), plain(source.whole("parameters/source")), strict=True)
            self._maps[number] = np.array([self._pairs.setdefault(pair, len(self._pairs)) for pair in pairs], dtype="<i4")

    def _unite(self) -> None:
        """Axes of the result: the union of those of the sources."""
        self.axes: dict[str, list[str]] = {}
        self.described: dict[str, dict[str, list[str]]] = {}
        for axis in AXES:
            tables = [next(iter([t for p, t in layout.axes.get(axis, {}).items() if p.rpartition("/")[2] == axis]), ()) for layout in self.layouts]
            self.axes[axis] = united(tables)
            about: dict[str, list[Mapping[str, Any]]] = {name: [] for name in self.axes[axis]}
            for layout, names in zip(self.layouts, tables, strict=True):
                columns = {p.rpartition("/")[2]: texts for p, texts in layout.axes.get(axis, {}).items()}
                for i, name in enumerate(names):
                    about[name].append({c: texts[i] for c, texts in columns.items()})
            rows = {name: agreed(each) for name, each in about.items()}
            self.described[axis] = {c: [row.get(c, "") for row in rows.values()] for c in dict.fromkeys(c for row in rows.values() for c in row)}
        wide = [path for layout in self.layouts for path, c in layout.columns.items() if c.dims in (("run", "time"), ("run", "sample"))]
        traces = any(path != "time" for path in wide)
        self.time = self._times.common
        self.samples = self._times.longest if traces or self.time is not None else 0
        self.axis = "sample" if self.time is None else "time"

    def _number_protocols(self) -> None:
        found, first = np.unique(self._following, return_index=True)
        order = found[np.argsort(first, kind="stable")]
        order = order[order >= 0]
        to = np.zeros(len(self._contents), dtype="<i4")
        to[order] = np.arange(len(order))
        self.protocol_of_run = np.where(self._following >= 0, to[self._following], -1).astype("<i4")
        numbers_, rows = (np.array(column, dtype=np.int64)[order] for column in self._protocols)
        self.protocols = (numbers_.astype(np.int32), rows)
        self._contents.clear()
        self.counts = {axis: np.array(counts, dtype=np.int64)[order] for axis, counts in self._protocol_rows.items()} | {"warning": self._warned}

    def _number_origins(self, readers: Readers) -> None:
        """Number the origins as they first occur, run after run; stops reading when all have occurred."""
        lacking = {n for n in self._maps if self.places(self.sources[n].layout, "parameter") is not None}
        if lacking:
            self._pairs.setdefault(NO_PARAMETER, len(self._pairs))
        absent = self._pairs.get(NO_PARAMETER, -1)
        number = np.full(len(self._pairs), -1, dtype="<i4")
        wide = len(self.axes["parameter"])
        known = 0
        for start in range(0, len(self.source_of), BLOCK):
            if known == len(number):
                break
            numbers_, rows = self.source_of[start : start + BLOCK], self.row_of[start : start + BLOCK]
            table = None
            for s in np.unique(numbers_).tolist():
                if s in self._maps and ((number[self._maps[s]] < 0).any() or (s in lacking and number[absent] < 0)):
                    table = np.full((len(numbers_), wide), -1, dtype="<i4") if table is None else table
                    where = np.flatnonzero(numbers_ == s)
                    values = self._maps[s][readers[s].take("parameters/origin_of_value", rows[where])]
                    places = self.places(self.sources[s].layout, "parameter")
                    full = np.full((len(where), wide), absent, dtype="<i4")
                    full[:, slice(None) if places is None else places] = values
                    table[where] = full
            if table is not None:
                new = np.where(table >= 0, number[table] < 0, False)
                found, first = np.unique(table[new], return_index=True)
                for pair in found[np.argsort(first, kind="stable")].tolist():
                    number[pair] = known
                    known += 1
        self._number = number
        self.absent = int(number[absent]) if absent >= 0 else -1
        by_number = {int(number[i]): pair for pair, i in self._pairs.items() if number[i] >= 0}
        self.origins = [by_number[i] for i in range(known)]

    def numbered(self, source: int, values: np.ndarray) -> np.ndarray:
        """Origins as the result numbers them."""
        to = self._number[self._maps[source]]
        return values if np.array_equal(to, np.arange(len(to))) else to[values]

    def places(self, layout: Layout, axis: str) -> np.ndarray | None:
        """Where the columns of a source are in the result; None when they are the same."""
        key = (id(layout), axis)
        if key not in self._places:
            names = next(iter([t for p, t in layout.axes.get(axis, {}).items() if p.rpartition("/")[2] == axis]), ())
            place = {name: i for i, name in enumerate(self.axes[axis])}
            found = np.array([place[name] for name in names], dtype=int)
            self._places[key] = None if len(found) == len(place) and np.array_equal(found, np.arange(len(place))) else found
        return self._places[key]

    def constant(self, path: str) -> np.ndarray:
        """A value that belongs to no run: of the first source that has it."""
        with Readers(self.sources) as readers:
            for number in dict.fromkeys(self.source_of.tolist()):
                if path in self.sources[number].layout.columns:
                    return readers[number].whole(path)
        raise ResultsError(f"no source has {path!r}")


class _Times:
    """Whether all runs were sampled at the same times, and the largest number of samples."""

    def __init__(self) -> None:
        self.longest = 0
        self._first: np.ndarray | None = None
        self._same = True

    @property
    def common(self) -> np.ndarray | None:
        """The times of all runs [s]; None when they differ, or are not known."""
        return self._first if self._same else None

    def add(self, source: Source, rows: np.ndarray) -> None:
        """Take the rows of a source into account."""
        if source.layout.columns["time"].dims == ("time",):
            self._compare(source.whole("time")[None, :])
            return
        for start in range(0, len(rows), BLOCK):
            self._compare(source.take("time", rows[start : start + BLOCK]))

    def _compare(self, table: np.ndarray) -> None:
        if not table.shape[1]:  # times that were not kept
            self._same = False
            return
        lengths = table.shape[1] - np.argmax(np.isfinite(table[:, ::-1]), axis=1)
        self.longest = max(self.longest, int(lengths.max()))
        if self._first is None:
            self._first = table[0, : lengths[0]].copy()
        size = len(self._first)
        self._same = self._same and bool((lengths == size).all()) and bool((table[:, :size] == self._first).all())


class _Contents:
    """Everything that a source tells of its protocols."""

    def __init__(self, source: Source) -> None:
        columns = source.layout.columns
        self.plain = {p: source.whole(p) for p in sorted(columns) if columns[p].dims == ("protocol",) and p != "protocol/protocol"}
        self.wide = {p: source.whole(p) for p in sorted(columns) if columns[p].dims[:1] == ("protocol",) and len(columns[p].dims) == 2}
        self.tables: dict[str, dict[str, np.ndarray]] = {}
        self.order: dict[str, np.ndarray] = {}
        self.bounds: dict[str, np.ndarray] = {}
        total = source.size("protocol/protocol") if "protocol/protocol" in columns else 1
        for axis in ("event", "phase"):
            owner = RAGGED[axis]
            if owner in columns:
                owners = source.whole(owner)
                self.order[axis] = np.argsort(owners, kind="stable")
                self.bounds[axis] = np.searchsorted(owners[self.order[axis]], np.arange(total + 1))
                wanted = [p for p in sorted(columns) if columns[p].dims == (axis,) and p not in (owner, f"protocol/{axis}")]
                self.tables[axis] = {p: source.whole(p)[self.order[axis]] for p in wanted}

    def count(self, axis: str, row: int) -> int:
        """Number of events or phases of a protocol."""
        return int(self.bounds[axis][row + 1] - self.bounds[axis][row]) if axis in self.bounds else 0

    def digest(self, row: int) -> bytes:
        """The same for protocols of equal content, whatever file they are in."""
        digest = blake2b(digest_size=16)
        for path, values in self.plain.items():
            digest.update(path.encode() + _bytes(values[row : row + 1]))
        for path, values in self.wide.items():
            row_values = values[row]
            known = np.flatnonzero(np.isfinite(row_values))
            if len(known):
                digest.update(path.encode() + row_values[: known[-1] + 1].tobytes() + b"\0")
        for axis, table in self.tables.items():
            part = slice(*self.bounds[axis][row : row + 2])
            if part.stop > part.start:
                digest.update(f"{axis}{part.stop - part.start}".encode())
                for path, values in table.items():
                    digest.update(path.encode() + _bytes(values[part]))
        return digest.digest()


def _bytes(values: np.ndarray) -> bytes:
    if values.dtype != object:
        return values.tobytes()
    return b"\0".join(v if isinstance(v, bytes) else v.encode() for v in values) + b"\0"
