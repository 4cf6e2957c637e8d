"""What every hypothesis predicts for the experiments that would decide between them, read from result files.

An experiment is recognised by what its file holds (phenotypes, parameter sets, treatments, varied keys), not by its name. Every number is
model output; what hypotheses outside the model predict is quoted with its source.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..model.cells.phenotypes import PHENOTYPES
from ..units import parse
from .hypotheses import PATIENTS, SETS, Arm, Hypothesis, arms, chosen

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

CURRENT = "pregs_1_outward"
HALF_TIMES = {"f": ("f_half_time", "F/F0"), "ca": ("ca_half_time", "Ca2+")}
HEALTHY_CHANNELS = 2.6  # mean number of open-able channels of a healthy cell (integration brief, section 3: I)
FEWEST_CHANNELS = 0.40 * HEALTHY_CHANNELS  # of an untreated ME/CFS cell, if number is the lesion (A)
LESIONS = tuple(dict.fromkeys(p.lesion for p in PHENOTYPES.values()))


@dataclass(frozen=True)
class Curve:
    """What one hypothesis predicts at every x: ``shown`` as in the figure, ``tested`` the ratio that a test compares.

    ``own`` is the x that the hypothesis itself assumes, where x is a property of the cell and not a choice of the experimenter.
    """

    hypothesis: Hypothesis
    x: tuple[float, ...]
    shown: tuple[float, ...]
    tested: tuple[float, ...]
    own: float | None = None

    def at(self, x: float) -> float:
        """The tested ratio at x, or at its own x."""
        return self.tested[self.x.index(x if self.own is None else self.own)]


@dataclass(frozen=True)
class Rival:
    """What a hypothesis outside the model predicts, and where that is said."""

    name: str
    x: tuple[float, ...]
    tested: tuple[float, ...]
    source: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One experiment, what it shows and which ratio is tested how.

    ``scheme``: "paired" (both arms in the same donors), "groups" (two groups of donors) or "change" (the change of two groups of donors under
    a second stimulus). ``camps``: whether lesions or parameter sets are told apart. ``channels`` is the mean number of TRPM3 channels of a cell in
    the arm that has fewer (None: the reading is not a current). At ``reference_x`` the tested ratio is 1 by construction. ``same_cells`` says
    whether both arms of a paired design could be read in the same cells, in one long recording.
    """

    key: str
    question: str
    x_as: str
    x_unit: str
    shown_as: str
    tested_as: str
    scheme: str
    camps: str
    curves: tuple[Curve, ...]
    channels: float | None = None
    rivals: tuple[Rival, ...] = ()
    reference_x: float | None = None
    same_cells: bool = False

    @property
    def x(self) -> tuple[float, ...]:
        """Every x that a laboratory can choose for the test; NaN alone where each hypothesis has its own."""
        return (math.nan,) if self.curves[0].own is not None else tuple(x for x in self.curves[0].x if x != self.reference_x)

    def camp(self, hypothesis: Hypothesis) -> str:
        """The side that a hypothesis is on."""
        return hypothesis.parameter_set if self.camps == "set" else hypothesis.lesion

    def members(self, x: float) -> dict[str, list[float]]:
        """Predicted ratios at x by camp, those of rivals among them."""
        found: dict[str, list[float]] = {}
        for curve in self.curves:
            found.setdefault(self.camp(curve.hypothesis), []).append(curve.at(x))
        for rival in self.rivals:
            if math.isnan(x) or x in rival.x:
                found[rival.name] = [rival.tested[0 if math.isnan(x) else rival.x.index(x)]]
        return found


@dataclass(frozen=True)
class Prediction:
    """One row: what a lesion with a parameter set predicts, and what the alternatives predict for the same."""

    experiment: str
    lesion: str
    parameter_set: str
    quantity: str
    value: float
    unit: str
    alternatives: str


def decisions(results: Results) -> tuple[Decision, ...]:
    """The deciding experiments that a result file holds; empty for any other file."""
    found = []
    for runs in results.experiments.values():
        who = arms(results, runs)
        for recognise in (_bath, _time, _healthy, _dose):
            found += recognise(results, runs, who)
    return tuple(found)


def predictions(results: Results) -> list[Prediction]:
    """What every lesion and parameter set predicts for the deciding experiments of a result file."""
    return [row for decision in decisions(results) for row in _rows(decision)]


