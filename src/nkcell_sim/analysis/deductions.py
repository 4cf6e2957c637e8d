"""What reported p-values say about the unit of analysis: the p-values that few donors can give at all, computed from the tests themselves.

A rank test on n1 + n2 donors has a smallest p-value. A paper that reports a smaller one did not test donors with it. t tests have no
smallest p, so a small p excludes nothing there. Reported values, group sizes and their confidence are those of the abstracts (science brief, sections
2.2 and 3.1); the p-values below are computed here, none is stored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .cell_table import check_choice, check_count, check_share
from .comparisons import abs_z
from .p_values import fisher_counts
from .packages import needed
from .statistics import corrected

RANK_SUM, DUNN, DUNN_RAW, FISHER, SIGNED_RANK, WELCH = "rank_sum", "dunn", "dunn_uncorrected", "fisher", "signed_rank", "welch_t"
TESTS = (RANK_SUM, DUNN, DUNN_RAW, FISHER, SIGNED_RANK, WELCH)
RELATIONS = ("=", "<", ">")
_MOST_ENUMERATED = 30  # donors in all groups together up to which every rank arrangement of Dunn's test is gone through


def rank_sum_p_values(n1: int, n2: int) -> NDArray[np.float64]:
    """All two-sided exact p-values of the rank-sum test of n1 + n2 values without ties, ascending (scipy.stats.mannwhitneyu)."""
    from scipy.stats import mannwhitneyu

    check_count("n1", n1, least=1)
    check_count("n2", n2, least=1)
    arrangements = _arrangements(n1, n2)
    together = np.arange(n1 + n2)
    rest = np.array([np.setdiff1d(together, a) for a in arrangements])
    return np.unique(np.asarray(mannwhitneyu(arrangements, rest, axis=-1, method="exact").pvalue).round(15))


def _arrangements(n1: int, n2: int) -> NDArray[np.intp]:
    """Ranks (from 0) of the first group for every value of U, one arrangement each: the top ranks move up one by one."""
    ranks = np.arange(n1)
    found = [ranks.copy()]
    for i in reversed(range(n1)):
        for _ in range(n2):
            ranks[i] += 1
            found.append(ranks.copy())
    return np.array(found)


def smallest_rank_sum_p(n1: int, n2: int) -> float:
    """Smallest exact two-sided p of a rank-sum test without ties: 2 / C(n1 + n2, n1)."""
    return float(rank_sum_p_values(n1, n2)[0])


def attainable_level(n1: int, n2: int, *, alpha: float = 0.05) -> float:
    """False-positive rate of the exact rank-sum test at ``alpha``: its largest p-value not above alpha, 0 where there is none."""
    check_share("alpha", alpha)
    p = rank_sum_p_values(n1, n2)
    return float(p[p <= alpha].max(initial=0.0))


def smallest_signed_rank_p(n: int) -> float:
    """Smallest exact two-sided p of Wilcoxon's signed-rank test of n pairs, all differences of one sign (scipy.stats.wilcoxon)."""
    from scipy.stats import wilcoxon

    return float(wilcoxon(np.arange(1.0, check_count("n", n, least=1) + 1.0), method="exact").pvalue)


def smallest_fisher_p(n1: int, n2: int) -> float:
    """Smallest two-sided p of Fisher's exact test: all of one group respond, none of the other (scipy.stats.fisher_exact)."""
    return counting_p(check_count("n1", n1, least=1), n1, 0, check_count("n2", n2, least=1))


def counting_p(k1: int, n1: int, k2: int, n2: int) -> float:
    """Two-sided p of Fisher's exact test for k1 of n1 and k2 of n2 responders."""
    if not (0 <= k1 <= n1 and 0 <= k2 <= n2):
        raise ParameterError(f"got {k1} of {n1} and {k2} of {n2} responders; expected counts from 0 to the size of the group", name="k1")
    return float(fisher_counts(k1, n1, k2, n2))


