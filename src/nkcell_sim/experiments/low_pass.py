"""The Bessel low-pass of a patch-clamp amplifier: exact on piecewise-linear input, and exact for white noise, at any times."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LowPass:
    """Analogue Bessel low-pass of ``poles`` poles whose gain is -3 dB at ``corner`` [Hz] (Bond's "mag" norm), unit gain at 0 Hz.

    dz/dt = w (A z + B u), y = C z with w = 2 pi corner. The state z is scaled so that white noise at the input gives it the unit matrix as stationary
    covariance. A step of any length is the matrix exponential, so that output times need not be equally spaced and nothing is acausal.
    """

    poles: int
    corner: float

    @cached_property
    def _realisation(self) -> tuple[Array, Array, Array]:
        from scipy.linalg import solve_continuous_lyapunov
        from scipy.signal import bessel, zpk2ss

        a, b, c, _ = zpk2ss(*bessel(self.poles, 1.0, analog=True, output="zpk", norm="mag"))
        scale = np.linalg.cholesky(solve_continuous_lyapunov(a, -b @ b.T))
        return np.linalg.solve(scale, a @ scale), np.linalg.solve(scale, b), np.ravel(c @ scale)

    @cached_property
    def noise_bandwidth(self) -> float:
        """Equivalent noise bandwidth [Hz]: the integral of |H|^2 over frequency; white noise of one-sided density S leaves with variance S times this."""
        c = self._realisation[2]
        return float(np.pi * self.corner * (c @ c))

    def respond(self, u: Array, grid: Array) -> Array:
        """Output for the piecewise-linear input ``u`` (n_sweeps, n_times) given at ``grid`` [s] (n_times,), settled on its first value before."""
        level = u[:, :1]
        moved = u - level
        z = np.zeros((len(u), self.poles))
        c = self._realisation[2]
        out = np.zeros_like(moved)
        for k, h in enumerate(self._lengths(grid), start=1):
            decay, by_level, by_rise, _ = self._step(h)
            before, after = moved[:, k - 1 : k], moved[:, k : k + 1]
            z = z @ decay.T + before * by_level + (after - before) * by_rise
            out[:, k] = z @ c
        return out + level

    def noise(self, grid: Array, sweeps: int, generator: np.random.Generator) -> Array:
        """Filtered white noise of unit RMS at ``grid`` [s], stationary and independent from sweep to sweep, (sweeps, n_times)."""
        c = self._realisation[2]
        draws = generator.standard_normal((len(grid), sweeps, self.poles))
        z = draws[0]
        out = np.empty((sweeps, len(grid)))
        out[:, 0] = z @ c
        for k, h in enumerate(self._lengths(grid), start=1):
            decay, _, _, spread = self._step(h)
            z = z @ decay.T + draws[k] @ spread.T
            out[:, k] = z @ c
        return out / np.sqrt(c @ c)

    @cached_property
    def _known(self) -> dict[float, tuple[Array, Array, Array, Array]]:
        """What :meth:`_step` has worked out, by length of the interval."""
        return {}

    def _step(self, h: float) -> tuple[Array, Array, Array, Array]:
        """For an interval of length h/w: decay of the state, what level and rise of the input add (first-order hold), and a root of 1 - decay decay^T."""
        from scipy.linalg import expm

        if h not in self._known:
            a, b, _ = self._realisation
            n = self.poles
            block = np.zeros((n + 2, n + 2))
            block[:n, :n], block[:n, n], block[n, n + 1] = a * h, b[:, 0] * h, 1.0
            e = expm(block)
            decay = e[:n, :n]
            size, axes = np.linalg.eigh(np.eye(n) - decay @ decay.T)
            self._known[h] = (decay, e[:n, n], e[:n, n + 1], axes * np.sqrt(np.clip(size, 0.0, None)))
        return self._known[h]

    def _lengths(self, grid: Array) -> list[float]:
        """Lengths of the grid's intervals in units of 1/w; equal ones to a picosecond are one."""
        return (np.round(np.diff(grid), 12) * 2.0 * np.pi * self.corner).tolist()
