"""One comparison of groups at one unit of analysis: test, p-value, numbers of values, effect sizes, and what has to be said.

The tests are those of scipy.stats, statsmodels and scikit-posthocs; nothing here is a statistic of our own. ``unit = "cell"`` treats cells of one donor as
independent, as is common in the field and wrong where donors differ; ``unit = "donor"`` aggregates each donor's cells first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from . import p_values
from .cell_table import UNITS, CellTable, Sample, check_choice, check_limit, check_share
from .effects import Bootstrap, Effect, effects_of
from .mixed import fit_mixed
from .packages import needed

PAIRED_TESTS = ("wilcoxon", "paired_t")
TESTS = ("mann_whitney", "welch_t", "wilcoxon", "paired_t", "fisher", "mixed_model", "kruskal_wallis")
CORRECTIONS = ("holm", "bonferroni", "fdr_bh")


@dataclass(frozen=True)
class Comparison:
    """What a test said: two-sided ``p`` (``corrected_p`` after ``correction`` where one was made), ``n`` values by group at the unit used.

    ``left_out`` counts cells whose runs failed, ``notes`` is what has to be said beside the p-value, and ``problem`` says
    why p is NaN. ``effects`` describe the second group against the first.
    """

    test: str
    unit: str
    groups: tuple[str, ...]
    statistic: float
    p: float
    method: str
    n: Mapping[str, int]
    effects: tuple[Effect, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    problem: str = ""
    corrected_p: float = math.nan
    correction: str = ""

    def effect(self, name: str) -> Effect:
        """The effect size of that name; raises :class:`ParameterError` with the names there are."""
        found = {e.name: e for e in self.effects}
        if name not in found:
            raise ParameterError(f"got effect {name!r}; {self.test} has {', '.join(found) or 'none'}", name="name")
        return found[name]

    def row(self) -> dict[str, Any]:
        """Columns for a table or a result file: plain numbers and words."""
        plain = {key: getattr(self, key) for key in ("test", "unit", "statistic", "p", "corrected_p", "correction", "method", "problem")}
        effects = {e.name: e.value for e in self.effects}
        bounds = {f"{e.name}_{side}": getattr(e, side) for e in self.effects for side in ("low", "high")}
        n = " + ".join(str(self.n[g]) for g in self.groups)
        lost, notes = sum(self.left_out.values()), "; ".join(self.notes)
        return {"groups": " / ".join(self.groups), **plain, "n": n, "left_out": lost, **effects, **bounds, "notes": notes}


def compare(
    table: CellTable,
    groups: Sequence[str] | None = None,
    *,
    test: str,
    unit: str,
    aggregate: str = "mean",
    method: str = "auto",
    detection_limit: float | None = None,
    scale: str = "linear",
    reference: str = "t",
    rng: np.random.Generator | None = None,
    bootstrap: Bootstrap | None = None,
) -> Comparison:
    """Compare groups of a table by one of :data:`TESTS` with ``unit`` "cell" or "donor"; the first group is the reference of effect sizes.

    ``aggregate`` ("mean", "median") is how a donor's cells become one value. ``method`` ("auto", "exact", "asymptotic") is that of the rank tests;
    "auto" is R's rule, see :mod:`nkcell_sim.analysis.p_values`. ``detection_limit`` (unit of the value) is what a responder of Fisher's test
    exceeds. ``scale`` ("linear", "log") and ``reference`` ("t", "normal") are those of the mixed model, see :func:`fit_mixed`; its unit is "cell".
    With ``rng`` effect sizes get bootstrap intervals, and only then. Raises :class:`ParameterError` for input that has no answer.
    """
    check_choice("test", test, TESTS)
    check_choice("unit", unit, UNITS)
    check_choice("method", method, p_values.METHODS)
    names = table.chosen(groups, least=2, most=None if test == "kruskal_wallis" else 2)
    how = bootstrap or Bootstrap()
    if test == "kruskal_wallis":
        return kruskal_wallis(table, names, unit=unit, aggregate=aggregate)
    if test == "mixed_model":
        if unit != "cell":
            raise ParameterError("a mixed model takes cells within donors; use unit = 'cell'", name="unit")
        return _mixed(table, names, scale, reference, how.level)
    first, second = (table.sample(g, unit=unit, aggregate=aggregate) for g in names)
    if test in PAIRED_TESTS:
        return _paired(table, first, second, test, method, rng, how)
    return _independent(table, first, second, test, method, detection_limit, rng, how)


def _independent(table: CellTable, first: Sample, second: Sample, test: str, method: str, limit: float | None, rng: Any, how: Bootstrap) -> Comparison:
    a, b = first.value, second.value
    more: tuple[Effect, ...] = ()
    if test == "fisher":
        threshold = check_limit(limit)
        found, more = p_values.fisher_exact(a, b, threshold), _responders(a, b, threshold, how.level)
    else:
        _check_spread(a, b)
        if test == "welch_t" and min(len(a), len(b)) < 2:
            raise ParameterError(f"Welch's t needs two values a group; got {len(a)} and {len(b)} at unit {first.unit!r}", name="groups")
        found = p_values.mann_whitney(a, b, method=method) if test == "mann_whitney" else p_values.welch_t(a, b)
    donors = (first.donor, second.donor) if first.unit == "cell" and first.donor is not None and second.donor is not None else None
    effects = more or effects_of(a, b, paired=False, unit=table.unit, rng=rng, bootstrap=how, donors=donors)
    return _comparison(test, first, second, found, effects, [*_pseudo_replication(first, second), *_same_persons(first, second)])


def _paired(table: CellTable, first: Sample, second: Sample, test: str, method: str, rng: Any, how: Bootstrap) -> Comparison:
    if first.unit == "cell":
        raise ParameterError(f"{test} compares the two arms of a donor, and cells of two arms are different cells; use unit = 'donor'", name="unit")
    a, b, alone = paired_values(first, second)
    _check_spread(b - a, constant=0.0 if test == "wilcoxon" else None, what="differences")
    found = p_values.wilcoxon_signed_rank(a, b, method=method) if test == "wilcoxon" else p_values.paired_t(a, b)
    effects = effects_of(a, b, paired=True, unit=table.unit, rng=rng, bootstrap=how)
    by = "pairs" if first.pair is not None else "donors"
    notes = [f"{len(alone)} {by} in one group only were left out: {', '.join(alone)}"] if alone else []
    return _comparison(test, first, second, found, effects, notes, n=len(a))


def paired_values(first: Sample, second: Sample) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Values of donors (or pairs) that are in both samples, in one order, and the labels that are in one only."""
    values = [dict(zip(s.keys().tolist(), s.value.tolist(), strict=True)) for s in (first, second)]
    for sample, by_key in zip((first, second), values, strict=True):
        if len(by_key) < len(sample.value):
            raise ParameterError(f"group {sample.group!r} has two donors in one pair; a pair has one donor a group", name="pair")
    both = [k for k in values[0] if k in values[1]]
    if len(both) < 2:
        raise ParameterError(
            f"{len(both)} donors are in both {first.group!r} and {second.group!r}; a paired test needs at least two: give arms of one donor the same label",
            name="donor",
        )
    alone = sorted(set(values[0]) ^ set(values[1]))
    return np.array([values[0][k] for k in both]), np.array([values[1][k] for k in both]), alone


