"""Virtual experiments by their kind."""

from __future__ import annotations

from .base import Experiment, ExperimentResult, Feature, run_experiment
from .calcium_imaging import CalciumImaging
from .incubation import Incubation
from .iv_curve import IVCurve
from .patch_clamp import PatchClamp
from .rest import Rest
from .store_operated_entry import StoreOperatedEntry
from .treatment import Treatment

EXPERIMENTS: dict[str, type[Experiment]] = {
    cls.kind: cls for cls in (PatchClamp, CalciumImaging, Incubation, StoreOperatedEntry, IVCurve, Rest)
}
# Treatments by the name under which [[vary]] reaches their fields.
TREATMENTS: dict[str, type[Treatment]] = {cls.name: cls for cls in (Incubation,)}

__all__ = [
    "EXPERIMENTS",
    "TREATMENTS",
    "CalciumImaging",
    "Experiment",
    "ExperimentResult",
    "Feature",
    "IVCurve",
    "Incubation",
    "PatchClamp",
    "Rest",
    "StoreOperatedEntry",
    "Treatment",
    "run_experiment",
]
