"""Reads a result file back into the tree it was written from; says plainly what is wrong with a bad one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import ResultsError
from .layout import SCHEMA, Group, Variable

_INTERNAL = ("CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST")


def read(path: str | os.PathLike[str]) -> Group:
    """Read a whole result file.

    Raises :class:`ResultsError` for a file that is missing, not HDF5, truncated or damaged, not ours, or too new.
    """
    source = Path(path)
    if not source.is_file():
        raise ResultsError(f"there is no result file {str(path)!r}" + (" (it is a folder)" if source.is_dir() else ""))
    if not h5py.is_hdf5(source):
        raise ResultsError(f"{str(path)!r} is not an HDF5 file; nkcell_sim results are written by `nkcell run CONFIG -o FILE.h5`")
    try:
        with h5py.File(source, "r") as file:
            _check_version(file, str(path))
            return _read_group(file)
    except (OSError, RuntimeError) as error:
        raise ResultsError(f"{str(path)!r} is truncated or damaged ({_short(error)}); restore it from a copy or repeat the run") from error


def is_results(path: str | os.PathLike[str]) -> bool:
    """Whether a file looks like HDF5 (by its first bytes or, when it is truncated, by its name)."""
    return Path(path).suffix in (".h5", ".hdf5", ".nc") or (Path(path).is_file() and bool(h5py.is_hdf5(path)))


def _short(error: Exception) -> str:
    return str(error).splitlines()[0].strip()


def _check_version(file: Any, path: str) -> None:
    schema = file.attrs.get("nkcell_schema")
    if schema is None:
        raise ResultsError(f"{path!r} is an HDF5 file, but not one of nkcell_sim: it has no attribute 'nkcell_schema'")
    if int(schema) > SCHEMA:
        raise ResultsError(
            f"{path!r} has layout version {int(schema)}, and this nkcell_sim reads up to {SCHEMA}: "
            f"it was written by a newer nkcell_sim ({file.attrs.get('nkcell_version', 'version unknown')}); please update"
        )


def _read_group(h5: Any) -> Group:
    variables: dict[str, Variable] = {}
    groups: dict[str, Group] = {}
    for name, item in h5.items():
        if isinstance(item, h5py.Group):
            groups[name] = _read_group(item)
        else:
            variables[name] = _read_variable(name, item)
    return Group(variables, groups, _attributes(h5))


def _attributes(h5: Any) -> dict[str, Any]:
    return {k: _plain(v) for k, v in h5.attrs.items() if k not in _INTERNAL and not k.startswith("_Netcdf4")}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


def _read_variable(name: str, dataset: Any) -> Variable:
    dims = (name,) if dataset.is_scale else tuple(axis[0].name.rsplit("/", 1)[-1] for axis in dataset.dims)
    if h5py.check_string_dtype(dataset.dtype) is None:
        return Variable(dims, np.asarray(dataset[()]), _attributes(dataset))
    found = dataset.asstr()[()]
    values = np.empty(dataset.shape, dtype=object)
    values[...] = found
    return Variable(dims, values, _attributes(dataset))
