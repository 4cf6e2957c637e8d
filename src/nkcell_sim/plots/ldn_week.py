"""What cells can do that are drawn through days of oral naltrexone: features against time, beside conditions that take none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiments import NKFunction
from .bars import axis_label
from .grids import feature_of, varied_keys, varying
from .stored import conditions
from .style import MARKERS, look_of, pretty, say_n

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

DOSES, HOURS = "ldn.doses", "ldn.hours_after"
CAPTION = "Points: cells drawn after that many daily doses and hours; horizontal lines: conditions that take none. n = 1 deterministic cell a point."
SHOWN = {NKFunction.kind: ("released_20min", "nfat_30min", "ca_mean")}


def is_week(runs: ExperimentRuns) -> bool:
    """Whether the days of the blood samples and their hours were varied."""
    return set(varied_keys(runs)) == {DOSES, HOURS}


def week_panels(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """A panel a feature, one line a condition; returns them in words."""
    shown = [name for name in SHOWN.get(runs.kind, (feature_of(runs),)) if name in runs]
    axes = part.subplots(1, len(shown), sharex=True, squeeze=False)[0]
    names = conditions(runs)
    interval = 24.0  # h, of daily doses
    for ax, feature in zip(axes, shown, strict=True):
        for i, name in enumerate(names):
            rows = varying(runs, DOSES, name)
            if not len(rows):
                ax.axhline(runs[feature][runs.of_case(name)[0]], lw=1.2, label=name, **look_of(i))
                continue
            days = runs.varied[DOSES][rows] - 1.0 + runs.varied[HOURS][rows] / interval
            order = np.argsort(days, kind="stable")
            ax.plot(days[order], runs[feature][rows][order], marker=MARKERS[i % 7], ms=3.5, label=name, **look_of(i))
        ax.set(xlabel="days since the first dose", ylabel=axis_label(runs, feature))
        ax.set_title(pretty(feature.replace("_", " ")))
        ax.set_ylim(bottom=0.0)
        say_n(ax, "n = 1 cell a point")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=7)
    return f"{', '.join(shown)} of cells drawn through the days of naltrexone, for {', '.join(names)}."
