"""The map of target T9: which assumptions let low-dose naltrexone restore a patient's current."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis.targets import RESTORED
from ..results.target import replacing
from .style import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..analysis.ldn_map import LdnMap

LESIONS = {"me_cfs": "slow-dominant", "me_cfs_default_lesion": "default", "me_cfs_channel_number": "channel number", "me_cfs_surface_expression": "0.49"}
REBOUND = {"off": "none", "measured": "x1.6", "claimed": "x3"}


def ldn_map_figure(found: LdnMap) -> Figure:
    """A panel for every lesion and bath: rows are readings of the tone and the rebound, columns the in-vivo loss of affinity; restored ones are framed."""
    from matplotlib.figure import Figure

    axes = found.axes
    lesions, baths = axes["lesion"], axes["bath"]
    readings = [(tone, share, level) for share in axes["agonist_share"] for tone in axes["naltrexol_tone"] for level in axes["rebound"]]
    readings = [r for r in readings if not _same_as_another(r, axes)]
    drawn = Figure(figsize=(11.0, 1.2 + 2.1 * len(lesions)), layout="constrained")
    panels = drawn.subplots(len(lesions), len(baths), sharex=True, sharey=True, squeeze=False)
    for row, lesion in zip(panels, lesions, strict=True):
        for ax, bath in zip(row, baths, strict=True):
            values = np.array([found.at(lesion=lesion, naltrexol_tone=t, agonist_share=a, rebound=r, bath=bath) for t, a, r in readings])
            image = _panel(ax, values, axes["k_invivo"], [_words(*r) for r in readings])
            before = found.untreated[lesions.index(lesion)]
            said = "plasma levels in the bath" if bath == "kept" else f"{found.wash / 60:g} min drug-free"
            ax.set_title(f"{LESIONS.get(lesion, lesion)} lesion, untreated {before:.2f}\n{said}", fontsize=8.5)
    for ax in panels[-1]:
        ax.set_xlabel("Ki in vivo over Ki in the dish")
    drawn.colorbar(image, ax=panels, label="TRPM3 current over untreated healthy", shrink=0.6)
    dose = f"{found.settings['dose']}, {found.settings['doses']} doses every {found.settings['interval']}, {found.settings['hours_after']} after the last"
    drawn.suptitle(f"What would let low-dose naltrexone restore the current ({dose})", fontsize=12, fontweight="bold", x=0.008, ha="left")
    frames = f"Framed: {RESTORED[0]:g} to {RESTORED[1]:g} of healthy before rounding (a modelling choice). n = 1 deterministic cell a square."
    drawn.supxlabel(f"{frames} Model output, not a laboratory result; no reading is measured in NK cells.", fontsize=7, x=0.008, ha="left", color="#444444")
    return drawn


def _panel(ax: Axes, values: np.ndarray, factors: tuple[float, ...], labels: list[str]) -> Any:
    from matplotlib.patches import Rectangle

    image = ax.imshow(values, cmap="cividis", vmin=0.0, vmax=1.2, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        ax.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=7, color="white" if value < 0.6 else "black")
        if RESTORED[0] <= value <= RESTORED[1]:
            ax.add_patch(Rectangle((j - 0.47, i - 0.45), 0.94, 0.9, fill=False, edgecolor="#D55E00", linewidth=1.8))
    ax.set_xticks(range(len(factors)), [f"{k:g}" for k in factors])
    ax.set_yticks(range(len(labels)), labels, fontsize=7)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return image


def _same_as_another(reading: tuple[float, float, str], axes: dict[str, tuple[Any, ...]]) -> bool:
    """Without ambient agonist a rebound has nothing to act on; without a constitutive tone 6-beta-naltrexol has none to suppress."""
    tone, share, rebound = reading
    return (share == 0.0 and rebound != axes["rebound"][0]) or (share == 1.0 and tone != axes["naltrexol_tone"][0])


def _words(tone: float, share: float, rebound: str) -> str:
    """A reading in words."""
    whose = "tone constitutive" if share == 0.0 else "tone ambient opioid" if share == 1.0 else f"tone {100 * share:g} % ambient"
    rise = "" if share == 0.0 else f", rebound {REBOUND.get(rebound, rebound)}"
    if share == 1.0:
        return f"{whose}{rise}"
    return f"{whose}{rise}, 6BN {'neutral' if tone == 0.0 else 'suppresses it' if tone == 1.0 else f'suppresses {100 * tone:g} %'}"


def save_ldn_map(found: LdnMap, path: str | os.PathLike[str]) -> Path:
    """Write the figure of a map as png, svg or pdf, the same bytes for the same map."""
    from . import METADATA

    target = Path(path)
    with style(), replacing(target) as place:
        ldn_map_figure(found).savefig(place.partial, format=target.suffix[1:].lower(), metadata=METADATA[target.suffix.lower()])
    return target
