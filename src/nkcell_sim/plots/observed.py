"""What an instrument showed beside what it would have shown without imperfections: traces overlaid, features against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiments import PatchClamp
from ..results.layout import IDEAL, OBSERVED
from .bars import axis_label
from .generic import axis_of
from .samples import Array, is_cohort
from .stored import conditions, stored_experiment
from .style import COLOURS, MARKERS, panel_title, pretty, said_instead, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results import ExperimentRuns, Results

CAPTION = (
    "Observed: as the instrument shows it. Ideal: the same cell and protocol without the instrument. Dotted: observed equals ideal. "
    "A leak that the amplifier subtracts is still in the ideal current."
)
FIRST = ("pregs_1_outward", "ononetin_sensitive", "pregs_1_inward", "f_amplitude", "f_half_time", "ratio_amplitude", "ratio_half_time", "ca_amplitude")
MOST = 3  # panels of each kind


def has_observed(runs: ExperimentRuns) -> bool:
    """Whether the file holds what an instrument showed beside the ideal."""
    return bool(_traces(runs) or _features(runs))


def _traces(runs: ExperimentRuns) -> list[str]:
    return [n for n in runs.recorded if f"{OBSERVED}{n}" in runs and axis_of(runs, n) is not None]


def _features(runs: ExperimentRuns) -> list[str]:
    """Features with and without the instrument, those that a reader knows first."""
    found = [n for n in runs.features if f"{IDEAL}{n}" in runs and np.isfinite(runs[n]).any()]
    return [*(n for n in FIRST if n in found), *(n for n in found if n not in FIRST)]


def observed_panels(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Traces of one cell and features of all, observed and ideal; returns them in words."""
    traces, features = _traces(runs)[:MOST], _features(runs)[:MOST]
    if not traces and not features:
        return said_instead(part, "nothing observed is in the file")
    rows = [kind for kind in (traces, features) if kind]
    parts = part.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for own, kind in zip(parts, rows, strict=True):
        axes = own.subplots(1, len(kind), squeeze=False)[0]
        for ax, name in zip(axes, kind, strict=True):
            (_trace if kind is traces else _scatter)(ax, runs, name)
        axes[0].legend(loc="best", fontsize=7)
    said = [f"observed against ideal {pretty(runs.describe(n) or n)}" for n in (*traces, *features)]
    return f"{'; '.join(said)} for {', '.join(conditions(runs))}."


def _trace(ax: Axes, runs: ExperimentRuns, name: str) -> None:
    """The first cell that has a recording, observed below and ideal above."""
    row = int(np.argmax(np.isfinite(runs[name]).any(axis=1)))
    label, x, part = _window(runs, name)
    ax.plot(x, runs[f"{OBSERVED}{name}"][row][part], color="#9a9a9a", lw=0.8, label="observed")
    ax.plot(x, runs[name][row][part], color=COLOURS[1], lw=1.2, label="ideal")
    ax.set(xlabel=label, ylabel=axis_label(runs, name))
    who = runs.labels["donor"][row] if is_cohort(runs) else runs.cases[row]
    ax.set_title(f"n = 1 cell ({who})", loc="right", fontsize=7, fontweight="normal", color="#444444")


def _window(runs: ExperimentRuns, name: str) -> tuple[str, Array, Any]:
    """Label, times and samples to show: of a patch clamp the last ramp of the first application, otherwise the whole recording."""
    found = axis_of(runs, name)
    assert found is not None
    setup = stored_experiment(runs) if runs.kind == PatchClamp.kind else None
    phase = next((p for p in setup.phases_list() if p.name == "PregS 1"), None) if isinstance(setup, PatchClamp) else None
    if not isinstance(setup, PatchClamp) or phase is None:
        return *found, slice(None)
    start, margin = phase.end - setup.ramp_duration, 0.05 * setup.ramp_duration
    inside = np.flatnonzero((runs.time >= start - margin) & (runs.time <= phase.end))
    return "time in the last ramp of the first PregS (ms)", (runs.time[inside] - start) * 1e3, inside


def _scatter(ax: Axes, runs: ExperimentRuns, feature: str) -> None:
    """Observed against ideal feature of every cell, with the line of equality."""
    ideal, observed = runs[f"{IDEAL}{feature}"], runs[feature]
    for i, name in enumerate(conditions(runs)):
        rows = runs.of_case(name)
        ax.plot(ideal[rows], observed[rows], MARKERS[i % 7], color=COLOURS[i % 7], ms=4.5, alpha=0.8, label=name)
    known = np.concatenate([v[np.isfinite(v)] for v in (ideal, observed)])
    if len(known):
        ends = [float(known.min()), float(known.max())]
        ax.plot(ends, ends, ":", color="#666666", lw=1.0, zorder=0)
    unit = unit_text(runs.units[feature])
    ax.set(xlabel=f"ideal ({unit})", ylabel=f"observed ({unit})")
    n = int((np.isfinite(ideal) & np.isfinite(observed)).sum())
    panel_title(ax, feature.replace("_", " "), f"n = {n} cells")
