"""The sections [design], [[vary]] and [[point]] of a configuration: what is varied, and which points the varied keys take together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from ..errors import NkcellError
from ..experiments import TREATMENTS
from ..experiments.base import Experiment
from ..experiments.fields import LabRecord
from ..experiments.treatment import name_of
from ..model.cell import Cell
from ..study import Case, Design, Distribution, Grid, Listed, SampledDesign, Study, Table, Zip, linspan, logspan
from ..study.distributions import DISTRIBUTIONS
from ..study.sampled_designs import SAMPLED
from ..units import parse
from .locate import Path, flat
from .sections import TREATMENT_KEYS, DesignSection, File, VarySection, quantity_problem, with_unit
from .source import Source
from .tables import found_table, kept_name
from .words import near_miss

MOST_INLINED = 1000  # rows of a table that the resolved text repeats; beyond, it names the file and its digest
_QUANTITIES = ("low", "high", "mean", "sd", "median", "cv", "sigma", "mode")
Declared = tuple[str, float | None, float | None]  # unit, smallest and largest value


class Designer:
    """Makes the design of a file; an error shows its line."""

    def __init__(self, file: File, cases: Sequence[Case], experiments: Mapping[str, Experiment], source: Source) -> None:
        self.section: DesignSection = file.design
        self.vary, self.points, self.seed = file.vary, file.point, file.seed
        self.cases, self.experiments, self.source = cases, experiments, source

    def design(self) -> Design:
        """The design, with every value checked and in its declared unit."""
        self._check_parts()
        for i, section in enumerate(self.vary):
            if any(section.key == other.key for other in self.vary[:i]):
                raise self.source.error(("vary", i, "key"), "duplicate name: this key is varied above already")
        kind = self.section.kind
        if kind in SAMPLED:
            made: Design = self._sampled()
        elif kind == "list":
            made = self._listed()
        elif kind == "table":
            made = self._table()
        else:
            values = {section.key: self._axis(section, ("vary", i)) for i, section in enumerate(self.vary)}
            made = Grid(values) if kind == "grid" else self._made(Zip, values)
        made = self._made(made.bound, lambda key: self._declared(self.place(key)[0], key)[0])
        self._check_inputs(made)
        return made

    def place(self, name: str) -> tuple[Path, bool]:
        """Where in the file a key or an option of the design stands that an error names, and whether it is a key there."""
        position = next((i for i, section in enumerate(self.vary) if section.key == name), None)
        if position is not None:
            return ("vary", position), True
        for i, point in enumerate(self.points):
            for key, _, where in flat(point.set, ("point", i, "set")):
                if key == name:
                    return where, True
        if self.section.table:
            return ("design", "table"), False
        return (("design", name), False) if name in DesignSection.model_fields and name in self.section.model_fields_set else (("design",), True)

    def _made(self, make: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return make(*arguments, **options)
        except NkcellError as error:
            path, at_key = self.place(str(getattr(error, "name", "")))
            raise self.source.error(path, str(error), at_key=at_key) from error

    def _check_parts(self) -> None:
        """Each kind of design has its own parts; one that it has no use for would be overlooked."""
        section, kind = self.section, self.section.kind
        given = section.model_fields_set
        for name, kinds in {"samples": tuple(SAMPLED), "seed": tuple(SAMPLED), "table": ("table",), "sha256": ("table",), "keys": ("list",)}.items():
            if name in given and kind not in kinds:
                raise self.source.error(("design", name), f"a design of kind {kind!r} has no {name!r}; it belongs to {_or(kinds)}", at_key=True)
        if self.points and kind != "list":
            raise self.source.error(("point", 0), f'a design of kind {kind!r} has no [[point]] tables; write [design] kind = "list"', at_key=True)
        if self.vary and kind in ("list", "table"):
            raise self.source.error(("vary", 0), f"a design of kind {kind!r} has no [[vary]] tables; its keys stand in the {_WHERE[kind]}", at_key=True)
        missing = {"list": not self.points, "table": not section.table}.get(kind, kind != "grid" and not self.vary)
        if missing:
            raise self.source.error(("design",), f"a design of kind {kind!r} needs {_NEEDS.get(kind, '[[vary]] tables')}", at_key=True)
        if kind in SAMPLED and section.samples is None:
            raise self.source.error(("design",), f"missing key 'samples': {DesignSection.model_fields['samples'].description}", at_key=True)

    # -- what is varied ---------------------------------------------------------------------------------------------

    def _declared(self, path: Path, key: str) -> Declared:
        """Unit and bounds of a varied key."""
        owner, _, name = key.partition(".")
        record: type[LabRecord] | None = TREATMENTS.get(owner) or (type(self.experiments[owner]) if owner in self.experiments else None)
        if record is not None:
            known = {n: f.metadata for n, f in record.lab_fields().items() if f.metadata["kind"] in ("quantity", "list", "number")}
            if name not in known:
                raise self.source.error(path, f"{owner!r} has no numeric field {name!r}{near_miss(name, known)}")
            if owner in TREATMENTS and all(name_of(case.treatment) != owner for case in self.cases):
                word = next(k for k, name in TREATMENT_KEYS.items() if name == owner)
                raise self.source.error(path, f"no condition has {word!r}; give one `{word} = {{ ... }}`")
            return known[name]["unit"], known[name]["minimum"], known[name]["maximum"]
        parameters = self.cases[0].cell.composition.parameters
        if key not in parameters:
            records: list[tuple[str, Any]] = [*self.experiments.items(), *TREATMENTS.items()]
            everything = [*parameters, *(f"{e}.{f}" for e, x in records for f in x.lab_fields())]
            raise self.source.error(path, f"unknown key {key!r}{near_miss(key, everything)}")
        return parameters[key].unit, parameters[key].minimum, parameters[key].maximum

    def _number(self, value: Any, path: Path, key: str, declared: Declared) -> float:
        unit, low, high = declared
        problem = quantity_problem(value, unit, low, high)
        if not problem:
            problem = self._input_problem(key, parse(value, unit))
        if problem:
            raise self.source.error(path, problem)
        return parse(value, unit)

    def _input_problem(self, key: str, value: float) -> str:
        """What is wrong with a concentration that a varied field puts into the bath."""
        owner, _, field = key.partition(".")
        record = self.experiments.get(owner) or next((c.treatment for c in self.cases if name_of(c.treatment) == owner), None)
        return input_problem(record, field, value, self.cases[0].cell)

    def _check_inputs(self, design: Design) -> None:
        """Smallest and largest concentration of every field, whatever distribution or table they come from."""
        for j, key in enumerate(design.keys):
            known = design.table[:, j][np.isfinite(design.table[:, j])]
            for value in (known.min(), known.max()) if len(known) else ():
                problem = self._input_problem(key, float(value))
                if problem:
                    path, at_key = self.place(key)
                    raise self.source.error(path, f"{key} reaches {value:.6g}: {problem}", at_key=at_key)

    def _axis(self, section: VarySection, path: Path) -> list[float]:
        """The values of an axis in the declared unit."""
        declared = self._declared((*path, "key"), section.key)
        drawn = next((name for name in ("distribution", *_QUANTITIES) if getattr(section, name) is not None), None)
        if drawn is not None:
            said = f'a design of kind {self.section.kind!r} takes values, not distributions; write [design] kind = "sobol" and its samples'
            raise self.source.error((*path, drawn), said, at_key=True)
        if section.values is not None:
            if not section.values:
                raise self.source.error((*path, "values"), "expected at least one value")
            found: list[float] = []
            for j, v in enumerate(section.values):
                number = self._number(v, (*path, "values", j), section.key, declared)
                if number in found and self.section.kind == "grid":
                    raise self.source.error((*path, "values", j), "this value is given above already; expected each value once")
                found.append(number)
            return found
        if section.start is None or section.stop is None or section.points is None:
            raise self.source.error(path, "missing key 'values' (or 'start', 'stop' and 'points')", at_key=True)
        start = self._number(section.start, (*path, "start"), section.key, declared)
        stop = self._number(section.stop, (*path, "stop"), section.key, declared)
        if section.spacing == "log" and min(start, stop) <= 0.0:
            raise self.source.error((*path, "start" if start <= 0 else "stop"), 'expected a value above 0 (or spacing = "linear")')
        return [float(v) for v in (logspan if section.spacing == "log" else linspan)(start, stop, section.points)]

    # -- samples ----------------------------------------------------------------------------------------------------

    def _sampled(self) -> SampledDesign:
        drawn = {section.key: self._distribution(section, ("vary", i)) for i, section in enumerate(self.vary)}
        seed = self.seed if self.section.seed is None else self.section.seed
        made: SampledDesign = self._made(SAMPLED[self.section.kind], drawn, samples=self.section.samples, seed=seed)
        return made

    def _distribution(self, section: VarySection, path: Path) -> Distribution:
        """The distribution of one key, its quantities checked one by one and together."""
        declared = self._declared((*path, "key"), section.key)
        if section.distribution is None:
            said = f"missing key 'distribution': one of {', '.join(map(repr, DISTRIBUTIONS))}"
            raise self.source.error(path, said, at_key=True)
        kind = DISTRIBUTIONS[section.distribution]
        known = [f.name for f in fields(kind)]
        given = {name: v for name in (*_QUANTITIES, "values", "start", "stop", "points") if (v := getattr(section, name)) is not None}
        strange = next((name for name in given if name not in known), None)
        if strange is not None:
            raise self.source.error((*path, strange), f"a {section.distribution} distribution has no {strange!r}; it has {', '.join(known)}", at_key=True)
        missing = next((f.name for f in fields(kind) if f.default is MISSING and f.name not in given), None)
        if missing is not None:
            said = f"missing key {missing!r}: {VarySection.model_fields[missing].description}"
            raise self.source.error(path, said, at_key=True)
        numbers = {name: self._quantity(kind, name, value, (*path, name), section.key, declared) for name, value in given.items()}
        try:
            return kind(**numbers).bound(declared[0])
        except NkcellError as error:
            name = getattr(error, "name", "")
            raise self.source.error((*path, name) if name in given else path, str(error), at_key=name not in given) from error

    def _quantity(self, kind: type[Distribution], name: str, value: Any, path: Path, key: str, declared: Declared) -> Any:
        if name == "values":
            return [self._number(v, (*path, j), key, declared) for j, v in enumerate(value)]
        if name in kind.ratios or name in kind.differences:
            problem = quantity_problem(value, "1" if name in kind.ratios else declared[0])
            if problem:
                raise self.source.error(path, problem)
            return value
        return self._number(value, path, key, declared)

    # -- points one by one ------------------------------------------------------------------------------------------

    def _listed(self) -> Listed:
        points = []
        for i, section in enumerate(self.points):
            point: dict[str, float] = {}
            for key, value, where in flat(section.set, ("point", i, "set")):
                if key in point:
                    raise self.source.error(where, f"duplicate name: {key!r} is set in this point already", at_key=True)
                point[key] = self._number(value, where, key, self._declared(where, key))
            points.append(point)
        for j, key in enumerate(self.section.keys):
            self._declared(("design", "keys", j), key)
        made: Listed = self._made(Listed, points, self.section.keys)
        return made

    def _table(self) -> Table:
        path: Path = ("design", "table")
        file = self._made(found_table, self.source.name, self.section.table, self.section.sha256)
        made: Table = self._made(Table, file)
        if self.section.sha256 and self.section.sha256 != made.sha256:
            said = f"this table has changed: its SHA-256 begins with {made.sha256[:12]}, the one asked for with {self.section.sha256[:12]}"
            raise self.source.error(path, f"{said}; bring the file back, or leave out sha256 to use it as it is")
        return made


_WHERE = {"list": "[[point]] tables", "table": "header of the table"}
_NEEDS = {"list": "[[point]] tables, each with set = { ... }", "table": 'a file: table = "points.csv"'}


def _or(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(map(repr, words[:-1])), repr(words[-1])]))


# -- resolved text --------------------------------------------------------------------------------------------------


def resolved_design(study: Study, section: DesignSection) -> dict[str, Any]:
    """The sections that make the design of a study again, in declared units to the last bit."""
    design = study.design
    if isinstance(design, Grid | Zip):
        found: dict[str, Any] = {"vary": [{"key": k, "values": [with_unit(v, study.unit_of(k)) for v in values]} for k, values in design.values.items()]}
        return found if isinstance(design, Grid) else {"design": {"kind": design.kind}, **found}
    if isinstance(design, SampledDesign):
        rows = [{"key": key, "distribution": each.kind, **_resolved_quantities(each, study.unit_of(key))} for key, each in design.distributions.items()]
        return {"design": {"kind": design.kind, "samples": design.samples, "seed": design.seed}, "vary": rows}
    if isinstance(design, Table) and len(design) > MOST_INLINED:
        return {"design": {"kind": design.kind, "table": kept_name(section.table), "sha256": design.sha256}}
    units = [study.unit_of(key) for key in design.keys]
    points = [{k: with_unit(v, u) for k, v, u in zip(design.keys, row, units, strict=True) if v == v} for row in design.table.tolist()]
    order = tuple(dict.fromkeys(key for point in points for key in point))
    keys = {} if order == design.keys else {"keys": list(design.keys)}
    return {"design": {"kind": Listed.kind, **keys}, "point": [{"set": point} for point in points]}


def _resolved_quantities(distribution: Distribution, unit: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in distribution.quantities().items():
        own = "1" if name in distribution.ratios else unit
        # a width in degC would be read as one in K, of which it is the same number
        own = "K" if name in distribution.differences and own in ("degC", "°C") else own
        found[name] = [with_unit(v, own) for v in value] if isinstance(value, tuple) else with_unit(value, own)
    return found


# -- concentrations -------------------------------------------------------------------------------------------------

# Inputs of the cell that fields of experiments set, where the names differ.
_INPUT_OF = {"acute_ntx": "ntx", "calcium": "ca_out", "nominal_zero": "ca_out"}


def input_problem(record: LabRecord | None, field: str, value: Any, cell: Cell) -> str:
    """What is wrong with a concentration that an experiment puts into the bath; empty when the cell takes it."""
    if record is None or isinstance(value, bool | str):
        return ""
    name = getattr(record, "agonist", "") if field == "agonist_concentration" else _INPUT_OF.get(field, field)
    declared = cell.composition.inputs.get(name)
    if declared is None:
        return ""
    unit = record.lab_fields()[field].metadata["unit"]
    return quantity_problem(f"{float(value)!r} {unit}", declared.unit, declared.minimum, declared.maximum)
