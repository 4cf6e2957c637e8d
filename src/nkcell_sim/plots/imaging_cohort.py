"""Ca2+ imaging of a cohort: bars of what is read from the dye, single-cell and mean traces of dye and Ca2+."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..experiments import CalciumImaging, names
from .bars import bar_panel
from .long_bars import MOST_UPRIGHT, row_bars
from .patch_cohort import small_multiples
from .stored import StoredTrace, conditions, missing_trace, stored_experiment
from .style import part_title, said_instead, unit_text

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

READ = (("amplitude", "amplitude"), ("slope", "steepest rise"), ("half_time", "half-time of the rise"))


def imaging_bars(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Amplitude, slope and half-time of the dye's read-out, bars with points; returns it in words."""
    prefix = "ratio" if "ratio_amplitude" in runs else "f"
    shown = [(f"{prefix}_{key}", text) for key, text in READ if f"{prefix}_{key}" in runs]
    if not shown:
        return said_instead(part, "no features of the dye are in the file")
    signal = "dye ratio" if prefix == "ratio" else "F/F0"
    begin = f"{signal} of {', '.join(conditions(runs))}, mean ± SEM. "
    if len(conditions(runs)) > MOST_UPRIGHT:
        parts = part.subfigures(1, len(shown), squeeze=False)[0]
        rows = [row_bars(own, runs, [each], f"{each[1]} ({unit_text(runs.units[each[0]])})") for own, each in zip(parts, shown, strict=True)]
        return begin + ". ".join(text for row in rows for text in row)
    axes = part.subplots(1, len(shown), squeeze=False)[0]
    said = []
    for ax, (feature, text) in zip(axes, shown, strict=True):
        unit = unit_text(runs.units[feature])
        label = f"{text} ({unit})" if text.startswith("half") else f"{signal}, {text} ({unit})"
        said += bar_panel(ax, results, runs, [(feature, text)], label, heading=text[0].upper() + text[1:])
    return begin + ". ".join(said)


def dye_traces(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Dye signal of every cell and its mean, a panel for each condition; returns it in words."""
    problem = missing_trace(runs, names.DYE_SHARE)
    if problem:
        return said_instead(part, f"dye traces {problem}")
    setup = stored_experiment(runs)
    assert isinstance(setup, CalciumImaging)
    light = setup.fluorescence(StoredTrace(runs))  # type: ignore[arg-type]
    label = "dye ratio (-)" if setup.readout == "ratio" else "F/F0 (-)"
    part_title(part, "Dye signal")
    return small_multiples(part, runs, runs.time / 60.0, light, label, phases=runs.phases)


def calcium_traces(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Cytosolic Ca2+ of every cell and its mean, a panel for each condition; returns it in words."""
    problem = missing_trace(runs, "ca_cyt")
    if problem:
        return said_instead(part, f"Ca²⁺ traces {problem}")
    part_title(part, "Ca²⁺ itself (not observable)")
    return small_multiples(part, runs, runs.time / 60.0, runs["ca_cyt"] * 1e3, "cytosolic Ca²⁺ (nM)", phases=runs.phases)
