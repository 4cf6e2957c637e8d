"""Cells of a cohort as statistics see them: which runs belong together, their means and standard errors, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .stored import conditions

if TYPE_CHECKING:
    from ..results import ExperimentRuns

Array = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Sample:
    """One number a cell of one condition, with the donor of each cell; cells without a number (NaN) are only counted, in ``lost``."""

    name: str
    values: Array
    donors: tuple[str, ...]
    lost: int

    @property
    def mean(self) -> float:
        """Mean over cells; NaN without cells."""
        return float(np.mean(self.values)) if len(self.values) else float("nan")

    @property
    def sem(self) -> float:
        """Standard error of the mean over cells, s / sqrt(n); NaN for fewer than two."""
        return float(np.std(self.values, ddof=1) / np.sqrt(len(self.values))) if len(self.values) > 1 else float("nan")

    def of_donor(self, donor: str) -> Array:
        """Values of one donor's cells."""
        return self.values[np.array([d == donor for d in self.donors], dtype=bool)]

    @property
    def people(self) -> list[str]:
        """Donors in order of first appearance."""
        return list(dict.fromkeys(self.donors))

    def __str__(self) -> str:
        spread = f" ± {self.sem:.3g}" if np.isfinite(self.sem) else ""
        return f"{self.name} {self.mean:.3g}{spread} ({count_text([self])})"


def is_cohort(runs: ExperimentRuns) -> bool:
    """Whether the runs are cells of donors."""
    return "donor" in runs.labels


def donors_of(runs: ExperimentRuns) -> list[str]:
    """Donor of every run; every run is its own donor where there is no cohort."""
    return [str(d) for d in runs.labels.get("donor", runs.cases)]


def sample_of(runs: ExperimentRuns, feature: str, rows: Sequence[int] | Rows, name: str) -> Sample:
    """The cells of some runs as a sample of a feature."""
    chosen = np.asarray(rows, dtype=int)
    values = runs[feature][chosen]
    known = np.isfinite(values)
    donors = donors_of(runs)
    return Sample(name, values[known], tuple(donors[i] for i in chosen[known]), int((~known).sum()))


def samples_of(runs: ExperimentRuns, feature: str) -> list[Sample]:
    """A sample for each condition."""
    return [sample_of(runs, feature, runs.of_case(name), name) for name in conditions(runs)]


def count_text(samples: Sequence[Sample]) -> str:
    """Numbers of cells and donors of samples, said once where they agree."""
    cells, donors, lost = _joined([len(s.values) for s in samples]), _joined([len(s.people) for s in samples]), sum(s.lost for s in samples)
    each = " each" if len(samples) > 1 and "," not in cells + donors else ""
    return f"n = {cells} cells, N = {donors} donors{each}" + (f"; {lost} without a value" if lost else "")


def _joined(counts: Sequence[int]) -> str:
    return str(counts[0]) if len(set(counts)) == 1 else ", ".join(map(str, counts))


def count_of_rows(runs: ExperimentRuns, rows: Rows, values: Array) -> str:
    """Numbers of cells and donors behind rows of traces (n_rows, n_samples), those of failed runs (all NaN) left out."""
    known = np.isfinite(values).any(axis=1)
    donors = donors_of(runs)
    people = {donors[i] for i in rows[known]}
    lost = int((~known).sum())
    return f"n = {int(known.sum())} cells, N = {len(people)} donors" + (f"; {lost} failed" if lost else "")


def mean_and_sem(values: Array) -> tuple[Array, Array]:
    """Mean and standard error over cells of (n_cells, n_samples), rows of failed runs left out; NaN where there are too few cells."""
    known = np.isfinite(values)
    n = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, values, 0.0).sum(axis=0) / np.where(n > 0, n, np.nan)
        squares = np.where(known, (values - mean) ** 2, 0.0).sum(axis=0)
        sem = np.sqrt(squares / np.where(n > 1, n - 1, np.nan) / np.where(n > 0, n, np.nan))
    return mean, sem
