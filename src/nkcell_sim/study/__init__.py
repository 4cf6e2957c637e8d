"""What to run and running it: cases, grids, run specifications."""

from .design import Case, Run, Study, linspan, logspan
from .runner import run

__all__ = ["Case", "Run", "Study", "linspan", "logspan", "run"]
