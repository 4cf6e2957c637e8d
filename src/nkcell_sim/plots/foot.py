"""The foot of figures with many conditions: what holds of all runs, without a line for every condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..results import Results


@dataclass(frozen=True)
class Foot:
    """Notes for ``new_figure`` in the place of runs."""

    notes: tuple[str, ...]
    warnings: tuple[()] = ()

    @classmethod
    def of(cls, results: Results, *more: str) -> list[Any]:
        """``more`` first, then the notes of experiments, then those of conditions, each text once."""
        runs = list(results.experiments.values())
        cases = tuple(f"{case}: " for r in runs for case in dict.fromkeys(r.cases))
        general = [n for r in runs for n in r.notes if not n.startswith(cases)]
        each = [n.partition(": ")[2] for r in runs for n in r.notes if n.startswith(cases)]
        return [cls(tuple(dict.fromkeys([*more, *general, *each])))]
