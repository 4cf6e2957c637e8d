"""What everybody integrates: one cell, one protocol, one table of parameter draws, a few output times."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

MODEL = "stub_nk"
DURATION = 300.0  # s
TIMES = (10.0, 30.0, 100.0, 300.0)  # s; the rise, the peak, the decay and the end
BASE = {"TRPM3Stub.g_chord": 0.05}  # nS; the acceptance experiment's conductance
STIMULUS = {"t3_drive": 1.0}
SPREAD = 0.2  # standard deviation of the logarithm of every drawn factor
DRAWN = (
    "Kv13.g_max", "KCa31.g_max", "KCa31.k_ca", "KCa31.tau", "CRAC.permeability", "TRPM7.permeability", "TRPM7.permeability_ca",
    "SodiumBackground.permeability", "PotassiumBackground.permeability", "CalciumBackground.permeability", "ChlorideBackground.permeability",
    "NaKATPase.i_max", "TRPM3Stub.g_chord", "TRPM3Stub.tau", "NKCC.rate", "PMCA.v_max", "PMCA.tau", "SERCA.v_max", "SERCA.k_ca", "IP3R.rate",
    "ERLeak.rate", "MCU.v_max", "MCU.k_ca", "NCLX.v_max", "NCLX.k_ca", "Calmodulin.total", "IP3Metabolism.basal", "IP3Metabolism.v_plc", "IP3Metabolism.v_3k",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """The work of the race; arrays are in the engine's units (ms, mV, uM, ...), so that no peer converts anything.

    ``factors`` (n_draws, n_drawn) multiply the base cell's values. All runs start from the base cell's rest and meet the stimulus at time 0.
    """

    factors: np.ndarray
    seed: int

    @classmethod
    def make(cls, draws: int, *, seed: int) -> Task:
        """Seeded log-normal factors; more draws begin with the same rows."""
        rows = [np.random.default_rng([seed, i]).standard_normal(len(DRAWN)) for i in range(draws)]
        return cls(np.exp(SPREAD * np.array(rows)), seed)

    def first(self, draws: int) -> Task:
        """The task with the first draws only."""
        return Task(self.factors[:draws], self.seed)

    def __len__(self) -> int:
        return len(self.factors)

    @cached_property
    def cell(self) -> Any:
        """The base cell at its rest."""
        from nkcell_sim.model.cells import stub_nk_cell

        cell = stub_nk_cell()
        return cell.with_state(cell.initial_state()).set(BASE)

    @cached_property
    def protocol(self) -> Any:
        """One segment: the stimulus from the first moment to the end."""
        from nkcell_sim.protocol import Protocol

        return Protocol(DURATION).step(0.0, **STIMULUS)

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """Drawn parameters in their declared units, each (n_draws,)."""
        declared = {k: self.cell.parameter(k) for k in DRAWN}
        return {k: declared[k] * self.factors[:, j] for j, k in enumerate(DRAWN)}

    @cached_property
    def drawn(self) -> np.ndarray:
        """Places of the drawn parameters among all."""
        keys = list(self.cell.composition.parameters)
        return np.array([keys.index(k) for k in DRAWN])

    @cached_property
    def parameters(self) -> np.ndarray:
        """All parameters of every draw, kernel units, (n_draws, n_parameters)."""
        table = np.tile(self.cell.parameter_vector(), (len(self), 1))
        table[:, self.drawn] *= self.factors
        return table

    @cached_property
    def start(self) -> np.ndarray:
        """State at time 0, kernel units, (n_states,)."""
        return np.asarray(self.cell.initial_state())

    @cached_property
    def inputs(self) -> np.ndarray:
        """Inputs during the stimulus, kernel units, (n_inputs,)."""
        values = np.array(self.cell.input_defaults())
        for key, value in STIMULUS.items():
            values[list(self.cell.composition.inputs).index(key)] = value
        return values

    @cached_property
    def scale(self) -> np.ndarray:
        """Declared scale of every state, kernel units, (n_states,)."""
        from nkcell_sim.units import to_kernel

        return np.array([to_kernel(s.scale, s.unit) for s in self.cell.composition.states.values()])

    @property
    def states(self) -> list[str]:
        """Keys of the states in order."""
        return list(self.cell.composition.states)

    @property
    def times(self) -> np.ndarray:
        """Output times [ms]."""
        return 1e3 * np.array(TIMES)


def errors(result: np.ndarray, reference: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Largest error of every draw over states and output times, |y - r|/(|r| + scale), (n_draws,); a failed run counts as infinite."""
    difference = np.abs(result - reference) / (np.abs(reference) + scale)
    return np.where(np.isfinite(difference), difference, np.inf).max(axis=(1, 2))
