"""Figures of the experiments that would decide between hypotheses: predictions, what a feasible study resolves, and the donors it takes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis.deciding import Decision, decisions
from ..analysis.hypotheses import Hypothesis, arms
from ..analysis.separation import Separation, resolvable, separations, variability_of
from .foot import Foot
from .responders import responders_figure
from .style import COLOURS, new_figure, pretty, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..results import ExperimentRuns, Results

FEASIBLE = 12  # donors (in each group) of a study that is taken as feasible: a choice, published ones had 5 to 12
REFERENCE = Hypothesis("me_cfs", "saturating")  # the package's own default, around which the band is drawn
_COLOUR = {
    "default": COLOURS[1], "slow-dominant": COLOURS[2], "channel-number": COLOURS[3], "channel-number 0.40": COLOURS[3], "channel-number 0.49": COLOURS[4],
}  # fmt: skip
_MARKER = {"default": "o", "slow-dominant": "s", "channel-number": "D", "channel-number 0.40": "D", "channel-number 0.49": "^"}
_LINE: dict[str, dict[str, Any]] = {
    "saturating": {"linestyle": "-", "alpha": 0.45},
    "conservative": {"linestyle": (0, (4, 2)), "lw": 1.3, "ms": 4.5, "markerfacecolor": "white"},
}


def deciding_figure(results: Results) -> Figure | None:
    """The figure of a deciding experiment; None for results that hold none: there is nothing to decide where there is one hypothesis."""
    if not any(_rivals(results, runs) for runs in results.experiments.values()):
        return None
    found = [d for d in decisions(results) if not d.key.startswith("dose_change")]
    return _ratio_figure(results, found, decisions(results)) if found else responders_figure(results)


def _rivals(results: Results, runs: ExperimentRuns) -> bool:
    """Whether an experiment holds several hypotheses on patients, or on healthy cells."""
    found = {arm.hypothesis for arm in arms(results, runs) if arm is not None}
    return any(sum(h.is_healthy == healthy for h in found) > 1 for healthy in (True, False))


def _ratio_figure(results: Results, shown: Sequence[Decision], tested: Sequence[Decision]) -> Figure:
    """One panel a quantity, and beside them what is told apart at which place by how many donors."""
    verdicts = [s for d in tested for s in separations(d)]
    said = f"{variability_of(shown[0])}. Band: not told apart from the slow-dominant lesion (saturating set) by {FEASIBLE} donors"
    foot = Foot.of(results, f"{said}{'' if shown[0].scheme == 'paired' else ' in each group'} in 80 of 100 studies, {verdicts[0].test}")
    runs: list[ExperimentRuns] = foot
    drawn = new_figure(results, runs, 4.6 * len(shown) + 4.6, 4.9)
    axes = drawn.subplots(1, len(shown) + 1, squeeze=False, width_ratios=[1.0] * len(shown) + [0.95])[0]
    for ax, decision in zip(axes, shown, strict=False):
        _panel(ax, decision)
    axes[0].legend(handles=_legend(shown[0]), loc="best", fontsize=7)
    _verdict_panel(axes[-1], verdicts, {d.key: d for d in tested})
    return drawn


def _panel(ax: Axes, decision: Decision) -> None:
    widths: dict[str, float] = {}
    for curve in decision.curves:
        h = curve.hypothesis
        saturating = h.parameter_set == "saturating"
        widths.setdefault(h.name, 5.5 - 1.2 * len(widths))  # lines on top of each other stay visible
        look = {**_LINE[h.parameter_set], **({"lw": widths[h.name]} if saturating else {})}
        ax.plot(curve.x, curve.shown, color=_COLOUR[h.name], marker="" if saturating else _MARKER[h.name], **look)
        if curve.own is not None:
            ax.plot([curve.own], [curve.at(curve.own)], "*", color=_COLOUR[h.name], ms=11, zorder=4)
    _band(ax, decision)
    for rival in decision.rivals:
        ax.plot(rival.x, rival.tested, color="#666666", marker="x", ls=":", lw=1.2)
        ax.annotate(rival.name, (rival.x[0], rival.tested[0]), xytext=(6, 8), textcoords="offset points", ha="left", fontsize=7.5, color="#444444")
    ax.axhline(1.0, color="#999999", lw=0.8, zorder=0)
    _scale(ax, decision)
    unit = "" if decision.x_unit == "1" else f" ({unit_text(decision.x_unit)})"
    ax.set(xlabel=pretty(decision.x_as) + unit, ylabel="\n".join(textwrap.wrap(pretty(decision.shown_as), 46)) + " (ratio)")
    ax.set_title("\n".join(textwrap.wrap(decision.question, 52)), fontsize=8.5)
    ax.annotate("n = 1 simulated cell a point", (0.99, 0.01), xycoords="axes fraction", ha="right", va="bottom", fontsize=6.5, color="#666666")


def _band(ax: Axes, decision: Decision) -> None:
    """What a feasible study cannot tell from the reference."""
    wanted = {REFERENCE, REFERENCE.healthy}
    middle = next((c for c in decision.curves if c.hypothesis in wanted), decision.curves[0])
    factor = resolvable(decision, FEASIBLE)
    if math.isfinite(factor):
        y = np.array(middle.shown)
        ax.fill_between(middle.x, y / factor, y * factor, color=COLOURS[2], alpha=0.13, lw=0)


def _scale(ax: Axes, decision: Decision) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    xs = decision.curves[0].x
    low, high = ax.get_ylim()
    if decision.key == "healthy_ntx":
        ax.set_ylim(0.5, min(high, 2.4))
        return
    ax.set_ylim(max(low, 0.0), high + 0.04 * (high - low))
    if max(xs) / min(x for x in xs if x > 0.0) > 20.0:
        ax.set_xscale("symlog", linthresh=1.0, linscale=0.4) if min(xs) == 0.0 else ax.set_xscale("log")
        ax.set_xlim(min(xs) * 0.8 - (0.1 if min(xs) == 0.0 else 0.0), max(xs) * 1.15)
    else:
        ax.margins(x=0.15)
    ax.xaxis.set_major_locator(FixedLocator([x for x in xs if not (x > 1.0 and any(0.0 < y / x - 1.0 < 0.6 for y in xs))]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _place(x, decision.x_unit, unit="")))


def _place(x: float, x_unit: str, *, unit: str) -> str:
    """A value of x as people say it."""
    return f"{60.0 * x:.3g} min" if x_unit == "h" and x < 1.0 else f"{x:.3g}{unit}"


def _legend(decision: Decision) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    names = dict.fromkeys(c.hypothesis.name for c in decision.curves)
    found: list[Any] = [Line2D([], [], color=_COLOUR[n], lw=4, label=n) for n in names]
    found += [Line2D([], [], color="#333333", label=f"{s} set", **{"lw": 3.0, **_LINE[s]}, marker="" if s == "saturating" else "o") for s in _LINE]
    if decision.curves[0].own is not None:
        found.append(Line2D([], [], color="#333333", marker="*", ls="", ms=9, label="tone that the lesion assumes"))
    return [*found, Patch(color=COLOURS[2], alpha=0.13, lw=0, label=f"not resolved by {FEASIBLE} donors")]


def _verdict_panel(ax: Axes, verdicts: Sequence[Separation], by_key: dict[str, Decision]) -> None:
    """Which pairs are told apart, best where, by how many donors."""
    ax.axis("off")
    ax.set_title("Donors for 80 % power", fontsize=9.5)
    lines, last = [], ""
    for s in verdicts:
        decision = by_key[s.experiment]
        if s.experiment != last:
            head = decision.shown_as if decision.camps == "set" else decision.tested_as
            lines += ["", *textwrap.wrap(pretty(head), 62)]
            last = s.experiment
        lines.append(f"   {s.first} | {s.second}: " + _said(s, decision))
    ax.text(0.0, 1.0, "\n".join(lines).strip("\n"), transform=ax.transAxes, va="top", fontsize=7.2, linespacing=1.4)


def _said(s: Separation, decision: Decision) -> str:
    if s.ratio < 1.001:
        return "not at all"
    where = "" if math.isnan(s.x) else f" at {_place(s.x, decision.x_unit, unit=f' {unit_text(decision.x_unit)}')}"
    many = "> 100" if s.donors is None else f"{s.donors}" + ("" if decision.scheme == "paired" else " a group")
    same = "" if s.same_cells is None else f" ({s.same_cells} in the same cells)"
    return f"{s.ratio:.2f}{where}" + ("\n        " if same else ", ") + many + same
