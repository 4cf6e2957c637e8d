"""The locator must find every key and value of any TOML text, because tomllib tells no positions."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nkcell_sim.config.locate import Locator, Path
from nkcell_sim.config.toml_text import toml_text

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
KEYS = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True), WORDS.filter(bool))
SCALARS = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), WORDS)
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=8)


def leaves(data: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    """Every scalar of parsed data with its path."""
    if isinstance(data, dict):
        return [leaf for key, value in data.items() for leaf in leaves(value, (*path, key))]
    if isinstance(data, list):
        return [leaf for i, value in enumerate(data) for leaf in leaves(value, (*path, i))]
    return [(path, data)]


def check(text: str) -> None:
    """Every leaf's located text, read on its own, is the leaf."""
    locator = Locator(text)
    for path, value in leaves(tomllib.loads(text)):
        entry = locator.entries[path]
        assert entry.value is not None
        assert repr(tomllib.loads(f"x = {entry.value.text}")["x"]) == repr(value)
        line = locator.lines[entry.value.line - 1]
        assert line[entry.value.column :].startswith(entry.value.text.split("\n")[0])


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_every_value_of_generated_toml_is_located(data: dict[str, Any]) -> None:
    text = toml_text(data)
    assert repr(sorted(leaves(tomllib.loads(text)), key=repr)) == repr(sorted(leaves(data), key=repr))
    check(text)


HAND_WRITTEN = '''
# a comment with = and [brackets]
title = "a # no comment" # a comment
"quoted.key" = 1
dotted . "two words".last = 'literal \\ text'
numbers = [1, # one
  2.5, [3, 4],
  { x = "}", y.z = ["]"] },
]
long = """first
 "second" \\""" third"""
raw = \'\'\'it's''\'\'\'
when = 1979-05-27T07:32:00Z

[table]
a=1
[table.inner."odd key"]
b = { c = [ { d = "#" } ] }

[[many]]
name = "one"
[many.sub]
x = 1
[[many.deep]]
y = 1
[[many.deep]]
y = 2

[[many]]
name = "two"
[many.sub]
x = 2
[[many.deep]]
y = 3
[last]
end = true'''


def test_hand_written_corners_are_located() -> None:
    check(HAND_WRITTEN)


def test_line_and_column_are_those_an_editor_shows() -> None:
    entries = Locator(HAND_WRITTEN).entries
    place = entries["many", 1, "deep", 0, "y"].value
    assert place is not None
    assert HAND_WRITTEN.split("\n")[place.line - 1] == "y = 3"
    assert place.column == 4
    inner = entries["numbers", 3, "y", "z", 0].value
    assert inner is not None
    assert inner.text == '"]"'


def test_windows_line_ends_do_not_shift_positions() -> None:
    place = Locator("a = 1\r\nb = 2\r\n").entries[("b",)].value
    assert place is not None
    assert (place.line, place.column, place.text) == (2, 4, "2")


@pytest.mark.parametrize("path", [("table", "missing"), ("many", 1, "nothing"), ("numbers", 9)])
def test_an_unknown_key_is_answered_with_its_nearest_table(path: Path) -> None:
    locator = Locator(HAND_WRITTEN)
    assert locator.find(path) == locator.entries[path[:-1]]
