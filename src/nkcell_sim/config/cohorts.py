"""The section [cohort] of a configuration: donors, cells, what differs between them, and tables of donors."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from ..errors import ConfigError, NkcellError
from ..model.cell import Cell
from ..study import Cohort, Spread
from ..study.cohort import CHANNELS, CONSTANTS, DISTRIBUTIONS
from ..study.headers import split_header
from ..units import parse
from .locate import Path, flat
from .sections import Real, Section, Whole, quantity_problem, with_unit
from .source import Source
from .words import near_miss


def _share(value: Any) -> Any:
    problem = quantity_problem(value, "1", 0.0, 10.0)
    if problem:
        raise PydanticCustomError("lab_value", "{said}", {"said": problem.replace("expected a value", 'expected a coefficient of variation ("30 %" or 0.3)')})
    return parse(value, "1")


Share = Annotated[Any, BeforeValidator(_share), WithJsonSchema({"type": ["number", "string"]})]


class SpreadSection(Section):
    """How one parameter differs between donors and between the cells of a donor."""

    key: str = Field(description='parameter, for example "TRPM3.density"')
    donors: Share = Field(default=0.0, description='coefficient of variation between donors, for example "30 %"')
    cells: Share = Field(default=0.0, description="coefficient of variation between the cells of a donor")
    distribution: Literal[DISTRIBUTIONS] = Field(default="lognormal", description="lognormal (never negative), normal, or truncated at low and high")  # type: ignore[valid-type]
    low: Any = Field(default=None, description="smallest value of a truncated spread, with its unit")
    high: Any = Field(default=None, description="largest value of a truncated spread, with its unit")
    groups: list[str] = Field(default=[], description="groups that differ so (empty: all)")


class CorrelationSection(Section):
    """How two spreads go together."""

    keys: list[str] = Field(min_length=2, max_length=2, description="the two parameters")
    r: Real = Field(description="correlation of the normal numbers behind them")


class DonorSection(Section):
    """One donor with parameter values of its own."""

    group: str = Field(description="group of the donor")
    name: str = Field(min_length=1, description="name of the donor")
    set: dict[str, Any] = Field(default={}, description="parameters of this donor, each with its unit")


class CohortSection(Section):
    """Donors in every group and cells of every donor."""

    donors: Whole | dict[str, Whole] = Field(default=8, description="donors in each group, or a table by group")
    cells: Whole = Field(default=6, description="cells of a donor in each condition and experiment")
    channels: Literal[CHANNELS] = Field(  # type: ignore[valid-type]
        default="mean", description="TRPM3 channels of a cell: the mean number, a counted (whole) one, or counted ones that open and close by chance"
    )
    constants: Literal[CONSTANTS] = Field(default="recalibrated", description="resting constants of a drawn cell: solved again, or kept")  # type: ignore[valid-type]
    matched: bool = Field(default=True, description="the i-th donors of all groups are of one sex and of about one age")
    age_mean: Real = Field(default=42.0, description="mean age [years], a label")
    age_sd: Real = Field(default=10.0, description="standard deviation of age [years]")
    female: Real = Field(default=0.75, description="share of women, a label")
    spread: list[SpreadSection] = Field(default=[], description="what differs, and by how much")
    correlation: list[CorrelationSection] = Field(default=[], description="correlations between spreads")
    donor: list[DonorSection] = Field(default=[], description="donors with values of their own")
    table: str = Field(default="", description="CSV file of donors beside the configuration: group, donor, and a column a parameter headed 'KEY [UNIT]'")


def cohort_of(section: CohortSection, *, seed: int, groups: Mapping[str, Sequence[Cell]], source: Source) -> Cohort:
    """The cohort that a section describes, checked against the groups of the study; an error shows its line."""
    cell = next(iter(groups.values()))[0]
    spread = tuple(_spread(each, cell, ("cohort", "spread", i), source) for i, each in enumerate(section.spread))
    table = _table(section, cell, source)

    def made() -> Cohort:
        cohort = Cohort(
            donors=section.donors,
            cells=section.cells,
            spread=spread,
            correlations=tuple((c.keys[0], c.keys[1], c.r) for c in section.correlation),
            table=table,
            matched=section.matched,
            age=(section.age_mean, section.age_sd),
            female=section.female,
            channels=section.channels,
            constants=section.constants,
            seed=seed,
        )
        cohort.check(groups)
        return cohort

    return _pointed(made, section, source)


def _pointed(made: Callable[[], Cohort], section: CohortSection, source: Source) -> Cohort:
    """Call a maker and let its error point at the key or the spread that it names."""
    try:
        return made()
    except NkcellError as error:
        path, at_key = _place(str(getattr(error, "name", "")), section)
        raise source.error(path, str(error), at_key=at_key) from error


def _place(name: str, section: CohortSection) -> tuple[Path, bool]:
    """Where in the section a name stands that an error gives (a key, a spread, a group, a donor), and whether it is a key there."""
    last = max((i for i, each in enumerate(section.spread) if each.key == name), default=-1)
    if last >= 0:
        return ("cohort", "spread", last), True
    field = {"correlations": "correlation", "age": "age_sd" if "age_sd" in section.model_fields_set else "age_mean"}.get(name, name)
    if field in type(section).model_fields:
        return ("cohort", field), field == "correlation"
    if isinstance(section.donors, Mapping) and name in section.donors:
        return ("cohort", "donors", name), True
    for i, spread in enumerate(section.spread):
        if name in spread.groups:
            return ("cohort", "spread", i, "groups", spread.groups.index(name)), False
    for i, donor in enumerate(section.donor):
        if name in (donor.group, donor.name):
            return ("cohort", "donor", i, "group" if name == donor.group else "name"), False
    return (("cohort", "table"), False) if section.table else (("cohort",), True)


def _spread(section: SpreadSection, cell: Cell, path: Path, source: Source) -> Spread:
    declared = cell.composition.parameters.get(section.key)
    if declared is None:
        try:
            cell.parameter(section.key)
        except NkcellError as error:
            raise source.error((*path, "key"), str(error)) from error
    assert declared is not None
    cuts: dict[str, float | None] = {}
    for name in ("low", "high"):
        value = getattr(section, name)
        problem = "" if value is None else quantity_problem(value, declared.unit, declared.minimum, declared.maximum)
        if problem:
            raise source.error((*path, name), problem)
        cuts[name] = None if value is None else parse(value, declared.unit)
    try:
        return Spread(key=section.key, donors=section.donors, cells=section.cells, distribution=section.distribution, groups=tuple(section.groups), **cuts)
    except NkcellError as error:
        raise source.error(path, str(error), at_key=True) from error


def _table(section: CohortSection, cell: Cell, source: Source) -> dict[str, dict[str, dict[str, float]]]:
    """Donors given by value, from the file and from [[cohort.donor]]: {group: {donor: {key: value}}}."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    if section.table:
        try:
            _read_csv(FilePath(source.name).parent / section.table, section.table, cell, found)
        except (NkcellError, OSError, UnicodeDecodeError, csv.Error) as error:
            said = str(error)
            if isinstance(error, OSError):
                said = f"cannot read this table: {error.strerror}"
            elif isinstance(error, UnicodeDecodeError):
                said = f"this table is not text in UTF-8 (byte {error.start}); save it from the spreadsheet as CSV in UTF-8"
            raise source.error(("cohort", "table"), said) from error
    for i, donor in enumerate(section.donor):
        path: Path = ("cohort", "donor", i)
        if donor.name in found.get(donor.group, {}):
            raise source.error((*path, "name"), f"duplicate name: the group {donor.group!r} has a donor {donor.name!r} already")
        values = {}
        for key, value, where in flat(donor.set, (*path, "set")):
            declared = cell.composition.parameters.get(key)
            if declared is None:
                raise source.error(where, f"unknown parameter {key!r}{near_miss(key, cell.composition.parameters)}", at_key=True)
            problem = quantity_problem(value, declared.unit, declared.minimum, declared.maximum)
            if problem:
                raise source.error(where, problem)
            values[key] = parse(value, declared.unit)
        found.setdefault(donor.group, {})[donor.name] = values
    return found


