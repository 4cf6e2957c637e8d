"""Other engines run the exported cell to the same numbers: rest, TRPM3 stimulus and store-operated entry, random parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells.stub_nk import stub_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.units import to_kernel

from .engines import ENGINES

pytestmark = pytest.mark.peers
DRAWS = 20
SPARE = 5  # draws beyond those compared: some 2 % of the whole cells overload with Ca2+ and end at a bound that other engines do not know
SPREAD = 0.2  # of the logarithm: nine of ten values within a factor 1.4
AGREEMENT = 1e-6  # what is promised, relative to the largest size of the state in the run
FLOOR = 1e-3  # of its scale: a state that never gets larger is compared with that
POINTS = 133


def stub_with_channel() -> Cell:
    return stub_nk_cell().set({"TRPM3Stub.g_chord": "0.1 nS"})


def entry() -> Protocol:
    """Thapsigargin, Ca2+ removal and readdition through a bath that exchanges in 5 s."""
    return nk.StoreOperatedEntry(exchange_tau=5.0).protocol()


CASES: dict[str, tuple[Callable[[], Cell], Callable[[], Protocol], int]] = {
    "rest": (stub_with_channel, lambda: Protocol("300 s"), DRAWS),
    "trpm3": (stub_with_channel, lambda: Protocol("300 s").step("60 s", t3_drive=1.0).step("240 s", t3_drive=0.0), DRAWS),
    "entry": (stub_with_channel, entry, DRAWS),
    "whole-rest": (nk.primary_nk_cell, lambda: Protocol("300 s"), DRAWS),
    "whole-pregs": (nk.primary_nk_cell, lambda: Protocol("300 s").step("60 s", pregs="50 uM").exchange("240 s", "2 s", pregs="0 uM"), DRAWS),
    "whole-entry": (nk.primary_nk_cell, entry, DRAWS),
}


def drawn(cell: Cell, rng: np.random.Generator) -> Cell:
    """The cell with every measured or assumed constant drawn, within its bounds."""
    changes = {}
    for key, p in cell.composition.parameters.items():
        value = cell.parameter(key)
        if p.evidence != "-" and not p.choices and value > 0.0 and p.unit != "K":
            low = -np.inf if p.minimum is None else p.minimum
            high = np.inf if p.maximum is None else p.maximum
            changes[key] = float(np.clip(value * rng.lognormal(sigma=SPREAD), low, high))
    return cell.set(changes)


def kernel_values(cell: Cell) -> dict[str, float]:
    """Parameters and starts of a cell by name, in kernel units."""
    parts = (cell.composition.parameters, cell.parameter_vector()), (cell.composition.states, cell.initial_state())
    return {k: float(v) for names, values in parts for k, v in zip(names, values, strict=True)}


def disagreement(cell: Cell, ours: Any, theirs: np.ndarray) -> tuple[float, str]:
    """Largest difference of any state over the run, relative to its largest size, and which state."""
    worst = (0.0, "")
    for j, (key, state) in enumerate(cell.composition.states.items()):
        mine = np.array([to_kernel(x, state.unit) for x in ours[key]])
        size = max(np.max(np.abs(mine)), FLOOR * to_kernel(state.scale, state.unit))
        worst = max(worst, (float(np.max(np.abs(mine - theirs[:, j])) / size), key))
    return worst


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("engine", ENGINES)
def test_another_engine_runs_the_exported_cell_to_the_same_trajectories(case: str, engine: str) -> None:
    make, protocol_of, count = CASES[case]
    base, protocol = make(), protocol_of()
    states = list(base.composition.states)
    peer = ENGINES[engine](nk.to_sbml(base, protocol, check=False), states)
    rng = np.random.default_rng(20261124)
    cells = [drawn(base, rng) for _ in range(count + SPARE)]
    times = np.linspace(0.0, protocol.duration, POINTS)
    trace = nk.simulate(cells, protocol, record=states, times=times, rtol=1e-10)
    assert {outcome.status for outcome in trace.outcomes} <= {"ok", "out_of_range"}, trace
    compared = np.flatnonzero(trace.outcomes.ok)[:count]
    assert len(compared) == count, trace
    found = []
    for i in compared:
        cell = cells[i]
        theirs = peer.run(kernel_values(cell), protocol.duration, POINTS)
        found.append(disagreement(cell, {k: trace[k][i] for k in states}, theirs))
    print(f"\n{engine}, {case}, {count} draws: largest relative difference {max(found)[0]:.1e} ({max(found)[1]})")
    assert max(found)[0] < AGREEMENT, sorted(found)[-5:]
