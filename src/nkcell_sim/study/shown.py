"""Paths as a reader types them after a command."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def as_argument(path: str | os.PathLike[str]) -> str:
    """A path for a command that is suggested: it works where the reader is, whatever characters it holds; short where that is below."""
    given = os.fspath(path)
    try:
        inside = os.path.relpath(given)
    except (OSError, ValueError):  # the present folder was deleted; another drive
        inside = os.pardir
    outside = Path(inside).parts[:1] == (os.pardir,)
    said = os.path.abspath(given) if outside else inside
    return shlex.quote(f".{os.sep}{said}" if said.startswith("-") else said)
