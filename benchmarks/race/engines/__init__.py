"""All engines of the race, one adapter each."""

from __future__ import annotations

from .base import Engine
from .myokit_cvodes import Myokit
from .nkcell import NkCell
from .numba_lsoda import NumbaLsoda
from .roadrunner_cvode import RoadRunner
from .scipy_ivp import ScipyIvp
from .sundae import Sundae


def engines() -> dict[str, Engine]:
    """Engines by name, in the order of the table."""
    every: list[Engine] = [
        NkCell("avx512"),
        NkCell("avx2"),
        NkCell("portable"),
        NkCell("avx512", threads=2),
        NkCell("avx2", threads=2),
        NumbaLsoda(),
        NumbaLsoda(plain=True),
        RoadRunner(),
        Myokit(),
        Sundae("dense"),
        Sundae("sparse"),
        ScipyIvp("LSODA"),
        ScipyIvp("BDF"),
        ScipyIvp("Radau"),
    ]
    return {e.name: e for e in every}


# A sparse LU of 23 states and Radau are slower than their neighbours and run only when asked for.
DEFAULT = tuple(name for name in engines() if name not in ("sundae-sparse", "scipy-radau"))
