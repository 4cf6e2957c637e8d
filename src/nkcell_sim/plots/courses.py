"""Courses over days: levels, occupancy and what follows from them, one panel below the other, with the doses as ticks."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from .generic import axis_of, time_unit, trace_panel
from .samples import Array
from .stored import conditions
from .style import pretty, said_instead

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

# What a reader wants to see first; names are matched by these beginnings of words, everything else follows in the file's order.
WANTED = ("plasma", "ntx", "naltrex", "occup", "theta", "opioid", "endogen", "number", "n_rel", "current", "relative")
MOST = 7


def course_panels(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Traces over days with the doses as ticks; returns them in words."""
    drawable = sorted((n for n in runs.recorded if axis_of(runs, n) is not None), key=lambda n: _rank(runs, n))
    if not drawable:
        return said_instead(part, "no traces are in the file")
    shown = drawable[:MOST]
    axes = part.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for ax, name in zip(axes, shown, strict=True):
        trace_panel(ax, runs, name)
        ax.set_ylabel(textwrap.fill(" ".join(ax.get_ylabel().split()), 26), rotation=0, ha="right", va="center", fontsize=7.5)
        low, high = ax.get_ylim()
        ax.set_ylim(min(low, 0.0) if low > -0.05 * (high - low) else low, high)
    for ax in axes[:-1]:
        ax.set_xlabel("")
    doses = dose_times(runs)
    scale, _ = time_unit(float(np.ptp(runs.time)))
    for ax in axes:
        ax.plot(doses / scale, np.full(len(doses), 1.0), "v", color="#333333", ms=4, transform=ax.get_xaxis_transform(), clip_on=False)
    said = f"{len(doses)} dose{'s' if len(doses) != 1 else ''}" if len(doses) else "no dose"
    axes[0].set_title(f"Triangles: doses ({len(doses)})" if len(doses) else "")
    if len(conditions(runs)) > 1:
        axes[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return f"Course of {', '.join(pretty(runs.describe(n) or n) for n in shown)} for {', '.join(conditions(runs))}; {said}."


def _rank(runs: ExperimentRuns, name: str) -> int:
    text = f"{name} {runs.describe(name)}".lower()
    return next((i for i, word in enumerate(WANTED) if word in text), len(WANTED))


def dose_times(runs: ExperimentRuns) -> Array:
    """When a dose was taken [s]: the phases of the first protocol that are a mass in mg; empty when there are none."""
    return np.array([start for start, _, text in runs.phases if text.split()[-1:] == ["mg"]])
