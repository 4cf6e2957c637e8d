"""Degranulation, NFAT and the patch pipette against the closed-form checks of the briefs."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim.model.cells import primary_nk_cell
from nkcell_sim.model.twin import Twin

CALCIUM = (0.1, 0.2, 0.3, 0.5, 1.0)


@pytest.mark.parametrize(("calcium", "drive"), [*zip(CALCIUM, (0.11, 0.50, 0.77, 0.94, 0.99), strict=True)])
def test_degranulation_drive_rises_with_calcium(calcium: float, drive: float) -> None:
    cell = primary_nk_cell().with_state({"ca_cyt": calcium})
    assert Twin(cell).observe(cell.initial_state())["Degranulation.drive"] == pytest.approx(drive, abs=0.005)


def test_bell_shaped_drive_has_its_optimum_where_t_cells_kill_best() -> None:
    cell = primary_nk_cell()
    y = np.repeat(cell.initial_state()[:, None], 400, axis=1)
    y[cell.composition.state_index["ca_cyt"]] = grid = np.linspace(0.05, 1.0, 400)
    drive = Twin(cell).observe(y)["DegranulationBell.drive"]
    assert grid[drive.argmax()] == pytest.approx(0.22, abs=0.01)
    assert drive.max() == pytest.approx(1.0, abs=0.02)  # normalised by 0.74, printed to two digits


@pytest.mark.parametrize(("calcium", "nuclear"), [*zip(CALCIUM, (0.04, 0.22, 0.37, 0.48, 0.52), strict=True)])
def test_nuclear_nfat_after_two_hours(calcium: float, nuclear: float) -> None:
    cell = primary_nk_cell()
    index = cell.composition.state_index
    # At fixed Ca2+ the scheme is linear: p and d from its matrix exponential, starting phosphorylated.
    y = cell.with_state({"ca_cyt": calcium, "NFAT.p": 1.0, "NFAT.d": 0.0}).initial_state()
    rows = [index["NFAT.p"], index["NFAT.d"]]
    twin = Twin(cell)
    matrix = twin.jacobian(y)[np.ix_(rows, rows)]
    steady = y[rows] - np.linalg.solve(matrix, twin.rhs(y)[rows])
    values, vectors = np.linalg.eig(matrix)
    propagate = (vectors * np.exp(values * 7.2e6)) @ np.linalg.inv(vectors)
    p, d = steady + propagate @ (y[rows] - steady)
    assert 1.0 - p - d == pytest.approx(nuclear, abs=0.0101)


def test_cesium_from_the_pipette_replaces_the_ions_at_the_exchange_rate() -> None:
    cell = primary_nk_cell().set_inputs({"whole_cell": 1.0, "v_clamp": 1.0})
    # initial_state() of this cell would be dialysed already: start from the intact cell.
    rate = Twin(cell).rhs(primary_nk_cell().initial_state())[cell.composition.state_index["cs_cyt"]]
    assert rate == pytest.approx(0.06e-3 * 140e3, rel=1e-12)  # 0.06 /s of 140 mM, no Cs+ in the cell yet


def test_measured_current_is_the_drop_over_the_series_resistance() -> None:
    cell = primary_nk_cell().set_inputs({"whole_cell": 1.0, "v_clamp": 1.0, "v_cmd": "-58 mV"})
    found = Twin(cell).observe(cell.initial_state())
    assert found["Electrode.i_measured"] == pytest.approx(1e3 / 15.0)  # 1 mV over 15 MOhm, in pA
    assert found["Electrode.i_seal"] == pytest.approx(-5.9)  # -59 mV over 10 GOhm


def test_no_pipette_no_pipette_currents() -> None:
    cell = primary_nk_cell()
    found = Twin(cell).observe(cell.initial_state())
    assert found["Electrode.i_electrode"] == found["Electrode.i_seal"] == found["Electrode.i_measured"] == 0.0
