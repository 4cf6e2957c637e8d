"""Figure of ononetin as an absolute change: pA by group, and the share of responders against the detection limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis.hypotheses import SETS
from ..analysis.responders import AVERAGED, ONE_SAMPLE, ROLES, Group, Recording, block_donors, fisher_cells, groups, share
from .foot import Foot
from .style import COLOURS, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..results import Results

_COLOUR = {"default": COLOURS[1], "slow-dominant": COLOURS[2], "channel-number 0.40": COLOURS[3], "channel-number 0.49": COLOURS[4]}
_STYLE: dict[str, Any] = dict(zip(SETS, ("-", (0, (4, 2))), strict=True))
DRAWS, SEED = 4000, 4


def responders_figure(results: Results) -> Figure | None:
    """The figure of a file with an ononetin step and named lesions under both a healthy and a patient's role; None for any other."""
    found = groups(results)
    if not found or not any(len(set(g.donor)) < len(g.donor) for g in found):
        return None
    said = (
        f"channels are counted (Poisson) and open by chance, rig noise {ONE_SAMPLE.noise:g} pA RMS a sample: assumptions; cells of the cohort "
        f"drawn {DRAWS} times; Fisher counts cells as independent"
    )
    drawn = new_figure(results, Foot.of(results, said), 14.5, 4.9)
    left, single, averaged, text = drawn.subplots(1, 4, width_ratios=[1.1, 1.0, 1.0, 0.85])
    _amplitudes(left, found)
    _shares(single, found, ONE_SAMPLE, "One sample of one sweep")
    _shares(averaged, found, AVERAGED, f"{AVERAGED.samples} samples of {AVERAGED.sweeps} sweeps averaged")
    single.legend(fontsize=7, loc="upper right", title="solid: saturating set, dashed: conservative", title_fontsize=7)
    _text(text, found)
    return drawn


def _amplitudes(ax: Axes, found: Sequence[Group]) -> None:
    """Every cell's mean change, and the mean of the group, by role."""
    names = list(dict.fromkeys(g.hypothesis.name for g in found))
    for g in found:
        slot = names.index(g.hypothesis.name) - 0.5 * (len(names) - 1) + (0.3 if g.hypothesis.parameter_set == SETS[1] else 0.0)
        x = ROLES.index(g.role) + 0.19 * slot
        colour = _COLOUR[g.hypothesis.name]
        ax.plot(np.full(len(g.ideal), x), g.ideal, "o", color=colour, ms=2.2, alpha=0.5)
        ax.plot([x], [g.ideal.mean()], "_", color="#000000", ms=9, mew=1.6)
    ax.set_xticks(range(len(ROLES)), ROLES)
    n = len(found[0].ideal)
    ax.set(ylabel="mean current that ononetin removes from a cell (pA)", ylim=(0.0, None))
    ax.set_title(f"Absolute change, n = {n} cells each\n(pairs: saturating, conservative)", fontsize=8.5)
    ax.axhline(ONE_SAMPLE.single, color="#999999", lw=0.8, ls=":")
    ax.annotate("one open channel", (1.0, ONE_SAMPLE.single), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7, color="#666666")


def _shares(ax: Axes, found: Sequence[Group], recording: Recording, title: str) -> None:
    limits = np.linspace(0.0, 20.0, 161)
    for g in sorted(found, key=lambda g: g.role != ROLES[0]):
        if g.role == ROLES[2]:
            continue
        healthy = g.role == ROLES[0]
        colour = "#777777" if healthy else _COLOUR[g.hypothesis.name]
        first_set = g.hypothesis.parameter_set == SETS[0]
        label = ("healthy" if g.hypothesis.name == found[0].hypothesis.name else None) if healthy else g.hypothesis.name
        seen = share(g.observed(recording, DRAWS, seed=SEED), limits)
        ax.plot(limits, seen, color=colour, ls=_STYLE[g.hypothesis.parameter_set], lw=1.0 if healthy else 1.4, label=label if first_set else None)
    limit = recording.limit()
    ax.axvspan(0.0, limit, color="#999999", alpha=0.18, lw=0, label="within the noise (2.5 % of silent cells pass)")
    ax.set(xlabel="detection limit (pA)", ylabel="share of cells called responders", xlim=(0.0, 20.0), ylim=(0.0, 1.0))
    ax.set_title(f"{title}:\nlimit from noise {limit:.2g} pA", fontsize=8.5)


def _text(ax: Axes, found: Sequence[Group]) -> None:
    ax.axis("off")
    ax.set_title("What it takes (80 % power)", fontsize=9.5)
    lines = ["Fisher, healthy | ME/CFS, cells a group", "at the noise's limit (one sample | averaged)"]
    mine = {(g.hypothesis.name, g.role): g for g in found if g.hypothesis.parameter_set == found[0].hypothesis.parameter_set}
    names = list(dict.fromkeys(name for name, _ in mine))
    for name in names:
        cells = [fisher_cells(*(_passed(mine[name, role], r) for role in ROLES[:2])) for r in (ONE_SAMPLE, AVERAGED)]
        lines.append(f"  {name}: {' | '.join(_count(n) for n in cells)}")
    lines += ["", "Channel resistant to ononetin, or not?", "ononetin | vehicle, donors of 6 cells", "(one sample | averaged)"]
    for name in names:
        donors = [block_donors(mine[name, ROLES[1]], recording=r, experiments=500) for r in (ONE_SAMPLE, AVERAGED)]
        lines.append(f"  {name}: {' | '.join(_count(n) for n in donors)}")
    blocked = np.concatenate([g.fraction for g in found])
    lines += ["", "Blocked fraction of the evoked current:", f"  {blocked.min():.3f} to {blocked.max():.3f} in every cell"]
    lines += ["  (above 1: basal TRPM3 is blocked too)"]
    ax.text(0.0, 1.0, "\n".join(lines), transform=ax.transAxes, va="top", fontsize=7.6, linespacing=1.35)


def _passed(group: Group, recording: Recording) -> float:
    return float(share(group.observed(recording, DRAWS, seed=SEED), [recording.limit()])[0])


def _count(n: int | None) -> str:
    return "too many" if n is None else str(n)
