"""Changing a cell: units, ranges, names and errors that help."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from nkcell_sim.errors import ParameterError, UnitError
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import COMPOSITIONS, primary_nk_cell, stub_nk_cell


@pytest.fixture(scope="module")
def cell() -> Cell:
    return primary_nk_cell()


def test_setting_a_parameter_leaves_the_original_alone(cell: Cell) -> None:
    changed = cell.set({"KCa31.g_max": "500 pS"})
    assert changed.parameter("KCa31.g_max") == pytest.approx(0.5)
    assert cell.parameter("KCa31.g_max") == 0.25


def test_temperature_in_celsius_is_exact(cell: Cell) -> None:
    assert cell.at_temperature("23 degC").parameter("temperature") == 296.15


@pytest.mark.parametrize(
    ("action", "error", "words"),
    [
        (lambda c: c.set({"KCa31.gmax": 1.0}), ParameterError, "did you mean 'KCa31.g_max'"),
        (lambda c: c.set({"g_max": 1.0}), ParameterError, "g_max"),
        (lambda c: c.set({"KCa31.g_max": "0.9 mM"}), UnitError, "expected a conductance"),
        (lambda c: c.set({"KCa31.g_max": -1.0}), ParameterError, "at least 0"),
        (lambda c: c.set({"KCa31.g_max": float("nan")}), ParameterError, "expected"),
        (lambda c: c.without("KCa3.1"), ParameterError, "did you mean 'KCa31'"),
        (lambda c: c.without("Bath"), ParameterError, "cannot be switched off"),
        (lambda c: c.with_phenotype("mecfs"), ParameterError, "did you mean 'me_cfs'"),
        (lambda c: c.with_parameter_set("saturated"), ParameterError, "did you mean 'saturating'"),
        (lambda c: c.with_state(np.zeros(3)), ParameterError, "one value per state"),
        (lambda c: c.set_inputs({"na_outside": 1.0}), ParameterError, "did you mean 'na_out'"),
    ],
)
def test_mistakes_are_named(cell: Cell, action, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        action(cell)


def test_history_tells_what_was_done(cell: Cell) -> None:
    assert cell.history == ("parameter set saturating", "phenotype healthy", "calibrated at rest as healthy")
    assert cell.with_phenotype("me_cfs").without("KCa31").history[-2:] == ("phenotype me_cfs", "without KCa31")


def test_a_cell_survives_pickling(cell: Cell) -> None:
    again = pickle.loads(pickle.dumps(cell.with_phenotype("me_cfs")))
    assert again.composition.hash == cell.composition.hash
    assert np.array_equal(again.initial_state(), cell.with_phenotype("me_cfs").initial_state())


def test_a_cell_prints_as_tables(cell: Cell) -> None:
    text = repr(cell)
    assert "KCa31" in text
    assert "membrane potential" in text
    assert "calibrated at rest as healthy" in text


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_every_registered_composition_builds_and_prints(name: str) -> None:
    assert COMPOSITIONS[name]().name == name
    assert name in repr(Cell(COMPOSITIONS[name]()))


def test_the_stub_has_the_23_states_of_its_brief() -> None:
    assert len(stub_nk_cell().composition.states) == 23
