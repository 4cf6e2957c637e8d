"""Bars for many conditions: one row a condition, mean and standard error with every cell and donor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .bars import JOINED
from .samples import Sample, is_cohort, samples_of
from .stored import conditions
from .style import COLOURS, panel_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results import ExperimentRuns

MOST_UPRIGHT = 7  # conditions whose bars stand side by side
ROW = 0.3  # inches of a condition


def row_bars(part: Any, runs: ExperimentRuns, features: Sequence[tuple[str, str]], label: str) -> list[str]:
    """One panel a feature, one row a condition; returns what is drawn in words. ``features`` are (name, heading) pairs of one unit."""
    axes = part.subplots(1, len(features), sharey=True, squeeze=False)[0]
    said = []
    for ax, (feature, heading) in zip(axes, features, strict=True):
        samples = samples_of(runs, feature)
        for k, sample in enumerate(samples):
            _row(ax, k, sample, COLOURS[k % len(COLOURS)])
        ax.axvline(0.0, color="#333333", lw=0.8)
        ax.set_xlabel(label)
        panel_title(ax, heading, _range_text(samples) if is_cohort(runs) else "n = 1 cell each", width=34)
        said.append(f"{heading}: " + "; ".join(f"{s.name} {s.mean:.3g}" for s in samples))
    names = conditions(runs)
    axes[0].set_yticks(range(len(names)), names, fontsize=7.5)
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    return said


def _row(ax: Axes, y: float, sample: Sample, colour: str) -> None:
    if not len(sample.values):
        ax.text(0.0, y, " no value", va="center", fontsize=6.5, color="#444444")
        return
    ax.barh(y, sample.mean, 0.75, facecolor=colour, alpha=0.22, edgecolor=colour, lw=0.8, zorder=1)
    people = sample.people
    rows = y + 0.3 * (np.linspace(-1.0, 1.0, len(people)) if len(people) > 1 else np.zeros(1))
    small = 6.0 if len(people) <= JOINED else 3.0
    for donor, row in zip(people, rows, strict=True):
        cells = sample.of_donor(donor)
        ax.scatter(cells, np.full(len(cells), row), s=small, color=colour, alpha=0.75, lw=0, zorder=4)
        ax.scatter(cells.mean(), row, s=2.0 * small, marker="D", facecolor="white", edgecolor=colour, lw=0.7, zorder=5)
    if np.isfinite(sample.sem):
        ax.errorbar(sample.mean, y, xerr=sample.sem, color="#333333", capsize=2.5, lw=1.2, zorder=6)


def _range_text(samples: Sequence[Sample]) -> str:
    """Numbers of cells and donors of many samples as ranges."""
    cells, donors = [len(s.values) for s in samples], [len(s.people) for s in samples]
    lost = sum(s.lost for s in samples)
    spans = (f"{min(v)}" if min(v) == max(v) else f"{min(v)} to {max(v)}" for v in (cells, donors))
    n, people = spans
    return f"n = {n} cells, N = {people} donors each" + (f"; {lost} without a value" if lost else "")
