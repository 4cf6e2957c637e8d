"""What to run: cases, experiments and a grid of variations, expanded into run specifications (plain data, stable id)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError, SteadyStateError, UnreachableRestError
from ..experiments import TREATMENTS
from ..experiments.base import Experiment
from ..experiments.fields import LabRecord
from ..experiments.treatment import Treatment, name_of
from ..model.cell import Cell, temperature_note
from ..randomness import checked_seed
from ..solver import COMPILED_METHODS, SCIPY_METHODS, Solver
from ..units import parse
from .case import Case, name_problem
from .cohort import Cohort, Member
from .specification import Run, cell_content

RESERVED = {
    **{kind: "[[vary]] keys use it for a condition's treatment" for kind in TREATMENTS},
    "provenance": "results keep their provenance under it",
    "targets": "results keep the table of targets under it",
    "statistics": "results keep the comparisons of a cohort under it",
    "variance": "results keep the variances of a cohort under it",
    "power": "results keep power curves under it",
    "predictions": "results keep what hypotheses predict under it",
    "deciding": "results keep what tells hypotheses apart under it",
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


class Study:
    """Every case in every experiment, over a grid of variations.

    ``vary`` maps a key to its values (in the declared unit, or as text with a unit): a parameter (``"TRPM3.n_t3"``), a
    field of an experiment (``"imaging.pregs"``) or of a treatment (``"incubation.ntx"``). Several keys make a product grid;
    an experiment is not repeated for the keys of another one.
    A varied parameter is set on the cell before its resting constants are solved, as if it had been in its description.

    With a ``cohort`` every case is recorded in many cells of many donors. ``seed`` names the random numbers of instruments and channels in a study without
    one. ``keep`` names the recorded quantities whose traces the results keep (None: all); features are read from all of them either way. ``only`` names, by
    experiment, the cases that it is done on (by default all).
    """

    def __init__(
        self,
        cases: Case | Cell | Sequence[Case | Cell],
        experiments: Experiment | Mapping[str, Experiment],
        *,
        vary: Mapping[str, Any] | None = None,
        solver: Solver | None = None,
        title: str = "",
        cohort: Cohort | None = None,
        seed: int = 0,
        keep: Sequence[str] | None = None,
        only: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        many = cases if isinstance(cases, Sequence) else [cases]
        self.cases = tuple(_case(c) for c in many)
        self.experiments = _experiments(experiments)
        self.solver = solver or Solver()
        self.title = _titled(title)
        self.cohort = cohort
        self.seed = checked_seed(seed)
        self.keep = None if keep is None else _kept(keep, self.experiments)
        self._check_names()
        self.only = {name: self._chosen_cases(name, names) for name, names in (only or {}).items()}
        if cohort is not None:
            cohort.check(self.groups)
        bare = next((case for case in self.cases if not case.cell.composition.schemes), None)
        if self._channels != "mean" and bare is not None:
            raise ParameterError(f"got {self._channels} channels; the cell of case {bare.name!r} has no channels that can be counted", name="channels")
        if self._channels == "stochastic" and self.solver.error_bars:
            raise ParameterError("got error bars for stochastic channels, whose repetition is another chance; switch error_bars off", name="error_bars")
        if self._channels == "stochastic" and self.solver.method in SCIPY_METHODS:
            said = f"got method {self.solver.method!r} for stochastic channels; only the compiled ones draw them: {', '.join(map(repr, COMPILED_METHODS))}"
            raise ParameterError(said, name="method")
        self.vary = {key: self._axis(key, values) for key, values in (vary or {}).items()}
        given = {} if cohort is None else {key: donor for named in cohort.table.values() for donor, values in named.items() for key in values}
        both = next((key for key in self.vary if key in given), None)
        if both is not None:
            said = f"got a variation of {both!r}, for which the donor {given[both]!r} has a value in the cohort's table; vary it or give it, not both"
            raise ParameterError(said, name=both)
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

    def _chosen_cases(self, experiment: str, names: Any) -> tuple[str, ...]:
        if experiment not in self.experiments:
            raise ParameterError(f"got only = {{{experiment!r}: ...}}; the experiments are {', '.join(map(repr, self.experiments))}", name="only")
        known = [case.name for case in self.cases]
        unknown = [name for name in names if name not in known] if not isinstance(names, str) else [names]
        if unknown or not names:
            what = repr(unknown[0]) if unknown else "no case"
            raise ParameterError(f"got {what} for the experiment {experiment!r}; expected a list out of {', '.join(map(repr, known))}", name="only")
        return tuple(names)

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
        owners: dict[str, list[Any]] = {name: [experiment] for name, experiment in self.experiments.items()}
        for kind in TREATMENTS:
            owners[kind] = [c.treatment for c in self.cases if name_of(c.treatment) == kind]
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
        """The experiment or treatment that a varied key belongs to; None for a parameter of the cell."""
        owner = key.partition(".")[0]
        if owner in TREATMENTS:
            return TREATMENTS[owner]
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

    def points(self, experiment: str, case: Case | None = None) -> list[dict[str, float]]:
        """The grid as one experiment sees it: without the keys of other experiments.

        For a case, keys of a treatment that it does not have are NaN: nothing of it varies with them, and it is recorded once.
        """
        others = {key for key in self.vary if key.partition(".")[0] in self.experiments and key.partition(".")[0] != experiment}
        foreign = set() if case is None else {key for key in self.vary if key.partition(".")[0] in set(TREATMENTS) - {name_of(case.treatment)}}
        mine = [{key: math.nan if key in foreign else value for key, value in point.items() if key not in others} for point in self.grid]
        return list({tuple(map(repr, point.values())): point for point in mine}.values())

    def cases_of(self, experiment: str) -> tuple[Case, ...]:
        """The cases that an experiment is done on."""
        names = self.only.get(experiment)
        return self.cases if names is None else tuple(case for case in self.cases if case.name in names)

    @property
    def groups(self) -> dict[str, list[Cell]]:
        """The cells of the cases of every group of donors."""
        found: dict[str, list[Cell]] = {}
        for case in self.cases:
            found.setdefault(case.donors, []).append(case.cell)
        return found

    def runs(self) -> Iterator[Run]:
        """Every run: experiments, then cases, then the grid, then donors and their cells."""
        made: dict[tuple[Any, ...], tuple[Cell, dict[str, Any], str]] = {}
        for name, experiment in self.experiments.items():
            for case in self.cases_of(name):
                for point in self.points(name, case):
                    setup = replace(experiment, **_own(point, name))
                    kind = name_of(case.treatment)
                    treatment = None if case.treatment is None else _changed(case.treatment, _own(point, kind))
                    changed = {key: value for key, value in point.items() if self.record_of(key) is None}
                    for member, cell, content, failure in self._cells(name, case, changed, made):
                        labels, chance = self._named(name, case, setup, member)
                        yield Run(name, case.name, cell, setup, treatment, point, self.solver, content, failure, labels, chance, self._channels)

    def _cells(
        self, experiment: str, case: Case, changed: dict[str, float], made: dict[tuple[Any, ...], tuple[Cell, dict[str, Any], str]]
    ) -> Iterator[tuple[Member | None, Cell, dict[str, Any], str]]:
        """The cells of a case at one point of the grid: the one of its description, or those of its donors."""
        if self.cohort is None:
            key = (case.name, tuple(changed.values()))
            if key not in made:
                cell, failure = _with_parameters(case.cell, changed)
                made[key] = (cell, cell_content(cell), failure)
            yield (None, *made[key])
            return
        base, unfit = case.cell, ""
        try:
            base = case.cell.set(changed) if changed else case.cell
        except ParameterError as error:
            unfit = str(error)
        for member in self.cohort.members(case.donors, base, case.name, experiment):
            asked = {**changed, **member.changed}
            cell, failure = (base, unfit) if unfit else _with_parameters(case.cell, asked, constants=self.cohort.constants)
            cell = cell if failure else replace(cell, state=cell.initial_state())  # found once: a rest costs more than a recording
            yield member, cell, cell_content(cell), failure

    @property
    def _channels(self) -> str:
        return "mean" if self.cohort is None else self.cohort.channels

    def _named(self, experiment: str, case: Case, setup: Experiment, member: Member | None) -> tuple[dict[str, str | float], tuple[str | int, ...]]:
        """Labels of a run, and the name of its random numbers if it has any."""
        drawn = self._channels != "mean" or setup.instrument is not None
        if member is None or self.cohort is None:
            return {}, ((self.seed, experiment, case.name) if drawn else ())
        labels = {"group": member.group, "donor": member.donor, "cell": float(member.cell), **member.labels}
        return labels, ((self.cohort.seed, member.group, member.donor, case.name, experiment, member.cell) if drawn else ())

    def notes(self, experiment: str) -> tuple[str, ...]:
        """Remarks on the cells, their treatments and the cohort that go with the results of an experiment."""
        cases = self.cases_of(experiment)
        said = [note for case in cases if (note := temperature_note(case.cell))]
        if "temperature" in self.vary:
            said += [note for value in self.vary["temperature"] if (note := temperature_note(self.cases[0].cell, value))]
        for case in cases:
            varied = [key for key in self.vary if key.partition(".")[0] == name_of(case.treatment)] if case.treatment is not None else []
            but = f" (before {', '.join(varied)} {'is' if len(varied) == 1 else 'are'} varied)" if varied else ""
            said += [f"{case.name}: {note}{but}" for note in (case.treatment.notes() if case.treatment is not None else ())]
        if self.cohort is not None:
            said.append("the spread between donors and between cells of the cohort is assumed (A): no such variance is published for these cells")
        return tuple(dict.fromkeys(said))

    def __len__(self) -> int:
        def cells(case: Case) -> int:
            return 1 if self.cohort is None else len(self.cohort.donors_of(case.donors)) * self.cohort.cells

        return sum(cells(case) * len(self.points(name, case)) for name in self.experiments for case in self.cases_of(name))

    def __repr__(self) -> str:
        lines = [f"Study {self.title!r}: {len(self)} runs" if self.title else f"Study: {len(self)} runs"]
        for case in self.cases:
            lines.append(f"  case        {case.name}{_treated(case)}")
        lines += [f"  experiment  {name} ({experiment.kind})" for name, experiment in self.experiments.items()]
        lines += [f"  vary        {key}: {len(v)} values, {v[0]:g} to {v[-1]:g} {self.unit_of(key)}" for key, v in self.vary.items()]
        return "\n".join(lines if self.cohort is None else [*lines, repr(self.cohort)])


def _treated(case: Case) -> str:
    if case.treatment is None:
        return ""
    lasting = getattr(case.treatment, "duration", None)
    return f", {name_of(case.treatment).replace('_', ' ')}" + ("" if lasting is None else f" of {lasting:g} h")


def _kept(keep: Any, experiments: Mapping[str, Experiment]) -> tuple[str, ...]:
    """Names of quantities whose traces are kept; each is recorded by some experiment."""
    if isinstance(keep, str) or not isinstance(keep, Iterable) or not all(isinstance(name, str) for name in keep):
        raise ParameterError(f"got keep = {keep!r}; expected a list of recorded quantities, or None for all", name="keep")
    known = {name for experiment in experiments.values() for name in experiment.record}
    unknown = [name for name in keep if name not in known]
    if unknown:
        raise ParameterError(f"got {unknown[0]!r} among the traces to keep; the experiments record {', '.join(sorted(known))}", name="keep")
    return tuple(keep)


def _titled(title: Any) -> str:
    """A title that tables, figures and result files can hold."""
    if not isinstance(title, str) or not title.isprintable():
        raise ParameterError(f"got title = {title!r}; expected one line of text without control characters", name="title")
    return title


def _case(given: Any) -> Case:
    if isinstance(given, Case):
        return given
    if isinstance(given, Cell):
        return Case(given.name, given)
    raise ParameterError(f"got {given!r} among the cases of a study; expected cells or Case(name, cell, treatment)", name="cases")


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


def _with_parameters(cell: Cell, changed: Mapping[str, float], *, constants: str = "recalibrated") -> tuple[Cell, str]:
    """The cell as if it had been described with these values: its resting constants follow, except those that were given or are "kept".

    A point of a grid or a draw that has no rest is data like any other: the cell comes back as it is, with the reason.
    """
    if not changed:
        return cell, ""
    try:
        new = cell.set(changed)
    except ParameterError as error:
        return cell, str(error)
    if new.calibrated_for is None or constants == "kept":
        return replace(new, state=None) if constants == "kept" else new, ""
    try:
        return new.recalibrated().set({k: v for k, v in changed.items() if cell.composition.parameters[k].balance}), ""
    except (UnreachableRestError, SteadyStateError) as error:
        return replace(new, state=cell.initial_state()), str(error)


def _changed(treatment: Treatment, fields: dict[str, Any]) -> Treatment:
    return replace(treatment, **fields)  # type: ignore[type-var]


def _own(point: Mapping[str, float], owner: str) -> dict[str, Any]:
    """The part of a grid point that belongs to an experiment (or a treatment), by field name."""
    return {key.partition(".")[2]: value for key, value in point.items() if key.partition(".")[0] == owner and not math.isnan(value)}
