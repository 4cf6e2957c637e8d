"""Dose-response of a cohort: cells and donors at every dose, the fitted Hill curve and its bootstrap interval over donors and cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis.dose_response import fit_hill
from ..randomness import stream
from .grids import feature_of, label_of, plain_log, varied_keys
from .samples import Array, Rows, count_text, donors_of, sample_of
from .stored import conditions
from .style import MARKERS, in_words, look_of, pretty, said_instead, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results import ExperimentRuns, Results

RESAMPLES = 200
LEVEL = 0.95
CAPTION = (
    "Symbols: mean ± SEM of cells. Line: Hill function fitted to the means."
    f" Band: {LEVEL:.0%} of {RESAMPLES} fits to donors and their cells drawn with replacement."
)
MOST = 4  # panels
DOSES = ("uM", "nM", "mM", "mg")


@dataclass(frozen=True)
class Interval:
    """Percentile band of a fitted curve at ``dose`` and of its EC50, from ``n`` resamples that could be fitted."""

    dose: Array
    low: Array
    high: Array
    ec50: tuple[float, float]
    n: int


def width_of(runs: ExperimentRuns) -> float:
    """Width of the panels of :func:`dose_panel` together [inch]."""
    return max(7.5, 4.6 * len(_levels(runs, varied_keys(runs)[1:])[:MOST]))


def dose_panel(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """A feature against a varied dose for every condition, with Hill fits and their intervals; returns it in words.

    Where more than one key was varied there is a panel for each value of the others.
    """
    keys = varied_keys(runs)
    if not keys:
        return said_instead(part, "nothing was varied in this experiment")
    levels = _levels(runs, keys[1:])[:MOST]
    axes = part.subplots(1, len(levels), sharey=True, squeeze=False)[0]
    said = []
    for ax, (text, chosen) in zip(axes, levels, strict=True):
        said += [f"{text} {found}".strip() for found in _panel(ax, runs, keys[0], chosen)]
        ax.set_title(f"{pretty(runs.title)} {text}".strip())
    axes[0].set_ylabel(label_of(runs, feature_of(runs)))
    return f"{label_of(runs, feature_of(runs))} against {in_words(keys[0])}: {'; '.join(said)}."


def _levels(runs: ExperimentRuns, keys: Sequence[str]) -> list[tuple[str, Rows]]:
    """Runs by the values of these keys, with the values as text; all runs where there are no keys."""
    found: dict[str, list[int]] = {}
    for row in range(len(runs.cases)):
        text = ", ".join(f"{in_words(key)} {runs.varied[key][row]:g} {unit_text(runs.units[key])}" for key in keys)
        found.setdefault(text, []).append(row)
    return [(text, np.array(rows)) for text, rows in found.items()]


def _panel(ax: Axes, runs: ExperimentRuns, key: str, chosen: Rows) -> list[str]:
    names = conditions(runs)
    said = [_condition(ax, runs, name, i, key, np.intersect1d(runs.of_case(name), chosen)) for i, name in enumerate(names)]
    values = runs.varied[key][chosen]
    if values.min() > 0.0 and values.max() / values.min() > 20.0:
        plain_log(ax)
    ax.set_xlabel(f"{in_words(key)} ({unit_text(runs.units[key])})")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.12 * (1 + len(said)) * (high - low))
    ax.legend(loc="upper left", fontsize=7.5)
    return said


def _condition(ax: Axes, runs: ExperimentRuns, name: str, i: int, key: str, rows: Rows) -> str:
    """One condition's cells, fit and interval; returns them in words."""
    feature = feature_of(runs)
    doses = np.unique(runs.varied[key][rows])
    samples = [sample_of(runs, feature, rows[runs.varied[key][rows] == dose], name) for dose in doses]
    means = np.array([s.mean for s in samples])
    look = look_of(i)
    ax.errorbar(doses, means, [s.sem for s in samples], fmt=MARKERS[i % 7], color=look["color"], ms=4.5, capsize=2.5, lw=1.0, zorder=4)
    counts = count_text([max(samples, key=lambda s: len(s.values))]) + (" a dose" if len(doses) > 1 else "")
    unit = unit_text(runs.units[key])
    fit = fit_hill(doses, means) if runs.units[key] in DOSES else None
    if fit is None or not fit.ok:
        ax.plot(doses, means, label=f"{name} ({counts})", **look)
        return f"{name} ({counts})"
    interval = hill_interval(runs, rows, key, feature, rng=stream(0, "Hill interval", runs.name, name))
    fine = _fine(doses)
    inside = doses[doses > 0.0].min() <= fit.ec50 <= doses.max()
    words = f"EC50 {fit.ec50:.3g} {unit}{_bounds(interval)}, n_H {fit.n:.2f}" if inside else "EC50 outside these doses"
    ax.plot(fine, fit(fine), label=f"{name}: {words}\n{counts}", **look)
    if interval is not None:
        ax.fill_between(interval.dose, interval.low, interval.high, color=look["color"], alpha=0.18, lw=0, zorder=1)
    return f"{name} {words} ({counts})"


def _bounds(interval: Interval | None) -> str:
    return "" if interval is None else f" ({interval.ec50[0]:.3g} to {interval.ec50[1]:.3g})"


def _fine(doses: Array) -> Array:
    positive = doses[doses > 0.0]
    return np.geomspace(positive.min(), positive.max(), 120)


def hill_interval(
    runs: ExperimentRuns, rows: Rows, key: str, feature: str, *, rng: np.random.Generator, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval | None:
    """Interval of the Hill curve of some runs: donors, and cells within them, drawn with replacement, the means fitted again.

    A cell is followed through all doses, so that its course is drawn as a whole. None for fewer than two donors with two cells or more: there is nothing to
    resample then. Resamples that cannot be fitted are left out, and counted in ``n``.
    """
    courses = _courses(runs, rows, key, feature)
    people = list(dict.fromkeys(donor for donor, _ in courses))
    if len(people) < 2 and len(courses) < 4:
        return None
    doses = np.unique(runs.varied[key][rows])
    by_donor = {donor: np.array([y for (d, _), y in courses.items() if d == donor]) for donor in people}
    fine, curves, ec50 = _fine(doses), [], []
    for _ in range(resamples):
        chosen = rng.integers(len(people), size=len(people)) if len(people) > 1 else np.zeros(1, dtype=int)
        cells = [y[rng.integers(len(y), size=len(y))] for y in (by_donor[people[k]] for k in chosen)]
        fit = fit_hill(doses, _mean(np.concatenate(cells)))
        if fit.ok:
            curves.append(fit(fine))
            ec50.append(fit.ec50)
    if len(curves) < resamples // 2:
        return None
    tails = (0.5 * (1.0 - level), 0.5 * (1.0 + level))
    low, high = np.quantile(curves, tails, axis=0)
    bounds = np.quantile(ec50, tails)
    return Interval(fine, low, high, (float(bounds[0]), float(bounds[1])), len(curves))


def _mean(values: Array) -> Array:
    """Mean over cells without those that have no value."""
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)


def _courses(runs: ExperimentRuns, rows: Rows, key: str, feature: str) -> dict[tuple[str, Any], Array]:
    """Values of every cell through all doses (NaN where it has none), by donor and number of the cell."""
    donors, numbers = donors_of(runs), runs.labels.get("cell", [0] * len(runs.cases))
    doses = np.unique(runs.varied[key][rows])
    found: dict[tuple[str, Any], Array] = {}
    for row in rows:
        course = found.setdefault((donors[row], numbers[row]), np.full(len(doses), np.nan))
        course[np.searchsorted(doses, runs.varied[key][row])] = runs[feature][row]
    return found
