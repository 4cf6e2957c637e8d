"""Random numbers that depend on names alone: the same for any order of work, any number of workers and any batch.

A stream is named by the seed of a study and labels such as the group, the donor and the cell. The name is hashed (SHA-256) into the key of a
counter-based generator (Philox 4x64, Salmon 2011, doi:10.1145/2063384.2063405), so that a run finds its own numbers without asking anybody.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from .errors import ParameterError

if TYPE_CHECKING:
    import numpy as np

LARGEST_SEED = 2**63 - 1


def checked_seed(seed: object) -> int:
    """The seed as an integer; :class:`ParameterError` unless it is a whole number from 0 to 2^63 - 1 (what a file can hold)."""
    whole = not isinstance(seed, bool) and hasattr(seed, "__index__")
    number = seed.__index__() if whole else -1  # type: ignore[attr-defined]
    if not 0 <= number <= LARGEST_SEED:
        raise ParameterError(f"got seed = {seed!r}; expected a whole number from 0 to {LARGEST_SEED}", name="seed")
    return int(number)


def digest(seed: int, *labels: str | int) -> bytes:
    """32 bytes that name a stream; texts and numbers are told apart, so that ("1", 2) and (1, "2") differ."""
    plain = [label if isinstance(label, str) else int(label) for label in labels]
    return hashlib.sha256(json.dumps([checked_seed(seed), *plain]).encode()).digest()


def key(seed: int, *labels: str | int) -> tuple[int, int]:
    """Two 64-bit words for a counter-based generator of one's own."""
    words = digest(seed, *labels)
    return int.from_bytes(words[:8], "little"), int.from_bytes(words[8:16], "little")


def stream(seed: int, *labels: str | int) -> np.random.Generator:
    """A generator that depends on the seed and the labels only."""
    import numpy as np

    words = digest(seed, *labels)
    start = [0, 0, *np.frombuffer(words[16:], dtype="<u8").tolist()]
    return np.random.Generator(np.random.Philox(key=np.frombuffer(words[:16], dtype="<u8"), counter=start))
