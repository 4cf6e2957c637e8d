"""The steady-state solver: residual per state, stability, held states and totals."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim.errors import SteadyStateError
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import primary_nk_cell, stub_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate
from nkcell_sim.solver import StateScales
from nkcell_sim.steady_state import SteadyState, _in_totals, _Problems, settled_each, steady_state, steady_states


def test_eigenvalues_at_rest_equal_the_published_spectrum() -> None:
    found = steady_state(stub_nk_cell())
    # cell brief, section 7.4 (without dye: the dye's own mode is -k_off - k_on Ca = -114 per s)
    for wanted in (-142.8, -114.0, -20.0, -0.28, -0.16, -0.10, -0.017, -0.012, -1.8e-3, -1.46e-4):
        nearest = found.eigenvalues[np.argmin(np.abs(found.eigenvalues - wanted))]
        assert nearest.real == pytest.approx(wanted, rel=0.05 if abs(wanted) < 1.0 else 5e-3)
    assert found.eigenvalues.real.min() == pytest.approx(-142.8, rel=1e-3)
    slowest = max(e.real for e in found.eigenvalues if abs(e) > 1e-7)
    assert slowest == pytest.approx(-1.46e-4, rel=5e-3)
    ring = [e for e in found.eigenvalues if abs(e.imag) > 1.0]
    assert sorted(abs(e.imag) for e in ring) == pytest.approx([25.8, 25.8], rel=5e-3)
    assert found.zero_modes == 2
    assert found.stable


def test_rest_holds_the_charge_and_the_unblocked_pump_of_a_cell_without_pipette() -> None:
    found = steady_state(stub_nk_cell())
    assert list(found.conserved) == ["Ledger.charge"]
    assert found.held == ("SERCA.a",)


def test_steady_state_under_another_bath_is_where_a_long_run_settles() -> None:
    cell = stub_nk_cell().set_inputs({"k_out": "20 mM"})
    found = steady_state(cell)
    start = cell.with_state(cell.initial_state())
    settled = simulate(start, Protocol("400 h"), times=[], rtol=1e-9).raise_for_status()
    # the slowest mode (1.9 h) has decayed to e^-200; what is left is the tolerance of the run
    assert np.allclose(found.cell.initial_state(), settled.final[0], rtol=1e-5, atol=1e-7)
    assert max(found.residuals.values()) < 1e-8


def test_a_kicked_cell_returns_to_the_rest_of_its_new_charge() -> None:
    cell = primary_nk_cell()
    kicked = cell.with_state({"v": -44.0, "ca_cyt": 0.24, "ca_er": 315.0})
    found = steady_state(kicked)
    before = simulate(kicked, Protocol(1.0), record=["Ledger.charge"], times=[0.0])["Ledger.charge"][0, 0]
    assert found.conserved["Ledger.charge"] == pytest.approx(before, rel=1e-9)
    assert found.stable


def test_an_oscillating_cell_has_no_rest_to_settle_to_and_the_error_says_so() -> None:
    # cell brief, section 7.1: PLC drive 0.09-0.13 oscillates
    cell = stub_nk_cell().set_inputs({"plc_drive": 0.11})
    with pytest.raises(SteadyStateError, match=r"no steady state of .* still moves by .* may oscillate"):
        steady_state(cell, relax=500.0)


def kicked() -> list[Cell]:
    """Cells away from rest, some of which never find it by Newton alone, with a pipette or with components switched off."""
    cell, found = primary_nk_cell(), []
    for i in range(14):
        start = cell.with_state({"v": -59.0 + i, "ca_cyt": 0.08 + 0.01 * i, "ca_er": 450.0 - 10.0 * i})
        found += [start, start.set_inputs({"whole_cell": 1.0, "v_clamp": 1.0}), start.without("TRPM3", "Dye"), stub_nk_cell().set_inputs({"k_out": 4.0 + i})]
    return found


def test_many_steady_states_have_the_bits_of_each_alone() -> None:
    cells = kicked()
    together = steady_states(cells)
    for i in (0, 1, 2, 3, 29, 54, 55):
        alone, among = steady_state(cells[i]), together[i]
        assert isinstance(among, SteadyState)
        assert alone.cell.initial_state().tobytes() == among.cell.initial_state().tobytes()
        assert repr(alone) == repr(among)
    settled = settled_each(cells[::-1])[::-1]
    assert [cell.initial_state().tobytes() for cell in settled] == [found.cell.initial_state().tobytes() for found in together]  # type: ignore[union-attr]


def test_a_cell_with_a_pipette_keeps_no_charge_and_one_without_does() -> None:
    cell = primary_nk_cell()
    free, patched = steady_states([cell, cell.set_inputs({"whole_cell": 1.0, "v_clamp": 1.0, "v_cmd": -60.0})])
    assert isinstance(free, SteadyState)
    assert isinstance(patched, SteadyState)
    assert list(free.conserved) == ["Ledger.charge"]
    assert not patched.conserved
    assert max(patched.residuals.values()) < 1e-8


def test_a_cell_that_has_no_rest_costs_only_itself() -> None:
    still = stub_nk_cell()
    found = steady_states([still, still.set_inputs({"plc_drive": 0.11}), still], relax=500.0)
    assert isinstance(found[1], SteadyStateError)
    assert repr(found[0]) == repr(found[2]) == repr(steady_state(still, relax=500.0))


@pytest.mark.parametrize("cell", [primary_nk_cell(), stub_nk_cell()], ids=lambda cell: cell.name)
def test_the_states_of_a_total_are_known_whatever_a_cell_is_like(cell: Cell) -> None:
    rng, composition = np.random.default_rng(11), cell.composition
    members = _in_totals(composition)
    scale = StateScales.of(composition).scale
    for _ in range(10):
        drawable = {k: p.default for k, p in composition.parameters.items() if p.minimum == 0.0 and not p.choices}
        drawn = cell.set({k: value * rng.uniform(0.5, 1.0) for k, value in drawable.items()})
        problem = _Problems([drawn])
        y = (np.abs(cell.initial_state()) + scale * rng.random(len(scale)))[:, None]
        whole = problem.gradients(y, np.zeros(1, dtype=int), np.arange(len(y)))
        part = problem.gradients(y, np.zeros(1, dtype=int))
        assert set(np.flatnonzero(whole[0, :, 0])) <= set(members)
        assert np.array_equal(whole, part)
