"""Limits of the Goldman-Hodgkin-Katz current: zero voltage, anions, and the Nernst potential, for the primitive and the compiled currents."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from nkcell_sim import _kernels
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import primary_nk_cell
from nkcell_sim.model.primitives import ghk

INSIDE, OUTSIDE = 12.0, 145.0


@pytest.mark.parametrize("z", [-1, 1, 2])
def test_current_at_zero_voltage_is_diffusion_alone(z: int) -> None:
    assert ghk(z, 0.0, INSIDE, OUTSIDE) == z * (INSIDE - OUTSIDE)


@pytest.mark.parametrize("z", [-1, 1, 2])
def test_no_jump_next_to_zero_voltage(z: int) -> None:
    """From 0 to 1e-9 mV (u = 4e-11) the term moves by its slope z^2 u (ci + co)/2, and by nothing else but rounding."""
    u = 1e-9 / 25.52
    here, beside = ghk(z, 0.0, INSIDE, OUTSIDE), ghk(z, u, INSIDE, OUTSIDE)
    assert beside - here == pytest.approx(z * z * u * (INSIDE + OUTSIDE) / 2.0, abs=1e-15 * OUTSIDE * abs(z) * 4.0)


@pytest.mark.parametrize("z", [-1, 1, 2])
@pytest.mark.parametrize("u", [-8.0, -2.3, -0.499, -1e-3, 1e-3, 0.501, 2.3, 8.0])
def test_closed_form(z: int, u: float) -> None:
    """Against z w (ci - co e^-w)/(1 - e^-w) with expm1; 1e-14 is the rounding of its five operations on terms of size co."""
    w = z * u
    exact = z * w * (INSIDE - OUTSIDE * math.exp(-w)) / -math.expm1(-w)
    assert ghk(z, u, INSIDE, OUTSIDE) == pytest.approx(exact, rel=1e-14, abs=1e-14 * OUTSIDE * abs(w))


def test_an_anion_is_a_cation_in_the_mirrored_field() -> None:
    for u in (-3.0, -0.2, 0.0, 0.2, 3.0):
        assert ghk(-1, u, INSIDE, OUTSIDE) == -ghk(1, -u, INSIDE, OUTSIDE)


@pytest.mark.parametrize("z", [-1, 1, 2])
@pytest.mark.parametrize("ratio", [1e-5, 0.03, 0.999, 1.0, 1.2, 40.0])
def test_primitive_reverses_at_the_nernst_potential(z: int, ratio: float) -> None:
    nernst = math.log(1.0 / ratio) / z
    found = brentq(lambda u: ghk(z, u, ratio, 1.0), nernst - 1.3, nernst + 1.0, xtol=1e-13)
    assert found == pytest.approx(nernst, abs=1e-9)


# Current: valence, ion inside, ion outside, inputs that let it flow.
SELECTIVE = {
    "SodiumBackground.i": (1, "na_cyt", "na_out", {}),
    "PotassiumBackground.i": (1, "k_cyt", "k_out", {}),
    "ChlorideBackground.i": (-1, "cl_cyt", "cl_out", {}),
    "CalciumBackground.i": (2, "ca_cyt", "ca_out", {}),
    "CRAC.i": (2, "ca_cyt", "ca_out", {}),
    "VRAC.i": (-1, "cl_cyt", "cl_out", {"vrac_drive": 1.0}),
}


def clamped_at(cell: Cell, key: str, v: float) -> float:
    """The compiled current [pA] at a voltage [mV]."""
    composition = cell.composition
    y = np.array(cell.initial_state())
    y[composition.state_index["v"]] = v
    outputs = _kernels.evaluate(composition.name, y, cell.input_defaults(), cell.parameter_vector())[2][0]
    return float(outputs[list(composition.outputs).index(key)])


def ready(inputs: dict[str, float], temperature: str) -> Cell:
    cell = primary_nk_cell()
    return cell.with_state(cell.initial_state()).with_state({"CRAC.orai": 0.5}).set({"temperature": temperature}).set_inputs(inputs)


@pytest.mark.parametrize("temperature", ["23 degC", "37 degC"])
@pytest.mark.parametrize("key", SELECTIVE)
def test_a_selective_current_reverses_at_the_nernst_potential_of_its_ion(key: str, temperature: str) -> None:
    z, inside, outside, inputs = SELECTIVE[key]
    cell = ready(inputs, temperature)
    kelvin = cell.parameter("temperature")
    composition = cell.composition
    c_in = cell.initial_state()[composition.state_index[inside]]
    c_out = cell.input_defaults()[list(composition.inputs).index(outside)]
    nernst = 8.314462618 * kelvin / 96485.33212 * 1e3 / z * math.log(c_out / c_in)
    found = brentq(lambda v: clamped_at(cell, key, v), nernst - 20.0, nernst + 20.0, xtol=1e-12)
    assert found == pytest.approx(nernst, rel=1e-9)


@pytest.mark.parametrize("key", SELECTIVE)
def test_a_compiled_current_is_smooth_across_zero_voltage(key: str) -> None:
    """0 and +-1e-9 mV agree to the slope of a GHK current, at most z/V_T per mV times its largest one-way flux."""
    cell = ready(SELECTIVE[key][3], "23 degC")
    below, here, above = (clamped_at(cell, key, v) for v in (-1e-9, 0.0, 1e-9))
    assert here != 0.0
    assert above == pytest.approx(here, rel=2e-10)
    assert below == pytest.approx(here, rel=2e-10)
    assert above + below == pytest.approx(2.0 * here, rel=1e-14)