def _rows(decision: Decision) -> list[Prediction]:
    found = []
    for k, x in enumerate(decision.curves[0].x):
        values = {c.hypothesis: c.shown[k] for c in decision.curves}
        outside = [f"{r.name}: {r.tested[r.x.index(x)]:.2f}" for r in decision.rivals if x in r.x]
        quantity = f"{decision.shown_as}, {decision.x_as} {x:g} {decision.x_unit}"
        for mine, value in values.items():
            others = [f"{_short(h, mine, decision)}: {v:.2f}" for h, v in values.items() if _other(h, mine, decision)]
            found.append(Prediction(decision.key, mine.name, mine.parameter_set, quantity, value, "1", "; ".join(dict.fromkeys(others + outside))))
    return found


def _other(other: Hypothesis, mine: Hypothesis, decision: Decision) -> bool:
    """The alternatives of a hypothesis: other sides, all else equal."""
    if decision.camps == "set":
        return other.phenotype == mine.phenotype and other.parameter_set != mine.parameter_set
    return other.parameter_set == mine.parameter_set and other.lesion != mine.lesion


def _short(other: Hypothesis, mine: Hypothesis, decision: Decision) -> str:
    return other.parameter_set if decision.camps == "set" else other.name


# -- the experiments -----------------------------------------------------------------------------------------------------------


def _bath(results: Results, runs: ExperimentRuns, who: Sequence[Arm | None]) -> list[Decision]:
    """Naltrexone washed off for minutes against kept: needs a varied ``wash_time`` and a recording of the same cells with naltrexone kept."""
    key = f"{runs.name}.wash_time"
    kept = next((r for r in results.experiments.values() if r.settings.get("ntx_in_bath") == "kept" and CURRENT in r), None)
    if key not in runs.varied or CURRENT not in runs or kept is None:
        return []
    who_kept = arms(results, kept)
    lead = sum(parse(runs.settings[name], "s") for name in ("break_in", "ramp_interval"))
    curves = []
    for h in PATIENTS:
        mine, healthy, reference = chosen(who, h, naltrexone=True), chosen(who, h.healthy, naltrexone=False), chosen(who_kept, h, naltrexone=True)
        if mine and healthy and reference:
            minutes, washed = _curve(runs, CURRENT, key, mine)
            hc, before = np.mean(runs[CURRENT][healthy]), np.mean(kept[CURRENT][reference])
            x = _plain(np.round((minutes + lead) / 60.0, 6))
            current = np.array([before, *washed])
            curves.append(Curve(h, (0.0, *x), _plain(current / hc), _plain(current / before)))
    return _decision(
        curves, key="bath", question="How much of the restored current is left when naltrexone is gone?",
        x_as="time since naltrexone was washed off", x_unit="min", shown_as="current of ME/CFS + NTX over that of untreated healthy cells",
        tested_as="washed over kept, same donors", scheme="paired", camps="lesion",
        channels=HEALTHY_CHANNELS, reference_x=0.0, same_cells=True,
    )  # fmt: skip


def _time(results: Results, runs: ExperimentRuns, who: Sequence[Arm | None]) -> list[Decision]:
    """Minutes against hours of naltrexone: needs a varied ``incubation.duration`` and naltrexone kept in the bath."""
    key = "incubation.duration"
    if key not in runs.varied or CURRENT not in runs or runs.settings.get("ntx_in_bath") != "kept" or len(runs.varied) > 1:
        return []
    curves = []
    for h in PATIENTS:
        mine, before, healthy = (chosen(who, of, naltrexone=n) for of, n in ((h, True), (h, False), (h.healthy, False)))
        if mine and before and healthy:
            x, after = _curve(runs, CURRENT, key, mine)
            shown, tested = (_plain(after / runs[CURRENT][rows].mean()) for rows in (healthy, before))
            curves.append(Curve(h, _plain(x), shown, tested))
    return _decision(
        curves, key="time", question="How much current comes back in minutes, how much takes hours?", x_as="time in naltrexone", x_unit="h",
        shown_as="current of ME/CFS + NTX over that of untreated healthy cells", tested_as="with over without naltrexone, same donors", scheme="paired",
        camps="lesion", channels=FEWEST_CHANNELS, same_cells=True,
    )  # fmt: skip


