"""Outcomes: many runs as columns say the same as one run as an object."""

from __future__ import annotations

import numpy as np

from nkcell_sim import _kernels
from nkcell_sim.outcomes import COUNTERS, STATUSES, Outcome, Outcomes

LISTED = [
    Outcome("ok", 2.0, "", 10, 1, 80, 11),
    Outcome("diverged", 1.0, "y", 5, 2, 40, 7, rung=3, attempts=("step_underflow", "diverged")),
    Outcome("ok", 2.0, "", 9, 0, 72, 9),
]


def test_statuses_and_counters_are_those_of_the_engine() -> None:
    assert tuple(_kernels.STATUS) == STATUSES[: len(_kernels.STATUS)]
    assert STATUSES[len(_kernels.STATUS) :] == ("worker_lost",), "what happens to a run outside of the engine comes after its codes"
    assert tuple(_kernels.COUNTERS) == COUNTERS


def test_columns_give_back_the_outcomes_they_were_made_of() -> None:
    columns = Outcomes.of(LISTED)
    assert list(columns) == LISTED
    assert list(columns[1:]) == LISTED[1:]
    assert columns[-1] == LISTED[-1]
    assert columns.status == ["ok", "diverged", "ok"]
    assert columns.counts() == {"ok": 2, "diverged": 1}
    assert columns.ok.tolist() == [True, False, True]
    assert columns.column("rejected").tolist() == [1, 2, 0]


def test_runs_that_were_not_started_say_so_until_they_are_filled_in() -> None:
    waiting = Outcomes.waiting(5, ("y",))
    assert waiting.counts() == {"not_run": 5}
    waiting.put(np.array([0, 2, 4]), Outcomes.of(LISTED, ("y",)))
    assert waiting.status == ["ok", "not_run", "diverged", "not_run", "ok"]
    assert waiting[2] == LISTED[1]
