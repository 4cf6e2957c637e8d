"""Virtual experiments by their kind."""

from __future__ import annotations

from .amplifier import Amplifier
from .base import Experiment, ExperimentResult, Feature, run_experiment
from .calcium_imaging import CalciumImaging
from .camera import Camera
from .incubation import Incubation
from .instrument import Instrument
from .iv_curve import IVCurve
from .low_dose_naltrexone import LowDoseNaltrexone
from .naltrexone_course import NaltrexoneCourse
from .nk_function import NKFunction
from .patch_clamp import PatchClamp
from .rest import Rest
from .store_operated_entry import StoreOperatedEntry
from .treatment import Treatment

EXPERIMENTS: dict[str, type[Experiment]] = {
    cls.kind: cls for cls in (PatchClamp, CalciumImaging, Incubation, StoreOperatedEntry, IVCurve, Rest, NaltrexoneCourse, NKFunction)
}
# Treatments by the name under which [[vary]] reaches their fields.
TREATMENTS: dict[str, type[Treatment]] = {cls.name: cls for cls in (Incubation, LowDoseNaltrexone)}

# Instruments by the word under which a configuration describes them within an experiment.
INSTRUMENTS: dict[str, type[Instrument]] = {cls.kind: cls for cls in (Amplifier, Camera)}

__all__ = [
    "EXPERIMENTS",
    "INSTRUMENTS",
    "TREATMENTS",
    "Amplifier",
    "CalciumImaging",
    "Camera",
    "Experiment",
    "ExperimentResult",
    "Feature",
    "IVCurve",
    "Incubation",
    "Instrument",
    "LowDoseNaltrexone",
    "NKFunction",
    "NaltrexoneCourse",
    "PatchClamp",
    "Rest",
    "StoreOperatedEntry",
    "Treatment",
    "run_experiment",
]
