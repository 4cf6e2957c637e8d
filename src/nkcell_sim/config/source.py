"""The text of a configuration: parsed data, where everything stands, overrides, and errors that show the line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path as FilePath
from typing import Any

from ..errors import ConfigError
from .locate import Entry, Locator, Path, Place
from .words import near_miss

_TOML_POSITION = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)")


class Source:
    """Parsed TOML with positions. ``name`` is the file as the user wrote it."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.overrides: dict[Path, str] = {}
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise self._syntax_error(error) from error
        if not self.data:
            raise ConfigError("is empty; a configuration needs at least one [experiment.NAME], see `nkcell show` and configs/", path=name)
        self.places = Locator(text)

    def override(self, assignments: Iterable[str]) -> None:
        """Apply ``KEY=VALUE`` strings: dotted keys, values as in TOML or as plain words (``50 uM``)."""
        for assignment in assignments:
            key, equals, value = assignment.partition("=")
            if not equals or not key.strip():
                raise ConfigError(f"got --set {assignment!r}; expected KEY=VALUE, for example --set 'experiment.imaging.pregs=100 uM'")
            path = self._assign(_split_key(key.strip()), _plain_value(value.strip()), assignment)
            self.overrides[path] = assignment

    def _assign(self, keys: list[str], value: Any, assignment: str) -> Path:
        """Put a value at a dotted key; a quoted key such as "KCa31.g_max" may stand for the last parts."""
        node: Any = self.data
        path: Path = ()
        while True:
            whole = ".".join(keys)
            if len(keys) == 1 or (isinstance(node, dict) and whole in node):
                break
            step, node = self._step(node, keys[0], assignment)
            path, keys = (*path, step), keys[1:]
        if not isinstance(node, dict):
            raise ConfigError(f"got --set {assignment!r}; {'.'.join(map(str, path))!r} is not a table, it has no key {whole!r}")
        node[whole] = value
        return (*path, whole)

    def _step(self, node: Any, key: str, assignment: str) -> tuple[str | int, Any]:
        """Enter a table by key, or an array of tables by name or number."""
        if isinstance(node, dict):
            if key not in node and node is self.data.get("experiment") and not assignment.partition("=")[0].strip().endswith(".type"):
                problem = f"there is no {key!r}{near_miss(key, self.data['experiment'])}"
                raise ConfigError(f"got --set {assignment!r}; {problem}", key=key)
            return key, node.setdefault(key, {})
        if isinstance(node, list):
            names = [str(item.get("name", item.get("key", ""))) for item in node if isinstance(item, dict)]
            if key in names:
                return names.index(key), node[names.index(key)]
            if key.isdigit() and int(key) < len(node):
                return int(key), node[int(key)]
            raise ConfigError(f"got --set {assignment!r}; expected a name or a number for {key!r}: {', '.join(map(repr, names))}")
        raise ConfigError(f"got --set {assignment!r}; {key!r} is inside a value that is not a table")

    def error(self, path: Path, problem: str, *, at_key: bool = False) -> ConfigError:
        """An error that shows the line of ``path`` with carets under its value (or its key)."""
        key = ".".join(map(str, path))
        for end in range(len(path), 0, -1):
            if path[:end] in self.overrides:
                return ConfigError(f"--set {self.overrides[path[:end]]}: {problem}", key=key)
        entry = self._entry(path)
        made = next((given for where, given in self.overrides.items() if where[: len(path)] == path), None)
        if made is not None and path not in self.places.entries:
            return ConfigError(f"--set {made}: {key}: {problem}", key=key)
        if entry is None:
            return ConfigError(problem, path=self.name, key=key)
        return self._pointing(_target(entry, at_key=at_key or entry.value is None), problem, key)

    def line_of(self, path: Path) -> int:
        """Line of a key, 0 when it is not in the text."""
        entry = self._entry(path)
        return entry.key.line if entry else 0

    def _entry(self, path: Path) -> Entry | None:
        """Where a key stands: itself, else the first thing inside it (``[experiments.imaging]`` alone writes ``experiments``), else what encloses it."""
        inside = [entry for where, entry in self.places.entries.items() if path and where[: len(path)] == path]
        return self.places.entries.get(path) or min(inside, key=lambda e: e.key.line, default=None) or self.places.find(path)

    def _pointing(self, place: Place, problem: str, key: str) -> ConfigError:
        raw = self.text.replace("\r\n", "\n").split("\n")[place.line - 1]
        line = raw.expandtabs(1)
        shown = line.strip()
        column = place.column - (len(line) - len(line.lstrip()))
        start = len(f"{self.name}, line {place.line}: ") + column
        return ConfigError(shown, path=self.name, line=place.line, key=key, snippet=f"{' ' * start}{'^' * place.length} {problem}")

    def _syntax_error(self, error: tomllib.TOMLDecodeError) -> ConfigError:
        found = _TOML_POSITION.search(str(error))
        problem = _TOML_POSITION.sub("", str(error))
        problem = f"not valid TOML: {problem[0].lower()}{problem[1:]}"
        if "overwrite" in problem or "twice" in problem:
            problem += " (each key and each table may be given once)"
        lines = self.text.replace("\r\n", "\n").split("\n")
        line, column = (int(found[1]), int(found[2])) if found and found[1] else (len(lines), len(lines[-1]) + 1)
        while line > 1 and not lines[line - 1].strip():  # an error "at the end" is better shown at the last line with text
            line -= 1
            column = len(lines[line - 1]) + 1
        return self._pointing(Place(line, column - 1, 1, ""), problem, "")


def _target(entry: Entry, *, at_key: bool) -> Place:
    """What the carets mark: a key, or a value without its quotes."""
    if at_key or entry.value is None:
        return entry.key
    value = entry.value
    one_line_string = len(value.text) == value.length >= 3 and value.text[0] in "\"'" and not value.text.startswith(('"""', "'''"))
    return Place(value.line, value.column + 1, value.length - 2, value.text) if one_line_string else value


def _split_key(key: str) -> list[str]:
    """Parts of a dotted key, which may hold quoted parts."""
    parts = re.findall(r'"([^"]*)"|\'([^\']*)\'|([^.\s][^.]*)', key)
    return [a or b or c.strip() for a, b, c in parts]


def _plain_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def read_source(path: str | FilePath, overrides: Sequence[str] = ()) -> Source:
    """Read a configuration file."""
    file = FilePath(path)
    if file.is_dir():
        raise ConfigError("is a folder; expected a configuration file (TOML)", path=str(path))
    if not file.exists():
        near = difflib.get_close_matches(file.name, [p.name for p in file.parent.glob("*.toml")] if file.parent.is_dir() else [], n=1)
        hint = f"; did you mean {str(file.with_name(near[0]))!r}?" if near else ""
        raise ConfigError(f"there is no such file{hint}", path=str(path))
    if not file.is_file():
        raise ConfigError("is not a file; expected a configuration (TOML)", path=str(path))
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not text in UTF-8 (byte {error.start}); expected a configuration (TOML)", path=str(path)) from error
    source = Source(text, str(path))
    source.override(overrides)
    return source
