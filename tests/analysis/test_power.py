"""Simulated power and false positives against closed forms: noncentral t, design effect, attainable levels of ranks."""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower

from nkcell_sim.analysis.cell_table import CellTable
from nkcell_sim.analysis.deductions import attainable_level
from nkcell_sim.analysis.hierarchy import Bank, Design
from nkcell_sim.analysis.power import BOTH_UNITS, Analysis, Share, donors_needed, inflated_level, p_of, power, power_alone, power_curve, resampled_power
from nkcell_sim.analysis.questions import cells_of
from nkcell_sim.analysis.statistics import compare
from nkcell_sim.analysis.variance import variance_components
from nkcell_sim.errors import ParameterError

from ..cohort_results import dose_results

LOG_T = Analysis("welch_t", "donor", scale="log")
RANKS = Analysis("mann_whitney", "donor")
CELL_RANKS = Analysis("mann_whitney", "cell")
STUDY = Design(donors=8, cells=6, ratio=0.49, donor_cv=0.6, cell_cv=0.5, measurement_cv=0.2)


def z_of(share: Share, expected: float) -> float:
    """Standard errors between a simulated rate and the expected one."""
    return (share.value - expected) / math.sqrt(expected * (1.0 - expected) / share.experiments)


# -- closed forms ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("donors", "ratio"), [(20, 0.7), (12, 0.5)])
def test_power_of_the_donor_level_t_is_that_of_the_noncentral_t(donors: int, ratio: float) -> None:
    """On the log scale donor means are normal, variance s_donor^2 + (s_cell^2 + s_rig^2) / cells; equal variances and numbers make Welch's t Student's."""
    design = replace(STUDY, donors=donors, ratio=ratio)
    s_donor, s_cell, s_rig = design.log_sds
    sd = math.sqrt(s_donor**2 + (s_cell**2 + s_rig**2) / design.cells)
    expected = TTestIndPower().power(effect_size=abs(math.log(ratio)) / sd, nobs1=donors, alpha=0.05)
    found = power(design, [LOG_T], seed=1, experiments=4000).of(LOG_T)
    # Welch's estimated degrees of freedom cost up to 0.005 of power at 12 donors: less than one standard error here
    assert abs(z_of(found.power, expected)) < 3
    assert abs(z_of(found.false_positives, 0.05)) < 3


def test_power_of_the_paired_t_is_that_of_the_noncentral_t() -> None:
    """Donors drop out of the differences: variance s_response^2 + 2 (s_cell^2 + s_rig^2) / cells."""
    design = Design(donors=8, cells=6, ratio=1.6, donor_cv=0.9, cell_cv=0.5, measurement_cv=0.2, paired=True, response_cv=0.4)
    _, s_cell, s_rig = design.log_sds
    sd = math.sqrt(math.log1p(0.4**2) + 2 * (s_cell**2 + s_rig**2) / 6)
    analysis = Analysis("paired_t", "donor", scale="log")
    found = power(design, [analysis], seed=2, experiments=4000).of(analysis)
    assert abs(z_of(found.power, TTestPower().power(effect_size=math.log(1.6) / sd, nobs=8, alpha=0.05))) < 3
    assert abs(z_of(found.false_positives, 0.05)) < 3


@pytest.mark.parametrize("cells", [2, 6, 12])
def test_cells_counted_as_independent_give_false_positives_by_the_design_effect(cells: int) -> None:
    """2 Phi(-1.96 / sqrt(1 + (m - 1) ICC)) for many donors; 60 donors leave less than one standard error of it."""
    design = replace(STUDY, donors=60, cells=cells, ratio=1.0)
    analysis = Analysis("welch_t", "cell", scale="log")
    found = power(design, [analysis], seed=3, experiments=2000).of(analysis).false_positives
    expected = inflated_level(design.icc, cells)
    assert expected == pytest.approx(2 * stats.norm.sf(1.959964 / math.sqrt(1 + (cells - 1) * design.icc)), rel=1e-6)
    assert abs(z_of(found, expected)) < 3


@pytest.mark.parametrize(("donors", "alpha"), [(5, 0.05), (8, 0.05), (4, 0.03), ((4, 7), 0.05)])
def test_the_rank_test_of_donors_has_its_exact_attainable_level(donors: int | tuple[int, int], alpha: float) -> None:
    found = power(replace(STUDY, donors=donors), [RANKS], seed=4, alpha=alpha, experiments=4000).of(RANKS).false_positives
    expected = attainable_level(*(donors if isinstance(donors, tuple) else (donors, donors)), alpha=alpha)
    assert abs(z_of(found, expected)) < 3


