"""How results are kept: a tree of labelled arrays, written as netCDF-4 (HDF5) that every tool opens."""

from .assemble import Batch, assemble, chunk_tree, experiment_attributes
from .collect import Rows, save_collected
from .comparison import Comparison, compare
from .ensemble import Ensemble, open_ensemble
from .layout import SCHEMA, Group
from .merge import merged
from .results import ExperimentRuns, Results, open_results
from .shards import check_shard, read_shard_keys, shards_of, write_shard
from .sources import Source
from .streaming import simulate_to_file
from .unknown import BlankSource, taken_rows

__all__ = [
    "SCHEMA",
    "Batch",
    "BlankSource",
    "Comparison",
    "Ensemble",
    "ExperimentRuns",
    "Group",
    "Results",
    "Rows",
    "Source",
    "assemble",
    "check_shard",
    "chunk_tree",
    "compare",
    "experiment_attributes",
    "merged",
    "open_ensemble",
    "open_results",
    "read_shard_keys",
    "save_collected",
    "shards_of",
    "simulate_to_file",
    "taken_rows",
    "write_shard",
]
