"""What to run and running it: cases, grids, run specifications."""

from .batches import feature_units
from .case import Case
from .cohort import Cohort, Spread
from .design import Study, linspan, logspan
from .runner import run
from .specification import Run

__all__ = ["Case", "Cohort", "Run", "Spread", "Study", "feature_units", "linspan", "logspan", "run"]
