"""A design from a table: one row a point, one column a key, from a mapping, an array, a data frame or a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import NkcellError, ParameterError
from ..units import parse, unit_info
from .designs import Design, UnitOf, check_size
from .headers import split_header
from .table_files import READERS, Columns, digest_of


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Table(Design):
    """One row a point, one column a key, headed "KEY [UNIT]" ("TRPM3.density [1/pF]"); without a unit numbers are in the declared one.

    The table is a dictionary of columns, a structured array, a data frame, or a file: CSV (.csv), Parquet (.parquet, needs pyarrow: the extra [tables]) or
    HDF5 (.h5: data sets of one dimension, or one of compound type; an attribute ``units`` stands for the unit in the name). An empty cell (None, NaN) means: as
    in the base case. Cells may hold text with a unit of its own. Errors name the file, the line (or row, counted from 0) and the column.
    """

    columns: Mapping[str, NDArray[Any]]
    units: Mapping[str, str] = field(default_factory=dict)  # given in the headers
    name: str = "table"  # of the file, for errors
    file: str = ""
    sha256: str = ""
    lines: NDArray[np.int64] | None = None  # of a text file, by row
    kind: ClassVar[str] = "table"

    def __init__(self, table: Any) -> None:
        if isinstance(table, str | os.PathLike):
            path = Path(table)
            read, sha256 = _read(path), digest_of(path)
            self._fill(read.columns, path.name, str(path), sha256, read.lines, read.units)
        else:
            self._fill(_columns(table), "table", "", "", None, {})

    def _fill(self, raw: Mapping[str, Any], name: str, file: str, sha256: str, lines: NDArray[np.int64] | None, attributes: Mapping[str, str]) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "file", file)
        object.__setattr__(self, "sha256", sha256)
        object.__setattr__(self, "lines", lines)
        columns, units = {}, {}
        for header, values in raw.items():
            key, unit = split_header(str(header))
            if key in columns:
                raise ParameterError(f"{name}: got two columns of {key!r}; expected one", name=key)
            columns[key], units[key] = self._array(key, values), unit or attributes.get(str(header), "")
        if not columns:
            raise ParameterError(f"{name}: got a table without columns; expected one a key, headed 'KEY [UNIT]'", name="table")
        lengths = {key: len(values) for key, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ParameterError(f"{name}: the columns differ in length: {', '.join(f'{k} has {n}' for k, n in lengths.items())}", name=next(iter(lengths)))
        if not next(iter(lengths.values())):
            raise ParameterError(f"{name}: got a table without rows; expected at least one", name=next(iter(lengths)))
        check_size(next(iter(lengths.values())), len(columns))
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "units", units)

    def _array(self, key: str, values: Any) -> NDArray[Any]:
        """A column as numbers, or as objects where it holds anything else."""
        values = values.to_numpy() if hasattr(values, "to_numpy") else values
        filled = np.ma.filled(values.astype(float), np.nan) if isinstance(values, np.ma.MaskedArray) and values.dtype.kind in "fiu" else values
        mixed = isinstance(filled, list | tuple) and any(v is None or isinstance(v, str | bytes) for v in filled)
        try:
            array = np.asarray(filled, dtype=object) if mixed else np.asarray(filled)
        except ValueError as error:  # rows of different lengths
            raise ParameterError(f"{self.name}, column {key!r}: rows of different lengths; expected one value a row", name=key) from error
        if array.ndim != 1:
            raise ParameterError(f"{self.name}, column {key!r}: got {array.ndim} axes; expected one value a row", name=key)
        if array.dtype.kind in "fiu":
            return array.astype(float)
        if array.dtype.kind in "OSUT":
            return array.astype(object)
        raise ParameterError(f"{self.name}, column {key!r}: got values of type {array.dtype}; expected numbers, or text with units", name=key)

    @property
    def keys(self) -> tuple[str, ...]:
        """What is varied."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def bound(self, unit_of: UnitOf) -> Self:
        """The design with numbers in the declared units."""
        made = object.__new__(type(self))
        columns = {key: self._numbers(key, values, unit_of(key)) for key, values in self.columns.items()}
        made.__dict__.update({**self.__getstate__(), "columns": columns, "units": dict.fromkeys(columns, "")})
        return made

    def _numbers(self, key: str, values: NDArray[Any], unit: str) -> NDArray[np.float64]:
        given = self.units[key] or unit
        if values.dtype.kind == "O":
            numbers = self._from_objects(key, values, given)
        else:
            numbers, bad = values.astype(float), np.isinf(values)
            if bad.any():
                raise self._refused(key, int(np.argmax(bad)), f"got {values[bad][0]}; expected a finite number, or nothing for the value of the base case")
        return self._converted(key, numbers, given, unit)

    def _converted(self, key: str, numbers: NDArray[np.float64], given: str, unit: str) -> NDArray[np.float64]:
        if given.strip() == unit.strip():
            return numbers
        try:
            parse(f"1 {given}", unit)  # refuses another dimension in the words of the laboratory
        except NkcellError as error:
            raise ParameterError(f"{self.name}, column {key!r} in {given!r}: {error}", name=key) from error
        (_, factor, offset), (_, own_factor, own_offset) = unit_info(given), unit_info(unit)
        return (numbers + offset) * factor / own_factor - own_offset

    def _from_objects(self, key: str, values: NDArray[Any], given: str) -> NDArray[np.float64]:
        """Numbers in the unit of the column from cells of any kind."""
        numbers = np.empty(len(values))
        for row, value in enumerate(values.tolist()):
            try:
                numbers[row] = _cell(value, given)
            except NkcellError as error:
                raise self._refused(key, row, str(error)) from error
        return numbers

    def _refused(self, key: str, row: int, problem: str) -> ParameterError:
        where = f"row {row}" if self.lines is None else f"line {int(self.lines[row])}"
        return ParameterError(f"{self.name}, {where}, column {key!r}: {problem}", name=key)

    def _table(self) -> NDArray[np.float64]:
        text = next((key for key, values in self.columns.items() if self.units[key] or values.dtype.kind == "O"), None)
        if text is not None:
            raise ParameterError(f"got {text!r} with units in a design that no study has read; ask study.design, or bound(unit_of)", name=text)
        return np.stack(list(self.columns.values()), axis=1)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table) or self.keys != other.keys or self.units != other.units or len(self) != len(other):
            return False
        return all(np.array_equal(v, other.columns[k], equal_nan=v.dtype.kind == "f") for k, v in self.columns.items())

    __hash__ = None

    def __repr__(self) -> str:
        return f"Table of {len(self):,} points, {', '.join(self.keys)}" + (f", from {self.name}" if self.file else "")


