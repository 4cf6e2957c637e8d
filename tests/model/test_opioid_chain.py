"""From naltrexone to TRPM3: steady states and incubations of the briefs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import opioid_chain_cell, primary_nk_cell
from nkcell_sim.model.cells.phenotypes import phenotype
from nkcell_sim.model.twin import Twin

MINUTE = 6e4  # ms


def after(cell: Cell, minutes: float, inputs: dict[str, str]) -> Cell:
    u, twin = cell.set_inputs(inputs).input_defaults(), Twin(cell)
    end = solve_ivp(
        lambda t, y: twin.rhs(y, u), (0.0, minutes * MINUTE), cell.initial_state(), method="Radau", jac=lambda t, y: twin.jacobian(y, u), rtol=1e-7, atol=1e-9
    )
    return cell.with_state(end.y[:, -1])


def current(cell: Cell) -> float:
    """Relative TRPM3 current f_G n0 N_rel [1]."""
    g, n = cell.state_value("g_bg"), cell.state_value("ChannelNumber.n_rel")
    return (1.0 - 0.92 * g**1.3 / (g**1.3 + 240.0**1.3)) * n * cell.parameter("ChannelNumber.n0")


@pytest.mark.parametrize(("name", "g", "f_g", "n_rel"), [("healthy_default_lesion", 25.0, 0.95, 0.95), ("me_cfs_default_lesion", 277.0, 0.50, 0.73)])
def test_steady_states_of_the_default_lesion(name: str, g: float, f_g: float, n_rel: float) -> None:
    cell = primary_nk_cell().with_phenotype(name)
    assert cell.state_value("g_bg") == pytest.approx(g, abs=0.5)  # printed to 1 nM
    assert cell.state_value("ChannelNumber.n_rel") == pytest.approx(n_rel, abs=0.005)
    assert Twin(cell).observe(cell.initial_state())["TRPM3.f_g"] == pytest.approx(f_g, abs=0.0101)  # 0.955 printed as 0.95


@pytest.mark.parametrize("dose", ["5 nM", "200 uM"])
def test_naltrexone_restores_the_current_of_the_default_lesion(dose: str) -> None:
    healthy = current(opioid_chain_cell().with_phenotype("healthy_default_lesion"))
    cell, found, before = opioid_chain_cell().with_phenotype("me_cfs_default_lesion"), [], 0.0
    assert current(cell) / healthy == pytest.approx(0.40, abs=0.005)
    for minutes in (5.0, 60.0, 360.0, 720.0, 1440.0):
        cell, before = after(cell, minutes - before, {"ntx": dose}), minutes
        found.append(current(cell) / healthy)
    printed = [0.711, 0.730, 0.799, 0.842, 0.871] if dose == "5 nM" else [0.807, 0.838, 0.959, 1.033, 1.084]
    assert found == pytest.approx(printed, abs=0.01)


WASH = {
    "me_cfs_default_lesion": [1.08, 0.91, 0.77, 0.61, 0.55, 0.53, 0.53, 0.52, 0.51],
    "me_cfs": [1.09, 1.07, 1.03, 0.97, 0.94, 0.92, 0.91, 0.88, 0.82],
    "me_cfs_channel_number": [1.08, 1.07, 1.06, 1.04, 1.02, 1.01, 0.99, 0.95, 0.88],
}


@pytest.mark.parametrize("name", WASH)
def test_washing_naltrexone_off_separates_the_lesions(name: str) -> None:
    healthy = current(opioid_chain_cell().with_phenotype(phenotype(name).healthy))
    cell = after(opioid_chain_cell().with_phenotype(name), 1440.0, {"ntx": "200 uM"})
    found, before = [current(cell) / healthy], 0.0
    for minutes in (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0):
        cell, before = after(cell, minutes - before, {}), minutes
        found.append(current(cell) / healthy)
    assert found == pytest.approx(WASH[name], abs=0.01)


def test_equilibrium_and_kinetic_binding_agree_at_steady_state_without_agonist() -> None:
    kinetic = opioid_chain_cell().with_phenotype("me_cfs_default_lesion").set_inputs({"ntx": "5 nM"})
    gaddum = kinetic.set({"MuOpioidReceptor.kinetic": 0.0})
    assert kinetic.state_value("g_bg") == pytest.approx(gaddum.state_value("g_bg"), rel=1e-9)


def test_saturating_damgo_inhibits_trpm3_by_81_percent() -> None:
    cell = opioid_chain_cell().with_phenotype("healthy_default_lesion").set_inputs({"damgo": "1 uM"})
    g = cell.state_value("g_bg")
    assert 0.92 * g**1.3 / (g**1.3 + 240.0**1.3) == pytest.approx(0.81, abs=0.01)


def test_neutral_naltrexol_leaves_the_tone_and_an_inverse_agonist_removes_it() -> None:
    cell = opioid_chain_cell().with_phenotype("me_cfs_default_lesion")
    neutral = cell.set_inputs({"naltrexol": "1 uM"})
    inverse = neutral.set({"MuOpioidReceptor.naltrexol_tone": 1.0})
    assert neutral.state_value("g_bg") == pytest.approx(cell.state_value("g_bg"), rel=1e-9)
    assert inverse.state_value("g_bg") < 0.01 * cell.state_value("g_bg")


def test_chain_alone_rests_like_the_chain_in_the_cell() -> None:
    whole, alone = primary_nk_cell(), opioid_chain_cell()
    for key in alone.composition.states:
        assert np.isclose(whole.state_value(key), alone.state_value(key), rtol=1e-12, atol=1e-15)
