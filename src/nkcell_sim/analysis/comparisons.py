"""Many comparisons at once: Dunn's pairs after Kruskal-Wallis, and the field's usual tests at both units side by side."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from ..errors import ParameterError
from .cell_table import CellTable, check_choice
from .comparison_rows import p_text
from .effects import Bootstrap, effects_of
from .packages import needed
from .statistics import CORRECTIONS, PAIRED_TESTS, Comparison, compare, corrected, kruskal_wallis

# What a paper of this field would run, at the units at which each makes sense.
USUAL = (
    ("mann_whitney", "cell"),
    ("mann_whitney", "donor"),
    ("welch_t", "cell"),
    ("welch_t", "donor"),
    ("wilcoxon", "donor"),
    ("paired_t", "donor"),
    ("fisher", "cell"),
    ("fisher", "donor"),
    ("mixed_model", "cell"),
)


def dunn(
    table: CellTable,
    groups: Sequence[str] | None = None,
    *,
    unit: str,
    aggregate: str = "mean",
    correction: str = "holm",
    rng: np.random.Generator | None = None,
    bootstrap: Bootstrap | None = None,
) -> tuple[Comparison, ...]:
    """Kruskal-Wallis first, then Dunn's z of every pair with raw and corrected p (scikit_posthocs; Dunn 1964, DOI 10.1080/00401706.1964.10490181).

    The statistic is \\|z\\| = Phi^-1(1 - p/2) of the raw p. Raises :class:`ParameterError` for fewer than three groups.
    """
    check_choice("correction", correction, CORRECTIONS)
    names = table.chosen(groups, least=3)
    overall = kruskal_wallis(table, names, unit=unit, aggregate=aggregate)
    samples = {g: table.sample(g, unit=unit, aggregate=aggregate) for g in names}
    posthocs = needed("scikit_posthocs", "Dunn's test")
    raw = np.asarray(posthocs.posthoc_dunn([samples[g].value for g in names], sort=False))
    pairs = list(combinations(range(len(names)), 2))
    p = np.array([raw[i, j] for i, j in pairs])
    found = [overall]
    for (i, j), one, many in zip(pairs, p, corrected(p, correction)[0], strict=True):
        a, b = samples[names[i]], samples[names[j]]
        donors = (a.donor, b.donor) if unit == "cell" and a.donor is not None and b.donor is not None else None
        effects = effects_of(a.value, b.value, paired=False, unit=table.unit, rng=rng, bootstrap=bootstrap or Bootstrap(), donors=donors)
        counts, lost = ({s.group: x for s, x in ((a, u), (b, v))} for u, v in ((len(a.value), len(b.value)), (a.lost_cells, b.lost_cells)))
        found.append(
            Comparison(
                "dunn", unit, (names[i], names[j]), abs_z(one), float(one), "asymptotic (normal), corrected for ties, scikit_posthocs.posthoc_dunn",
                counts, effects, lost, overall.notes, "", float(many), f"{correction} over {len(pairs)} pairs",
            )
        )  # fmt: skip
    return tuple(found)


def abs_z(p: float) -> float:
    """The absolute standard normal value of a two-sided p-value."""
    from scipy.stats import norm

    return float(norm.isf(p / 2.0))


@dataclass(frozen=True)
class ComparisonTable:
    """Comparisons of a table with p-values corrected over the pairs of each test and unit."""

    name: str
    comparisons: tuple[Comparison, ...]
    correction: str

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a comparison, for a result file or a data frame."""
        return [c.row() for c in self.comparisons]

    def find(self, test: str, unit: str, groups: Sequence[str] | None = None) -> Comparison:
        """The comparison of that test and unit (and groups, where there are several)."""
        found = [c for c in self.comparisons if (c.test, c.unit) == (test, unit) and (groups is None or c.groups == tuple(groups))]
        if len(found) != 1:
            there = ", ".join(f"{c.test} of {'/'.join(c.groups)} by {c.unit}" for c in self.comparisons)
            raise ParameterError(f"{len(found)} comparisons are {test!r} by {unit!r}; there are {there}", name="test")
        return found[0]

    def as_text(self, *, width: int = 150) -> str:
        """The table as plain text, with the notes below."""
        lines = [f"{'groups':<28}{'test':<16}{'unit':<7}{'n':>10}{'p':>12}{'corrected':>12}  first effect size"]
        notes: dict[str, None] = {}
        for c in self.comparisons:
            n = " + ".join(str(c.n[g]) for g in c.groups)
            first = f"{c.effects[0].name} {c.effects[0].value:.3g}" if c.effects else ""
            lines.append(f"{' / '.join(c.groups):<28}{c.test:<16}{c.unit:<7}{n:>10}{p_text(c.p):>12}{p_text(c.corrected_p):>12}  {c.problem or first}")
            notes.update({f"{' / '.join(c.groups)}: {text}": None for text in c.notes})
        for text in notes:
            lines += textwrap.wrap(text, width=width, initial_indent="  ", subsequent_indent="    ")
        return "\n".join(lines)


