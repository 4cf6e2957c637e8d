"""TRPM3 against the closed-form table of its brief (section 6.1)."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import primary_nk_cell
from nkcell_sim.model.twin import Twin

VOLTAGES = (-100.0, -60.0, -30.0, 0.0, 30.0, 60.0, 80.0, 100.0)
TABLE = {
    0: (-0.02, -0.02, -0.02, 0.00, 0.07, 0.28, 0.57, 1.07),
    10: (-0.08, -0.11, -0.11, 0.00, 0.36, 1.33, 2.59, 4.64),
    30: (-0.44, -0.61, -0.56, -0.01, 1.63, 5.14, 8.81, 13.5),
    50: (-0.91, -1.24, -1.10, -0.03, 2.74, 7.72, 12.2, 17.3),
    100: (-1.85, -2.39, -1.99, -0.04, 4.02, 10.1, 14.9, 20.0),
}


@pytest.fixture(scope="module")
def patched() -> Cell:
    """Channel of the TRPM3 brief (4 pF, 10.86 channels, 22 degC) in cesium solutions, without opioid inhibition."""
    cell = primary_nk_cell().set({"TRPM3.density": 10.86 / 4.0, "cm": 4.0, "TRPM3.p_ca": 1.6, "temperature": "22 degC"})
    cell = cell.set_inputs({"na_out": "130 mM", "cs_out": "10 mM", "k_out": "0 mM", "ca_out": "1.5 mM", "mg_out": "1 mM"})
    inside = {"na_cyt": "2.2 mM", "k_cyt": "0 mM", "cs_cyt": "140 mM", "mg_cyt": "1 mM", "g_bg": "0 nM", "ChannelNumber.n_rel": 1.0}
    return cell.with_state(primary_nk_cell().initial_state()).with_state(inside)


def density(cell: Cell, pregs: float, v: float) -> float:
    occupied = pregs**1.15 / (pregs**1.15 + 22.0**1.15)
    y = cell.with_state({"v": v, "TRPM3.theta": occupied}).initial_state()
    return float(Twin(cell).observe(y)["TRPM3.i"]) / 4.0


@pytest.mark.parametrize("pregs", TABLE)
def test_current_voltage_relation_in_cesium_solutions(patched: Cell, pregs: float) -> None:
    found = np.array([density(patched, pregs, v) for v in VOLTAGES])
    # The integration brief (section 8) reproduces its own table to 0.04 pA/pF or 0.4 %.
    assert np.all(np.abs(found - TABLE[pregs]) < np.maximum(0.04, 0.004 * np.abs(found)))


def test_rectification_falls_with_agonist(patched: Cell) -> None:
    ratios = [density(patched, p, 100.0) / -density(patched, p, -100.0) for p in TABLE]
    assert ratios == pytest.approx([69, 58, 31, 19, 11], rel=0.03)  # printed to two digits


def test_inward_current_in_physiological_ions_grows_on_warming(patched: Cell) -> None:
    ions = {"na_out": "145 mM", "k_out": "4.5 mM", "cs_out": "0 mM", "ca_out": "1.5 mM"}
    cell = patched.set_inputs(ions).with_state({"na_cyt": "12 mM", "k_cyt": "135 mM", "cs_cyt": "0 mM"})
    # Integration brief, section 8, for a bath that it does not print: 2 %.
    assert density(cell, 50.0, -60.0) == pytest.approx(-1.318, rel=0.02)
    assert density(cell.set({"temperature": "37 degC"}), 50.0, -60.0) == pytest.approx(-7.21, rel=0.02)


@pytest.mark.parametrize(("dose", "left"), [(0.1, 0.77), (0.3, 0.50), (1.0, 0.21), (10.0, 0.02)])
def test_ononetin_leaves_the_printed_share(patched: Cell, dose: float, left: float) -> None:
    cell = patched.set_inputs({"ononetin": f"{dose} uM"})
    y = cell.initial_state()
    y[cell.composition.state_index["TRPM3.q"]] = blocked = dose**1.1 / (dose**1.1 + 0.3**1.1)
    assert 1.0 - blocked == pytest.approx(left, abs=0.005)
    # At that block the state is stationary, so the equation has the same steady dose-response.
    assert abs(Twin(cell).rhs(y)[cell.composition.state_index["TRPM3.q"]]) < 1e-15


def test_magnesium_current_is_booked_as_sodium(patched: Cell) -> None:
    y = patched.with_state({"v": -60.0, "TRPM3.theta": 0.7}).initial_state()
    assert Twin(patched).rhs(y)[patched.composition.state_index["mg_cyt"]] == 0.0
    assert Twin(patched).observe(y)["TRPM3.i_mg"] < 0.0
