"""How fast runs are finished, from what journals say of the last chunks; times when nobody worked do not count."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .journal import History, size_of

RECENT = 20  # finished chunks that the rate is measured over
SLACK = 10.0  # s between the end of a chunk and the beginning of the next that are no interruption: handing out, clocks that differ
STALE = 60.0  # s, and three times the longest chunk, without news after which the rate is not that of now


class Ended(NamedTuple):
    """A chunk that was finished: when [s], how long it took [s], its runs."""

    at: float
    seconds: float
    runs: int


def runs_per_second(history: History, now: float) -> float:
    """Rate of finishing over the last chunks, by the clocks of the workers; 0 when it is not known, or when the last were long ago."""
    try:
        ends = sorted(Ended(datetime.fromisoformat(str(e["at"])).timestamp(), e["seconds"], size_of(e["end"])) for e in history.finished.values() if "at" in e)
    except (ValueError, OverflowError):
        return 0.0
    ends, whole = _since_interruption(ends[-RECENT:])
    if not ends or now - ends[-1].at > STALE + 3 * max(end.seconds for end in ends):
        return 0.0
    began, counted = (min(end.at - end.seconds for end in ends), ends) if whole else (ends[0].at, ends[1:])
    time = ends[-1].at - began
    return sum(end.runs for end in counted) / time if counted and time > 0 else 0.0


def _since_interruption(ends: list[Ended]) -> tuple[list[Ended], bool]:
    """The chunks after the last time that nobody worked, and whether there was one: then the first of them began with the work."""
    for i in range(len(ends) - 1, 0, -1):
        if min(end.at - end.seconds for end in ends[i:]) > ends[i - 1].at + SLACK:
            return ends[i:], True
    return ends, False
