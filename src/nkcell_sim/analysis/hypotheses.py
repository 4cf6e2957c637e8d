"""Hypotheses about the loss of TRPM3 current, and which of them the runs of a result file belong to."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..model.cells.parameter_sets import PARAMETER_SETS
from ..model.cells.phenotypes import PHENOTYPES

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

SETS = tuple(PARAMETER_SETS)
_PHENOTYPE_KEY, _SET_KEY = "ChannelNumber.rho", "PMCA.gain"  # every phenotype, and every parameter set, gives this one a value


@dataclass(frozen=True)
class Hypothesis:
    """One lesion, by the phenotype of its cell (a patient's, or the healthy one it is compared with), with one parameter set."""

    phenotype: str
    parameter_set: str

    @property
    def lesion(self) -> str:
        """Family of the lesion: default, slow-dominant or channel-number."""
        return PHENOTYPES[self.phenotype].lesion

    @property
    def healthy(self) -> Hypothesis:
        """The healthy cell of the same lesion and set."""
        return Hypothesis(PHENOTYPES[self.phenotype].healthy, self.parameter_set)

    @property
    def is_healthy(self) -> bool:
        """Whether the cell is a healthy one."""
        return PHENOTYPES[self.phenotype].healthy == self.phenotype

    @property
    def name(self) -> str:
        """The lesion in words, with the share of channels it leaves where two phenotypes share it."""
        left = PHENOTYPES[self.phenotype].changes.get("ChannelNumber.n0", 1.0)
        return self.lesion + (f" {left:.2f}" if left != 1.0 else "")


PATIENTS = tuple(Hypothesis(name, s) for s in SETS for name, p in PHENOTYPES.items() if p.healthy != name)


@dataclass(frozen=True)
class Arm:
    """What a condition is: a hypothesis, and whether its cells were in naltrexone."""

    hypothesis: Hypothesis
    naltrexone: bool


def arms(results: Results, runs: ExperimentRuns) -> list[Arm | None]:
    """The arm of every run; None where phenotype or parameter set is not a named one.

    Phenotype and set are read from where the parameters say they come from, the incubation from the stored configuration and from the resting inputs.
    """
    treated = _treated(results)
    phenotypes, sets = (_named(runs, key, before) for key, before in ((_PHENOTYPE_KEY, "phenotype "), (_SET_KEY, "parameter set ")))
    found = zip(runs.cases, phenotypes, sets, strict=True)
    return [Arm(Hypothesis(p, s), case in treated) if p in PHENOTYPES and s in PARAMETER_SETS else None for case, p, s in found]


def _named(runs: ExperimentRuns, key: str, before: str) -> list[str]:
    """The name after ``before`` in the source of a parameter, by run; empty where the value comes from elsewhere."""
    known = key in list(runs.group.groups["parameters"].variables["parameter"].values)
    sources = [source for _, source in runs.origin(key)] if known else [""] * len(runs.cases)
    return [s.partition(":")[0].removeprefix(before) if s.startswith(before) else "" for s in sources]


def _treated(results: Results) -> set[str]:
    """Cases whose cells were in naltrexone."""
    written = tomllib.loads(results.config).get("condition", []) if results.config else []
    found = {c["name"] for c in written if "incubate" in c and not str(c["incubate"].get("ntx", "0")).startswith(("0 ", "0.0 "))}
    for runs in results.experiments.values():
        inputs = runs.group.groups["inputs"].variables
        names = list(inputs["input"].values)
        if "ntx" in names:
            wet = np.nan_to_num(inputs["value"].values[:, names.index("ntx")]) > 0.0
            found |= {case for case, is_wet in zip(runs.cases, wet, strict=True) if is_wet}
    return found


def chosen(found: Sequence[Arm | None], hypothesis: Hypothesis, *, naltrexone: bool) -> list[int]:
    """Positions of the runs of one arm."""
    wanted = Arm(hypothesis, naltrexone)
    return [i for i, arm in enumerate(found) if arm == wanted]
