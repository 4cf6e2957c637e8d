"""Which runs of an experiment were left out because their study was not finished, and why the others never started."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

NOT_RUN = "not run: "  # how the warning begins that says why a run never started


def reasons(warnings: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    """Why runs never started, by run, from the (run, text) of an experiment's warnings."""
    found: dict[int, list[str]] = {}
    for run, said in warnings:
        if said.startswith(NOT_RUN):
            found.setdefault(run, []).append(said.removeprefix(NOT_RUN))
    return found


def unfinished(status: Iterable[str], why: dict[int, list[str]]) -> NDArray[np.bool_]:
    """Whether each run waits to be done (bool, n_runs): it is ``cancelled``, or ``not_run`` without a reason of its own."""
    told = np.array(list(status), dtype=object)
    reasoned = np.zeros(len(told), dtype=bool)
    reasoned[[run for run, said in why.items() if any(said)]] = True
    return np.asarray((told == "cancelled") | ((told == "not_run") & ~reasoned), dtype=bool)