def _healthy(results: Results, runs: ExperimentRuns, who: Sequence[Arm | None]) -> list[Decision]:
    """Healthy cells with and without naltrexone against their tone: needs a varied ``MuOpioidReceptor.eps``."""
    key = "MuOpioidReceptor.eps"
    if key not in runs.varied or CURRENT not in runs:
        return []
    curves = []
    for h in dict.fromkeys(p.healthy for p in PATIENTS):
        mine, before = (chosen(who, h, naltrexone=n) for n in (True, False))
        if mine and before:
            x, after = _curve(runs, CURRENT, key, mine)
            ratio = _plain(after / _curve(runs, CURRENT, key, before)[1])
            own = PHENOTYPES[h.phenotype].changes[key]
            curves.append(Curve(h, _plain(x), ratio, ratio, own if own in x else None))
    xs = curves[0].x if curves else ()
    return _decision(
        curves, key="healthy_ntx", question="Does naltrexone change healthy cells?", x_as="agonist-free receptor activity of healthy cells", x_unit="1",
        shown_as="current of healthy + NTX over that of untreated healthy cells", tested_as="with over without naltrexone, same donors", scheme="paired",
        camps="lesion", channels=HEALTHY_CHANNELS, rivals=(Rival("no tone", xs, (1.0,) * len(xs), "nothing to block, by definition"),),
    )  # fmt: skip


# Ca2+-activated PLC (integration brief, sections 5.2 and 5.4): half-times HC / ME 29.4 / 18.3 s in Ca2+ and 22.6 / 16.7 s in F/F0 at 50 uM,
# 16.2 / 17.1 s in Ca2+ at 100 uM.
_PLC = {"ca": {50.0: 18.3 / 29.4, 100.0: 17.1 / 16.2}, "f": {50.0: 16.7 / 22.6}}


def _dose(results: Results, runs: ExperimentRuns, who: Sequence[Arm | None]) -> list[Decision]:
    """Half-times of healthy and ME/CFS cells at two or more doses: needs a varied ``pregs`` of an imaging experiment."""
    key = f"{runs.name}.pregs"
    if key not in runs.varied or runs.kind != "calcium_imaging":
        return []
    found = []
    for name, (feature, text) in HALF_TIMES.items():
        curves = []
        for h in PATIENTS:
            mine, healthy = chosen(who, h, naltrexone=False), chosen(who, h.healthy, naltrexone=False)
            if mine and healthy and feature in runs:
                x, sick = _curve(runs, feature, key, mine)
                ratio = _plain(sick / _curve(runs, feature, key, healthy)[1])
                curves.append(Curve(h, _plain(x), ratio, ratio))
        found += _dose_decisions(curves, name, text)
    return found


def _dose_decisions(curves: list[Curve], name: str, text: str) -> list[Decision]:
    """The ratio at each dose, and how it changes from the lowest one."""
    if not curves or len(curves[0].x) < 2:
        return []
    xs = curves[0].x
    quoted = tuple(x for x in xs if x in _PLC[name])
    ratios = tuple(_PLC[name][x] for x in quoted)
    plc = Rival("threshold PLC", quoted, ratios, "integration brief, sections 5.2 and 5.4")
    question = "Does the half-time ratio fall or rise with dose?"
    common = {"question": question, "x_as": "PregS", "x_unit": "uM", "camps": "set"}
    shown = f"half-time in {text}, ME/CFS over healthy"
    whole = _decision(
        curves, key=f"dose_{name}", shown_as=shown, tested_as="ME/CFS over healthy", scheme="groups", rivals=(plc,) if quoted else (), **common
    )
    changed = [Curve(c.hypothesis, c.x, _plain(np.array(c.shown) / c.shown[0]), _plain(np.array(c.tested) / c.tested[0])) for c in curves]
    rivals = (Rival(plc.name, quoted, tuple(r / ratios[0] for r in ratios), plc.source),) if xs[0] in quoted and len(quoted) > 1 else ()
    change = _decision(
        changed, key=f"dose_change_{name}", shown_as=f"{shown}, relative to {xs[0]:g} uM", tested_as=f"change of that ratio from {xs[0]:g} uM, same donors",
        scheme="change", reference_x=xs[0], rivals=rivals, **common,
    )  # fmt: skip
    return whole + change


def _plain(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def _decision(curves: list[Curve], **about: object) -> list[Decision]:
    return [Decision(curves=tuple(curves), **about)] if curves else []  # type: ignore[arg-type]


def _curve(runs: ExperimentRuns, feature: str, key: str, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean of a feature at every value of a varied key, over some runs."""
    x, where = np.unique(runs.varied[key][list(rows)], return_inverse=True)
    values = runs[feature][list(rows)]
    return x, np.array([values[where == k].mean() for k in range(len(x))])


__all__ = ["LESIONS", "SETS", "Curve", "Decision", "Prediction", "Rival", "decisions", "predictions"]
