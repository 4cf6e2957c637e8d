"""Writes a result tree as netCDF-4 with h5py: complete under its name, or not there at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import ResultsError
from .layout import Group, Pending, Variable
from .seal import seal
from .target import replacing, uninterrupted

# About a megabyte of float64 a chunk: large enough to stream, small enough to read one run.
CHUNK_VALUES = 131_072
CHUNK_RUNS = 16_384  # rows of a chunk at most
# Tables whose rows repeat each other are compressed, a few columns at a time: ten times smaller, and one column is read without the others.
REDUNDANT = (("run", "parameter"), ("run", "input"))
FEW_COLUMNS = 4
LARGEST_HEAP = 2**20  # bytes: what HDF5 writes at once and may want to read again; larger pieces are values
_STRING = h5py.string_dtype("utf-8")
_TEXT = h5py.h5t.py_create(_STRING, logical=True)
_SCALAR = h5py.h5s.create(h5py.h5s.SCALAR)
GZIP = {"compression": "gzip", "compression_opts": 1}


def write(root: Group, path: str | os.PathLike[str], through: Path | None = None) -> Path:
    """Write ``root`` to ``path``.

    The file grows under a name of its own in the same folder, is closed and synced to disk, and only then takes its
    name, so that a run that is killed leaves nothing half-written under it. ``through`` is an empty file in that folder to use.
    """
    with replacing(path, through) as place:
        with uninterrupted(), growing(place.partial) as file:
            write_group(file, root, {})
        seal(place.partial)
    return Path(path)


@contextmanager
def growing(partial: Path, mode: str = "w") -> Iterator[Any]:
    """An HDF5 file open for writing, an empty one ("w") or one to add to ("r+"); a disk that was full is an error after the file was closed."""
    with partial.open("r+b", buffering=0) as opened:
        disk = Disk(opened)
        with uninterrupted():
            file = new_file(disk, mode)
        try:
            yield file
        finally:
            with uninterrupted():
                file.close()
            if disk.problem is not None:
                raise disk.problem


class Disk:
    """The file as HDF5 sees it: after a write has failed (disk full) the rest goes nowhere, but HDF5 reads what it wrote.

    HDF5 itself cannot close a file that it could not write, and brings the process down at its end, or at once when it finds that its heaps are not there.
    """

    def __init__(self, file: Any) -> None:
        self.file = file
        self.problem: OSError | None = None
        self._lost: list[tuple[int, bytes]] = []  # what found no room, by its place
        self._end = 0

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        try:
            while self.problem is None and done < len(view):
                done += self.file.write(view[done:])
        except OSError as error:
            self.problem = error
        if done < len(view):
            self._lose(view[done:])
        return len(view)

    def _lose(self, rest: Any) -> None:
        place = self.file.tell()
        if len(rest) <= LARGEST_HEAP:
            self._lost.append((place, bytes(rest)))
        self._end = max(self._end, self.file.seek(place + len(rest)))

    def read(self, size: int = -1) -> bytes:
        found = bytearray(max(0, self._end - self.file.tell()) if size < 0 and self.problem else max(size, 0))
        return bytes(self.file.read(size)) if self.problem is None else bytes(found[: self.readinto(found)])

    def readinto(self, buffer: Any) -> int:
        place = self.file.tell()
        count = int(self.file.readinto(buffer))
        if self.problem is None:
            return count
        view = memoryview(buffer).cast("B")
        view[count:] = bytes(len(view) - count)
        for start, data in self._lost:
            first, last = max(start, place), min(start + len(data), place + len(view))
            if first < last:
                view[first - place : last - place] = data[first - start : last - start]
        self.file.seek(place + len(view))
        return len(view)

    def seek(self, offset: int, whence: int = 0) -> int:
        found = int(self.file.seek(offset, whence))
        return int(self.file.seek(self._end + offset)) if whence == os.SEEK_END and self._end > found - offset else found

    def tell(self) -> int:
        return int(self.file.tell())

    def truncate(self, size: int | None = None) -> int:
        try:
            return int(self.file.truncate(size))
        except OSError as error:
            self.problem = self.problem or error
            return size or 0

    def flush(self) -> None:
        self.file.flush()


def new_file(disk: Disk, mode: str = "w") -> Any:
    """An HDF5 file on that disk, open for writing."""
    return h5py.File(disk, mode, track_order=True, libver=("v108", "latest"))


def write_group(h5: Any, group: Group, scales: Mapping[str, Any]) -> None:
    """Write a group and everything below it; ``scales`` are the coordinates of the groups above.

    Values are written part by part, so that those of a variable in another file never are in memory all at once; a
    :class:`~.layout.Pending` variable only gets its place.
    """
    for name, value in group.attributes.items():
        _attribute(h5, name, value)
    scales = dict(scales)
    coordinates = {n: v for n, v in group.variables.items() if v.dims == (n,)}
    for name, variable in coordinates.items():
        scales[name] = _dataset(h5, name, variable)
        scales[name].make_scale(name)
    for name, variable in group.variables.items():
        if name in coordinates:
            continue
        dataset = _dataset(h5, name, variable)
        for axis, dimension in enumerate(variable.dims):
            if dimension not in scales:
                raise ResultsError(f"variable {name!r} uses dimension {dimension!r}, which has no coordinate")
            h5py.h5ds.attach_scale(dataset.id, scales[dimension].id, axis)
    for name, child in group.groups.items():
        write_group(h5.create_group(name, track_order=True), child, scales)


def _dataset(h5: Any, name: str, variable: Variable) -> Any:
    shape, text = variable.shape, variable.is_text
    dtype = _STRING if text else variable.dtype
    if isinstance(variable, Pending) and variable.virtual is not None:
        dataset = h5.create_virtual_dataset(name, variable.virtual, fillvalue=np.nan)
    else:
        dataset = h5.create_dataset(name, shape=shape, dtype=dtype, track_order=True, **storage(variable))
        if not shape:
            dataset[...] = variable.values.item() if text else variable.values
        elif not isinstance(variable, Pending):
            for rows in variable.blocks(step=(dataset.chunks or (1,))[0]):
                if not text and all(shape) and rows == slice(0, shape[0]):
                    dataset.id.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(variable.part(rows)))  # as below, in a fraction of its time
                else:
                    dataset[rows] = variable.part(rows)
    for key, value in variable.attributes.items():
        _attribute(dataset, key, value)
    return dataset


def _attribute(owner: Any, key: str, value: Any) -> None:
    """Write an attribute that is new; what ``owner.attrs[key] = value`` does for a text, in a fraction of its time."""
    if not isinstance(value, str):
        owner.attrs[key] = value
        return
    attribute = h5py.h5a.create(owner.id, key.encode(), _TEXT, _SCALAR)
    attribute.write(np.array(value.encode(), dtype=_STRING))


def storage(variable: Variable) -> dict[str, Any]:
    """How the values lie in the file: chunks with checksums, tables that repeat themselves compressed; short texts in one piece."""
    shape = variable.shape
    if not shape or not all(shape) or (variable.is_text and shape[0] < CHUNK_RUNS):
        return {}
    if variable.is_text:
        return {"chunks": (CHUNK_RUNS, *shape[1:]), **GZIP}  # of texts HDF5 takes no checksum
    if variable.dims in REDUNDANT:
        runs = min(shape[0], CHUNK_RUNS)
        return {"chunks": (runs, min(shape[1], max(FEW_COLUMNS, CHUNK_VALUES // 2 // runs))), "fletcher32": True, **GZIP}
    return {"chunks": _chunks(shape), "fletcher32": True}


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Whole rows, as many as fit: a power of two, so that parts of a file that is written bit by bit are whole chunks."""
    row = max(1, int(np.prod(shape[1:])))
    fitting = max(1, CHUNK_VALUES // row)
    return (min(shape[0], CHUNK_RUNS, 2 ** (fitting.bit_length() - 1)), *shape[1:])
