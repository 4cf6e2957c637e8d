"""Features against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim.analysis import features as f
from nkcell_sim.analysis.dose_response import hill_slopes

TIME = np.arange(0.0, 400.0 + 1e-9, 0.5)
ONSET, TAU = 60.0, 20.0
RISE = np.where(TIME < ONSET, 1.0, 1.0 + 3.0 * -np.expm1(-(TIME - ONSET) / TAU))


def test_half_time_of_an_exponential_rise_is_ln2_tau():
    end = ONSET + 20.0 * TAU
    time = np.arange(0.0, end + 1e-9, 0.5)
    y = np.where(time < ONSET, 1.0, 1.0 + 3.0 * -np.expm1(-(time - ONSET) / TAU))
    # Linear interpolation over h = 0.5 s errs by h^2/(8 tau) = 1.6 ms at most; the peak is e^-20 below the asymptote.
    assert f.half_time_onset_to_half(time, y, ONSET, end) == pytest.approx(np.log(2.0) * TAU, abs=2e-3)
    assert f.half_time_exponential_fit(time, y, ONSET, end) == pytest.approx(np.log(2.0) * TAU, rel=1e-6)


def noisy_rises(count: int) -> np.ndarray:
    """Rises with one or two time constants, delays and noise, (count, n_times)."""
    rng, since = np.random.default_rng(4), np.clip(TIME - ONSET, 0.0, None)
    fast, slow, share = rng.lognormal(2.0, 0.7, count), rng.lognormal(4.0, 0.5, count), rng.uniform(0.2, 1.0, count)
    rises = share[:, None] * -np.expm1(-since / fast[:, None]) + (1.0 - share)[:, None] * -np.expm1(-since / slow[:, None])
    return 80.0 + 40.0 * rises + rng.normal(0.0, 0.3, (count, len(TIME)))


def test_the_exponential_of_a_rise_is_the_best_one():
    from scipy.optimize import least_squares

    rises = noisy_rises(12)
    for y, half in zip(rises, f.half_times_exponential_fit(TIME, list(rises), ONSET, 300.0), strict=True):
        top = f.peak(TIME, y, ONSET, 300.0)
        t, v = f.window(TIME, y, ONSET, ONSET + top.time)
        v = (v - f.value_at(TIME, y, ONSET)) / top.height
        best = least_squares(lambda p, t=t, v=v: p[0] * -np.expm1(-(t - ONSET) / np.exp(p[1])) - v, (1.0, np.log(top.time / 3.0)), xtol=1e-15, ftol=1e-15)
        # near the best fit its sum of squares is a parabola, so that SciPy knows tau to the square root of a double's 2e-16
        assert half == pytest.approx(np.log(2.0) * np.exp(best.x[1]), rel=1e-7)


def test_a_fit_has_the_same_bits_alone_and_among_others():
    rises = [*noisy_rises(21), np.ones_like(TIME), np.full_like(TIME, np.nan), np.clip(TIME - ONSET, 0.0, None) ** 2]
    together = f.half_times_exponential_fit(TIME, rises, ONSET, 300.0)
    backwards = f.half_times_exponential_fit(TIME, rises[::-1], ONSET, 300.0)[::-1]
    alone = np.array([f.half_time_exponential_fit(TIME, y, ONSET, 300.0) for y in rises])
    assert together.tobytes() == backwards.tobytes() == alone.tobytes()
    assert np.isfinite(together[:21]).all()


def test_a_rise_that_does_not_bend_towards_an_end_has_no_time_constant():
    since = np.clip(TIME - ONSET, 0.0, None)
    assert np.isnan(f.half_times_exponential_fit(TIME, [since, since**2], ONSET, 300.0)).all()


def test_half_time_of_a_linear_rise_is_half_of_it():
    y = np.clip((TIME - ONSET) / 10.0, 0.0, 1.0)
    assert f.half_time_onset_to_half(TIME, y, ONSET, 300.0) == pytest.approx(5.0, abs=1e-12)
    assert f.peak(TIME, y, ONSET, 300.0) == pytest.approx((1.0, 10.0))


def test_slopes_of_an_exponential_rise():
    first = 3.0 * -np.expm1(-5.0 / TAU) / 5.0
    assert f.slope_from_onset(TIME, RISE, ONSET, 5.0) == pytest.approx(first, rel=1e-12)
    assert f.steepest_slope(TIME, RISE, 0.0, 300.0, 5.0) == pytest.approx(first, rel=1e-12)


def test_area_above_a_level():
    assert f.area_above(TIME, np.full_like(TIME, 3.0), 10.0, 110.0, 1.0) == pytest.approx(200.0)
    # trapezoid error h^2/12 (y'(b) - y'(a)), below 1e-4 of this area
    exact = 3.0 * (300.0 - TAU * -np.expm1(-300.0 / TAU))
    assert f.area_above(TIME, RISE, ONSET, ONSET + 300.0, 1.0) == pytest.approx(exact, rel=1e-4)


def test_decay_half_time():
    fall = np.exp(-TIME / TAU)
    assert f.decay_half_time(TIME, fall, 0.0, 400.0, 0.0) == pytest.approx(np.log(2.0) * TAU, abs=2e-3)


def test_rectification_and_reversal():
    assert f.rectification([10.0, 1.0, 2.0], [-2.0, 0.0, 1.0])[0] == 5.0
    assert np.isnan(f.rectification([10.0, 1.0, 2.0], [-2.0, 0.0, 1.0])[1:]).all()
    v = np.linspace(-100.0, 100.0, 41)
    assert f.reversal_potential(v, 0.3 * (v - 7.0)) == pytest.approx(7.0)
    assert np.isnan(f.reversal_potential(v, np.ones(41)))


@pytest.mark.parametrize("y", [np.full_like(TIME, np.nan), np.ones_like(TIME), -RISE])
def test_a_trace_without_a_rise_has_no_half_time(y):
    assert np.isnan(f.half_time_onset_to_half(TIME, y, ONSET, 300.0))
    assert np.isnan(f.half_time_exponential_fit(TIME, y, ONSET, 300.0))


def test_features_shift_with_the_trace_and_ignore_scale():
    a = f.half_time_onset_to_half(TIME, RISE, ONSET, 300.0)
    assert f.half_time_onset_to_half(TIME + 7.0, 5.0 * RISE - 2.0, ONSET + 7.0, 307.0) == pytest.approx(a, rel=1e-12)


@pytest.mark.parametrize(("bottom", "top", "ec50", "n"), [(0.1, 6.0, 21.0, 1.8), (10.0, 1.0, 3.0, 0.9), (0.0, 1.0, 500.0, 3.0)])
def test_hill_fit_finds_the_curve_it_was_made_from(bottom, top, ec50, n):
    dose = ec50 * np.geomspace(0.02, 50.0, 12)
    fit = f.fit_hill(dose, f.hill_curve(dose, bottom, top, ec50, n))
    assert fit.ok
    assert (fit.bottom, fit.top, fit.ec50, fit.n) == pytest.approx((bottom, top, ec50, n), rel=1e-5, abs=1e-6)
    assert fit.rms < 1e-6


def test_slopes_of_the_hill_function_are_those_of_the_complex_step():
    dose, p, h = np.array([0.3, 5.0, 40.0]), np.array([1.0, 3.0, np.log(5.0), np.log(2.0)]), 1e-30
    for k, unit in enumerate(np.eye(4)):
        bottom, top, log_ec50, log_n = p + 1j * h * unit
        step = f.hill_curve(dose, bottom, top, np.exp(log_ec50), np.exp(log_n)).imag / h
        assert hill_slopes(dose, p)[:, k] == pytest.approx(step, rel=1e-12, abs=1e-15)
    assert hill_slopes(np.zeros(1), p)[0].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_hill_at_dose_zero_and_at_ec50():
    assert f.hill_curve([0.0, 5.0], 1.0, 3.0, 5.0, 2.0) == pytest.approx([1.0, 2.0])


def test_hill_fit_needs_points():
    assert not f.fit_hill([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).ok
    assert not f.fit_hill([1.0, 2.0, 3.0, 4.0, 5.0], [1.0] * 5).ok
