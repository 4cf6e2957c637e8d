"""Tests with real cluster engines: a Slurm of one node, Dask schedulers and workers, MPI; all on loopback."""
