"""Hill curves of a cohort with their interval: donors, and cells within donors, drawn with replacement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis.dose_response import fit_hill
from .samples import Array, Rows, donors_of

if TYPE_CHECKING:
    from ..results import ExperimentRuns

RESAMPLES = 200
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """Percentile band of a fitted curve at ``dose`` and of its EC50, from ``n`` resamples that could be fitted."""

    dose: Array
    low: Array
    high: Array
    ec50: tuple[float, float]
    n: int


def fine_doses(doses: Array) -> Array:
    """Doses between the smallest above 0 and the largest, evenly spread on a logarithmic axis."""
    positive = doses[doses > 0.0]
    return np.geomspace(positive.min(), positive.max(), 120)


def hill_interval(
    runs: ExperimentRuns, rows: Rows, key: str, feature: str, *, rng: np.random.Generator, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval | None:
    """Interval of the Hill curve of some runs: donors, and cells within them, drawn with replacement, the means fitted again.

    A cell is followed through all doses, so that its course is drawn as a whole. None for fewer than two donors with two cells or more: there is nothing to
    resample then. Resamples that cannot be fitted are left out, and counted in ``n``.
    """
    courses = _courses(runs, rows, key, feature)
    people = list(dict.fromkeys(donor for donor, _ in courses))
    if len(people) < 2 and len(courses) < 4:
        return None
    doses = np.unique(runs.varied[key][rows])
    by_donor = {donor: np.array([y for (d, _), y in courses.items() if d == donor]) for donor in people}
    fine, curves, ec50 = fine_doses(doses), [], []
    for _ in range(resamples):
        chosen = rng.integers(len(people), size=len(people)) if len(people) > 1 else np.zeros(1, dtype=int)
        cells = [y[rng.integers(len(y), size=len(y))] for y in (by_donor[people[k]] for k in chosen)]
        fit = fit_hill(doses, _mean(np.concatenate(cells)))
        if fit.ok:
            curves.append(fit(fine))
            ec50.append(fit.ec50)
    if len(curves) < resamples // 2:
        return None
    tails = (0.5 * (1.0 - level), 0.5 * (1.0 + level))
    low, high = np.quantile(curves, tails, axis=0)
    bounds = np.quantile(ec50, tails)
    return Interval(fine, low, high, (float(bounds[0]), float(bounds[1])), len(curves))


def _mean(values: Array) -> Array:
    """Mean over cells without those that have no value."""
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)


def _courses(runs: ExperimentRuns, rows: Rows, key: str, feature: str) -> dict[tuple[str, Any], Array]:
    """Values of every cell through all doses (NaN where it has none), by donor and number of the cell."""
    donors, numbers = donors_of(runs), runs.labels.get("cell", [0] * len(runs.cases))
    doses = np.unique(runs.varied[key][rows])
    found: dict[tuple[str, Any], Array] = {}
    for row in rows:
        course = found.setdefault((donors[row], numbers[row]), np.full(len(doses), np.nan))
        course[np.searchsorted(doses, runs.varied[key][row])] = runs[feature][row]
    return found
