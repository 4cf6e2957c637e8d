"""Comparisons of groups against hand-worked samples and against the published answers of R's own examples."""

from __future__ import annotations

import itertools
import math
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nkcell_sim.analysis.cell_table import CellTable
from nkcell_sim.analysis.comparisons import dunn
from nkcell_sim.analysis.effects import Bootstrap
from nkcell_sim.analysis.mixed import fit_mixed
from nkcell_sim.analysis.statistics import TESTS, compare, corrected
from nkcell_sim.errors import MissingPackageError, ParameterError

NAN = math.nan


def table(first, second, **options) -> CellTable:
    """Two groups "a" and "b" whose cells are donors of their own, the same labels in both."""
    donors = [f"d{i}" for i in range(len(first))] + [f"d{i}" for i in range(len(second))]
    return CellTable([*first, *second], ["a"] * len(first) + ["b"] * len(second), donors, **options)


def nested(values: np.ndarray, second: np.ndarray) -> CellTable:
    """Donors by rows and cells by columns, two groups of different donors."""
    rows = [(g, d, v) for g, matrix in (("a", values), ("b", second)) for d, row in enumerate(matrix) for v in row]
    group, donor, value = zip(*rows, strict=True)
    return CellTable.nested(value, group, donor)


# -- published answers ------------------------------------------------------------------------------------------------------
# R 4 documentation: ?sleep and ?t.test (Student's sleep data), ?wilcox.test (depression and permeability data of Hollander & Wolfe 1973, and airquality),
# ?kruskal.test (mucociliary data of Hollander & Wolfe 1973), ?fisher.test (Fisher's tea drinker); Zar, Biostatistical Analysis, ex. 10.10 (flies).

