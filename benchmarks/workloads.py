"""The main protocols with drawn cells: what speed and accuracy of the engine are measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

import nkcell_sim as nk
from nkcell_sim.experiments.base import Experiment
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import primary_nk_cell, stub_nk_cell
from nkcell_sim.solver import StateScales
from nkcell_sim.units import from_kernel

# standard deviation of the logarithm of each drawn parameter: donors differ by about a third, densities of one channel by more
SPREAD = {"TRPM3.density": 0.5, "TRPM3Stub.g_chord": 0.5, "CRAC.permeability": 0.3, "KCa31.g_max": 0.3, "Kv13.g_max": 0.3}
SEED = 3


@dataclass(frozen=True)
class Workload:
    """Cells that differ by drawn parameters, what is done to them, and when they are looked at [s]."""

    title: str
    cells: tuple[Cell, ...]
    protocol: nk.Protocol
    times: np.ndarray

    @cached_property
    def states(self) -> list[str]:
        """Names of all states."""
        return list(self.cells[0].composition.states)

    @cached_property
    def scale(self) -> np.ndarray:
        """Declared scale of every state in its own unit, (n_states,)."""
        composition = self.cells[0].composition
        units = [state.unit for state in composition.states.values()]
        return np.array([float(from_kernel(np.array(s), u)) for s, u in zip(StateScales.of(composition).scale, units, strict=True)])

    @property
    def cell(self) -> str:
        """Name of the kind of cell."""
        return self.cells[0].composition.name


def drawn(cell: Cell, count: int) -> list[Cell]:
    """The cell with the parameters of :data:`SPREAD` that it has multiplied by log-normal factors, all from the cell's own start."""
    generator = np.random.default_rng(SEED)
    start = cell.with_state(cell.initial_state())
    keys = [key for key in SPREAD if key in cell.composition.parameters]
    factors: list[Mapping[str, float]] = [{key: float(np.exp(SPREAD[key] * generator.standard_normal())) for key in keys} for _ in range(count)]
    return [start.set({key: start.parameter(key) * factor for key, factor in row.items()}) for row in factors]


def _experiment(experiment: Experiment, count: int, every: int = 1) -> Workload:
    cells = experiment.prepare_all(drawn(primary_nk_cell(), count))
    times = np.asarray(experiment.times())[::every]
    return Workload(experiment.title, tuple(cells), experiment.protocol(), times)


def stimulus(count: int) -> Workload:
    """The 23-state cell under 300 s of the TRPM3-like stimulus: the reference problem of the speed goals."""
    cells = drawn(stub_nk_cell().set({"TRPM3Stub.g_chord": "0.1 nS"}), count)
    return Workload("300 s of TRPM3-like stimulus, 23 states", tuple(cells), nk.Protocol(300.0).step(0.0, t3_drive=1.0), np.linspace(0.0, 300.0, 101))


WORKLOADS: dict[str, Callable[[int], Workload]] = {
    "stimulus": stimulus,
    "imaging": lambda count: _experiment(nk.CalciumImaging(ntx_in_bath="kept"), count),
    "soce": lambda count: _experiment(nk.StoreOperatedEntry(), count),
    "patch": lambda count: _experiment(nk.PatchClamp(ntx_in_bath="kept"), count, every=5),
}