def _mixed(table: CellTable, names: tuple[str, ...], scale: str, reference: str, level: float) -> Comparison:
    fit = fit_mixed(table, (names[0], names[1]), scale=scale, reference=reference, level=level)
    first, second = (table.sample(g, unit="cell") for g in names)
    law = "Wald z" if math.isinf(fit.df) else f"t on {fit.df:g} degrees of freedom"
    method = f"{law}, {'log scale, ' if scale == 'log' else ''}REML, statsmodels MixedLM"
    if scale == "log":
        effect = Effect("ratio_of_geometric_means", math.exp(fit.estimate), math.exp(fit.low), math.exp(fit.high), "1", level, law)
    else:
        effect = Effect("difference_of_means", fit.estimate, fit.low, fit.high, table.unit, level, law)
    donors = " + ".join(str(len(table.within(g))) for g in names)
    notes = [f"cells of {donors} donors", *(f"statsmodels: {w}" for w in fit.warnings)]
    found = p_values.PValues(np.asarray(fit.statistic), np.asarray(fit.p), method)
    return _comparison("mixed_model", first, second, found, (effect,), notes, problem=fit.problem)


def kruskal_wallis(table: CellTable, groups: Sequence[str] | None = None, *, unit: str, aggregate: str = "mean") -> Comparison:
    """Kruskal-Wallis H of two or more groups, chi-squared approximation with tie correction (scipy.stats.kruskal)."""
    from scipy.stats import kruskal

    names = table.chosen(groups)
    samples = [table.sample(g, unit=unit, aggregate=aggregate) for g in names]
    _check_spread(*(s.value for s in samples))
    found = kruskal(*(s.value for s in samples))
    return Comparison(
        "kruskal_wallis", unit, names, float(found.statistic), float(found.pvalue), "asymptotic (chi-squared), corrected for ties, scipy.stats.kruskal",
        {s.group: len(s.value) for s in samples}, (), {s.group: s.lost_cells for s in samples}, tuple(_said_of(samples, _pseudo_replication(*samples))),
    )  # fmt: skip


