"""What to run: cases, experiments and a grid of variations, expanded into run specifications (plain data, stable id)."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError, SteadyStateError, UnreachableRestError
from ..experiments import Incubation
from ..experiments.base import Experiment
from ..experiments.fields import LabRecord
from ..model.cell import Cell, temperature_note
from ..solver import Solver
from ..units import parse

INCUBATION = "incubation"
RESERVED = {
    INCUBATION: "[[vary]] keys use it for a condition's incubation",
    "provenance": "results keep their provenance under it",
    "targets": "results keep the table of targets under it",
}


def logspan(start: float, stop: float, points: int) -> NDArray[np.float64]:
    """Values from start to stop (both included) at equal ratios; plain numbers above 0 in the unit of the varied key."""
    _check_span("logspan", start, stop, points)
    if not min(start, stop) > 0.0:
        raise ParameterError(f"got logspan from {start:g} to {stop:g}; expected numbers above 0 (or linspan)", name="start")
    return np.asarray(np.geomspace(start, stop, points))


def linspan(start: float, stop: float, points: int) -> NDArray[np.float64]:
    """Values from start to stop (both included) at equal differences; plain numbers in the unit of the varied key."""
    _check_span("linspan", start, stop, points)
    return np.asarray(np.linspace(start, stop, points))


def _check_span(maker: str, start: Any, stop: Any, points: Any) -> None:
    for name, value in (("start", start), ("stop", stop)):
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise ParameterError(f"got {maker} {name} = {value!r}; expected a finite number in the unit of the varied key, without the unit", name=name)
    if isinstance(points, bool) or not isinstance(points, int | np.integer) or points < 1:
        raise ParameterError(f"got {maker} points = {points!r}; expected a whole number of at least 1", name="points")


def name_problem(name: Any) -> str:
    """What is wrong with the name of a case or an experiment; empty when it is good."""
    if not isinstance(name, str) or not name.strip():
        return "expected a text that is not empty"
    return "" if name.isprintable() else "expected a text without control characters"


@dataclass(frozen=True)
class Case:
    """One group of a study: a cell and what it was incubated with before the experiments (None: straight from rest)."""

    name: str
    cell: Cell
    incubation: Incubation | None = None

    def __post_init__(self) -> None:
        problem = name_problem(self.name)
        if problem:
            raise ParameterError(f"got a case named {self.name!r}; {problem}", name="name")
        if not isinstance(self.cell, Cell):
            raise ParameterError(f"case {self.name!r}: got cell = {self.cell!r}; expected a cell, as in Case(name, cell, incubation)", name="cell")
        if self.incubation is not None and not isinstance(self.incubation, Incubation):
            raise ParameterError(f"case {self.name!r}: got incubation = {self.incubation!r}; expected an Incubation or None", name="incubation")


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
            "solver": {name: value for name, value in asdict(self.solver).items() if name not in ("error_bars", "tightening")},
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
        self.cases = tuple(_case(c) for c in many)
        self.experiments = _experiments(experiments)
        self.solver = solver or Solver()
        self.title = title
        self._check_names()
        self.vary = {key: self._axis(key, values) for key, values in (vary or {}).items()}
        self._check_points()

    def _check_names(self) -> None:
        names = [case.name for case in self.cases]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ParameterError(f"got several cases named {', '.join(map(repr, twice))}; give each case its own name", name=twice[0])
        if not names or not self.experiments:
            raise ParameterError("got a study without cases or without experiments; it needs at least one of each")
        for name in self.experiments:
            problem = name_problem(name)
            if problem:
                raise ParameterError(f"got an experiment named {name!r}; {problem}", name=str(name))
            if name in RESERVED:
                raise ParameterError(f"got an experiment named {name!r}; the name is taken: {RESERVED[name]}", name=name)
            if "/" in name or "." in name:
                raise ParameterError(f"got an experiment named {name!r}; expected a name without '.' and '/'", name=name)

    def _axis(self, key: str, values: Any) -> list[float]:
        """The values of a varied key in its declared unit."""
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise ParameterError(f"got a variation of {key!r} over {values!r}; expected a list of values", name=key)
        found = [self._in_unit(key, value) for value in values]
        if not found:
            raise ParameterError(f"got a variation of {key!r} without values; expected at least one", name=key)
        again = next((v for i, v in enumerate(found) if v in found[:i]), None)
        if again is not None:
            raise ParameterError(f"got a variation of {key!r} with {again:g} {self.unit_of(key)} more than once; expected each value once", name=key)
        return found

    def _check_points(self) -> None:
        """Every varied value has to fit its experiment, or no run would start."""
        owners = {name: [experiment] for name, experiment in self.experiments.items()}
        owners[INCUBATION] = [c.incubation for c in self.cases if c.incubation is not None]
        for owner, records in owners.items():
            keys = [key for key in self.vary if key.partition(".")[0] == owner]
            for values in itertools.product(*(self.vary[key] for key in keys)) if keys else ():
                for record in records:
                    try:
                        replace(record, **_own(dict(zip(keys, values, strict=True)), owner))
                    except ParameterError as error:
                        key = f"{owner}.{error.name}"
                        raise ParameterError(f"variation of {', '.join(keys)}: {error}", name=key if key in keys else keys[0]) from error

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
        if not isinstance(value, str) and (isinstance(value, bool) or not isinstance(value, int | float | np.number)):
            raise ParameterError(f"got a variation of {key!r} with {value!r}; expected numbers in {unit} or texts with a unit", name=key)
        number = parse(value, unit) if isinstance(value, str) else float(value)
        if not np.isfinite(number):
            raise ParameterError(f"got a variation of {key!r} with {value!r}; expected finite numbers", name=key)
        return number

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

    def notes(self) -> tuple[str, ...]:
        """Remarks on the cells and their incubations that go with every result of this study."""
        said = [note for case in self.cases if (note := temperature_note(case.cell))]
        if "temperature" in self.vary:
            said += [note for value in self.vary["temperature"] if (note := temperature_note(self.cases[0].cell, value))]
        for case in self.cases:
            said += [f"{case.name}: {note}" for note in (case.incubation.notes() if case.incubation is not None else ())]
        return tuple(dict.fromkeys(said))

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


def _case(given: Any) -> Case:
    if isinstance(given, Case):
        return given
    if isinstance(given, Cell):
        return Case(given.name, given)
    raise ParameterError(f"got {given!r} among the cases of a study; expected cells or Case(name, cell, incubation)", name="cases")


def _experiments(given: Any) -> dict[str, Experiment]:
    """Experiments by name; one alone goes by its kind."""
    if isinstance(given, Experiment):
        return {given.kind: given}
    if not isinstance(given, Mapping):
        raise ParameterError(f"got experiments = {given!r}; expected an experiment or a dictionary of them by name", name="experiments")
    wrong = next((name for name, each in given.items() if not isinstance(each, Experiment)), None)
    if wrong is not None:
        raise ParameterError(f"got the experiment {wrong!r} as {given[wrong]!r}; expected an experiment such as PatchClamp(...)", name=str(wrong))
    return dict(given)


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
