"""Whole figures, one for each kind of result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..experiments import IVCurve
from .panels import calcium, iv_row, readout, summary, time_course, verdicts
from .stored import StoredTrace, conditions, stored_experiment
from .style import MARKERS, drug_bars, in_words, is_crowded, look_of, new_figure, say_n, shortened, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..results import ExperimentRuns, Results


def main_figure(results: Results, runs: Sequence[ExperimentRuns]) -> Figure:
    """Patch clamp and imaging of several conditions with the verdicts of the published patterns."""
    patch = next(r for r in runs if r.kind == "patch_clamp")
    imaging = next(r for r in runs if r.kind == "calcium_imaging")
    names = conditions(patch)
    drawn = new_figure(results, [patch, imaging], 12.6, 13.6 if is_crowded(names) else 11.6)
    rows: Any = drawn.subfigures(3, 1, height_ratios=(1.0, 1.0, 1.45))
    iv_row(rows[0], patch, names)
    course, bars = rows[1].subplots(1, 2, width_ratios=(2.5, 1.0))
    time_course(course, patch, names)
    summary(bars, patch, names)
    left, right = rows[2].subfigures(1, 2, width_ratios=(1.0, 1.5)) if results.targets else (rows[2], None)
    above, below = left.subplots(2, 1, sharex=True, height_ratios=(1.35, 1.0))
    readout(above, imaging, names)
    calcium(below, imaging, names)
    panels = [*rows[0].axes[:1], course, bars, above, below]
    for ax in (*rows[0].axes[1:], course, bars, above, below):  # the first stands under a title that speaks for the row
        say_n(ax)
    if right is not None:
        verdicts(right.subplots(), results)
        panels += right.axes
    _letters(panels)
    return drawn


def _letters(axes: Sequence[Axes]) -> None:
    """Letters of the panels."""
    for letter, ax in zip("ABCDEFGH", axes, strict=False):
        ax.set_title(f"{letter}   {ax.get_title(loc='left')}", loc="left")


def entry_figure(results: Results, runs: Sequence[ExperimentRuns]) -> Figure:
    """Ca2+ and V through store depletion and readdition, experiments overlaid."""
    drawn = new_figure(results, runs, 8.6, 6.6)
    calcium, voltage = drawn.subplots(2, 1, sharex=True, height_ratios=(1.7, 1.0))
    k = 0
    for r in runs:
        for name in conditions(r):
            row = r.of_case(name)[0]
            label = f"{in_words(r.name)}, {name}: peak {r['readdition_peak'][row]:.0f}, plateau {r['plateau'][row]:.0f} nM"
            calcium.plot(r.time / 60.0, r["ca_cyt"][row] * 1e3, label=label, **look_of(k))
            voltage.plot(r.time / 60.0, r["v"][row], **look_of(k))
            k += 1
    calcium.set_ylabel("cytosolic Ca²⁺ (nM)")
    calcium.set_title("Store depletion and Ca²⁺ readdition")
    drug_bars(calcium, runs[0].phases, 60.0)
    calcium.legend(loc="upper left", bbox_to_anchor=(0.0, 0.84))
    voltage.set(xlabel="time (min)", ylabel="V (mV)", xlim=(0.0, float(runs[0].time[-1]) / 60.0))
    return drawn


def rest_figure(results: Results, runs: Sequence[ExperimentRuns]) -> Figure:
    """V and ions against time without a stimulus."""
    shown: tuple[tuple[str, float, str], ...] = (("v", 1.0, "V (mV)"), ("ca_cyt", 1e3, "Ca²⁺ (nM)"), ("ca_er", 1.0, "store Ca²⁺ (µM)"))
    shown += (("na_cyt", 1.0, "Na⁺ (mM)"), ("k_cyt", 1.0, "K⁺ (mM)"), ("cl_cyt", 1.0, "Cl⁻ (mM)"))
    drawn = new_figure(results, runs, 9.4, 5.2)
    axes = drawn.subplots(2, 3, sharex=True).ravel()
    r = runs[0]
    for ax, (key, scale, label) in zip(axes, shown, strict=True):
        for i, name in enumerate(conditions(r)):
            ax.plot(r.time / 60.0, r[key][r.of_case(name)[0]] * scale, label=name, **look_of(i))
        ax.set_title(label, fontweight="normal")
        ax.ticklabel_format(useOffset=False)
        _at_least(ax, 0.02)
    for ax in axes[3:]:
        ax.set_xlabel("time (min)")
    axes[0].legend(loc="best")
    return drawn


def _at_least(ax: Axes, share: float) -> None:
    """Widen an axis that would magnify rounding: at least ``share`` of its mean."""
    low, high = ax.get_ylim()
    middle, half = 0.5 * (low + high), max(0.5 * (high - low), 0.5 * share * abs(0.5 * (low + high)))
    ax.set_ylim(middle - half, middle + half)


def steps_figure(results: Results, runs: Sequence[ExperimentRuns]) -> Figure:
    """Current against voltage of step families."""
    drawn = new_figure(results, runs, 8.6, 4.6)
    axes = drawn.subplots(1, 2, sharex=True)
    k = 0
    for r in runs:
        setup = stored_experiment(r)
        assert isinstance(setup, IVCurve)
        trace: Any = StoredTrace(r)
        iv = setup.iv(trace)
        for name in conditions(r):
            row = r.of_case(name)[0]
            for ax, key in zip(axes, ("peak_density", "steady_density"), strict=True):
                ax.plot(iv["voltage"], iv[key][row], marker=MARKERS[k % 7], ms=4, label=f"{name}, {in_words(r.name)}", **look_of(k))
            k += 1
    for ax, title in zip(axes, ("Largest current of the step", "Current at the end of the step"), strict=True):
        ax.axhline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.axvline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.set(xlabel="command (mV)", ylabel="measured current, leak included (pA/pF)")
        ax.set_title(title)
    axes[0].legend(loc="upper left")
    return drawn


def panels_figure(results: Results, runs: Sequence[ExperimentRuns]) -> Figure:
    """What fits a single experiment: its own panels, or its traces."""
    r = runs[0]
    special: dict[str, tuple[Callable[[Axes, ExperimentRuns, Sequence[str]], None], ...]] = {
        "patch_clamp": (time_course, summary),
        "calcium_imaging": (readout, calcium),
    }
    draws = special.get(r.kind)
    keys = r.recorded[:4]
    drawn = new_figure(results, [r], *((13.0, 5.6) if is_crowded(conditions(r)) else (10.0, 4.4)))
    axes = drawn.subplots(1, len(draws) if draws else len(keys), squeeze=False)[0]
    for k, ax in enumerate(axes):
        if draws:
            draws[k](ax, r, conditions(r))
            continue
        for i, name in enumerate(conditions(r)):
            ax.plot(r.time, r[keys[k]][r.of_case(name)[0]], label=name, **look_of(i))
        ax.set(xlabel="time (s)", ylabel=f"{keys[k]} ({unit_text(r.units[keys[k]])})")
        ax.set_title(shortened(r.describe(keys[k])))
    if not draws:
        axes[0].legend()
    return drawn
