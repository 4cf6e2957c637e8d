"""Power of other designs from the donors of one simulated cohort: what is asked, and the tables that results keep."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ParameterError
from ..randomness import checked_seed
from .cell_table import check_count, check_counts, check_share
from .hierarchy import Bank
from .power import Analysis, PowerCurve, power_curve
from .questions import Question, cells_of

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ..results import Results

# More than a study of people will have; beyond it a mistyped number would fill the memory, or the year, after the runs are done.
MOST_DONORS, MOST_CELLS, MOST_EXPERIMENTS = 10_000, 1_000, 1_000_000


@dataclass(frozen=True, kw_only=True)
class PowerPlan:
    """Power and false-positive rate to tell two conditions apart by one feature ("patch.pregs_1_outward").

    Donors, and cells within donors, are drawn with replacement from the cohort; the false-positive rate draws both groups from the first condition. ``donors``
    are numbers in each group, ``cells`` of a donor. ``paired`` compares both conditions in the same donors, leaves out a donor that has only one of them, and
    exchanges the two at random within each donor for the false-positive rate.
    """

    feature: str
    conditions: tuple[str, str]
    donors: tuple[int, ...] = (3, 5, 8, 12, 16, 24, 32)
    cells: tuple[int, ...] = (1, 3, 6, 12)
    paired: bool = False
    alpha: float = 0.05
    power: float = 0.8
    experiments: int = 2000
    mixed_experiments: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("conditions", "donors", "cells"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        Question(feature=self.feature, conditions=self.conditions)
        if len(self.conditions) != 2:
            raise ParameterError(f"got {len(self.conditions)} conditions; power is that of telling two apart", name="conditions")
        for name, least, most in (("donors", 2, MOST_DONORS), ("cells", 1, MOST_CELLS)):
            check_counts(name, getattr(self, name), least=least, most=most)
        check_share("alpha", self.alpha)
        check_share("power", self.power)
        check_count("experiments", self.experiments, least=100, most=MOST_EXPERIMENTS)
        check_count("mixed_experiments", self.mixed_experiments, least=0, most=self.experiments)
        if self.mixed_experiments and 1 in self.cells:
            said = f"got cells = {list(self.cells)} with mixed_experiments; with one cell a donor a mixed model cannot tell donors from cells: leave 1 out"
            raise ParameterError(said, name="cells")
        checked_seed(self.seed)

    @property
    def analyses(self) -> tuple[Analysis, ...]:
        """The tests whose power is asked: the field's at both units, and a mixed model where it was asked for."""
        pair = "wilcoxon" if self.paired else "mann_whitney"
        found = (Analysis("mann_whitney", "cell"), Analysis(pair, "donor"))
        return (*found, Analysis("mixed_model", "cell")) if self.mixed_experiments else found


def curve_of(results: Results, plan: PowerPlan, *, executor: Executor | None = None) -> PowerCurve:
    """The power curve of a plan, resampled from the donors of a cohort; the same numbers with any executor."""
    table = cells_of(results, plan.feature, plan.conditions)
    bank = Bank.of(table, plan.conditions, donors=(plan.donors[0], plan.donors[0]), cells=plan.cells[0], paired=plan.paired)
    return power_curve(
        bank,
        donors=plan.donors,
        cells=plan.cells,
        seed=plan.seed,
        analyses=plan.analyses,
        alpha=plan.alpha,
        experiments=plan.experiments,
        mixed_experiments=plan.mixed_experiments or 1,
        executor=executor,
    )


def power_rows(curve: PowerCurve, plan: PowerPlan) -> list[dict[str, Any]]:
    """Rows of the table "power": a row a design and test."""
    asked = {"feature": plan.feature, "conditions": " / ".join(plan.conditions), "wanted": plan.power}
    return [{**asked, **{k: float(v) if isinstance(v, int) else v for k, v in row.items()}} for row in curve.rows()]


def smallest_design(rows: list[dict[str, Any]], *, unit: str, cells: float) -> float:
    """Smallest simulated number of donors a group whose power reaches what is wanted at this unit; NaN when none does."""
    good = [row["donors"] for row in rows if row["unit"] == unit and row["cells"] == cells and row["test"] != "mixed_model" and row["power"] >= row["wanted"]]
    return min(good, default=math.nan)
