"""The digest of a whole file at its end, behind what HDF5 reads: it tells later whether any byte has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

MARK = b"\nnkcell-sha256:"
LENGTH = len(MARK) + 64 + 1  # bytes of the seal
READ = 2**20  # bytes


def seal(path: Path) -> None:
    """Add the digest of a finished file to its end."""
    digest = file_digest(path)
    with path.open("ab") as file:
        file.write(MARK + digest.encode() + b"\n")


def unsealed(path: Path) -> str:
    """What is wrong with a file that was sealed; empty when it has the bytes that it was written with."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - LENGTH))
        end = file.read()
    if not end.startswith(MARK):
        return "it has no digest at its end: it was cut off, or changed by another program, or written before files had one"
    if end != MARK + file_digest(path, size - LENGTH).encode() + b"\n":
        return "its bytes are not those it was written with: the digest at its end differs"
    return ""


def file_digest(path: Path, size: int | None = None) -> str:
    """SHA-256 of a file, or of its first ``size`` bytes, as hexadecimal digits."""
    digest = hashlib.sha256()
    left = path.stat().st_size if size is None else size
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(READ, left))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()
