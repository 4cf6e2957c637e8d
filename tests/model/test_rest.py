"""The resting cell: calibrated constants, stationarity, and what happens when a rest cannot be reached."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim.errors import SteadyStateError, UnreachableRestError
from nkcell_sim.model.cells import primary_nk_cell, stub_nk_cell
from nkcell_sim.model.twin import Twin

# Integration brief, section 2: healthy cell of the default lesion, TRPM3 included.
SATURATING = {
    "SodiumBackground.permeability": 0.00657883,
    "CalciumBackground.permeability": 0.0286270,
    "NaKATPase.i_max": 1.43217,
    "NKCC.rate": 4.56601e-5,
    "ERLeak.rate": 0.143388,
    "NCLX.v_max": 8.86573,
    "IP3Metabolism.basal": 0.00102471,
}
CONSERVATIVE = SATURATING | {"SodiumBackground.permeability": 0.00791341, "CalciumBackground.permeability": 0.00226301, "ERLeak.rate": 0.369205}
# nk_cell brief, table of section 5: without TRPM3, five digits printed.
STUB = {
    "SodiumBackground.permeability": 0.0085427,
    "CalciumBackground.permeability": 0.004315,
    "NaKATPase.i_max": 1.4226,
    "NKCC.rate": 4.566e-5,
    "ERLeak.rate": 0.3692,
    "NCLX.v_max": 8.8657,
    "IP3Metabolism.basal": 0.0010247,
}


@pytest.mark.parametrize(("name", "expected"), [("saturating", SATURATING), ("conservative", CONSERVATIVE)])
def test_calibrated_constants_of_the_joined_cell_agree_with_the_brief(name: str, expected: dict[str, float]) -> None:
    cell = primary_nk_cell().with_phenotype("healthy_default_lesion").with_parameter_set(name)
    # The brief prints six digits and asks for 1e-5.
    assert cell.calibrated_constants == pytest.approx(expected, rel=1e-5)


def test_calibrated_constants_of_the_cell_without_trpm3_agree_with_the_brief() -> None:
    # Half a unit of the last printed digit of 0.0010247 is 5e-5 relative.
    assert stub_nk_cell().calibrated_constants == pytest.approx(STUB, rel=5e-5)


@pytest.mark.parametrize("make", [primary_nk_cell, stub_nk_cell])
def test_the_rest_is_stationary(make) -> None:
    cell = make()
    rates = Twin(cell).rhs(cell.initial_state())
    # 1e-13 /ms of kernel units moves V by less than 1e-6 mV in an hour.
    assert np.abs(rates).max() < 1e-13


def test_charge_conservation_makes_the_voltage_balance_follow_from_the_others() -> None:
    cell = primary_nk_cell()
    assert "v" not in {p.balance for p in cell.composition.parameters.values()}
    assert abs(Twin(cell).rhs(cell.initial_state())[cell.composition.state_index["v"]]) < 1e-13


def test_without_pmca_the_error_names_the_calcium_balance() -> None:
    with pytest.raises(UnreachableRestError, match="already exceeds what PMCA exports") as error:
        primary_nk_cell().without("PMCA").calibrated()
    assert error.value.balance == "ca_cyt"
    assert error.value.value < 0.0


def test_a_component_that_balances_the_rest_must_be_on_while_calibrating() -> None:
    with pytest.raises(UnreachableRestError, match="NKCC is switched off"):
        primary_nk_cell().without("NKCC").calibrated()


def test_body_temperature_needs_faster_pumps_to_keep_calcium_low() -> None:
    cell = primary_nk_cell()
    frozen = cell.set({k: 1.0 for k in cell.composition.parameters if ".q10" in k})
    with pytest.raises(UnreachableRestError):
        frozen.at_temperature("37 degC")


def test_a_bath_without_potassium_and_cesium_has_no_rest() -> None:
    with pytest.raises(SteadyStateError, match="without K\\+ and Cs\\+"):
        primary_nk_cell().set_inputs({"k_out": "0 mM"}).calibrated()


def test_patients_cells_keep_the_constants_of_their_healthy_cell() -> None:
    healthy = primary_nk_cell()
    assert healthy.with_phenotype("me_cfs").calibrated_constants == healthy.calibrated_constants
    other = healthy.with_phenotype("me_cfs_default_lesion")
    assert other.calibrated_constants == healthy.with_phenotype("healthy_default_lesion").calibrated_constants
    assert other.calibrated_constants != healthy.calibrated_constants
