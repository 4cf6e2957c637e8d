"""What a tolerance costs and what it reaches, for the main protocols: the table of the page on choosing tolerances.

    python -m benchmarks.tolerances            (from the root of a checkout)

The error reached is the largest difference of any recorded quantity, at any time, from the same run at rtol 1e-12, as a share of that quantity's
largest value in the run. Steps and errors are the same on every machine up to the last digits of the starting rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nkcell_sim.experiments import CalciumImaging, Incubation, PatchClamp, Rest, StoreOperatedEntry
from nkcell_sim.experiments.base import Experiment
from nkcell_sim.model.cells import primary_nk_cell, stub_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate
from nkcell_sim.trace import Trace

TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
REFERENCE = 1e-12
NOTHING = 1e-12

Runner = Callable[[float], Trace]


def experiment_runner(experiment: Experiment) -> Runner:
    """The primary cell in an experiment, prepared once."""
    cells = experiment.prepare_all([primary_nk_cell()])
    return lambda rtol: simulate(cells, experiment.protocol(), record=experiment.record, times=experiment.times(), rtol=rtol)


def stub_runner() -> Runner:
    """The 23-state cell with 300 s of the TRPM3-like stimulus."""
    cell = stub_nk_cell().set({"TRPM3Stub.g_chord": "0.1 nS"})
    protocol = Protocol(600.0).step(30.0, t3_drive=1.0).step(330.0, t3_drive=0.0)
    return lambda rtol: simulate(cell, protocol, record=["v", "ca_cyt", "ca_er", "na_cyt"], times=np.linspace(0.0, 600.0, 601), rtol=rtol)


def runners() -> dict[str, Runner]:
    """The main protocols by name."""
    return {
        "TRPM3-like stimulus, 23 states": stub_runner(),
        "Ca2+ imaging": experiment_runner(CalciumImaging(ntx_in_bath="kept")),
        "patch clamp": experiment_runner(PatchClamp(ntx_in_bath="kept")),
        "store-operated entry": experiment_runner(StoreOperatedEntry()),
        "rest, 1 h": experiment_runner(Rest()),
        "incubation, 24 h at 37 degC": experiment_runner(Incubation(ntx="200 uM", temperature="37 degC")),
    }


def error(trace: Trace, true: Trace) -> float:
    """Largest error of any recorded quantity as a share of its largest value; one that stays below NOTHING of its unit does not count."""
    sizes = {name: float(np.abs(true[name]).max()) for name in true}
    return max(float(np.abs(trace[name] - true[name]).max()) / size for name, size in sizes.items() if size > NOTHING)


def table(chosen: Sequence[float] = TOLERANCES) -> str:
    """Steps and error reached by protocol and tolerance, as a table in Markdown."""
    lines = ["| protocol | " + " | ".join(f"{rtol:.0e}" for rtol in chosen) + " |", "| --- |" + " --- |" * len(chosen)]
    for name, run in runners().items():
        true = run(REFERENCE).raise_for_status()
        cells = []
        for rtol in chosen:
            trace = run(rtol).raise_for_status()
            cells.append(f"{trace.outcomes[0].steps} steps, {error(trace, true):.0e}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
