"""Files with one column a key: CSV, Parquet and HDF5, read as columns by header."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingPackageError, ParameterError


@dataclass(frozen=True)
class Columns:
    """Columns by header, their units where the file keeps them beside the name, and the line of each row of a text file."""

    columns: Mapping[str, Any]
    units: Mapping[str, str] = field(default_factory=dict)
    lines: NDArray[np.int64] | None = None


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _csv(path: Path) -> Columns:
    """A header and a row a point, separated by commas; an empty line is nothing, a row of empty cells is the base case."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.reader(text)
            header = [column.strip() for column in next(reader, [])]
            rows, lines = [], []
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise ParameterError(f"{path.name}, line {reader.line_num}: {len(row)} values for {len(header)} columns", name="table")
                rows.append(row)
                lines.append(reader.line_num)
    except UnicodeDecodeError as error:
        raise ParameterError(f"{path.name} is not text in UTF-8 (byte {error.start}); save it from the spreadsheet as CSV in UTF-8", name="table") from error
    except csv.Error as error:
        raise ParameterError(f"{path.name}, line {reader.line_num}: {error}", name="table") from error
    except OSError as error:
        raise ParameterError(f"{path.name}: cannot read this table: {error.strerror}", name="table") from error
    if not any(header):
        raise ParameterError(f"{path.name}: no header in line 1; expected a column a key, headed 'KEY [UNIT]'", name="table")
    twice = next((h for i, h in enumerate(header) if h in header[:i]), None)
    if twice is not None:
        raise ParameterError(f"{path.name}, line 1: two columns headed {twice!r}; expected each once", name="table")
    columns = {h: _floats([row[j] for row in rows]) for j, h in enumerate(header)}
    return Columns(columns, lines=np.array(lines, dtype=np.int64))


def _floats(cells: list[str]) -> Any:
    """Numbers where all cells are numbers or empty, which is nearly always; else the texts."""
    filled = [cell if cell.strip() else "nan" for cell in cells]
    try:
        numbers = np.array(filled, dtype=float)
    except ValueError:
        return cells
    return cells if (~np.isfinite(numbers) & np.array([bool(c.strip()) for c in cells], bool)).any() else numbers


def _parquet(path: Path) -> Columns:
    """Every column of a Parquet file; null is an empty cell."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingPackageError(f"{path.name}: Parquet files need pyarrow: pip install 'nkcell_sim[tables]'") from error
    try:
        read = parquet.ParquetFile(path).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise ParameterError(f"{path.name}: cannot read this as Parquet: {error}", name="table") from error
    names = read.column_names
    twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
    if twice is not None:
        raise ParameterError(f"{path.name}: two columns headed {twice!r}; expected each once", name="table")
    return Columns({name: _arrow(read.column(name), pyarrow) for name in names})


def _arrow(column: Any, pyarrow: Any) -> Any:
    numeric = pyarrow.types.is_integer(column.type) or pyarrow.types.is_floating(column.type)
    return column.cast(pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False) if numeric else column.to_pylist()


def _hdf5(path: Path) -> Columns:
    """Every data set of one dimension, or the fields of one compound data set."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            found = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset) and item.ndim == 1}
            if len(found) == 1 and (names := next(iter(found.values())).dtype.names):
                whole = next(iter(found.values()))[()]
                return Columns({name: whole[name] for name in names})
            units = {name: _text(item.attrs["units"]) for name, item in found.items() if "units" in item.attrs}
            return Columns({name: item[()] for name, item in found.items()}, units)
    except OSError as error:
        raise ParameterError(f"{path.name}: cannot read this as HDF5: {error}", name="table") from error


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


READERS: dict[str, Callable[[Path], Columns]] = {".csv": _csv, ".parquet": _parquet, ".h5": _hdf5, ".hdf5": _hdf5}
