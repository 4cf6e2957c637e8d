"""What a simulation returns: recorded quantities in their declared units, and how each run ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import MissingPackageError, ParameterError, SimulationError
from .outcomes import Outcomes

if TYPE_CHECKING:
    import xarray

    from .model.cell import Cell

@dataclass(frozen=True)
class Trace:
    """Recorded quantities of one or many runs; ``trace["v"]`` has shape (n_cells, n_times).

    ``time`` is in s; every other quantity is in the unit given by ``units``. The value at an edge of the protocol is the
    one just before the edge. A failed run's rows are NaN; ``final`` (kernel units) keeps the last state it reached.
    With ``error_bars=True``, ``record_errors`` holds the largest numerical error over time of every quantity and run, ``feature_errors`` that of every feature.
    Where channels were drawn, ``channel_numbers`` holds the number of channels of every scheme and run and ``transitions`` how often one of them moved.
    ``parameters`` holds what was drawn for each run, in declared units; ``cells[i]`` is the cell of run i, built when it is asked for.
    """

    time: np.ndarray
    values: dict[str, np.ndarray]
    units: dict[str, str]
    outcomes: Outcomes
    final: np.ndarray
    cells: Sequence[Cell]
    parameters: Mapping[str, np.ndarray] = field(default_factory=dict)
    features: Mapping[str, np.ndarray] = field(default_factory=dict)
    feature_units: Mapping[str, str] = field(default_factory=dict)
    feature_errors: Mapping[str, np.ndarray] = field(default_factory=dict)
    record_errors: Mapping[str, np.ndarray] = field(default_factory=dict)
    channel_numbers: Mapping[str, np.ndarray] = field(default_factory=dict)
    transitions: np.ndarray | None = None

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
        return self.outcomes.status

    def final_cell(self, index: int = 0) -> Cell:
        """The cell as the protocol left it, ready for the next protocol; a run that failed has no such cell (:class:`SimulationError`)."""
        if not self.outcomes[index].ok:
            raise SimulationError(f"run {index} of cell {self.cells[index].name!r} has no end state to go on from: {self.outcomes[index]}")
        return self.cells[index].with_state(self.final[index])

    def raise_for_status(self) -> Trace:
        """Return self, or raise :class:`SimulationError` listing the runs that did not end as ok."""
        failed = np.flatnonzero(~self.outcomes.ok)
        if len(failed):
            lines = [f"  run {i}: {self.outcomes[int(i)]}" for i in failed[:10]]
            raise SimulationError(f"{len(failed)} of {len(self.outcomes)} runs failed; their outputs are NaN\n" + "\n".join(lines))
        return self

    def to_xarray(self) -> xarray.Dataset:
        """The same data as a labelled :class:`xarray.Dataset` over ``run`` and ``time``; drawn values and status are coordinates of the runs."""
        try:
            import xarray
        except ImportError as error:
            raise MissingPackageError("to_xarray() needs xarray: pip install 'nkcell_sim[xarray]'") from error
        composition = self.cells[0].composition
        declared = (composition.drawn if self.transitions is not None else composition).declarations
        variables: dict[str, Any] = {}
        for name, values in self.values.items():
            variables[name] = (("run", "time"), values, {"units": self.units[name], "long_name": declared[name].description})
        for name, values in self.features.items():
            variables[name] = (("run",), values, {"units": self.feature_units.get(name, "1")})
        for name, values in self.feature_errors.items():
            about = {"units": self.feature_units.get(name, "1"), "long_name": f"error bar of {name}"}
            variables[f"{name}.error"] = (("run",), values, about)
        for name, values in self.record_errors.items():
            variables[f"{name}.error"] = (("run",), values, {"units": self.units[name], "long_name": f"largest numerical error of {name} over time"})
        coordinates: dict[str, Any] = {"run": np.arange(len(self.outcomes)), "status": (("run",), np.array(self.status))}
        if self.values:
            coordinates["time"] = (("time",), self.time, {"units": "s", "long_name": "time from the start of the protocol"})
        for name, values in self.parameters.items():
            meaning = declared[name.removeprefix("start.")]
            coordinates[name] = (("run",), values, {"units": meaning.unit, "long_name": meaning.description})
        return xarray.Dataset(variables, coordinates)

    def __repr__(self) -> str:
        span = f"{self.time[0]:g} to {self.time[-1]:g} s" if len(self.time) else "no output times"
        lines = [f"Trace of {len(self.outcomes)} run(s), {len(self.time)} times, {span}; {self.outcomes.summary()}"]
        if len(self.time) and self.outcomes.ok.any():
            heading = f"{'error':>12}" if self.record_errors else ""
            lines.append(f"  {'quantity':<28}{'unit':<10}{'first':>12}{'minimum':>12}{'maximum':>12}{'last':>12}{heading}   (first ok run)")
            row = int(np.argmax(self.outcomes.ok))
            for name, table in self.values.items():
                x = table[row]
                error = f"{self.record_errors[name][row]:>12.2g}" if name in self.record_errors else ""
                lines.append(f"  {name:<28}{self.units[name]:<10}{x[0]:>12.5g}{x.min():>12.5g}{x.max():>12.5g}{x[-1]:>12.5g}{error}")
        for name, drawn in self.parameters.items():
            lines.append(f"  drawn: {name} from {np.min(drawn):.5g} to {np.max(drawn):.5g}")
        return "\n".join(lines)
