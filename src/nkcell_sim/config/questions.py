"""The sections [statistics] and [power] of a configuration: what a cohort is asked, checked before anything is simulated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ..analysis.cell_table import AGGREGATES, SCALES
from ..analysis.power_plan import PowerPlan
from ..analysis.questions import Question, Statistics
from ..analysis.statistics import CORRECTIONS
from ..errors import NkcellError
from ..study import Cohort, Study, feature_units
from ..units import parse
from .locate import Path
from .sections import Real, Section, Whole, quantity_problem, with_unit
from .source import Source
from .words import near_miss


class CompareSection(Section):
    """One feature compared between conditions."""

    feature: str = Field(description='EXPERIMENT.FEATURE, for example "patch.pregs_1_outward"')
    conditions: list[str] = Field(default=[], description="conditions to compare, the first is the reference (empty: all)")
    detection_limit: Any = Field(default=None, description="smallest value that counts as a response, with its unit: adds Fisher's exact test")
    scale: Literal[SCALES] = Field(default="linear", description="log where spreads are relative and all values above 0")  # type: ignore[valid-type]


class StatisticsSection(Section):
    """Comparisons of a cohort at both units of analysis."""

    compare: list[CompareSection] = Field(min_length=1, description="what is compared")
    correction: Literal[CORRECTIONS] = Field(default="holm", description="correction of several comparisons")  # type: ignore[valid-type]
    aggregate: Literal[AGGREGATES] = Field(default="mean", description="how a donor's cells become one value")  # type: ignore[valid-type]
    resamples: Whole = Field(default=2000, description="bootstrap resamples of effect sizes (0: no intervals)")


class PowerSection(Section):
    """Power and false-positive rate of smaller and larger studies, resampled from the donors of this one."""

    feature: str = Field(description='EXPERIMENT.FEATURE, for example "patch.pregs_1_outward"')
    conditions: list[str] = Field(min_length=2, max_length=2, description="the two conditions that differ")
    donors: list[Whole] = Field(default=[3, 5, 8, 12, 16, 24, 32], description="donors in each group")
    cells: list[Whole] = Field(default=[1, 3, 6, 12], description="cells of a donor")
    paired: bool = Field(default=False, description="both conditions in the same donors, compared by paired tests")
    alpha: Real = Field(default=0.05, description="level of the tests")
    power: Real = Field(default=0.8, description="power that is wanted")
    experiments: Whole = Field(default=2000, description="simulated experiments for each design")
    mixed_experiments: Whole = Field(default=0, description="of these, how many get a mixed model as well (some milliseconds each)")


def statistics_of(section: StatisticsSection | None, study: Study, source: Source) -> Statistics | None:
    """The comparisons that a section asks for; an error shows its line."""
    if section is None:
        return None
    questions = []
    for i, asked in enumerate(section.compare):
        path: Path = ("statistics", "compare", i)
        unit = _checked_feature(asked.feature, study, (*path, "feature"), source)
        _check_conditions(asked.feature, asked.conditions, study, path, source)
        limit = asked.detection_limit
        problem = "" if limit is None else quantity_problem(limit, unit, 0.0)
        if problem:
            raise source.error((*path, "detection_limit"), problem)
        limit = None if limit is None else parse(limit, unit)
        questions.append(_made(path, source, Question, feature=asked.feature, conditions=asked.conditions, detection_limit=limit, scale=asked.scale))
    options = {"correction": section.correction, "aggregate": section.aggregate, "resamples": section.resamples, "seed": study.seed}
    found: Statistics = _made(("statistics",), source, Statistics, questions=questions, **options)
    return found


def power_of(section: PowerSection | None, study: Study, source: Source) -> PowerPlan | None:
    """The power curves that a section asks for; an error shows its line."""
    if section is None:
        return None
    _checked_feature(section.feature, study, ("power", "feature"), source)
    if study.cohort is None:
        raise source.error(("power",), "power is resampled from the donors of a cohort; add a [cohort] section", at_key=True)
    _check_conditions(section.feature, section.conditions, study, ("power",), source)
    _check_donors(section, study, study.cohort, source)
    found: PowerPlan = _made(("power",), source, PowerPlan, **section.model_dump(), seed=study.seed)
    return found


def _made(path: Path, source: Source, maker: Any, **values: Any) -> Any:
    try:
        return maker(**values)
    except NkcellError as error:
        name = getattr(error, "name", "")
        inside = (*path, name) if name in values else path
        raise source.error(inside, str(error), at_key=inside == path) from error


def _checked_feature(feature: str, study: Study, path: Path, source: Source) -> str:
    """Unit of a feature of the study's experiments."""
    experiment, _, name = feature.partition(".")
    if experiment not in study.experiments:
        raise source.error(path, f"expected EXPERIMENT.FEATURE; there is no experiment {experiment!r}{near_miss(experiment, study.experiments)}")
    units = feature_units(study, experiment)
    if name not in units:
        raise source.error(path, f"experiment {experiment!r} has no feature {name!r}{near_miss(name, units)}")
    return units[name]


