"""p-values of scipy.stats for one pair of samples or many at once: samples lie along the last axis, simulations along the others.

One rule decides between exact and asymptotic for single comparisons and for power simulations alike. It is R's: exact where both samples have fewer than
50 values and no two are equal, else the normal approximation with corrections for ties and continuity.
"""

from __future__ import annotations

from math import comb
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError

EXACT_BELOW = 50  # R's wilcox.test: exact p-values for samples of fewer than 50
METHODS = ("auto", "exact", "asymptotic")
MOST_PERMUTATIONS = 200_000


class PValues(NamedTuple):
    """Statistic, two-sided p-value (NaN where the test is undefined) and the method in words, over the leading axes of the samples."""

    statistic: NDArray[np.float64]
    p: NDArray[np.float64]
    method: str


def mann_whitney(first: NDArray[Any], second: NDArray[Any], *, method: str = "auto") -> PValues:
    """Mann-Whitney U of the second sample (the number of pairs in which the second value is the larger one, ties counting half).

    ``method = "exact"`` enumerates all arrangements where values are equal. Samples whose values are all equal have no p-value (NaN).
    """
    from scipy.stats import mannwhitneyu

    together = np.concatenate([first, second], axis=-1)
    tied, constant = _tied(together), np.ptp(together, axis=-1) == 0.0
    n1, n2 = first.shape[-1], second.shape[-1]
    exact = ~tied & (method != "asymptotic") & (method == "exact" or max(n1, n2) < EXACT_BELOW)
    listed = tied & ~constant & (method == "exact")
    found = mannwhitneyu(second, first, axis=-1, method="asymptotic")
    statistic, p = np.asarray(found.statistic, float), np.array(found.pvalue, float)
    if exact.any():
        p[exact] = mannwhitneyu(second[exact], first[exact], axis=-1, method="exact").pvalue
    if listed.any():
        p[listed] = mannwhitneyu(second[listed], first[listed], axis=-1, method=_every_arrangement(comb(n1 + n2, n1))).pvalue
    p[constant] = np.nan
    return PValues(statistic, p, _said(exact, listed, "scipy.stats.mannwhitneyu"))


def wilcoxon_signed_rank(first: NDArray[Any], second: NDArray[Any], *, method: str = "auto") -> PValues:
    """Wilcoxon's signed-rank test of the differences second - first; the statistic V is the rank sum of the positive differences.

    Differences of zero are left out before ranking (Wilcoxon's way, and R's).
    """
    from scipy.stats import wilcoxon

    d = second - first
    n = d.shape[-1]
    tied, constant = _tied(np.abs(d)) | (d == 0.0).any(axis=-1), (d == 0.0).all(axis=-1)
    exact = ~tied & (method != "asymptotic") & (method == "exact" or n < EXACT_BELOW)
    listed = tied & ~constant & (method == "exact")
    usable = np.where(constant[..., None], 1.0, d)
    found = wilcoxon(usable, axis=-1, method="asymptotic", correction=True, alternative="greater")
    statistic = np.where(constant, np.nan, found.statistic)
    p = np.array(wilcoxon(usable, axis=-1, method="asymptotic", correction=True).pvalue, float)
    if exact.any():
        p[exact] = wilcoxon(d[exact], axis=-1, method="exact").pvalue
    if listed.any():
        p[listed] = [wilcoxon(row[row != 0.0], method=_every_arrangement(2 ** int((row != 0.0).sum()))).pvalue for row in d[listed]]
    p[constant] = np.nan
    return PValues(statistic, p, _said(exact, listed, "scipy.stats.wilcoxon"))


def welch_t(first: NDArray[Any], second: NDArray[Any]) -> PValues:
    """Welch's t of second - first, variances not assumed equal."""
    from scipy.stats import ttest_ind

    defined = (np.ptp(first, axis=-1) > 0.0) | (np.ptp(second, axis=-1) > 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = ttest_ind(_spread(second, defined), _spread(first, defined), axis=-1, equal_var=False)
    return _where(defined, found.statistic, found.pvalue, "Welch's t, scipy.stats.ttest_ind")


def paired_t(first: NDArray[Any], second: NDArray[Any]) -> PValues:
    """Student's t of the differences second - first."""
    from scipy.stats import ttest_1samp

    d = second - first
    defined = np.ptp(d, axis=-1) > 0.0
    found = ttest_1samp(_spread(d, defined), 0.0, axis=-1)
    return _where(defined, found.statistic, found.pvalue, "Student's t of the differences, scipy.stats.ttest_1samp")


def fisher_exact(first: NDArray[Any], second: NDArray[Any], limit: float) -> PValues:
    """Fisher's exact test on the numbers of values above ``limit``; the statistic is the difference of the fractions, second - first."""
    n1, n2 = first.shape[-1], second.shape[-1]
    k1, k2 = (first > limit).sum(axis=-1), (second > limit).sum(axis=-1)
    return PValues(np.asarray(k2 / n2 - k1 / n1), fisher_counts(k1, n1, k2, n2), "exact, scipy.stats.fisher_exact")


def fisher_counts(k1: ArrayLike, n1: int, k2: ArrayLike, n2: int) -> NDArray[np.float64]:
    """Two-sided p of Fisher's exact test for k1 of n1 and k2 of n2 responders, of the shape of the counts; each pair of counts is tested once."""
    from scipy.stats import fisher_exact as exact

    counts = np.stack([k1, k2], axis=-1)
    different, which = np.unique(counts.reshape(-1, 2), axis=0, return_inverse=True)
    p = np.array([exact([[b, n2 - b], [a, n1 - a]]).pvalue for a, b in different])
    return p[which].reshape(counts.shape[:-1])


def _tied(values: NDArray[Any]) -> NDArray[np.bool_]:
    return (np.diff(np.sort(values, axis=-1), axis=-1) == 0.0).any(axis=-1)


def _spread(values: NDArray[Any], defined: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The values, with a harmless sample in place of each one whose test is undefined, so that the library has nothing to warn of."""
    return np.where(np.asarray(defined)[..., None], values, np.arange(values.shape[-1]))


def _where(defined: NDArray[np.bool_], statistic: Any, p: Any, method: str) -> PValues:
    return PValues(np.where(defined, statistic, np.nan), np.where(defined, p, np.nan), method)


def _every_arrangement(count: int) -> Any:
    from scipy.stats import PermutationMethod

    if count > MOST_PERMUTATIONS:
        raise ParameterError(
            f"an exact p-value of samples with equal values takes {count} arrangements, more than {MOST_PERMUTATIONS}; use method = 'asymptotic' or 'auto'",
            name="method",
        )
    return PermutationMethod(n_resamples=np.inf)


def _said(exact: NDArray[np.bool_], listed: NDArray[np.bool_], library: str) -> str:
    kinds = [
        text
        for text, some in (
            ("exact", exact.any()),
            ("exact over all arrangements of the tied values", listed.any()),
            ("asymptotic, corrected for ties and continuity", not (exact | listed).all()),
        )
        if some
    ]
    return f"{' or '.join(kinds)}, {library}"
