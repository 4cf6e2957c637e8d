"""Where the runs of a study are done: this process, other processes, Dask, MPI, Slurm, or any executor of the standard library's interface."""

from .base import Executor
from .choose import EXECUTORS, executor_of
from .dask import Dask
from .given import Given
from .mpi import MPI
from .processes import Processes
from .slurm import Slurm
from .threads import Threads

__all__ = ["EXECUTORS", "MPI", "Dask", "Executor", "Given", "Processes", "Slurm", "Threads", "executor_of"]
