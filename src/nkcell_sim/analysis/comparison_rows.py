"""Rows of the table "statistics" as people read them: tests and effect sizes in words, the p-value that counts, a comparison at both units of analysis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]

TEST_WORDS = {
    "mann_whitney": "Mann-Whitney", "wilcoxon": "Wilcoxon signed rank", "welch_t": "Welch's t", "paired_t": "paired t", "dunn": "Dunn",
    "kruskal_wallis": "Kruskal-Wallis", "fisher": "Fisher's exact", "mixed_model": "mixed model",
}  # fmt: skip
# In the order in which one of them is shown.
EFFECT_WORDS = {
    "ratio_of_medians": "ratio of medians", "difference_of_means": "difference of means", "difference_of_fractions": "difference of responders",
    "shift": "shift", "cliffs_delta": "Cliff's delta", "rank_biserial": "rank-biserial r", "hedges_g": "Hedges' g",
}  # fmt: skip


@dataclass(frozen=True)
class ShownEffect:
    """The effect size that stands for a comparison, in words, with its interval; ``low`` and ``high`` are NaN where it has none."""

    words: str
    value: float
    low: float
    high: float

    @property
    def has_interval(self) -> bool:
        """Whether both ends of the interval are finite."""
        return math.isfinite(self.low) and math.isfinite(self.high)


def by_comparison(rows: Sequence[Row]) -> dict[tuple[str, str, str], dict[str, Row]]:
    """Rows by (feature, groups, test) in the table's order, and within these by the unit of analysis."""
    found: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in rows:
        found.setdefault((str(row["feature"]), str(row["groups"]), str(row["test"])), {})[str(row["unit"])] = row
    return found


def p_of(row: Row) -> float:
    """The corrected p-value where there is one, else the raw one; NaN where the test had no answer."""
    corrected = _number(row, "corrected_p")
    return _number(row, "p") if math.isnan(corrected) else corrected


def is_corrected(row: Row) -> bool:
    """Whether :func:`p_of` is a corrected p-value."""
    return not math.isnan(_number(row, "corrected_p"))


def p_text(p: float) -> str:
    """A p-value with two digits, never 0; a dash where there is none."""
    return "-" if math.isnan(p) else "< 1e-15" if p < 1e-15 else f"{p:.2g}"


def effect_of(row: Row) -> ShownEffect | None:
    """The first of :data:`EFFECT_WORDS` that a row has; None where it has none."""
    for name, words in EFFECT_WORDS.items():
        value = _number(row, name)
        if not math.isnan(value):
            return ShownEffect(words, value, _number(row, f"{name}_low"), _number(row, f"{name}_high"))
    return None


def _number(row: Row, name: str) -> float:
    value = row.get(name, math.nan)
    return float(value) if isinstance(value, int | float) else math.nan