def test_three_donors_a_group_can_never_be_significant() -> None:
    """The smallest exact p of 3 + 3 is 0.1, whatever the effect and the cells."""
    found = power(replace(STUDY, donors=3, ratio=0.01, cells=50), BOTH_UNITS, seed=5, experiments=200)
    assert found.of(RANKS).power.hits == 0
    assert found.of(CELL_RANKS).power.value > 0.9


def test_one_cell_a_donor_makes_both_units_the_same() -> None:
    found = power(replace(STUDY, cells=1), BOTH_UNITS, seed=6, experiments=500)
    assert found.of(RANKS).power == found.of(CELL_RANKS).power


def test_mixed_model_keeps_its_level_where_cells_do_not() -> None:
    mixed = Analysis("mixed_model", "cell", scale="log")
    found = power(replace(STUDY, donors=6, cells=4), [mixed, CELL_RANKS], seed=7, experiments=400, mixed_experiments=60)
    assert found.of(mixed).power.experiments == 60
    assert abs(z_of(found.of(mixed).false_positives, 0.05)) < 3
    assert z_of(found.of(CELL_RANKS).false_positives, 0.05) > 5


# -- the generating model ------------------------------------------------------------------------------------------------------------


def test_simulated_cells_have_the_variances_of_the_design() -> None:
    design = replace(STUDY, donors=400)
    first, second = design.draw(np.random.default_rng(1), 1)
    value = np.concatenate([first.ravel(), second.ravel()])
    donor = np.repeat(np.arange(400), 6)
    found = variance_components(CellTable.nested(value, np.repeat(["a", "b"], 2400), np.concatenate([donor, donor])), scale="log")
    s_donor, s_cell, s_rig = design.log_sds
    rest = s_cell**2 + s_rig**2
    assert abs(found.cell - rest) < 3 * rest * math.sqrt(2 / 4000)
    assert abs(found.donor - s_donor**2) < 3 * (s_donor**2 + rest / 6) * math.sqrt(2 / 798)
    # median of 2400 correlated cells: variance of a lognormal median with 400 donors, pi/2 (s_donor^2 + rest) / 400 at most
    error = math.sqrt(math.pi / 2 * (s_donor**2 + rest) / 400)
    assert abs(math.log(np.median(second) / np.median(first)) - math.log(0.49)) < 3 * math.sqrt(2) * error


@pytest.mark.parametrize(("ratio", "effect_on", "expected"), [(0.4, "number", math.exp(-2.6 * 0.4)), (0.4, "current", math.exp(-2.6))])
def test_counted_channels_leave_cells_without_any(ratio: float, effect_on: str, expected: float) -> None:
    """Science brief integration.md, T14: with 2.6 channels 7 % of healthy cells have none and 35 % if their number falls to 0.40."""
    design = Design(donors=100, cells=50, ratio=ratio, donor_cv=0.0, cell_cv=0.0, channels=2.6, effect_on=effect_on)
    first, second = design.draw(np.random.default_rng(2), 1)
    for values, share in ((first, math.exp(-2.6)), (second, expected)):
        assert abs((values == 0.0).mean() - share) < 3 * math.sqrt(share * (1 - share) / 5000)
    assert second.mean() / first.mean() == pytest.approx(ratio, rel=0.1)


def test_a_detection_limit_turns_cells_without_channels_into_a_count() -> None:
    """Fisher on cells: the p of one simulated experiment is that of its own counts."""
    design = Design(donors=5, cells=8, ratio=0.4, donor_cv=0.2, cell_cv=0.2, channels=2.6)
    analysis = Analysis("fisher", "cell", detection_limit=0.2)
    first, second = design.draw(np.random.default_rng(3), 5)
    for i, p in enumerate(p_of(analysis, first, second, paired=False)):
        k1, k2 = int((first[i] > 0.2).sum()), int((second[i] > 0.2).sum())
        assert p == pytest.approx(stats.fisher_exact([[k1, 40 - k1], [k2, 40 - k2]]).pvalue)


