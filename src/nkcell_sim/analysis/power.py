"""Power and false-positive rate of a design by simulation, at the cell and at the donor level.

Every design point has its own random stream, named by the seed and by the design (:mod:`nkcell_sim.randomness`), so that neither the order of
points nor the number of workers changes a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from ..randomness import checked_seed, stream
from . import p_values
from .cell_table import AGGREGATES, SCALES, UNITS, CellTable, aggregator, check_choice, check_count, check_counts, check_limit, check_share
from .hierarchy import Bank, Design, Draws, Pair
from .mixed import REFERENCES, fit_contrast
from .packages import needed
from .statistics import PAIRED_TESTS

TESTS = ("mann_whitney", "welch_t", "wilcoxon", "paired_t", "fisher", "mixed_model")
_ROOM = 2_000_000  # cells drawn at once


@dataclass(frozen=True)
class Analysis:
    """How the data of an experiment are tested: ``test`` at ``unit`` ("cell", "donor"), values or their logarithms (``scale``), cells of a
    donor by ``aggregate`` (after the logarithm), responders above ``detection_limit`` (in the unit of the values; for a :class:`Design`
    that is the median cell of its first group), the mixed model's ``reference`` ("t", "normal"). Raises :class:`ParameterError`.
    """

    test: str
    unit: str
    scale: str = "linear"
    aggregate: str = "mean"
    detection_limit: float | None = None
    reference: str = "t"

    def __post_init__(self) -> None:
        for name, choices in (("test", TESTS), ("unit", UNITS), ("scale", SCALES), ("aggregate", AGGREGATES), ("reference", REFERENCES)):
            check_choice(name, getattr(self, name), choices)
        if self.test == "fisher":
            check_limit(self.detection_limit)
        if self.test in PAIRED_TESTS and self.unit == "cell":
            raise ParameterError(f"{self.test} compares the two arms of a donor; use unit = 'donor'", name="unit")
        if self.test == "mixed_model" and self.unit == "donor":
            raise ParameterError("a mixed model takes cells within donors; use unit = 'cell'", name="unit")
        if self.test == "fisher" and self.scale == "log":
            raise ParameterError("Fisher's test counts values above a limit; use scale = 'linear'", name="scale")

    @property
    def name(self) -> str:
        """In words, for a legend."""
        words = {"mann_whitney": "Mann-Whitney", "welch_t": "Welch t", "wilcoxon": "Wilcoxon", "paired_t": "paired t", "fisher": "Fisher"}
        if self.test == "mixed_model":
            return f"mixed model{', log' if self.scale == 'log' else ''}{', Wald z' if self.reference == 'normal' else ''}"
        return f"{words[self.test]}{', log' if self.scale == 'log' else ''}, by {self.unit}"


BOTH_UNITS = (Analysis("mann_whitney", "cell"), Analysis("mann_whitney", "donor"))


@dataclass(frozen=True)
class Share:
    """Share of simulated experiments with p at most alpha, with its Wilson interval; ``undefined`` experiments had no p and count as not significant."""

    hits: int
    experiments: int
    low: float
    high: float
    undefined: int

    @property
    def value(self) -> float:
        """The estimate."""
        return self.hits / self.experiments


@dataclass(frozen=True)
class Rate:
    """Power and false-positive rate of one analysis of a design."""

    analysis: Analysis
    power: Share
    false_positives: Share


@dataclass(frozen=True)
class PowerPoint:
    """The rates of every analysis of one design (or bank), at ``alpha``; ``design`` and ``seed`` are None for rates read from a result file."""

    design: Design | Bank | None
    alpha: float
    seed: int | None
    rates: tuple[Rate, ...]

    def of(self, analysis: Analysis) -> Rate:
        """The rate of one analysis."""
        found = [r for r in self.rates if r.analysis == analysis]
        if not found:
            raise ParameterError(f"{analysis.name} was not simulated; there are {', '.join(r.analysis.name for r in self.rates)}", name="analysis")
        return found[0]


def power(
    design: Design | Bank,
    analyses: Sequence[Analysis] = BOTH_UNITS,
    *,
    seed: int,
    alpha: float = 0.05,
    experiments: int = 2000,
    mixed_experiments: int = 200,
) -> PowerPoint:
    """Simulate ``experiments`` of a design with the effect and as many without, and count how often each analysis gives p <= ``alpha``.

    All analyses see the same data. A mixed model is fitted to the first ``mixed_experiments`` only, since each fit takes milliseconds.
    """
    return _simulated(design, tuple(analyses), checked_seed(seed), alpha, experiments, mixed_experiments)


def _simulated(design: Design | Bank, analyses: tuple[Analysis, ...], seed: int, alpha: float, experiments: int, mixed_experiments: int) -> PowerPoint:
    check_share("alpha", alpha)
    check_count("experiments", experiments, least=1)
    check_count("mixed_experiments", mixed_experiments, least=1)
    _check_analyses(design, analyses)
    counts = {a: min(mixed_experiments, experiments) if a.test == "mixed_model" else experiments for a in analyses}
    effect, null = _with_effect(design, counts, seed, alpha), _without_effect(design, counts, seed, alpha)
    return PowerPoint(design, alpha, seed, tuple(Rate(a, effect[a], null[a]) for a in analyses))


def power_alone(design: Design | Bank, analysis: Analysis, *, seed: int, alpha: float = 0.05, experiments: int = 2000) -> Share:
    """Power of one analysis: the number that :func:`power` gives, at half the cost, since nothing without the effect is simulated.

    A mixed model is fitted to all ``experiments``.
    """
    check_share("alpha", alpha)
    check_count("experiments", experiments, least=1)
    _check_analyses(design, (analysis,))
    return _with_effect(design, {analysis: experiments}, checked_seed(seed), alpha)[analysis]


def resampled_power(
    table: CellTable,
    groups: Sequence[str] | None = None,
    *,
    donors: int | tuple[int, int],
    cells: int,
    seed: int,
    paired: bool = False,
    null: str = "",
    analyses: Sequence[Analysis] = BOTH_UNITS,
    alpha: float = 0.05,
    experiments: int = 2000,
    mixed_experiments: int = 200,
) -> PowerPoint:
    """Power and false-positive rate of experiments drawn from a bank of simulated donors, see :class:`Bank` for ``null``; no distribution is assumed."""
    bank = Bank.of(table, groups, donors=donors, cells=cells, paired=paired, null=null)
    return power(bank, analyses, seed=seed, alpha=alpha, experiments=experiments, mixed_experiments=mixed_experiments)


def _check_analyses(design: Draws, analyses: Sequence[Analysis]) -> None:
    if not analyses:
        raise ParameterError("got no analyses; name at least one, for example Analysis('mann_whitney', 'donor')", name="analyses")
    for i, a in enumerate(analyses):
        if a in analyses[:i]:
            raise ParameterError(f"the analysis {a.name!r} is named twice", name="analyses")
        if a.test in PAIRED_TESTS and not design.paired:
            raise ParameterError(f"{a.name} needs a design whose arms are of the same donors (paired = True)", name="analyses")
        if a.scale == "log" and getattr(design, "channels", None) is not None:
            raise ParameterError(f"{a.name} takes logarithms, and cells without a channel are zero; use scale = 'linear'", name="analyses")
    donors = design.groups if isinstance(design, Design) else design.donors  # type: ignore[attr-defined]
    least = 1 if all(a.test in ("mann_whitney", "fisher") for a in analyses) else 2
    if min(donors) < least:
        raise ParameterError(f"got {min(donors)} donor in a group; these analyses need at least {least}", name="donors")
    if design.size == sum(donors) and any(a.test == "mixed_model" for a in analyses):
        raise ParameterError("one cell a donor: a mixed model cannot tell donors from cells; give more cells, or use unit = 'donor'", name="cells")


def _with_effect(design: Draws, counts: dict[Analysis, int], seed: int, alpha: float) -> dict[Analysis, Share]:
    return _shares(design, design.draw, counts, stream(seed, "power", "effect", design.label), alpha)


def _without_effect(design: Draws, counts: dict[Analysis, int], seed: int, alpha: float) -> dict[Analysis, Share]:
    return _shares(design, design.draw_null, counts, stream(seed, "power", "null", design.label), alpha)


Draw = Callable[[np.random.Generator, int], Pair]


def _shares(design: Draws, draw: Draw, counts: dict[Analysis, int], rng: np.random.Generator, alpha: float) -> dict[Analysis, Share]:
    """Blocks of experiments that fit into memory; their size depends on the design alone."""
    total = max(counts.values())
    block = max(1, min(total, _ROOM // design.size))
    p: dict[Analysis, list[NDArray[np.float64]]] = {a: [] for a in counts}
    for start in range(0, total, block):
        first, second = draw(rng, min(block, total - start))
        for a, wanted in counts.items():
            if start < wanted:
                p[a].append(p_of(a, first[: wanted - start], second[: wanted - start], paired=design.paired))
    return {a: _share(np.concatenate(values), alpha) for a, values in p.items()}


def _share(p: NDArray[np.float64], alpha: float) -> Share:
    proportion = needed("statsmodels.stats.proportion", "the interval of a simulated rate")
    hits = int((p <= alpha).sum())
    low, high = proportion.proportion_confint(hits, len(p), alpha=0.05, method="wilson")
    return Share(hits, len(p), float(low), float(high), int(np.isnan(p).sum()))


def p_of(analysis: Analysis, first: NDArray[Any], second: NDArray[Any], *, paired: bool) -> NDArray[np.float64]:
    """p-values (experiments,) of data (experiments, donors, cells); NaN where the test is undefined."""
    if analysis.scale == "log":
        if min(first.min(), second.min()) <= 0.0:
            raise ParameterError("some values are zero or negative and have no logarithm; use scale = 'linear'", name="scale")
        first, second = np.log(first), np.log(second)
    if analysis.test == "mixed_model":
        return np.array([_mixed_p(a, b, analysis.reference, paired) for a, b in zip(first, second, strict=True)])
    a, b = (_units(x, analysis) for x in (first, second))
    if analysis.test == "fisher":
        return p_values.fisher_exact(a, b, check_limit(analysis.detection_limit)).p
    tests = {
        "mann_whitney": p_values.mann_whitney, "welch_t": p_values.welch_t, "wilcoxon": p_values.wilcoxon_signed_rank, "paired_t": p_values.paired_t
    }  # fmt: skip
    return tests[analysis.test](a, b).p


def _units(x: NDArray[Any], analysis: Analysis) -> NDArray[np.float64]:
    if analysis.unit == "cell":
        return x.reshape(len(x), -1)
    return np.asarray(aggregator(analysis.aggregate)(x))


def _mixed_p(a: NDArray[Any], b: NDArray[Any], reference: str, paired: bool) -> float:
    y = np.concatenate([a.ravel(), b.ravel()])
    if np.ptp(y) == 0.0:
        return math.nan
    second = np.repeat([0.0, 1.0], [a.size, b.size])
    donors = [np.repeat(np.arange(len(x)), x.shape[1]) for x in (a, b)]
    return fit_contrast(y, second, np.concatenate([donors[0], donors[1] + (0 if paired else len(a))]), reference=reference).p


@dataclass(frozen=True)
class PowerCurve:
    """Rates over donors and cells: ``points`` in the order of ``donors`` within ``cells``."""

    donors: tuple[int, ...]
    cells: tuple[int, ...]
    points: tuple[PowerPoint, ...]

    def at(self, donors: int, cells: int) -> PowerPoint:
        """The point of that many donors a group and cells a donor."""
        if donors not in self.donors or cells not in self.cells:
            raise ParameterError(f"got {donors} donors, {cells} cells; the curve has donors {self.donors} and cells {self.cells}", name="donors")
        return self.points[self.cells.index(cells) * len(self.donors) + self.donors.index(donors)]

    def over_donors(self, analysis: Analysis, *, cells: int) -> list[Rate]:
        """Rates of one analysis for every number of donors."""
        return [self.at(n, cells).of(analysis) for n in self.donors]

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for every point and analysis, for a table or a result file."""
        found = []
        for (cells, donors), point in zip(product(self.cells, self.donors), self.points, strict=True):
            for r in point.rates:
                shares = (("power", r.power), ("false_positives", r.false_positives))
                numbers = {f"{k}{s}": getattr(share, s[1:] or "value") for k, share in shares for s in ("", "_low", "_high", "_experiments", "_undefined")}
                plain = {"test": r.analysis.test, "unit": r.analysis.unit, "analysis": r.analysis.name, "alpha": point.alpha}
                found.append({"donors": donors, "cells": cells, **plain, **numbers})
        return found


