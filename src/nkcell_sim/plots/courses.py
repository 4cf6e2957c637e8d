"""Courses over days: plasma levels, receptors, the body's own opioids and what follows for the channels, one below the other, with the doses as ticks."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiments import names
from .samples import Array
from .stored import conditions
from .style import in_words, look_of, pretty, said_instead, unit_text

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

DAY = 86400.0  # s
SHOWN = (names.NTX_PLASMA, names.NALTREXOL_PLASMA, names.COMPETITION, names.OPIOID, "channel_number", names.RELATIVE_CURRENT)


def course_panels(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Every course of the results, one line for each condition and reading, quantity by quantity; returns them in words."""
    all_runs = [r for r in results.experiments.values() if r.kind == runs.kind]
    shown = [name for name in SHOWN if all(name in r for r in all_runs)]
    if not shown:
        return said_instead(part, "no traces are in the file")
    axes = part.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    lines = [(r, name, _label(r, name, len(all_runs))) for r in all_runs for name in conditions(r)]
    for ax, quantity in zip(axes, shown, strict=True):
        for i, (r, name, label) in enumerate(lines):
            ax.plot(r.time / DAY, r[quantity][r.of_case(name)[0]], lw=1.2, label=label, **look_of(i))
        text = f"{runs.describe(quantity) or quantity} ({unit_text(runs.units[quantity])})"
        ax.set_ylabel(textwrap.fill(pretty(text), 26), rotation=0, ha="right", va="center", fontsize=7.5)
        ax.set_ylim(bottom=0.0)
        doses = dose_times(runs)
        ax.plot(doses / DAY, np.full(len(doses), 1.0), "v", color="#333333", ms=4, transform=ax.get_xaxis_transform(), clip_on=False)
    axes[0].set_title(f"Triangles: doses ({len(dose_times(runs))}); n = 1 deterministic cell a line")
    axes[-1].set_xlabel("days since the first dose")
    axes[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=7)
    said = ", ".join(pretty(runs.describe(n) or n) for n in shown)
    return f"Course of {said} for {', '.join(label for _, _, label in lines)}; {len(dose_times(runs))} doses."


def _label(runs: ExperimentRuns, condition: str, courses: int) -> str:
    return condition if courses == 1 else f"{condition}, {in_words(runs.name)}"


def dose_times(runs: ExperimentRuns) -> Array:
    """When a dose was taken [s]: the phases of the first protocol that are a mass in mg; empty when there are none."""
    return np.array([start for start, _, text in runs.phases if text.split()[-1:] == ["mg"]])
