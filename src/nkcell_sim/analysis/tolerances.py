"""Does the tolerance of a study fit its question? The study is run at a ladder of tolerances and compared with its tightest run.

A study asks about differences between its conditions. A tolerance fits when the numerical error of every measure is at most :data:`SHARE` of the
smallest difference that the study asks about: between cases at the same point of the grid, or between neighbouring points when there is one case.
Differences below :data:`RESOLUTION` of a measure's largest value count as none; without any difference, the measure itself has to be right to that. A measure
that is zero within rounding, such as the drift of a cell at rest, has to be right to the rounding of what it is the difference of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..results import ExperimentRuns, Results
from ..study import Study, run

Array = NDArray[np.float64]

LADDER = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
SHARE = 0.05  # of the smallest difference that the numerical error may reach
ROUNDING = 1e-12  # of the largest measure in the same unit: a difference of such numbers, a drift, carries no more in doubles
RESOLUTION = 1e-2  # of a measure's largest value: smaller differences are not what a study of cells asks about
GENEROUS = 100.0  # a tolerance this many times tighter than the loosest one that fits is tighter than needed
FITS, LOOSE, TIGHT, UNKNOWN = "fits", "too loose", "tighter than needed", "unknown"


@dataclass(frozen=True)
class Rung:
    """What the study came to at one tolerance: steps of all runs, the share of the smallest difference that the largest error reaches, and failed runs."""

    rtol: float
    steps: int
    share: float
    limited_by: str
    failed: int

    @property
    def fits(self) -> bool:
        """Whether every measure is right enough."""
        return self.share <= SHARE and not self.failed


@dataclass(frozen=True)
class Measure:
    """One measure of one experiment: value in the first run, error at the study's tolerance, and the smallest difference between conditions."""

    experiment: str
    name: str
    unit: str
    value: float
    error: float
    difference: float
    between: str
    loosest: float  # of the ladder's tolerances that fit; NaN when none does

    @property
    def share(self) -> float:
        """Error over the smallest difference."""
        return self.error / self.difference if self.difference else np.nan

    def verdict(self, rtol: float) -> str:
        """Whether ``rtol`` fits this measure."""
        if not np.isfinite(self.share):
            return UNKNOWN
        if self.share > SHARE:
            return LOOSE
        return TIGHT if self.loosest >= GENEROUS * rtol * (1.0 - 1e-9) else FITS


@dataclass(frozen=True)
class ToleranceReport:
    """Measures at the study's tolerance and the ladder of tolerances beside it."""

    title: str
    rtol: float
    reference: float
    measures: tuple[Measure, ...]
    ladder: tuple[Rung, ...]

    @property
    def asked(self) -> Rung:
        """The study's own tolerance."""
        return next(r for r in self.ladder if r.rtol == self.rtol)

    @property
    def loosest(self) -> Rung | None:
        """The loosest tolerance of the ladder that fits together with every tighter one."""
        found = None
        for rung in sorted(self.ladder, key=lambda r: r.rtol):
            if not rung.fits:
                break
            found = rung
        return found

    @property
    def fits(self) -> bool:
        """Whether the study's tolerance fits its question."""
        return self.asked.fits

    @property
    def verdict(self) -> str:
        """The tolerance judged by the measure that suffers most."""
        if not self.fits:
            return LOOSE
        return TIGHT if self.loosest is not None and self.loosest.rtol >= GENEROUS * self.rtol * (1.0 - 1e-9) else FITS


Progress = Callable[[int, int, str], None]


def check_tolerance(study: Study, ladder: Sequence[float] = LADDER, *, progress: Progress | None = None) -> ToleranceReport:
    """Run a study at its own tolerance and at a ladder of others, each against a run a hundred times tighter than the tightest."""
    asked = study.solver.rtol
    rtols = sorted({asked, *ladder}, reverse=True)
    reference = max(min(rtols) / 100.0, 1e-12)
    runs = {rtol: _run(study, rtol, i, len(rtols) + 1, progress) for i, rtol in enumerate([*rtols, reference])}
    best, second = runs[reference], runs[min(rtols)]
    found = [_Compared.of(name, feature, runs, best, second) for name, e in best.experiments.items() for feature in e.features]
    rungs = tuple(_rung(rtol, runs[rtol], found) for rtol in rtols)
    return ToleranceReport(study.title, asked, reference, tuple(c.measure(asked) for c in found), rungs)


