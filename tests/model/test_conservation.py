"""What the equations conserve at any state, tested without integrating."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import primary_nk_cell, stub_nk_cell
from nkcell_sim.model.twin import STEP, Twin

BUSY = {"pregs": "80 uM", "plc_drive": 0.3, "vrac_drive": 0.01, "ionomycin": "1e-3 1/s", "ionomycin_er": "0.5 1/s", "cs_out": "10 mM", "thapsigargin": "1 uM"}


def total_rate(cell: Cell, key: str, y: np.ndarray) -> tuple[float, float]:
    """Rate of change of a total along the flow, and the sum of the absolute contributions."""
    twin = Twin(cell)
    tilted = y[:, None] + 1j * STEP * np.eye(len(y))
    terms = np.imag(twin.observe(tilted)[key]) / STEP * twin.rhs(y)
    return float(terms.sum()), float(np.abs(terms).sum())


def random_state(cell: Cell, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = cell.initial_state() * rng.uniform(0.5, 1.5, len(cell.composition.states))
    for key, value in {"cs_cyt": 20e3, "egta": 500.0, "egta_bound": 100.0, "TRPM3.theta": 0.6, "TRPM3.q": 0.1}.items():
        if key in cell.composition.state_index:
            y[cell.composition.state_index[key]] = value
    return y


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("make", [primary_nk_cell, stub_nk_cell])
def test_charge_is_conserved_without_a_pipette(make, seed: int) -> None:
    cell = make().set({"Dye.total": "20 uM", "TRPM4.g_max": "0.1 nS", "PMCA.protons": 1.0})
    # The 23-state cell has no Cs+ inside, so it must not get any outside.
    present = set(cell.composition.inputs) - (set() if "cs_cyt" in cell.composition.states else {"cs_out"})
    cell = cell.set_inputs({k: v for k, v in BUSY.items() if k in present})
    rate, size = total_rate(cell, "Ledger.charge", random_state(cell, seed))
    assert abs(rate) < 1e-12 * size  # rounding of about 30 terms


@pytest.mark.parametrize("seed", range(5))
def test_a_calcium_tight_cell_conserves_calcium(seed: int) -> None:
    cell = primary_nk_cell().set({"Dye.total": "20 uM"}).without("PMCA", "CRAC", "TRPM3", "TRPM7", "CalciumBackground")
    cell = cell.set_inputs({"plc_drive": 0.3, "ionomycin_er": "0.5 1/s"}).with_state(random_state(primary_nk_cell(), seed))
    rate, size = total_rate(cell, "Ledger.calcium", cell.initial_state())
    assert abs(rate) < 1e-12 * size


def test_potassium_channels_obey_ussing_flux_ratio_for_cesium() -> None:
    cell = primary_nk_cell().set_inputs({"cs_out": "10 mM"}).with_state(primary_nk_cell().initial_state()).with_state({"cs_cyt": "60 mM"})
    v_t = float(Twin(cell).observe(cell.initial_state())["v_t"])
    e_cs = v_t * np.log(10.0 / 60.0)
    y = cell.with_state({"v": e_cs}).initial_state()
    # No net Cs+ current at the Nernst potential of Cs+, although K+ flows.
    found = Twin(cell).observe(y)
    assert abs(found["cs_drive"]) < 1e-12 * abs(found["k_drive"])
