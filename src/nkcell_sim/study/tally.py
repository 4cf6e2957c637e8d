"""How many runs of a study are accounted for, from what its folder says; the study itself is not loaded for that."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .journal import Begun, History, Spans


@dataclass(frozen=True)
class Tally:
    """Numbers of runs: of the study; finished in its folder; taken over from before; given up because they killed their workers."""

    total: int
    here: int
    before: int
    lost: int
    in_hand: tuple[Begun, ...]  # chunks that were begun and have runs that are not accounted for

    @property
    def done(self) -> int:
        """Runs that need no more work."""
        return min(self.total, self.here + self.before + self.lost)


def tally(about: Mapping[str, Any], history: History) -> Tally:
    """What ``study.json`` and the journals say together."""
    total = int(about["runs"])
    finished = finished_here(history, total)
    lost = given_up(history, total) & ~finished
    done = finished | lost
    in_hand = tuple(begun for begun in history.unfinished if not all(done[first:last].all() for first, last in begun.spans))
    return Tally(total, int(finished.sum()), int(about.get("before", 0)), int(lost.sum()), in_hand)


def taken_over(known: np.ndarray, history: History) -> int:
    """Number of finished runs (``known``, bool) that the journals do not tell of."""
    return int((known & ~finished_here(history, len(known)) & ~given_up(history, len(known))).sum())


def finished_here(history: History, total: int) -> np.ndarray:
    """Runs whose shards are in the folder, bool (total,)."""
    finished = np.zeros(total, dtype=bool)
    for entry in history.finished.values():
        _mark(finished, entry["end"])
    return finished


def given_up(history: History, total: int) -> np.ndarray:
    """Runs that were given up because they killed their workers, bool (total,)."""
    lost = np.zeros(total, dtype=bool)
    for spans, _ in history.lost:
        _mark(lost, spans)
    return lost


def _mark(where: np.ndarray, spans: Spans) -> None:
    for first, last in spans:
        where[first:last] = True


def digest_of(keys: np.ndarray) -> str:
    """What tells whether the rows of a file are the runs of a study."""
    return hashlib.sha256(np.ascontiguousarray(keys, dtype="<i8").tobytes()).hexdigest()[:16]
