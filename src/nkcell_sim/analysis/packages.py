"""Packages of the statistics, heavy to import and so imported where they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import MissingPackageError


def needed(module: str, purpose: str) -> Any:
    """The module, or :class:`MissingPackageError` that says what needs it and how to get it."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0].replace("_", "-")
        raise MissingPackageError(f"{purpose} needs {package}: pip install {package}") from error