def _read_csv(file: FilePath, name: str, cell: Cell, found: dict[str, dict[str, dict[str, float]]]) -> None:
    """Add the donors of a CSV file; every error names the file's line and column."""
    with file.open(newline="", encoding="utf-8-sig") as text:
        rows = csv.reader(text)
        header = [column.strip() for column in next(rows, [])]
        missing = [column for column in ("group", "donor") if column not in header]
        if missing:
            raise ConfigError(f"line 1: no column {missing[0]!r}; expected group, donor and a column a parameter headed 'KEY [UNIT]'", path=name)
        columns = [_column(h, cell, name) if h not in ("group", "donor") else None for h in header]
        for row in rows:
            if not any(row):
                continue
            where = f"line {rows.line_num}"
            if len(row) != len(header):
                raise ConfigError(f"{where}: {len(row)} values for {len(header)} columns", path=name)
            group, donor = row[header.index("group")].strip(), row[header.index("donor")].strip()
            if not group or not donor or donor in found.get(group, {}):
                raise ConfigError(f"{where}: donor {donor!r} of {group!r}; expected each donor once, with a name and a group", path=name)
            values = {}
            for column, value in zip(columns, row, strict=True):
                if column is None:
                    continue
                key, unit = column
                declared = cell.composition.parameters[key]
                given = value.strip() if unit in ("", "1") else f"{value.strip()} {unit}"
                problem = quantity_problem(given, declared.unit, declared.minimum, declared.maximum)
                if problem:
                    raise ConfigError(f"{where}, {key}: got {value.strip()!r}; {problem}", path=name)
                values[key] = parse(given, declared.unit)
            found.setdefault(group, {})[donor] = values


