"""The protocol of an experiment as a drawing: what was in the bath, and every driven input over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .generic import time_unit
from .style import drug_bars, pretty, said_instead, shortened, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results import ExperimentRuns, Results

MOST = 6
ROW_HEIGHT = 0.75  # inches of one driven input


def driven(runs: ExperimentRuns) -> list[str]:
    """Inputs that the first protocol changes during the recording, in the file's order."""
    variables = runs.group.groups["protocol"].variables
    found = [n for n, v in variables.items() if v.attributes.get("role") == "input" and v.values.ndim == 2]
    return [n for n in found if np.ptp(_known(variables[n].values[0])) > 0.0][:MOST]


def _known(values: Any) -> Any:
    """The values that are numbers, or a single 0."""
    known = values[np.isfinite(values)]
    return known if len(known) else np.zeros(1)


def protocol_panels(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Every input that changes, one strip each, under bars for what is in the bath; returns it in words."""
    names = driven(runs)
    if runs.time.ndim != 1:
        return said_instead(part, "Not drawn: the runs were sampled at different times.")
    if not names:
        return said_instead(part, "Nothing is changed during this recording.")
    scale, unit = time_unit(float(np.ptp(runs.time)))
    axes = part.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for ax, name in zip(axes, names, strict=True):
        _strip(ax, runs, name, scale)
    axes[-1].set_xlabel(f"time ({unit})")
    axes[-1].set_xlim(0.0, float(runs.time[-1]) / scale)
    if runs.phases:
        drug_bars(axes[0], runs.phases, scale)
    number = len(runs.group.groups["protocol"].variables["protocol"].values)
    more = f" The file holds {number} protocols that differ in what was varied; this is the first." if number > 1 else ""
    said = "; ".join(f"{text} from {start / scale:.4g} to {end / scale:.4g} {unit}" for start, end, text in runs.phases)
    return f"Inputs over time: {', '.join(names)}.{f' In the bath: {said}.' if said else ''}{more}"


def _strip(ax: Axes, runs: ExperimentRuns, name: str, scale: float) -> None:
    variable = runs.group.groups["protocol"].variables[name]
    unit = str(variable.attributes["units"])
    ax.plot(runs.time / scale, variable.values[0], color="#0072B2", lw=0.9)
    text = pretty(shortened(str(variable.attributes.get("long_name", name))))
    ax.set_ylabel(f"{text}\n({unit_text(unit)})", rotation=0, ha="right", va="center", fontsize=7.5)
    ax.margins(y=0.12)
