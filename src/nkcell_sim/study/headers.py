"""Headers of columns in tables that people write: 'KEY [UNIT]'."""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*(?P<key>[^\[\]]+?)\s*(?:\[(?P<unit>[^\[\]]+)\])?\s*$")


def split_header(header: str) -> tuple[str, str]:
    """Key and unit of a column; the unit is empty where none is given."""
    parts = _HEADER.match(header)
    return (parts["key"], parts["unit"] or "") if parts else (header.strip(), "")
