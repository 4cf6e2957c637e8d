"""Panels for any experiment, drawn from what the file says of its variables: features as bars, traces against their own axis."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .bands import band, threads
from .bars import axis_label, bar_panel
from .long_bars import MOST_UPRIGHT, row_bars
from .samples import Array, count_of_rows, is_cohort
from .stored import conditions
from .style import COLOURS, STYLES, is_crowded, look_of, panel_title, pretty, said_instead, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results import ExperimentRuns, Results

MOST = 6  # panels of one figure
MOST_ROWS = 3  # of them with a row for each of many conditions
DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0
SECONDS = {"s": 1.0, "min": MINUTE, "h": HOUR, "d": DAY, "day": DAY}


def feature_bars(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """The features that differ most between conditions as bars, one panel each; returns it in words."""
    return _bars(part, results, runs, telling_features(runs)[:MOST])


def function_bars(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """The first features of the experiment as bars, one panel each; returns it in words."""
    return _bars(part, results, runs, [n for n in runs.features if np.isfinite(runs[n]).any()][:MOST])


def _bars(part: Any, results: Results, runs: ExperimentRuns, shown: Sequence[str]) -> str:
    if not shown:
        return said_instead(part, "no feature has a value")
    begin = f"Features of {', '.join(conditions(runs))}. "
    if len(conditions(runs)) > MOST_UPRIGHT:
        parts = part.subfigures(1, len(shown[:MOST_ROWS]), squeeze=False)[0]
        rows = [row_bars(own, runs, [(n, n.replace("_", " "))], axis_label(runs, n)) for own, n in zip(parts, shown, strict=False)]
        return begin + ". ".join(text for row in rows for text in row)
    columns = min(len(shown), 3)
    axes = part.subplots(-(-len(shown) // columns), columns, squeeze=False).ravel()
    said = []
    for ax, feature in zip(axes, shown, strict=False):
        label = axis_label(runs, feature)
        heading = feature.replace("_", " ")
        if is_cohort(runs):
            said += bar_panel(ax, results, runs, [(feature, label)], label, heading=heading)
        else:
            said.append(_plain_bars(ax, runs, feature, label))
            panel_title(ax, heading, "n = 1 cell each")
    for ax in axes[len(shown) :]:
        ax.set_axis_off()
    return begin + ". ".join(said)


def telling_features(runs: ExperimentRuns) -> list[str]:
    """Features with a value, those that differ most between conditions first."""
    found = [n for n in runs.features if np.isfinite(runs[n]).any()]
    return sorted(found, key=lambda n: -_difference(runs, n))


def _difference(runs: ExperimentRuns, feature: str) -> float:
    """Range of the conditions' means over the largest of them."""
    means = [float(np.mean(v[np.isfinite(v)])) for name in conditions(runs) if np.isfinite(v := runs[feature][runs.of_case(name)]).any()]
    return float(np.ptp(means) / np.max(np.abs(means))) if len(means) > 1 and np.any(means) else 0.0


def _plain_bars(ax: Axes, runs: ExperimentRuns, feature: str, label: str) -> str:
    """One bar a condition with its value written on it, for single cells."""
    names, said = conditions(runs), []
    for i, name in enumerate(names):
        value = float(runs[feature][runs.of_case(name)[0]])
        ax.bar(i, value, 0.7, facecolor=COLOURS[i % 7], alpha=0.55, edgecolor=COLOURS[i % 7])
        ax.text(i, value if np.isfinite(value) else 0.0, f"{value:.3g}" if np.isfinite(value) else "no value", ha="center", va="bottom", fontsize=7)
        said.append(f"{name} {value:.3g}")
    folded = [textwrap.fill(n, 20 if is_crowded(names) else 11, break_long_words=False) for n in names]
    ax.set_xticks(range(len(names)), folded, fontsize=7.5, rotation=90 if is_crowded(names) else 0)
    ax.axhline(0.0, color="#333333", lw=0.8)
    ax.margins(y=0.15)
    ax.set_ylabel(label)
    return f"{label}: {'; '.join(said)}"


def trace_panels(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Every recorded quantity against its own axis, one panel each, conditions overlaid; returns it in words."""
    drawable = [n for n in runs.recorded if axis_of(runs, n) is not None]
    if not drawable:
        return said_instead(part, "no traces are in the file")
    shown = drawable[:MOST]
    columns = 1 if len(shown) < 3 else 2
    rows = -(-len(shown) // columns)
    axes = part.subplots(rows, columns, squeeze=False, sharex=len({axis_of(runs, n)[0] for n in shown}) == 1).ravel()  # type: ignore[index]
    for ax, name in zip(axes, shown, strict=False):
        trace_panel(ax, runs, name)
    for ax in axes[len(shown) :]:
        ax.set_axis_off()
    axes[0].legend(loc="best")
    more = f" {len(drawable) - len(shown)} more traces are in the file." if len(drawable) > len(shown) else ""
    return f"Traces of {', '.join(pretty(runs.describe(n) or n) for n in shown)} for {', '.join(conditions(runs))}.{more}"


def overlaid(i: int) -> dict[str, Any]:
    """Colour and line of the i-th of lines that may lie on each other: only the first is drawn through."""
    return {**look_of(i), "linestyle": STYLES[1 + i % (len(STYLES) - 1)]}


def trace_panel(ax: Axes, runs: ExperimentRuns, name: str) -> None:
    """One recorded quantity, conditions overlaid: the line of a single cell, or cells with mean and band."""
    found = axis_of(runs, name)
    assert found is not None
    label, x = found
    values, counts = runs[name], []
    for i, case in enumerate(conditions(runs)):
        rows = runs.of_case(case)
        if len(rows) == 1:
            ax.plot(x, values[rows[0]], label=case, **overlaid(i))
        else:
            threads(ax, x, values[rows], look_of(i))
            band(ax, x, values[rows], look_of(i), case)
        counts.append(count_of_rows(runs, rows, values[rows]) if is_cohort(runs) else f"n = {len(rows)}")
    ax.set(xlabel=label, ylabel=axis_label(runs, name), xlim=(x[0], x[-1]))
    ax.set_title("; ".join(dict.fromkeys(counts)), loc="right", fontsize=7, fontweight="normal", color="#444444")


def axis_of(runs: ExperimentRuns, name: str) -> tuple[str, Array] | None:
    """Label and values of the axis of a trace (n_runs, n_samples), times in a unit of readable size; None when it has no common axis."""
    variables = runs.group.variables
    dims = variables[name].dims
    if len(dims) != 2 or dims[0] != "run" or dims[1] not in variables or dims[1] == "sample" or variables[dims[1]].values.ndim != 1:
        return None
    axis = variables[dims[1]]
    unit = str(axis.attributes.get("units", "1"))
    values = np.asarray(axis.values, float)
    if len(values) < 2:
        return None
    if unit not in SECONDS:
        return f"{pretty(str(axis.attributes.get('long_name', dims[1])))} ({unit_text(unit)})", values
    seconds = values * SECONDS[unit]
    scale, shown = time_unit(float(seconds[-1] - seconds[0]))
    return f"time ({shown})", seconds / scale


def time_unit(length: float) -> tuple[float, str]:
    """Seconds in the unit that suits a stretch of time [s], and its name."""
    for size, name, least in ((DAY, "d", 2.0 * DAY), (HOUR, "h", 2.0 * HOUR), (MINUTE, "min", 2.0 * MINUTE)):
        if length >= least:
            return size, name
    return 1.0, "s"
