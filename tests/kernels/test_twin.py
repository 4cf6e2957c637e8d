"""The compiled kernel against the NumPy twin of the same equations, on random states inside the physical range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nkcell_sim import _kernels
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import COMPOSITIONS, opioid_chain_cell, primary_nk_cell, stub_nk_cell
from nkcell_sim.model.twin import Twin
from nkcell_sim.units import to_kernel

CELLS = {"primary_nk": primary_nk_cell, "stub_nk": stub_nk_cell, "opioid_chain": opioid_chain_cell}
# Relative to the largest term that enters: rounding of some 30 operations and 1-ulp functions, with a margin of 50.
LIMIT = 1e-12


def disturbed(cell: Cell, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A random state within a factor of 3 of rest (and inside declared bounds) and random inputs."""
    rng = np.random.default_rng(seed)
    states = cell.composition.states
    scale = np.array([to_kernel(s.scale, s.unit) for s in states.values()])
    y = cell.initial_state() * rng.uniform(0.4, 2.5, len(states)) + scale * rng.uniform(0.0, 1.0, len(states))
    for i, s in enumerate(states.values()):
        if s.lower is not None:
            y[i] = max(y[i], to_kernel(s.lower, s.unit))
        if s.upper is not None:
            y[i] = min(y[i], to_kernel(s.upper, s.unit))
    u = cell.input_defaults()
    for i, (_, declared) in enumerate(cell.composition.inputs.items()):
        if rng.random() < 0.5:
            top = to_kernel(declared.maximum, declared.unit) if declared.maximum is not None else 2.0 * u[i] + 1.0
            u[i] = min(top, (u[i] + 1.0) * rng.uniform(0.0, 2.0))
    return y, u


def sensitivity(cell: Cell, twin: Twin, y: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Size of each derivative's terms: how far it moves when every state moves by its own size."""
    return np.abs(twin.jacobian(y, u)) @ np.abs(y) + np.abs(twin.rhs(y, u))


@pytest.mark.parametrize("name", CELLS)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_compiled_right_hand_side_and_outputs_equal_the_twin(name: str, seed: int) -> None:
    cell = CELLS[name]()
    twin = Twin(cell)
    y, u = disturbed(cell, seed)
    f, _, outputs = _kernels.evaluate(name, y, u, cell.parameter_vector())
    assert np.all(np.abs(f[0] - twin.rhs(y, u)) <= LIMIT * (sensitivity(cell, twin, y, u) + 1e-300))
    expected = np.array([np.real(v) for v in twin.observe(y, u).values()], dtype=float)
    assert np.all(np.abs(outputs[0] - expected) <= 1e-10 * (np.abs(expected) + 1e-6))


@pytest.mark.parametrize("name", CELLS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_analytic_jacobian_equals_the_complex_step_for_every_component(name: str, seed: int) -> None:
    cell = CELLS[name]()
    twin = Twin(cell)
    y, u = disturbed(cell, seed)
    jacobian = _kernels.evaluate(name, y, u, cell.parameter_vector())[1][0]
    exact = twin.jacobian(y, u)
    # entries of one row are compared on the scale of the row (each weighted by its state), where cancellation happens
    weight = np.maximum(np.abs(y), 1e-9)
    size = (np.abs(exact) * weight).max(axis=1, keepdims=True) / weight
    assert np.all(np.abs(jacobian - exact) <= LIMIT * (np.abs(exact) + size) + 1e-300)


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_jacobian_pattern_covers_every_entry_that_can_differ_from_zero(name: str) -> None:
    composition = COMPOSITIONS[name]()
    cell = Cell(composition, state=np.array([to_kernel(s.initial, s.unit) for s in composition.states.values()]))
    twin = Twin(cell)
    stored = set(_kernels.pattern(name))
    rng = np.random.default_rng(5)
    for _ in range(5):
        y = np.abs(cell.initial_state()) + rng.uniform(0.1, 0.4, len(composition.states))
        u = cell.input_defaults() + rng.uniform(0.0, 0.3, len(composition.inputs))
        found = {(int(i), int(j)) for i, j in np.argwhere(twin.jacobian(y, u) != 0.0)}
        assert found <= stored


def test_reference_cell_is_as_sparse_as_its_brief_says() -> None:
    # 88 structural non-zeros and 91 after fill in the brief; the diagonal is stored whole, so states without a
    # diagonal entry of their own add one each to both counts
    sizes = _kernels.models()["stub_nk"]
    stored = _kernels.pattern("stub_nk")
    twin = Twin(stub_nk_cell())
    y, u = disturbed(stub_nk_cell(), 1)
    missing = sum(twin.jacobian(y, u)[i, i] == 0.0 for i in range(len(y)))
    assert len(stored) - missing <= 90
    assert sizes["factor_nonzeros"] - sizes["jacobian_nonzeros"] <= 3


def test_time_derivative_along_moving_inputs_equals_a_central_difference() -> None:
    cell = primary_nk_cell()
    y, u = disturbed(cell, 3)
    u = np.maximum(u, 1e-3)
    rate = np.random.default_rng(4).uniform(-1.0, 1.0, len(u)) * np.maximum(np.abs(u), 1.0) * 1e-3
    exact = _kernels.time_derivative("primary_nk", y, u, rate, cell.parameter_vector())
    twin = Twin(cell)
    difference = (twin.rhs(y, u + 1e-4 * rate) - twin.rhs(y, u - 1e-4 * rate)) / 2e-4
    # central difference: truncation about 1e-8 relative (step 1e-7 of the inputs squared), rounding 1e-16/1e-7
    assert np.allclose(exact, difference, rtol=1e-5, atol=1e-6 * np.max(np.abs(difference)))
