"""Evidence travels with the value: what a parameter set or a user chose is never shown with the declaration's evidence."""

from __future__ import annotations

import pytest

from nkcell_sim.model.cells import primary_nk_cell
from nkcell_sim.model.cells.parameter_sets import PARAMETER_SETS
from nkcell_sim.model.cells.phenotypes import PHENOTYPES
from nkcell_sim.model.quantities import EVIDENCE_CODES


@pytest.mark.parametrize("name", PARAMETER_SETS)
def test_every_value_of_a_parameter_set_carries_its_own_evidence(name: str) -> None:
    cell = primary_nk_cell().with_parameter_set(name)
    for entry in PARAMETER_SETS[name]:
        assert cell.parameter(entry.key) == entry.value
        assert cell.origin(entry.key)[0] == entry.evidence
        assert entry.unit == cell.composition.parameters[entry.key].unit


@pytest.mark.parametrize("name", PHENOTYPES)
def test_every_value_of_a_phenotype_carries_its_own_evidence(name: str) -> None:
    cell = primary_nk_cell().with_phenotype(name)
    for entry in PHENOTYPES[name].entries:
        assert cell.origin(entry.key) == (entry.evidence, f"phenotype {name}: {entry.reason}")
        assert entry.evidence in EVIDENCE_CODES
        assert entry.evidence != "V"  # no lesion has been measured as a parameter


def test_a_value_set_by_hand_is_an_assumption_whatever_the_declaration_says() -> None:
    cell = primary_nk_cell()
    assert cell.origin("KCa31.k_ca") == (cell.composition.parameters["KCa31.k_ca"].evidence, cell.composition.parameters["KCa31.k_ca"].source)
    assert cell.set({"KCa31.k_ca": 0.4}).origin("KCa31.k_ca") == ("A", "set by the user")


def test_a_calibrated_constant_set_by_hand_is_an_assumption_too() -> None:
    cell = primary_nk_cell()
    assert cell.origin("ERLeak.rate")[0] == "C"
    assert cell.set({"ERLeak.rate": 0.2}).origin("ERLeak.rate") == ("A", "set by the user")


def test_calibrated_constants_are_called_calibrated() -> None:
    cell = primary_nk_cell()
    assert {cell.origin(k)[0] for k in cell.calibrated_constants} == {"C"}
    assert "PMCA.k_cam" in repr(cell)
    assert " V  parameter set" not in repr(cell)
