"""Panels of the main figure: I-V, time course, amplitudes, Ca2+ traces and the verdicts."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiments import CalciumImaging, PatchClamp
from .stored import StoredTrace, stored_experiment
from .style import COLOURS, MARKERS, drug_bars, is_crowded, look_of, place_legend, pretty

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results import ExperimentRuns, Results

PHASE_COLOURS = {"baseline": "#8c8c8c", "PregS 1": "#0072B2", "PregS 2": "#56B4E9", "ononetin": "#D55E00"}
VERDICTS = {"pass": ("✓", "#009E73"), "missed": ("✗", "#D55E00"), "not testable": ("–", "#6b6b6b")}


def iv_row(part: Any, runs: ExperimentRuns, names: Sequence[str]) -> None:
    """Current density against command voltage, one panel a condition."""
    setup = stored_experiment(runs)
    assert isinstance(setup, PatchClamp)
    iv = setup.iv(StoredTrace(runs))  # type: ignore[arg-type]
    axes = part.subplots(1, len(names), sharey=True, squeeze=False)[0]
    shown = [textwrap.fill(name, max(100 // len(names), 10), break_long_words=False) for name in names]
    wanted = [p for p in setup.phases_list() if p.name in PHASE_COLOURS and p.name in iv.current]
    for ax, name, said in zip(axes, names, shown, strict=True):
        row = runs.of_case(name)[0]
        for phase in wanted:
            style = "--" if phase.name == "ononetin" else "-"
            ax.plot(iv.voltage, iv.density(phase.name)[row], color=PHASE_COLOURS[phase.name], linestyle=style, label=phase_label(phase.name, setup))
        ax.axhline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.axvline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.set_xlabel("command (mV)")
        ax.text(0.03, 0.97, said, transform=ax.transAxes, va="top", fontweight="bold").set_in_layout(False)
    axes[0].set_title("Ramp current with seal leak, capacitive current taken off")
    axes[0].set_ylabel("current (pA/pF)")
    below = 0.95 - 0.07 * (shown[-1].count("\n") + 1)
    axes[-1].legend(loc="upper left", bbox_to_anchor=(0.0, below), handlelength=1.8)


def phase_label(phase: str, setup: PatchClamp) -> str:
    """Name of a phase for a legend, with the dose of an application."""
    number = phase.rpartition(" ")[2]
    ordinal = {"1": "1st", "2": "2nd", "3": "3rd"}.get(number, f"{number}th")
    dose = f"{setup.pregs[int(number) - 1]:g} µM" if number.isdecimal() else ""
    return {"baseline": "baseline", "ononetin": "PregS + ononetin"}.get(phase, f"{ordinal} PregS {dose}")


def time_course(ax: Axes, runs: ExperimentRuns, names: Sequence[str]) -> None:
    """Evoked amplitude of every ramp against time."""
    setup = stored_experiment(runs)
    assert isinstance(setup, PatchClamp)
    trace: Any = StoredTrace(runs)
    density = setup.at_ramps(trace) / runs.parameter("cm")[:, None]
    before = np.flatnonzero(setup.ramp_ends() <= setup.break_in + 1e-9)
    for i, name in enumerate(names):
        row = runs.of_case(name)[0]
        look = look_of(i)
        ax.plot(setup.ramp_ends() / 60.0, density[row] - density[row, before[-1]], label=name, marker=MARKERS[i % 7], ms=3, lw=1, **look)
    ax.axhline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
    ax.set_xlim(0.0, setup.duration / 60.0)
    ax.set(xlabel="time after break-in (min)", ylabel=f"evoked at {setup.ramp_to:+g} mV (pA/pF)")
    ax.set_title("PregS-evoked current, baseline subtracted")
    drug_bars(ax, runs.phases, 60.0)
    place_legend(ax, names, loc="upper left")


def summary(ax: Axes, runs: ExperimentRuns, names: Sequence[str]) -> None:
    """First and second response and what ononetin removes, by condition."""
    columns = (
        ("pregs_1_outward_density", "1st PregS", 1.0),
        ("pregs_2_outward_density", "2nd PregS", 0.55),
        ("ononetin_sensitive_density", "ononetin-sensitive", 0.0),
    )
    shown = [c for c in columns if c[0] in runs]
    width = 0.8 / max(len(shown), 1)
    for k, (feature, label, alpha) in enumerate(shown):
        for i, name in enumerate(names):
            colour = COLOURS[i % len(COLOURS)]
            x = i + (k - 0.5 * (len(shown) - 1)) * width
            hatch = {"hatch": "////", "facecolor": "white"} if alpha == 0.0 else {"facecolor": colour, "alpha": alpha}
            height = runs[feature][runs.of_case(name)[0]]
            ax.bar(x, height, width * 0.9, edgecolor=colour, **hatch)
            ax.text(x, height, f" {height:.1f}", rotation=90, ha="center", va="bottom", fontsize=6.5)
            if i == 0:
                ax.bar(np.nan, np.nan, label=label, edgecolor="#555555", **({**hatch, "facecolor": "#555555"} if alpha else hatch))
    folded = [textwrap.fill(n, 20 if is_crowded(names) else 9, break_long_words=False) for n in names]
    ax.set_xticks(range(len(names)), folded, fontsize=7.5, rotation=90 if is_crowded(names) else 0)
    ax.set_ylabel("evoked (pA/pF)")
    ax.set_title("Amplitudes at +100 mV")
    ax.margins(y=0.42)
    ax.set_ylim(bottom=0.0)
    place_legend(ax, names, loc="upper left", ncols=1, fontsize=7, borderaxespad=0.1)


def readout(ax: Axes, runs: ExperimentRuns, names: Sequence[str]) -> None:
    """Dye signal against time, with the half-time of every condition marked."""
    setup = stored_experiment(runs)
    assert isinstance(setup, CalciumImaging)
    trace: Any = StoredTrace(runs)
    light = setup.fluorescence(trace)
    key = "ratio_half_time" if setup.readout == "ratio" else "f_half_time"
    for i, name in enumerate(names):
        row = runs.of_case(name)[0]
        half = runs[key][row]
        ax.plot(runs.time / 60.0, light[row], label=f"{name}: t½ {half:.1f} s", **look_of(i))
        when = setup.onset + half
        ax.plot(when / 60.0, np.interp(when, runs.time, light[row]), marker=MARKERS[i % 7], ms=5, color=COLOURS[i % len(COLOURS)])
    ax.set_ylabel("dye ratio" if setup.readout == "ratio" else "F/F0")
    ax.set_title("Ca²⁺ imaging (markers: half of the rise)")
    drug_bars(ax, runs.phases, 60.0)
    place_legend(ax, names, loc="upper right", bbox_to_anchor=(1.0, 0.98))
    _rise_inset(ax, runs, light, names)


def _rise_inset(ax: Axes, runs: ExperimentRuns, light: Any, names: Sequence[str]) -> None:
    """The first minute of the rise, each trace over its own peak: where the half-times are read."""
    setup = stored_experiment(runs)
    assert isinstance(setup, CalciumImaging)
    inside = (runs.time >= setup.onset - 1e-9) & (runs.time <= min(setup.onset + 60.0, setup.offset))
    inset = ax.inset_axes((0.57, 0.2, 0.41, 0.34))
    for i, name in enumerate(names):
        y = light[runs.of_case(name)[0]]
        start = y[inside][0]
        top = np.max(y[(runs.time >= setup.onset) & (runs.time <= setup.offset)])
        inset.plot(runs.time[inside] - setup.onset, (y[inside] - start) / (top - start), lw=1.0, **look_of(i))
    inset.axhline(0.5, color="#bbbbbb", lw=0.6, zorder=0)
    inset.set(xlim=(0.0, 60.0), ylim=(0.0, 1.02), yticks=(0.0, 0.5, 1.0))
    inset.tick_params(labelsize=6.5, pad=1.5)
    inset.set_xlabel("after PregS (s)", fontsize=6.5, labelpad=1)
    inset.set_ylabel("share of peak", fontsize=6.5, labelpad=1)


def calcium(ax: Axes, runs: ExperimentRuns, names: Sequence[str]) -> None:
    """Cytosolic Ca2+ against time, with amplitudes."""
    for i, name in enumerate(names):
        row = runs.of_case(name)[0]
        ax.plot(runs.time / 60.0, runs["ca_cyt"][row] * 1e3, label=f"{name}: {runs['ca_amplitude'][row]:.0f} nM", **look_of(i))
    ax.set(xlabel="time (min)", ylabel="cytosolic Ca²⁺ (nM)")
    ax.set_title("Ca²⁺ itself (not observable)")
    ax.set_xlim(0.0, runs.time[-1] / 60.0)
    place_legend(ax, names, loc="upper right")


def verdicts(ax: Axes, results: Results) -> None:
    """The table of targets as a panel."""
    ax.set_axis_off()
    ax.set_title("Published patterns T1-T14 against this simulation")
    rows = results.targets
    if not rows:
        ax.text(0.0, 0.95, "not evaluated: set targets = true in [report]", va="top")
        return
    step = 1.0 / (len(rows) + 1.2)
    for k, row in enumerate(rows):
        y = 1.0 - step * (k + 0.7)
        mark, colour = VERDICTS[row["verdict"]]
        ax.text(0.0, y, mark, color=colour, fontsize=11, fontweight="bold", va="center")
        ax.text(0.035, y, str(row["id"]).split()[0], fontweight="bold", va="center")
        ax.text(0.095, y + 0.2 * step, pretty(row["statement"]), va="center", fontsize=8)
        found = f"{_short_set(row['id'])}{row['value']}   expected {row['band']}"
        value = "not testable with this model or study" if row["verdict"] == "not testable" else found
        ax.text(0.095, y - 0.25 * step, pretty(value), va="center", fontsize=7, color=colour)
    marks = "   ".join(f"{VERDICTS[v][0]} {v}" for v in VERDICTS)
    ax.text(0.0, 0.2 * step, f"{marks}      * band is a modelling choice", fontsize=7, color="#444444", va="center")
    ax.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))


def _short_set(identity: str) -> str:
    """The parameter set in a target's id, where there is one."""
    name = str(identity).partition(" ")[2]
    return f"{name} set: " if name else ""
