"""What few donors can give at all: smallest p-values by enumeration, and the verdicts on reported ones."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from nkcell_sim.analysis import deductions as d
from nkcell_sim.errors import ParameterError


@pytest.mark.parametrize(("n", "printed"), [(5, "0.0079"), (8, "0.00016"), (10, "0.000011")])
def test_smallest_rank_sum_p_is_two_arrangements_of_all(n: int, printed: str) -> None:
    """Printed values: science brief, section 2.4."""
    found = d.smallest_rank_sum_p(n, n)
    assert found == pytest.approx(2 / math.comb(2 * n, n))
    assert f"{found:.{len(printed) - 2}f}" == printed


@pytest.mark.parametrize(("n1", "n2"), [(1, 3), (3, 3), (4, 6), (5, 5)])
def test_every_rank_sum_p_comes_from_an_arrangement(n1: int, n2: int) -> None:
    sums = np.array([sum(c) for c in itertools.combinations(range(n1 + n2), n1)])
    two_sided = {min(1.0, 2 * min((sums <= s).mean(), (sums >= s).mean())) for s in sums}
    assert d.rank_sum_p_values(n1, n2) == pytest.approx(sorted(two_sided))


def test_attainable_level_is_the_rate_of_false_alarms_of_the_exact_test() -> None:
    sums = np.array([sum(c) for c in itertools.combinations(range(10), 5)])
    p = np.array([2 * min((sums <= s).mean(), (sums >= s).mean()) for s in sums])
    assert d.attainable_level(5, 5) == pytest.approx((p <= 0.05 + 1e-12).mean())
    assert d.attainable_level(3, 3) == 0.0  # 0.1 is the smallest


def test_smallest_p_of_pairs_and_of_counts() -> None:
    assert d.smallest_signed_rank_p(8) == pytest.approx(2 / 2**8)
    assert d.smallest_fisher_p(5, 5) == pytest.approx(2 / math.comb(10, 5))
    assert d.counting_p(3, 4, 1, 4) == pytest.approx(0.4857, abs=5e-5)  # Fisher's tea drinker, R documentation of fisher.test


def test_largest_dunn_z_of_three_groups_of_five() -> None:
    """Science brief, section 2.4: z 3.54, p 0.00041 raw, 0.0012 after x3. By hand: mean ranks 3 and 13, sigma sqrt(20 x 2/5)."""
    found = d.largest_dunn_z((5, 5, 5))
    assert found.z == pytest.approx(10 / math.sqrt(8))
    assert (f"{found.z:.2f}", f"{found.p:.5f}", f"{found.corrected_p:.4f}") == ("3.54", "0.00041", "0.0012")


def test_no_arrangement_has_a_larger_dunn_z_and_each_p_is_listed() -> None:
    listed, extreme = d.dunn_p_values((3, 2, 2)), d.largest_dunn_z((3, 2, 2))
    differences = set()  # |2 R_a - 3 R_b|: six times the difference of the mean ranks, a whole number
    for order in set(itertools.permutations("aaabbcc")):
        sums = {g: sum(i + 1 for i, x in enumerate(order) if x == g) for g in "ab"}
        differences.add(abs(2 * sums["a"] - 3 * sums["b"]))
    z = np.array(sorted(differences, reverse=True)) / 6 / math.sqrt(7 * 8 / 12 * (1 / 3 + 1 / 2))
    assert listed == pytest.approx(2 * stats.norm.sf(z))
    # the best of the three pairs is at least as good as this one
    assert extreme.p <= listed[0] + 1e-12


@pytest.mark.parametrize(
    ("p", "test", "groups", "relation", "possible"),
    [
        ("0.0048", "rank_sum", (5, 5), "=", False),
        ("0.0039", "rank_sum", (5, 5), "=", False),
        ("0.0048", "dunn", (5, 5, 5), "=", True),
        ("0.0001", "dunn", (5, 5, 5), "<", False),
        ("0.0001", "rank_sum", (8, 8), "<", False),
        ("0.0001", "rank_sum", (10, 10), "<", True),
        ("0.9999", "dunn", (5, 5, 5), ">", True),
        ("0.0079", "rank_sum", (5, 5), "=", True),  # printed with the digits of the smallest, which is 0.00794
        ("0.008", "signed_rank", (8,), "=", True),  # 1/128 = 0.0078
        ("0.005", "signed_rank", (8,), "=", False),
        (1e-9, "welch_t", (2, 2), "=", True),
    ],
)
def test_verdicts_on_reported_p_values(p, test: str, groups: tuple[int, ...], relation: str, possible: bool) -> None:
    """The deductions of the science brief, section 2.4, and a few of arithmetic."""
    found = d.possible_at_donor_level(p, test=test, groups=groups, relation=relation)
    assert found.possible is possible
    assert str(p) in found.reason or test == "welch_t"


def test_a_p_in_range_need_not_be_one_that_ranks_can_give() -> None:
    """Dunn's p of 5 + 5 + 5 donors is a function of one whole number D, |z| = D / 5 / sqrt(8): D = 44 and 45 give 3p = 0.0056 and 0.0044."""
    neighbours = [3 * 2 * stats.norm.sf(D / 5 / math.sqrt(8)) for D in (44, 45)]
    assert [f"{p:.4f}" for p in neighbours] == ["0.0056", "0.0044"]
    assert d.possible_at_donor_level("0.0048", test="dunn", groups=(5, 5, 5)).attainable is False
    assert d.possible_at_donor_level("0.0044", test="dunn", groups=(5, 5, 5)).attainable is True


