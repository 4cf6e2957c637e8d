"""Writes a result tree as netCDF-4 with h5py: complete under its name, or not there at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import ResultsError
from .layout import Group, Variable
from .target import replacing, uninterrupted

# About a megabyte of float64 a chunk: large enough to stream, small enough to read one run.
CHUNK_VALUES = 131_072


def write(root: Group, path: str | os.PathLike[str]) -> Path:
    """Write ``root`` to ``path``.

    The file grows under a name of its own in the same folder, is closed and synced to disk, and only then takes its
    name, so that a run that is killed leaves nothing half-written under it.
    """
    with replacing(path) as place, place.partial.open("r+b", buffering=0) as opened:
        disk = Disk(opened)
        with uninterrupted(), new_file(disk) as file:
            write_group(file, root, {})
        if disk.problem is not None:
            raise disk.problem
    return Path(path)


class Disk:
    """The file as HDF5 sees it: after a write has failed (disk full) the rest goes nowhere.

    HDF5 itself cannot close a file that it could not write, and brings the process down at its end.
    """

    def __init__(self, file: Any) -> None:
        self.file = file
        self.problem: OSError | None = None

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        try:
            while self.problem is None and done < len(view):
                done += self.file.write(view[done:])
        except OSError as error:
            self.problem = error
        return len(view)

    def read(self, size: int = -1) -> bytes:
        return bytes(self.file.read(size))

    def readinto(self, buffer: Any) -> int:
        return int(self.file.readinto(buffer))

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self.file.seek(offset, whence))

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


def new_file(disk: Disk) -> Any:
    """An empty HDF5 file on that disk, open for writing."""
    return h5py.File(disk, "w", track_order=True, libver=("v108", "latest"))


def write_group(h5: Any, group: Group, scales: Mapping[str, Any]) -> None:
    """Write a group and everything below it; ``scales`` are the coordinates of the groups above."""
    for name, value in group.attributes.items():
        h5.attrs[name] = value
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
            dataset.dims[axis].attach_scale(scales[dimension])
    for name, child in group.groups.items():
        write_group(h5.create_group(name, track_order=True), child, scales)


def _dataset(h5: Any, name: str, variable: Variable) -> Any:
    values = variable.values
    if variable.is_text:
        dataset = h5.create_dataset(name, shape=values.shape, dtype=h5py.string_dtype("utf-8"), track_order=True)
        dataset[...] = values if values.ndim else values.item()
    elif values.ndim:
        dataset = h5.create_dataset(name, data=values, chunks=_chunks(values), fletcher32=True, track_order=True)
    else:
        dataset = h5.create_dataset(name, data=values, track_order=True)
    for key, value in variable.attributes.items():
        dataset.attrs[key] = value
    return dataset


def _chunks(values: np.ndarray) -> tuple[int, ...]:
    """Whole rows, as many as fit."""
    row = max(1, int(np.prod(values.shape[1:])))
    return (max(1, min(values.shape[0], CHUNK_VALUES // row)), *values.shape[1:])
