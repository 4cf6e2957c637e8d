"""Bars with points: mean and standard error of a condition, every cell, every donor, as the source review's figure 1 is drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .comparisons import Bracket, brackets_of, draw_brackets
from .samples import Sample, count_text, samples_of
from .stored import conditions
from .style import COLOURS, panel_title, pretty, shortened, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results import ExperimentRuns, Results

CAPTION = "Bars: mean ± SEM of cells. Small points: cells, one column a donor. Diamonds: means of donors; grey lines join the arms of a donor."
LEVEL = 0.13  # height of a bracket over the height of the data
FEW = 4  # fewer bars than this are not made wider
SHORTEST = 8  # characters with which a shortened description still says what it is
LABEL_WIDTH = 36  # characters that fit beside a panel
JOINED = 12  # donors at most whose arms are joined by lines


def bar_panel(ax: Axes, results: Results, runs: ExperimentRuns, features: Sequence[tuple[str, str]], label: str, *, heading: str) -> list[str]:
    """Bars of one or more features, grouped by feature, one bar a condition; returns what is drawn in words.

    ``features`` are (name, text under the group) pairs of one unit; ``label`` is the axis label with that unit.
    """
    names = conditions(runs)
    width = 0.82 / len(names)
    low, top = _extent(runs, features)
    step = LEVEL * (top - low)
    height, said, used = top, [], []
    for k, (feature, text) in enumerate(features):
        samples = samples_of(runs, feature)
        x = {name: k + (i - 0.5 * (len(names) - 1)) * width for i, name in enumerate(names)}
        for i, sample in enumerate(samples):
            _bar(ax, x[sample.name], width, sample, COLOURS[i % len(COLOURS)])
        _join_arms(ax, x, samples)
        brackets = brackets_of(results, runs.name, feature, names)
        used += brackets
        height = max(height, draw_brackets(ax, brackets, x, top + 0.4 * step, step))
        said.append(f"{text}: " + "; ".join([*map(str, samples), *(f"{b.first} against {b.second}: {b}" for b in brackets)]))
    _axes(ax, runs, features, label, (low, height))
    counts = dict.fromkeys(count_text(samples_of(runs, name)) for name, _ in features)
    panel_title(ax, heading, "; ".join(counts))
    if used:
        ax.set_xlabel(textwrap.fill(_tests_in_words(used), 48 * len(features)), fontsize=6.5, color="#444444", loc="left")
    return said


def _extent(runs: ExperimentRuns, features: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """Smallest and largest value of any cell, 0 among them."""
    values = np.concatenate([[0.0], *(runs[name] for name, _ in features)])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return (low, high) if low < high else (0.0, 1.0)


def _bar(ax: Axes, x: float, width: float, sample: Sample, colour: str) -> None:
    """One bar, its error bar, its cells in a column a donor, and the donors' means."""
    if not len(sample.values):
        ax.text(x, 0.0, "no value", rotation=90, ha="center", va="bottom", fontsize=6.5, color="#444444")
        return
    ax.bar(x, sample.mean, 0.9 * width, facecolor=colour, alpha=0.22, edgecolor="none", zorder=1)
    ax.bar(x, sample.mean, 0.9 * width, facecolor="none", edgecolor=colour, lw=1.1, zorder=2)
    people = sample.people
    columns = x + 0.36 * width * (np.linspace(-1.0, 1.0, len(people)) if len(people) > 1 else np.zeros(1))
    small = 11.0 if len(people) <= JOINED else 4.0
    for donor, column in zip(people, columns, strict=True):
        cells = sample.of_donor(donor)
        ax.scatter(np.full(len(cells), column), cells, s=small, color=colour, alpha=0.75, lw=0, zorder=4)
        ax.scatter(column, cells.mean(), s=2.2 * small, marker="D", facecolor="white", edgecolor=colour, lw=0.9, zorder=5)
    if np.isfinite(sample.sem):
        ax.errorbar(x, sample.mean, sample.sem, color="#333333", capsize=3.0, lw=1.3, zorder=6)


def _join_arms(ax: Axes, x: dict[str, float], samples: Sequence[Sample]) -> None:
    """Thin lines between the means of a donor that is in two neighbouring conditions."""
    if max((len(s.people) for s in samples), default=0) > JOINED:
        return
    width = 0.82 / len(samples)
    for a, b in pairwise(samples):
        for donor in (d for d in a.people if d in b.people):
            ends = [_column(x[s.name], width, s.people, donor) for s in (a, b)]
            ax.plot(ends, [s.of_donor(donor).mean() for s in (a, b)], color="#999999", lw=0.6, zorder=3)


def _column(x: float, width: float, people: Sequence[str], donor: str) -> float:
    place = np.linspace(-1.0, 1.0, len(people))[people.index(donor)] if len(people) > 1 else 0.0
    return float(x + 0.36 * width * place)


def _axes(ax: Axes, runs: ExperimentRuns, features: Sequence[tuple[str, str]], label: str, extent: tuple[float, float]) -> None:
    low, high = extent
    ax.axhline(0.0, color="#333333", lw=0.8, zorder=3)
    names = conditions(runs)
    width = 0.82 / len(names)
    if len(features) > 1:
        ax.set_xticks(range(len(features)), [pretty(text) for _, text in features])
    else:
        ticks = [(i - 0.5 * (len(names) - 1)) * width for i in range(len(names))]
        ax.set_xticks(ticks, [textwrap.fill(n, 11, break_long_words=False) for n in names], fontsize=7.5)
    if len(features) == 1 and len(names) < FEW:
        ax.set_xlim(-0.5 * FEW * width, 0.5 * FEW * width)
    ax.tick_params(axis="x", length=0)
    room = 0.08 * (high - low)
    ax.set_ylim(low - room if low < 0.0 else 0.0, high + room)
    ax.set_ylabel(label)


def _tests_in_words(brackets: Sequence[Bracket]) -> str:
    tests = ", ".join(dict.fromkeys(t for b in brackets for t in b.tests))
    return f"p: {tests}{', corrected' if any(b.corrected for b in brackets) else ''}"


def condition_legend(part: Any, names: Sequence[str]) -> None:
    """Which colour is which condition, below the panels."""
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=COLOURS[i % 7], alpha=0.55, edgecolor=COLOURS[i % 7], label=n) for i, n in enumerate(names)]
    part.legend(handles=handles, loc="outside lower left", ncols=4)


def axis_label(runs: ExperimentRuns, feature: str) -> str:
    """Axis label of a feature, with its unit."""
    described = runs.describe(feature)
    text = shortened(described)
    return textwrap.fill(f"{pretty((text if len(text) > SHORTEST else described) or feature)} ({unit_text(runs.units[feature])})", LABEL_WIDTH)
