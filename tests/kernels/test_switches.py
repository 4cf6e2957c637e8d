"""Switching a component off: its flows are exactly zero, its states stand still and what is conserved stays conserved."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim import _kernels
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import primary_nk, primary_nk_cell
from nkcell_sim.model.quantities import Flow
from nkcell_sim.model.twin import STEP, Twin

SWITCHABLE = primary_nk().switchable
# Everything that carries Ca2+ through the plasma membrane.
CROSSING = ("PMCA", "CRAC", "TRPM3", "TRPM7", "CalciumBackground", "Ionophore")


@pytest.mark.parametrize("name", SWITCHABLE)
def test_a_component_switched_off_carries_nothing_and_does_not_move(name: str) -> None:
    cell = primary_nk_cell()
    composition = cell.composition
    off = cell.with_state(cell.initial_state()).without(name)
    y = off.initial_state() * 1.3 + 1e-3
    u = off.input_defaults() + 0.5
    f, _, outputs = _kernels.evaluate(composition.name, y, u, off.parameter_vector())
    component = next(c for c in composition.components if c.name == name)
    flows = [k for k, d in composition.outputs.items() if isinstance(d, Flow) and composition.owner[k] is component]
    outs = list(composition.outputs)
    assert all(outputs[0][outs.index(k)] == 0.0 for k in flows)
    mine = [composition.names[name][s] for s in component.states]
    # a state that only this component moves stands exactly still
    assert all(f[0][composition.state_index[k]] == 0.0 for k in mine)
    assert np.all(np.isfinite(f))


def rate_of(total: str, cell: Cell, y: np.ndarray) -> tuple[float, float]:
    """Rate of change of a total under the compiled equations, and the sum of its absolute contributions."""
    f = _kernels.evaluate(cell.composition.name, y, cell.input_defaults(), cell.parameter_vector())[0][0]
    gradient = np.imag(Twin(cell).observe(y[:, None] + 1j * STEP * np.eye(len(y)))[total]) / STEP
    return float((gradient * f).sum()), float(np.abs(gradient * f).sum())


def busy(cell: Cell, *off: str) -> tuple[Cell, np.ndarray]:
    """The cell with everything that can flow flowing, some components off, at a state far from rest; no pipette."""
    cell = cell.set({"Dye.total": "20 uM", "TRPM4.g_max": "0.1 nS", "PMCA.protons": 1.0})
    cell = cell.with_state(cell.initial_state() * np.random.default_rng(7).uniform(0.5, 1.0, len(cell.composition.states)))
    cell = cell.with_state({"cs_cyt": "20 mM", "egta": "0.5 mM", "egta_bound": "0.1 mM", "TRPM3.theta": 0.6, "TRPM3.q": 0.1})
    cell = cell.set_inputs({"pregs": "80 uM", "plc_drive": 0.3, "vrac_drive": 0.01, "ionomycin": "1e-3 1/s", "ionomycin_er": "0.5 1/s", "cs_out": "10 mM"})
    cell = cell.without(*off)
    return cell, cell.initial_state()


@pytest.mark.parametrize("name", SWITCHABLE)
def test_charge_stays_balanced_with_any_component_switched_off(name: str) -> None:
    rate, size = rate_of("Ledger.charge", *busy(primary_nk_cell(), name))
    assert size > 0.0
    assert abs(rate) < 1e-12 * size  # rounding of about 30 terms


@pytest.mark.parametrize("name", [n for n in SWITCHABLE if n not in CROSSING])
def test_a_calcium_tight_cell_keeps_its_calcium_with_any_component_switched_off(name: str) -> None:
    cell, y = busy(primary_nk_cell(), name, *CROSSING)
    rate, size = rate_of("Ledger.calcium", cell, y)
    assert abs(rate) < 1e-12 * size