def cells_for_counting_p(p: float, fractions: tuple[float, float], *, most: int = 1000) -> int | None:
    """Cells a group from which on a count of responders, at these expected fractions (rounded), has Fisher p below ``p``; None if ``most`` are too few."""
    check_share("p", p)
    for f in fractions:
        if not 0.0 <= f <= 1.0:
            raise ParameterError(f"got responding fractions {fractions}; expected two numbers from 0 to 1", name="fractions")
    values = [counting_p(round(fractions[0] * n), n, round(fractions[1] * n), n) for n in range(1, check_count("most", most, least=1) + 1)]
    above = np.flatnonzero(np.array(values) >= p)
    last = int(above[-1]) + 1 if above.size else 0
    return last + 1 if last < most else None


@dataclass(frozen=True)
class DunnExtreme:
    """The largest \\|z\\| of Dunn's test for these group sizes, its raw p, and p after Bonferroni over all pairs."""

    z: float
    p: float
    corrected_p: float
    pairs: int


def largest_dunn_z(sizes: Sequence[int]) -> DunnExtreme:
    """The extreme of Dunn's test (scikit_posthocs): two groups hold the lowest and the highest ranks, the others lie between; no ties.

    The best pair of groups is taken. Bonferroni multiplies by the number of pairs, as GraphPad's "multiplicity-adjusted" p does.
    """
    groups = _sizes(sizes, least=3)
    p = min(_dunn_p(groups, i, j) for i, j in combinations(range(len(groups)), 2))
    pairs = math.comb(len(groups), 2)
    many = corrected([p] * pairs, "bonferroni")[0][0]
    return DunnExtreme(abs_z(p), p, float(many), pairs)


def _dunn_p(sizes: Sequence[int], low: int, high: int) -> float:
    order = [low, *(k for k in range(len(sizes)) if k not in (low, high)), high]
    values, start = {}, 0
    for k in order:
        values[k] = np.arange(start, start + sizes[k], dtype=float)
        start += sizes[k]
    posthocs = needed("scikit_posthocs", "Dunn's test")
    return float(np.asarray(posthocs.posthoc_dunn([values[k] for k in range(len(sizes))], sort=False))[low, high])


def dunn_p_values(sizes: Sequence[int], *, pair: tuple[int, int] = (0, 1)) -> NDArray[np.float64]:
    """All raw p-values that Dunn's test of a pair can give for groups of these sizes without ties, ascending.

    z = (mean rank difference) / sqrt(N (N + 1) / 12 (1/n_i + 1/n_j)) (Dunn 1964, DOI 10.1080/00401706.1964.10490181), for every pair of rank sums that
    some arrangement of the N ranks has. Raises :class:`ParameterError` for more than 30 values, where the p-values lie too dense to tell anything.
    """
    from scipy.stats import norm

    groups = _sizes(sizes, least=2)
    total = sum(groups)
    if total > _MOST_ENUMERATED:
        raise ParameterError(f"got {total} values in all groups; arrangements are gone through for up to {_MOST_ENUMERATED}", name="sizes")
    n_i, n_j = groups[pair[0]], groups[pair[1]]
    differences = sorted({abs(n_j * r_i - n_i * r_j) for r_i, r_j in _rank_sums(total, n_i, n_j)}, reverse=True)
    z = np.array(differences) / (n_i * n_j) / math.sqrt(total * (total + 1) / 12.0 * (1.0 / n_i + 1.0 / n_j))
    return np.asarray(2.0 * norm.sf(z))


@cache
def _rank_sums(total: int, n_i: int, n_j: int) -> frozenset[tuple[int, int]]:
    """Rank sums of two groups of n_i and n_j out of ``total`` ranks that occur together."""
    states: dict[tuple[int, int], set[tuple[int, int]]] = {(0, 0): {(0, 0)}}
    for rank in range(1, total + 1):
        new: dict[tuple[int, int], set[tuple[int, int]]] = {k: set(v) for k, v in states.items()}
        for (a, b), sums in states.items():
            if a < n_i:
                new.setdefault((a + 1, b), set()).update((r + rank, s) for r, s in sums)
            if b < n_j:
                new.setdefault((a, b + 1), set()).update((r, s + rank) for r, s in sums)
        states = {(a, b): v for (a, b), v in new.items() if n_i - a + n_j - b <= total - rank}
    return frozenset(states[n_i, n_j])


