"""How many donors tell two hypotheses apart: floors of the tests, normal theory, and order."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from nkcell_sim.analysis.deciding import Curve, Decision, Rival
from nkcell_sim.analysis.hypotheses import Hypothesis
from nkcell_sim.analysis.separation import PATCH, Variability, design_of, resolvable, separations
from nkcell_sim.errors import ParameterError

DEFAULT, SLOW = "me_cfs_default_lesion", "me_cfs"
QUIET = Variability(donor_cv=0.01, cell_cv=0.01, measurement_cv=0.01, response_cv=0.01)


def two(first: float, second: float, *, scheme: str = "paired", channels: float | None = None, more: tuple[float, ...] = ()) -> Decision:
    """Two lesions that predict these ratios; ``more`` are further members of the second lesion's side."""
    sets = ("saturating", "conservative")
    curves = [Curve(Hypothesis(DEFAULT, sets[0]), (1.0,), (first,), (first,)), Curve(Hypothesis(SLOW, sets[0]), (1.0,), (second,), (second,))]
    curves += [Curve(Hypothesis(SLOW, s), (1.0,), (y,), (y,)) for s, y in zip(sets[1:], more, strict=False)]
    return Decision(
        key="bath", question="?", x_as="time", x_unit="min", shown_as="a", tested_as="b", scheme=scheme, camps="lesion", curves=tuple(curves), channels=channels
    )


def donors(decision: Decision, variability: Variability = PATCH, *, experiments: int = 600, **options: int) -> int | None:
    return separations(decision, variability, experiments=experiments, **options)[0].donors


def test_rank_tests_have_a_floor_however_large_the_effect():
    # Two-sided exact p of the most extreme outcome: 2/2^n for Wilcoxon (0.031 with 6 donors), 2/C(2n, n) for Mann-Whitney (0.029 with 4).
    assert donors(two(1.0, 2.0), QUIET) == 6
    assert donors(two(1.0, 2.0, scheme="groups"), QUIET) == 4


def test_fewer_donors_are_needed_for_a_larger_effect():
    # the number falls by a half from ratio to ratio, and 200 experiments know it to a fifth
    found = [donors(two(1.0, ratio), experiments=200, most=200) for ratio in (1.15, 1.2, 1.3, 1.6)]
    assert all(a is not None and b is not None and a > b for a, b in itertools.pairwise(found))


def test_more_cells_fewer_channels_and_other_cells_change_the_number_as_they_should():
    decision = two(1.0, 1.5, channels=2.6)
    usual = donors(decision)
    assert usual is not None
    assert donors(decision, replace(PATCH, cells=24)) < usual
    assert donors(two(1.0, 1.5, channels=1.0)) > usual
    within = separations(replace(decision, same_cells=True), experiments=600)[0].same_cells
    assert within is not None
    assert within < usual


def test_donors_agree_with_normal_theory_where_it_holds():
    """n = (z_0.975 + z_0.8)^2 sigma^2 / d^2 over the efficiency 3/pi of Wilcoxon's test, for differences of means of 6 cells, in units of the first arm."""
    v = Variability(donor_cv=0.0, cell_cv=0.2, measurement_cv=0.2, response_cv=0.0)
    ratio = 1.0 / 1.06
    relative = math.expm1(2.0 * math.log1p(0.2**2))  # variance over squared mean of a cell's reading
    wanted = (1.960 + 0.842) ** 2 * relative * (1.0 + ratio**2) / 6 / (1.0 - ratio) ** 2 * math.pi / 3.0
    # 600 experiments leave +-1.6 % of power, about 5 % of the number of donors, on each of two sides.
    assert donors(two(1.0, 1.06), v) == pytest.approx(wanted, rel=0.1)


def test_sides_whose_members_overlap_are_not_told_apart():
    found = separations(two(1.0, 0.9, more=(1.1,)))[0]
    assert found.ratio == 1.0
    assert found.donors is None


def test_nearest_members_count():
    assert separations(two(1.0, 3.0, more=(2.0,)), QUIET, experiments=100)[0].ratio == pytest.approx(2.0)


def test_a_rival_from_outside_the_model_is_a_side():
    decision = replace(two(1.0, 2.0), rivals=(Rival("nothing happens", (1.0,), (0.5,), "by definition"),))
    found = separations(decision, QUIET, experiments=100)
    assert [(s.first, s.second) for s in found] == [("default", "slow-dominant"), ("default", "nothing happens"), ("slow-dominant", "nothing happens")]
    assert found[2].ratio == pytest.approx(4.0)
    assert found[2].row()["donors"] == found[2].donors


def test_what_is_resolved_by_the_donors_needed_is_about_the_effect():
    decision = two(1.0, 1.5)
    n = donors(decision)
    assert n is not None
    # One donor more or less around n, and 400 experiments, move the smallest effect by some per cent.
    assert math.log(resolvable(decision, n)) == pytest.approx(math.log(1.5), rel=0.15)
    assert resolvable(decision, n) < resolvable(decision, n - 3)


def test_too_few_donors_resolve_nothing():
    assert resolvable(two(1.0, 2.0), 3) == math.inf


def test_numbers_do_not_depend_on_the_order_of_asking():
    decision = replace(two(1.0, 1.4), rivals=(Rival("nothing happens", (1.0,), (0.5,), "by definition"),))
    together = separations(decision, experiments=200)
    assert len(together) == 3
    for pair in reversed(together):
        for camps in ((pair.first, pair.second), (pair.second, pair.first)):
            assert separations(decision, camps=camps, experiments=200) == [pair]


def test_a_prediction_that_failed_is_no_ratio_and_costs_the_other_pairs_nothing():
    sound = replace(two(1.0, 1.4), rivals=(Rival("nothing happens", (1.0,), (0.5,), "by definition"),))
    for bad in (np.nan, 0.0, -0.1):
        broken = replace(sound, rivals=(*sound.rivals, Rival("failed", (1.0,), (bad,), "by a run that failed")))
        assert separations(broken, experiments=200) == separations(sound, experiments=200)


def test_bad_input_says_what_was_expected():
    with pytest.raises(ParameterError, match="donor_cv"):
        Variability(donor_cv=-0.1)
    with pytest.raises(ParameterError, match="cells"):
        Variability(cells=0)
    with pytest.raises(ParameterError, match="wanted"):
        resolvable(two(1.0, 2.0), 8, wanted=1.5)
    with pytest.raises(ParameterError, match="slow-dominant"):
        separations(two(1.0, 2.0), camps=("slow",))
    with pytest.raises(ParameterError, match="same cells"):
        design_of(two(1.0, 2.0), 0.5, Variability(same_cells=True))
