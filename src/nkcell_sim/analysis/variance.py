"""Donor-to-donor, cell-to-cell and measurement variance kept apart, and what they do to a count of cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError
from .cell_table import SCALES, CellTable, check_at_least, check_choice
from .packages import needed

ESTIMATORS = ("moments", "reml")


@dataclass(frozen=True)
class VarianceSplit:
    """Variance components (unit squared, or of natural logarithms for ``scale = "log"``).

    ``measurement`` is NaN where no ideal values were given; then ``cell`` contains it. ``bias`` is the mean of observed - ideal. ``donor_raw`` is the moment
    estimate before a negative one was set to 0 (NaN for REML). ``cells`` is the effective number of cells a donor (the n0 of unbalanced data).
    """

    donor: float
    cell: float
    measurement: float
    bias: float
    donor_raw: float
    n_donors: int
    n_cells: int
    cells: float
    scale: str
    method: str
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """Sum of the components."""
        return self.donor + self.cell + (0.0 if math.isnan(self.measurement) else self.measurement)

    @property
    def icc(self) -> float:
        """Intraclass correlation of two observed cells of one donor: donor variance over total variance."""
        return self.donor / self.total if self.total > 0.0 else math.nan

    def design_effect(self, cells: float | None = None) -> float:
        """Variance of a mean over that of as many independent cells, 1 + (m - 1) ICC, for m ``cells`` a donor (Kish 1965); by default those of the data."""
        m = self.cells if cells is None else check_at_least("cells", cells, 1.0)
        return 1.0 + (m - 1.0) * self.icc

    def cvs(self) -> tuple[float, float, float]:
        """Coefficients of variation sqrt(exp(s^2) - 1) of donors, cells and measurement; only on the log scale, where they mean something."""
        if self.scale != "log":
            raise ParameterError("coefficients of variation are those of lognormal factors; split the variance with scale = 'log'", name="scale")
        donor, cell, measurement = (math.sqrt(math.expm1(v)) if v >= 0.0 else math.nan for v in (self.donor, self.cell, self.measurement))
        return donor, cell, measurement


def variance_components(
    table: CellTable,
    groups: Sequence[str] | None = None,
    *,
    ideal: ArrayLike | None = None,
    scale: str = "linear",
    method: str = "moments",
) -> VarianceSplit:
    """Split the variance of a table's cells within donors within groups; differences between groups are taken out.

    With ``ideal`` (one value a cell: the same cell without the rig) measurement is the variance of observed - ideal and donors and cells
    are told apart on the ideal values; without it ``cell`` contains the measurement. ``method`` "moments" equates the mean squares of the
    nested analysis of variance, E(MS_donor) = cell + n0 donor (Searle, Casella & McCulloch 1992, DOI 10.1002/9780470316856); "reml" is
    statsmodels' MixedLM. Raises :class:`ParameterError` for fewer than two donors in every group, or no donor with two cells.
    """
    check_choice("scale", scale, SCALES)
    check_choice("method", method, ESTIMATORS)
    names = table.chosen(groups, least=1)
    observed, true, group, donor, notes = _columns(table, names, ideal, scale)
    n_groups, n_donors, n = len(set(group)), len(set(donor)), len(true)
    if n_donors <= n_groups:
        raise ParameterError(f"got {n_donors} donors in {n_groups} groups; donor variance needs at least two donors in a group", name="donor")
    if n <= n_donors:
        raise ParameterError(f"got {n} cells of {n_donors} donors; cell variance needs a donor with at least two cells", name="donor")
    cell, raw, n0 = _moments(true, group, donor)
    donor_variance = max(raw, 0.0)
    if method == "reml":
        donor_variance, cell, raw, said = _reml(true, group, donor)
        notes = [*notes, *said]
    elif raw < 0.0:
        notes = [*notes, f"the moment estimate of the donor variance is negative ({raw:.3g}): donors differ by less than their cells lead to expect"]
    error = observed - true
    measurement, bias = (math.nan, math.nan) if ideal is None else (float(np.var(error, ddof=1)), float(error.mean()))
    return VarianceSplit(donor_variance, cell, measurement, bias, raw, n_donors, n, n0, scale, method, tuple(notes))


Columns = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp], NDArray[np.intp], list[str]]


def _columns(table: CellTable, names: Sequence[str], ideal: ArrayLike | None, scale: str) -> Columns:
    donors = table.donors()
    true = table.value if ideal is None else np.asarray(ideal, dtype=float)
    if true.shape != table.value.shape:
        raise ParameterError(f"got {true.size} ideal values for {len(table)} cells; expected one a cell, in the same order", name="ideal")
    inside = np.isin(table.group, names)
    good = inside & np.isfinite(table.value) & np.isfinite(true)
    observed, true = table.value[good], true[good]
    lost = int(inside.sum() - good.sum())
    if not len(true):
        raise ParameterError(f"none of the {int(inside.sum())} cells of {', '.join(names)} has a value", name="groups")
    if scale == "log":
        bad = int(((observed <= 0.0) | (true <= 0.0)).sum())
        if bad:
            raise ParameterError(f"{bad} values are zero or negative and have no logarithm; use scale = 'linear'", name="scale")
        observed, true = np.log(observed), np.log(true)
    # A donor in two groups counts as one donor in each: its difference between groups is not cell-to-cell variance.
    group = np.unique(table.group[good], return_inverse=True)[1]
    donor = np.unique(np.column_stack([group, np.unique(donors[good], return_inverse=True)[1]]), axis=0, return_inverse=True)[1].reshape(-1)
    return observed, true, group, donor, [f"{lost} cells without a value were left out"] if lost else []


def _moments(x: NDArray[np.float64], group: NDArray[np.intp], donor: NDArray[np.intp]) -> tuple[float, float, float]:
    """Cell variance, donor variance and n0 of the nested analysis of variance."""
    cells = np.bincount(donor)
    of = np.zeros(len(cells), dtype=np.intp)
    of[donor] = group
    mean = np.bincount(donor, x) / cells
    group_mean = (np.bincount(group, x) / np.bincount(group))[of]
    n_groups, n_donors = len(set(group)), len(cells)
    within = float(((x - mean[donor]) ** 2).sum() / (len(x) - n_donors))
    between = float((cells * (mean - group_mean) ** 2).sum() / (n_donors - n_groups))
    n0 = float((len(x) - (np.bincount(of, cells.astype(float) ** 2) / np.bincount(of, cells)).sum()) / (n_donors - n_groups))
    return within, (between - within) / n0, n0


def _reml(x: NDArray[np.float64], group: NDArray[np.intp], donor: NDArray[np.intp]) -> tuple[float, float, float, list[str]]:
    import warnings

    model = needed("statsmodels.regression.mixed_linear_model", "restricted maximum likelihood")
    size = float(np.std(x))
    if size == 0.0:
        raise ParameterError(f"all {len(x)} values are equal; there is no variance to split", name="value")
    fixed = (group[:, None] == np.unique(group)).astype(float)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = model.MixedLM((x - x.mean()) / size, fixed, groups=donor).fit(reml=True)
    said = [f"statsmodels: {' '.join(str(w.message).split())}" for w in caught]
    if not result.converged:
        said.append("the REML fit did not converge")
        return math.nan, math.nan, math.nan, said
    return float(np.asarray(result.cov_re)[0, 0]) * size**2, float(result.scale) * size**2, math.nan, said
