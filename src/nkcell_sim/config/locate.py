"""Where each key and value of a TOML text stands (``tomllib`` keeps no positions).

The text has already passed ``tomllib``, so this scanner only follows structure: headers, dotted keys, arrays
of tables, inline tables and arrays over several lines. Paths are tuples of keys and indices, for example
``("condition", 1, "incubate", "ntx")``.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
_BLANK = " \t"
_SPACE = " \t\r\n"


@dataclass(frozen=True)
class Place:
    """A piece of text: line (from 1), column (from 0), length on that line, and the text itself."""

    line: int
    column: int
    length: int
    text: str


@dataclass(frozen=True)
class Entry:
    """Where a key stands and where its value stands (a header has no value)."""

    key: Place
    value: Place | None = None


class Locator:
    """Positions of every key and value of one valid TOML text."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.lines = self.text.split("\n")
        self.entries: dict[Path, Entry] = {}
        self._arrays: dict[Path, int] = {}
        self._at = 0
        self._line_starts = [0]
        for line in self.lines:
            self._line_starts.append(self._line_starts[-1] + len(line) + 1)
        self._document()

    def find(self, path: Path) -> Entry | None:
        """Return the entry of ``path``, or of its nearest enclosing table."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.entries:
                return self.entries[path[:end]]
        return None

    def _place(self, start: int, end: int) -> Place:
        line = bisect_right(self._line_starts, start) - 1
        column = start - self._line_starts[line]
        length = min(end - start, len(self.lines[line]) - column)
        return Place(line + 1, column, max(1, length), self.text[start:end])

    def _document(self) -> None:
        table: Path = ()
        while self._skip_space():
            if self.text[self._at] == "[":
                table = self._header()
            else:
                self._key_value(table)

    def _skip_space(self) -> bool:
        """Move over blanks, newlines and comments; False at the end of the text."""
        while self._at < len(self.text):
            if self.text[self._at] == "#":
                self._at = self._find("\n")
            elif self.text[self._at] in _SPACE:
                self._at += 1
            else:
                return True
        return False

    def _find(self, what: str) -> int:
        found = self.text.find(what, self._at)
        return len(self.text) if found < 0 else found

    def _header(self) -> Path:
        start = self._at
        double = self.text.startswith("[[", start)
        self._at += 2 if double else 1
        keys, _ = self._dotted_key("]")
        self._at += 2 if double else 1
        path = (*self._resolve(keys[:-1]), keys[-1])
        if double:
            self._arrays[path] = self._arrays.get(path, -1) + 1
            path = (*path, self._arrays[path])
        elif path in self._arrays:
            path = (*path, self._arrays[path])
        self.entries[path] = Entry(self._place(start, self._at))
        return path

    def _resolve(self, keys: list[str]) -> Path:
        """Insert the index of the latest element wherever a header passes through an array of tables."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _dotted_key(self, end: str) -> tuple[list[str], Place]:
        """Read ``a."b.c".d`` up to ``end``; return its parts and where it stands."""
        self._skip_blank()
        start = last = self._at
        keys: list[str] = []
        while self.text[self._at] != end:
            char = self.text[self._at]
            if char in "\"'":
                begin = self._at
                self._string()
                keys.append(str(tomllib.loads(f"x = {self.text[begin : self._at]}")["x"]))
                last = self._at
            elif char == "." or char in _BLANK:
                self._at += 1
            else:
                begin = self._at
                while self.text[self._at] not in f". \t{end}":
                    self._at += 1
                keys.append(self.text[begin : self._at])
                last = self._at
        return keys, self._place(start, last)

    def _skip_blank(self) -> None:
        while self._at < len(self.text) and self.text[self._at] in _BLANK:
            self._at += 1

    def _key_value(self, table: Path) -> None:
        keys, key_place = self._dotted_key("=")
        self._at += 1
        self._skip_blank()
        path: Path = (*table, *keys)
        for end in range(len(table) + 1, len(path)):
            self.entries.setdefault(path[:end], Entry(key_place))
        self.entries[path] = Entry(key_place)
        start = self._at
        self._value(path)
        self.entries[path] = Entry(key_place, self._place(start, self._at))

    def _value(self, path: Path) -> None:
        char = self.text[self._at]
        if char in "\"'":
            self._string()
        elif char == "[":
            self._array(path)
        elif char == "{":
            self._inline_table(path)
        else:
            while self._at < len(self.text) and self.text[self._at] not in ",]}#\n":
                self._at += 1
            while self.text[self._at - 1] in _SPACE:
                self._at -= 1

    def _string(self) -> None:
        """Move over a string of any of TOML's four kinds."""
        quote = self.text[self._at]
        if self.text.startswith(quote * 3, self._at):
            self._at += 3
            while not self.text.startswith(quote * 3, self._at):
                self._at += 2 if quote == '"' and self.text[self._at] == "\\" else 1
            self._at += 3
            while self.text.startswith(quote, self._at):  # up to two quotes may belong to the content
                self._at += 1
            return
        self._at += 1
        while self.text[self._at] != quote:
            self._at += 2 if quote == '"' and self.text[self._at] == "\\" else 1
        self._at += 1

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._skip_space() and self.text[self._at] != "]":
            if self.text[self._at] == ",":
                self._at += 1
                continue
            start = self._at
            item: Path = (*path, index)
            self._value(item)
            place = self._place(start, self._at)
            self.entries[item] = Entry(place, place)
            index += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._skip_space() and self.text[self._at] != "}":
            if self.text[self._at] == ",":
                self._at += 1
                continue
            self._key_value(path)
        self._at += 1


def flat(values: Mapping[str, Any], path: Path, prefix: str = "") -> Iterator[tuple[str, Any, Path]]:
    """Keys with their values and places; they may be written with or without quotes around their dots."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, (*path, key), f"{prefix}{key}.")
        else:
            yield prefix + key, value, (*path, key)