def _run(study: Study, rtol: float, done: int, total: int, progress: Progress | None) -> Results:
    if progress is not None:
        progress(done, total, f"rtol {rtol:g}")
    return run(Study(study.cases, study.experiments, design=study.design, solver=replace(study.solver, rtol=rtol, error_bars=False), title=study.title))


def _rung(rtol: float, results: Results, compared: Sequence[_Compared]) -> Rung:
    shares = {c.label: c.shares[rtol] for c in compared if np.isfinite(c.shares[rtol])}
    worst = max(shares, key=lambda k: shares[k], default="")
    steps = sum(int(e["steps"].sum()) for e in results.experiments.values())
    return Rung(rtol, steps, shares.get(worst, 0.0), worst, len(results.failed))


@dataclass(frozen=True)
class _Compared:
    """One measure at every tolerance: its largest error, and the difference it is held against."""

    experiment: str
    name: str
    unit: str
    value: float
    errors: dict[float, float]
    difference: float
    between: str

    @classmethod
    def of(cls, experiment: str, name: str, runs: dict[float, Results], best: Results, second: Results) -> _Compared:
        """Compare a measure of every run with that of the tightest."""
        reference = best[experiment]
        true = reference[name]
        errors = {rtol: _largest(np.abs(results[experiment][name] - true)) for rtol, results in runs.items() if results is not best}
        doubt = np.abs(second[experiment][name] - true)
        difference, between = _smallest_difference(reference, true, doubt)
        if difference < (rounding := ROUNDING * _size_of_unit(reference, reference.units[name])):
            difference, between = rounding, "none: rounding of such numbers"
        known = true[np.isfinite(true)]
        return cls(experiment, name, reference.units[name], float(known[0]) if len(known) else np.nan, errors, difference, between)

    @property
    def label(self) -> str:
        """The measure with its experiment."""
        return f"{self.experiment}.{self.name}"

    @property
    def shares(self) -> dict[float, float]:
        """Error over difference by tolerance."""
        return {rtol: error / self.difference if self.difference else np.nan for rtol, error in self.errors.items()}

    def measure(self, asked: float) -> Measure:
        """The line of the report at the study's tolerance."""
        loosest = np.nan
        for rtol in sorted(self.errors):
            if not self.shares[rtol] <= SHARE:
                break
            loosest = rtol
        return Measure(self.experiment, self.name, self.unit, self.value, self.errors[asked], self.difference, self.between, loosest)


def _largest(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else np.nan


def _size_of_unit(runs: ExperimentRuns, unit: str) -> float:
    """The largest measure in a unit, which says how large the numbers were that a small one is the difference of."""
    sizes = [_largest(np.abs(runs[name])) for name in runs.features if runs.units[name] == unit]
    return max((size for size in sizes if np.isfinite(size)), default=0.0)


def _smallest_difference(runs: ExperimentRuns, values: Array, doubt: Array) -> tuple[float, str]:
    """The smallest difference that is one, and between which conditions; without any, the share of the value that has to be right."""
    size = _largest(np.abs(values))
    floor = RESOLUTION * size if np.isfinite(size) else np.nan
    found = [
        (gap, f"{_label(runs, i)} / {_label(runs, j)}")
        for i, j in _pairs(runs)
        if (gap := abs(float(values[i] - values[j]))) >= floor and gap > 10.0 * (doubt[i] + doubt[j])
    ]
    return min(found, default=(floor, f"none: {100 * RESOLUTION:g} % of the value"))


def _pairs(runs: ExperimentRuns) -> list[tuple[int, int]]:
    """Pairs of runs that a study compares."""
    cases, varied = runs.cases, list(zip(*runs.varied.values(), strict=True)) if runs.varied else [()] * len(runs.cases)
    positions = range(len(cases))
    across = [(i, j) for i in positions for j in positions if i < j and varied[i] == varied[j] and cases[i] != cases[j]]
    return across or [(i, i + 1) for i in positions[:-1] if cases[i] == cases[i + 1]]


def _label(runs: ExperimentRuns, i: int) -> str:
    return " ".join([runs.cases[i], *(f"{key.rpartition('.')[2]} {values[i]:.4g}" for key, values in runs.varied.items())])
