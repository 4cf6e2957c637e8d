"""Courses over days: levels, occupancy and what follows from them, one panel below the other, with the doses as ticks."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiments import names
from .bands import band, threads
from .generic import axis_of, overlaid, time_unit
from .samples import Array, count_of_rows, is_cohort
from .stored import conditions
from .style import in_words, pretty, said_instead, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results import ExperimentRuns, Results

# From the plasma to the channels.
FIRST = (names.NTX_PLASMA, names.NALTREXOL_PLASMA, names.COMPETITION, names.OPIOID, "channel_number", names.RELATIVE_CURRENT)
MOST = 10  # quantities
ROW = 0.95  # inches of one of them
DESCRIBED = 26  # characters in a line beside a panel


def companions(results: Results, runs: ExperimentRuns) -> list[ExperimentRuns]:
    """Experiments of this kind without anything varied: they belong into one figure, if only their times fit."""
    return [r for r in results.experiments.values() if r.kind == runs.kind and _quantities(r) == _quantities(runs)]


def height_of(runs: ExperimentRuns) -> float:
    """Height of :func:`course_panels` [inch]."""
    return ROW * max(len(_quantities(runs)), 2) + 0.6


def _quantities(runs: ExperimentRuns) -> list[str]:
    """Quantities to draw: those that tell the story of a dose, or whatever the file has."""
    drawable = [n for n in runs.recorded if axis_of(runs, n) is not None]
    return [n for n in FIRST if n in drawable] or drawable[:MOST]


def course_panels(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Traces over days of all experiments of this kind, with the doses as ticks; returns them in words."""
    shown, together = _quantities(runs), companions(results, runs)
    if not shown:
        return said_instead(part, "no traces are in the file")
    axes = part.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for ax, name in zip(axes, shown, strict=True):
        _panel(ax, together, name)
    scale, unit = time_unit(float(np.ptp(runs.time)))
    axes[-1].set(xlabel=f"time ({unit})", xlim=(0.0, max(float(r.time[-1]) for r in together) / scale))
    doses = dose_times(runs)
    for ax in axes:
        ax.plot(doses / scale, np.ones(len(doses)), "v", color="#333333", ms=4, transform=ax.get_xaxis_transform(), clip_on=False)
    taken = f"{len(doses)} dose{'s' if len(doses) != 1 else ''}" if len(doses) else "no dose"
    axes[0].set_title(f"Triangles: doses ({len(doses)})" if len(doses) else "")
    if len(together) > 1 or len(conditions(runs)) > 1:
        part.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=4)
    return f"Course of {'; '.join(pretty(runs.describe(n) or n) for n in shown)} for {', '.join(_names(together))}; {taken}."


def _names(together: Sequence[ExperimentRuns]) -> list[str]:
    """Names of the lines: conditions, with the experiment where there are several."""
    return [f"{in_words(r.name)}, {case}" if len(together) > 1 else case for r in together for case in conditions(r)]


def _panel(ax: Axes, together: Sequence[ExperimentRuns], name: str) -> None:
    """One quantity of all experiments: the line of a single cell, or cells with mean and band."""
    counts, labels = [], iter(_names(together))
    scale, _ = time_unit(float(np.ptp(together[0].time)))
    k = 0
    for r in together:
        for case in conditions(r):
            rows, look, label = r.of_case(case), overlaid(k), next(labels)
            if len(rows) == 1:
                ax.plot(r.time / scale, r[name][rows[0]], label=label, **look)
            else:
                threads(ax, r.time / scale, r[name][rows], look)
                band(ax, r.time / scale, r[name][rows], look, label)
            counts.append(count_of_rows(r, rows, r[name][rows]) if is_cohort(r) else f"n = {len(rows)}")
            k += 1
    first = together[0]
    text = textwrap.fill(f"{pretty(first.describe(name) or name)} ({unit_text(first.units[name])})", DESCRIBED)
    ax.set_ylabel(text, rotation=0, ha="right", va="center", fontsize=7)
    ax.set_title("; ".join(dict.fromkeys(counts)), loc="right", fontsize=7, fontweight="normal", color="#444444")
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 0.0) if low > -0.05 * (high - low) else low, high)


def dose_times(runs: ExperimentRuns) -> Array:
    """When a dose was taken [s]: the phases of the first protocol that are a mass in mg; empty when there are none."""
    return np.array([start for start, _, text in runs.phases if text.split()[-1:] == ["mg"]])
