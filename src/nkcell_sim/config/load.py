"""From the text of a configuration to a study, checking one thing after another; every error shows its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError

from ..analysis.tables import Asked
from ..errors import ConfigError, NkcellError
from ..executors import Executor, Threads
from ..experiments import EXPERIMENTS, INSTRUMENTS, TREATMENTS
from ..experiments.base import Experiment
from ..experiments.fields import LabRecord
from ..experiments.treatment import Treatment
from ..model.cell import Cell
from ..study import Case, Cohort, Study
from ..study.design import RESERVED, name_problem
from . import build
from .cohorts import CohortSection, cohort_of, resolved_cohort
from .designs import Designer, input_problem, resolved_design
from .execution import ExecutionSection, executor_from
from .locate import Path
from .questions import PowerSection, StatisticsSection, power_of, resolved_questions, statistics_of
from .sections import (
    ONLY,
    TREATMENT_KEYS,
    ConditionSection,
    File,
    Section,
    SolverKeys,
    experiment_section,
    key_of,
    lab_text,
    quantity_problem,
    record_section,
    solver_section,
)
from .source import Source, read_source
from .toml_text import toml_text
from .words import expectation, near_miss, owner_of, reworded

_QUESTIONS: dict[str, type[BaseModel]] = {"statistics": StatisticsSection, "power": PowerSection}

# Sections that may be given several times.
_ARRAYS = (("condition",), ("vary",), ("point",), ("cohort", "spread"), ("cohort", "correlation"), ("cohort", "donor"), ("statistics", "compare"))
# Where the options of a study stand that its own errors name.
_KEYS_OF_STUDY: dict[str, Path] = {
    "keep": ("results", "keep"),
    "title": ("title",),
    "channels": ("cohort", "channels"),
    "error_bars": ("solver", "error_bars"),
    "method": ("solver", "method"),
}


@dataclass(frozen=True)
class Config:
    """A checked configuration: the study it describes, what to report, and its resolved text."""

    title: str
    study: Study
    asked: Asked
    resolved: str
    name: str = ""
    executor: Executor = field(default_factory=Threads)  # where it says that its runs are done


def load_config(path: str | FilePath, overrides: Sequence[str] = ()) -> Config:
    """Read, check and resolve a configuration file; raises :class:`ConfigError`."""
    return _Loader(read_source(path, overrides)).config()


def parse_config(text: str, name: str = "configuration", overrides: Sequence[str] = ()) -> Config:
    """Check and resolve the text of a configuration."""
    source = Source(text, name)
    source.override(overrides)
    return _Loader(source).config()


class _Loader:
    """One pass over a source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.cells: dict[tuple[str, bool, str], Cell] = {}

    def config(self) -> Config:
        self._shape()
        file = self._validate(File, self.source.data, ())
        experiments = {name: self._experiment(name, data) for name, data in file.experiment.items()}
        solver = self._record(SolverKeys, solver_section(), file.solver, ("solver",)).solver()
        conditions = file.condition or [ConditionSection(name="healthy")]
        self._unique(conditions)
        base = self._base_cell(file)
        cases = [self._case(base, file.cell.off, condition, i) for i, condition in enumerate(conditions)]
        self._check_drugs(cases, experiments)
        designer = Designer(file, cases, experiments, self.source)
        design = designer.design()
        cohort = self._cohort(file, cases)
        only = {name: self._only(name, data[ONLY], conditions) for name, data in file.experiment.items() if ONLY in data}
        try:
            study = Study(cases, experiments, design=design, solver=solver, title=file.title, cohort=cohort, seed=file.seed, keep=file.results.keep, only=only)
        except NkcellError as error:
            named: Path | None = _KEYS_OF_STUDY.get(getattr(error, "name", ""))
            if named is not None:
                raise self.source.error(named, str(error)) from error
            if getattr(error, "name", "") in design.keys:
                path, at_key = designer.place(str(getattr(error, "name", "")))
                raise self.source.error(path, str(error), at_key=at_key) from error
            raise ConfigError(str(error), path=self.source.name) from error
        asked = {name: None if (data := getattr(file, name)) is None else self._validate(kind, data, (name,)) for name, kind in _QUESTIONS.items()}
        statistics, power = statistics_of(asked["statistics"], study, self.source), power_of(asked["power"], study, self.source)
        resolved = self._resolved(file, conditions, study, resolved_questions(statistics, power, study))
        executor = executor_from(self._validate(ExecutionSection, file.execution, ("execution",)), self.source)
        return Config(file.title, study, Asked(file.report.targets, statistics, power, file.report.deciding), resolved, self.source.name, executor)

    def _shape(self) -> None:
        """Tables written as arrays of tables and the other way round."""
        data = self.source.data
        for path in _ARRAYS:
            value: Any = data
            for part in path:
                value = value.get(part) if isinstance(value, Mapping) else None
            if isinstance(value, Mapping):
                raise self.source.error(path, f"expected an array of tables: write [[{'.'.join(path)}]]", at_key=True)
        for name in ("design", "cohort", "statistics", "power", "results", "execution"):
            if isinstance(data.get(name), list):
                raise self.source.error((name,), f"expected one table: write [{name}]", at_key=True)
        if isinstance(data.get("experiment"), list):
            raise self.source.error(("experiment",), "expected named tables: write [experiment.NAME]", at_key=True)
        for name, value in data.get("experiment", {}).items() if isinstance(data.get("experiment"), Mapping) else ():
            if isinstance(value, list):
                raise self.source.error(("experiment", name), f"expected one table: write [experiment.{name}]", at_key=True)

    # -- sections ---------------------------------------------------------------------------------------------------

    def _validate(self, model: type[Any], data: Any, prefix: Path) -> Any:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            raise self._translated(error, model, prefix) from error

    def _translated(self, error: ValidationError, model: type[BaseModel], prefix: Path) -> ConfigError:
        """The first problem in reading order, in our words."""
        problems = error.errors(include_url=False)
        first = min(problems, key=lambda p: self.source.line_of(prefix + tuple(p["loc"])) or 10**9)
        loc: Path = tuple(first["loc"])
        path = prefix + loc
        if first["type"] == "extra_forbidden":
            return self.source.error(path, f"unknown key {loc[-1]!r}{near_miss(str(loc[-1]), owner_of(loc, model).model_fields)}", at_key=True)
        if first["type"] == "missing":
            return self.source.error(path[:-1], f"missing key {loc[-1]!r}: {expectation(owner_of(loc, model), str(loc[-1]))}", at_key=True)
        if first["type"] == "lab_value":
            return self.source.error(path, first["msg"])
        return self.source.error(path, reworded(first))

    def _record(self, record: type[Any], section: type[Section], data: Any, path: Path) -> Any:
        """Make an experiment, an incubation or the solver from its section."""
        if not isinstance(data, Mapping):
            raise self.source.error(path, f"expected a table, got {data!r}")
        checked = self._validate(section, data, path)
        given = {name: getattr(checked, name) for name in checked.model_fields_set if name != "type"}
        try:
            return record(**given)
        except NkcellError as error:
            name = getattr(error, "name", "")
            raise self.source.error((*path, name) if name in given else path, str(error)) from error

    def _experiment(self, name: str, data: dict[str, Any]) -> Experiment:
        path: Path = ("experiment", name)
        problem = name_problem(name) or ("expected a name without '.' and '/'" if "." in name or "/" in name else "")
        if problem:
            raise self.source.error(path, problem, at_key=True)
        if name in RESERVED:
            raise self.source.error(path, f"the name {name!r} is taken: {RESERVED[name]}", at_key=True)
        kinds = [k for k in EXPERIMENTS if k]
        kind = data.get("type")
        if kind is None:
            raise self.source.error(path, f"missing key 'type': one of {', '.join(map(repr, kinds))}", at_key=True)
        if kind not in EXPERIMENTS:
            raise self.source.error((*path, "type"), f"unknown experiment type{near_miss(str(kind), kinds)}")
        own = {key: value for key, value in data.items() if key not in (*EXPERIMENTS[kind].instruments, ONLY)}
        experiment: Experiment = self._record(EXPERIMENTS[kind], experiment_section(kind), own, path)
        return self._equipped(experiment, data, path)

    def _only(self, experiment: str, given: Any, conditions: Sequence[ConditionSection]) -> list[str]:
        """The conditions that an experiment is done on."""
        path: Path = ("experiment", experiment, ONLY)
        known = [condition.name for condition in conditions]
        if not isinstance(given, list) or not given:
            raise self.source.error(path, "expected a list of names of conditions")
        for i, name in enumerate(given):
            if name not in known:
                raise self.source.error((*path, i), f"there is no condition {name!r}{near_miss(str(name), known)}")
        return given

    def _equipped(self, experiment: Experiment, data: Mapping[str, Any], path: Path) -> Experiment:
        """The experiment with the instrument that a table within its own describes."""
        for key in (k for k in data if k in experiment.instruments):
            section = record_section(INSTRUMENTS[key])
            instrument = self._record(INSTRUMENTS[key], section, data[key], (*path, key))
            try:
                experiment = replace(experiment, instrument=instrument)
            except NkcellError as error:
                name = getattr(error, "name", "")
                raise self.source.error((*path, key, name) if name in data[key] else (*path, key), str(error), at_key=name not in data[key]) from error
        return experiment

    def _unique(self, conditions: Sequence[ConditionSection]) -> None:
        seen: dict[str, int] = {}
        for i, condition in enumerate(conditions):
            path: Path = ("condition", i, "name")
            problem = name_problem(condition.name)
            if problem:
                raise self.source.error(path, problem)
            if condition.name in seen:
                raise self.source.error(path, f"duplicate name: line {seen[condition.name]} has a condition of this name already")
            seen[condition.name] = self.source.line_of(path)

    # -- cells ------------------------------------------------------------------------------------------------------

    def _base_cell(self, file: File) -> Cell:
        """The healthy cell before the conditions differ, its resting constants solved."""
        section = file.cell
        asked = section.model_fields_set
        cell = self._at(("cell", "model"), build.named_cell, section.model)
        cell = self._at(("cell", "parameters"), build.with_parameter_set, cell, section.parameters, asked="parameters" in asked)
        cell = build.with_phenotype(cell, "healthy", asked=False)
        problem = quantity_problem(section.temperature, "degC")
        if problem:
            raise self.source.error(("cell", "temperature"), problem)
        if "temperature" in asked:
            cell = self._at(("cell", "temperature"), cell.at_temperature, section.temperature)
        cell = self._set(cell, section.set, ("cell", "set"))
        suspect = next((key for key in ("set", "temperature", "parameters") if key in asked), "model")
        return self._at(("cell", suspect), build.calibrated, cell)

    def _set(self, cell: Cell, values: Mapping[str, Any], path: Path) -> Cell:
        """Set parameters; ``KCa31.g_max = ...`` may be written with or without quotes around the key."""
        for key, (value, where) in self._flat(values, path).items():
            declared = cell.composition.parameters.get(key)
            if declared is None:
                raise self.source.error(where, f"unknown parameter {key!r}{near_miss(key, cell.composition.parameters)}", at_key=True)
            problem = quantity_problem(value, declared.unit, declared.minimum, declared.maximum)
            if problem:
                raise self.source.error(where, problem)
            cell = self._at(where, cell.set, {key: value})
        return cell

    def _flat(self, values: Mapping[str, Any], path: Path, prefix: str = "") -> dict[str, tuple[Any, Path]]:
        found: dict[str, tuple[Any, Path]] = {}
        for key, value in values.items():
            name, where = prefix + key, (*path, key)
            inner = self._flat(value, where, f"{name}.") if isinstance(value, Mapping) else {name: (value, where)}
            for each, place in inner.items():
                if each in found and place[1] not in self.source.overrides:
                    raise self.source.error(place[1], f"duplicate name: {each!r} is set on line {self.source.line_of(found[each][1])} already", at_key=True)
                found[each] = place
        return found

    def _case(self, base: Cell, off: Sequence[str], condition: ConditionSection, i: int) -> Case:
        path: Path = ("condition", i)
        cell = self._cell_of(base, condition, path)
        for k, name in enumerate(off):
            cell = self._at(("cell", "off", k), cell.without, name)
        cell = self._set(cell, condition.set, (*path, "set"))
        problem = name_problem(condition.group) if condition.group else ""
        if problem:
            raise self.source.error((*path, "group"), problem)
        return Case(condition.name, replace(cell, name=condition.name), self._treatment(condition, path), condition.group)

    def _cell_of(self, base: Cell, condition: ConditionSection, path: Path) -> Cell:
        """The cell of a condition's phenotype and parameter set; its resting constants are solved once for all conditions that share both."""
        asked = "phenotype" in condition.model_fields_set
        kind = (condition.phenotype, asked, condition.parameters)
        if kind not in self.cells:
            cell = self._at((*path, "phenotype"), build.with_phenotype, base, condition.phenotype, asked=asked)
            self.cells[kind] = self._at((*path, "parameters"), cell.with_parameter_set, condition.parameters) if condition.parameters else cell
        return self.cells[kind]

    def _treatment(self, condition: ConditionSection, path: Path) -> Treatment | None:
        """What a condition's cells are treated with: at most one of the keys that describe a treatment."""
        given = {key: data for key in TREATMENT_KEYS if (data := getattr(condition, key)) is not None}
        if len(given) > 1:
            first, second, *_ = given
            raise self.source.error((*path, second), f"this condition has {first!r} already; expected one treatment a condition", at_key=True)
        for key, data in given.items():
            kind = TREATMENTS[TREATMENT_KEYS[key]]
            treatment: Treatment = self._record(kind, record_section(kind), data, (*path, key))
            return treatment
        return None

    def _at(self, path: Path, make: Any, *arguments: Any, **options: Any) -> Any:
        """Call a maker and let its error point at ``path``."""
        try:
            return make(*arguments, **options)
        except NkcellError as error:
            raise self.source.error(path, str(error)) from error

    def _check_drugs(self, cases: Sequence[Case], experiments: Mapping[str, Experiment]) -> None:
        """What experiments and treatments put into the bath, against the bounds that the cell declares for it."""
        for name, experiment in experiments.items():
            self._check_inputs(experiment, cases[0].cell, ("experiment", name))
        for i, case in enumerate(cases):
            if case.treatment is not None:
                self._check_inputs(case.treatment, case.cell, ("condition", i, key_of(case.treatment)))

    def _check_inputs(self, record: LabRecord, cell: Cell, path: Path) -> None:
        for key in record.lab_fields():
            values = getattr(record, key)
            for j, value in enumerate(values if isinstance(values, tuple) else [values]):
                problem = input_problem(record, key, value, cell)
                if problem:
                    where: Path = (*path, key)
                    raise self.source.error((*where, j) if (*where, j) in self.source.places.entries else where, problem)

    def _cohort(self, file: File, cases: Sequence[Case]) -> Cohort | None:
        if file.cohort is None:
            return None
        section = self._validate(CohortSection, file.cohort, ("cohort",))
        groups: dict[str, list[Cell]] = {}
        for case in cases:
            groups.setdefault(case.donors, []).append(case.cell)
        return cohort_of(section, seed=file.seed, groups=groups, source=self.source)

    # -- resolved text ----------------------------------------------------------------------------------------------

    def _resolved(self, file: File, conditions: Sequence[ConditionSection], study: Study, questions: Mapping[str, Any]) -> str:
        """The configuration with every default written out: running it gives the same numbers, whatever defaults become."""
        cell = {**file.cell.model_dump(exclude={"set"}), "set": {k: v for k, (v, _) in self._flat(file.cell.set, ("cell", "set")).items()}}
        rows = []
        for i, (condition, case) in enumerate(zip(conditions, study.cases, strict=True)):
            row: dict[str, Any] = {"name": condition.name, "phenotype": condition.phenotype}
            if condition.parameters:
                row["parameters"] = condition.parameters
            if case.treatment is not None:
                row[key_of(case.treatment)] = _written(case.treatment)
            if case.group:
                row["group"] = case.group
            if condition.set:
                row["set"] = {k: v for k, (v, _) in self._flat(condition.set, ("condition", i, "set")).items()}
            rows.append(row)
        data = {
            "title": file.title,
            "cell": cell,
            "condition": rows,
            "experiment": {n: _experiment_written(e, study.only.get(n)) for n, e in study.experiments.items()},
            **resolved_design(study, file.design),
            "seed": study.seed,
            "cohort": {} if study.cohort is None else resolved_cohort(study.cohort, study.cases[0].cell),
            "results": {} if study.keep is None else {"keep": list(study.keep)},
            "solver": _written(SolverKeys.of(study.solver)),
            **questions,
            "report": file.report.model_dump(),
        }
        return toml_text({k: v for k, v in data.items() if v not in ([], {})})


def _experiment_written(experiment: Experiment, only: Sequence[str] | None) -> dict[str, Any]:
    instrument = experiment.instrument
    seen = {} if instrument is None else {instrument.kind: _written(instrument)}
    return {"type": experiment.kind, **_written(experiment), **({} if only is None else {ONLY: list(only)}), **seen}


def _written(record: LabRecord) -> dict[str, Any]:
    return {name: lab_text(getattr(record, name), field.metadata) for name, field in record.lab_fields().items()}
