"""What to run: cases, experiments and a grid of variations, expanded into run specifications (plain data, stable id)."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError, SteadyStateError, UnreachableRestError
from ..experiments import Incubation
from ..experiments.base import Experiment
from ..experiments.fields import LabRecord
from ..model.cell import Cell
from ..simulate import Solver
from ..units import parse

INCUBATION = "incubation"


def logspan(start: float, stop: float, points: int) -> NDArray[np.float64]:
    """Values from start to stop (both included) at equal ratios."""
    return np.asarray(np.geomspace(start, stop, points))


def linspan(start: float, stop: float, points: int) -> NDArray[np.float64]:
    """Values from start to stop (both included) at equal differences."""
    return np.asarray(np.linspace(start, stop, points))


@dataclass(frozen=True)
class Case:
    """One group of a study: a cell and what it was incubated with before the experiments (None: straight from rest)."""

    name: str
    cell: Cell
    incubation: Incubation | None = None


@dataclass(frozen=True)
class Run:
    """One cell in one experiment, fully specified."""

    experiment: str
    case: str
    cell: Cell
    setup: Experiment
    incubation: Incubation | None
    varied: dict[str, float]
    solver: Solver
    cell_content: dict[str, Any]
    failure: str = ""  # why it cannot start, if it cannot

    @cached_property
    def specification(self) -> dict[str, Any]:
        """Everything that determines the numbers, as plain data; names of cases and experiments do not."""
        return {
            **self.cell_content,
            "incubation": None if self.incubation is None else _settings(self.incubation),
            "experiment": [self.setup.kind, _settings(self.setup)],
            "solver": asdict(self.solver),
        }

    @cached_property
    def id(self) -> str:
        """Identity of the run: a hash of its specification."""
        return hashlib.sha256(json.dumps(self.specification, sort_keys=True).encode()).hexdigest()[:16]


def _cell_content(cell: Cell) -> dict[str, Any]:
    """What a cell contributes to the identity of a run."""
    return {
        "model": [cell.composition.name, cell.composition.hash],
        "parameters": _exact(cell.parameter_vector()),
        "state": _exact(cell.initial_state()),
        "inputs": _exact(cell.input_defaults()),
    }


def _exact(values: Any) -> list[str]:
    return [float(v).hex() for v in values]


def _settings(record: LabRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.lab_fields()}


class Study:
    """Every case in every experiment, over a grid of variations.

    ``vary`` maps a key to its values (in the declared unit, or as text with a unit): a parameter (``"TRPM3.n_t3"``), a
    field of an experiment (``"imaging.pregs"``) or of the incubation (``"incubation.ntx"``). Several keys make a product grid;
    an experiment is not repeated for the keys of another one.
    A varied parameter is set on the cell before its resting constants are solved, as if it had been in its description.
    """

    def __init__(
        self,
        cases: Case | Cell | Sequence[Case | Cell],
        experiments: Experiment | Mapping[str, Experiment],
        *,
        vary: Mapping[str, Any] | None = None,
        solver: Solver | None = None,
        title: str = "",
    ) -> None:
        many = cases if isinstance(cases, Sequence) else [cases]
        self.cases = tuple(c if isinstance(c, Case) else Case(c.name, c) for c in many)
        self.experiments = {experiments.kind: experiments} if isinstance(experiments, Experiment) else dict(experiments)
        self.solver = solver or Solver()
        self.title = title
        self._check_names()
        self.vary = {key: [self._in_unit(key, value) for value in values] for key, values in (vary or {}).items()}

    def _check_names(self) -> None:
        names = [case.name for case in self.cases]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ParameterError(f"got several cases named {', '.join(map(repr, twice))}; give each case its own name", name=twice[0])
        if not names or not self.experiments:
            raise ParameterError("got a study without cases or without experiments; it needs at least one of each")
        for name in self.experiments:
            if name == INCUBATION or "/" in name or "." in name:
                raise ParameterError(f"got an experiment named {name!r}; expected a name without '.' and '/', other than {INCUBATION!r}", name=name)

    def record_of(self, key: str) -> type[LabRecord] | None:
        """The experiment or incubation that a varied key belongs to; None for a parameter of the cell."""
        owner = key.partition(".")[0]
        if owner == INCUBATION:
            return Incubation
        return type(self.experiments[owner]) if owner in self.experiments else None

    def unit_of(self, key: str) -> str:
        """Declared unit of a varied key."""
        record = self.record_of(key)
        if record is not None:
            fields = record.lab_fields()
            name = key.partition(".")[2]
            if name not in fields:
                raise ParameterError(f"got a variation of {key!r}; {record.__name__} has {', '.join(fields)}", name=key)
            return str(fields[name].metadata["unit"])
        parameters = self.cases[0].cell.composition.parameters
        if key not in parameters:
            self.cases[0].cell.parameter(key)  # raises the error with the near miss
        return str(parameters[key].unit)

    def _in_unit(self, key: str, value: Any) -> float:
        unit = self.unit_of(key)
        return parse(value, unit) if isinstance(value, str) else float(value)

    @property
    def grid(self) -> list[dict[str, float]]:
        """Every combination of the varied values, the last key changing fastest."""
        return [dict(zip(self.vary, values, strict=True)) for values in itertools.product(*self.vary.values())]

    def points(self, experiment: str) -> list[dict[str, float]]:
        """The grid as one experiment sees it: without the keys of other experiments."""
        others = {key for key in self.vary if key.partition(".")[0] in self.experiments and key.partition(".")[0] != experiment}
        mine = [{key: value for key, value in point.items() if key not in others} for point in self.grid]
        return list({tuple(point.values()): point for point in mine}.values())

    def runs(self) -> Iterator[Run]:
        """Every run: experiments, then cases, then the grid."""
        cells: dict[tuple[str, tuple[float, ...]], tuple[Cell, dict[str, Any], str]] = {}
        for name, experiment in self.experiments.items():
            for case in self.cases:
                for point in self.points(name):
                    changed = {key: value for key, value in point.items() if self.record_of(key) is None}
                    key = (case.name, tuple(changed.values()))
                    if key not in cells:
                        cell, failure = _with_parameters(case.cell, changed)
                        cells[key] = (cell, _cell_content(cell), failure)
                    cell, content, failure = cells[key]
                    setup = replace(experiment, **_own(point, name))
                    incubation = None if case.incubation is None else replace(case.incubation, **_own(point, INCUBATION))
                    yield Run(name, case.name, cell, setup, incubation, point, self.solver, content, failure)

    def __len__(self) -> int:
        return len(self.cases) * sum(len(self.points(name)) for name in self.experiments)

    def __repr__(self) -> str:
        lines = [f"Study {self.title!r}: {len(self)} runs" if self.title else f"Study: {len(self)} runs"]
        for case in self.cases:
            after = "" if case.incubation is None else f", incubated {case.incubation.duration:g} h"
            lines.append(f"  case        {case.name}{after}")
        lines += [f"  experiment  {name} ({experiment.kind})" for name, experiment in self.experiments.items()]
        lines += [f"  vary        {key}: {len(v)} values, {v[0]:g} to {v[-1]:g} {self.unit_of(key)}" for key, v in self.vary.items()]
        return "\n".join(lines)


def _with_parameters(cell: Cell, changed: Mapping[str, float]) -> tuple[Cell, str]:
    """The cell as if it had been described with these values: its resting constants follow, except those that were given.

    A point of a grid that has no rest is data like any other: the cell comes back as it is, with the reason.
    """
    if not changed:
        return cell, ""
    new = cell.set(changed)
    if new.calibrated_for is None:
        return new, ""
    try:
        return new.recalibrated().set({k: v for k, v in changed.items() if cell.composition.parameters[k].balance}), ""
    except (UnreachableRestError, SteadyStateError) as error:
        return replace(new, state=cell.initial_state()), str(error)


def _own(point: Mapping[str, float], owner: str) -> dict[str, Any]:
    """The part of a grid point that belongs to an experiment (or the incubation), by field name."""
    return {key.partition(".")[2]: value for key, value in point.items() if key.partition(".")[0] == owner}