SLEEP = ([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
DEPRESSION = ([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30], [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
PERMEABILITY = ([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46], [1.15, 0.88, 0.90, 0.74, 1.21])
MAY = [41, 36, 12, 18, NAN, 28, 23, 19, 8, NAN, 7, 16, 11, 14, 18, 14, 34, 6, 30, 11, 1, 11, 4, 32, NAN, NAN, NAN, 23, 45, 115, 37]
AUGUST = [39, 9, 16, 78, 35, 66, 122, 89, 110, NAN, NAN, 44, 28, 65, NAN, 22, 59, 23, 31, 44, 21, 9, NAN, 45, 168, 73, NAN, 76, 118, 84, 85]
MUCOCILIARY = ([2.9, 3.0, 2.5, 2.6, 3.2], [3.8, 2.7, 4.0, 2.4], [2.8, 3.4, 3.7, 2.2, 2.0])
FLIES = ([14.0, 12.1, 9.6, 8.2, 10.2], [8.4, 5.1, 5.5, 6.6, 6.3], [6.9, 7.3, 5.8, 4.1, 5.4])


def test_paired_t_of_the_sleep_data_is_that_of_r() -> None:
    found = compare(table(*SLEEP), test="paired_t", unit="donor")
    assert -found.statistic == pytest.approx(-4.0621, abs=5e-5)
    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert found.n == {"a": 10, "b": 10}


def test_welch_t_of_the_sleep_data_is_that_of_r() -> None:
    found = compare(table(*SLEEP), test="welch_t", unit="donor")
    assert -found.statistic == pytest.approx(-1.8608, abs=5e-5)
    assert found.p == pytest.approx(0.07939, abs=5e-6)


def test_signed_rank_of_the_depression_data_is_that_of_r() -> None:
    found = compare(table(DEPRESSION[1], DEPRESSION[0]), test="wilcoxon", unit="donor")
    assert found.statistic == 40.0
    assert found.p == pytest.approx(2 * 0.01953, abs=1e-5)  # R's example is one-sided
    assert "exact" in found.method


def test_rank_sum_of_the_permeability_data_is_that_of_r() -> None:
    found = compare(table(PERMEABILITY[1], PERMEABILITY[0]), test="mann_whitney", unit="donor")
    assert found.statistic == 35.0
    assert found.p == pytest.approx(2 * 0.1272, abs=1e-4)  # R's example is one-sided


def test_rank_sum_of_ozone_with_ties_and_missing_days_is_that_of_r() -> None:
    found = compare(table(AUGUST, MAY), test="mann_whitney", unit="cell")
    assert found.statistic == 127.5
    assert found.p == pytest.approx(0.0001208, abs=5e-8)
    assert "asymptotic" in found.method
    assert found.left_out == {"a": 5, "b": 5}
    assert "5 cells of a without a value were left out" in " ".join(found.notes)


def test_kruskal_wallis_of_the_mucociliary_data_is_that_of_r() -> None:
    value, group = zip(*((v, f"g{k}") for k, values in enumerate(MUCOCILIARY) for v in values), strict=True)
    found = compare(CellTable(value, group), test="kruskal_wallis", unit="cell")
    assert found.statistic == pytest.approx(0.77143, abs=5e-6)
    assert found.p == pytest.approx(0.68, abs=5e-3)


def test_fisher_of_the_tea_drinker_is_that_of_r() -> None:
    found = compare(table([1, 1, 1, 0], [1, 0, 0, 0]), test="fisher", unit="donor", detection_limit=0.5)
    assert found.p == pytest.approx(0.4857, abs=5e-5)
    swapped = compare(table([1, 0, 0, 0], [1, 1, 1, 0]), test="fisher", unit="donor", detection_limit=0.5)
    # R finds the estimate and its lower bound by root search to about four digits
    assert swapped.effect("odds_ratio").value == pytest.approx(6.408309, rel=1e-4)
    assert swapped.effect("odds_ratio").low == pytest.approx(0.2117329, rel=1e-4)


# -- worked by hand -----------------------------------------------------------------------------------------------------------


def test_u_counts_the_pairs_in_which_the_second_value_is_larger() -> None:
    # 1.1 and 2.2 against 1.7, 2.7, 3.1: 1.1 is below all three, 2.2 below two: U = 5 of 6 pairs.
    found = compare(table([1.1, 2.2], [1.7, 2.7, 3.1]), test="mann_whitney", unit="cell")
    assert found.statistic == 5.0
    # 10 arrangements; U = 5 or more, and as far below the middle, have 1 + 1 each side: p = 4 / 10.
    assert found.p == pytest.approx(0.4)
    assert found.effect("cliffs_delta").value == pytest.approx(2 * 5 / 6 - 1)
    # differences 0.6, 1.6, 2.0, -0.5, 0.5, 0.9: median (0.6 + 0.9) / 2
    assert found.effect("shift").value == pytest.approx(0.75)
    assert found.effect("ratio_of_medians").value == pytest.approx(2.7 / 1.65)


def test_exact_rank_sum_with_ties_goes_through_all_arrangements() -> None:
    first, second = [0.0, 0.0, 1.0, 2.0], [0.0, 2.0, 3.0, 3.0, 5.0]
    found = compare(table(first, second), test="mann_whitney", unit="cell", method="exact")
    together = np.array(first + second)
    ranks = stats.rankdata(together)
    sums = np.array([ranks[list(c)].sum() for c in itertools.combinations(range(9), 4)])
    here = ranks[:4].sum()
    # scipy doubles the smaller tail
    assert found.p == pytest.approx(min(1.0, 2 * min((sums <= here).mean(), (sums >= here).mean())))
    assert "arrangements" in found.method


@pytest.mark.parametrize("ties", [False, True])
def test_exact_signed_rank_goes_through_all_signs(ties: bool) -> None:
    d = np.array([2.0, -1.0, 3.0, 4.0, 4.0 if ties else 5.0, -2.0 if ties else -0.5])
    found = compare(table(np.zeros(6), d), test="wilcoxon", unit="donor", method="exact")
    ranks = stats.rankdata(np.abs(d))
    sums = np.array([ranks[np.array(s) > 0].sum() for s in itertools.product((-1, 1), repeat=6)])
    v = ranks[d > 0].sum()
    assert found.statistic == v
    assert found.p == pytest.approx(min(1.0, 2 * min((sums >= v).mean(), (sums <= v).mean())))


def test_fisher_is_the_hypergeometric_sum() -> None:
    # 7 of 8 against 2 of 9 responders: tables of the same margins that are no likelier.
    found = compare(table([1] * 7 + [0], [1] * 2 + [0] * 7), test="fisher", unit="cell", detection_limit=0.0)
    law = [math.comb(8, k) * math.comb(9, 9 - k) / math.comb(17, 9) for k in range(9)]
    assert found.p == pytest.approx(sum(q for q in law if q <= law[7] * (1 + 1e-9)))
    assert found.effect("difference_of_fractions").value == pytest.approx(2 / 9 - 7 / 8)
    assert (found.effect("responders_first").value, found.effect("responders_second").value) == (7.0, 2.0)


def test_hedges_g_of_two_small_samples() -> None:
    # means 2 and 5, both variances 1, 4 degrees of freedom: (5 - 2) / 1 x (1 - 3 / 15)
    found = compare(table([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), test="welch_t", unit="cell")
    assert found.effect("hedges_g").value == pytest.approx(2.4)


def test_paired_effects_of_a_small_sample() -> None:
    # differences 1, 2, -3, 0: ranks 1, 2, 3 of the others; up 3, down 3. Walsh averages -3 -1.5 -1 -0.5 0 0.5 0.5 1 1.5 2
    found = compare(table([1.0, 1.0, 9.0, 4.0], [2.0, 3.0, 6.0, 4.0]), test="wilcoxon", unit="donor")
    assert found.effect("rank_biserial").value == pytest.approx(0.0)
    assert found.effect("shift").value == pytest.approx(0.25)


def test_the_donor_level_tests_one_value_a_donor() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(5, 4)), rng.normal(1.0, size=(6, 3))
    for aggregate, reduce in (("mean", np.mean), ("median", np.median)):
        found = compare(nested(a, b), test="welch_t", unit="donor", aggregate=aggregate)
        plain = stats.ttest_ind(reduce(b, axis=1), reduce(a, axis=1), equal_var=False)
        assert (found.statistic, found.p) == pytest.approx((plain.statistic, plain.pvalue))
        assert found.n == {"a": 5, "b": 6}
    by_cell = compare(nested(a, b), test="welch_t", unit="cell")
    assert by_cell.n == {"a": 20, "b": 18}
    assert "cells of 5 + 6 donors are counted as independent" in by_cell.notes


def test_paired_tests_take_donors_that_are_in_both_arms() -> None:
    cells = CellTable([1.0, 2.0, 3.0, 9.0, 2.0, 4.0, 5.0, 7.0], ["a"] * 4 + ["b"] * 4, ["p", "q", "r", "only a", "r", "p", "q", "only b"])
    found = compare(cells, test="paired_t", unit="donor")
    plain = stats.ttest_rel([4.0, 5.0, 2.0], [1.0, 2.0, 3.0])
    assert (found.statistic, found.p, found.n["a"]) == pytest.approx((plain.statistic, plain.pvalue, 3))
    assert "2 donors in one group only were left out: only a, only b" in found.notes
    assert "3 donors are in both groups; a paired test uses that" in compare(cells, test="welch_t", unit="donor").notes


def test_matched_pairs_of_different_persons_are_joined_by_their_label() -> None:
    cells = CellTable([1.0, 2.0, 4.0, 6.0, 4.0, 9.0], ["a"] * 3 + ["b"] * 3, list("uvwxyz"), pair=["1", "2", "3", "2", "1", "3"])
    found = compare(cells, test="paired_t", unit="donor")
    assert found.statistic == pytest.approx(stats.ttest_1samp([3.0, 4.0, 5.0], 0.0).statistic)


# -- mixed model ------------------------------------------------------------------------------------------------------------------


def test_mixed_model_of_balanced_data_is_the_analysis_of_variance() -> None:
    rng = np.random.default_rng(11)
    a, b = (rng.normal(mean, 1.0, size=(6, 1)) + rng.normal(size=(6, 5)) for mean in (0.0, 1.0))
    found = fit_mixed(nested(a, b), ("a", "b"))
    t = stats.ttest_ind(b.mean(axis=1), a.mean(axis=1))
    within = np.concatenate([a, b]).var(axis=1, ddof=1).mean()
    between = 5.0 * (a.mean(axis=1).var(ddof=1) + b.mean(axis=1).var(ddof=1)) / 2.0
    # the optimiser of statsmodels stops at a gradient that leaves three digits or more
    assert found.estimate == pytest.approx(b.mean() - a.mean(), rel=1e-6)
    assert (found.statistic, found.df) == pytest.approx((t.statistic, 10), rel=2e-3)
    assert found.p == pytest.approx(t.pvalue, rel=2e-2)
    assert (found.cell_variance, found.donor_variance) == pytest.approx((within, (between - within) / 5.0), rel=5e-3)


def test_a_mixed_model_without_a_standard_error_says_so_and_warns_nobody() -> None:
    """Few donors: the curvature of the likelihood at its optimum is not negative definite, so that statsmodels takes the root of a negative variance."""
    value = np.array([2.47, 1.56, 0.58, 1.79, 1.44, 1.34, 1.03, 1.73, 0.48, 0.85, 0.62])
    table = CellTable.nested(value, ["a"] * 6 + ["b"] * 5, [1, 1, 1, 2, 2, 2, 3, 4, 5, 5, 5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = fit_mixed(table, ("a", "b"))
    assert "no finite standard error" in fit.problem
    assert all(math.isnan(v) for v in (fit.estimate, fit.low, fit.high, fit.p)), "a fit that failed has no estimate to read"
    assert any("sqrt" in said for said in fit.warnings)


def test_mixed_model_of_two_arms_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(2)
    donor, arm = rng.normal(size=(7, 1, 1)), 0.7 * rng.normal(size=(7, 2, 1))
    x = 3e-12 * (donor + arm + 0.5 * rng.normal(size=(7, 2, 6)) + np.array([0.0, 0.6])[:, None])  # small numbers, as currents in ampere
    rows = [(x[d, g, c], "ab"[g], f"d{d}") for d in range(7) for g in range(2) for c in range(6)]
    value, group, donors = zip(*rows, strict=True)
    found = compare(CellTable(value, group, donors), test="mixed_model", unit="cell")
    t = stats.ttest_rel(x.mean(axis=2)[:, 1], x.mean(axis=2)[:, 0])
    assert (found.statistic, found.p) == pytest.approx((t.statistic, t.pvalue), rel=1e-2)
    assert "t on 6 degrees of freedom" in found.method


def test_mixed_model_on_the_log_scale_gives_a_ratio() -> None:
    rng = np.random.default_rng(4)
    a = np.exp(rng.normal(size=(6, 1)) * 0.3 + rng.normal(size=(6, 4)) * 0.2)
    b = 0.5 * np.exp(rng.normal(size=(6, 1)) * 0.3 + rng.normal(size=(6, 4)) * 0.2)
    found = compare(nested(a, b), test="mixed_model", unit="cell", scale="log")
    effect = found.effect("ratio_of_geometric_means")
    assert effect.value == pytest.approx(math.exp(np.log(b).mean() - np.log(a).mean()), rel=1e-6)
    assert effect.low < effect.value < effect.high


def test_a_fit_that_fails_is_a_result_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM

    def broken(*_: object, **__: object) -> None:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(MixedLM, "fit", broken)
    found = compare(nested(np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3) ** 2), test="mixed_model", unit="cell")
    assert math.isnan(found.p)
    assert "Singular matrix" in found.problem


def test_warnings_of_the_fit_are_kept_as_notes() -> None:
    # Donors with the same mean have no variance of their own: the estimate lies on the boundary, which statsmodels warns of.
    x = np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0], [1.0, 0.0, 2.0]])
    found = compare(nested(x, x + np.array([0.1, 0.0, -0.1])), test="mixed_model", unit="cell")
    assert any("boundary" in n or "singular" in n for n in found.notes)


# -- corrections, intervals, invariances ---------------------------------------------------------------------------------------------


def test_corrections_worked_by_hand() -> None:
    p = [0.01, 0.04, 0.03, NAN]
    assert corrected(p, "bonferroni")[0][:3] == pytest.approx([0.03, 0.12, 0.09])
    assert corrected(p, "holm")[0][:3] == pytest.approx([0.03, 0.06, 0.06])
    assert corrected(p, "fdr_bh")[0][:3] == pytest.approx([0.03, 0.04, 0.04])
    assert math.isnan(corrected(p)[0][3])
    assert corrected(p, "holm", alpha=0.05)[1].tolist() == [True, False, False, False]


def test_intervals_come_from_the_generator_alone() -> None:
    rng = np.random.default_rng(1)
    cells = nested(rng.lognormal(size=(6, 4)), rng.lognormal(size=(6, 4)))
    first, second = (compare(cells, test="mann_whitney", unit="cell", rng=np.random.default_rng(7)).effects for _ in range(2))
    assert first == second
    assert all(math.isnan(e.low) for e in compare(cells, test="mann_whitney", unit="cell").effects)


def test_intervals_of_cells_are_wider_when_donors_differ() -> None:
    """Cells of a donor are alike: resampling donors first shows the uncertainty that resampling cells hides."""
    rng = np.random.default_rng(3)
    a, b = (rng.normal(size=(8, 1)) + 0.2 * rng.normal(size=(8, 6)) for _ in range(2))
    known = compare(nested(a, b), test="mann_whitney", unit="cell", rng=np.random.default_rng(0)).effect("shift")
    unknown = compare(CellTable([*a.ravel(), *b.ravel()], ["a"] * 48 + ["b"] * 48), test="mann_whitney", unit="cell", rng=np.random.default_rng(0))
    assert "donors, then cells" in known.interval
    # design effect 1 + 5 x 0.96: intervals 2.4 times as wide for many donors; half of it is asked for with 8
    assert known.high - known.low > 1.2 * (unknown.effect("shift").high - unknown.effect("shift").low)


def test_bootstrap_interval_of_the_donors_covers_the_truth() -> None:
    """Percentile intervals of eight donors cover less than they promise: between 80 and 97 % for 95 % here (binomial error of 200: 2 %)."""
    rng = np.random.default_rng(12)
    hits = 0
    for _ in range(200):
        a, b = rng.normal(size=8), rng.normal(1.0, size=8)
        e = compare(table(a, b), test="welch_t", unit="donor", rng=rng, bootstrap=Bootstrap(resamples=400)).effect("shift")
        hits += e.low <= 1.0 <= e.high
    assert 0.80 < hits / 200 < 0.97


values = st.lists(st.integers(-20, 20).map(float), min_size=3, max_size=9)


@settings(max_examples=40, deadline=None)
@given(values, values)
def test_exchanging_the_groups_turns_the_effect_round_and_keeps_p(a: list[float], b: list[float]) -> None:
    if len({*a, *b}) < 2:
        return
    one, other = (compare(table(*pair), test="mann_whitney", unit="cell") for pair in ((a, b), (b, a)))
    assert one.p == pytest.approx(other.p)
    assert one.effect("cliffs_delta").value == pytest.approx(-other.effect("cliffs_delta").value)
    assert one.effect("shift").value == pytest.approx(-other.effect("shift").value)


@settings(max_examples=40, deadline=None)
@given(values, values)
def test_rank_tests_see_order_only(a: list[float], b: list[float]) -> None:
    if len({*a, *b}) < 2:
        return
    plain = compare(table(a, b), test="mann_whitney", unit="cell")
    bent = compare(table(np.exp(np.array(a) / 10), np.exp(np.array(b) / 10)), test="mann_whitney", unit="cell")
    assert (plain.statistic, plain.p) == pytest.approx((bent.statistic, bent.p))


# -- bad input --------------------------------------------------------------------------------------------------------------------------

CELLS = nested(np.arange(6.0).reshape(3, 2), np.arange(6.0).reshape(3, 2) + 1.5)
ONE_DONOR = nested(np.arange(4.0).reshape(1, 4), np.arange(4.0).reshape(2, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare(CELLS, ["a", "c"], test="welch_t", unit="cell"), r"got group 'c'; the table has 'a', 'b'"),
        (lambda: compare(CELLS, ["a", "a"], test="welch_t", unit="cell"), "named twice"),
        (lambda: compare(CELLS, "ab", test="welch_t", unit="cell"), "expected a list of group labels"),
        (lambda: compare(CELLS, ["a"], test="welch_t", unit="cell"), r"got 1 groups \(a\); expected 2"),
        (lambda: compare(CELLS, test="anova", unit="cell"), "expected one of mann_whitney"),
        (lambda: compare(CELLS, test="welch_t", unit="patient"), "expected one of cell, donor"),
        (lambda: compare(CELLS, test="welch_t", unit="donor", aggregate="sum"), "expected one of mean, median"),
        (lambda: compare(table([1.0, 2.0], [NAN, NAN]), test="welch_t", unit="cell"), r"group 'b' has no values \(all its 2 cells failed\)"),
        (lambda: compare(CellTable([1.0, 2.0], ["a", "b"]), test="welch_t", unit="donor"), "no donor labels"),
        (lambda: compare(table([3.0, 3.0], [3.0, 3.0]), test="mann_whitney", unit="cell"), "all 4 values are 3"),
        (lambda: compare(table([1.0, 2.0], [1.0, 2.0]), test="wilcoxon", unit="donor"), "all 2 differences are 0"),
        (lambda: compare(table([1.0, 2.0], [3.0, 4.0]), test="paired_t", unit="donor"), "all 2 differences are 2"),
        (lambda: compare(CELLS, test="wilcoxon", unit="donor"), "0 donors are in both"),
        (lambda: compare(CELLS, test="paired_t", unit="cell"), "use unit = 'donor'"),
        (lambda: compare(CELLS, test="fisher", unit="cell"), "no detection limit was given"),
        (lambda: compare(CELLS, test="fisher", unit="cell", detection_limit=-1.0), r"got detection_limit = -1.0; expected a number from 0"),
        (lambda: compare(ONE_DONOR, test="mixed_model", unit="cell"), "group 'a' has one donor"),
        (lambda: compare(CELLS, test="mixed_model", unit="donor"), "use unit = 'cell'"),
        (lambda: compare(table([1.0, 2.0], [1.0, 3.0]), test="mixed_model", unit="cell"), "no donor has two cells"),
        (lambda: compare(CELLS, test="mixed_model", unit="cell", scale="log"), "1 values are zero or negative"),
        (lambda: compare(table(range(60), range(60)), test="mann_whitney", unit="cell", method="exact"), "use method = 'asymptotic'"),
        (lambda: compare(CELLS, test="welch_t", unit="cell").effect("eta"), "got effect 'eta'"),
        (lambda: corrected([0.1], "tukey"), "expected one of holm"),
        (lambda: corrected([1.1]), "expected 0 to 1"),
        (lambda: corrected([0.1], alpha=1.0), "got alpha = 1.0; expected a number between 0 and 1"),
        (lambda: Bootstrap(level=95), "got level = 95; expected a number between 0 and 1"),
        (lambda: CellTable([], []), "not empty"),
        (lambda: CellTable(["x"], ["a"]), "not numbers"),
        (lambda: CellTable([math.inf], ["a"]), "1 infinite values"),
        (lambda: CellTable([1.0, 2.0], ["a"]), "got 1 group labels for 2 values"),
        (lambda: CellTable([1.0, 2.0], ["a", "a"], ["d", "d"], pair=["1", "2"]).sample("a", unit="donor"), "in 2 pairs"),
    ],
)
def test_bad_input_says_what_was_given_and_what_is_expected(call, message) -> None:
    with pytest.raises(ParameterError, match=message):
        call()


def test_dunn_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scikit_posthocs", None)
    with pytest.raises(MissingPackageError, match=r"Dunn's test needs scikit-posthocs: pip install scikit-posthocs"):
        dunn(CellTable([1.0, 2.0, 3.0], list("abc")), unit="cell")


@pytest.mark.parametrize("test", ["mixed_model", "fisher"])
def test_a_missing_package_says_how_to_get_it(test: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [m for m in sys.modules if m.partition(".")[0] == "statsmodels"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    assert test in TESTS
    with pytest.raises(MissingPackageError, match="needs statsmodels: pip install statsmodels"):
        compare(CELLS, test=test, unit="cell", detection_limit=1.0)