def _responders(a: NDArray[Any], b: NDArray[Any], limit: float, level: float) -> tuple[Effect, ...]:
    """Difference of the responding fractions (Newcombe's interval) and conditional odds ratio (exact interval)."""
    from scipy.stats.contingency import odds_ratio

    k1, k2 = int((a > limit).sum()), int((b > limit).sum())
    ratio = odds_ratio([[k2, len(b) - k2], [k1, len(a) - k1]], kind="conditional")
    bounds = ratio.confidence_interval(confidence_level=level)
    proportion = needed("statsmodels.stats.proportion", "the interval of a difference of fractions")
    low, high = proportion.confint_proportions_2indep(k2, len(b), k1, len(a), method="newcomb", compare="diff", alpha=1.0 - level)
    return (
        Effect("difference_of_fractions", k2 / len(b) - k1 / len(a), float(low), float(high), "1", level, "Newcombe"),
        Effect("odds_ratio", float(ratio.statistic), float(bounds.low), float(bounds.high), "1", level, "exact conditional"),
        Effect("responders_first", float(k1), math.nan, math.nan, "1", level, ""),
        Effect("responders_second", float(k2), math.nan, math.nan, "1", level, ""),
    )


def _comparison(
    test: str, first: Sample, second: Sample, found: p_values.PValues, effects: tuple[Effect, ...], notes: list[str], *, n: int = 0, problem: str = ""
) -> Comparison:
    samples = (first, second)
    p = float(found.p)
    counts = {s.group: n or len(s.value) for s in samples}
    lost = {s.group: s.lost_cells for s in samples}
    why = problem or ("" if math.isfinite(p) else "the test is not defined for these values")
    return Comparison(
        test, first.unit, tuple(counts), float(found.statistic), p, found.method, counts, effects, lost, tuple(_said_of(samples, notes)), why
    )  # fmt: skip


def _said_of(samples: Sequence[Sample], notes: list[str]) -> list[str]:
    said = []
    for s in samples:
        if s.lost_cells:
            gone = f", {s.lost_donors} donors with them" if s.lost_donors else ""
            said.append(f"{s.lost_cells} cells of {s.group} without a value were left out{gone}")
    return [*said, *notes]


def _pseudo_replication(*samples: Sample) -> list[str]:
    if samples[0].unit != "cell" or any(s.donor is None for s in samples):
        return []
    donors = [len(set(s.donor.tolist())) for s in samples if s.donor is not None]
    if all(d == len(s.value) for d, s in zip(donors, samples, strict=True)):
        return []
    return [f"cells of {' + '.join(map(str, donors))} donors are counted as independent"]


def _same_persons(first: Sample, second: Sample) -> list[str]:
    if first.donor is None or second.donor is None:
        return []
    both = set(first.donor) & set(second.donor)
    return [f"{len(both)} donors are in both groups; a paired test uses that"] if both else []


def _check_spread(*values: NDArray[Any], constant: float | None = None, what: str = "values") -> None:
    together = np.concatenate(values)
    if np.ptp(together) == 0.0 and (constant is None or together[0] == constant):
        raise ParameterError(f"all {len(together)} {what} are {together[0]:g}; a test needs {what} that differ", name="value")


def corrected(p: Sequence[float] | NDArray[np.float64], method: str = "holm", *, alpha: float = 0.05) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Corrected p-values and which are below ``alpha`` (statsmodels multipletests); NaN p-values stay NaN and do not count as tests."""
    check_choice("correction", method, CORRECTIONS)
    check_share("alpha", alpha)
    given = np.asarray(p, dtype=float)
    good = np.isfinite(given)
    if ((given[good] < 0.0) | (given[good] > 1.0)).any():
        raise ParameterError(f"got p-values from {given[good].min():g} to {given[good].max():g}; expected 0 to 1, NaN for a test without one", name="p")
    result, below = np.full(given.shape, np.nan), np.zeros(given.shape, dtype=bool)
    if good.any():
        multitest = needed("statsmodels.stats.multitest", "a correction for multiple comparisons")
        below[good], result[good] = multitest.multipletests(given[good], alpha=alpha, method=method)[:2]
    return result, below
