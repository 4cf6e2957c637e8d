"""Reads a result file back into the tree it was written from; says plainly what is wrong with a bad one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import ResultsError
from .layout import ENSEMBLE, RESERVED_GROUPS, SCHEMA, SHARDS, Group, Variable
from .target import SUFFIXES, reason

_INTERNAL = ("CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", SHARDS)
EAGER = 64 * 2**20  # bytes: a file of more is read as its values are used
SMALL = 1024  # values of a variable that is read at once also of a large file
# What every result has; the package's own tables and figures rely on it.
PROVENANCE = ("software", "parameters", "environment", "resources", "config")
LABELS = ("run", "run_id", "case", "status", "time")
SECTIONS = ("parameters", "protocol")


def read(path: str | os.PathLike[str], *, eager: int = EAGER) -> Group:
    """Read a result file: one of at most ``eager`` bytes at once, of a larger one a variable when its values are used.

    Raises :class:`ResultsError` for a file that is missing, not HDF5, truncated or damaged, not ours, or too new.
    """
    with opened(path) as file:
        if file.attrs.get("nkcell_kind") == ENSEMBLE:
            raise ResultsError(f"{str(path)!r} holds an ensemble of runs, not a study; open it with nkcell_sim.open_ensemble")
        if _bytes(file) <= eager:
            return _read_group(file)
        from .stored import Stored, StoredFile

        later = StoredFile(Path(path))
        return _read_group(file, lambda name, item: Stored(dims_of(name, item), item.shape, dtype_of(item), attributes_of(item), later, item.name))


def _bytes(file: Any) -> int:
    """Size of all values, also of those in other files [bytes]."""
    total = 0

    def add(_: str, item: Any) -> None:
        nonlocal total
        total += item.size * item.dtype.itemsize if isinstance(item, h5py.Dataset) else 0

    file.visititems(add)
    return total


@contextmanager
def opened(path: str | os.PathLike[str], *, shards: bool = True) -> Iterator[Any]:
    """One of our files, open for reading; :class:`ResultsError` for one that is missing, damaged or not ours, also while it is read.

    ``shards`` asks that the files are there that it keeps traces in.
    """
    try:
        source = Path(path)
        there = source.is_file()
    except (TypeError, ValueError, OSError) as error:
        raise ResultsError(f"got {path!r:.60} as the file to read; expected the name of a file") from error
    if not there:
        raise ResultsError(f"there is no result file {str(path)!r}" + (" (it is a folder)" if source.is_dir() else ""))
    try:
        source.open("rb").close()
    except OSError as error:
        raise ResultsError(f"cannot read {str(path)!r}: {reason(error)}") from error
    if not h5py.is_hdf5(source):
        raise ResultsError(f"{str(path)!r} is not an HDF5 file; nkcell_sim results are written by `nkcell run CONFIG -o FILE.h5`")
    with translated(str(path)), h5py.File(source, "r") as file:
        _check_version(file, str(path))
        if shards:
            check_shards(file, source)
        yield file


def check_shards(file: Any, path: Path) -> None:
    """Raise :class:`ResultsError` when traces are in files that are not where they should be: HDF5 would show NaN in their place."""
    for name, group in file.items():
        listed = str(group.attrs[SHARDS]).splitlines() if isinstance(group, h5py.Group) and SHARDS in group.attrs else []
        folder = path.resolve().parent
        lost = [shard for shard in listed if not (folder / shard).is_file()]
        if lost:
            raise ResultsError(
                f"{str(path)!r} keeps the traces of {name!r} in {len(listed)} other files, and {len(lost)} of them are not there, the first at "
                f"{str(folder / lost[0])!r}; put them back there (before it is moved, `nkcell pack FILE` makes one file of all)"
            )


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Whatever HDF5 says of a bad file as :class:`ResultsError`."""
    try:
        yield
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise ResultsError(f"{path!r} is truncated or damaged ({reason(error)}); restore it from a copy or repeat the run") from error


