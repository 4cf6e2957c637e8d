"""Distributions: quantiles against their closed forms, units, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

import nkcell_sim as nk
from nkcell_sim.errors import ParameterError
from nkcell_sim.study.distributions import DISTRIBUTIONS

U = np.linspace(0.0005, 0.9995, 41)

# distribution function in closed form, written out independently of SciPy's distributions
CLOSED = {
    "uniform": (nk.Uniform(-2.0, 6.0), lambda x: (x + 2.0) / 8.0),
    "loguniform": (nk.LogUniform(0.1, 10.0), lambda x: np.log(x / 0.1) / math.log(100.0)),
    "normal": (nk.Normal(3.0, 2.0), lambda x: ndtr((x - 3.0) / 2.0)),
    "cut normal": (nk.Normal(3.0, 2.0, 1.0, 4.0), lambda x: (ndtr((x - 3) / 2) - ndtr(-1.0)) / (ndtr(0.5) - ndtr(-1.0))),
    "normal cut below": (nk.Normal(3.0, 2.0, low=1.0), lambda x: (ndtr((x - 3) / 2) - ndtr(-1.0)) / (1.0 - ndtr(-1.0))),
    "lognormal by cv": (nk.LogNormal(5.0, cv=0.3), lambda x: ndtr(np.log(x / 5.0) / math.sqrt(math.log(1.09)))),
    "lognormal by sigma": (nk.LogNormal(5.0, sigma=0.7), lambda x: ndtr(np.log(x / 5.0) / 0.7)),
    "triangular": (nk.Triangular(1.0, 2.0, 5.0), lambda x: np.where(x < 2.0, (x - 1) ** 2 / 4.0, 1.0 - (5 - x) ** 2 / 12.0)),
}


@pytest.mark.parametrize("name", CLOSED)
def test_the_quantile_of_the_distribution_function_is_the_share(name: str) -> None:
    distribution, share_below = CLOSED[name]
    # both directions are evaluated to some ten digits
    assert share_below(distribution.ppf(U)) == pytest.approx(U, rel=1e-9, abs=1e-12)


def test_every_kind_has_its_closed_form_here() -> None:
    assert {d.kind for d, _ in CLOSED.values()} | {"choice"} == set(DISTRIBUTIONS)


def test_the_coefficient_of_variation_of_a_lognormal_is_that_of_its_draws() -> None:
    mean, second = (np.trapezoid(nk.LogNormal(2.0, cv=0.3).ppf(u) ** k, u) for k in (1, 2) for u in [np.linspace(1e-7, 1 - 1e-7, 2_000_001)])
    assert math.sqrt(second - mean**2) / mean == pytest.approx(0.3, rel=1e-3)  # the tails beyond 1e-7 are left out


def test_a_choice_gives_every_value_the_same_share() -> None:
    drawn = nk.Choice([3.0, 1.0, 2.0]).ppf((np.arange(300) + 0.5) / 300)
    assert [int((drawn == v).sum()) for v in (3.0, 1.0, 2.0)] == [100, 100, 100]
    assert nk.Choice([3.0, 1.0]).ppf([0.0, 1.0]).tolist() == [3.0, 1.0]


@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e6), st.floats(0.0, 1.0))
def test_no_quantile_leaves_the_limits(low: float, width: float, u: float) -> None:
    if low + width > low:
        for made in (nk.Uniform(low, low + width), nk.Triangular(low, low, low + width), nk.Normal(low, width, low, low + width)):
            assert low <= float(made.ppf(u)) <= low + width


def test_quantities_are_read_in_the_unit_of_the_key() -> None:
    assert nk.Uniform("1 uM", "1 mM").bound("uM") == nk.Uniform(1.0, 1000.0)
    assert nk.LogNormal("100 nM", cv="30 %").bound("uM") == nk.LogNormal(0.1, cv=0.3)
    assert nk.Choice(["1 mM", 5.0]).bound("uM") == nk.Choice([1000.0, 5.0])
    assert nk.Uniform(1.0, 2.0).bound("pF") == nk.Uniform(1.0, 2.0)


@pytest.mark.parametrize(("text", "unit"), [("2 degC", "K"), ("2 K", "degC"), ("2 K", "K"), ("2degC", "K")])
def test_a_standard_deviation_of_a_temperature_has_no_zero_point(text: str, unit: str) -> None:
    assert nk.Normal("23 degC", text).bound(unit).sd == 2.0


def test_quantiles_need_the_unit_first() -> None:
    with pytest.raises(ParameterError, match=r"ask its bound\(unit\)"):
        nk.Uniform("1 uM", "2 uM").ppf(0.5)
    with pytest.raises(ParameterError, match=r"ask its bound\(unit\)"):
        nk.Choice(["1 uM", "2 uM"]).ppf(0.5)


@pytest.mark.parametrize(
    ("make", "name", "said"),
    [
        (lambda: nk.Uniform(2.0, 1.0), "low", "a value below high"),
        (lambda: nk.Uniform(1.0, 1.0), "low", "a value below high"),
        (lambda: nk.Uniform(True, 2.0), "low", "a number in the unit"),
        (lambda: nk.Uniform(1.0, float("inf")), "high", "finite"),
        (lambda: nk.Uniform(1.0, [2.0]), "high", "a number in the unit"),
        (lambda: nk.LogUniform(0.0, 1.0), "low", "above 0"),
        (lambda: nk.Normal(1.0, 0.0), "sd", "above 0"),
        (lambda: nk.Normal(1.0, 1.0, 3.0, 2.0), "low", "below high"),
        (lambda: nk.Normal(0.0, 1.0, low=9.0), "low", "within 8 standard deviations"),
        (lambda: nk.LogNormal(1.0), "cv", "one of the two"),
        (lambda: nk.LogNormal(1.0, cv=0.1, sigma=0.1), "cv", "one of the two"),
        (lambda: nk.LogNormal(-1.0, cv=0.1), "median", "above 0"),
        (lambda: nk.Triangular(1.0, 3.0, 2.0), "mode", "from low"),
        (lambda: nk.Choice([]), "values", "at least one"),
        (lambda: nk.Choice("abc"), "values", "at least one"),
        (lambda: nk.Choice([1.0, 1.0]), "values", "each value once"),
        (lambda: nk.Uniform("1 mV", "2 uM").bound("uM"), "low", "expected a concentration"),
        (lambda: nk.Uniform("2 uM", "1000 nM").bound("uM"), "low", "a value below high"),
    ],
)
def test_what_makes_no_distribution_is_refused_by_name(make: object, name: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said) as caught:
        make()  # type: ignore[operator]
    assert caught.value.name == name
