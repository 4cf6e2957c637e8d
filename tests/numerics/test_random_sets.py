"""No parameter set spoils a batch: over +-3 decades every run ends inside its budget, has a status, and is honest when it says ok."""

from __future__ import annotations

import pytest

from .random_sets import BUDGET, ENSEMBLES, Census, census


def check(found: Census, count: int) -> None:
    assert sum(found.causes.values()) == count
    assert found.without_status == 0
    assert found.most_work <= BUDGET
    assert found.not_finite == []
    assert found.beyond_bounds == []
    # nobody interrupts and nothing is timed here: these two would be mistakes of the engine
    assert not {"cancelled", "time_limit"} & found.causes.keys()
    # the sets are wild, but they are not so wild that nothing is tested
    assert found.causes["ok"] > count // 4


@pytest.mark.parametrize("name", ENSEMBLES)
def test_three_hundred_random_parameter_sets_end_in_their_budget_with_a_status(name: str) -> None:
    check(census(name, 300), 300)


def test_a_random_bath_on_top_changes_nothing_about_that() -> None:
    found = census("primary_nk", 300, seed=7, bath=True)
    assert (sum(found.causes.values()), found.without_status, found.not_finite, found.beyond_bounds) == (300, 0, [], [])
    assert found.most_work <= BUDGET


@pytest.mark.slow
@pytest.mark.parametrize("name", ENSEMBLES)
def test_ten_thousand_random_parameter_sets_end_in_their_budget_with_a_status(name: str) -> None:
    found = census(name, 10_000)
    print("\n" + found.table(name))
    check(found, 10_000)
