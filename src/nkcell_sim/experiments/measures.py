"""Features of traces by named definition: pure functions on arrays, each with a closed-form test.

Times are in seconds; ``y`` is one trace ``(n_times,)``. A feature that does not exist in a trace (no rise, a failed
run) is NaN, never an exception, so that one cell cannot stop a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .exponential_rise import fitted_rises

Array = NDArray[np.float64]
HALF_TIME_DEFINITIONS = {
    "onset_to_half": "time from drug onset to half of the peak rise above baseline, linear interpolation between samples",
    "exponential_fit": "ln 2 times the time constant of one exponential fitted from onset to peak (misleading for a sigmoid rise)",
    "time_to_peak": "time from drug onset to the largest value",
}


class Peak(NamedTuple):
    """Largest value above baseline and when it is reached, counted from onset [s]."""

    height: float
    time: float


def window(time: ArrayLike, y: ArrayLike, start: float, end: float) -> tuple[Array, Array]:
    """Samples with start <= time <= end [s] (a nanosecond of slack for rounding)."""
    t, v = np.asarray(time, float), np.asarray(y, float)
    keep = (t >= start - 1e-9) & (t <= end + 1e-9)
    return t[keep], v[keep]


def value_at(time: ArrayLike, y: ArrayLike, when: float) -> float:
    """Value at ``when`` [s] by linear interpolation; NaN outside the trace."""
    return float(np.interp(when, np.asarray(time, float), np.asarray(y, float), left=np.nan, right=np.nan))


def peak(time: ArrayLike, y: ArrayLike, onset: float, end: float) -> Peak:
    """Largest rise above the value at ``onset`` within [onset, end] s."""
    t, v = window(time, y, onset, end)
    if len(t) == 0 or not np.isfinite(v).all():
        return Peak(np.nan, np.nan)
    k = int(np.argmax(v))
    return Peak(float(v[k] - value_at(time, y, onset)), float(t[k] - onset))


def half_time_onset_to_half(time: ArrayLike, y: ArrayLike, onset: float, end: float) -> float:
    """Time from onset until half of the peak rise is first reached [s]."""
    t, v = window(time, y, onset, end)
    top = peak(time, y, onset, end)
    if not top.height > 0.0:
        return np.nan
    return _first_crossing(t, v, value_at(time, y, onset) + 0.5 * top.height) - onset


def half_time_exponential_fit(time: ArrayLike, y: ArrayLike, onset: float, end: float) -> float:
    """ln 2 tau of A (1 - exp(-(t - onset)/tau)) fitted from onset to peak [s]; do not use as evidence for a sigmoid rise."""
    return float(half_times_exponential_fit(time, [y], onset, end)[0])


def half_times_exponential_fit(time: ArrayLike, traces: Sequence[ArrayLike], onset: float, end: float) -> Array:
    """:func:`half_time_exponential_fit` of every trace, (n_traces,); all are fitted at once, each to the bits that it has alone."""
    found = np.full(len(traces), np.nan)
    t, whole = np.asarray(time, float), [np.asarray(y, float) for y in traces]
    inside = (t >= onset - 1e-9) & (t <= end + 1e-9)
    rows, rises, parts = [], [], []
    for i, y in enumerate(whole):
        top = peak(t, y, onset, end)
        part = t[inside] <= onset + top.time + 1e-9
        if top.height > 0.0 and top.time > 0.0 and part.sum() >= 4:
            rows.append(i)
            parts.append(part)
            rises.append(np.where(part, (y[inside] - value_at(t, y, onset)) / top.height, 0.0))
    if rows:
        found[rows] = np.log(2.0) * fitted_rises(t[inside] - onset, np.array(rises), np.array(parts))
    return found


def decay_half_time(time: ArrayLike, y: ArrayLike, start: float, end: float, floor: float) -> float:
    """Time from ``start`` until the trace has fallen half-way from its value there to ``floor`` [s]."""
    t, v = window(time, y, start, end)
    if len(t) == 0 or not np.isfinite(v).all() or not v[0] > floor:
        return np.nan
    return _first_crossing(t, -v, -(floor + 0.5 * (v[0] - floor))) - start


def slope_from_onset(time: ArrayLike, y: ArrayLike, onset: float, span: float) -> float:
    """Mean rate of rise over the first ``span`` seconds after onset [unit of y per s]."""
    return (value_at(time, y, onset + span) - value_at(time, y, onset)) / span


def steepest_slope(time: ArrayLike, y: ArrayLike, onset: float, end: float, span: float) -> float:
    """Largest mean rate of rise over any ``span`` seconds between onset and end [unit of y per s]."""
    t, v = window(time, y, onset, end)
    first = t[t <= end - span + 1e-9]
    if len(first) == 0 or not np.isfinite(v).all():
        return np.nan
    return float(np.max((np.interp(first + span, t, v) - np.interp(first, t, v)) / span))


def area_above(time: ArrayLike, y: ArrayLike, start: float, end: float, level: float) -> float:
    """Area between the trace and ``level`` from start to end, trapezoidal [unit of y times s]."""
    t, v = window(time, y, start, end)
    return float(np.trapezoid(v - level, t)) if len(t) > 1 else np.nan


def rectification(outward: ArrayLike, inward: ArrayLike) -> Array:
    """Outward amplitude over inward amplitude, I(+)/-I(-); NaN where the inward one is not inward."""
    out, into = np.asarray(outward, float), np.asarray(inward, float)
    return np.where(into < 0.0, out / np.where(into < 0.0, -into, 1.0), np.nan)


def reversal_potential(v: ArrayLike, i: ArrayLike) -> float:
    """Voltage at which the current first changes sign from inward to outward [mV]; NaN if it does not."""
    vv, ii = np.asarray(v, float), np.asarray(i, float)
    if not np.isfinite(ii).all() or len(ii) < 2:
        return np.nan
    crossing = np.flatnonzero((ii[:-1] < 0.0) & (ii[1:] >= 0.0))
    if len(crossing) == 0:
        return np.nan
    k = crossing[0]
    return float(vv[k] - ii[k] * (vv[k + 1] - vv[k]) / (ii[k + 1] - ii[k]))


def _first_crossing(t: Array, v: Array, level: float) -> float:
    """Time at which v first reaches ``level`` from below, linear between samples."""
    above = np.flatnonzero(v >= level)
    if len(above) == 0:
        return np.nan
    k = int(above[0])
    if k == 0:
        return float(t[0])
    return float(t[k - 1] + (t[k] - t[k - 1]) * (level - v[k - 1]) / (v[k] - v[k - 1]))
