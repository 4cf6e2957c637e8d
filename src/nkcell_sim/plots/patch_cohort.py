"""Patch clamp of a cohort: bars after successive PregS applications, I-V families, evoked current against time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiments import PatchClamp, names
from .bands import band, threads
from .bars import bar_panel, condition_legend
from .long_bars import MOST_UPRIGHT, row_bars
from .panels import PHASE_COLOURS, phase_label
from .samples import count_of_rows, mean_and_sem
from .stored import StoredTrace, conditions, missing_trace, stored_experiment
from .style import drug_bars, look_of, panel_title, part_title, said_instead

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

LINE = 112  # characters of a heading across the page
COLUMNS = 4  # panels of conditions side by side
ORDINALS = ("1st", "2nd", "3rd")


def successive(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Evoked current after each PregS application and what ononetin removes, bars with points; returns it in words.

    Drawn per capacitance, or in pA where the results' own comparisons are about that.
    """
    ending, unit = _as_compared(results, runs)
    applied = [(f"pregs_{i}_outward{ending}", f"{ordinal(i)} PregS") for i in range(1, 20) if f"pregs_{i}_outward{ending}" in runs]
    if not applied:
        return said_instead(part, "no PregS was applied")
    removed = f"ononetin_sensitive{ending}"
    blocked = [(removed, "removed by ononetin")] if removed in runs else []
    setup = stored_experiment(runs)
    assert isinstance(setup, PatchClamp)
    label = f"evoked current at {setup.ramp_to:+g} mV ({unit})"
    begin = f"Evoked current at {setup.ramp_to:+g} mV in {unit}, mean ± SEM. "
    if len(conditions(runs)) > MOST_UPRIGHT:
        return begin + ". ".join(row_bars(part, runs, [*applied, *blocked], label))
    ratios = [len(applied), *([1] if blocked else [])]
    axes = part.subplots(1, len(ratios), width_ratios=[r + 0.3 for r in ratios], squeeze=False)[0]
    said = bar_panel(axes[0], results, runs, applied, label, heading="PregS-evoked, successive applications")
    if blocked:
        said += bar_panel(axes[1], results, runs, blocked, f"ononetin-sensitive current ({unit})", heading="Removed by ononetin")
    condition_legend(part, conditions(runs))
    return begin + ". ".join(said)


def _as_compared(results: Results, runs: ExperimentRuns) -> tuple[str, str]:
    """Ending of the features to draw, and their unit: densities, unless the comparisons are about amplitudes only."""
    compared = {str(row.get("feature", "")).partition(".")[2] for row in results.table("statistics")}
    amplitudes = "pregs_1_outward" in compared and "pregs_1_outward_density" not in compared
    return ("", "pA") if amplitudes else ("_density", "pA/pF")


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
    axes = grid_of(part, len(cases))
    phases = [p.name for p in setup.phases_list() if p.name in PHASE_COLOURS and p.name in iv.current]
    for ax, name in zip(axes, cases, strict=False):
        rows = runs.of_case(name)
        for phase in phases:
            look = {"color": PHASE_COLOURS[phase], "linestyle": "--" if phase == "ononetin" else "-"}
            band(ax, iv.voltage, iv.density(phase)[rows], look, phase_label(phase, setup))
        ax.axhline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.axvline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        panel_title(ax, name, count_of_rows(runs, rows, iv.current[phases[0]][rows]), width=LINE // min(len(cases), COLUMNS))
    leak = "leak subtracted" if "leak subtracted" in runs.describe("baseline_outward") else "with seal leak"
    part_title(part, f"Ramp current, {leak}, capacitive current taken off")
    label_outer(axes, "command (mV)", "current (pA/pF)")
    axes[len(cases) - 1].legend(loc="upper left", handlelength=1.8)
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
    part_title(part, "PregS-evoked current, baseline subtracted")
    return small_multiples(part, runs, setup.ramp_ends() / 60.0, evoked, f"evoked at {setup.ramp_to:+g} mV (pA/pF)", phases=runs.phases)


def rows_of(runs: ExperimentRuns) -> int:
    """Rows of panels that the conditions of an experiment fill."""
    return -(-len(conditions(runs)) // COLUMNS)


def grid_of(part: Any, number: int) -> Any:
    """Axes of so many panels on one scale, row by row; those that are not used are switched off."""
    columns = min(number, COLUMNS)
    axes = part.subplots(-(-number // columns), columns, sharex=True, sharey=True, squeeze=False).ravel()
    for ax in axes[number:]:
        ax.set_axis_off()
    return axes


def label_outer(axes: Any, x: str, y: str) -> None:
    """Labels below the lowest panels and beside the first ones."""
    used = [ax for ax in axes if ax.axison]
    columns = min(len(used), COLUMNS)
    for k, ax in enumerate(used):
        if k + columns >= len(used):
            ax.set_xlabel(x)
            ax.tick_params(labelbottom=True)
        if k % columns == 0:
            ax.set_ylabel(y)


def small_multiples(part: Any, runs: ExperimentRuns, minutes: Any, values: Any, label: str, *, phases: Any) -> str:
    """One panel a condition with single cells, mean and band, on one scale; times in minutes."""
    cases = conditions(runs)
    axes = grid_of(part, len(cases))
    tops = []
    for i, (ax, name) in enumerate(zip(axes, cases, strict=False)):
        rows = runs.of_case(name)
        threads(ax, minutes, values[rows], look_of(i))
        band(ax, minutes, values[rows], {"color": look_of(i)["color"]})
        ax.set_xlim(minutes[0], minutes[-1])
        panel_title(ax, name, count_of_rows(runs, rows, values[rows]), width=LINE // min(len(cases), COLUMNS))
        mean = mean_and_sem(values[rows])[0]
        tops.append(f"{name} {np.nanmax(mean):.3g}" if np.isfinite(mean).any() else f"{name} no value")
    label_outer(axes, "time (min)", label)
    if phases:
        drug_bars(axes[0], phases, 60.0)
        for ax in axes[1 : len(cases)]:
            drug_bars(ax, phases, 60.0, room=0.0)
    return f"{label} against time, single cells and mean ± SEM; largest mean: {', '.join(tops)}."
