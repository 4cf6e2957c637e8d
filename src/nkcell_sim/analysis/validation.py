"""The whole table of targets T1-T14: one cell a group for what a cell can show, a cohort for what only donors can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ParameterError
from ..experiments import Amplifier, PatchClamp
from ..randomness import stream
from ..study import Case, Cohort, Spread, Study, run
from .cell_table import CellTable
from .power import Analysis, resampled_power
from .power_plan import PowerPlan, curve_of, power_rows
from .questions import cells_of
from .target_measures import CohortPower, role_of
from .targets import Target, target_table

if TYPE_CHECKING:
    from ..results import Results

# What differs between donors and between cells in the cohort that answers T14. No such variance is published for these cells: all assumed (A).
ASSUMED_SPREAD = (
    Spread(key="TRPM3.density", donors=0.3, cells=0.2),
    Spread(key="cm", cells=0.15),
    Spread(key="MuOpioidReceptor.eps", donors=0.3),
)
# The published design (Cabanas 2019, 8 + 8 donors, exact); the number of cells is not known to us (A).
DONORS, CELLS = 8, 6
COHORTS = 40  # drawn again to see how much the answer depends on the cohort
BY_DONOR = Analysis("mann_whitney", "donor")
BANK = 40  # simulated donors a group from which studies of 8 are drawn
EXPERIMENT, FEATURE = "patch", "pregs_1_outward"
QUESTIONS = {"T3": ("hc", "me"), "T6": ("me", "me_ntx")}

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Validation:
    """Verdicts of all targets, with the runs they were read from: the study, and the cohort behind T14 (None when it was left out)."""

    targets: tuple[Target, ...]
    results: Results
    cohort: Results | None

    @property
    def failed(self) -> int:
        """Runs that did not end as ``ok``."""
        return len(self.results.failed) + (0 if self.cohort is None else len(self.cohort.failed))


def validate(study: Study, *, donors: int = BANK, seed: int = 0, progress: Progress | None = None, config: str = "") -> Validation:
    """Run a study and its cohort and judge every target; ``donors`` = 0 leaves the cohort, and with it T14, out.

    The cohort has the study's own cells and treatments with :data:`ASSUMED_SPREAD`, whole numbers of channels and a noisy amplifier; studies of 8 + 8
    donors with 6 cells each are drawn from it. Raises :class:`~nkcell_sim.errors.ParameterError` for a negative number of donors.
    """
    if isinstance(donors, bool) or not isinstance(donors, int) or donors < 0 or donors == 1:
        raise ParameterError(f"got donors = {donors!r}; expected 0 (no cohort) or a whole number from 2", name="donors")
    results = run(study, progress=progress, config=config)
    simulated, answered = _cohort(study, donors, seed, progress) if donors else (None, None)
    return Validation(tuple(target_table(study, results, cohort=answered)), results, simulated)


def _cohort(study: Study, donors: int, seed: int, progress: Progress | None) -> tuple[Results | None, CohortPower | None]:
    """The cohort behind T14 and what it says; nothing where the study lacks a patch clamp or a group."""
    cases = {role_of(c.cell, c.treatment): c for c in study.cases}
    patch = next((e for e in study.experiments.values() if isinstance(e, PatchClamp)), None)
    if patch is None or not {role for pair in QUESTIONS.values() for role in pair} <= set(cases):
        return None, None
    chosen = {role: cases[role] for role in dict.fromkeys(role for pair in QUESTIONS.values() for role in pair)}
    once = replace(patch, pregs=patch.pregs[:1], ononetin=0.0, acute_ntx=0.0, ramp_sampling=max(patch.ramp_sampling, 5e-3), instrument=Amplifier())
    cohort = Cohort(donors=donors, cells=CELLS, spread=ASSUMED_SPREAD, channels="counted", seed=seed)
    asked = Study([Case(c.name, c.cell, c.treatment) for c in chosen.values()], {EXPERIMENT: once}, cohort=cohort, solver=study.solver, keep=())
    results = run(asked, progress=progress)
    return results, power_of_cohort(results, {target: (chosen[a].name, chosen[b].name) for target, (a, b) in QUESTIONS.items()}, seed=seed)


def power_of_cohort(results: Results, questions: dict[str, tuple[str, str]], *, seed: int = 0, experiments: int = 2000) -> CohortPower:
    """How often 8 + 8 donors drawn from a cohort show each pair of conditions to differ, by Mann-Whitney at both units of analysis."""
    found: dict[str, dict[str, float]] = {}
    spread: dict[str, tuple[float, float]] = {}
    false: dict[str, float] = {}
    for target, pair in questions.items():
        plan = PowerPlan(feature=f"{EXPERIMENT}.{FEATURE}", conditions=pair, donors=(DONORS,), cells=(CELLS,), experiments=experiments, seed=seed)
        rows = {row["unit"]: row for row in power_rows(curve_of(results, plan), plan)}
        found[target] = {unit: float(row["power"]) for unit, row in rows.items()}
        spread[target] = _over_cohorts(cells_of(results, plan.feature, pair), pair, seed)
        false = false or {unit: float(row["false_positives"]) for unit, row in rows.items()}
    labels = results[EXPERIMENT].labels
    donors = len(set(zip(labels["group"], labels["donor"], strict=True)))
    assumed = f"drawn from {donors} simulated donors in all, with assumed spreads (A), counted channels and a noisy amplifier"
    return CohortPower(DONORS, CELLS, found, spread, false, assumed)


def _over_cohorts(table: CellTable, pair: tuple[str, str], seed: int) -> tuple[float, float]:
    """90 % interval of the donor-level power when the cohort itself is drawn again: its donors are resampled with replacement."""
    powers = []
    for i in range(COHORTS):
        rng = stream(seed, "cohort", *pair, i)
        again = _resampled(table, pair, rng)
        point = resampled_power(again, pair, donors=DONORS, cells=CELLS, seed=seed, analyses=(BY_DONOR,), experiments=300)
        powers.append(point.of(BY_DONOR).power.value)
    low, high = np.quantile(powers, (0.05, 0.95))
    return float(low), float(high)


def _resampled(table: CellTable, pair: tuple[str, str], rng: np.random.Generator) -> CellTable:
    """A cohort of the same size whose donors are drawn from this one's; a donor drawn twice counts as two."""
    values, groups, donors = [], [], []
    for group in pair:
        within = list(table.within(group).values())
        for number, which in enumerate(rng.integers(len(within), size=len(within))):
            values += within[which].tolist()
            groups += [group] * len(within[which])
            donors += [f"{group} {number}"] * len(within[which])
    return CellTable(np.array(values), np.array(groups), np.array(donors), name=table.name, unit=table.unit)