def check_complete(root: Group, path: str) -> None:
    """Raise :class:`ResultsError` naming what is missing from a tree that should be a whole result."""
    missing = [f"provenance/{n}" for n in PROVENANCE if "provenance" not in root.groups or n not in root.groups["provenance"].variables]
    experiments = {n: g for n, g in root.groups.items() if n not in RESERVED_GROUPS}
    if not experiments:
        missing.append("any group of an experiment")
    for name, group in experiments.items():
        missing += [f"{name}/{n}" for n in LABELS if n not in group.variables]
        missing += [f"{name}/{n}/" for n in SECTIONS if n not in group.groups]
        missing += [f"{name}/parameters/{n}" for n in ("parameter", "value") if "parameters" in group.groups and n not in group.groups["parameters"].variables]
        if "experiment" not in group.attributes:
            missing.append(f"the attribute 'experiment' of {name}")
        missing += [f"the unit of {name}/{n}" for n, v in group.variables.items() if v.attributes.get("role") and "units" not in v.attributes]
        sizes = {group.variables[n].shape[:1] for n in LABELS[:-1] if n in group.variables}
        if len(sizes) > 1:
            missing.append(f"a common number of runs in {name}")
    if missing:
        more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
        raise ResultsError(f"{path!r} is damaged or was changed: it lacks {', '.join(missing[:6])}{more}; restore it from a copy or repeat the run")


def is_results(path: str | os.PathLike[str]) -> bool:
    """Whether a file looks like HDF5 (by its first bytes or, when it is truncated, by its name)."""
    return Path(path).suffix.lower() in SUFFIXES or (Path(path).is_file() and bool(h5py.is_hdf5(path)))


def _check_version(file: Any, path: str) -> None:
    schema = file.attrs.get("nkcell_schema")
    if schema is None:
        raise ResultsError(f"{path!r} is an HDF5 file, but not one of nkcell_sim: it has no attribute 'nkcell_schema'")
    if not isinstance(schema, int | np.integer):
        raise ResultsError(f"{path!r} is damaged or was changed: its attribute 'nkcell_schema' is {schema!r}; expected a whole number")
    if int(schema) > SCHEMA:
        raise ResultsError(
            f"{path!r} has layout version {int(schema)}, and this nkcell_sim reads up to {SCHEMA}: "
            f"it was written by a newer nkcell_sim ({file.attrs.get('nkcell_version', 'version unknown')}); please update"
        )


def _read_group(h5: Any, later: Callable[[str, Any], Variable] | None = None) -> Group:
    variables: dict[str, Variable] = {}
    groups: dict[str, Group] = {}
    for name, item in h5.items():
        if isinstance(item, h5py.Group):
            groups[name] = _read_group(item, later)
        elif later is None or item.size <= SMALL:
            variables[name] = Variable(dims_of(name, item), values_of(item, ()), attributes_of(item))
        else:
            variables[name] = later(name, item)
    return Group(variables, groups, attributes_of(h5))


def dtype_of(dataset: Any) -> np.dtype[Any]:
    """Type of the values as variables have it: objects for texts."""
    return np.dtype(object) if h5py.check_string_dtype(dataset.dtype) else dataset.dtype


def attributes_of(h5: Any) -> dict[str, Any]:
    """Attributes that we wrote, as plain values."""
    return {k: _plain(v) for k, v in h5.attrs.items() if k not in _INTERNAL and not k.startswith("_Netcdf4")}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


def dims_of(name: str, dataset: Any) -> tuple[str, ...]:
    """Names of the dimensions of a dataset."""
    return (name,) if dataset.is_scale else tuple(axis[0].name.rsplit("/", 1)[-1] for axis in dataset.dims)


def values_of(dataset: Any, where: Any) -> np.ndarray:
    """Values of a dataset, texts as ``str``."""
    if h5py.check_string_dtype(dataset.dtype) is None:
        return np.asarray(dataset[where])
    found = dataset.asstr()[where]
    values = np.empty(np.shape(found), dtype=object)
    values[...] = found
    return values
