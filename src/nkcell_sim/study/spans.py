"""Evenly spaced values of a varied key."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError


def logspan(start: float, stop: float, points: int) -> NDArray[np.float64]:
    """Values from start to stop (both included) at equal ratios; plain numbers above 0 in the unit of the varied key."""
    _check_span("logspan", start, stop, points)
    if not min(start, stop) > 0.0:
        raise ParameterError(f"got logspan from {start:g} to {stop:g}; expected numbers above 0 (or linspan)", name="start")
    return np.asarray(np.geomspace(start, stop, points))


def linspan(start: float, stop: float, points: int) -> NDArray[np.float64]:
    """Values from start to stop (both included) at equal differences; plain numbers in the unit of the varied key."""
    _check_span("linspan", start, stop, points)
    return np.asarray(np.linspace(start, stop, points))


def _check_span(maker: str, start: Any, stop: Any, points: Any) -> None:
    for name, value in (("start", start), ("stop", stop)):
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise ParameterError(f"got {maker} {name} = {value!r}; expected a finite number in the unit of the varied key, without the unit", name=name)
    if isinstance(points, bool) or not isinstance(points, int | np.integer) or points < 1:
        raise ParameterError(f"got {maker} points = {points!r}; expected a whole number of at least 1", name="points")
