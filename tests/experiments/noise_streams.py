"""Generators for the noise of runs, one for each."""

from __future__ import annotations

import numpy as np

from nkcell_sim.randomness import stream


def streams(n: int, seed: int = 0) -> list[np.random.Generator]:
    return [stream(seed, "instrument", i) for i in range(n)]
