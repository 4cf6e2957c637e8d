"""Voltage steps of a cohort: current against voltage, mean and standard error over cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..experiments import IVCurve, names
from .bands import threads
from .generic import overlaid
from .samples import count_of_rows, mean_and_sem
from .stored import StoredTrace, conditions, missing_trace, stored_experiment
from .style import MARKERS, panel_title, place_legend, said_instead

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

SHOWN = (("peak_density", "Largest current of the step"), ("steady_density", "Current at the end of the step"))


def step_families(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Largest and last current of every step against its voltage, single cells, mean and SEM; returns it in words."""
    problem = missing_trace(runs, names.I_MEASURED)
    if problem:
        return said_instead(part, f"I-V relations {problem}")
    setup = stored_experiment(runs)
    assert isinstance(setup, IVCurve)
    trace: Any = StoredTrace(runs)
    iv, cases = setup.iv(trace), conditions(runs)
    axes = part.subplots(1, len(SHOWN), sharex=True, squeeze=False)[0]
    for ax, (key, heading) in zip(axes, SHOWN, strict=True):
        counts = []
        for i, name in enumerate(cases):
            rows, look = runs.of_case(name), overlaid(i)
            mean, sem = mean_and_sem(iv[key][rows])
            threads(ax, iv["voltage"], iv[key][rows], look)
            ax.errorbar(iv["voltage"], mean, sem, marker=MARKERS[i % 7], ms=4, capsize=2.5, lw=1.5, label=name, zorder=3, **look)
            counts.append(count_of_rows(runs, rows, iv[key][rows]))
        ax.axhline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.axvline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.set(xlabel="command (mV)", ylabel="measured current, leak included (pA/pF)")
        panel_title(ax, heading, "; ".join(dict.fromkeys(counts)))
    place_legend(axes[-1], cases, loc="upper left")
    return f"Current density against the voltage of the steps from {setup.first:g} to {setup.last:g} mV, mean ± SEM, for {', '.join(cases)}."
