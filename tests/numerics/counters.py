"""What the main runs cost in steps, rejected steps, right-hand sides and Jacobians: exact numbers, the same on every machine.

    python -m tests.numerics.counters            compares with counters.json
    python -m tests.numerics.counters --write    writes it anew (after a change of the numerics that was meant)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from nkcell_sim.execution import Execution
from nkcell_sim.experiments import CalciumImaging, Incubation, PatchClamp, Rest, StoreOperatedEntry
from nkcell_sim.experiments.base import Experiment
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import primary_nk_cell, stub_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate
from nkcell_sim.trace import Trace

STORED = Path(__file__).with_name("counters.json")
COUNTERS = ("steps", "rejected", "rhs", "jacobians")
MEMBERS = 9  # cells that differ a little: more than fill the widest block of lanes, so that a second thread has work too


def _rounded(cell: Cell) -> Cell:
    """The cell with constants and start rounded to 9 digits: both come from linear algebra whose last digits differ between machines."""
    values = {key: float(f"{value:.9g}") for key, value in cell.values.items()}
    return replace(cell, values=values, state=np.array([float(f"{x:.9g}") for x in cell.initial_state()]))


def _relatives(cell: Cell, key: str) -> list[Cell]:
    """The cell and others with one parameter raised by 5 % each, all from the first one's start."""
    start = _rounded(cell)
    return [start.set({key: start.parameter(key) * (1.0 + 0.05 * i)}) for i in range(MEMBERS)]


def _primary(experiment: Experiment, execution: Execution) -> Trace:
    cells = [_rounded(cell) for cell in experiment.prepare_all(_relatives(primary_nk_cell(), "CRAC.permeability"))]
    return simulate(cells, experiment.protocol(), record=experiment.record, times=experiment.times(), execution=execution)


def _stub(execution: Execution) -> Trace:
    cell = stub_nk_cell().set({"TRPM3Stub.g_chord": "0.1 nS"})
    protocol = Protocol(600.0).step(30.0, t3_drive=1.0).step(330.0, t3_drive=0.0)
    return simulate(_relatives(cell, "CRAC.permeability"), protocol, record=["ca_cyt"], times=np.linspace(0.0, 600.0, 101), execution=execution)


RUNS: dict[str, Callable[[Execution], Trace]] = {
    "stub_nk, 300 s of the TRPM3-like stimulus": _stub,
    "primary_nk, Ca2+ imaging": lambda e: _primary(CalciumImaging(ntx_in_bath="kept"), e),
    "primary_nk, patch clamp": lambda e: _primary(PatchClamp(ntx_in_bath="kept"), e),
    "primary_nk, store-operated entry": lambda e: _primary(StoreOperatedEntry(), e),
    "primary_nk, rest": lambda e: _primary(Rest(), e),
    "opioid_chain, incubation with naltrexone at 37 degC": lambda e: _primary(Incubation(ntx="200 uM", temperature="37 degC"), e),
}


def counted(name: str, execution: Execution | None = None) -> dict[str, dict[str, int]]:
    """Counters of the first cell of a named run and their sums over all of its cells, at the default tolerance."""
    trace = RUNS[name](execution or Execution()).raise_for_status()
    first = trace.outcomes[0]
    return {
        "one cell": {c: int(getattr(first, c)) for c in COUNTERS},
        f"{MEMBERS} cells": {c: int(sum(getattr(o, c) for o in trace.outcomes)) for c in COUNTERS},
    }


def stored() -> dict[str, dict[str, dict[str, int]]]:
    """The counters of every named run as they were when the numerics was last changed on purpose."""
    found: dict[str, dict[str, dict[str, int]]] = json.loads(STORED.read_text(encoding="utf-8"))
    return found


def difference(name: str, before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]) -> str:
    """What changed in a run, in words; empty when nothing did."""
    if before == after:
        return ""
    if not before:
        return f"no counters are stored for the run {name!r}; write them with: python -m tests.numerics.counters --write"
    lines = [f"numerics changed in the run {name!r}:"]
    for group, numbers in after.items():
        for counter, new in numbers.items():
            old = before.get(group, {}).get(counter)
            change = "" if not old else f" ({100.0 * (new - old) / old:+.2f} %)"
            if old != new:
                lines.append(f"  {group}, {counter}: before {old}, after {new}{change}")
    lines.append("if that was meant, regenerate with: python -m tests.numerics.counters --write")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Compare or write; the exit code says whether anything changed."""
    before = stored() if STORED.exists() else {}
    after = {name: counted(name) for name in RUNS}
    changes = [text for name in RUNS if (text := difference(name, before.get(name, {}), after[name]))]
    print("\n".join(changes) or "no counter changed")
    if "--write" in arguments:
        STORED.write_text(json.dumps(after, indent=1) + "\n", encoding="utf-8")
        print(f"wrote {STORED.name}")
        return 0
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