@pytest.mark.parametrize(
    "analysis",
    [RANKS, CELL_RANKS, LOG_T, Analysis("welch_t", "cell"), Analysis("fisher", "cell", detection_limit=0.7), replace(RANKS, aggregate="median")],
    ids=lambda a: f"{a.test}-{a.unit}-{a.scale}-{a.aggregate}",
)
def test_power_and_compare_run_the_same_test(analysis: Analysis) -> None:
    first, second = replace(STUDY, donors=(5, 6)).draw(np.random.default_rng(4), 3)
    for i, p in enumerate(p_of(analysis, first, second, paired=False)):
        a, b = (np.log(x[i]) if analysis.scale == "log" else x[i] for x in (first, second))
        donor = [f"{g}{d}" for g, x in (("a", a), ("b", b)) for d in range(len(x)) for _ in range(6)]
        cells = CellTable([*a.ravel(), *b.ravel()], ["a"] * a.size + ["b"] * b.size, donor)
        single = compare(cells, test=analysis.test, unit=analysis.unit, aggregate=analysis.aggregate, detection_limit=analysis.detection_limit)
        assert p == pytest.approx(single.p)


def test_experiments_without_a_p_value_are_counted_and_not_significant() -> None:
    """One cell each and 0.05 channels: nearly always all cells are empty, and there is nothing to compare."""
    found = power(Design(donors=3, cells=1, ratio=1.0, donor_cv=0.0, cell_cv=0.0, channels=0.05), [CELL_RANKS], seed=8, experiments=300)
    share = found.rates[0].power
    expected = math.exp(-0.05 * 6)
    assert abs(share.undefined / 300 - expected) < 3 * math.sqrt(expected * (1 - expected) / 300)
    assert share.hits == 0


# -- streams and workers --------------------------------------------------------------------------------------------------------------

SMALL = {"cells": (2, 5), "seed": 9, "experiments": 60}


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_one_and_two_workers_give_the_same_numbers(pool) -> None:
    alone = power_curve(STUDY, donors=(4, 6, 9), **SMALL)
    for workers in (1, 2):
        with pool(workers) as executor:
            assert power_curve(STUDY, donors=(4, 6, 9), executor=executor, **SMALL) == alone


def test_a_point_does_not_depend_on_the_other_points() -> None:
    assert power_curve(STUDY, donors=(9, 4), **SMALL).at(9, 5) == power_curve(STUDY, donors=(9,), **SMALL).at(9, 5)
    assert power_curve(STUDY, donors=(9,), **SMALL).at(9, 5) == power(replace(STUDY, donors=9, cells=5), seed=9, experiments=60)


def test_seeds_and_designs_have_streams_of_their_own() -> None:
    one = power(STUDY, seed=1, experiments=300)
    assert one.rates == power(replace(STUDY, donors=(8, 8)), seed=1, experiments=300).rates  # the same design in other words
    assert one.rates != power(STUDY, seed=2, experiments=300).rates


def test_rows_of_a_curve_hold_every_point_and_interval() -> None:
    curve = power_curve(STUDY, donors=(4, 6), **SMALL)
    rows = curve.rows()
    assert len(rows) == 2 * 2 * 2
    assert {(r["donors"], r["cells"]) for r in rows} == {(4, 2), (6, 2), (4, 5), (6, 5)}
    assert all(r["power_low"] <= r["power"] <= r["power_high"] and r["power_experiments"] == 60 for r in rows)
    assert curve.over_donors(RANKS, cells=5)[1] == curve.at(6, 5).of(RANKS)


def test_intervals_are_wilsons() -> None:
    """Wilson 1927: (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)."""
    share = power(STUDY, [RANKS], seed=1, experiments=150).rates[0].power
    p, n, z = share.value, share.experiments, 1.959963985
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (share.low, share.high) == pytest.approx([(p + z**2 / (2 * n) + s * half) / (1 + z**2 / n) for s in (-1, 1)])


# -- how many donors --------------------------------------------------------------------------------------------------------------------


def test_the_power_of_one_analysis_alone_is_that_beside_others() -> None:
    together = power(STUDY, [RANKS, LOG_T], seed=9, experiments=200)
    assert power_alone(STUDY, LOG_T, seed=9, experiments=200) == together.of(LOG_T).power


