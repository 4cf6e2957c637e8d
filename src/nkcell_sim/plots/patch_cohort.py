"""Patch clamp of a cohort: bars after successive PregS applications, I-V families, evoked current against time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiments import PatchClamp, names
from .bands import band, threads
from .bars import bar_panel, condition_legend
from .panels import PHASE_COLOURS, phase_label
from .samples import count_of_rows, mean_and_sem
from .stored import StoredTrace, conditions, missing_trace, stored_experiment
from .style import drug_bars, look_of, said_instead

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

ORDINALS = ("1st", "2nd", "3rd")


def successive(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Evoked current density after each PregS application and what ononetin removes, bars with points; returns it in words."""
    applied = [(f"pregs_{i}_outward_density", f"{ordinal(i)} PregS") for i in range(1, 20) if f"pregs_{i}_outward_density" in runs]
    if not applied:
        return said_instead(part, "no PregS was applied")
    blocked = [("ononetin_sensitive_density", "removed by ononetin")] if "ononetin_sensitive_density" in runs else []
    ratios = [len(applied), *([1] if blocked else [])]
    axes = part.subplots(1, len(ratios), width_ratios=[r + 0.3 for r in ratios], squeeze=False)[0]
    setup = stored_experiment(runs)
    assert isinstance(setup, PatchClamp)
    said = bar_panel(axes[0], results, runs, applied, f"evoked current at {setup.ramp_to:+g} mV (pA/pF)")
    axes[0].set_title("PregS-evoked, successive applications")
    if blocked:
        said += bar_panel(axes[1], results, runs, blocked, "ononetin-sensitive current (pA/pF)")
        axes[1].set_title("Removed by ononetin")
    condition_legend(axes[0], conditions(runs), loc="upper left", bbox_to_anchor=(0.0, -0.1), ncols=4, borderaxespad=0.0)
    return f"Evoked current density at {setup.ramp_to:+g} mV in pA/pF, mean ± SEM. " + ". ".join(said)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, ..."""
    return ORDINALS[number - 1] if number <= len(ORDINALS) else f"{number}th"


def families(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """I-V relations: mean over cells with a band of its standard error for every condition and phase; returns it in words."""
    problem = missing_trace(runs, names.I_MEASURED)
    if problem:
        return said_instead(part, f"I-V relations {problem}")
    setup = stored_experiment(runs)
    assert isinstance(setup, PatchClamp)
    iv = setup.iv(StoredTrace(runs))  # type: ignore[arg-type]
    cases = conditions(runs)
    axes = part.subplots(1, len(cases), sharey=True, squeeze=False)[0]
    phases = [p.name for p in setup.phases_list() if p.name in PHASE_COLOURS and p.name in iv.current]
    for ax, name in zip(axes, cases, strict=True):
        rows = runs.of_case(name)
        for phase in phases:
            look = {"color": PHASE_COLOURS[phase], "linestyle": "--" if phase == "ononetin" else "-"}
            band(ax, iv.voltage, iv.density(phase)[rows], look, phase_label(phase, setup))
        ax.axhline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.axvline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.set_xlabel("command (mV)")
        ax.text(0.03, 0.97, f"{name}\n{count_of_rows(runs, rows, iv.current[phases[0]][rows])}", transform=ax.transAxes, va="top", fontsize=8)
    axes[0].set_title("Ramp current with seal leak, capacitive current taken off; mean and SEM")
    axes[0].set_ylabel("current (pA/pF)")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(0.0, 0.84), handlelength=1.8)
    return f"Current density against command voltage from {iv.voltage[0]:g} to {iv.voltage[-1]:g} mV, mean and SEM, for {', '.join(cases)}."


def evoked_course(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Evoked current density of every ramp against time, single cells and mean, a panel for each condition; returns it in words."""
    problem = missing_trace(runs, names.I_MEASURED)
    if problem:
        return said_instead(part, f"the evoked current over time was {problem}")
    setup = stored_experiment(runs)
    assert isinstance(setup, PatchClamp)
    density = setup.at_ramps(StoredTrace(runs)) / runs.parameter(names.CAPACITANCE)[:, None]  # type: ignore[arg-type]
    before = np.flatnonzero(setup.ramp_ends() <= setup.break_in + 1e-9)
    evoked = density - density[:, before[-1] : before[-1] + 1]
    said = small_multiples(part, runs, setup.ramp_ends() / 60.0, evoked, f"evoked at {setup.ramp_to:+g} mV (pA/pF)", phases=runs.phases)
    part.axes[0].set_title("PregS-evoked current, baseline subtracted")
    return said


def small_multiples(part: Any, runs: ExperimentRuns, minutes: Any, values: Any, label: str, *, phases: Any) -> str:
    """One panel a condition with single cells, mean and band, on one scale; times in minutes."""
    cases = conditions(runs)
    axes = part.subplots(1, len(cases), sharey=True, squeeze=False)[0]
    tops = []
    for i, (ax, name) in enumerate(zip(axes, cases, strict=True)):
        rows = runs.of_case(name)
        threads(ax, minutes, values[rows], look_of(i))
        band(ax, minutes, values[rows], {"color": look_of(i)["color"]})
        ax.set_xlim(minutes[0], minutes[-1])
        ax.set_xlabel("time (min)")
        ax.set_title(f"{name}: {count_of_rows(runs, rows, values[rows])}", loc="right", fontsize=7, fontweight="normal", color="#444444")
        mean = mean_and_sem(values[rows])[0]
        tops.append(f"{name} {np.nanmax(mean):.3g}" if np.isfinite(mean).any() else f"{name} no value")
    axes[0].set_ylabel(label)
    if phases:
        drug_bars(axes[0], phases, 60.0)
        for ax in axes[1:]:
            drug_bars(ax, phases, 60.0, room=0.0)
    return f"{label} against time, single cells and mean ± SEM; largest mean: {', '.join(tops)}."
