"""The compiled kernel against the NumPy twin of the same equations, on random states inside the physical range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nkcell_sim import _kernels
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import COMPOSITIONS, opioid_chain_cell, opioid_chain_in_vivo_cell, primary_nk_cell, stub_nk_cell
from nkcell_sim.model.twin import STEP, Twin
from nkcell_sim.units import to_kernel

CELLS = {"primary_nk": primary_nk_cell, "stub_nk": stub_nk_cell, "opioid_chain": opioid_chain_cell, "opioid_chain_in_vivo": opioid_chain_in_vivo_cell}
# Relative to the largest term that enters: rounding of some 30 operations and 1-ulp functions, with a margin of 50.
LIMIT = 1e-12
# Without K+ in the cell the terms of the K+ over Cs+ selectivity are 1/r = 50 times as large as their sum (r = 0.02).
EMPTY_LIMIT = 50.0 * LIMIT
# Outputs, relative to the sum of |d output/d x| |x| over states and inputs: ten times the 1.8e-15 found on 300 states of each cell.
OUTPUT_LIMIT = 2e-14
# Complex numbers cannot stand exactly on the branch point of x^n, so the oracle looks at zero from just above: (value, step) instead of
# zero. Small enough that x^(n-1) is below 1e-20 (n is 1.3 or more for states, 1.1 for inputs), large enough that x^-4 does not overflow.
BESIDE_ZERO = {"state": (1e-70, 1e-80), "input": (1e-200, 1e-210)}
# What the nudge itself adds stays below this; the smallest rate of any cell is 1e-9 per ms.
FLOOR = 1e-24


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


def nudged(x: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Values and the complex step of each, with zeros moved beside zero."""
    value, step = BESIDE_ZERO[kind]
    return np.where(x == 0.0, value, x), np.where(x == 0.0, step, STEP)


def exact_jacobian(twin: Twin, y: np.ndarray, u: np.ndarray) -> np.ndarray:
    """d(rhs)/dy of the twin by complex steps, also where a state is zero."""
    y, step = nudged(y, "state")
    return np.asarray(twin.rhs(y[:, None] + 1j * np.diag(step), nudged(u, "input")[0]).imag / step)


