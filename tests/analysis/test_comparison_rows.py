"""Stored comparisons as people read them: the terminal, the figures and the report take the same p-value and the same effect from a row."""

from __future__ import annotations

import math

import pytest

from nkcell_sim.analysis.comparison_rows import EFFECT_WORDS, TEST_WORDS, by_comparison, effect_of, is_corrected, p_of, p_text
from nkcell_sim.analysis.comparisons import USUAL
from nkcell_sim.analysis.effects import INDEPENDENT, PAIRED
from nkcell_sim.analysis.statistics import TESTS

NAN = math.nan


def test_every_test_and_every_effect_size_has_words():
    assert TEST_WORDS.keys() == {*TESTS, *(test for test, _ in USUAL), "dunn"}
    assert {*INDEPENDENT, *PAIRED} <= EFFECT_WORDS.keys()


@pytest.mark.parametrize(("row", "p", "corrected"), [
    ({"p": 0.01, "corrected_p": 0.03}, 0.03, True),
    ({"p": 0.01, "corrected_p": NAN}, 0.01, False),
    ({"p": 0.01}, 0.01, False),
    ({"p": NAN, "corrected_p": NAN}, NAN, False),
    ({"p": ""}, NAN, False),
])  # fmt: skip
def test_the_corrected_p_counts_where_there_is_one(row, p, corrected):
    assert p_of(row) == pytest.approx(p, nan_ok=True)
    assert is_corrected(row) is corrected


def test_a_p_value_is_never_shown_as_zero():
    assert [p_text(p) for p in (0.04321, 1e-15, 1e-20, 0.0, NAN)] == ["0.043", "1e-15", "< 1e-15", "< 1e-15", "-"]


def test_the_first_effect_size_that_exists_stands_for_a_comparison():
    row = {"ratio_of_medians": NAN, "shift": -2.0, "shift_low": -3.0, "shift_high": NAN, "hedges_g": 1.0}
    effect = effect_of(row)
    assert (effect.words, effect.value, effect.low) == ("shift", -2.0, -3.0)
    assert not effect.has_interval
    assert effect_of({"p": 0.5}) is None


def test_a_comparison_stands_with_both_of_its_units():
    rows = [{"feature": "patch.x", "groups": "a / b", "test": test, "unit": unit} for unit in ("cell", "donor") for test in ("welch_t", "fisher")]
    found = by_comparison(rows)
    assert list(found) == [("patch.x", "a / b", "welch_t"), ("patch.x", "a / b", "fisher")]
    assert all(list(at) == ["cell", "donor"] for at in found.values())
