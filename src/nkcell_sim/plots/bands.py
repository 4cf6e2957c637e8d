"""Traces of many cells: thin lines for single cells, a thick mean, and a band of its standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .samples import Array, mean_and_sem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CAPTION = "Thin lines: single cells. Thick line and band: mean ± SEM of cells."
MOST_POINTS = 1500  # of one line: more than a printed figure can show


def threads(ax: Axes, x: Array, y: Array, look: dict[str, Any]) -> None:
    """Single cells as thin lines; ``y`` is (n_cells, n_samples)."""
    alpha = float(np.clip(6.0 / max(len(y), 1), 0.15, 0.5))
    pick = thinned(len(x))
    for row in y:
        if np.isfinite(row).any():
            ax.plot(x[pick], row[pick], color=look["color"], lw=0.5, alpha=alpha, zorder=1)


def band(ax: Axes, x: Array, y: Array, look: dict[str, Any], label: str = "") -> None:
    """Mean over cells as a thick line with a band of its standard error (none for a single cell); ``y`` is (n_cells, n_samples)."""
    mean, sem = mean_and_sem(y)
    pick = thinned(len(x))
    if np.isfinite(sem).any():
        ax.fill_between(x[pick], (mean - sem)[pick], (mean + sem)[pick], color=look["color"], alpha=0.25, lw=0, zorder=2)
    ax.plot(x[pick], mean[pick], label=label or None, lw=1.8, zorder=3, **look)


def thinned(n: int) -> Any:
    """Positions of at most :data:`MOST_POINTS` samples, both ends among them."""
    return np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).round().astype(int))