def _column(header: str, cell: Cell, name: str) -> tuple[str, str]:
    """Parameter and unit of a column of a table of donors."""
    key, unit = split_header(header)
    if key not in cell.composition.parameters:
        cell.parameter(key)  # raises the error with the near miss
    return key, unit


def resolved_cohort(cohort: Cohort, cell: Cell) -> dict[str, Any]:
    """The section that makes this cohort again, with every default written out and tables inside."""

    def unit(key: str) -> str:
        return cell.composition.parameters[key].unit

    spread = []
    for each in cohort.spread:
        row: dict[str, Any] = {"key": each.key, "donors": each.donors, "cells": each.cells, "distribution": each.distribution}
        row.update({n: with_unit(v, unit(each.key)) for n in ("low", "high") if (v := getattr(each, n)) is not None})
        spread.append({**row, **({"groups": list(each.groups)} if each.groups else {})})
    donors = [
        {"group": group, "name": name, "set": {k: with_unit(v, unit(k)) for k, v in values.items()}}
        for group, named in cohort.table.items()
        for name, values in named.items()
    ]
    return {
        "donors": dict(cohort.donors) if isinstance(cohort.donors, Mapping) else int(cohort.donors),
        "cells": int(cohort.cells),
        "channels": cohort.channels,
        "constants": cohort.constants,
        "matched": cohort.matched,
        "age_mean": float(cohort.age[0]),
        "age_sd": float(cohort.age[1]),
        "female": float(cohort.female),
        **({"spread": spread} if spread else {}),
        **({"correlation": [{"keys": [a, b], "r": float(r)} for a, b, r in cohort.correlations]} if cohort.correlations else {}),
        **({"donor": donors} if donors else {}),
    }
