"""Hill exponents: declared ones are constants of the compiled cell, changed ones are not, and a run cannot tell what its neighbours have."""

from __future__ import annotations

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim import _kernels
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import stub_nk_cell
from nkcell_sim.model.twin import Twin
from nkcell_sim.protocol import Protocol

EXPONENTS = ("KCa31.n_ca", "PMCA.n_ca", "SERCA.n_ca", "MCU.n_ca", "CRAC.stim_n", "CRAC.orai_m", "CRAC.slow_n", "NCLX.n_na", "TRPM4.n_ca", "IP3Metabolism.n_3k")


def changed(exponent: float) -> Cell:
    return stub_nk_cell().set(dict.fromkeys(EXPONENTS, exponent))


@pytest.mark.parametrize("exponent", [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.5, 8.0, 8.5, 1.3, 2.7183, 11.0])
def test_any_exponent_gives_the_equations_of_the_twin(exponent: float) -> None:
    """Relative to the terms of each equation: some 30 operations and |n log x| ulp of a logarithm, 1e-12 as for the declared exponents."""
    cell = changed(exponent)
    rng, twin = np.random.default_rng(5), Twin(cell)
    u, p = cell.input_defaults(), cell.parameter_vector()
    for _ in range(10):
        y = cell.initial_state() * rng.uniform(0.4, 2.5, len(cell.composition.states))
        f, jacobian, _out = _kernels.evaluate("stub_nk", y, u, p)
        exact, slopes = twin.rhs(y, u), twin.jacobian(y, u)
        size = np.abs(slopes) @ np.abs(y) + np.abs(exact)
        assert np.all(np.abs(f[0] - exact) <= 1e-12 * size)
        rows = np.abs(slopes).max(axis=1, keepdims=True)
        assert np.all(np.abs(jacobian[0] - slopes) <= 1e-10 * np.maximum(np.abs(slopes), 1e-3 * rows))


def test_a_run_has_the_same_bits_beside_runs_with_other_exponents() -> None:
    """The block leaves its constant exponents as soon as one lane has others; the other lanes must not notice."""
    cell, protocol = stub_nk_cell(), Protocol(60.0).step(5.0, t3_drive=1.0)
    group = [cell, changed(3.0), changed(2.7), changed(1.5), cell, cell, changed(8.5), cell]
    together = nk.simulate(group, protocol, record=["ca_cyt", "v"])
    for i, alone in enumerate(group):
        single = nk.simulate(alone, protocol, record=["ca_cyt", "v"])
        assert np.array_equal(single["ca_cyt"][0], together["ca_cyt"][i])
        assert np.array_equal(single.final[0], together.final[i])
