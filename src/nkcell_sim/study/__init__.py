"""What to run and running it: cases, designs of points, run specifications."""

from .batches import feature_units
from .case import Case
from .cohort import Cohort, Spread
from .design import Study
from .designs import Design, Grid, Listed, Zip
from .distributions import Choice, Distribution, LogNormal, LogUniform, Normal, Triangular, Uniform
from .runner import run
from .sampled_designs import Halton, LatinHypercube, MonteCarlo, SampledDesign, Sobol
from .spans import linspan, logspan
from .specification import Run
from .table_design import Table

__all__ = [
    "Case",
    "Choice",
    "Cohort",
    "Design",
    "Distribution",
    "Grid",
    "Halton",
    "LatinHypercube",
    "Listed",
    "LogNormal",
    "LogUniform",
    "MonteCarlo",
    "Normal",
    "Run",
    "SampledDesign",
    "Sobol",
    "Spread",
    "Study",
    "Table",
    "Triangular",
    "Uniform",
    "Zip",
    "feature_units",
    "linspan",
    "logspan",
    "run",
]
