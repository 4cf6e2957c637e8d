"""The way of a current through an amplifier: pipette transient, filter, noise, drift, conversion, leak subtraction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .sweeps import Sweeps, linear

if TYPE_CHECKING:
    from .amplifier import Amplifier

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]
SLACK = 2e-9  # s: times are rounded to a nanosecond
MOST_CONVERSIONS = 20_000  # of one sweep that a leak is fitted to; a longer sweep is thinned


@dataclass(frozen=True)
class Clock:
    """Conversions of a sweep: ``ticks`` [s] (n_ticks,) and, for every sample of the grid, which tick it shows (the last one up to it)."""

    ticks: Array
    shows: Indices
    resampled: bool

    @classmethod
    def of(cls, grid: Array, interval: float, *, every: int = 0) -> Clock:
        """Conversions ``interval`` s apart from the sweep's start: those that the grid shows, and with ``every`` = k each k-th one."""
        if not interval:
            return cls(grid, np.arange(len(grid)), resampled=False)
        shown = np.floor((grid + SLACK) / interval)
        numbers = np.union1d(shown, np.arange(0.0, shown[-1] + 1.0, every)) if every else np.unique(shown)
        ticks = numbers * interval
        near = np.clip(np.searchsorted(grid, ticks - SLACK), 0, len(grid) - 1)
        ticks = np.where(np.abs(grid[near] - ticks) < SLACK, grid[near], ticks)
        return cls(ticks, np.searchsorted(numbers, shown), resampled=True)

    @classmethod
    def full(cls, grid: Array, interval: float) -> Clock:
        """Every conversion of a sweep (some of them, if there are very many), for the fit of a leak."""
        return cls.of(grid, interval, every=max(int(np.ceil(grid[-1] / (interval * MOST_CONVERSIONS))), 1) if interval else 0)


@dataclass(frozen=True)
class ObservedCurrent:
    """What an amplifier shows of sweeps that a trace holds at positions ``where`` (n_sweeps, n_grid); ``between`` are the trace's other times (n_between,).

    The baseline sweeps are converted at ``full``, every conversion if a leak is fitted to them, the others at ``kept``.
    """

    amplifier: Amplifier
    sweeps: Sweeps
    time: Array
    where: Indices
    between: Indices
    kept: Clock
    full: Clock

    @classmethod
    def of(cls, amplifier: Amplifier, sweeps: Sweeps, time: Array) -> ObservedCurrent:
        where, interval = sweeps.positions(time), amplifier.sampling
        kept = Clock.of(sweeps.grid, interval)
        full = Clock.full(sweeps.grid, interval) if amplifier.removes_leak else kept
        return cls(amplifier, sweeps, time, where, np.setdiff1d(np.arange(len(time)), where), kept, full)

    def seen(self, current: Array, cm: float, generator: np.random.Generator) -> Array:
        """Observed current of one run [pA], (n_times,); ``cm`` is the capacitance of its cell [pF]."""
        baseline = self.sweeps.baseline
        others = np.setdiff1d(np.arange(len(self.where)), baseline)
        drift = self._drift(generator)
        shown = np.array(current)
        shown[self.between] = self._stepped(current[self.between] + drift[self.between] + self._white(len(self.between), generator))
        fitted = self._converted(current, drift, baseline, self.full, generator)
        shown[self.where[baseline]] = fitted[:, self.full.shows]
        shown[self.where[others]] = self._converted(current, drift, others, self.kept, generator)[:, self.kept.shows]
        if self.amplifier.removes_leak:
            self._subtract(shown, *self._line(fitted, cm))
        return shown

    def _converted(self, current: Array, drift: Array, chosen: Indices, clock: Clock, generator: np.random.Generator) -> Array:
        """Some of the sweeps at the ticks of a clock [pA], (n_chosen, n_ticks)."""
        where = self.where[chosen]
        analogue = self._filtered(current[where] + self._transient(chosen), clock)
        noise = self._noise(len(chosen), clock.ticks, generator)
        return self._stepped(analogue + noise + linear(drift[where], self.sweeps.grid, clock.ticks))

    def _filtered(self, current: Array, clock: Clock) -> Array:
        low_pass, grid = self.amplifier.low_pass, self.sweeps.grid
        if low_pass is None:
            return linear(current, grid, clock.ticks) if clock.resampled else current
        if not clock.resampled:
            return low_pass.respond(current, grid)
        every = np.union1d(grid, clock.ticks)
        return low_pass.respond(linear(current, grid, every), every)[:, np.searchsorted(every, clock.ticks)]

    def _transient(self, chosen: Indices) -> Array:
        """Current across the pipette wall that compensation leaves [pA], (n_chosen, n_grid)."""
        a, grid = self.amplifier, self.sweeps.grid
        gone = np.exp(-grid / a.stray_tau)
        left = a.stray * (1.0 - a.stray_compensation / 100.0) * (grid > 0.0)
        jump, slope = self.sweeps.jump[chosen, None], self.sweeps.slope[chosen, None]
        return np.asarray(left * (jump / (a.stray_tau * 1e3) * gone + slope * (1.0 - gone)))

    def _noise(self, count: int, ticks: Array, generator: np.random.Generator) -> Array:
        """White noise as it leaves the filter [pA], (count, n_ticks); without a filter every conversion is independent."""
        a = self.amplifier
        if not a.noise or a.low_pass is None:
            return self._white(count * len(ticks), generator).reshape(count, len(ticks))
        return a.noise_rms * a.low_pass.noise(ticks, count, generator)

    def _white(self, count: int, generator: np.random.Generator) -> Array:
        return self.amplifier.noise_rms * generator.standard_normal(count) if self.amplifier.noise else np.zeros(count)

    def _drift(self, generator: np.random.Generator) -> Array:
        """A random walk from 0 [pA], (n_times,)."""
        if not self.amplifier.drift:
            return np.zeros(len(self.time))
        spread = self.amplifier.drift * np.sqrt(np.diff(self.time, prepend=self.time[0]) / 60.0)
        return np.asarray(np.cumsum(spread * generator.standard_normal(len(self.time))))

    def _stepped(self, current: Array) -> Array:
        step = self.amplifier.adc_step
        return np.asarray(np.round(current / step) * step) if step else current

    def _line(self, fitted: Array, cm: float) -> tuple[float, float]:
        """Offset [pA] and conductance [nS] of the least-squares line through I - Cm dV/dt of the baseline in the ohmic range."""
        baseline = self.sweeps.baseline
        voltage, chosen = self.amplifier.ohmic(self.sweeps, self.full)
        v, i = voltage[chosen], (fitted - cm * self.sweeps.slope[baseline, None])[chosen]
        apart = v - np.mean(v)
        conductance = np.sum(apart * (i - np.mean(i))) / np.sum(apart**2)
        return float(np.mean(i) - conductance * np.mean(v)), float(conductance)

    def _subtract(self, shown: Array, offset: float, conductance: float) -> None:
        """Take the line off the sweeps, and the conductance times the holding potential off what is between them, in place."""
        held = conductance * self.sweeps.holding
        shown[self.between] -= held
        shown[self.where[:, 0]] -= held
        shown[self.where[:, 1:]] -= offset + conductance * self.sweeps.voltage[:, 1:]