@dataclass(frozen=True)
class Verdict:
    """Whether a reported p can come from donors: ``possible`` by its size, ``smallest`` p that the test can give (0 where it has none).

    ``attainable`` says whether some arrangement without ties gives a p that rounds to the reported digits; None where that was not asked or is not
    enumerated. Ties and other rounding can move p a little, so a p that is in range but not attainable is a doubt, not a proof.
    """

    possible: bool
    smallest: float
    attainable: bool | None
    reason: str


def possible_at_donor_level(p: float | str, *, test: str, groups: Sequence[int], relation: str = "=") -> Verdict:
    """Can ``test`` on donors, ``groups`` of them, give the reported p?

    ``test``: "rank_sum" (exact Mann-Whitney of the first two groups), "dunn" (Bonferroni over all pairs of at least three groups), "dunn_uncorrected",
    "fisher" (responders among donors), "signed_rank" (pairs: the first number), "welch_t". ``p`` is a number or, to keep its digits, a
    text such as "0.0048"; ``relation`` "<" and ">" are bounds ("p < 0.0001"). Raises :class:`ParameterError`.
    """
    check_choice("test", test, TESTS)
    check_choice("relation", relation, RELATIONS)
    sizes = _sizes(groups, least={DUNN: 3, DUNN_RAW: 3, SIGNED_RANK: 1}.get(test, 2))
    number = _p_value(p)
    donors = " + ".join(str(n) for n in sizes[: {RANK_SUM: 2, FISHER: 2, SIGNED_RANK: 1}.get(test)])
    if test == WELCH:
        return Verdict(True, 0.0, None, "a t test has no smallest p: it depends on the size of the difference, so a small p excludes nothing")
    every, smallest = _attainable(test, sizes)
    largest = 1.0 if every is None else float(every[-1])
    possible = {"<": smallest < number, ">": largest > number, "=": smallest <= number + _half_unit(p)}[relation]
    attainable = _rounds_to(every, p) if relation == "=" and every is not None and possible else None
    least = f"the smallest p of {_WORDS[test]} on {donors} donors is {smallest:.2g}"
    said = f"p {relation} {p}"
    if not possible:
        return Verdict(False, smallest, False if relation == "=" else None, f"{least}, so {said} was not computed from donors by this test")
    doubt = f", but no arrangement without ties gives a p that rounds to {p}" if attainable is False else ""
    return Verdict(True, smallest, attainable, f"{least}; {said} is {'in range' if doubt else 'possible'}{doubt}")


_WORDS = {
    RANK_SUM: "an exact rank-sum test", DUNN: "Dunn's test, Bonferroni-corrected,", DUNN_RAW: "Dunn's test, uncorrected,", FISHER: "Fisher's exact test",
    SIGNED_RANK: "an exact signed-rank test",
}  # fmt: skip


def _attainable(test: str, sizes: tuple[int, ...]) -> tuple[NDArray[np.float64] | None, float]:
    """Every p the test can give (None where not enumerated) and the smallest."""
    if test == RANK_SUM:
        every = rank_sum_p_values(sizes[0], sizes[1])
        return every, float(every[0])
    if test == FISHER:
        every = np.unique([counting_p(a, sizes[0], b, sizes[1]) for a in range(sizes[0] + 1) for b in range(sizes[1] + 1)])
        return every, smallest_fisher_p(sizes[0], sizes[1])
    if test == SIGNED_RANK:
        return None, smallest_signed_rank_p(sizes[0])
    extreme = largest_dunn_z(sizes)
    factor, smallest = (extreme.pairs, extreme.corrected_p) if test == DUNN else (1, extreme.p)
    if sum(sizes) > _MOST_ENUMERATED:
        return None, smallest
    pairs = combinations(range(len(sizes)), 2)
    every = np.unique(np.concatenate([dunn_p_values(sizes, pair=pair) for pair in pairs]))
    return np.minimum(every * factor, 1.0), smallest


def _rounds_to(every: NDArray[np.float64], p: float | str) -> bool:
    return bool((np.abs(every - float(p)) <= _half_unit(p)).any())


