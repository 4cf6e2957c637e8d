"""Warnings and failures by cause: texts that differ in their numbers only are one cause with the runs it concerns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..results.results import NUMBER


@dataclass(frozen=True)
class Cause:
    """One cause: the text of the first run it concerns, and all of these runs."""

    text: str
    runs: tuple[int, ...]

    def __str__(self) -> str:
        others = len(set(self.runs)) - 1
        return self.text + (f" (and {others} more run{'s' if others > 1 else ''} alike)" if others else "")


def by_cause(texts: Iterable[tuple[int, str]]) -> list[Cause]:
    """(run, text) pairs as causes, in order of first appearance."""
    found: dict[str, list[tuple[int, str]]] = {}
    for run, text in texts:
        found.setdefault(NUMBER.sub("#", text), []).append((run, text))
    return [Cause(rows[0][1], tuple(run for run, _ in rows)) for rows in found.values()]
