"""A virtual natural-killer cell: ion channels, Ca2+ signalling and the opioid control of TRPM3, with virtual rigs.

    import nkcell_sim as nk

    cell = nk.primary_nk_cell().with_phenotype("me_cfs")
    trace = nk.simulate(cell, nk.Protocol("300 s").step("60 s", pregs="50 uM"), record=("v", "ca_cyt"))

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from .lazy import loader

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .channels import StochasticChannels, counted_channels
    from .codegen.sbml import to_sbml
    from .draws import Draws
    from .experiments import (
        Amplifier,
        CalciumImaging,
        Camera,
        Incubation,
        LowDoseNaltrexone,
        NaltrexoneCourse,
        NKFunction,
        PatchClamp,
        StoreOperatedEntry,
        run_experiment,
    )
    from .features import Area, Crossing, DecayHalfTime, HalfTime, Mean, Peak, TimeOfPeak, ValueAt, ValueWhen
    from .model.cell import Cell
    from .model.cells import primary_nk_cell
    from .protocol import Protocol
    from .results import open_ensemble, open_results, simulate_to_file
    from .simulate import simulate
    from .steady_state import steady_state
    from .study import (
        Case,
        Choice,
        Cohort,
        Grid,
        Halton,
        LatinHypercube,
        Listed,
        LogNormal,
        LogUniform,
        MonteCarlo,
        Normal,
        Sobol,
        Spread,
        Study,
        Table,
        Triangular,
        Uniform,
        Zip,
        linspan,
        logspan,
        run,
    )

_HOMES = {
    "primary_nk_cell": ".model.cells",
    "Cell": ".model.cell",
    "Draws": ".draws",
    "Protocol": ".protocol",
    "simulate": ".simulate",
    "StochasticChannels": ".channels",
    "counted_channels": ".channels",
    "steady_state": ".steady_state",
    "Area": ".features",
    "Crossing": ".features",
    "DecayHalfTime": ".features",
    "HalfTime": ".features",
    "Mean": ".features",
    "Peak": ".features",
    "TimeOfPeak": ".features",
    "ValueAt": ".features",
    "ValueWhen": ".features",
    "Amplifier": ".experiments",
    "Camera": ".experiments",
    "PatchClamp": ".experiments",
    "CalciumImaging": ".experiments",
    "Incubation": ".experiments",
    "LowDoseNaltrexone": ".experiments",
    "NaltrexoneCourse": ".experiments",
    "NKFunction": ".experiments",
    "StoreOperatedEntry": ".experiments",
    "run_experiment": ".experiments",
    "Case": ".study",
    "Cohort": ".study",
    "Spread": ".study",
    "Choice": ".study",
    "Grid": ".study",
    "Halton": ".study",
    "LatinHypercube": ".study",
    "Listed": ".study",
    "LogNormal": ".study",
    "LogUniform": ".study",
    "MonteCarlo": ".study",
    "Normal": ".study",
    "Sobol": ".study",
    "Table": ".study",
    "Triangular": ".study",
    "Uniform": ".study",
    "Zip": ".study",
    "Study": ".study",
    "run": ".study",
    "open_results": ".results",
    "open_ensemble": ".results",
    "simulate_to_file": ".results",
    "logspan": ".study",
    "linspan": ".study",
    "to_sbml": ".codegen.sbml",
}

__all__ = [
    "Amplifier",
    "Area",
    "CalciumImaging",
    "Camera",
    "Case",
    "Cell",
    "Choice",
    "Cohort",
    "Crossing",
    "DecayHalfTime",
    "Draws",
    "Grid",
    "HalfTime",
    "Halton",
    "Incubation",
    "LatinHypercube",
    "Listed",
    "LogNormal",
    "LogUniform",
    "LowDoseNaltrexone",
    "Mean",
    "MonteCarlo",
    "NKFunction",
    "NaltrexoneCourse",
    "Normal",
    "PatchClamp",
    "Peak",
    "Protocol",
    "Sobol",
    "Spread",
    "StochasticChannels",
    "StoreOperatedEntry",
    "Study",
    "Table",
    "TimeOfPeak",
    "Triangular",
    "Uniform",
    "ValueAt",
    "ValueWhen",
    "Zip",
    "__version__",
    "counted_channels",
    "linspan",
    "logspan",
    "open_ensemble",
    "open_results",
    "primary_nk_cell",
    "run",
    "run_experiment",
    "simulate",
    "simulate_to_file",
    "steady_state",
    "to_sbml",
]


__getattr__ = loader(__name__, _HOMES, globals())


class _Package(ModuleType):
    """Keeps ``simulate`` and ``steady_state`` the functions: importing the modules of these names would replace them."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
