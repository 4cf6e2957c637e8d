"""Makes one file of a result file that keeps its traces in shards."""

from __future__ import annotations

import os
from pathlib import Path

from .reader import check_complete, read
from .writer import write


def pack(path: str | os.PathLike[str], target: str | os.PathLike[str] | None = None, through: Path | None = None) -> Path:
    """Write everything of a result file into one file, ``target`` or in its own place, that needs no other; memory does not grow with its size.

    The same values, attributes and coordinates as if the study had been collected into one file at once. The shards are left where they are.
    ``through`` is an empty file beside the target to use.
    """
    root = read(path, eager=0)
    check_complete(root, str(path))
    return write(root, path if target is None else target, through)
