"""The solution that errors are measured against, and how well a second method agrees with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .engines.nkcell import NkCell
from .summary import power
from .task import Task, errors

TIGHT = 1e-12
AGREEMENT = 1e-9  # a reference this good is 1000 times better than the error at which engines are compared


@dataclass(frozen=True)
class Reference:
    """Outputs (n_draws, n_times, n_states) and the largest difference to the cross-check over ``checked`` draws."""

    outputs: np.ndarray
    agreement: float
    checked: int
    text: str


def make_reference(task: Task, *, checked: int = 2) -> Reference:
    """This engine at 1e-12, cross-checked by SciPy's Radau on the NumPy twin: another method, another implementation of the equations."""
    engine = NkCell("portable")
    engine.prepare(task)
    outputs = engine.outputs(engine.run(task, TIGHT))
    if not np.all(np.isfinite(outputs)):
        raise RuntimeError("the reference has failed runs; the race needs draws that all run")
    some = task.first(checked)
    agreement = float(errors(_radau(some), outputs[:checked], task.scale).max())
    if agreement > AGREEMENT:
        raise RuntimeError(f"the reference and Radau differ by {agreement:.1e}; expected below {AGREEMENT:g}")
    many = "draws" if checked > 1 else "draw"
    text = f"nkcell_sim at rtol {power(TIGHT)}; SciPy's Radau at rtol 1e-10 on the NumPy equations agrees to {power(agreement)} on {checked} {many}"
    return Reference(outputs, agreement, checked, text)


def _radau(task: Task) -> np.ndarray:
    from nkcell_sim.draws import Draws
    from nkcell_sim.simulate import simulate

    from .task import TIMES

    trace = simulate(Draws(task.cell, task.columns), task.protocol, record=task.states, times=TIMES, rtol=1e-10, method="radau")
    return NkCell("portable").outputs(trace)
