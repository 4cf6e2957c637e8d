"""exp, log and exprelr of the kernel against 50-digit references: the stated ulp bounds."""

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
