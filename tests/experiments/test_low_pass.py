"""The amplifier's filter against scipy.signal and closed forms, on uneven times too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, signal

from nkcell_sim.experiments.low_pass import LowPass

CORNER = 5000.0
UNEVEN = np.concatenate([[0.0], np.cumsum(np.geomspace(1e-9, 2e-3, 150))])  # s


def transfer(poles, frequencies, corner=CORNER):
    """H(f) from scipy's own design of the filter."""
    b, a = signal.bessel(poles, 2.0 * np.pi * corner, analog=True, norm="mag")
    return signal.freqs(b, a, 2.0 * np.pi * np.asarray(frequencies))[1]


@pytest.mark.parametrize("poles", [4, 8])
def test_noise_bandwidth_is_the_integral_of_the_squared_gain(poles):
    # At 50 corners |H|^2 is below 1e-10 even with 4 poles: what is cut off does not matter.
    wanted = integrate.quad(lambda f: abs(transfer(poles, [f])[0]) ** 2, 0.0, 50.0 * CORNER, limit=500, epsrel=1e-10)[0]
    assert LowPass(poles, CORNER).noise_bandwidth == pytest.approx(wanted, rel=1e-7)


@pytest.mark.parametrize("poles", [4, 8])
def test_gain_at_the_corner_is_minus_three_decibel(poles):
    """A sine of the corner frequency, drawn in straight lines of a thousandth of its period, keeps 1/sqrt(2) of its amplitude."""
    grid = np.arange(0.0, 20.0 / CORNER, 1e-3 / CORNER)
    out = LowPass(poles, CORNER).respond(np.sin(2.0 * np.pi * CORNER * grid)[None, :], grid)[0]
    # Straight lines are short of a sine by (2 pi/1000)^2/12 = 3e-6, the largest of 1000 samples by 5e-6.
    assert np.max(out[-2000:]) == pytest.approx(1.0 / np.sqrt(2.0), rel=2e-5)


@pytest.mark.parametrize("poles", [4, 8])
def test_step_response_is_that_of_scipy(poles):
    b, a = signal.bessel(poles, 1.0, analog=True, norm="mag")
    scaled = UNEVEN[1:] * 2.0 * np.pi * CORNER
    even = np.linspace(0.0, scaled[-1], 40001)
    wanted = np.interp(scaled, *signal.step((b, a), T=even))
    u = np.concatenate([[0.0], np.ones(len(UNEVEN) - 1)])[None, :]
    out = LowPass(poles, CORNER).respond(u, UNEVEN)[0][1:]
    # The step is drawn as a line of 1 ns; linear interpolation in scipy's table has an error of (0.0016)^2/8.
    assert out == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("poles", [4, 8])
def test_piecewise_linear_input_is_filtered_as_lsim_does(poles):
    rng = np.random.Generator(np.random.Philox(7))
    grid = np.arange(300) * 2e-5
    u = rng.standard_normal((3, len(grid)))
    b, a = signal.bessel(poles, 1.0, analog=True, norm="mag")
    for row, out in zip(u, LowPass(poles, CORNER).respond(u, grid), strict=True):
        _, wanted, _ = signal.lsim((b, a), row - row[0], grid * 2.0 * np.pi * CORNER)
        assert out - row[0] == pytest.approx(wanted, abs=1e-9)


def test_a_sample_more_changes_nothing_at_the_others():
    """The filter is exact between samples: a time in between, on the straight line, adds no error."""
    u = np.sin(np.arange(len(UNEVEN)))[None, :]
    finer = np.sort(np.concatenate([UNEVEN, 0.5 * (UNEVEN[1:] + UNEVEN[:-1])]))
    both = LowPass(8, CORNER).respond(np.interp(finer, UNEVEN, u[0])[None, :], finer)[0][::2]
    # 1e-12 s is what two lengths of an interval may differ by to count as one: 3e-8 of 1/w.
    assert both == pytest.approx(LowPass(8, CORNER).respond(u, UNEVEN)[0], abs=1e-6)


def test_constant_input_is_left_alone_bit_by_bit():
    u = np.full((2, len(UNEVEN)), -17.3)
    assert np.array_equal(LowPass(4, CORNER).respond(u, UNEVEN), u)


@pytest.mark.parametrize("poles", [4, 8])
def test_white_noise_leaves_with_density_times_noise_bandwidth(poles):
    """At uneven times: mean 0 (|Z| < 3), variance 1 after scaling (|Z| < 5 with n sweeps)."""
    n = 20_000
    grid = np.array([0.0, 1e-6, 5e-5, 1e-4, 3e-4, 1e-2])
    noise = LowPass(poles, CORNER).noise(grid, n, np.random.Generator(np.random.Philox(3)))
    assert np.all(np.abs(np.mean(noise, axis=0)) * np.sqrt(n) < 3.0)
    assert np.all(np.abs(np.var(noise, axis=0) - 1.0) * np.sqrt(n / 2.0) < 5.0)


@pytest.mark.parametrize("lag", [2e-5, 1e-4, 3e-4])
def test_filtered_noise_has_the_autocorrelation_of_its_spectrum(lag):
    """Wiener-Khinchin: rho(lag) is the cosine transform of |H|^2 over its integral."""
    f = np.linspace(0.0, 20.0 * CORNER, 200_001)
    power = np.abs(transfer(4, f)) ** 2
    wanted = np.trapezoid(power * np.cos(2.0 * np.pi * f * lag), f) / np.trapezoid(power, f)
    n = 20_000
    noise = LowPass(4, CORNER).noise(np.array([0.0, lag]), n, np.random.Generator(np.random.Philox(11)))
    found = np.corrcoef(noise.T)[0, 1]
    # Standard error of a correlation, (1 - rho^2)/sqrt(n).
    assert abs(found - wanted) < 4.0 * (1.0 - wanted**2) / np.sqrt(n)


@pytest.mark.parametrize("poles", [4, 8])
def test_ramp_lags_by_the_delay_at_low_frequency(poles):
    """A ramp leaves s (t - d), d = -d(phase)/dw at 0 Hz; the filter has unit gain and no other error."""
    f = 1e-4 * CORNER
    delay = -np.angle(transfer(poles, [f])[0]) / (2.0 * np.pi * f)
    grid = np.linspace(0.0, 1e-2, 101)
    out = LowPass(poles, CORNER).respond(3e3 * grid[None, :], grid)[0]
    assert grid[-1] - out[-1] / 3e3 == pytest.approx(delay, rel=1e-6)