def _half_unit(p: float | str) -> float:
    """Half a unit of the last printed digit: how far a p-value may lie from its printed form."""
    text = str(p) if isinstance(p, str) else f"{p:.10f}".rstrip("0")
    return float(0.5 * 10.0 ** -len(text.partition(".")[2]) * (1.0 + 1e-9))


def _p_value(p: float | str) -> float:
    try:
        number = float(p)
    except (TypeError, ValueError):
        number = math.nan
    if not 0.0 < number <= 1.0:
        raise ParameterError(f"got p = {p!r}; expected a number above 0 and at most 1, a bound given with relation='<'", name="p")
    return number


def _sizes(sizes: Sequence[int], *, least: int) -> tuple[int, ...]:
    found = tuple(check_count("groups", n, least=1) for n in sizes)
    if len(found) < least:
        raise ParameterError(f"got groups of {found} donors; this test needs {least} groups or more", name="groups")
    return found


@dataclass(frozen=True)
class Reported:
    """A p-value as an abstract prints it: relation, digits, donors by group, source, and evidence code (all V: confirmed in the abstract)."""

    source: str
    comparison: str
    relation: str
    p: str
    donors: tuple[int, ...]
    doi: str
    evidence: str = "V"


_S22, _EF22, _M26 = "10.1186/s10020-022-00528-y", "10.1186/s12967-022-03297-8", "10.1186/s12865-026-00849-1"
REPORTED = (
    Reported("Sasso et al. 2022", "PregS current, ME/CFS against HC", "=", "0.0048", (5, 5, 5), _S22),
    Reported("Sasso et al. 2022", "PregS amplitude, post-COVID against HC", "=", "0.0039", (5, 5, 5), _S22),
    Reported("Sasso et al. 2022", "PregS current, ME/CFS against post-COVID", ">", "0.9999", (5, 5, 5), _S22),
    Reported("Sasso et al. 2022", "ononetin sensitivity, each patient group against HC", "<", "0.0001", (5, 5, 5), _S22),
    Reported("Eaton-Fitch et al. 2022", "Ca2+ amplitude and half-time, ME/CFS against HC", "<", "0.0001", (10, 10), _EF22),
    Reported("Magawa et al. 2026", "cytosolic amplitude and slope, ME/CFS against HC", "<", "0.001", (10, 10), _M26),
    Reported("Magawa et al. 2026", "cytosolic half-time, ME/CFS against HC", "=", "0.001", (10, 10), _M26),
)


@dataclass(frozen=True)
class Deduction:
    """A reported p-value and the verdict for one test on donors."""

    reported: Reported
    test: str
    verdict: Verdict

    def row(self) -> dict[str, Any]:
        """Columns for a table or a result file."""
        r, v = self.reported, self.verdict
        donors = " + ".join(map(str, r.donors))
        plain = {"source": r.source, "doi": r.doi, "evidence": r.evidence, "comparison": r.comparison, "donors": donors, "reported": f"{r.relation} {r.p}"}
        attainable = "" if v.attainable is None else "yes" if v.attainable else "no"
        return {**plain, "test": self.test, "smallest": v.smallest, "possible": "yes" if v.possible else "no", "attainable": attainable, "reason": v.reason}


def deduction_table(reported: Sequence[Reported] = REPORTED) -> list[Deduction]:
    """Which reported p-values are impossible at donor level: each against the tests that fit its number of groups."""
    found = []
    for r in reported:
        for test in (RANK_SUM, FISHER) if len(r.donors) == 2 else (RANK_SUM, DUNN_RAW, DUNN, FISHER):
            found.append(Deduction(r, test, possible_at_donor_level(r.p, test=test, groups=r.donors, relation=r.relation)))
    return found


def deductions_as_text(table: Sequence[Deduction]) -> str:
    """The table as plain text."""
    lines = [f"{'source':<25}{'donors':<12}{'reported':<11}{'test on donors':<18}{'smallest p':>11}  possible  attained"]
    for d in table:
        r = d.row()
        line = f"{r['source']:<25}{r['donors']:<12}{r['reported']:<11}{r['test']:<18}{r['smallest']:>11.2g}  {r['possible']:<8}  {r['attainable']}"
        lines.append(line.rstrip())
    return "\n".join(lines)