def exact_time_derivative(twin: Twin, y: np.ndarray, u: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """d(rhs)/dt along inputs that move at ``rate``, one column per input."""
    u, step = nudged(u, "input")
    columns = np.repeat(nudged(y, "state")[0][:, None] + 0j, len(u), axis=1)
    return np.asarray(twin.rhs(columns, u[:, None] + 1j * np.diag(step)).imag / step * rate)


def size_of_outputs(twin: Twin, y: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Size of each output's terms: how far it moves when every state and every input moves by its own size."""
    n, m = len(y), len(u)
    states = np.repeat(nudged(y, "state")[0][:, None] + 0j, n + m, axis=1)
    inputs = np.repeat(nudged(u, "input")[0][:, None] + 0j, n + m, axis=1)
    states[np.arange(n), np.arange(n)] += 1j * STEP
    inputs[np.arange(m), n + np.arange(m)] += 1j * STEP
    own = np.concatenate([np.abs(y), np.abs(u)])
    values = twin.observe(states, inputs).values()
    return np.array([np.abs(np.real(v)).max() + np.abs(np.broadcast_to(np.imag(v), (n + m,)) / STEP) @ own for v in values])


def weights(cell: Cell, y: np.ndarray) -> np.ndarray:
    """Size of each state, not below its declared scale: a state at zero still counts."""
    return np.maximum(np.abs(y), [to_kernel(s.scale, s.unit) for s in cell.composition.states.values()])


def assert_equal_jacobians(cell: Cell, twin: Twin, y: np.ndarray, u: np.ndarray, limit: float = LIMIT) -> None:
    f, jacobian, outputs = (a[0] for a in _kernels.evaluate(cell.composition.name, y, u, cell.parameter_vector()))
    exact = exact_jacobian(twin, y, u)
    assert np.all(np.isfinite(f))
    assert np.all(np.isfinite(outputs))
    # entries of one row are compared on the scale of the row (each weighted by its state), where cancellation happens
    weight = weights(cell, y)
    size = (np.abs(exact) * weight).max(axis=1, keepdims=True) / weight
    assert np.all(np.abs(jacobian - exact) <= limit * (np.abs(exact) + size) + FLOOR)


@pytest.mark.parametrize("name", CELLS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_compiled_right_hand_side_and_outputs_equal_the_twin(name: str, seed: int) -> None:
    cell = CELLS[name]()
    twin = Twin(cell)
    y, u = disturbed(cell, seed)
    f, _, outputs = _kernels.evaluate(name, y, u, cell.parameter_vector())
    assert np.all(np.abs(f[0] - twin.rhs(y, u)) <= LIMIT * (sensitivity(cell, twin, y, u) + 1e-300))
    expected = np.array([np.real(v) for v in twin.observe(y, u).values()], dtype=float)
    assert np.all(np.abs(outputs[0] - expected) <= OUTPUT_LIMIT * size_of_outputs(twin, y, u) + 1e-300)


@pytest.mark.parametrize("name", CELLS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_analytic_jacobian_equals_the_complex_step_for_every_component(name: str, seed: int) -> None:
    cell = CELLS[name]()
    twin = Twin(cell)
    y, u = disturbed(cell, seed)
    assert_equal_jacobians(cell, twin, y, u)


def at_their_lower_bound(cell: Cell) -> list[str]:
    """States whose lower bound is 0 and where the equations have a value there."""
    # Without K+ (and without Cs+ in its place) the Nernst potential is minus infinity: no value, not a defect of the kernel.
    alone = {"k_cyt"} - ({"k_cyt"} if "cs_cyt" in cell.composition.states else set())
    return [k for k, s in cell.composition.states.items() if s.lower == 0.0 and k not in alone]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", CELLS)
def test_each_state_may_be_exactly_zero(name: str, seed: int) -> None:
    """Empty stores, closed gates, no IP3: finite derivatives that equal the twin's, state by state."""
    cell = CELLS[name]()
    twin = Twin(cell)
    y, u = disturbed(cell, seed)
    for key in at_their_lower_bound(cell):
        emptied = y.copy()
        emptied[cell.composition.state_index[key]] = 0.0
        assert_equal_jacobians(cell, twin, emptied, u, EMPTY_LIMIT)


@pytest.mark.parametrize("name", CELLS)
def test_all_states_may_be_exactly_zero_together(name: str) -> None:
    cell = CELLS[name]()
    y, u = disturbed(cell, 0)
    # Without K+ and Cs+ there is no Nernst potential; without receptors the G protein stands exactly where its rise and fall meet.
    for key in at_their_lower_bound(cell):
        if key not in ("k_cyt", "MuOpioidReceptor.density"):
            y[cell.composition.state_index[key]] = 0.0
    assert_equal_jacobians(cell, Twin(cell), y, u)


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


@pytest.mark.parametrize("name", CELLS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_time_derivative_along_moving_inputs_equals_the_complex_step(name: str, seed: int) -> None:
    cell = CELLS[name]()
    twin = Twin(cell)
    y, u = disturbed(cell, seed)
    rate = np.random.default_rng(seed).uniform(-1.0, 1.0, len(u)) * np.maximum(np.abs(u), 1.0) * 1e-3
    found = _kernels.time_derivative(name, y, u, rate, cell.parameter_vector())
    each = exact_time_derivative(twin, y, u, rate)
    # relative to the sum over inputs; 7e-14 found where one input enters twice and nearly cancels itself
    assert np.all(np.abs(found - each.sum(axis=1)) <= LIMIT * np.abs(each).sum(axis=1) + FLOOR)