def _check_conditions(feature: str, given: list[str], study: Study, path: Path, source: Source) -> None:
    """The conditions that are compared: done by the feature's experiment, each once, two or more, and none at several points of a grid."""
    experiment, where = feature.partition(".")[0], (*path, "conditions")
    everybody, there = [case.name for case in study.cases], {case.name: case for case in study.cases_of(experiment)}
    for i, name in enumerate(given):
        if name not in everybody:
            raise source.error((*where, i), f"there is no condition {name!r}{near_miss(name, everybody)}")
        if name not in there:
            raise source.error((*where, i), f"the experiment {experiment!r} is not done on this condition; it is done on {', '.join(map(repr, there))}")
        if name in given[:i]:
            raise source.error((*where, i), "this condition is named already; a group cannot be compared with itself")
    if len(there) < 2:
        raise source.error((*path, "feature"), f"the experiment {experiment!r} is done on one condition, {next(iter(there))!r}; a comparison needs two or more")
    for name in given or there:
        keys, values = study.points_table(experiment, there[name])
        if len(values) > 1:
            key = next(k for k, column in zip(keys, values.T, strict=True) if len(np.unique(column)) > 1)
            said = f"{name!r} is recorded at {len(values)} values of {key!r}, which a comparison would mix; ask for one value of every [[vary]] key"
            raise source.error((*path, "feature"), said)


def _check_donors(section: PowerSection, study: Study, cohort: Cohort, source: Source) -> None:
    """Donors to resample: two or more in each condition, the same ones in both where arms are paired."""
    groups = {case.name: case.donors for case in study.cases}
    first, second = (groups[name] for name in section.conditions)
    for i, group in enumerate((first, second)):
        many = len(cohort.donors_of(group))
        if many < 2:
            raise source.error(("power", "conditions", i), f"the group {group!r} has {many} donor; power is resampled from two or more, set donors in [cohort]")
    if section.paired and first != second:
        said = f"the conditions have different donors, of the groups {first!r} and {second!r}; paired arms are conditions of one group"
        raise source.error(("power", "paired"), said)


def resolved_questions(statistics: Statistics | None, power: PowerPlan | None, study: Study) -> dict[str, Any]:
    """The sections that ask the same again."""
    found: dict[str, Any] = {}
    if statistics is not None:
        rows = []
        for q in statistics.questions:
            unit = feature_units(study, q.experiment)[q.name]
            row: dict[str, Any] = {"feature": q.feature, "conditions": list(q.conditions), "scale": q.scale}
            rows.append(row if q.detection_limit is None else {**row, "detection_limit": with_unit(q.detection_limit, unit)})
        found["statistics"] = {"correction": statistics.correction, "aggregate": statistics.aggregate, "resamples": statistics.resamples, "compare": rows}
    if power is not None:
        found["power"] = {name: list(value) if isinstance(value, tuple) else value for name, value in _fields(power).items() if name != "seed"}
    return found


def _fields(power: PowerPlan) -> Mapping[str, Any]:
    return {name: getattr(power, name) for name in PowerPlan.__dataclass_fields__}
