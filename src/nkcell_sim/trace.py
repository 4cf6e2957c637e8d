"""What a simulation returns: recorded quantities in their declared units, and how each run ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import ParameterError, SimulationError

if TYPE_CHECKING:
    from .model.cell import Cell

OUTCOMES = {
    "ok": "reached the end of the protocol",
    "step_limit": "used up its steps",
    "time_limit": "used up its wall time",
    "non_finite_rhs": "an equation stopped being a finite number",
    "step_underflow": "the step became too small for the clock",
    "out_of_range": "a state left its physical range",
    "diverged": "a state grew without bound",
    "cancelled": "was interrupted",
    "not_run": "was not started",
}


@dataclass(frozen=True)
class Outcome:
    """How one run ended: status, time reached [s], the worst component and the work done."""

    status: str
    time_reached: float
    worst: str = ""
    steps: int = 0
    rejected: int = 0
    rhs: int = 0
    jacobians: int = 0

    @property
    def ok(self) -> bool:
        """True when the run reached the end of its protocol."""
        return self.status == "ok"

    def __str__(self) -> str:
        text = f"{self.status}: {OUTCOMES[self.status]} (t = {self.time_reached:.6g} s, {self.steps} steps, {self.rejected} rejected"
        return text + (f", worst component {self.worst})" if self.worst else ")")


@dataclass(frozen=True)
class Trace:
    """Recorded quantities of one or many runs; ``trace["v"]`` has shape (n_cells, n_times).

    ``time`` is in s; every other quantity is in the unit given by ``units``. The value at an edge of the protocol is the
    one just before the edge. A failed run's rows are NaN; ``final`` (kernel units) keeps the last state it reached.
    """

    time: np.ndarray
    values: dict[str, np.ndarray]
    units: dict[str, str]
    outcomes: tuple[Outcome, ...]
    final: np.ndarray
    cells: tuple[Cell, ...]

    def __getitem__(self, name: str) -> np.ndarray:
        try:
            return self.values[name]
        except KeyError:
            raise ParameterError(f"{name!r} was not recorded; the trace holds {', '.join(self.values)} (add it to record=)", name=name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    @property
    def status(self) -> list[str]:
        """Outcome name of each run."""
        return [o.status for o in self.outcomes]

    def final_cell(self, index: int = 0) -> Cell:
        """The cell as the protocol left it, ready for the next protocol; a run that failed has no such cell (:class:`SimulationError`)."""
        if not self.outcomes[index].ok:
            raise SimulationError(f"run {index} of cell {self.cells[index].name!r} has no end state to go on from: {self.outcomes[index]}")
        return self.cells[index].with_state(self.final[index])

    def raise_for_status(self) -> Trace:
        """Return self, or raise :class:`SimulationError` listing the runs that did not end as ok."""
        failed = [(i, o) for i, o in enumerate(self.outcomes) if not o.ok]
        if failed:
            lines = [f"  run {i}: {o}" for i, o in failed[:10]]
            raise SimulationError(f"{len(failed)} of {len(self.outcomes)} runs failed; their outputs are NaN\n" + "\n".join(lines))
        return self

    def __repr__(self) -> str:
        counts = {s: self.status.count(s) for s in dict.fromkeys(self.status)}
        span = f"{self.time[0]:g} to {self.time[-1]:g} s" if len(self.time) else "no output times"
        lines = [f"Trace of {len(self.outcomes)} run(s), {len(self.time)} times, {span}; " + ", ".join(f"{n} {s}" for s, n in counts.items())]
        if len(self.time) and any(o.ok for o in self.outcomes):
            lines.append(f"  {'quantity':<28}{'unit':<10}{'first':>12}{'minimum':>12}{'maximum':>12}{'last':>12}   (first ok run)")
            row = next(i for i, o in enumerate(self.outcomes) if o.ok)
            for name, table in self.values.items():
                x = table[row]
                lines.append(f"  {name:<28}{self.units[name]:<10}{x[0]:>12.5g}{x.min():>12.5g}{x.max():>12.5g}{x[-1]:>12.5g}")
        return "\n".join(lines)
