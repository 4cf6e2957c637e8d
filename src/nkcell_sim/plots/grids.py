"""Figures of grids: dose-response with Hill fits, dose against time, a feature against a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..analysis.dose_response import fit_hill
from ..experiments import TREATMENTS
from .stored import conditions
from .style import MARKERS, in_words, look_of, new_figure, pretty, say_n, shortened, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..results import ExperimentRuns, Results

# First feature of each kind of experiment that a dose-response or a summary is drawn of.
SUMMARY = {
    "patch_clamp": ("pregs_1_outward_density", "evoked current at the end of the ramp"),
    "calcium_imaging": ("ca_amplitude", "peak Ca²⁺ above rest"),
    "store_operated_entry": ("readdition_peak", "Ca²⁺ peak after readdition"),
    "incubation": ("n_rel_end", "relative channel number"),
    "nk_function": ("released_20min", "granules released 20 min after the target arrived"),
    "naltrexone_course": ("current_end", "share of the healthy TRPM3 current at the end"),
}

DOSE_UNITS = ("uM", "nM", "mM", "mg")  # of varied keys against which a Hill function is fitted
WIDE = 20.0  # ratio of the largest to the smallest value from which on an axis is logarithmic


def grid_figure(results: Results, runs: Sequence[ExperimentRuns]) -> Figure:
    """Features against what was varied: dose-response with Hill fits, dose against time, or a plain curve."""
    shown = [(r, keys) for r in runs if (keys := varied_keys(r))]
    incubation = [r for r, keys in shown if len(keys) == 2]
    if incubation:
        return _surface_figure(results, incubation[0])
    drawn = new_figure(results, [r for r, _ in shown], 4.6 * max(len(shown), 1) + 0.6, 4.6)
    axes = drawn.subplots(1, max(len(shown), 1), squeeze=False)[0]
    for ax, (r, keys) in zip(axes, shown, strict=False):
        _curve(ax, r, keys[0])
    return drawn


def varied_keys(runs: ExperimentRuns) -> list[str]:
    """Varied keys that act on an experiment: its own fields, those of treatments and parameters; another experiment's do not."""
    return [k for k, v in runs.varied.items() if len(np.unique(v[np.isfinite(v)])) > 1 and _acts(runs, k)]


def _acts(runs: ExperimentRuns, key: str) -> bool:
    owner = key.partition(".")[0]
    known = owner in TREATMENTS or key in list(runs.group.groups["parameters"].variables["parameter"].values)
    return known or owner == runs.name


def feature_of(runs: ExperimentRuns) -> str:
    """The feature that a dose-response is drawn of."""
    wanted = SUMMARY.get(runs.kind, ("", ""))[0]
    return wanted if wanted in runs.features else runs.features[0]


def label_of(runs: ExperimentRuns, feature: str) -> str:
    """Axis label of a feature, with its unit."""
    known = dict(SUMMARY.values())
    return f"{known.get(feature) or shortened(runs.describe(feature))} ({unit_text(runs.units[feature])})"


