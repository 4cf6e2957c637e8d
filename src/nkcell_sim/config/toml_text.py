"""Plain data to TOML text: the resolved configuration that a result file keeps (``tomllib`` only reads)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_key(key: str) -> str:
    """A key, quoted when it needs to be."""
    return key if _BARE.fullmatch(key) else toml_value(key)


def toml_value(value: Any) -> str:
    """A value on one line; floats are written so that they read back to the same bits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{toml_key(k)} = {toml_value(v)}" for k, v in value.items())
        return "{ " + inside + " }" if inside else "{}"
    return "[" + ", ".join(toml_value(v) for v in value) + "]"


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def toml_text(data: Mapping[str, Any]) -> str:
    """A whole document: plain keys first, then tables and arrays of tables one level deep."""
    lines = [f"{toml_key(k)} = {toml_value(v)}" for k, v in data.items() if not isinstance(v, Mapping) and not _is_tables(v)]
    for name, value in data.items():
        if isinstance(value, Mapping):
            lines += _table(toml_key(name), value)
        elif _is_tables(value):
            for item in value:
                lines += ["", f"[[{toml_key(name)}]]", *(f"{toml_key(k)} = {toml_value(v)}" for k, v in item.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


def _table(name: str, value: Mapping[str, Any]) -> list[str]:
    tables = {k: v for k, v in value.items() if isinstance(v, Mapping)}
    plain = [f"{toml_key(k)} = {toml_value(v)}" for k, v in value.items() if k not in tables]
    lines = ["", f"[{name}]", *plain] if plain or not tables else []
    for key, inner in tables.items():
        lines += _table(f"{name}.{toml_key(key)}", inner)
    return lines