def test_ties_can_give_a_p_that_untied_ranks_cannot() -> None:
    """Three tied pairs of donors give a corrected p of 0.0048, so that "not attainable" is a doubt and no proof."""
    from nkcell_sim.analysis.cell_table import CellTable
    from nkcell_sim.analysis.comparisons import dunn

    values = [8, 3, 2, 0, 1, 13, 12, 11, 13, 9, 5, 7, 10, 3, 5]
    found = dunn(CellTable(values, np.repeat(["HC", "ME", "PC"], 5), [str(i) for i in range(15)]), unit="donor", correction="bonferroni")
    assert f"{found[1].corrected_p:.4f}" == "0.0048"


def test_the_table_says_which_reported_values_are_impossible() -> None:
    table = d.deduction_table()
    verdict = {(x.reported.relation, x.reported.p, x.reported.donors, x.test): x.verdict.possible for x in table}
    assert not verdict["<", "0.0001", (5, 5, 5), "dunn"]
    assert not any(v for (relation, p, n, _), v in verdict.items() if (relation, p, n) == ("<", "0.0001", (5, 5, 5)))
    assert verdict["<", "0.0001", (10, 10), "rank_sum"]
    assert {x.reported.evidence for x in table} == {"V"}
    text = d.deductions_as_text(table)
    assert len(text.splitlines()) == len(table) + 1


def test_counting_cells_makes_small_p_values_out_of_few_donors() -> None:
    """Responders 9 in 10 against 1 in 10: five donors cannot give p < 0.0001, their cells can."""
    cells = d.cells_for_counting_p(1e-4, (0.9, 0.1))
    assert cells is not None
    assert d.counting_p(round(0.9 * cells), cells, round(0.1 * cells), cells) < 1e-4
    assert d.counting_p(round(0.9 * (cells - 1)), cells - 1, round(0.1 * (cells - 1)), cells - 1) >= 1e-4
    assert d.smallest_fisher_p(5, 5) > 1e-4
    assert d.cells_for_counting_p(1e-4, (0.5, 0.5), most=50) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: d.possible_at_donor_level(0.0, test="rank_sum", groups=(5, 5)), "got p = 0.0; expected a number above 0"),
        (lambda: d.possible_at_donor_level("n.s.", test="rank_sum", groups=(5, 5)), "got p = 'n.s.'"),
        (lambda: d.possible_at_donor_level(0.01, test="dunn", groups=(5, 5)), "this test needs 3 groups"),
        (lambda: d.possible_at_donor_level(0.01, test="sign", groups=(5, 5)), "expected one of rank_sum"),
        (lambda: d.possible_at_donor_level(0.01, test="rank_sum", groups=(5, 5), relation="~"), "got relation = '~'"),
        (lambda: d.smallest_rank_sum_p(0, 5), "got n1 = 0; expected a whole number from 1"),
        (lambda: d.counting_p(6, 5, 1, 5), "got 6 of 5"),
        (lambda: d.dunn_p_values((20, 20, 20)), "got 60 values"),
        (lambda: d.cells_for_counting_p(1e-4, (1.2, 0.1)), "two numbers from 0 to 1"),
        (lambda: d.attainable_level(5, 5, alpha=0.0), "got alpha = 0.0"),
    ],
)
def test_bad_input_is_refused(call, message) -> None:
    with pytest.raises(ParameterError, match=message):
        call()
