"""How results are kept: a tree of labelled arrays, written as netCDF-4 (HDF5) that every tool opens."""

from .assemble import Batch, assemble
from .comparison import Comparison, compare
from .layout import SCHEMA
from .results import ExperimentRuns, Results, open_results

__all__ = ["SCHEMA", "Batch", "Comparison", "ExperimentRuns", "Results", "assemble", "compare", "open_results"]
