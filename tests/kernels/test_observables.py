"""Recorded quantities: only what they depend on is computed, and the bits do not depend on what else is recorded."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nkcell_sim as nk
from nkcell_sim import _kernels
from nkcell_sim.execution import Execution
from nkcell_sim.model.cells import primary_nk_cell

PROTOCOL = nk.Protocol(60.0).exchange(5.0, 2.0, pregs="50 uM").step(40.0, pregs=0.0)
TIMES = np.linspace(0.0, 60.0, 37)


@functools.cache
def draws() -> nk.Draws:
    return nk.Draws(primary_nk_cell(), {"TRPM3.density": np.linspace(0.2, 1.5, 11), "KCa31.g_max": 0.3})


@functools.cache
def everything() -> nk.Trace:
    composition = draws().composition
    names = [*composition.states, *composition.outputs, *composition.inputs]
    return nk.simulate(draws(), PROTOCOL, record=names, times=TIMES)


RECORDABLE = sorted(draws().composition.declarations.keys() - draws().composition.parameters.keys())


@settings(max_examples=25, deadline=None)
@given(names=st.lists(st.sampled_from(RECORDABLE), min_size=1, max_size=6, unique=True))
def test_a_quantity_has_the_same_bits_whatever_else_is_recorded(names: list[str]) -> None:
    trace = nk.simulate(draws(), PROTOCOL, record=names, times=TIMES)
    for name in names:
        assert np.array_equal(trace[name], everything()[name]), name


@pytest.mark.parametrize("isa", [e["name"] for e in _kernels.engines() if e["runs"]])
def test_output_times_in_any_number_give_the_same_values(isa: str) -> None:
    names = ["v", "ca_cyt", "TRPM3.i", "i_ion", "pregs"]
    many = np.linspace(0.0, 60.0, 1801)
    dense = nk.simulate(draws(), PROTOCOL, record=names, times=many, execution=Execution(isa=isa))
    few = nk.simulate(draws(), PROTOCOL, record=names, times=many[::50], execution=Execution(isa=isa))
    for name in names:
        assert np.array_equal(dense[name][:, ::50], few[name])


def test_recorded_outputs_are_the_equations_at_the_recorded_states() -> None:
    trace, composition = everything(), draws().composition
    column = 20
    for row in (0, 10):
        cell = draws()[row]
        y = [nk.units.to_kernel(trace[k][row, column], s.unit) for k, s in composition.states.items()]
        u = [nk.units.to_kernel(trace[k][row, column], i.unit) for k, i in composition.inputs.items()]
        outputs = _kernels.evaluate(composition.name, y, u, cell.parameter_vector())[2][0]
        recorded = [nk.units.to_kernel(trace[k][row, column], d.unit) for k, d in composition.outputs.items()]
        # units there and back cost a rounding of each state; sums of large currents that cancel magnify it
        np.testing.assert_allclose(recorded, outputs, rtol=1e-9, atol=1e-9)


def test_a_current_needs_a_small_share_of_the_equations() -> None:
    sympy = pytest.importorskip("sympy")
    from nkcell_sim.codegen.observables import Observables

    x, y, a, b, c = sympy.symbols("x y a b c")
    parts = Observables([(a, x + 1), (b, a * y), (c, a - y)], {"out_[0]": b, "out_[1]": c * 2, "out_[2]": a})
    needed = [{symbol for n in row for symbol, _ in parts.parts[n].statements} for row in parts.parts_of()]
    assert needed == [{a, b}, {a, c}, {a}]
    assert parts.needs({x: 0, y: 1}) == [[0, 1], [0, 1], [0]]
    assert list(parts.carried) == [a]
