"""The work of the main runs, exactly: a slow-down that comes from the numerics cannot hide in the noise of a clock."""

from __future__ import annotations

import pytest

from nkcell_sim import _kernels
from nkcell_sim.execution import Execution

from .counters import RUNS, counted, difference, stored

ENGINES = [e["name"] for e in _kernels.engines() if e["runs"]]


@pytest.mark.parametrize("name", RUNS)
def test_a_main_run_costs_exactly_what_it_cost(name: str) -> None:
    change = difference(name, stored()[name], counted(name))
    assert not change, change


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("isa", ENGINES)
def test_every_instruction_set_and_number_of_threads_does_the_same_work(isa: str, threads: int) -> None:
    for name in ("stub_nk, 300 s of the TRPM3-like stimulus", "primary_nk, patch clamp"):
        change = difference(name, stored()[name], counted(name, Execution(isa=isa, threads=threads)))
        assert not change, f"{isa}, {threads} thread(s): {change}"


def test_nothing_is_stored_for_a_run_that_no_longer_exists() -> None:
    assert stored().keys() == RUNS.keys()


def test_a_change_is_told_with_both_numbers_and_how_to_accept_it() -> None:
    said = difference("rest", {"one cell": {"steps": 100}}, {"one cell": {"steps": 104}})
    assert said.splitlines() == [
        "numerics changed in the run 'rest':",
        "  one cell, steps: before 100, after 104 (+4.00 %)",
        "if that was meant, regenerate with: python -m tests.numerics.counters --write",
    ]
    assert difference("rest", {"one cell": {"steps": 100}}, {"one cell": {"steps": 100}}) == ""
