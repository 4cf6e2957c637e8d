"""Which hypotheses a deciding experiment tells apart, and how many donors that takes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ParameterError
from .cell_table import check_at_least, check_count
from .deciding import Decision
from .hierarchy import Design
from .power import Analysis, DonorsNeeded, donors_needed, power_alone

PAIRED = Analysis("wilcoxon", "donor")
GROUPS = Analysis("mann_whitney", "donor")
SAME = 1e-3  # predictions closer than this on the log scale are the same
FARTHEST = 10.0  # the largest ratio that is looked for


@dataclass(frozen=True, kw_only=True)
class Variability:
    """How cells and donors differ, as coefficients of variation of lognormal factors, and ``cells`` recorded from each donor in each arm.

    ``donor_cv`` between donors, ``cell_cv`` between the cells of a donor beyond the counting of channels, ``measurement_cv`` of one reading (rig
    noise and the gating of a few channels), ``response_cv`` between donors in how they respond to a treatment or a second stimulus. No such
    numbers are published for NK cells: every value is an assumption (A). With ``same_cells`` both arms of a paired design are read in the same
    cells, so that neither their number of channels nor their other differences count. Raises :class:`~nkcell_sim.errors.ParameterError` for a
    negative one.
    """

    donor_cv: float = 0.3
    cell_cv: float = 0.3
    measurement_cv: float = 0.3
    response_cv: float = 0.15
    cells: int = 6
    same_cells: bool = False

    def __post_init__(self) -> None:
        for name in ("donor_cv", "cell_cv", "measurement_cv", "response_cv"):
            check_at_least(name, getattr(self, name), 0.0)
        check_count("cells", self.cells, least=1)

    def __str__(self) -> str:
        spreads = ", ".join(f"{name.partition('_')[0]} {100 * getattr(self, name):.0f} %" for name in ("donor_cv", "cell_cv", "measurement_cv", "response_cv"))
        return f"assumed variation: {spreads}; {self.cells} cells a donor and arm"


PATCH = Variability()
# Imaging reads many cells at once; half-times vary by 20-40 % in the scatter of the integration brief, section 5.3.
IMAGING = Variability(donor_cv=0.15, cell_cv=0.4, measurement_cv=0.1, response_cv=0.1, cells=30)


@dataclass(frozen=True)
class Separation:
    """Two camps, where they are best told apart, and the donors that this takes.

    ``first_range`` and ``second_range`` are what the members of the camps predict at ``x`` (NaN: each its own), ``ratio`` the smallest ratio
    between two members (1 where they overlap). ``donors`` (in each group; for paired designs in all) is None where ``most`` would not do; ``low``
    to ``high`` is the Monte-Carlo error of that number. ``same_cells`` is the number of donors if both arms are read in the same cells (None: not
    possible, or more than ``most``).
    """

    experiment: str
    tested: str
    first: str
    second: str
    x: float
    first_range: tuple[float, float]
    second_range: tuple[float, float]
    ratio: float
    donors: int | None
    low: int | None
    high: int | None
    test: str
    same_cells: int | None = None

    def row(self) -> dict[str, Any]:
        """Columns for a table."""
        return {name: getattr(self, name) for name in ("experiment", "tested", "first", "second", "x", "ratio", "donors", "same_cells", "test")}


def variability_of(decision: Decision) -> Variability:
    """The assumed variability of a kind of reading."""
    return IMAGING if decision.key.startswith("dose") else PATCH


def separations(
    decision: Decision,
    variability: Variability | None = None,
    *,
    camps: Sequence[str] = (),
    seed: int = 4,
    wanted: float = 0.8,
    experiments: int = 1000,
    most: int = 100,
) -> list[Separation]:
    """Every pair of camps at the x where their nearest members are farthest apart, with the donors that give ``wanted`` power at p <= 0.05.

    To tell predicted ratios a and b apart is to reject b when a is true: a test of the ratio a/b on the same design. Nearest members count, since the
    laboratory does not know which of them is true. Only an x at which all of them are finite and above 0 is asked; a pair without one is left out.
    ``camps`` keeps the pairs of some camps only (none given: all); an unknown one raises :class:`~nkcell_sim.errors.ParameterError`.
    """
    spread = variability or variability_of(decision)
    known = list(dict.fromkeys(camp for x in decision.x for camp in decision.members(x)))
    unknown = [camp for camp in camps if camp not in known]
    if unknown:
        raise ParameterError(f"got a camp {unknown[0]!r}; {decision.key!r} has {', '.join(map(repr, known))}", name="camps")
    found = []
    for first, second in itertools.combinations([camp for camp in known if camp in camps or not camps], 2):
        places = [x for x in decision.x if _comparable(decision.members(x), first, second)]
        if places:
            x = max(places, key=lambda place: _distance(*(decision.members(place)[c] for c in (first, second))))
            found.append(_separation(decision, spread, first, second, x, seed=seed, wanted=wanted, experiments=experiments, most=most))
    return found


def _separation(decision: Decision, spread: Variability, first: str, second: str, x: float, *, wanted: float, most: int, **settings: int) -> Separation:
    a, b = (decision.members(x)[camp] for camp in (first, second))
    distance = _distance(a, b)
    analysis = analysis_of(decision)
    ends = (min(a), max(a)), (min(b), max(b))
    about = (decision.key, decision.tested_as, first, second, x, *ends, math.exp(distance))
    if distance < SAME:
        return Separation(*about, None, None, None, analysis.name)

    def needed(v: Variability) -> DonorsNeeded:
        return donors_needed(design_of(decision, math.exp(-distance), v), analysis, power=wanted, most=most, **settings)

    whole = needed(spread)
    within = needed(replace(spread, same_cells=True)).donors if decision.same_cells else None
    return Separation(*about, whole.donors, whole.low, whole.high, analysis.name, within)


def _comparable(members: Mapping[str, Sequence[float]], first: str, second: str) -> bool:
    """Whether both camps predict ratios above 0 only; a run that failed, or a response that is gone, has none."""
    return all(camp in members and all(math.isfinite(v) and v > 0.0 for v in members[camp]) for camp in (first, second))


def _distance(a: Sequence[float], b: Sequence[float]) -> float:
    """Smallest difference of logarithms between members of two camps; 0 where the camps overlap."""
    differences = [math.log(p / q) for p in a for q in b]
    return 0.0 if min(differences) <= 0.0 <= max(differences) else min(map(abs, differences))


def analysis_of(decision: Decision) -> Analysis:
    """The rank test on donors that fits the scheme."""
    return PAIRED if decision.scheme == "paired" else GROUPS


def design_of(decision: Decision, ratio: float, variability: Variability) -> Design:
    """The design in which two hypotheses differ by ``ratio``; its number of donors is a placeholder."""
    v = variability
    if decision.scheme == "change":  # each donor's own level cancels; two readings of different cells add their variances
        cell, measurement = (_cv(2.0 * math.log1p(cv**2)) for cv in (v.cell_cv, v.measurement_cv))
        return Design(donors=2, cells=v.cells, ratio=ratio, donor_cv=v.response_cv, cell_cv=cell, measurement_cv=measurement)
    paired, same = decision.scheme == "paired", v.same_cells
    if same and not decision.same_cells:
        raise ParameterError(f"got same_cells for {decision.key!r}, whose two arms cannot be read in the same cells", name="same_cells")
    return Design(
        donors=2, cells=v.cells, ratio=ratio, donor_cv=v.donor_cv, cell_cv=0.0 if same else v.cell_cv, measurement_cv=v.measurement_cv, paired=paired,
        response_cv=v.response_cv if paired else 0.0, channels=None if same else decision.channels, effect_on="current",
    )  # fmt: skip


def _cv(variance: float) -> float:
    """Coefficient of variation of a lognormal with this variance of the logarithm."""
    return math.sqrt(math.expm1(variance))


def resolvable(decision: Decision, donors: int, variability: Variability | None = None, *, seed: int = 4, wanted: float = 0.8, experiments: int = 400) -> float:
    """The smallest ratio between two predictions that ``donors`` donors (in each group) tell apart with ``wanted`` power; infinity above ten.

    Raises :class:`~nkcell_sim.errors.ParameterError` for fewer than one donor.
    """
    check_count("donors", donors, least=1)
    if not 0.0 < wanted < 1.0:
        raise ParameterError(f"got wanted = {wanted!r}; expected a power between 0 and 1", name="wanted")
    spread, analysis = variability or variability_of(decision), analysis_of(decision)

    def enough(log_ratio: float) -> bool:
        design = replace(design_of(decision, math.exp(-log_ratio), spread), donors=donors)
        return power_alone(design, analysis, seed=seed, experiments=experiments).value >= wanted

    low, high = 0.0, math.log(FARTHEST)
    if not enough(high):
        return math.inf
    while high - low > 0.01:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return math.exp(high)
