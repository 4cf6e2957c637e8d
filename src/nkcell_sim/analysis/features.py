"""Features of traces by named definition, as the analysis layer offers them (implemented beside the experiments that report them)."""

from __future__ import annotations

from ..experiments.measures import (
    HALF_TIME_DEFINITIONS,
    Peak,
    area_above,
    decay_half_time,
    half_time_exponential_fit,
    half_time_onset_to_half,
    half_times_exponential_fit,
    peak,
    rectification,
    reversal_potential,
    slope_from_onset,
    steepest_slope,
    value_at,
    window,
)
from .dose_response import HillFit, fit_hill, hill_curve

__all__ = [
    "HALF_TIME_DEFINITIONS",
    "HillFit",
    "Peak",
    "area_above",
    "decay_half_time",
    "fit_hill",
    "half_time_exponential_fit",
    "half_time_onset_to_half",
    "half_times_exponential_fit",
    "hill_curve",
    "peak",
    "rectification",
    "reversal_potential",
    "slope_from_onset",
    "steepest_slope",
    "value_at",
    "window",
]
