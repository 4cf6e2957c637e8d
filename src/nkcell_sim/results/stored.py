"""Variables of a large file: their values are read when they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ResultsError
from .layout import Variable
from .reader import opened, translated, values_of


class StoredFile:
    """A result file that is read again whenever values are used; it must still be the one that was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.absolute = path.absolute()
        self.seen = self._fingerprint()

    def _fingerprint(self) -> tuple[int, ...]:
        found = self.absolute.stat()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def read(self, name: str, where: Any) -> np.ndarray:
        """Some values of a dataset."""
        try:
            same = self._fingerprint() == self.seen
        except OSError as error:
            raise ResultsError(f"{str(self.path)!r} was deleted or moved while its results were in use; open the file at its new place") from error
        if not same:
            raise ResultsError(f"{str(self.path)!r} was replaced or changed while its results were in use; open it again")
        with opened(self.absolute) as file, translated(str(self.path)):
            return values_of(file[name], where)


class Stored(Variable):
    """A variable in a file: its values are read when they are used, and kept."""

    _shape: tuple[int, ...]
    _dtype: np.dtype[Any]
    _values: np.ndarray | None
    file: StoredFile
    name: str

    def __init__(self, dims: tuple[str, ...], shape: tuple[int, ...], dtype: Any, attributes: Any, file: StoredFile, name: str) -> None:
        parts = {"dims": dims, "_shape": tuple(shape), "_dtype": dtype, "attributes": attributes, "file": file, "name": name, "_values": None}
        for key, value in parts.items():
            object.__setattr__(self, key, value)

    @property
    def values(self) -> np.ndarray:
        if self._values is None:
            object.__setattr__(self, "_values", self.file.read(self.name, ()))
        assert self._values is not None
        return self._values

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self._shape

    def part(self, where: Any) -> np.ndarray:
        if self._values is not None:
            return np.asarray(self._values[where])
        return self.file.read(self.name, where)

    def labelled(self, **more: Any) -> Variable:
        return Stored(self.dims, self.shape, self.dtype, {**self.attributes, **more}, self.file, self.name)

    def __repr__(self) -> str:
        return f"{self.name.rpartition('/')[2]} over {' x '.join(self.dims)} {self.shape}, in {self.file.path}"
