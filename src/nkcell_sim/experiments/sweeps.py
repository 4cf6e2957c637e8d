"""The sweeps of a voltage-clamp recording: stretches that start with a step of the command and are sampled alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
JUST_AFTER = 1e-9  # s: the first sample after a step, the clock's own resolution
GROWTH = 1.12  # of the distance between samples after a step
FINE = (1e-6, 2e-3)  # s: from a tenth of the fastest time constant to well past the slowest that is compensated


@dataclass(frozen=True)
class Sweeps:
    """``starts`` (n_sweeps,) [s]; ``grid`` (n_grid,) [s] from a start, 0 (just before the step) first; ``voltage`` (n_sweeps, n_grid) the nominal command [mV];
    ``jump`` (n_sweeps,) its step at the start [mV] and ``slope`` (n_sweeps,) its rate afterwards [mV/ms]; ``holding`` [mV].

    ``baseline`` are the sweeps on which a laboratory fits the leak, from ``steady_from`` [s] after their start.
    """

    starts: Array
    grid: Array
    voltage: Array
    jump: Array
    slope: Array
    holding: float
    baseline: NDArray[np.intp]
    steady_from: float

    def times(self) -> Array:
        """Sampling times [s], (n_sweeps, n_grid)."""
        return np.asarray(np.round(self.starts[:, None] + self.grid[None, :], 9))

    def positions(self, time: Array) -> NDArray[np.intp]:
        """Where a trace holds the samples, (n_sweeps, n_grid); ValueError if it was not sampled there."""
        return positions(time, self.times())


def positions(time: Array, when: Array) -> NDArray[np.intp]:
    """Positions of times [s] in a trace's times; ValueError if one is missing."""
    found = np.clip(np.searchsorted(time, when - 4e-10), 0, len(time) - 1)
    if np.any(np.abs(time[found] - when) > 4e-10):
        raise ValueError("the trace was not sampled at this experiment's times; simulate with times=experiment.times()")
    return found


def sweep_grid(readings: Array, longest: float) -> Array:
    """Samples from the start of a sweep [s]: just before the step, the readings, and close ones where the capacitive transient lives."""
    count = int(np.log(FINE[1] / FINE[0]) / np.log(GROWTH)) + 1
    fine = np.round(np.append(JUST_AFTER, FINE[0] * GROWTH ** np.arange(count)), 9)
    near = np.any(np.abs(fine[:, None] - readings[None, :]) < 2e-7, axis=1)
    return np.unique(np.concatenate([[0.0], readings, fine[~near & (fine < longest)]]))


def linear(values: Array, grid: Array, at: Array) -> Array:
    """Values (n_sweeps, n_grid) between the samples of a grid, linear, at other times (n,)."""
    k = np.clip(np.searchsorted(grid, at) - 1, 0, len(grid) - 2)
    share = (at - grid[k]) / (grid[k + 1] - grid[k])
    return np.asarray(np.where(share == 1.0, values[:, k + 1], values[:, k] + share * (values[:, k + 1] - values[:, k])))
