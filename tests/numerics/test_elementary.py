"""exp, expm1, log, exprelr and powers of the kernel against 50-digit references: the stated ulp bounds."""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from nkcell_sim import _kernels

mpmath.mp.dps = 50
RNG = np.random.default_rng(11)


def largest_ulp_error(name: str, points: np.ndarray, exact: Callable[[mpmath.mpf], mpmath.mpf]) -> float:
    got = _kernels.elementary(name, points)
    worst = 0.0
    for x, value in zip(points, got, strict=True):
        truth = exact(mpmath.mpf(float(x)))
        worst = max(worst, float(abs(mpmath.mpf(float(value)) - truth) / mpmath.mpf(np.spacing(abs(float(truth))))))
    return worst


@pytest.mark.parametrize(("low", "high"), [(-708.0, 709.7), (-1.0, 1.0), (-1e-6, 1e-6)])
def test_exp_is_within_1_ulp(low: float, high: float) -> None:
    assert largest_ulp_error("exp", RNG.uniform(low, high, 4000), mpmath.exp) < 1.0


@pytest.mark.parametrize(("low", "high"), [(-40.0, 700.0), (-1.0, 1.0), (-1e-6, 1e-6)])
def test_expm1_is_within_3_ulp_also_near_zero(low: float, high: float) -> None:
    assert largest_ulp_error("expm1", RNG.uniform(low, high, 4000), mpmath.expm1) < 3.0


@pytest.mark.parametrize("exponent", [0.5 * twice for twice in range(17)])
def test_whole_and_half_powers_are_products_within_as_many_ulp_as_factors(exponent: float) -> None:
    """Each of up to n roundings is 2^-53, at most one ulp of the result: a power by logarithms would be off by |a log x| ulp, here 276."""
    points = 10.0 ** RNG.uniform(-15, 15, 500)
    got = _kernels.elementary("power", points, exponent)
    for x, value in zip(points, got, strict=True):
        truth = mpmath.mpf(float(x)) ** mpmath.mpf(exponent)
        assert abs(mpmath.mpf(float(value)) - truth) <= max(exponent, 1.0) * np.spacing(float(truth))


def test_other_powers_are_exact_to_the_rounding_of_their_logarithm() -> None:
    """exp(a log x): one ulp of a log x is |a log x| ulp of the result, and each function adds one."""
    points, exponents = 10.0 ** RNG.uniform(-6, 6, 500), RNG.uniform(-4.0, 20.0, 500)
    got = _kernels.elementary("power", points, exponents)
    for x, a, value in zip(points, exponents, got, strict=True):
        truth = mpmath.mpf(float(x)) ** mpmath.mpf(float(a))
        assert abs(mpmath.mpf(float(value)) - truth) <= (2.0 * abs(a * np.log(x)) + 3.0) * np.spacing(float(truth))


def test_powers_of_nothing_and_of_too_much_stay_finite() -> None:
    assert _kernels.elementary("power", [0.0] * 5, [0.0, 0.5, 3.0, 3.7, -0.5]).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert _kernels.elementary("power", [1e200, 1e200], [8.0, 7.3]).tolist() == [1e120, 1e120]
    assert np.all(np.isnan(_kernels.elementary("power", [np.nan, np.nan], [2.0, 2.3])))


def test_log_is_within_1_ulp_over_the_whole_range() -> None:
    points = np.concatenate([10.0 ** RNG.uniform(-300, 300, 3000), RNG.uniform(0.5, 2.0, 3000), 1.0 + RNG.uniform(-1e-9, 1e-9, 500)])
    assert largest_ulp_error("log", points[points != 1.0], mpmath.log) < 1.0


def test_exprelr_is_within_3_ulp_across_its_series_limit() -> None:
    points = np.concatenate([RNG.uniform(-1.0, 1.0, 4000), RNG.uniform(-40.0, 40.0, 2000), 0.5 + RNG.uniform(-1e-12, 1e-12, 100)])
    assert largest_ulp_error("exprelr", points, lambda u: u / mpmath.expm1(u)) < 3.0


def test_special_values_follow_ieee() -> None:
    assert _kernels.elementary("exp", [np.inf, -np.inf, 0.0]).tolist() == [np.inf, 0.0, 1.0]
    assert _kernels.elementary("log", [0.0, np.inf, 1.0]).tolist() == [-np.inf, np.inf, 0.0]
    assert np.all(np.isnan(_kernels.elementary("log", [-1.0, np.nan])))
    assert np.isnan(_kernels.elementary("exp", [np.nan])[0])
    assert _kernels.elementary("exprelr", [0.0, 1e4, -1e4]).tolist() == [1.0, 0.0, 1e4]
