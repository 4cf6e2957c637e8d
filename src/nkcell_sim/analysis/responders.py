"""Ononetin as an absolute change against noise: which cells a rig would call responders (target T4)."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from ..randomness import stream
from ..results.layout import IDEAL
from .cell_table import CellTable, check_at_least, check_count
from .deciding import Prediction
from .hierarchy import Bank
from .hypotheses import PATIENTS, Hypothesis, arms, chosen
from .p_values import fisher_counts
from .power import Analysis, Share, power_alone, smallest

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

FEATURE = "ononetin_sensitive"
FRACTION = "ononetin_block"
ROLES = ("HC", "ME/CFS", "ME/CFS + NTX")
Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Recording:
    """How a current is read: RMS ``noise`` [pA] of one sample, ``samples`` averaged in a sweep, ``sweeps`` averaged before and in ononetin.

    Samples of a sweep share the channels that happen to be open, sweeps do not: the ``single`` channel current [pA] at the end of the ramp is that of the
    integration brief, section 4 (8.5 pA at +100 mV, I). Noise and averaging are assumptions (A).
    """

    noise: float = 2.0
    samples: int = 1
    sweeps: int = 1
    single: float = 8.5

    def __post_init__(self) -> None:
        check_at_least("noise", self.noise, 0.0)
        check_at_least("single", self.single, 0.0, strictly="it is the current of one open channel")
        check_count("samples", self.samples, least=1)
        check_count("sweeps", self.sweeps, least=1)

    @property
    def change_noise(self) -> float:
        """RMS of the difference of two readings of a cell without any channel [pA]: sqrt(2 / (samples sweeps)) noise."""
        return self.noise * math.sqrt(2.0 / (self.samples * self.sweeps))

    def limit(self, false_responders: float = 0.025) -> float:
        """Detection limit [pA] that this share of cells without channels passes by chance."""
        from scipy.stats import norm

        return float(norm.isf(false_responders)) * self.change_noise


ONE_SAMPLE = Recording()
AVERAGED = Recording(samples=10, sweeps=5)


@dataclass(frozen=True, eq=False)
class Group:
    """Cells of one role under one hypothesis: the change by ononetin without chance ``ideal`` [pA], the mean number of ``channels``, and donors, by run."""

    hypothesis: Hypothesis
    role: str
    ideal: Array
    fraction: Array
    channels: Array
    donor: tuple[str, ...]
    counted: bool

    def observed(self, recording: Recording, draws: int, *, seed: int) -> Array:
        """Observed changes (runs, draws) [pA]: channels counted (unless the runs already did), open or shut by chance, and rig noise.

        k ~ Poisson(n) channels of a run with mean n; each is open at a reading with p = ideal/(n single), so that the mean over draws is ``ideal``; the 2 %
        that ononetin leaves are not drawn.
        """
        check_count("draws", draws, least=1)
        rng = stream(seed, "responders", self.hypothesis.phenotype, self.hypothesis.parameter_set, self.role)
        shape, noise = (len(self.ideal), draws), recording.change_noise
        if self.counted:
            return self.ideal[:, None] + noise * rng.standard_normal(shape)
        n = self.channels[:, None]
        p = np.clip(self.ideal[:, None] / (n * recording.single), 0.0, 1.0)
        k = rng.poisson(n, shape)
        open_at = rng.binomial(k * recording.sweeps, p) / recording.sweeps
        return np.asarray(open_at * recording.single + noise * rng.standard_normal(shape))


def groups(results: Results) -> list[Group]:
    """The roles of every hypothesis in a file with an ononetin step; empty for any other file, or one without a patient's cells."""
    runs = next((r for r in results.experiments.values() if FEATURE in r.features and not r.varied), None)
    if runs is None:
        return []
    who, found = arms(results, runs), []
    ideal = f"{IDEAL}{FEATURE}"
    feature = ideal if ideal in runs else FEATURE
    mode = tomllib.loads(results.config).get("cohort", {}).get("channels", "mean") if results.config else "mean"
    for h in PATIENTS:
        for role, of, naltrexone in zip(ROLES, (h.healthy, h, h), (False, False, True), strict=True):
            rows = chosen(who, of, naltrexone=naltrexone)
            rows = [i for i in rows if np.isfinite(runs[feature][i])]
            if rows:
                donors = tuple(str(runs.labels["donor"][i]) for i in rows) if runs.labels else tuple(f"{i}" for i in rows)
                found.append(Group(h, role, runs[feature][rows], runs[FRACTION][rows], _channels(runs)[rows], donors, mode != "mean"))
    return found if any(g.role != "HC" for g in found) else []