def comparison_table(
    table: CellTable,
    groups: Sequence[str] | None = None,
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    correction: str = "holm",
    aggregate: str = "mean",
    detection_limit: float | None = None,
    scale: str = "linear",
    rng: np.random.Generator | None = None,
    bootstrap: Bootstrap | None = None,
) -> ComparisonTable:
    """The field's usual tests of every pair of groups (or of ``pairs``) at cell and donor level side by side.

    Paired tests are run for pairs that share donors, Fisher's test where a ``detection_limit`` is given, Kruskal-Wallis with Dunn for three
    groups and more. Each test's p-values at each unit are corrected over its pairs. A test that has no answer for a pair
    (a single donor, constant values, a fit that failed) is a row with its problem and NaN p: it never costs the others.
    """
    check_choice("correction", correction, CORRECTIONS)
    names = table.chosen(groups)
    wanted = [table.chosen(p, least=2, most=2) for p in (combinations(names, 2) if pairs is None else pairs)]
    seed = None if rng is None else int(rng.integers(2**63))  # every test of a pair at a unit then draws the same resamples
    options: dict[str, Any] = {"aggregate": aggregate, "bootstrap": bootstrap}
    found: list[Comparison] = []
    for test, unit in USUAL:
        if (table.donor is None and (unit == "donor" or test == "mixed_model")) or (test == "fisher" and detection_limit is None):
            continue
        fitting = [p for p in wanted if test not in PAIRED_TESTS or _shares(table, p)]
        family = [_tried(table, p, test, unit, {**options, "rng": _generator(seed), "scale": scale, "detection_limit": detection_limit}) for p in fitting]
        values = corrected([c.p for c in family], correction)[0]
        said = f"{correction} over {int(np.isfinite(values).sum())} pairs"
        found += [replace(c, corrected_p=float(p), correction=said) for c, p in zip(family, values, strict=True)]
    if len(names) > 2:
        for unit in ("cell",) if table.donor is None else ("cell", "donor"):
            found += _all_together(table, names, unit, correction, {**options, "rng": _generator(seed)})
    return ComparisonTable(table.name, tuple(found), correction)


def _generator(seed: int | None) -> np.random.Generator | None:
    return None if seed is None else np.random.Generator(np.random.Philox(seed))


def _shares(table: CellTable, pair: tuple[str, ...]) -> bool:
    if table.pair is not None:
        return True
    there = [set(table.donors()[table.group == g]) for g in pair]
    return bool(there[0] & there[1])


def _tried(table: CellTable, pair: tuple[str, ...], test: str, unit: str, options: dict[str, Any]) -> Comparison:
    try:
        return compare(table, pair, test=test, unit=unit, **options)
    except ParameterError as error:
        return _failed(table, pair, test, unit, str(error))


def _failed(table: CellTable, groups: tuple[str, ...], test: str, unit: str, problem: str) -> Comparison:
    inside = {g: (table.group == g) & np.isfinite(table.value) for g in groups}
    n = {g: int(m.sum()) if unit == "cell" else len(set(table.donors()[m])) for g, m in inside.items()}
    return Comparison(test, unit, groups, math.nan, math.nan, "", n, problem=problem)


def _all_together(table: CellTable, names: tuple[str, ...], unit: str, correction: str, options: dict[str, Any]) -> list[Comparison]:
    try:
        return list(dunn(table, names, unit=unit, correction=correction, **options))
    except ParameterError as error:
        return [_failed(table, names, "kruskal_wallis", unit, str(error))]
