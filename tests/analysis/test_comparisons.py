"""Dunn's pairs and the table of usual tests at both units of analysis."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from nkcell_sim.analysis.cell_table import CellTable
from nkcell_sim.analysis.comparisons import ComparisonTable, comparison_table, dunn
from nkcell_sim.analysis.effects import Bootstrap
from nkcell_sim.errors import ParameterError

# Zar, Biostatistical Analysis, example 10.10: flies at three heights of vegetation; rank sums 64, 30, 26 and H = 8.720 as printed there.
FLIES = {"herbs": [14.0, 12.1, 9.6, 8.2, 10.2], "shrubs": [8.4, 5.1, 5.5, 6.6, 6.3], "trees": [6.9, 7.3, 5.8, 4.1, 5.4]}


def flies() -> CellTable:
    return CellTable([v for values in FLIES.values() for v in values], [g for g, values in FLIES.items() for _ in values])


def study(seed: int = 3) -> CellTable:
    """HC, patients, and a treated arm of the same patients: 6 donors of 4 cells each, one failed cell."""
    rng = np.random.default_rng(seed)
    healthy, patients = (np.exp(0.4 * rng.normal(size=(6, 1))) for _ in range(2))
    values = [scale * donors * np.exp(0.3 * rng.normal(size=(6, 4))) for scale, donors in ((20, healthy), (8, patients), (19, patients))]
    value = np.concatenate([v.ravel() for v in values])
    value[2] = math.nan
    donor = [f"{who}{d}" for who in "hmm" for d in range(6) for _ in range(4)]
    return CellTable(value, np.repeat(["HC", "ME", "ME + NTX"], 24), donor, name="amplitude", unit="pA/pF")


@pytest.fixture(scope="module")
def compared() -> ComparisonTable:
    """The usual tests of all pairs of the study, which three mixed models make slow."""
    return comparison_table(study(), detection_limit=10.0)


def test_dunn_of_a_published_example_follows_from_its_rank_sums() -> None:
    overall, *pairs = dunn(flies(), unit="cell", correction="bonferroni")
    assert overall.statistic == pytest.approx(8.720, abs=5e-4)
    mean = {"herbs": 64 / 5, "shrubs": 30 / 5, "trees": 26 / 5}
    for c in pairs:
        z = abs(mean[c.groups[0]] - mean[c.groups[1]]) / math.sqrt(15 * 16 / 12 * (2 / 5))
        p = math.erfc(z / math.sqrt(2))
        assert (c.statistic, c.p, c.corrected_p) == pytest.approx((z, p, min(1.0, 3 * p)))


def test_dunn_counts_ties() -> None:
    cells = CellTable([1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 5.0, 5.0], np.repeat(["a", "b", "c"], 3))
    ranks = stats.rankdata(cells.value).reshape(3, 3).mean(axis=1)
    ties = (2**3 - 2) + (3**3 - 3) + (2**3 - 2)
    sigma = math.sqrt((9 * 10 / 12 - ties / (12 * 8)) * 2 / 3)
    found = {c.groups: c for c in dunn(cells, unit="cell")[1:]}
    assert found["a", "c"].statistic == pytest.approx((ranks[2] - ranks[0]) / sigma)


def test_dunn_needs_three_groups() -> None:
    with pytest.raises(ParameterError, match="got 2 groups"):
        dunn(flies(), ["herbs", "trees"], unit="cell")


def test_the_table_holds_both_units_side_by_side(compared: ComparisonTable) -> None:
    found = compared
    assert found.find("mann_whitney", "cell", ("HC", "ME")).n == {"HC": 23, "ME": 24}
    assert found.find("mann_whitney", "donor", ("HC", "ME")).n == {"HC": 6, "ME": 6}
    # paired tests only where arms share donors
    assert [c.groups for c in found.comparisons if c.test == "wilcoxon"] == [("ME", "ME + NTX")]
    assert {c.unit for c in found.comparisons if c.test == "dunn"} == {"cell", "donor"}
    assert len(found.rows()) == len(found.comparisons)
    text = found.as_text()
    assert "cells of 6 + 6 donors are counted as independent" in text
    assert "1 cells of HC without a value were left out" in text


def test_each_tests_p_values_are_corrected_over_its_pairs(compared: ComparisonTable) -> None:
    family = [c for c in compared.comparisons if (c.test, c.unit) == ("welch_t", "donor")]
    ordered = sorted(family, key=lambda c: c.p)
    by_hand = np.minimum(1.0, np.maximum.accumulate([c.p * k for c, k in zip(ordered, (3, 2, 1), strict=True)]))
    assert [c.corrected_p for c in ordered] == pytest.approx(by_hand)
    assert {c.correction for c in family} == {"holm over 3 pairs"}


def test_a_failed_cell_is_as_good_as_no_cell(compared: ComparisonTable) -> None:
    whole = study()
    good = np.isfinite(whole.value)
    without = CellTable(whole.value[good], whole.group[good], np.asarray(whole.donor)[good], unit=whole.unit)
    for a, b in zip(compared.comparisons, comparison_table(without, detection_limit=10.0).comparisons, strict=True):
        assert (a.test, a.groups) == (b.test, b.groups)
        assert a.p == pytest.approx(b.p, nan_ok=True)


def test_a_test_without_an_answer_costs_no_other_test() -> None:
    """A group of one donor has no mixed model and no donor-level Welch t; all else is there."""
    whole = study()
    kept = (whole.group != "HC") | (np.asarray(whole.donor) == "h0")
    found = comparison_table(CellTable(whole.value[kept], whole.group[kept], np.asarray(whole.donor)[kept]), ["HC", "ME"])
    assert "one donor" in found.find("mixed_model", "cell").problem
    assert "two values a group" in found.find("welch_t", "donor").problem
    assert math.isfinite(found.find("mann_whitney", "cell").p)
    assert math.isnan(found.find("mixed_model", "cell").corrected_p)


def test_intervals_of_one_pair_and_unit_agree_between_tests_and_calls() -> None:
    few = Bootstrap(resamples=200)
    first, second = (comparison_table(study(), ["HC", "ME"], rng=np.random.default_rng(1), bootstrap=few) for _ in range(2))
    rank, t = (first.find(test, "donor").effect("shift") for test in ("mann_whitney", "welch_t"))
    assert (rank.low, rank.high) == (t.low, t.high)
    assert rank == second.find("mann_whitney", "donor").effect("shift")


def test_without_donors_only_cells_are_compared() -> None:
    assert {c.unit for c in comparison_table(flies()).comparisons} == {"cell"}


def test_an_unknown_comparison_names_those_there_are() -> None:
    with pytest.raises(ParameterError, match=r"0 comparisons are 'welch_t' by 'donor'; there are mann_whitney of herbs/shrubs by cell"):
        comparison_table(flies()).find("welch_t", "donor")
