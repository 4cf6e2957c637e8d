"""What every declared quantity and every component must satisfy."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim.errors import ModelError
from nkcell_sim.model.cells import primary_nk, primary_nk_cell, stub_nk
from nkcell_sim.model.quantities import EVIDENCE_CODES, Flow, Parameter, State
from nkcell_sim.model.twin import Twin
from nkcell_sim.units import unit_info

CELLS = [primary_nk(), stub_nk()]
ALL = [(c, k) for c in CELLS for k in c.declarations]


@pytest.mark.parametrize(("composition", "key"), ALL, ids=[f"{c.name}:{k}" for c, k in ALL])
def test_every_quantity_has_a_unit_a_meaning_and_an_evidence_code(composition, key: str) -> None:
    declared = composition.declarations[key]
    unit_info(declared.unit)
    assert declared.description
    assert getattr(declared, "evidence", "-") in EVIDENCE_CODES
    if isinstance(declared, Parameter):
        assert declared.minimum is None or declared.minimum <= declared.default
        assert declared.maximum is None or declared.default <= declared.maximum
        assert (declared.evidence == "C") == bool(declared.balance)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
def test_a_state_without_a_size_that_matters_is_refused(scale: float) -> None:
    # its tolerance at 0 would be 0, and the error of a step there 0 / 0
    with pytest.raises(ModelError, match=r"\(a test\) with scale = .* expected a finite number above 0"):
        State("uM", "a test", scale=scale)


# "Q10 3 for Kv1.3 gating, 2-2.5 for pumps, 1.3-1.5 for conductances (R)", nk_cell brief, section 4: the only recalled ones.
RECALLED_Q10 = {"Kv13.q10_gate"}
RECALLED_Q10 |= {f"{pump}.q10" for pump in ("NaKATPase", "PMCA", "SERCA")}
RECALLED_Q10 |= {f"{channel}.q10_g" for channel in ("Kv13", "KCa31", "TRPM4")}
RECALLED_Q10 |= {f"{path}.q10_p" for path in ("CRAC", "TRPM7", "VRAC", "SodiumBackground", "PotassiumBackground", "CalciumBackground", "ChlorideBackground")}


@pytest.mark.parametrize("composition", CELLS, ids=lambda c: c.name)
def test_a_temperature_coefficient_is_assumed_unless_its_source_names_it(composition) -> None:
    found = {k: p.evidence for k, p in composition.parameters.items() if ".q10" in k}
    assert found == {k: "R" if k in RECALLED_Q10 else "A" for k in found}


# Values that are made of several numbers, or that the source only surrounds: no stronger than the weakest number in them.
COMPOSED = {
    "KCa31.g_max": "A",  # 57 channels (A) x 11 pS (V) x open probability 0.4 (V)
    "cm": "R",  # 260 um^2 (V) x 1 uF/cm^2 (R)
    "Kv13.v_n": "D",  # from half of G at -40 mV (V) and the slope (A)
    "VRAC.permeability": "D",  # from 1e4 channels x 2 pS (V)
    "MCU.k_ca": "A",  # 2.5 uM where the model it comes from has 1.5 (S)
    "NFAT.k_dephos": "R",  # number V, unit R
    "TRPM3.z_gate": "A",  # A/D in the brief
    "TRPM3.t_gate": "A",
    "Kv13.v_tau": "A",
    "Kv13.k_tau_n": "A",
    "Kv13.k_tau_h": "A",
    "MuOpioidReceptor.k_invivo": "A",  # 1 in a dish; the fitted value (D) is 10
}


@pytest.mark.parametrize("key", COMPOSED)
def test_a_composed_value_is_no_stronger_than_its_weakest_part(key: str) -> None:
    assert primary_nk().parameters[key].evidence == COMPOSED[key]


@pytest.mark.parametrize("name", primary_nk().switchable)
def test_a_switched_off_component_carries_nothing_and_stands_still(name: str) -> None:
    cell = primary_nk_cell().without(name).set_inputs({"pregs": "50 uM", "cs_out": "5 mM", "plc_drive": 0.5, "ntx": "5 nM", "ionomycin": "1e-3 1/s"})
    y = primary_nk_cell().initial_state() * 1.1
    twin, composition = Twin(cell), cell.composition
    seen, rates = twin.observe(y), dict(zip(composition.states, twin.rhs(y), strict=True))
    for key, declared in composition.declarations.items():
        if composition.owner[key].name == name and isinstance(declared, Flow):
            assert seen[key] == 0.0
        if composition.owner[key].name == name and key in rates:
            assert rates[key] == 0.0


def test_q10_changes_nothing_at_23_degrees() -> None:
    cell = primary_nk_cell()
    faster = cell.set({k: 5.0 for k in cell.composition.parameters if ".q10" in k and "MuOpioid" not in k and "GBeta" not in k and "ChannelN" not in k})
    y = cell.initial_state() * 1.2
    assert np.array_equal(Twin(cell).rhs(y), Twin(faster).rhs(y))


def test_the_jacobian_by_complex_steps_agrees_with_differences() -> None:
    cell = primary_nk_cell().set_inputs({"pregs": "50 uM"})
    y = cell.initial_state() * 1.1 + 1e-3
    twin = Twin(cell)
    step = 1e-6 * np.maximum(np.abs(y), 1e-2)
    differences = (twin.rhs(y[:, None] + np.diag(step)) - twin.rhs(y[:, None] - np.diag(step))) / (2.0 * step)
    exact = twin.jacobian(y)
    # Central differences: truncation 1e-12 and cancellation 1e-16/1e-6 relative to the largest slope of each row.
    assert np.abs(differences - exact).max(axis=1) == pytest.approx(0.0, abs=1e-6 * np.abs(exact).max())