def power_curve(
    design: Design | Bank,
    *,
    donors: Iterable[int],
    cells: Iterable[int],
    seed: int,
    analyses: Sequence[Analysis] = BOTH_UNITS,
    alpha: float = 0.05,
    experiments: int = 2000,
    mixed_experiments: int = 200,
    executor: Executor | None = None,
) -> PowerCurve:
    """Power and false-positive rate for every number of donors (in each group) and of cells a donor, all else as in ``design``.

    ``executor`` (of concurrent.futures) spreads the points over its workers; the numbers are the same with any, or none.
    """
    wanted, per_donor = (tuple(sorted(check_counts(name, given, least=1))) for name, given in (("donors", donors), ("cells", cells)))
    points = [_resized(design, n, m) for m in per_donor for n in wanted]
    for p in points:
        _check_analyses(p, analyses)
    settings = (tuple(analyses), checked_seed(seed), alpha, experiments, mixed_experiments)
    if executor is None:
        return PowerCurve(wanted, per_donor, tuple(_simulated(p, *settings) for p in points))
    waiting = [executor.submit(_simulated, p, *settings) for p in points]
    return PowerCurve(wanted, per_donor, tuple(w.result() for w in waiting))


def _resized(design: Design | Bank, donors: int, cells: int) -> Design | Bank:
    return replace(design, donors=donors if isinstance(design, Design) else (donors, donors), cells=cells)  # type: ignore[arg-type]


