"""Power and false-positive curves, drawn from the result objects of :mod:`nkcell_sim.analysis.power` onto given axes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ParameterError
from .style import COLOURS, MARKERS, STYLES, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..analysis.power import Analysis, PowerCurve, Share

UNIT_COLOURS = {"cell": "#D55E00", "donor": "#0072B2", "mixed": "#009E73"}
GREY = "#6b6b6b"


def draw_power(ax: Axes, curve: PowerCurve, *, analyses: Sequence[Analysis] | None = None, cells: Sequence[int] | None = None, wanted: float = 0.8) -> None:
    """Power (%) against donors a group: one line for each analysis and number of cells, bars are 95 % Monte-Carlo intervals."""
    chosen = _lines(ax, curve, "power", analyses, cells)
    ax.axhline(100.0 * wanted, color=GREY, lw=0.8, ls=(0, (4, 3)), zorder=0)
    _beside(ax, 100.0 * wanted, f"{100.0 * wanted:g} %")
    ax.set(ylabel="power (% of experiments)", ylim=(0.0, 103.0))
    ax.text(0.99, 0.02, f"n = {_experiments(curve, chosen)}", transform=ax.transAxes, ha="right", va="bottom", fontsize=7, color=GREY)
    ax.set_title(f"Power, ratio of medians {_ratio(curve)}" if _ratio(curve) else "Power")


def draw_false_positives(ax: Axes, curve: PowerCurve, *, analyses: Sequence[Analysis] | None = None, cells: Sequence[int] | None = None) -> None:
    """False-positive rate (%) against donors a group, with the level that was asked for; bars are 95 % Monte-Carlo intervals."""
    alpha = curve.points[0].alpha
    chosen = _lines(ax, curve, "false_positives", analyses, cells)
    ax.axhline(100.0 * alpha, color=GREY, lw=0.8, ls=(0, (4, 3)), zorder=0)
    _beside(ax, 100.0 * alpha, f"level\n{100.0 * alpha:g} %")
    ax.set_ylim(0.0, 1.08 * max(ax.get_ylim()[1], 300.0 * alpha))
    ax.text(0.99, 0.98, f"n = {_experiments(curve, chosen)}", transform=ax.transAxes, ha="right", va="top", fontsize=7, color=GREY)
    ax.set_ylabel("false positives (% of experiments)")
    ax.set_title("False positives, groups do not differ")


def power_figure(
    curve: PowerCurve,
    *,
    analyses: Sequence[Analysis] | None = None,
    cells: Sequence[int] | None = None,
    wanted: float = 0.8,
    title: str = "What this many donors can tell",
) -> Figure:
    """Both panels side by side, with the design and the numbers of simulated experiments at the foot."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with style():
        drawn = Figure(figsize=(8.6, 4.4))
        left, right = drawn.subplots(1, 2)
        draw_power(left, curve, analyses=analyses, cells=cells, wanted=wanted)
        draw_false_positives(right, curve, analyses=analyses, cells=cells)
        handles, labels = left.get_legend_handles_labels()
        columns = 3 if len(handles) % 3 == 0 and len(handles) != 6 else 2
        rows = -(-len(handles) // columns)
        foot = 0.11 + 0.042 * rows
        drawn.set_layout_engine(ConstrainedLayoutEngine(w_pad=0.07, h_pad=0.07, rect=(0.0, foot, 1.0, 1.0 - foot)))
        drawn.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.05, 0.085), ncols=columns, fontsize=7.5, columnspacing=3.0)
        drawn.text(0.01, 0.02, design_text(curve), fontsize=6.5, color="#444444", va="bottom", wrap=True)
        drawn.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    return drawn


