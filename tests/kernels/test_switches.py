"""Switching a component off: its flows are exactly zero and its states stand still."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim import _kernels
from nkcell_sim.model.cells import primary_nk, primary_nk_cell
from nkcell_sim.model.quantities import Flow

SWITCHABLE = primary_nk().switchable


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