@dataclass(frozen=True)
class DonorsNeeded:
    """The smallest number of donors a group whose simulated power reaches ``wanted``; None if ``most`` do not.

    ``low`` to ``high``: the smallest numbers whose interval reaches the power with its upper and with its lower end, so the Monte-Carlo error of the
    answer. ``false_positives`` at the answer says whether the test keeps its level there: the power of a test that does not is no power.
    """

    donors: int | None
    low: int | None
    high: int | None
    wanted: float
    false_positives: Share | None
    tried: tuple[tuple[int, Share], ...]


def donors_needed(
    design: Design | Bank,
    analysis: Analysis,
    *,
    seed: int,
    power: float = 0.8,
    alpha: float = 0.05,
    experiments: int = 2000,
    least: int = 2,
    most: int = 200,
) -> DonorsNeeded:
    """Donors a group that give ``power``, by bisection between ``least`` and ``most``; the design's own number of donors is not used."""
    wanted = check_share("power", power)
    check_count("least", least, least=1)
    if check_count("most", most, least=1) < least:
        raise ParameterError(f"got most = {most}, which is less than least = {least}", name="most")
    known = dict[int, Share]()

    def share(n: int) -> Share:
        if n not in known:
            known[n] = power_alone(_resized(design, n, design.cells), analysis, seed=seed, alpha=alpha, experiments=experiments)
        return known[n]

    answer = smallest(lambda n: share(n).value >= wanted, least, most)
    low = smallest(lambda n: share(n).high >= wanted, least, most)
    high = smallest(lambda n: share(n).low >= wanted, least, most)
    level = None if answer is None else _without_effect(_resized(design, answer, design.cells), {analysis: experiments}, seed, alpha)[analysis]
    return DonorsNeeded(answer, low, high, wanted, level, tuple(sorted(known.items())))


def smallest(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """The smallest number that is enough, by bisection; None if the largest is not."""
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def inflated_level(icc: float, cells: float, *, alpha: float = 0.05) -> float:
    """False-positive rate of a z test on cells as if independent, 2 Phi(-z_alpha / sqrt(1 + (m - 1) ICC)): large samples, groups of separate donors."""
    from scipy.stats import norm

    check_share("alpha", alpha)
    if not 0.0 <= icc <= 1.0 or not cells >= 1.0:
        raise ParameterError(f"got icc = {icc!r}, cells = {cells!r}; expected an intraclass correlation from 0 to 1 and at least one cell a donor", name="icc")
    return float(2.0 * norm.sf(norm.isf(alpha / 2.0) / math.sqrt(1.0 + (cells - 1.0) * icc)))
