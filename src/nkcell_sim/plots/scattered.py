"""Figures of samples: a feature of every run against each of the keys that were varied together, not in a grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .grids import feature_of, label_of, scale_axis, varied_keys
from .stored import conditions
from .style import MARKERS, in_words, look_of, panel_title, pretty, unit_text

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

ROW, HIGH = 4, 3.2  # panels in a row, and their height [inch]
MOST_DRAWN = 4000  # runs of a condition that are drawn: the first, which are a smaller sample of their own
CAPTION = "One point a run; all keys vary at once. The ranges and distributions are those of the study, not measured ones."


def is_scattered(runs: ExperimentRuns) -> bool:
    """Whether several keys were varied together without every combination of their values: samples, tables, lists."""
    keys = varied_keys(runs)
    if len(keys) < 2:
        return False
    for name in conditions(runs):
        rows = runs.of_case(name)
        values = np.column_stack([runs.varied[key][rows] for key in keys])
        values = values[:, np.isfinite(values).any(axis=0)]
        levels = math.prod(len(np.unique(column)) for column in values.T)
        if len(np.unique(values, axis=0)) != levels:
            return True
    return False


def height_of(runs: ExperimentRuns) -> float:
    """Height of :func:`scatter_panels` [inch]."""
    return HIGH * math.ceil(len(varied_keys(runs)) / ROW)


def width_of(runs: ExperimentRuns) -> float:
    """Width of :func:`scatter_panels` with the legend beside them [inch]."""
    return 3.0 * min(ROW, len(varied_keys(runs))) + 2.4


def scatter_panels(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """The main feature against every varied key, a panel each; returns its spread in words."""
    keys, feature = varied_keys(runs), feature_of(runs)
    columns = min(ROW, len(keys))
    grid = part.subplots(math.ceil(len(keys) / columns), columns, sharey=True, squeeze=False)
    axes = grid.ravel()
    for ax, key in zip(axes, keys, strict=False):
        for i, name in enumerate(conditions(runs)):
            rows = runs.of_case(name)[:MOST_DRAWN]
            rows = rows[np.isfinite(runs.varied[key][rows])]
            label, colour = pretty(name), look_of(i)["color"]
            ax.plot(runs.varied[key][rows], runs[feature][rows], MARKERS[i % 7], color=colour, ms=4.0, alpha=0.8, label=label, ls="none")
        scale_axis(ax, runs.varied[key])
        ax.set_xlabel(f"{in_words(key)} ({unit_text(runs.units[key])})")
    for ax in axes[len(keys) :]:
        ax.set_axis_off()
    for row in grid:
        row[0].set_ylabel(label_of(runs, feature))
    grid[0, -1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=7.5)
    said = [_spread(runs, feature, name) for name in conditions(runs)]
    panel_title(axes[0], pretty(runs.title), "")
    return f"{label_of(runs, feature)} against {', '.join(map(in_words, keys))}. Median and 5 to 95 % of the runs: {'; '.join(said)}."


def _spread(runs: ExperimentRuns, feature: str, name: str) -> str:
    values = runs[feature][runs.of_case(name)]
    known = values[np.isfinite(values)]
    if not len(known):
        return f"{pretty(name)}: no run succeeded"
    low, middle, high = np.percentile(known, [5, 50, 95])
    return f"{pretty(name)} {middle:.3g} ({low:.3g} to {high:.3g}), {len(known)} runs"
