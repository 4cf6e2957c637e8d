"""What to run: cases, experiments and a design of points, expanded into run specifications (plain data, stable id)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from ..experiments import TREATMENTS
from ..experiments.base import Experiment
from ..experiments.fields import LabRecord
from ..experiments.treatment import name_of
from ..model.cell import Cell, temperature_note
from ..randomness import checked_seed
from ..solver import COMPILED_METHODS, SCIPY_METHODS, Solver
from .case import Case, name_problem
from .cohort import Cohort, Member
from .designs import Design, Grid
from .plan import Plan
from .points import Distinct, check_fields, distinct_rows
from .spans import linspan, logspan
from .specification import Run

__all__ = ["RESERVED", "Study", "linspan", "logspan"]
FEW = 16  # different temperatures that are noted one by one

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


class Study:
    """Every case in every experiment, at every point of a design.

    ``vary`` maps a key to its values (in the declared unit, or as text with a unit): a parameter (``"TRPM3.n_t3"``), a
    field of an experiment (``"imaging.pregs"``) or of a treatment (``"incubation.ntx"``). Several keys make a product grid;
    ``design`` takes any other design instead: ``Zip``, ``Listed``, ``Table``, ``LatinHypercube``, ``Sobol``, ``Halton``, ``MonteCarlo``.
    An experiment is not repeated for the keys of another one.
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
        design: Design | None = None,
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
        if self.channels != "mean" and bare is not None:
            raise ParameterError(f"got {self.channels} channels; the cell of case {bare.name!r} has no channels that can be counted", name="channels")
        if self.channels == "stochastic" and self.solver.error_bars:
            raise ParameterError("got error bars for stochastic channels, whose repetition is another chance; switch error_bars off", name="error_bars")
        if self.channels == "stochastic" and self.solver.method in SCIPY_METHODS:
            said = f"got method {self.solver.method!r} for stochastic channels; only the compiled ones draw them: {', '.join(map(repr, COMPILED_METHODS))}"
            raise ParameterError(said, name="method")
        self.design = _designed(vary, design).bound(self.unit_of)
        self._tables: dict[tuple[bool, ...], NDArray[np.float64]] = {}
        given = {} if cohort is None else {key: donor for named in cohort.table.values() for donor, values in named.items() for key in values}
        both = next((key for key in self.design.keys if key in given), None)
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

    def _check_points(self) -> None:
        """Every varied value has to fit its experiment, or no run would start; a parameter out of range costs its own runs only."""
        owners: dict[str, list[Any]] = {name: [experiment] for name, experiment in self.experiments.items()}
        for kind in TREATMENTS:
            owners[kind] = [c.treatment for c in self.cases if name_of(c.treatment) == kind]
        for owner, records in owners.items():
            columns = [j for j, key in enumerate(self.design.keys) if key.partition(".")[0] == owner]
            if columns and records:
                check_fields([self.design.keys[j] for j in columns], self.design.table[:, columns], records)

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

    @property
    def vary(self) -> Mapping[str, Sequence[float]]:
        """Every varied key with its different values in the declared unit: of a grid as they were given, of other designs in ascending order."""
        return Distinct(self.design)

    @property
    def grid(self) -> list[dict[str, float]]:
        """Every point of the design, whole, as dictionaries; NaN: as in the base case. Large designs are better read as ``study.design.table``."""
        return [dict(zip(self.design.keys, row, strict=True)) for row in self.design.table.tolist()]

    def points_table(self, experiment: str, case: Case | None = None) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """The points as one experiment sees them: its keys, and values (n, k) in declared units, each point once, in the order of the design.

        Keys of other experiments are left out. NaN means: as in the base case. For a case, keys of a treatment that it does not have are NaN: nothing of it
        varies with them, and it is recorded once. The values are shared, and not to be written to.
        """
        owners = [key.partition(".")[0] for key in self.design.keys]
        mine = [owner not in self.experiments or owner == experiment for owner in owners]
        absent = set() if case is None else set(TREATMENTS) - {name_of(case.treatment)}
        foreign = [owner in absent for owner in owners]
        keys = tuple(key for key, kept in zip(self.design.keys, mine, strict=True) if kept)
        asked = (*mine, *foreign)
        if asked not in self._tables:
            table = self.design.table
            if not all(mine) or any(foreign):
                table = np.where(np.array(foreign, bool), np.nan, table)[:, np.array(mine, bool)]
            self._tables[asked] = distinct_rows(table)
        return keys, self._tables[asked]

    def points(self, experiment: str, case: Case | None = None) -> list[dict[str, float]]:
        """The points of :meth:`points_table` as dictionaries, for small designs."""
        keys, values = self.points_table(experiment, case)
        return [dict(zip(keys, row, strict=True)) for row in values.tolist()]

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
        """Every run: experiments, then cases, then the points of the design, then donors and their cells."""
        return iter(Plan(self))

    @property
    def channels(self) -> str:
        """How TRPM3 channels are counted: "mean", "counted" or "stochastic"."""
        return "mean" if self.cohort is None else self.cohort.channels

    def named(self, experiment: str, case: Case, setup: Experiment, member: Member | None) -> tuple[dict[str, str | float], tuple[str | int, ...]]:
        """Labels of a run, and the name of its random numbers if it has any."""
        drawn = self.channels != "mean" or setup.instrument is not None
        if member is None or self.cohort is None:
            return {}, ((self.seed, experiment, case.name) if drawn else ())
        labels = {"group": member.group, "donor": member.donor, "cell": float(member.cell), **member.labels}
        return labels, ((self.cohort.seed, member.group, member.donor, case.name, experiment, member.cell) if drawn else ())

    def notes(self, experiment: str) -> tuple[str, ...]:
        """Remarks on the cells, their treatments and the cohort that go with the results of an experiment."""
        cases = self.cases_of(experiment)
        said = [note for case in cases if (note := temperature_note(case.cell))]
        if "temperature" in self.design.keys:
            values = self.design.distinct("temperature").tolist()
            noted = values if len(values) <= FEW else [min(values), max(values)]
            said += [note for value in noted if (note := temperature_note(self.cases[0].cell, value))]
        for case in cases:
            varied = [key for key in self.design.keys if key.partition(".")[0] == name_of(case.treatment)] if case.treatment is not None else []
            but = f" (before {', '.join(varied)} {'is' if len(varied) == 1 else 'are'} varied)" if varied else ""
            said += [f"{case.name}: {note}{but}" for note in (case.treatment.notes() if case.treatment is not None else ())]
        if self.cohort is not None:
            said.append("the spread between donors and between cells of the cohort is assumed (A): no such variance is published for these cells")
        return tuple(dict.fromkeys(said))

    def __len__(self) -> int:
        return len(Plan(self))

    def __getstate__(self) -> dict[str, Any]:
        """What makes the study again; tables of points are made where they are needed."""
        return {**self.__dict__, "_tables": {}}

    def __repr__(self) -> str:
        lines = [f"Study {self.title!r}: {len(self)} runs" if self.title else f"Study: {len(self)} runs"]
        for case in self.cases:
            lines.append(f"  case        {case.name}{_treated(case)}")
        lines += [f"  experiment  {name} ({experiment.kind})" for name, experiment in self.experiments.items()]
        lines += [f"  {'vary' if i else 'design':<12}{said}" for i, said in enumerate(self.design.described(self.unit_of))] if self.design.keys else []
        return "\n".join(lines if self.cohort is None else [*lines, repr(self.cohort)])


def _designed(vary: Any, design: Any) -> Design:
    """The design of a study; values by key are a grid."""
    if vary is not None and design is not None:
        raise ParameterError("got vary and design; vary = {...} is short for design = Grid({...}), give one of them", name="design")
    if design is not None and not isinstance(design, Design):
        raise ParameterError(f"got design = {design!r:.60}; expected a design such as Sobol({{...}}, samples=64), or vary = {{...}} for a grid", name="design")
    return design if design is not None else Grid(vary or {})


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
