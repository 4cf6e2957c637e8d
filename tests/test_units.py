"""Laboratory units in, kernel units inside, and nothing exotic by accident."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nkcell_sim.errors import UnitError
from nkcell_sim.units import describe_dimension, from_kernel, parse, to_kernel, unit_info

LAB = {
    "100 uM": 100.0, "12 mM": 12_000.0, "200 nM": 0.2, "24 h": 86_400_000.0, "100 ms": 100.0, "5 min": 300_000.0, "10 MOhm": 0.01, "1 GOhm": 1.0,
    "0.3 pS": 3e-4, "0.25 nS": 0.25, "10 pA/pF": 10.0, "2.6 pF": 2.6, "185 fL": 185.0, "1 um^3": 1.0, "37 degC": 310.15, "-59 mV": -59.0,
    "0.06 1/s": 6e-5, "1.0 1/pF": 1.0, "50 %": 0.5, "9 uM/s": 9e-3, "10 1/uM/s": 1e-2,
}  # fmt: skip


@pytest.mark.parametrize("text", LAB)
def test_laboratory_text_becomes_kernel_units(text: str) -> None:
    number, unit = text.split(" ")
    # a unit's factor is rounded to 15 digits in decimal, so one rounding error remains
    assert to_kernel(float(number), unit) == pytest.approx(LAB[text], rel=2e-15)


@pytest.mark.parametrize("text", ["100uM", "100 uM", " 100  uM ", "0.1 mM", "1e5 nM", "100 µM", "0.1 mmol/L"])
def test_one_concentration_may_be_written_in_many_ways(text: str) -> None:
    assert parse(text, "uM") == pytest.approx(100.0, rel=2e-15)


@given(st.floats(-1e12, 1e12), st.sampled_from(["uM", "mV", "nS", "h", "MOhm", "degC", "1/s", "fL"]))
def test_there_and_back_loses_at_most_rounding(value: float, unit: str) -> None:
    offset = 273.15 if unit == "degC" else 0.0
    # two multiplications and two additions, each off by half a unit in the last place of the larger operand;
    # 1e-290 lies far below any quantity and above the numbers that lose digits because they are subnormal
    assert math.isclose(from_kernel(to_kernel(value, unit), unit), value, rel_tol=1e-15, abs_tol=max(4e-16 * offset, 1e-290))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_text_in_the_declared_unit_reads_back_to_the_same_bits(value: float) -> None:
    assert parse(f"{value!r} uM", "uM") == value


@pytest.mark.parametrize(
    ("given", "unit", "words"),
    [
        ("0.9 mM", "nS", "expected a conductance"),
        ("5", "uM", "without a unit"),
        (5, "uM", "without a unit"),
        ("5 uMM", "uM", "did you mean 'uM'"),
        ("2 parsec", "um", "unknown unit"),
        ("abc", "uM", "expected a number and a unit"),
        ("", "uM", "expected a number and a unit"),
        (True, "1", "expected a dimensionless number"),
        (None, "uM", "expected a concentration"),
    ],
)
def test_a_wrong_quantity_is_answered_with_what_was_expected(given: object, unit: str, words: str) -> None:
    with pytest.raises(UnitError, match=words):
        parse(given, unit)  # type: ignore[arg-type]


def test_a_plain_number_is_taken_where_there_is_no_dimension() -> None:
    assert parse(0.5, "1") == parse("0.5", "1") == parse("50 %", "1") == 0.5


def test_the_kernel_units_are_coherent() -> None:
    """1 nS x 1 mV = 1 pA, 1 pF x 1 mV/ms = 1 pA, 1 GOhm x 1 pA = 1 mV: factors of exactly one."""
    for product, result in (("nS*mV", "pA"), ("pF*mV/ms", "pA"), ("GOhm*pA", "mV")):
        assert unit_info(product)[0] == unit_info(result)[0]
        assert unit_info(product)[1] == unit_info(result)[1] == 1.0


@pytest.mark.parametrize("unit", ["nS", "uM", "s", "mV", "pA", "pF", "GOhm", "K", "fL", "1/s", "1/pF", "1"])
def test_every_common_dimension_is_described_with_an_example_that_parses(unit: str) -> None:
    example = describe_dimension(unit_info(unit)[0]).split("'")[1]
    parse(example, unit)
