"""Effect sizes with bootstrap intervals: the second sample against the first, the reference.

``cliffs_delta``: share of pairs in which the second is larger minus the share in which it is smaller, -1 to 1 (Cliff 1993, DOI 10.1037/0033-2909.114.3.494);
for independent samples this is the rank-biserial correlation. ``shift``: Hodges-Lehmann estimate, the median of all differences (unit of the value).
``ratio_of_medians``. ``hedges_g``: difference of the means over the pooled standard deviation with Hedges' correction 1 - 3/(4 df - 1) (Hedges 1981,
DOI 10.3102/10769986006002107). Paired samples: ``rank_biserial`` of the signed ranks (Kerby 2014, DOI 10.2466/11.IT.3.1), ``shift`` the
median of the Walsh averages of the differences, ``hedges_g`` over the mean of both standard deviations.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ..errors import ParameterError
from .cell_table import check_choice, check_count, check_share, padded

INDEPENDENT = ("cliffs_delta", "shift", "ratio_of_medians", "hedges_g")
PAIRED = ("rank_biserial", "shift", "ratio_of_medians", "hedges_g")
MOST_PAIRS = 250_000  # of the Hodges-Lehmann estimate in one sample; beyond, its interval is left out
_ROOM = 4_000_000  # numbers in one block of resamples


@dataclass(frozen=True)
class Effect:
    """An effect size (unit in ``unit``, "1" for a pure number) and its interval at ``level``; NaN where none was asked for or exists."""

    name: str
    value: float
    low: float
    high: float
    unit: str
    level: float
    interval: str


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are found: scipy.stats.bootstrap with this many resamples, level and method ("percentile", "basic" or "BCa").

    At cell level with donors known, donors are resampled and then cells within each donor, for which only the percentile interval is meaningful.
    """

    resamples: int = 2000
    level: float = 0.95
    method: str = "percentile"

    def __post_init__(self) -> None:
        check_count("resamples", self.resamples, least=100)
        check_share("level", self.level)
        check_choice("method", self.method, ("percentile", "basic", "BCa"))


