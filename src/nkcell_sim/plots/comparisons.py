"""Brackets of significance: taken from the results' own table of comparisons, never computed here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..analysis.comparison_rows import TEST_WORDS, Row, is_corrected, p_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results import Results

# Tests that a bracket names, at each unit of analysis the first that has an answer; a paired test comes first where donors are paired.
ORDER = {"cell": ("mann_whitney", "dunn", "welch_t"), "donor": ("wilcoxon", "mann_whitney", "paired_t", "dunn", "welch_t")}
MOST = 4  # brackets over one group of bars


@dataclass(frozen=True)
class Bracket:
    """p-values of one pair of conditions at the cell and at the donor as unit of analysis; NaN where the table has none."""

    first: str
    second: str
    cell: float
    donor: float
    tests: tuple[str, ...]
    corrected: bool

    def __str__(self) -> str:
        parts = [f"{what} {p_text(p)}" for what, p in (("cells", self.cell), ("donors", self.donor)) if math.isfinite(p)]
        return ", ".join(parts)


def p_text(p: float) -> str:
    """A p-value for a figure or a table: two digits, never 0, a dash where there is none."""
    if not math.isfinite(p):
        return "–"
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}" if p < 0.995 else "p = 1"


def brackets_of(results: Results, experiment: str, feature: str, names: Sequence[str]) -> list[Bracket]:
    """Comparisons of pairs of these conditions in the table "statistics" of the results; empty without that table."""
    rows = [r for r in results.table("statistics") if r.get("feature") == f"{experiment}.{feature}"]
    found = []
    for j in range(1, len(names)):
        for i in range(j):
            bracket = _bracket([r for r in rows if set(_pair(r)) == {names[i], names[j]}], names[i], names[j])
            if bracket is not None:
                found.append(bracket)
    return sorted(found, key=lambda b: names.index(b.second) - names.index(b.first))[:MOST]


def _pair(row: Row) -> tuple[str, ...]:
    return tuple(str(row.get("groups", "")).split(" / "))


def _bracket(rows: Sequence[Row], first: str, second: str) -> Bracket | None:
    best = {unit: _best(rows, unit) for unit in ORDER}
    chosen = [row for row in best.values() if row is not None]
    if not chosen:
        return None
    p = {unit: math.nan if row is None else p_of(row) for unit, row in best.items()}
    tests = tuple(dict.fromkeys(f"{TEST_WORDS.get(str(r['test']), str(r['test']))} ({r['unit']}s)" for r in chosen))
    return Bracket(first, second, p["cell"], p["donor"], tests, any(is_corrected(r) for r in chosen))


def _best(rows: Sequence[Row], unit: str) -> Row | None:
    for test in ORDER[unit]:
        for row in rows:
            if row.get("unit") == unit and row.get("test") == test and math.isfinite(p_of(row)):
                return row
    return None


def draw_brackets(ax: Axes, brackets: Sequence[Bracket], x: Mapping[str, float], top: float, step: float) -> float:
    """Brackets between the bars at ``x`` (by condition), from height ``top`` in steps [data units]; returns the height above the last one."""
    y = top
    for bracket in brackets:
        left, right = sorted((x[bracket.first], x[bracket.second]))
        ax.plot([left, left, right, right], [y, y + 0.25 * step, y + 0.25 * step, y], color="#333333", lw=0.8, clip_on=False)
        ax.text(0.5 * (left + right), y + 0.3 * step, str(bracket), ha="center", va="bottom", fontsize=6.5, color="#333333")
        y += step
    return y
