"""What a cohort is asked: features compared between conditions at both units of analysis, with their variances, as tables that results keep."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ParameterError
from ..randomness import checked_seed, stream
from ..results.layout import IDEAL
from .cell_table import AGGREGATES, SCALES, CellTable, check_choice, check_limit
from .comparisons import comparison_table
from .effects import Bootstrap
from .statistics import CORRECTIONS
from .variance import variance_components

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

VARIANCE_UNITS = ("donor", "cell", "measurement")


@dataclass(frozen=True, kw_only=True)
class Question:
    """One feature ("patch.pregs_1_outward") compared between conditions (empty: all), the first being the reference.

    ``detection_limit`` (unit of the feature) adds Fisher's exact test on responders. ``scale`` is "log" where spreads are relative and values above 0.
    """

    feature: str
    conditions: tuple[str, ...] = ()
    detection_limit: float | None = None
    scale: str = "linear"

    def __post_init__(self) -> None:
        object.__setattr__(self, "conditions", tuple(self.conditions))
        experiment, dot, name = self.feature.partition(".")
        if not (experiment and dot and name):
            raise ParameterError(f"got a question about {self.feature!r}; expected EXPERIMENT.FEATURE, for example 'patch.pregs_1_outward'", name="feature")
        twice = next((c for c in self.conditions if self.conditions.count(c) > 1), None)
        if twice is not None:
            raise ParameterError(f"condition {twice!r} is named twice; a group cannot be compared with itself", name="conditions")
        if len(self.conditions) == 1:
            raise ParameterError(f"got one condition, {self.conditions[0]!r}; a comparison needs two or more", name="conditions")
        check_choice("scale", self.scale, SCALES)
        if self.detection_limit is not None:
            check_limit(self.detection_limit)

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return self.feature.partition(".")[0]

    @property
    def name(self) -> str:
        """Name of the feature within its experiment."""
        return self.feature.partition(".")[2]


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Questions and how they are answered: ``correction`` of several comparisons, ``aggregate`` of a donor's cells, bootstrap resamples of effect sizes."""

    questions: tuple[Question, ...] = ()
    correction: str = "holm"
    aggregate: str = "mean"
    resamples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "questions", tuple(self.questions))
        check_choice("correction", self.correction, CORRECTIONS)
        check_choice("aggregate", self.aggregate, AGGREGATES)
        checked_seed(self.seed)
        if isinstance(self.resamples, bool) or not isinstance(self.resamples, int) or (self.resamples != 0 and not 100 <= self.resamples <= 1_000_000):
            raise ParameterError(f"got resamples = {self.resamples!r}; expected a whole number from 100 to 1,000,000, or 0 for no intervals", name="resamples")


def cells_of(results: Results, feature: str, conditions: Sequence[str] = (), *, ideal: bool = False) -> CellTable:
    """The cells of a cohort with one feature ("patch.pregs_1_outward"): value, condition as the group, donor; ``ideal`` reads it without the rig.

    Conditions whose cells come from the same donors share donor labels, so that paired tests join them. Raises :class:`ParameterError` for a feature or
    a condition that is not there, :class:`~nkcell_sim.errors.ResultsError` for an experiment that is not.
    """
    experiment, _, own = feature.partition(".")
    runs = results[experiment]
    name = f"{IDEAL}{own}" if ideal else own
    if name not in runs:
        raise ParameterError(f"got the feature {feature!r}; experiment {runs.name!r} has {', '.join(runs.features)}", name="feature")
    cases = np.array(runs.cases, dtype=object)
    chosen = tuple(conditions) or tuple(dict.fromkeys(runs.cases))
    missing = next((c for c in chosen if c not in cases), None)
    if missing is not None:
        raise ParameterError(f"got the condition {missing!r}; the results have {', '.join(dict.fromkeys(runs.cases))}", name="conditions")
    rows = np.concatenate([np.flatnonzero(cases == c) for c in chosen])
    _check_one_point(runs, chosen, cases)
    donors = runs.labels.get("donor")
    groups = runs.labels.get("group")
    donor = None if donors is None or groups is None else np.array([f"{groups[i]}: {donors[i]}" for i in rows])
    return CellTable(runs[name][rows], cases[rows].astype(str), donor, name=feature, unit=runs.units[name])


def _check_one_point(runs: ExperimentRuns, chosen: Sequence[str], cases: np.ndarray) -> None:
    """Refuse to take the points of a grid for cells of one sample."""
    for key, values in runs.varied.items():
        for condition in chosen:
            found = np.unique(values[cases == condition])
            if len(found) > 1:
                said = f"{condition!r} is recorded at {len(found)} values of {key!r}, which one sample would mix; run a study with one of them"
                raise ParameterError(said, name=key)


@dataclass(frozen=True)
class Answers:
    """Rows of the tables "statistics" and "variance"."""

    comparisons: list[dict[str, Any]] = field(default_factory=list)
    variances: list[dict[str, Any]] = field(default_factory=list)

    def kept_in(self, results: Results) -> Results:
        """A copy of the results that carries the tables."""
        return results.with_table("statistics", self.comparisons).with_table("variance", self.variances)


def answer(results: Results, asked: Statistics) -> Answers:
    """Answer every question from the runs of a cohort."""
    found = Answers()
    for question in asked.questions:
        table = cells_of(results, question.feature, question.conditions)
        rng = stream(asked.seed, "bootstrap", question.feature, *table.groups) if asked.resamples else None
        compared = comparison_table(
            table,
            correction=asked.correction,
            aggregate=asked.aggregate,
            detection_limit=question.detection_limit,
            scale=question.scale,
            rng=rng,
            bootstrap=Bootstrap(resamples=asked.resamples) if asked.resamples else None,
        )
        found.comparisons.extend({"feature": question.feature, "unit_of_feature": table.unit, **row} for row in _aligned(compared.rows()))
        found.variances.extend(_variances(results, question, table))
    return Answers(_aligned(found.comparisons), found.variances)


def _aligned(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the same columns: NaN or an empty text where a test has no such number."""
    example = {key: value for row in rows for key, value in row.items()}
    empty = {key: "" if isinstance(value, str) else math.nan for key, value in example.items()}
    return [{**empty, **row} for row in rows]


def _variances(results: Results, question: Question, table: CellTable) -> list[dict[str, Any]]:
    """Variance between donors, between cells and of the measurement in every condition, on the question's scale."""
    if table.donor is None:
        return []
    rigged = f"{IDEAL}{question.name}" in results[question.experiment]
    found = []
    for condition in table.groups:
        part = cells_of(results, question.feature, (condition,))
        ideal = cells_of(results, question.feature, (condition,), ideal=True).value if rigged else None
        row: dict[str, Any] = {"feature": question.feature, "condition": condition, "scale": question.scale, "unit_of_feature": table.unit}
        try:
            split = variance_components(part, ideal=ideal, scale=question.scale)
        except ParameterError as error:
            found.append({**row, **{f"{n}_variance": math.nan for n in VARIANCE_UNITS}, "icc": math.nan, "donors": 0.0, "cells": 0.0, "notes": str(error)})
            continue
        numbers = {"donor_variance": split.donor, "cell_variance": split.cell, "measurement_variance": split.measurement, "icc": split.icc}
        found.append({**row, **numbers, "donors": float(split.n_donors), "cells": float(split.n_cells), "notes": "; ".join(split.notes)})
    return found
