"""Figures of result files; what is drawn follows from what the file holds.

Every figure says that it shows model output and which protocol values are unconfirmed, has units on every axis, tells
conditions apart by colour (safe for colour-blind readers) and by line style, and is the same file for the same results.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ResultsError
from ..results.target import replacing
from .gallery import Picture, pictures, protocol_picture, sheet, whole_figure
from .stored import stored_experiment
from .style import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..results import Results

METADATA = {".png": {"Software": None}, ".pdf": {"Creator": None, "Producer": None, "CreationDate": None}, ".svg": {"Creator": None, "Date": None}}


def plot_results(results: Results, path: str | os.PathLike[str]) -> Path:
    """Draw the figure that fits the results and write it to ``path`` (.png, .pdf or .svg)."""
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in METADATA:
        raise ResultsError(f"got {str(path)!r} as the figure's file; expected a name ending in {', '.join(METADATA)}")
    with style():
        drawn = make_figure(results)
        with replacing(target) as place:
            drawn.savefig(place.partial, format=suffix[1:], metadata=METADATA[suffix])
    return target


def make_figure(results: Results) -> Figure:
    """The figure of a result file as a matplotlib figure."""
    return sheet(results) or whole_figure(results)


__all__ = ["METADATA", "Picture", "make_figure", "pictures", "plot_results", "protocol_picture", "stored_experiment", "style"]