def _channels(runs: ExperimentRuns) -> Array:
    """Mean number of open-able channels of every run's cell: density, capacitance and what the lesion leaves."""
    state = runs.group.groups["final_state"].variables
    n_rel = state["value"].values[:, list(state["state"].values).index("ChannelNumber.n_rel")]
    return np.asarray(runs.parameter("TRPM3.density") * runs.parameter("cm") * runs.parameter("ChannelNumber.n0") * n_rel)


def share(values: Array, limits: Iterable[float]) -> Array:
    """Share of cells whose change exceeds each limit [pA]."""
    return np.array([(values > limit).mean() for limit in limits])


def ononetin_predictions(results: Results, *, limit: float = 5.0, recording: Recording = ONE_SAMPLE, draws: int = 2000, seed: int = 4) -> list[Prediction]:
    """For every hypothesis and role: mean absolute change, blocked fraction, and the share called responders above ``limit`` [pA]."""
    found = []
    for g in groups(results):
        resistant = "a resistant channel: 0" if g.role != "HC" else "a resistant channel: the same"
        said = (
            ("mean change by ononetin", float(g.ideal.mean()), "pA", resistant),
            ("fraction of the evoked current blocked", float(g.fraction.mean()), "1", resistant),
            (f"share of cells above {limit:g} pA", float(share(g.observed(recording, draws, seed=seed), [limit])[0]), "1", ""),
        )
        found += [Prediction("ononetin", g.hypothesis.name, g.hypothesis.parameter_set, f"{g.role}: {what}", v, u, other) for what, v, u, other in said]
    return found


def fisher_cells(first: float, second: float, *, seed: int = 4, wanted: float = 0.8, experiments: int = 500, most: int = 1000) -> int | None:
    """Cells in each group for which Fisher's exact test gives two shares of responders apart with ``wanted`` power at p <= 0.05; None above ``most``.

    Cells count as independent here, which they are not within a donor: a lower bound on what is needed.
    """
    if not (0.0 <= first <= 1.0 and 0.0 <= second <= 1.0):
        raise ParameterError(f"got shares of responders {first!r} and {second!r}; expected numbers from 0 to 1", name="share")
    low, high = 2, 2
    while _fisher_power(first, second, high, seed, experiments) < wanted:
        if high >= most or abs(first - second) < 1e-3:
            return None
        low, high = high + 1, min(2 * high, most)
    return smallest(lambda cells: _fisher_power(first, second, cells, seed, experiments) >= wanted, low, high)


def _fisher_power(first: float, second: float, cells: int, seed: int, experiments: int) -> float:
    rng = stream(seed, "fisher", cells)
    a, b = (rng.binomial(cells, p, experiments) for p in (first, second))
    return float((fisher_counts(a, cells, b, cells) <= 0.05).mean())


def block_power(group: Group, *, donors: int, cells: int, recording: Recording = AVERAGED, draws: int = 200, seed: int = 4, experiments: int = 1000) -> Share:
    """Power to see that ononetin changes the current of these cells at all: ononetin against vehicle in other cells of the same donors.

    Wilcoxon's test on donor means; a resistant channel would leave noise alone, which is what the vehicle arm has. The donors are those of the file,
    drawn with replacement.
    """
    seen = group.observed(recording, draws, seed=seed)
    vehicle = recording.change_noise * stream(seed, "vehicle", group.hypothesis.phenotype, group.role).standard_normal(seen.shape)
    owner = np.repeat(np.array(group.donor), draws)
    table = CellTable(
        np.concatenate([seen.ravel(), vehicle.ravel()]), np.repeat(["ononetin", "vehicle"], seen.size), np.concatenate([owner, owner]), name=FEATURE, unit="pA"
    )
    analysis = Analysis("wilcoxon", "donor")
    bank = Bank.of(table, ["ononetin", "vehicle"], donors=donors, cells=cells, paired=True)
    return power_alone(bank, analysis, seed=seed, experiments=experiments)


def block_donors(
    group: Group, *, cells: int = 6, recording: Recording = AVERAGED, wanted: float = 0.8, most: int = 60, seed: int = 4, experiments: int = 1000
) -> int | None:
    """The smallest number of donors with ``wanted`` power in :func:`block_power`; None above ``most``."""
    powers = ((n, block_power(group, donors=n, cells=cells, recording=recording, seed=seed, experiments=experiments)) for n in range(2, most + 1))
    return next((n for n, found in powers if found.value >= wanted), None)


__all__ = ["AVERAGED", "ONE_SAMPLE", "Group", "Recording", "block_donors", "block_power", "fisher_cells", "groups", "ononetin_predictions", "share"]
