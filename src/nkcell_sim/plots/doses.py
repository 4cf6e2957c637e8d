"""Features against what was varied: cells and donors at every dose, the fitted Hill curve and its interval, untreated conditions as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis.dose_response import fit_hill
from ..randomness import stream
from .grids import DOSE_UNITS, feature_of, label_of, scale_axis, varied_keys
from .hill_interval import LEVEL, RESAMPLES, Interval, fine_doses, hill_interval
from .samples import Rows, Sample, count_text, is_cohort, sample_of
from .stored import conditions
from .style import COLOURS, MARKERS, STYLES, in_words, panel_title, pretty, said_instead, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results import ExperimentRuns, Results

CAPTION = (
    "Symbols: mean ± SEM of cells. Line: Hill function fitted to the means."
    f" Band: {LEVEL:.0%} of {RESAMPLES} fits to donors and their cells drawn with replacement."
)
SINGLE = "Lines without symbols: conditions in which nothing was varied."
MOST = 4  # panels


def width_of(runs: ExperimentRuns) -> float:
    """Width of the panels of :func:`dose_panel` together, with the legend beside them [inch]."""
    return max(8.0, 3.6 * len(_levels(runs, _ordered(runs))[:MOST]) + 3.0)


def height_of(runs: ExperimentRuns) -> float:
    """Height of :func:`dose_panel` [inch]: enough for a legend of all conditions."""
    return max(4.6, 0.38 * len(conditions(runs)) + 0.6)


def dose_panel(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """A feature against a varied dose for every condition, with Hill fits and their intervals; returns it in words.

    Where more than one key was varied there is a panel for each value of the others.
    """
    keys = _ordered(runs)
    if not keys:
        return said_instead(part, "nothing was varied in this experiment")
    levels = _levels(runs, keys)[:MOST]
    axes = part.subplots(1, len(levels), sharey=True, squeeze=False)[0]
    said = []
    for ax, (text, chosen) in zip(axes, levels, strict=True):
        found, counts = _panel(ax, runs, keys[0], chosen, fits=len(levels) == 1)
        said += [f"{text} {each}".strip() for each in found]
        panel_title(ax, text or pretty(runs.title), "; ".join(dict.fromkeys(counts)))
    axes[0].set_ylabel(label_of(runs, feature_of(runs)))
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=7.5)
    return f"{label_of(runs, feature_of(runs))} against {in_words(keys[0])}: {'; '.join(said)}."


def _ordered(runs: ExperimentRuns) -> list[str]:
    """Varied keys, a dose before others: it goes along the axis."""
    return sorted(varied_keys(runs), key=lambda key: runs.units[key] not in DOSE_UNITS)


def _levels(runs: ExperimentRuns, keys: Sequence[str]) -> list[tuple[str, Rows]]:
    """Runs by the values of all keys but the first, with the values as text; runs in which nothing was varied are in each."""
    varied = np.all([np.isfinite(runs.varied[key]) for key in keys], axis=0)
    found: dict[str, list[int]] = {}
    for row in np.flatnonzero(varied):
        text = ", ".join(f"{in_words(key)} {runs.varied[key][row]:g} {unit_text(runs.units[key])}" for key in keys[1:])
        found.setdefault(text, []).append(int(row))
    return [(text, np.array([*np.flatnonzero(~varied), *rows], dtype=int)) for text, rows in found.items()]


def _panel(ax: Axes, runs: ExperimentRuns, key: str, chosen: Rows, *, fits: bool) -> tuple[list[str], list[str]]:
    """One panel; what it shows in words, and its numbers of cells."""
    said, counts = [], []
    for i, name in enumerate(conditions(runs)):
        rows = np.intersect1d(runs.of_case(name), chosen)
        if len(rows):
            words, count = _condition(ax, runs, name, i, key, rows, fits=fits)
            said.append(words)
            counts.append(count)
    scale_axis(ax, runs.varied[key][chosen])
    ax.set_xlabel(f"{in_words(key)} ({unit_text(runs.units[key])})")
    ax.margins(y=0.1)
    return said, counts


def _look(i: int) -> dict[str, Any]:
    """Colour and line of the i-th condition; colours come again with another line."""
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": STYLES[(i + i // len(COLOURS)) % len(STYLES)]}


def _condition(ax: Axes, runs: ExperimentRuns, name: str, i: int, key: str, rows: Rows, *, fits: bool) -> tuple[str, str]:
    """One condition's cells, fit and interval, or a level line where nothing was varied; returns it in words, and its numbers of cells."""
    feature, look = feature_of(runs), _look(i)
    if not np.isfinite(runs.varied[key][rows]).any():
        level = sample_of(runs, feature, rows, name)
        ax.axhline(level.mean, label=name, lw=1.2, **look)
        return f"{name} {level.mean:.3g} (not varied)", _counts(runs, level)
    doses = np.unique(runs.varied[key][rows])
    samples = [sample_of(runs, feature, rows[runs.varied[key][rows] == dose], name) for dose in doses]
    means = np.array([s.mean for s in samples])
    ax.errorbar(doses, means, [s.sem for s in samples], fmt=MARKERS[i % 7], color=look["color"], ms=4.5, capsize=2.5, lw=1.0, zorder=4)
    count = _counts(runs, max(samples, key=lambda s: len(s.values)))
    fit = fit_hill(doses, means) if fits and runs.units[key] in DOSE_UNITS else None
    if fit is None or not fit.ok:
        ax.plot(doses, means, label=name, **look)
        return f"{name} {means[0]:.3g} to {means[-1]:.3g}", count
    interval = hill_interval(runs, rows, key, feature, rng=stream(0, "Hill interval", runs.name, name))
    inside = doses[doses > 0.0].min() <= fit.ec50 <= doses.max()
    words = f"EC50 {fit.ec50:.3g} {unit_text(runs.units[key])}{_bounds(interval)}, Hill coefficient {fit.n:.2f}" if inside else "EC50 outside these doses"
    fine = fine_doses(doses)
    ax.plot(fine, fit(fine), label=f"{name}\n{words}", **look)
    if interval is not None:
        ax.fill_between(interval.dose, interval.low, interval.high, color=look["color"], alpha=0.18, lw=0, zorder=1)
    return f"{name} {words}", count


def _counts(runs: ExperimentRuns, sample: Sample) -> str:
    return f"{count_text([sample]) if is_cohort(runs) else f'n = {len(sample.values)} cell'} a point"


def _bounds(interval: Interval | None) -> str:
    return "" if interval is None else f" ({interval.ec50[0]:.3g} to {interval.ec50[1]:.3g})"
