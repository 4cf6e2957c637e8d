"""Random cells: every constant of a cell drawn three decades up and down, to see that no parameter set can spoil a batch.

    python -m tests.numerics.random_sets 10000

prints how the runs end, by cause.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import primary_nk_cell, stub_nk_cell
from nkcell_sim.outcomes import OUTCOMES
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate
from nkcell_sim.trace import Trace

DECADES = 3.0
BUDGET = 5_000  # steps; the median run needs about 250, the longest that ends on its own a few thousand
BLOCK = 250
# Sampled off the steps, so that what is read is dense output.
TIMES = np.linspace(0.0, 300.0, 138)


@dataclass(frozen=True)
class Ensemble:
    """A cell, what is done to it, and a draw of its constants."""

    cell: Cell
    protocol: Protocol

    @property
    def drawn(self) -> list[str]:
        """Positive parameters that are neither switches nor definitions and constants of nature (evidence "-")."""
        return [k for k, p in self.cell.composition.parameters.items() if not p.choices and p.evidence != "-" and self.cell.parameter(k) > 0.0]

    def cells(self, count: int, seed: int, *, bath: bool = False) -> list[Cell]:
        """Cells with every drawn parameter log-uniform over +-3 decades inside its declared bounds; with ``bath`` the resting inputs as well."""
        composition, start = self.cell.composition, self.cell.initial_state()
        keys = self.drawn
        values = _log_uniform([self.cell.parameter(k) for k in keys], [composition.parameters[k] for k in keys], count, seed)
        inputs = [k for k, i in composition.inputs.items() if i.default > 0.0] if bath else []
        baths = _log_uniform([composition.inputs[k].default for k in inputs], [composition.inputs[k] for k in inputs], count, seed + 1)
        return [
            replace(self.cell, values={**self.cell.values, **dict(zip(keys, row, strict=True))}, inputs=dict(zip(inputs, around, strict=True)), state=start)
            for row, around in zip(values.tolist(), baths.tolist(), strict=True)
        ]

    def traces(self, cells: list[Cell]) -> Iterator[Trace]:
        """The runs in blocks (memory stays small), with every state and every other quantity recorded."""
        record = [*self.cell.composition.states, *self.cell.composition.outputs]
        for first in range(0, len(cells), BLOCK):
            yield simulate(cells[first : first + BLOCK], self.protocol, record=record, times=TIMES, max_steps=BUDGET)


def _log_uniform(values: list[float], declared: list, count: int, seed: int) -> np.ndarray:
    centre = np.array(values)
    low = np.maximum(centre * 10.0**-DECADES, [0.0 if p.minimum is None else p.minimum for p in declared])
    high = np.minimum(centre * 10.0**DECADES, [np.inf if p.maximum is None else p.maximum for p in declared])
    return np.exp(np.random.default_rng(seed).uniform(np.log(low), np.log(high), (count, len(centre))))


ENSEMBLES = {
    # 0.02 nS: the smallest stimulus of the cell brief's table
    "stub_nk": lambda: Ensemble(stub_nk_cell().set({"TRPM3Stub.g_chord": "0.02 nS"}), Protocol(300.0).step(30.0, t3_drive=1.0).step(270.0, t3_drive=0.0)),
    "primary_nk": lambda: Ensemble(primary_nk_cell(), Protocol(300.0).exchange(30.0, 0.5, pregs="50 uM").step(270.0, pregs=0.0)),
}


@dataclass
class Census:
    """How runs ended, and what was wrong with those that claim to be ok."""

    causes: Counter = field(default_factory=Counter)
    worst: Counter = field(default_factory=Counter)
    most_work: int = 0
    beyond_bounds: list[str] = field(default_factory=list)
    not_finite: list[str] = field(default_factory=list)
    without_status: int = 0

    def add(self, trace: Trace) -> None:
        """Count the runs of a trace and look at every number of those that are ok."""
        states = trace.cells[0].composition.states
        self.without_status += sum(status not in OUTCOMES or status == "not_run" for status in trace.status)
        self.causes.update(trace.status)
        self.worst.update((o.status, o.worst) for o in trace.outcomes if not o.ok)
        self.most_work = max([self.most_work, *(o.steps + o.rejected for o in trace.outcomes)])
        good = np.array([o.ok for o in trace.outcomes])
        for name in trace:
            table = trace[name][good]
            if not np.isfinite(table).all():
                self.not_finite.append(name)
            if name in states:
                self._check_range(name, table, states[name])

    def _check_range(self, name: str, table: np.ndarray, declared: object) -> None:
        low, high = getattr(declared, "lower", None), getattr(declared, "upper", None)
        if table.size and ((low is not None and table.min() < low) or (high is not None and table.max() > high)):
            self.beyond_bounds.append(f"{name} from {table.min():g} to {table.max():g}")

    def table(self, title: str) -> str:
        """Rates by cause, and for each cause the state that was named most often."""
        total = sum(self.causes.values())
        lines = [f"{title}: {total} random parameter sets, +-{DECADES:g} decades, at most {BUDGET} steps (most: {self.most_work})"]
        for cause, number in self.causes.most_common():
            named = [f"{state} {n}" for (status, state), n in self.worst.most_common() if status == cause][:4]
            lines.append(f"  {cause:<16}{number:>7}{100.0 * number / total:>7.1f} %   {', '.join(named)}")
        return "\n".join(lines)


def census(name: str, count: int, seed: int = 2026, *, bath: bool = False) -> Census:
    """Run random parameter sets of a cell and count how they end."""
    ensemble, found = ENSEMBLES[name](), Census()
    for trace in ensemble.traces(ensemble.cells(count, seed, bath=bath)):
        found.add(trace)
    return found


if __name__ == "__main__":
    for each in ENSEMBLES:
        print(census(each, int(sys.argv[1]) if len(sys.argv) > 1 else 1000).table(each))
