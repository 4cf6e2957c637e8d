"""Cells that are made together: the bits that each has alone, and an error that costs only its own cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nkcell_sim.errors import NkcellError, SteadyStateError, UnreachableRestError
from nkcell_sim.model.calibrate import BLOCK, recalibrated_each, resting_state, resting_states, solve_constants
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import opioid_chain_cell, primary_nk_cell, stub_nk_cell
from nkcell_sim.model.elimination import solve_each
from nkcell_sim.model.twin import Twin
from nkcell_sim.model.twins import Columns, Twins, shared_columns


def draws(count: int) -> list[Cell]:
    """Cells that differ in what their constants and gates depend on; every fifth is another kind, every seventh has no rest."""
    rng, cells = np.random.default_rng(7), []
    base = [primary_nk_cell(), stub_nk_cell(), primary_nk_cell().with_phenotype("me_cfs")]
    for i in range(count):
        cell = base[1 if i % 5 == 4 else 2 if i % 3 == 2 else 0]
        changes = {key: cell.parameter(key) * rng.lognormal(0.0, 0.2) for key in ("KCa31.g_max", "CRAC.permeability", "temperature")[:2]}
        cells.append(cell.set({**changes, "SodiumBackground.permeability": 0.0}).set_inputs({"k_out": 5.0 * rng.lognormal(0.0, 0.1)}))
        if i % 7 == 6:
            cells[-1] = cells[-1].set({"TRPM3.density": 400.0}) if i % 2 else cells[-1].set_inputs({"k_out": 0.0})
    return cells


def content(found: Cell | NkcellError) -> bytes:
    """Everything that a cell that was made holds, or what its error says."""
    if isinstance(found, NkcellError):
        return repr(found).encode()
    return found.parameter_vector().tobytes() + found.initial_state().tobytes() + repr(found.history).encode()


CELLS = draws(24)
ALONE = [content(recalibrated_each([cell])[0]) for cell in CELLS]


def test_the_draws_hold_cells_and_both_kinds_of_error() -> None:
    found = recalibrated_each(CELLS)
    assert {type(each) for each in found} == {Cell, UnreachableRestError, SteadyStateError}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(CELLS) - 1), min_size=1, max_size=40))
def test_a_cell_has_the_same_bits_alone_and_at_any_place_in_any_batch(chosen: list[int]) -> None:
    found = recalibrated_each([CELLS[i] for i in chosen])
    assert [content(each) for each in found] == [ALONE[i] for i in chosen]


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 63, BLOCK - 1, BLOCK + 1])
def test_a_resting_state_has_the_same_bits_in_batches_of_any_size(count: int) -> None:
    cell = primary_nk_cell()
    cells = [cell.set({"TRPM7.block": 0.0} if "TRPM7.block" in cell.composition.parameters else {"TRPM3.density": 1.0 + 0.01 * i}) for i in range(count)]
    cells = [each.set_inputs({"v_cmd": -60.0, "ntx": 1.0 + i}) for i, each in enumerate(cells)]
    together = resting_states(cells)
    for i in {0, count // 2, count - 1}:
        assert isinstance(together[i], np.ndarray)
        assert together[i].tobytes() == resting_state(cells[i]).tobytes()


def test_an_error_says_what_it_says_of_the_cell_alone_and_the_others_are_made() -> None:
    sound, flooded = primary_nk_cell(), primary_nk_cell().set({"TRPM3.density": 400.0})
    first, second, third = recalibrated_each([sound, flooded, sound])
    assert isinstance(first, Cell)
    assert isinstance(third, Cell)
    with pytest.raises(UnreachableRestError) as alone:
        solve_constants(flooded)
    assert str(second) == str(alone.value)
    assert isinstance(second, UnreachableRestError)
    assert second.balance == alone.value.balance


@pytest.mark.parametrize("cell", [primary_nk_cell(), stub_nk_cell(), opioid_chain_cell()], ids=lambda c: c.name)
def test_many_twins_and_the_single_one_agree(cell: Cell) -> None:
    rng = np.random.default_rng(3)
    n, keys = len(cell.composition.states), list(cell.composition.states)
    y = cell.initial_state() * rng.uniform(0.9, 1.1, n)
    free = tuple(i for i, k in enumerate(keys) if k not in cell.composition.rest)
    twins = Twins(cell.composition, cell.parameter_vector()[:, None], cell.input_defaults()[:, None])
    rates, slopes, finite = twins.linearised(y[:, None], free, shared_columns(cell.composition, free))
    separate = twins.linearised(y[:, None], free, Columns.separate(free))
    jacobian = Twin(cell).jacobian(y)[np.ix_(free, free)]
    # the same formulas with other exponentials (NumPy's and the C library's differ in the last bits), and sums that cancel
    size = np.abs(jacobian).max()
    assert np.allclose(slopes[..., 0], jacobian, rtol=1e-10, atol=1e-14 * size)
    assert np.allclose(slopes, separate[1], rtol=1e-12, atol=1e-14 * size)
    assert np.allclose(rates[:, 0], Twin(cell).rhs(y)[list(free)], rtol=1e-9, atol=1e-14)
    assert finite.all()


def test_states_that_turn_the_same_state_are_never_tilted_together() -> None:
    composition = primary_nk_cell().composition
    free = tuple(i for i, k in enumerate(composition.states) if k not in composition.rest)
    columns = shared_columns(composition, free)
    for column in range(columns.count):
        mine = [j for j, c in enumerate(columns.column_of) if c == column]
        assert columns.pattern[:, mine].sum(axis=1).max() <= 1
    assert columns.count < len(free) / 2  # what the sharing is for


@pytest.mark.parametrize("n", [1, 2, 5, 30])
def test_elimination_solves_every_system_to_rounding(n: int) -> None:
    rng = np.random.default_rng(n)
    a, x = rng.normal(size=(n, n, 50)), rng.normal(size=(n, 50))
    a[rng.random((n, n, 50)) < 0.3] = 0.0
    a[np.arange(n), np.arange(n)] += 3.0 * np.sign(rng.normal(size=(n, 50)))
    b = np.einsum("ijk,jk->ik", a, x)
    found, pivots = solve_each(a, b)
    for k in range(50):
        # partial pivoting is backward stable: the error is that of the condition number
        assert np.allclose(found[:, k], x[:, k], atol=1e-14 * n * np.linalg.cond(a[..., k]) * np.abs(x[:, k]).max())
    assert (pivots > 0.0).all()
    alone, _ = solve_each(a[..., 17:18], b[:, 17:18])
    assert alone.tobytes() == np.ascontiguousarray(found[:, 17:18]).tobytes()


def test_elimination_tells_a_singular_system_and_solves_its_neighbour() -> None:
    a = np.stack([[[1.0, 2.0], [2.0, 4.0]], [[0.0, 2.0], [4.0, 0.0]]], axis=2)
    found, pivots = solve_each(a, np.array([[1.0, 2.0], [1.0, 4.0]]))
    assert pivots[0] == 0.0
    assert pivots[1] == 0.5
    assert found[:, 1].tolist() == [1.0, 1.0]