def test_donors_needed_agrees_with_the_noncentral_t() -> None:
    s_donor, s_cell, s_rig = STUDY.log_sds
    sd = math.sqrt(s_donor**2 + (s_cell**2 + s_rig**2) / STUDY.cells)
    exact = math.ceil(TTestIndPower().solve_power(effect_size=abs(math.log(STUDY.ratio)) / sd, power=0.8, alpha=0.05))
    found = donors_needed(STUDY, LOG_T, power=0.8, seed=10, experiments=2000, most=60)
    assert found.low is not None
    assert found.high is not None
    # the Monte-Carlo bracket, and Welch's degrees of freedom that cost up to one donor
    assert found.low - 1 <= exact <= found.high + 1
    assert found.low <= found.donors <= found.high
    assert found.false_positives is not None
    assert abs(z_of(found.false_positives, 0.05)) < 3


def test_too_few_donors_are_said_and_not_guessed() -> None:
    found = donors_needed(replace(STUDY, ratio=0.95), RANKS, seed=11, experiments=200, most=10)
    assert found.donors is None
    assert found.tried[-1][0] == 10


# -- from a bank --------------------------------------------------------------------------------------------------------------------------


def bank(donors: int = 60, ratio: float = 0.49, paired: bool = False) -> CellTable:
    """Simulated donors of an engine's stand-in, with unequal numbers of cells and two failed ones."""
    design = replace(STUDY, donors=donors, cells=12, ratio=ratio, paired=paired)
    first, second = design.draw(np.random.default_rng(21), 1)
    rows = [(f"{g if not paired else 'p'}{d}", g, v) for g, x in (("hc", first[0]), ("me", second[0])) for d, cells in enumerate(x) for v in cells[: 8 + d % 5]]
    donor, group, value = zip(*rows, strict=True)
    return CellTable([math.nan, math.nan, *value[2:]], group, donor)


def even_bank(donors: int = 200, cells: int = 60) -> CellTable:
    """A bank without sampling error: donors and cells at even quantiles of the design's lognormal factors."""
    s_donor, s_cell, s_rig = STUDY.log_sds
    d, c = (stats.norm.ppf((np.arange(n) + 0.5) / n) for n in (donors, cells))
    x = np.exp(s_donor * d[:, None] + math.hypot(s_cell, s_rig) * c[None, :])
    donor = [f"{i}" for i in range(donors) for _ in range(cells)]
    return CellTable.nested([*x.ravel(), *(STUDY.ratio * x).ravel()], np.repeat(["hc", "me"], x.size), donor * 2)


def test_a_bank_gives_the_power_of_the_population_that_it_stands_for() -> None:
    """Even quantiles of 200 donors have 0.5 % less spread than the population, which moves this power by less than 0.01."""
    from_bank = resampled_power(even_bank(), donors=8, cells=6, seed=1, analyses=[RANKS], experiments=4000).of(RANKS)
    known = power(STUDY, [RANKS], seed=1, experiments=4000).of(RANKS)
    assert abs(from_bank.power.value - known.power.value) < 0.01 + 3 * math.sqrt(2 * 0.25 / 4000)


@pytest.mark.parametrize("null", ["first", "pooled"])
def test_donors_drawn_from_one_bank_keep_the_level_of_the_donor_test(null: str) -> None:
    found = resampled_power(bank(), donors=8, cells=6, null=null, seed=2, analyses=[LOG_T, CELL_RANKS], experiments=2000)
    # donors are drawn independently, but Welch's t of a non-normal bank (two clusters where pooled) is only nearly exact
    assert abs(found.of(LOG_T).false_positives.value - 0.05) < 0.01 + 3 * math.sqrt(0.05 * 0.95 / 2000)
    assert z_of(found.of(CELL_RANKS).false_positives, 0.05) > 5


def test_exchanged_arms_keep_the_level_of_the_paired_test() -> None:
    signed = Analysis("wilcoxon", "donor")
    found = resampled_power(bank(paired=True), donors=8, cells=6, paired=True, seed=3, analyses=[signed], experiments=2000).of(signed)
    # attainable level of 8 signs below 0.05: largest exact p is 10/256
    assert abs(z_of(found.false_positives, 10 / 256)) < 3
    assert found.power.value > 0.5


def test_failed_cells_of_a_bank_are_never_drawn_and_are_counted() -> None:
    made = Bank.of(bank(), donors=4, cells=30)
    assert made.left_out == 2
    first, second = made.draw(np.random.default_rng(1), 50)
    assert np.isfinite(first).all()
    assert np.isfinite(second).all()


