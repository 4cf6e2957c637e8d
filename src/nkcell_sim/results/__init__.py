"""How results are kept: a tree of labelled arrays, written as netCDF-4 (HDF5) that every tool opens."""

from .assemble import Batch, assemble
from .comparison import Comparison, compare
from .ensemble import Ensemble, open_ensemble
from .layout import SCHEMA
from .results import ExperimentRuns, Results, open_results
from .streaming import simulate_to_file

__all__ = ["SCHEMA", "Batch", "Comparison", "Ensemble", "ExperimentRuns", "Results", "assemble", "compare", "open_ensemble", "open_results", "simulate_to_file"]