def _cell(value: Any, unit: str) -> float:
    """One cell in the unit of its column; NaN for an empty one."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if value is None or (isinstance(value, float) and value != value) or type(value).__name__ in ("NAType", "NaTType"):
        return np.nan
    if isinstance(value, str):
        if not value.strip():
            return np.nan
        plain = _plain(value)
        number = parse(value, unit) if plain is None else plain
    elif isinstance(value, int | float | np.number) and not isinstance(value, bool):
        number = float(value)
    else:
        raise ParameterError(f"got {value!r:.60}; expected a number in {unit}, text with a unit, or nothing")
    if not np.isfinite(number):
        raise ParameterError(f"got {value!r}; expected a finite number, or nothing for the value of the base case")
    return number


def _plain(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _columns(table: Any) -> dict[str, Any]:
    """Columns by header of whatever was given."""
    names = getattr(getattr(table, "dtype", None), "names", None)
    if names is None and hasattr(table, "columns"):
        names = list(table.columns)
    if names is None and isinstance(table, Mapping):
        names = list(table)
    if names is None:
        said = f"got a table of type {type(table).__name__}; expected a dictionary of columns, a structured array, a data frame, or the name of a file"
        raise ParameterError(said, name="table")
    texts = [str(name) for name in names]
    if twice := [name for name in texts if texts.count(name) > 1]:
        raise ParameterError(f"got two columns headed {twice[0]!r} in a table; expected each once", name=twice[0])
    return {str(name): table[name] for name in names}


def _read(path: Path) -> Columns:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ParameterError(f"got a table {path.name!r}; expected a file that ends in {', '.join(READERS)}", name="table")
    if not path.is_file():
        raise ParameterError(f"got a table {str(path)!r}; there is no such file", name="table")
    return reader(path)