def plain_log(ax: Axes) -> None:
    """Logarithmic horizontal axis with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(base=10.0, subs=(1.0, 3.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_formatter(FuncFormatter(lambda x, _: ""))


def scale_axis(ax: Axes, values: NDArray[np.float64]) -> None:
    """Logarithmic horizontal axis where varied values (NaN: not varied) are above 0 and span more than a factor of :data:`WIDE`."""
    known = values[np.isfinite(values)]
    if known.min() > 0.0 and known.max() / known.min() > WIDE:
        plain_log(ax)


def _curve(ax: Axes, runs: ExperimentRuns, key: str) -> None:
    """One feature against one varied key, a Hill fit where the key is a dose."""
    feature = feature_of(runs)
    is_dose = runs.units[key] in DOSE_UNITS
    for i, name in enumerate(conditions(runs)):
        rows = varying(runs, key, name)
        look = look_of(i)
        if not len(rows):
            ax.axhline(runs[feature][runs.of_case(name)[0]], label=name, **look)
            continue
        x, first = np.unique(runs.varied[key][rows], return_index=True)
        y = runs[feature][rows][first]
        label = name
        fit = fit_hill(x, y) if is_dose else None
        if fit is not None and fit.ok:
            fine = np.geomspace(x[x > 0.0].min(), x.max(), 200)
            inside = fit.ec50 <= x.max()
            label = f"{name}: " + (f"EC50 {fit.ec50:.3g} {unit_text(runs.units[key])}, n {fit.n:.2f}" if inside else "no saturation at these doses")
            ax.plot(fine, fit(fine), **look)
        else:
            ax.plot(x, y, **look)
        ax.plot(x, y, MARKERS[i % 7], color=look["color"], ms=5, label=label)
    scale_axis(ax, runs.varied[key])
    ax.set(xlabel=f"{in_words(key)} ({unit_text(runs.units[key])})", ylabel=label_of(runs, feature))
    ax.set_title(pretty(runs.title))
    say_n(ax, "n = 1 cell a point")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.3 * (high - low))
    ax.legend(loc="upper left")


def varying(runs: ExperimentRuns, key: str, name: str) -> NDArray[np.intp]:
    """Positions of the runs of a condition that vary with a key; none for an untreated condition and a key of the treatment."""
    rows = runs.of_case(name)
    return rows[np.isfinite(runs.varied[key][rows])]


def _surface_figure(results: Results, runs: ExperimentRuns) -> Figure:
    """One feature against two varied keys: lines over the second, one colour a value of the first, one panel a condition."""
    first, second = varied_keys(runs)[:2]
    feature = feature_of(runs)
    names = [name for name in conditions(runs) if len(varying(runs, first, name))]
    still = [name for name in conditions(runs) if name not in names]
    drawn = new_figure(results, [runs], 4.6 * len(names) + 0.6, 4.6)
    axes = drawn.subplots(1, len(names), sharey=True, squeeze=False)[0]
    levels = np.unique(runs.varied[first][np.isfinite(runs.varied[first])])
    shades = _shades(len(levels))
    for ax, name in zip(axes, names, strict=True):
        rows = runs.of_case(name)
        for k, (level, shade) in enumerate(zip(levels, shades, strict=True)):
            chosen = rows[runs.varied[first][rows] == level]
            order = np.argsort(runs.varied[second][chosen])
            ax.plot(
                runs.varied[second][chosen][order], runs[feature][chosen][order], color=shade, marker=MARKERS[k % 7], ms=4.5,
                label=f"{level:g} {unit_text(runs.units[first])}",
            )  # fmt: skip
        for reference, _ in _references(runs, names[0], first, feature, still):
            ax.axhline(reference, color="#888888", lw=0.9, ls=":", zorder=0)
        scale_axis(ax, runs.varied[second])
        ax.set_xlabel(f"{in_words(second)} ({unit_text(runs.units[second])})")
        ax.set_title(name)
        say_n(ax, "n = 1 cell a point")
    axes[0].set_ylabel(label_of(runs, feature))
    axes[0].set_ylim(bottom=0.0)
    axes[-1].legend(title=in_words(first), loc="lower right")
    for reference, said in _references(runs, names[0], first, feature, still):
        axes[-1].annotate(said, (0.02, reference), xycoords=("axes fraction", "data"), va="bottom", fontsize=7, color="#666666")
    return drawn


def _references(runs: ExperimentRuns, name: str, key: str, feature: str, still: Sequence[str]) -> list[tuple[float, str]]:
    """Values to compare with: conditions that do not vary, or the first condition at the smallest value of the key."""
    if still:
        return [(float(runs[feature][runs.of_case(each)[0]]), each) for each in still]
    rows = runs.of_case(name)
    lowest = rows[np.argmin(runs.varied[key][rows])]
    return [(float(runs[feature][lowest]), f"{name} at {runs.varied[key][lowest]:g} {unit_text(runs.units[key])}")]


def _shades(n: int) -> list[Any]:
    """Colours for ordered values, readable in grey."""
    from matplotlib import colormaps

    return [colormaps["cividis"](x) for x in np.linspace(0.0, 0.88, n)]
