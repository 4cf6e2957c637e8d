"""Where the table of a design is: beside the configuration that names it, or, for the configuration inside a result file, near that file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import ParameterError
from ..study.table_files import digest_of


def found_table(source: str, table: str, sha256: str) -> Path:
    """The file of a table as a configuration called ``source`` names it.

    One whose digest is known (as in the configuration inside a result file) may lie elsewhere by now: it is looked for as it is written, relative to the
    source, then by its own name beside the source and in the current folder; what has the digest is taken. Raises :class:`ParameterError` with every
    place when there is no such file.
    """
    written = Path(source).parent / table
    if not sha256:
        return written
    places = list(dict.fromkeys(_places(written, Path(source).parent, table)))
    there = [place for place in places if place.is_file()]
    if not there:
        looked = ", ".join(repr(str(place)) for place in places)
        raise ParameterError(f"got a table {table!r}; there is no such file at {looked}; bring it to one of these places", name="table")
    return next((place for place in there if digest_of(place) == sha256), there[0])


def kept_name(table: str) -> str:
    """How a result names the table: as it was written, but never by an absolute path, which says nothing elsewhere."""
    return Path(table).name if Path(table).is_absolute() else table


def _places(written: Path, folder: Path, table: str) -> Iterator[Path]:
    yield written
    yield folder / Path(table).name
    if not Path(table).is_absolute():
        yield Path(table)
    yield Path(Path(table).name)
