"""Mixed model of cells within donors by statsmodels' MixedLM (restricted maximum likelihood)."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .cell_table import SCALES, CellTable, check_choice, check_share
from .packages import needed

REFERENCES = ("t", "normal")
OPTIMISERS = ("bfgs", "lbfgs", "cg", "powell", "nm")  # tried in this order until one converges


@dataclass(frozen=True)
class MixedFit:
    """The contrast second - first of a fitted model, on the fitted scale (unit of the value, or natural logarithms).

    ``df`` are the degrees of freedom of the t reference, infinite for the normal one. ``donor_variance``, ``arm_variance`` (donor within
    arm, NaN where no donor is in both groups) and ``cell_variance`` are on the fitted scale. ``problem`` says why there is no estimate.
    """

    estimate: float
    se: float
    statistic: float
    p: float
    df: float
    low: float
    high: float
    donor_variance: float
    arm_variance: float
    cell_variance: float
    scale: str
    converged: bool
    problem: str
    warnings: tuple[str, ...]


def fit_mixed(
    table: CellTable,
    groups: tuple[str, str],
    *,
    scale: str = "linear",
    reference: str = "t",
    level: float = 0.95,
) -> MixedFit:
    """Fit value = group + donor (+ donor within arm, where donors are in both groups) + cell; cells are nested in donors.

    With ``reference = "t"`` the contrast is compared with Student's t on (donors - 2) degrees of freedom, (donors - 1) where every donor is in both
    groups, which for balanced data and variances estimated above 0 is the exact analysis of variance (Searle, Casella & McCulloch 1992,
    DOI 10.1002/9780470316856); where one is estimated as 0 the degrees of freedom stay and p differs a little;
    ``"normal"`` is statsmodels' own Wald test, which rejects too often with few donors. A fit that does not converge, or has no
    finite standard error, is returned with its ``problem`` and NaN p. Raises :class:`ParameterError` for fewer than two donors in
    a group, no donor with two cells, constant data, or values that have no logarithm.
    """
    check_choice("scale", scale, SCALES)
    check_choice("reference", reference, REFERENCES)
    check_share("level", level)
    y, second, donor = _columns(table, groups, scale)
    return fit_contrast(y, second, donor, scale=scale, reference=reference, level=level)


def _columns(table: CellTable, groups: tuple[str, str], scale: str) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    samples = [table.sample(g, unit="cell") for g in groups]
    donors = [table.donors()[(table.group == g) & np.isfinite(table.value)] for g in groups]
    for g, d in zip(groups, donors, strict=True):
        if len(set(d)) < 2:
            raise ParameterError(f"group {g!r} has one donor; a mixed model needs at least two donors a group to tell donors from groups", name="donor")
    if all(len(set(d)) == len(d) for d in donors):
        raise ParameterError("no donor has two cells in a group; a mixed model cannot tell donors from cells: use a test with unit = 'donor'", name="donor")
    y = np.concatenate([s.value for s in samples])
    if scale == "log":
        if (y <= 0.0).any():
            raise ParameterError(f"{int((y <= 0.0).sum())} values are zero or negative and have no logarithm; use scale = 'linear'", name="scale")
        y = np.log(y)
    if np.ptp(y) == 0.0:
        raise ParameterError(f"all {len(y)} values are {y[0]:g}; there is nothing to compare", name="value")
    second = np.repeat([0.0, 1.0], [len(s.value) for s in samples])
    return y, second, np.unique(np.concatenate(donors), return_inverse=True)[1]


def fit_contrast(
    y: NDArray[np.float64], second: NDArray[np.float64], donor: NDArray[np.intp], *, scale: str = "linear", reference: str = "t", level: float = 0.95
) -> MixedFit:
    """The same for plain columns (n_cells,): response, 1 for cells of the second group, and the donor as a number."""
    n_donors = len(set(donor))
    shared = set(donor[second == 0.0]) & set(donor[second == 1.0])
    size = float(np.std(y))
    result, said, problem = _fitted((y - y.mean()) / size, second, donor, bool(shared))
    se = math.nan if result is None else float(result.bse_fe[1]) * size
    if not problem and not (math.isfinite(se) and se > 0.0):
        problem = f"the fit has no finite standard error of the difference (got {se:g})"
    if result is None or problem:
        return MixedFit(*(math.nan,) * 10, scale, False, problem, said)
    estimate = float(result.fe_params[1]) * size
    df = math.inf if reference == "normal" else float(n_donors - (1 if len(shared) == n_donors else 2))
    t = estimate / se
    p, half = _reference(t, df, level)
    arm = float(result.vcomp[0]) * size**2 if shared else math.nan
    cells = float(result.scale) * size**2
    donors = float(np.asarray(result.cov_re)[0, 0]) * size**2
    return MixedFit(estimate, se, t, p, df, estimate - half * se, estimate + half * se, donors, arm, cells, scale, True, "", said)


def _reference(t: float, df: float, level: float) -> tuple[float, float]:
    from scipy import stats

    law: Any = stats.norm if math.isinf(df) else stats.t(df)
    return float(2.0 * law.sf(abs(t))), float(law.isf((1.0 - level) / 2.0))


def _fitted(y: Any, second: Any, donor: Any, shared: bool) -> tuple[Any, tuple[str, ...], str]:
    """The result of statsmodels (None where it raised), its warnings, and what went wrong."""
    lib = needed("statsmodels.regression.mixed_linear_model", "a mixed model")
    fixed = np.column_stack([np.ones_like(second), second])
    more = {}
    if shared:
        arms = [np.column_stack([second[donor == d] == a for a in sorted(set(second[donor == d]))]).astype(float) for d in np.unique(donor)]
        names = [[f"arm {int(a)}" for a in sorted(set(second[donor == d]))] for d in np.unique(donor)]
        more = {"exog_vc": lib.VCSpec(["arm"], [names], [arms])}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = lib.MixedLM(y, fixed, groups=donor, exog_re=np.ones((len(y), 1)), **more).fit(reml=True, method=list(OPTIMISERS))
            _ = result.bse_fe  # computed when first asked for, and it may warn
        except (np.linalg.LinAlgError, ValueError, FloatingPointError) as error:
            return None, _texts(caught), f"statsmodels could not fit the model: {error}"
    problem = "" if result.converged else "the fit did not converge; its estimates are not used"
    return result, _texts(caught), problem


def _texts(caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(" ".join(str(w.message).split()) for w in caught))