def independent_effects(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """The four effect sizes of :data:`INDEPENDENT`, shape (4, ...), of samples along the last axis."""
    n1, n2 = first.shape[-1], second.shape[-1]
    ranks = rankdata(np.concatenate([first, second], axis=-1), axis=-1)
    u = ranks[..., n1:].sum(axis=-1) - n2 * (n2 + 1) / 2.0
    if n1 * n2 <= MOST_PAIRS:
        differences = second[..., :, None] - first[..., None, :]
        shift = np.median(differences.reshape(*differences.shape[:-2], n1 * n2), axis=-1)
    else:
        shift = np.full(first.shape[:-1], np.nan)
    df = n1 + n2 - 2
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = np.sqrt((((first - first.mean(-1, keepdims=True)) ** 2).sum(-1) + ((second - second.mean(-1, keepdims=True)) ** 2).sum(-1)) / df)
        g = _finite((second.mean(-1) - first.mean(-1)) / pooled * (1.0 - 3.0 / (4.0 * df - 1.0)))
    return np.stack([2.0 * u / (n1 * n2) - 1.0, shift, _ratio(first, second), g])


def paired_effects(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """The four effect sizes of :data:`PAIRED`, shape (4, ...), of pairs along the last axis."""
    d = second - first
    n = d.shape[-1]
    ranks = rankdata(np.where(d == 0.0, np.inf, np.abs(d)), axis=-1)  # zeros last, so that the others are ranked from 1
    rows, columns = np.triu_indices(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        up, down = (np.where(d > 0.0, ranks, 0.0).sum(-1), np.where(d < 0.0, ranks, 0.0).sum(-1))
        shift = np.median((d[..., rows] + d[..., columns]) / 2.0, axis=-1)
        spread = np.sqrt((first.var(axis=-1, ddof=1) + second.var(axis=-1, ddof=1)) / 2.0)
        g = _finite(d.mean(-1) / spread * (1.0 - 3.0 / (4.0 * (n - 1) - 1.0)))
        return np.stack([_finite((up - down) / (up + down)), shift, _ratio(first, second), g])


def _ratio(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """Ratio of two medians above 0; NaN otherwise: near or below 0 a ratio says nothing, and its bootstrap interval runs to infinity."""
    above, below = np.median(second, axis=-1), np.median(first, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((above > 0.0) & (below > 0.0), _finite(above / below), np.nan)


def _finite(values: Any) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)


def effects_of(
    first: NDArray[Any],
    second: NDArray[Any],
    *,
    paired: bool,
    unit: str,
    rng: np.random.Generator | None,
    bootstrap: Bootstrap,
    donors: tuple[NDArray[Any], NDArray[Any]] | None = None,
) -> tuple[Effect, ...]:
    """Effect sizes of two samples; with ``rng`` and intervals, with ``donors`` (one label a value) resampled donors first, then cells."""
    names, measure = (PAIRED, paired_effects) if paired else (INDEPENDENT, independent_effects)
    values = measure(first, second)
    low, high, said = np.full(4, np.nan), np.full(4, np.nan), ""
    if rng is not None and min(len(first), len(second)) >= 2:
        if donors is not None and not paired:
            low, high = _nested(first, second, donors, rng, bootstrap)
            said = f"bootstrap of donors, then cells, {bootstrap.resamples} resamples, percentile"
        else:
            low, high = _simple(first, second, measure, rng, bootstrap, paired)
            said = f"bootstrap, {bootstrap.resamples} resamples, {bootstrap.method}"
    units = ("1", unit, "1", "1")
    return tuple(
        Effect(n, float(v), float(a), float(b), u, bootstrap.level, said if np.isfinite(a) else "")
        for n, v, a, b, u in zip(names, values, low, high, units, strict=True)
    )


def _simple(first: Any, second: Any, measure: Any, rng: np.random.Generator, how: Bootstrap, paired: bool) -> tuple[Any, Any]:
    return _interval((first, second), lambda a, b, axis=-1: measure(a, b), len(first) * len(second), rng, how, how.method, paired)


def _nested(first: Any, second: Any, donors: tuple[Any, Any], rng: np.random.Generator, how: Bootstrap) -> tuple[Any, Any]:
    """Donors are what scipy resamples; the statistic then draws cells within each donor drawn."""
    if how.method != "percentile":
        raise ParameterError(
            f"got bootstrap method {how.method!r} for cells within donors; there only 'percentile' is meaningful, since cells are drawn at random",
            name="method",
        )
    groups = tuple(_Within(v, d, rng) for v, d in ((first, donors[0]), (second, donors[1])))
    if min(len(g.counts) for g in groups) < 2:
        return np.full(4, np.nan), np.full(4, np.nan)

    def statistic(i: Any, j: Any, axis: int = -1) -> NDArray[np.float64]:
        drawn = [g.draw(index) for g, index in zip(groups, (i, j), strict=True)]
        if all(g.balanced for g in groups):
            return independent_effects(drawn[0][0], drawn[1][0])
        found = [independent_effects(a[x], b[y]) for a, x, b, y in zip(*drawn[0], *drawn[1], strict=True)]
        return np.stack(found, axis=-1)

    return _interval(tuple(np.arange(len(g.counts)) for g in groups), statistic, len(first) * len(second), rng, how, "percentile", False)


class _Within:
    """Cells of a group by donor as a padded matrix, and draws of cells within drawn donors."""

    def __init__(self, value: NDArray[Any], donor: NDArray[Any], rng: np.random.Generator) -> None:
        cells = [value[donor == d] for d in dict.fromkeys(donor)]
        self.padded, self.counts = padded(cells)
        self.balanced = bool((self.counts == self.counts[0]).all())
        self.rng = rng

    def draw(self, donors: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values (resamples, donors x most cells) and which of them are there."""
        index = np.atleast_2d(np.asarray(donors, dtype=np.intp))
        counts = self.counts[index][..., None]
        most = self.padded.shape[1]
        cell = (self.rng.random((*index.shape, most)) * counts).astype(np.intp)
        there = np.broadcast_to(np.arange(most) < counts, cell.shape)
        return self.padded[index[..., None], cell].reshape(len(index), -1), there.reshape(len(index), -1)


def _interval(data: Any, statistic: Any, size: int, rng: np.random.Generator, how: Bootstrap, method: str, paired: bool) -> tuple[Any, Any]:
    from scipy.stats import bootstrap

    with warnings.catch_warnings():
        # A degenerate resample distribution (complete separation) gives NaN limits, which say the same.
        warnings.filterwarnings("ignore", message=".*(BCa confidence interval|degenerate).*")
        warnings.filterwarnings("ignore", message=".*(invalid value|divide by zero).*", category=RuntimeWarning)
        found = bootstrap(
            data,
            statistic,
            n_resamples=how.resamples,
            batch=max(1, _ROOM // max(size, 1)),
            vectorized=True,
            paired=paired,
            axis=-1,
            confidence_level=how.level,
            method=method,
            rng=rng,
        )
    return found.confidence_interval.low, found.confidence_interval.high
