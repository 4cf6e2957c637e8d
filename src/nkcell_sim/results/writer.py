"""Writes a result tree as netCDF-4 with h5py: complete under its name, or not there at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import ResultsError
from .layout import Group, Variable

# About a megabyte of float64 a chunk: large enough to stream, small enough to read one run.
CHUNK_VALUES = 131_072


def write(root: Group, path: str | os.PathLike[str]) -> Path:
    """Write ``root`` to ``path``.

    The file grows under the name ``PATH.tmp``, is closed and synced to disk, and only then takes its name, so that a
    run that is killed leaves nothing half-written.
    """
    target = Path(path)
    if target.is_dir():
        raise ResultsError(f"got {str(path)!r} as the file to write, which is a folder; give a file name, for example results.h5")
    if not target.parent.is_dir():
        raise ResultsError(f"cannot write {str(path)!r}: there is no folder {str(target.parent)!r}")
    partial = target.with_name(target.name + ".tmp")
    try:
        with h5py.File(partial, "w", track_order=True, libver=("v108", "latest")) as file:
            _write_group(file, root, {})
        _sync(partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    _sync(target.parent)
    return target


def _sync(path: Path) -> None:
    """Ask the operating system to put a file, or a folder's entries, on the disk."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_group(h5: Any, group: Group, scales: dict[str, Any]) -> None:
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
        _write_group(h5.create_group(name, track_order=True), child, scales)


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
