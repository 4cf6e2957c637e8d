"""Names of a package that are loaded when they are first used, so that importing it costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def loader(package: str, homes: Mapping[str, str], known: dict[str, Any]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package whose public names live in the modules ``homes`` (".module" by name); ``known`` is its ``globals()``."""

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        known[name] = getattr(import_module(homes[name], package), name)
        return known[name]

    return load
