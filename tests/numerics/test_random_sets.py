"""No parameter set spoils a batch: over +-3 decades every run ends inside its budget, has a status, and is honest when it says ok."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim import _kernels

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


@pytest.mark.parametrize("name", ENSEMBLES)
def test_right_hand_side_and_jacobian_of_any_legal_cell_are_numbers_at_rest(name: str) -> None:
    # Hill exponents of thousands and rates a thousand times too fast: powers must stop growing before a slope is infinity over infinity
    ensemble = ENSEMBLES[name]()
    cells = ensemble.cells(500, seed=5)
    parameters = np.array([cell.parameter_vector() for cell in cells])
    start = np.broadcast_to(cells[0].initial_state(), (len(cells), len(cells[0].initial_state())))
    rates, jacobian, _ = _kernels.evaluate(name, start, cells[0].input_defaults(), parameters)
    assert np.isfinite(rates).all()
    assert np.isfinite(jacobian).all()