def design_text(curve: PowerCurve) -> str:
    """The design and the number of experiments in words: what a reader needs to judge a curve."""
    from ..analysis.hierarchy import Design

    point = curve.points[0]
    design = point.design
    last = f"Bars: 95 % Wilson intervals of the simulation. Two-sided tests at {100 * point.alpha:g} %{'' if point.seed is None else f'; seed {point.seed}'}."
    if design is None:
        return f"Model output, not a laboratory result. Rates of a result file.\n{last}"
    if not isinstance(design, Design):
        return f"Model output, not a laboratory result. Donors and cells drawn from a bank of simulated donors: {' against '.join(design.names)}.\n{last}"
    spread = f"donors {100 * design.donor_cv:g} %, cells {100 * design.cell_cv:g} %, measurement {100 * design.measurement_cv:g} %"
    arms = f", arms of the same donors, response {100 * design.response_cv:g} %" if design.paired else ""
    counted = "" if design.channels is None else f"; Poisson channels, mean {design.channels:g} a cell"
    return f"Model output, not a laboratory result. Lognormal spread (CV): {spread}{arms}{counted}.\n{last}"


def _beside(ax: Axes, y: float, text: str) -> None:
    ax.text(1.01, y, text, transform=ax.get_yaxis_transform(), ha="left", va="center", fontsize=7, color=GREY)


def _experiments(curve: PowerCurve, analyses: Sequence[Analysis]) -> str:
    """Simulated experiments behind a point, in words."""
    counts = {("mixed" if a.test == "mixed_model" else "other"): curve.points[0].of(a).power.experiments for a in analyses}
    mixed = f" ({counts['mixed']} for the mixed model)" if len(set(counts.values())) > 1 else ""
    return f"{max(counts.values())} simulated experiments a point{mixed}"


def _lines(ax: Axes, curve: PowerCurve, what: str, analyses: Sequence[Analysis] | None, cells: Sequence[int] | None) -> list[Analysis]:
    chosen = list(analyses or [r.analysis for r in curve.points[0].rates])
    counts = list(cells or curve.cells)
    series = list(product(chosen, counts))
    if not series:
        raise ParameterError("there is nothing to draw: the curve has no analyses or no cells", name="curve")
    for k, (analysis, m) in enumerate(series):
        shares: list[Share] = [getattr(r, what) for r in curve.over_donors(analysis, cells=m)]
        number = counts.index(m)
        look = {"color": _colour(analysis, chosen), "linestyle": STYLES[1 + number % (len(STYLES) - 1)], "marker": MARKERS[number % len(MARKERS)]}
        _line(ax, curve.donors, shares, f"{analysis.name}, {m} cell{'s' if m > 1 else ''} a donor", (k - 0.5 * (len(series) - 1)) * 0.012, look)
    ax.set_xscale("log")
    ax.set_xticks(curve.donors, [str(n) for n in curve.donors])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("donors in each group")
    return chosen


def _colour(analysis: Analysis, among: Sequence[Analysis]) -> str:
    """Cells and donors have their own colours as long as one analysis of each is drawn; else every analysis has its own."""
    kinds = ["mixed" if a.test == "mixed_model" else a.unit for a in among]
    here = list(among).index(analysis)
    if len(set(kinds)) == len(kinds):
        return UNIT_COLOURS[kinds[here]]
    return COLOURS[(here + 1) % len(COLOURS)]


def _line(ax: Axes, donors: Sequence[int], shares: Sequence[Share], label: str, shift: float, look: dict[str, Any]) -> None:
    """One line; moved a little sideways on the log axis so that bars do not cover each other."""
    x = np.asarray(donors, float) * 10.0**shift
    y = 100.0 * np.array([s.value for s in shares])
    bars = 100.0 * np.array([[max(s.value - s.low, 0.0) for s in shares], [max(s.high - s.value, 0.0) for s in shares]])
    ax.errorbar(x, y, yerr=bars, ms=3.5, lw=1.3, elinewidth=0.8, capsize=1.5, label=label, **look)


def _ratio(curve: PowerCurve) -> str:
    ratios = {getattr(p.design, "ratio", None) for p in curve.points}
    found = ratios.pop() if len(ratios) == 1 else None
    return f"{found:g}" if found is not None else ""
