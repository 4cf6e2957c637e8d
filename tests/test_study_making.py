"""Cells of a study are made together, and what cannot be made costs only itself."""

from __future__ import annotations

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.errors import NkcellError, SimulationError
from nkcell_sim.experiments.settling import settle, settle_each
from nkcell_sim.model.cell import Cell
from nkcell_sim.study.batches import treated_each
from nkcell_sim.study.making import Wanted, made_each
from nkcell_sim.study.specification import cell_content


@pytest.fixture(scope="module")
def cell() -> Cell:
    return nk.primary_nk_cell()


def test_a_changed_cell_is_made_as_if_it_had_been_described_so(cell: Cell) -> None:
    [(made, failure)] = made_each([Wanted(cell, {"TRPM3.density": 3.5})])
    described = cell.set({"TRPM3.density": 3.5}).recalibrated()
    assert failure == ""
    assert cell_content(made) == cell_content(described)
    assert made.history == described.history
    assert made.solved == described.solved


def test_kept_constants_stay_and_the_start_follows(cell: Cell) -> None:
    [(made, failure)] = made_each([Wanted(cell, {"Calmodulin.total": 80.0}, "kept")])
    assert failure == ""
    assert made.calibrated_constants == cell.calibrated_constants
    # sites times Ca2+ over Ca2+ + Kd at the pinned 0.08 uM and Kd 2 uM
    assert made.state_value("Calmodulin.bound") == pytest.approx(80.0 * 0.08 / 2.08, rel=1e-12)


def test_a_constant_that_is_given_wins_over_the_one_that_is_solved(cell: Cell) -> None:
    given = 1.1 * cell.parameter("NaKATPase.i_max")
    [(made, _)] = made_each([Wanted(cell, {"TRPM3.density": 3.0, "NaKATPase.i_max": given})])
    assert made.parameter("NaKATPase.i_max") == given
    assert made.parameter("ERLeak.rate") == cell.set({"TRPM3.density": 3.0}).recalibrated().parameter("ERLeak.rate")


def test_an_unchanged_cell_keeps_its_own_start(cell: Cell) -> None:
    moved = cell.with_state({"v": -44.0})
    for each in (moved, cell):
        [(made, failure)] = made_each([Wanted(each)])
        assert failure == ""
        assert np.array_equal(made.initial_state(), each.initial_state())


def test_cells_that_cannot_be_made_say_why_and_leave_the_others_alone(cell: Cell) -> None:
    empty = cell.set_inputs({"k_out": 0.0})
    wanted = [Wanted(cell, {"TRPM3.density": v}) for v in (3.0, 400.0, -1.0)] + [Wanted(empty), Wanted(empty, {"TRPM3.density": 3.0}, "kept")]
    sound, flooded, negative, bare, kept = made_each(wanted)
    assert sound[1] == ""
    assert cell_content(sound[0]) == cell_content(cell.set({"TRPM3.density": 3.0}).recalibrated())
    assert "the wanted rest cannot be reached" in flooded[1]
    assert flooded[0].parameter("TRPM3.density") == 400.0
    assert "expected at least 0" in negative[1]
    assert negative[0].parameter("TRPM3.density") == cell.parameter("TRPM3.density")
    assert "is not a number at the wanted rest" in bare[1]
    assert "is not a number at the wanted rest" in kept[1]
    for made, _ in (flooded, negative):
        assert np.array_equal(made.initial_state(), cell.initial_state())
    assert np.isfinite(bare[0].initial_state()).all()


def test_a_cell_is_made_to_the_same_bits_among_any_others_and_equal_ones_once(cell: Cell) -> None:
    wanted = [Wanted(cell, {"TRPM3.density": 1.0 + 0.1 * (i % 17)}, "kept" if i % 2 else "recalibrated") for i in range(68)]
    together = made_each(wanted)
    for i in (0, 1, 16, 33, 67):
        assert cell_content(made_each([wanted[i]])[0][0]) == cell_content(together[i][0])
        assert together[i][0] is together[i - 34][0]
    backwards = made_each(wanted[::-1])[::-1]
    assert [cell_content(a) for a, _ in backwards] == [cell_content(b) for b, _ in together]


def test_a_study_has_the_runs_that_its_cells_alone_would_have(cell: Cell) -> None:
    many = [1.0, 2.0, 3.0, 400.0, 4.0]

    def runs(values: list[float]) -> list[tuple[str, str]]:
        return [(r.id, r.failure) for r in nk.Study(cell, nk.PatchClamp(ntx_in_bath="kept"), vary={"TRPM3.density": values}).runs()]

    assert runs(many) == [run for value in many for run in runs([value])]


def test_cells_settle_to_the_same_bits_alone_and_together_and_equal_ones_once(cell: Cell) -> None:
    cells = [cell.set({"TRPM3.density": 2.0 + 0.1 * (i % 11)}).set_inputs({"ntx": 10.0 * (i % 3)}) for i in range(70)]
    together = settle(cells)
    for i in (0, 5, 12, 69):
        assert settle([cells[i]])[0].initial_state().tobytes() == together[i].initial_state().tobytes()
    again = settle([*cells[40:], *cells[:40]])
    assert [a.initial_state().tobytes() for a in again] == [b.initial_state().tobytes() for b in [*together[40:], *together[:40]]]


def test_a_cell_without_a_steady_state_costs_only_itself(cell: Cell) -> None:
    empty = cell.set_inputs({"k_out": 0.0})
    first, second, third = settle_each([cell, empty, cell])
    assert isinstance(first, Cell)
    assert isinstance(third, Cell)
    assert isinstance(second, NkcellError)
    with pytest.raises(type(second)) as alone:
        settle([empty])
    assert str(second) == str(alone.value)


@pytest.mark.parametrize("bad", [{0}, {63}, {17, 18}, set(), set(range(64))])
def test_a_bad_cell_costs_a_batch_few_calls_and_says_why(cell: Cell, bad: set[int]) -> None:
    cells = [cell.noted(str(i)) for i in range(64)]
    calls = 0

    def treat(some: list[Cell]) -> list[Cell]:
        nonlocal calls
        calls += 1
        for each in some:
            if int(each.history[-1]) in bad:
                raise SimulationError(f"cell {each.history[-1]} is bad")
        return list(some)

    found = treated_each(treat, cells)
    assert found == [f"cell {i} is bad" if i in bad else cells[i] for i in range(64)]
    # halving down to one cell: two calls for each of log2(64) halvings, and the first
    assert calls <= min(2 * 6 * len(bad) + 1, 2 * 64 - 1)


def test_errors_that_a_treatment_returns_stay_with_their_cells(cell: Cell) -> None:
    assert treated_each(lambda cells: [SimulationError("no"), *cells[1:]], [cell, cell]) == ["no", cell]
