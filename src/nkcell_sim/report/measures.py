"""Tables of measures: mean and standard error of every feature, by condition and by what was varied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..plots.generic import telling_features
from ..plots.grids import feature_of
from ..plots.samples import Rows, Sample, is_cohort, sample_of
from ..plots.style import pretty, unit_text
from .html import Html, element, folded, joined, number, table

if TYPE_CHECKING:
    from ..results import ExperimentRuns

FEW_POINTS = 8  # points that fit into columns
ROUNDING = 1e-9  # a smaller relative spread is none
COLUMNS = 6  # features shown of a grid before it is unfolded


@dataclass(frozen=True, eq=False)
class Point:
    """Runs of one condition at one value of everything that was varied."""

    name: str
    case: str
    values: tuple[float, ...]
    rows: Rows


def points_of(runs: ExperimentRuns) -> list[Point]:
    """The runs grouped by condition and by what was varied, in the file's order."""
    varied = runs.varied
    found: dict[tuple[str, tuple[float, ...]], list[int]] = {}
    for i, case in enumerate(runs.cases):
        found.setdefault((case, tuple(float(v[i]) for v in varied.values())), []).append(i)
    return [Point(_name(runs, case, values), case, values, np.array(rows)) for (case, values), rows in found.items()]


def _name(runs: ExperimentRuns, case: str, values: Sequence[float]) -> str:
    units = (unit_text(runs.units[key]) for key in runs.varied)
    return ", ".join([case, *(f"{key} {value:.4g} {unit}" for key, value, unit in zip(runs.varied, values, units, strict=True))])


def measures(runs: ExperimentRuns) -> Html:
    """The features of an experiment as tables: a column a condition when there are few, a row a point of a grid otherwise."""
    if not runs.features:
        return element("p", "This experiment reads no features.")
    points = points_of(runs)
    told = element("p", _how(runs, points), class_="soft")
    if len(points) <= FEW_POINTS:
        return joined([told, _by_condition(runs, points)])
    shown = list(dict.fromkeys([feature_of(runs), *(telling_features(runs) or runs.features)]))[:COLUMNS]
    rest = [n for n in runs.features if n not in shown]
    parts = [told, _by_point(runs, points, shown, f"{runs.name}: the features that differ most")]
    if rest:
        parts.append(folded(f"{len(rest)} more features", _by_point(runs, points, rest, f"{runs.name}: all other features")))
    return joined(parts)


def _how(runs: ExperimentRuns, points: Sequence[Point]) -> str:
    if is_cohort(runs):
        return "Mean ± SEM over n cells of N donors; n is repeated where some cells have no value."
    return (
        "One cell a condition: a deterministic model has no spread, so there is no standard error." if all(len(p.rows) == 1 for p in points) else "Mean ± SEM."
    )


def _by_condition(runs: ExperimentRuns, points: Sequence[Point]) -> Html:
    errors = runs.numerical_errors
    head: list[object] = ["measure", *(_heading(runs, p) for p in points), "unit", *(["largest numerical error"] if errors else []), "meaning"]
    rows = []
    for name in runs.features:
        values = [_cell(sample_of(runs, name, p.rows, p.name), len(p.rows)) for p in points]
        error = [number(_largest(errors[name]))] if name in errors else [""] if errors else []
        rows.append([name, *values, unit_text(runs.units[name]), *error, pretty(runs.describe(name))])
    return table(f"{runs.name}: {runs.title}", head, rows, numeric=range(1, len(points) + 1), wordy=(len(head) - 1,))


def _heading(runs: ExperimentRuns, point: Point) -> Html:
    labels = runs.labels.get("donor")
    if labels is None:
        return joined([point.name])
    donors = {labels[i] for i in point.rows}
    return joined([point.name, element("br"), element("span", f"n = {len(point.rows)}, N = {len(donors)}", class_="soft")])


def _by_point(runs: ExperimentRuns, points: Sequence[Point], names: Sequence[str], caption: str) -> Html:
    head = ["condition", *(f"{key} ({unit_text(runs.units[key])})" for key in runs.varied), *(f"{n} ({unit_text(runs.units[n])})" for n in names)]
    rows = []
    for p in points:
        values = [_cell(sample_of(runs, name, p.rows, p.name), len(p.rows)) for name in names]
        rows.append([p.case, *(number(v) for v in p.values), *values])
    return table(caption, head, rows, numeric=range(1, len(head)))


def _cell(sample: Sample, runs: int) -> str:
    """Mean ± SEM of a sample, and n where cells are missing."""
    if not len(sample.values):
        return "–"
    sem = 0.0 if sample.sem < ROUNDING * abs(sample.mean) else sample.sem
    spread = f" ± {number(float(f'{sem:.2g}'))}" if np.isfinite(sem) else ""
    missing = f" (n = {len(sample.values)})" if len(sample.values) < runs and runs > 1 else ""
    return f"{number(sample.mean)}{spread}{missing}"


def _largest(errors: np.ndarray) -> float:
    known = errors[np.isfinite(errors)]
    return float(known.max()) if len(known) else float("nan")