def test_a_curve_can_be_drawn_from_a_bank() -> None:
    made = Bank.of(bank(), donors=2, cells=1)
    curve = power_curve(made, donors=(4, 12), **SMALL)
    assert curve.at(12, 5).of(RANKS).power.low > curve.at(4, 2).of(RANKS).power.high


# -- bad input --------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: replace(STUDY, donors=0), "got donors = 0; expected a whole number from 1"),
        (lambda: replace(STUDY, cells=0), "got cells = 0; expected a whole number from 1"),
        (lambda: replace(STUDY, cells=2.5), "got cells = 2.5"),
        (lambda: replace(STUDY, donors=(8, 8, 8)), "one for each of the two groups"),
        (lambda: replace(STUDY, ratio=0.0), "got ratio = 0.0; expected a number above 0"),
        (lambda: replace(STUDY, donor_cv=-0.1), "got donor_cv = -0.1; expected a number from 0"),
        (lambda: replace(STUDY, channels=0.0), "mean number of channels"),
        (lambda: replace(STUDY, paired=True, donors=(8, 7)), "the same donors"),
        (lambda: replace(STUDY, response_cv=0.3), "needs paired = True"),
        (lambda: replace(STUDY, effect_on="kinetics"), "expected one of number, current"),
        (lambda: Analysis("wilcoxon", "cell"), "use unit = 'donor'"),
        (lambda: Analysis("mixed_model", "donor"), "use unit = 'cell'"),
        (lambda: Analysis("fisher", "cell"), "no detection limit"),
        (lambda: Analysis("fisher", "cell", detection_limit=-1), "got detection_limit = -1"),
        (lambda: Analysis("t", "cell"), "got test = 't'"),
        (lambda: power(STUDY, [], seed=1), "got no analyses"),
        (lambda: power(STUDY, [RANKS, RANKS], seed=1), "named twice"),
        (lambda: power(STUDY, [Analysis("paired_t", "donor")], seed=1), "arms are of the same donors"),
        (lambda: power(replace(STUDY, channels=2.6), [LOG_T], seed=1), "cells without a channel are zero"),
        (lambda: power(replace(STUDY, donors=1), [LOG_T], seed=1), "got 1 donor in a group"),
        (lambda: power(replace(STUDY, cells=1), [Analysis("mixed_model", "cell")], seed=1), "one cell a donor"),
        (lambda: power(STUDY, seed=1, alpha=1.5), "got alpha = 1.5"),
        (lambda: power(STUDY, seed=-1), "got seed = -1"),
        (lambda: power(STUDY, seed=1, experiments=0), "got experiments = 0"),
        (lambda: power(STUDY, [RANKS], seed=1, experiments=2).of(LOG_T), "was not simulated; there are Mann-Whitney, by donor"),
        (lambda: power_curve(STUDY, donors=(4, 4), cells=(1,), seed=1), "a list of different numbers"),
        (lambda: power_curve(STUDY, donors=(), cells=(1,), seed=1), "a list of different numbers"),
        (lambda: power_curve(STUDY, donors=(4,), cells=(2,), seed=1, experiments=2).at(5, 2), "got 5 donors, 2 cells"),
        (lambda: donors_needed(STUDY, RANKS, seed=1, power=80), "got power = 80"),
        (lambda: donors_needed(STUDY, RANKS, seed=1, least=9, most=8), "less than least"),
        (lambda: resampled_power(bank(), donors=4, cells=2, seed=1, null="second"), "expected one of first, pooled"),
        (lambda: resampled_power(bank(), donors=4, cells=2, seed=1, paired=True), "0 donors with values in both arms"),
        (lambda: resampled_power(bank(1), donors=4, cells=2, seed=1), "1 donors with values in group 'hc'"),
        (lambda: inflated_level(1.2, 6), "got icc = 1.2"),
    ],
)
def test_bad_input_is_refused(call, message) -> None:
    with pytest.raises(ParameterError, match=message):
        call()


def test_points_of_a_grid_are_never_taken_for_cells_of_one_sample() -> None:
    """2 donors x 2 cells at 5 doses are no sample of 20 cells."""
    with pytest.raises(ParameterError, match=r"recorded at 5 values of 'patch\.pregs'"):
        cells_of(dose_results(), "patch.pregs_1_outward")
