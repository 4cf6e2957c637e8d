"""The published patterns T1-T14 and whether the simulation shows them.

Every number is computed from simulated features; where the study lacks what a target needs (acute naltrexone, a low-dose
patient, the other recording bath, the other parameter set), :func:`target_table` simulates it with the study's own
protocols and cells. The bands are modelling choices unless the evidence says otherwise: the papers support directions, not
amplitudes. Model output is never a laboratory result.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..experiments import CalciumImaging, Incubation, PatchClamp, run_experiment
from ..experiments.base import flood_warnings
from ..experiments.settling import settle
from ..model.cell import temperature_note

if TYPE_CHECKING:
    from ..experiments.treatment import Treatment
    from ..model.cell import Cell
    from ..results import Results
    from ..study import Study

PASS, MISSED, NOT_TESTABLE = "pass", "missed", "not testable"
DISCLAIMER = "Model output, not a laboratory result; bands marked * are modelling choices."
SATURATING_REMARK = "the saturating set was chosen because of this target, so agreement is a consistency check, not a prediction"
REDUCED = (0.2, 0.7)  # * of HC
RESTORED = (0.8, 1.2)  # * of HC
SAME_SHARE = 0.05  # * blocked fractions that differ by less count as the same
# Low-dose naltrexone 4.5 mg: largest plasma concentrations scaled from 50 mg, unbound fraction, in-vivo loss of affinity
# (TRPM3 and naltrexone brief, sections 4.1 and 4.4: D, V, D). Held for ten days, an upper bound of daily dosing.
LDN = Incubation(duration=240.0, ntx=3.5e-3, naltrexol=28.0, free_fraction=0.79, k_invivo=10.0)
ACUTE_NTX = 200e3  # nM, the in-vitro concentration

_BATH = {"kept": "NTX kept in the bath", "washed": "NTX washed off first"}

Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Target:
    """One published pattern and its verdict; ``number`` is what the verdict was read from (NaN where nothing was)."""

    id: str
    statement: str
    value: str
    band: str
    evidence: str
    verdict: str
    remark: str
    number: float = math.nan

    def row(self) -> dict[str, Any]:
        """Columns for a table or a result file."""
        return {name: getattr(self, name) for name in ("id", "statement", "value", "number", "band", "evidence", "verdict", "remark")}


@dataclass(frozen=True)
class Measured:
    """Features by role (hc, me, me_ntx, hc_ntx, ...) of the patch-clamp and of the imaging experiment.

    ``bath`` says per experiment whether naltrexone was kept in its recording bath or washed off; ``missing`` says, for a role
    or an experiment that is not there, why; ``flooded`` holds the warnings, per experiment and role, of cells that do not
    survive the stimulus, and ``caveats`` what has to be said of every verdict.
    """

    patch: dict[str, Numbers] = field(default_factory=dict)
    imaging: dict[str, Numbers] = field(default_factory=dict)
    detection_limit: float = math.nan
    bath: dict[str, str] = field(default_factory=dict)
    parameter_set: str = "saturating"
    other_set: str = "conservative"
    missing: dict[str, str] = field(default_factory=dict)
    flooded: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()


def role_of(cell: Cell, incubation: Treatment | None) -> str:
    """Role of a condition among the targets: phenotype and treatment."""
    group = "hc" if cell.phenotype.startswith("healthy") else "me" if cell.phenotype.startswith("me_cfs") else ""
    if not group:
        return ""
    if incubation is not None and not isinstance(incubation, Incubation):
        return ""
    if incubation is None or (incubation.ntx == 0.0 and incubation.naltrexol == 0.0 and incubation.agonist == "none"):
        return group
    if incubation.k_invivo != 1.0:
        return f"{group}_ldn"
    return f"{group}_ntx" if incubation.ntx >= 100.0 and incubation.duration >= 12.0 else ""


def measure(study: Study, results: Results, *, companions: bool = True) -> Measured:
    """Collect the features that the targets need; ``companions`` simulates what the study itself does not contain."""
    patch = _first(study, PatchClamp)
    imaging = _first(study, CalciumImaging)
    cases = {role_of(c.cell, c.treatment): c for c in study.cases}
    found = Measured(
        detection_limit=patch[1].detection_limit if patch else math.nan,
        bath={name: e[1].ntx_in_bath for name, e in (("patch", patch), ("imaging", imaging)) if e},
        parameter_set=study.cases[0].cell.parameter_set,
        other_set="conservative" if study.cases[0].cell.parameter_set != "conservative" else "saturating",
        missing=_missing(study, patch, imaging, cases),
        caveats=tuple(dict.fromkeys(note for c in cases.values() if (note := temperature_note(c.cell)))),
    )
    for kind, experiment, store in (("patch", patch, found.patch), ("imaging", imaging, found.imaging)):
        if experiment and len(study.grid) == 1:
            runs = results[experiment[0]]
            for role, case in cases.items():
                if role:
                    position = int(runs.of_case(case.name)[0])
                    store[role] = {name: float(runs[name][position]) for name in runs.features}
                    _note_flood(found, kind, role, [text for run, text in runs.warnings if run == position])
    if companions and len(study.grid) == 1 and {"hc", "me"} <= set(cases):
        _Companions(study, found, patch, imaging, cases).run()
    return found


def _note_flood(found: Measured, kind: str, role: str, warnings: Sequence[str]) -> None:
    flood = flood_warnings(warnings)
    if flood:
        found.flooded.setdefault(kind, {})[role] = flood


def _other(bath: str) -> str:
    return "washed" if bath == "kept" else "kept"


def _first(study: Study, kind: type[Any]) -> tuple[str, Any] | None:
    return next(((name, e) for name, e in study.experiments.items() if type(e) is kind), None)


def _missing(study: Study, patch: Any, imaging: Any, cases: Mapping[str, Any]) -> dict[str, str]:
    names = {"hc": "untreated healthy", "me": "untreated ME/CFS", "me_ntx": "ME/CFS + NTX (at least 100 uM for 12 h)", "hc_ntx": "healthy + NTX"}
    found = {role: f"the study has no {text} condition" for role, text in names.items() if role not in cases}
    if patch is None:
        found["patch"] = "the study has no patch-clamp experiment"
    if imaging is None:
        found["imaging"] = "the study has no Ca2+ imaging experiment"
    if len(study.grid) > 1:
        found["patch"] = found["imaging"] = "the study varies a parameter; targets are read from a study without a grid"
    return found


class _Companions:
    """The extra runs: the study's own cells and protocols, one thing changed in each."""

    def __init__(self, study: Study, found: Measured, patch: Any, imaging: Any, cases: Mapping[str, Any]) -> None:
        self.found, self.cases = found, cases
        self.patch, self.imaging = (patch[1] if patch else None), (imaging[1] if imaging else None)
        self.solver = asdict(study.solver)

    def run(self) -> None:
        treated = self.cases["me_ntx"].treatment if "me_ntx" in self.cases else None
        healthy, diseased = self.cases["hc"].cell, self.cases["me"].cell
        after = treated.apply(diseased) if treated else None
        if self.patch is not None:
            rested = settle([diseased])[0]
            acute = replace(self.patch, pregs=(0.0,), ononetin=0.0, acute_ntx=ACUTE_NTX, ntx_in_bath="kept")
            alone = replace(acute, acute_ntx=0.0, break_in=acute.break_in + acute.acute_time)
            self._put(self.found.patch, {"me_acute": rested}, acute)
            self._put(self.found.patch, {"me_alone": rested}, alone)
            self._put(self.found.patch, {"me_ldn": LDN.apply(diseased)}, replace(self.patch, ntx_in_bath="kept"))
            if after is not None:
                self._put(self.found.patch, {"me_ntx_other_bath": after}, replace(self.patch, ntx_in_bath=_other(self.patch.ntx_in_bath)))
        if self.imaging is not None:
            if after is not None:
                self._put(self.found.imaging, {"me_ntx_other_bath": after}, replace(self.imaging, ntx_in_bath=_other(self.imaging.ntx_in_bath)))
            self._other_set(healthy, diseased, treated)

    def _other_set(self, healthy: Cell, diseased: Cell, treated: Incubation | None) -> None:
        sick = diseased.with_parameter_set(self.found.other_set)
        cells = {"hc_other_set": healthy.with_parameter_set(self.found.other_set), "me_other_set": sick}
        ready = dict(zip(cells, settle(list(cells.values())), strict=True))
        if treated is not None:
            ready["me_ntx_other_set"] = treated.apply(sick)
        self._put(self.found.imaging, ready, self.imaging)

    def _put(self, store: dict[str, Numbers], cells: Mapping[str, Cell], experiment: Any) -> None:
        for role in [r for r in cells if r in store]:
            cells = {r: c for r, c in cells.items() if r != role}
        if not cells:
            return
        result = run_experiment(list(cells.values()), experiment, **self.solver)
        for i, role in enumerate(cells):
            store[role] = {name: float(f.values[i]) for name, f in result.features.items()}
            _note_flood(self.found, "patch" if store is self.found.patch else "imaging", role, result.warnings[i] if result.warnings else ())


class NotThere(Exception):
    """An ingredient of a target is missing; the message says which."""


class _Judge:
    """Reads numbers by role and feature; raises :class:`NotThere` with the reason when one is missing."""

    def __init__(self, m: Measured) -> None:
        self.m = m
        self.used: dict[tuple[str, str], None] = {}

    def caveats(self) -> str:
        """What limits the verdicts read since the last call: cells that the stimulus floods, cells at an unchecked temperature."""
        flooded = [
            f"{experiment} of {role}: {', '.join(texts)}"
            for experiment, role in self.used
            if (texts := self.m.flooded.get(experiment, {}).get(role))
        ]
        self.used.clear()
        return "; ".join([*(f"caveat: {text}" for text in flooded), *(f"caveat: {text}" for text in self.m.caveats)])

    def __call__(self, experiment: str, role: str, feature: str) -> float:
        self.used[experiment, role] = None
        store = getattr(self.m, experiment)
        if role not in store:
            base = re.sub("_(other_set|other_bath|ldn|acute|alone)$", "", role)
            needed = (experiment, role) if base == role else (experiment, base, "hc", "me")  # companion runs need both groups
            reasons = [self.m.missing[k] for k in needed if k in self.m.missing]
            raise NotThere(reasons[0] if reasons else f"the {role} run was not simulated (companion runs were switched off)")
        value = store[role].get(feature, math.nan)
        if math.isnan(value):
            raise NotThere(f"{feature} of {role} does not exist: the run failed or the protocol has no such phase")
        return value

    def ratio(self, experiment: str, role: str, feature: str, over: str = "hc") -> float:
        return self(experiment, role, feature) / self(experiment, over, feature)


def evaluate(m: Measured) -> list[Target]:
    """Verdict of every target from measured features; a missing ingredient makes a target not testable, with the reason."""
    judge = _Judge(m)
    found: list[Target] = []
    for name, statement, band, evidence, rule in _RULES:
        try:
            verdicts = rule(judge)
            caveats = judge.caveats()
            for suffix, value, number, verdict, remark in verdicts:
                said = remark if verdict == NOT_TESTABLE else _joined(remark, caveats)
                found.append(Target(name + suffix, statement, value, band, evidence, verdict, said, number))
        except NotThere as reason:
            judge.caveats()
            found.append(Target(name, statement, "-", band, evidence, NOT_TESTABLE, str(reason)))
    return found


def target_table(study: Study, results: Results, *, companions: bool = True) -> list[Target]:
    """Verdicts of T1-T14 for a finished study."""
    return evaluate(measure(study, results, companions=companions))


def rows(targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Targets as rows for :meth:`nkcell_sim.results.Results.with_targets`."""
    return [t.row() for t in targets]


def as_text(targets: Sequence[Target], *, width: int = 110) -> str:
    """The table as plain text, with what it is and is not."""
    import textwrap

    indent = " " * 4
    lines = []
    for t in targets:
        lines.append(f"{t.id:<18}{t.verdict:<14}{t.value}")
        text = f"{t.statement} [expected {t.band}; evidence {t.evidence}]" + (f": {t.remark}" if t.remark else "")
        lines += textwrap.wrap(text, width=width, initial_indent=indent, subsequent_indent=indent)
    counts = {verdict: sum(t.verdict == verdict for t in targets) for verdict in (PASS, MISSED, NOT_TESTABLE)}
    summary = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    return "\n".join([*lines, f"{summary}. {DISCLAIMER}"])


Verdict = tuple[str, str, float, str, str]


def _says(good: bool) -> str:
    return PASS if good else MISSED


def _band(value: float, band: tuple[float, float]) -> str:
    """Where a value lies: "below", "inside" or "above" the band."""
    return "below" if value < band[0] else "above" if value > band[1] else "inside"


def _span(band: tuple[float, float]) -> str:
    return f"{band[0]:g}-{band[1]:g}*"


def _joined(*parts: str) -> str:
    return "; ".join(p for p in parts if p)


def _shares(block: float, other: float, of: str) -> str:
    """Two blocked fractions in words."""
    if abs(block - other) < SAME_SHARE:
        return f"the blocked fraction is the same as in {of}"
    return f"the blocked fraction is {'smaller' if block < other else 'larger'} than in {of} ({100 * other:.0f} %)"


def _t1(j: _Judge) -> list[Verdict]:
    peak, out, into = (j("patch", "hc", f"pregs_1_{k}") for k in ("outward_density", "end_outward", "end_inward"))
    good = peak > 0.0 and out > abs(into) and into < 0.0
    value = f"evoked {out:.2g} pA at +100 mV, {into:.2g} pA inward"
    wrong = _joined(
        "nothing is evoked at +100 mV" if peak <= 0.0 else "",
        "no inward current is evoked" if into >= 0.0 else "",
        "the outward current is not the larger one" if out <= abs(into) else "",
    )
    remark = _joined(wrong, f"end of the first PregS; largest evoked current {peak:.3g} pA/pF")
    return [("", value, out / abs(into) if into else math.nan, _says(good), remark)]


def _t2(j: _Judge) -> list[Verdict]:
    block = j("patch", "hc", "ononetin_block")
    remark = ""
    if block > 1.0:
        remark = "above 100 % because basal TRPM3 is blocked too, so the trace ends below its own baseline"
    elif block <= 0.5:
        remark = "at least half of the evoked current is left in ononetin" if block >= 0.0 else "the current grows in ononetin"
    return [("", f"{100 * block:.0f} % of the evoked current", block, _says(block > 0.5), remark)]


def _t3(j: _Judge) -> list[Verdict]:
    ratio = j.ratio("patch", "me", "pregs_1_outward_density")
    remark = {
        "inside": "by construction: the lesion was fitted to such a ratio",
        "below": "less current is left than the band allows",
        "above": "the current is reduced by less than the band asks" if ratio < 1.0 else "the current is not reduced at all",
    }[_band(ratio, REDUCED)]
    return [("", f"ME/HC {ratio:.2f}", ratio, _says(_band(ratio, REDUCED) == "inside"), remark)]


def _t4(j: _Judge) -> list[Verdict]:
    block, block_hc = j("patch", "me", "ononetin_block"), j("patch", "hc", "ononetin_block")
    change, change_hc = j("patch", "me", "ononetin_sensitive"), j("patch", "hc", "ononetin_sensitive")
    limit = j.m.detection_limit
    shares = _shares(block, block_hc, "healthy cells")
    if abs(block - block_hc) < SAME_SHARE:
        shares = f"no equation makes the channel resistant: {shares}"
    found = {(False, True): "would call only the patient's cells resistant", (False, False): "would call both groups resistant"}
    counted = found.get((change > limit, change_hc > limit), "would not call the patient's cells resistant")
    remark = _joined(
        shares,
        f"the absolute change is {change:.2g} pA (ME) against {change_hc:.2g} pA (HC): a counting test with a detection limit of {limit:g} pA {counted}",
    )
    return [("", f"blocked {100 * block:.0f} % (HC {100 * block_hc:.0f} %)", block, _says(block < 0.5), remark)]


def _t5(j: _Judge) -> list[Verdict]:
    return [("", "-", math.nan, NOT_TESTABLE, "IL-2 has no equation in the model; as a common factor it would pass trivially")]


def _restored(j: _Judge, experiment: str, role: str, feature: str) -> tuple[float, bool]:
    ratio = j.ratio(experiment, role, feature)
    return ratio, _band(ratio, RESTORED) == "inside"


def _own_bath(j: _Judge, experiment: str) -> str:
    return _BATH[j.m.bath[experiment]]


def _other_bath(j: _Judge, experiment: str, feature: str) -> str:
    bath = _BATH[_other(j.m.bath[experiment])]
    try:
        ratio = j.ratio(experiment, "me_ntx_other_bath", feature)
    except NotThere as reason:
        return f"with {bath} not compared: {reason}"
    return f"with {bath} {ratio:.2f} ({_band(ratio, RESTORED)} the band)"


def _t6(j: _Judge) -> list[Verdict]:
    ratio, good = _restored(j, "patch", "me_ntx", "pregs_1_outward_density")
    where = "" if good else f"{_band(ratio, RESTORED)} the band"
    remark = _joined(where, _other_bath(j, "patch", "pregs_1_outward_density"))
    return [("", f"(ME + NTX)/HC {ratio:.2f}, {_own_bath(j, 'patch')}", ratio, _says(good), remark)]


def _t7(j: _Judge) -> list[Verdict]:
    change, block = j("patch", "me_ntx", "ononetin_sensitive"), j("patch", "me_ntx", "ononetin_block")
    untreated, share = j("patch", "me", "ononetin_sensitive"), j("patch", "me", "ononetin_block")
    limit = j.m.detection_limit
    judged = f"the absolute change is {'above' if change > limit else 'not above'} the stated noise of {limit:g} pA"
    remark = _joined(f"untreated {untreated:.2g} pA", _shares(block, share, "untreated cells"), judged)
    return [("", f"{change:.2g} pA ({100 * block:.0f} %), {_own_bath(j, 'patch')}", change, _says(block > 0.5 and change > limit), remark)]


def _t8(j: _Judge) -> list[Verdict]:
    with_ntx = j("patch", "me_acute", "baseline_outward") + j("patch", "me_acute", "acute_ntx_change")
    change = with_ntx - j("patch", "me_alone", "baseline_outward")
    limit = j.m.detection_limit
    sign = "no equation lets naltrexone open the channel, the rise is relief of basal TRPM3" if change > 0.0 else "naltrexone raises nothing"
    remark = _joined(
        f"{'below' if abs(change) < limit else 'not below'} the stated noise of {limit:g} pA",
        sign,
        "companion runs: ME/CFS without PregS, with naltrexone and without it at the same time after break-in",
    )
    return [("", f"{change:+.2g} pA at +100 mV", change, _says(abs(change) < limit), remark)]


def _t9(j: _Judge) -> list[Verdict]:
    ratio, good = _restored(j, "patch", "me_ldn", "pregs_1_outward_density")
    said = {
        "below": "restoration would need a potency in vivo near that in the dish and a naltrexol that suppresses tone",
        "inside": "these levels restore the current",
        "above": "these levels overshoot the healthy current",
    }[_band(ratio, RESTORED)]
    remark = (
        f"companion run: {LDN.ntx * 1e3:g} nM NTX and {LDN.naltrexol:g} nM 6-beta-naltrexol x free fraction {LDN.free_fraction:g}, "
        f"Ki x {LDN.k_invivo:g} in vivo, held {LDN.duration / 24:g} days and in the recording bath; {said}"
    )
    return [("", f"(ME + LDN)/HC {ratio:.2f}", ratio, _says(good), remark)]


def _t10(j: _Judge) -> list[Verdict]:
    return [("", "-", math.nan, NOT_TESTABLE, "the channel has no nifedipine term; the sign would be the same by construction")]


def _t11(j: _Judge) -> list[Verdict]:
    names = {"ca_amplitude": "amplitude", "ca_slope": "slope", "f_amplitude": "amplitude on F/F0", "f_slope": "slope on F/F0"}
    ratios = {name: j.ratio("imaging", "me", name) for name in names}
    high = [names[name] for name, ratio in ratios.items() if ratio >= 1.0]
    remark = _joined(f"not lower: {', '.join(high)}" if high else "", f"on F/F0 {ratios['f_amplitude']:.2f} and {ratios['f_slope']:.2f}")
    value = f"ME/HC amplitude {ratios['ca_amplitude']:.2f}, slope {ratios['ca_slope']:.2f}"
    return [("", value, ratios["ca_amplitude"], _says(not high), remark)]


def _half_times(j: _Judge, name: str, suffix: str) -> Verdict:
    """T12 with one parameter set."""
    light, ca, size = (j("imaging", "me" + suffix, k) / j("imaging", "hc" + suffix, k) for k in ("f_half_time", "ca_half_time", "ca_amplitude"))
    good = light < 1.0 and ca < 1.0
    chosen = name == "saturating"
    if good:
        remark = SATURATING_REMARK if chosen else "the order appears although this set was not chosen for it"
    elif (light < 1.0) != (ca < 1.0):
        remark = "Ca2+ and its indicator disagree"
    elif size < 1.0:
        remark = "the larger response is not the slower one" + ("" if chosen else ": clearance does not slow down enough as Ca2+ rises")
    else:
        remark = "the ME/CFS response is not the smaller one here, so its half-time says nothing about clearance"
    if chosen and not good:
        remark += "; the saturating set was chosen because of this target and yet misses it here"
    value = f"ME/HC {light:.2f} on F/F0, {ca:.2f} on Ca2+{' (set chosen for this)' if chosen else ''}"
    return f" {name}", value, light, _says(good), f"onset to half of the peak rise; Ca2+ {ca:.2f}, F/F0 {light:.2f}; {remark}"


def _t12(j: _Judge) -> list[Verdict]:
    return [_half_times(j, name, suffix) for name, suffix in ((j.m.parameter_set, ""), (j.m.other_set, "_other_set"))]


def _t13(j: _Judge) -> list[Verdict]:
    light, good = _restored(j, "imaging", "me_ntx", "f_half_time")
    ca, good_ca = _restored(j, "imaging", "me_ntx", "ca_half_time")
    up = j("imaging", "me_ntx", "ca_amplitude") / j("imaging", "me", "ca_amplitude")
    wrong = _joined(
        "" if good_ca else f"half-time on Ca2+ {_band(ca, RESTORED)} the band",
        "" if good else f"half-time on F/F0 {_band(light, RESTORED)} the band",
        "" if up > 1.0 else "amplitude not raised",
    )
    other = f"half-time on Ca2+ {_other_bath(j, 'imaging', 'ca_half_time')}"
    remark = _joined(wrong, f"F/F0 {light:.2f}", f"amplitude {up:.2f} times that of untreated cells", other)
    value = f"half-time (ME + NTX)/HC {ca:.2f}, {_own_bath(j, 'imaging')}"
    return [("", value, ca, _says(good and good_ca and up > 1.0), remark)]


def _t14(j: _Judge) -> list[Verdict]:
    return [("", "-", math.nan, NOT_TESTABLE, "a cohort question: donors and cells within donors, which one deterministic cell per group cannot answer")]


_RULES: tuple[tuple[str, str, str, str, Callable[[_Judge], list[Verdict]]], ...] = (
    ("T1", "PregS raises an outwardly rectifying current in healthy cells", "I(+100) > -I(-100), above baseline", "exact (direction): C18, C21", _t1),
    ("T2", "Ononetin after PregS cuts the healthy current", "> 50 %*", "exact (sense): C18, S22", _t2),
    ("T3", "ME/CFS PregS current is below healthy", _span(REDUCED), "exact (direction): C18, C19v, S22, S24", _t3),
    ("T4", "ME/CFS current hardly changes with ononetin", "< 50 % blocked*", "exact (p < 0.0001): S22", _t4),
    ("T5", "IL-2 alone does not rescue ME/CFS", "below healthy + IL-2", "exact (direction): C19n", _t5),
    ("T6", "NTX 200 uM for 24 h restores ME/CFS to about healthy", _span(RESTORED), "exact (direction), secondary (level): C19n, S24", _t6),
    ("T7", "After NTX, ononetin sensitivity returns", "> 50 % and above noise*", "secondary: S24; recall: C21", _t7),
    ("T8", "Naltrexone applied acutely gives no current", "below stated noise*", "exact (direction): C19n", _t8),
    ("T9", "Patients on low-dose naltrexone look like healthy", _span(RESTORED), "exact (direction): C21; secondary: S25", _t9),
    ("T10", "Nifedipine agrees with PregS on T3", "same sign", "secondary: C19v", _t10),
    ("T11", "Ca2+ amplitude and slope are lower in ME/CFS", "ratios < 1", "exact: EF22, M26", _t11),
    ("T12", "Ca2+ half-time is shorter in ME/CFS", "ratio < 1", "exact: EF22, M26", _t12),
    ("T13", "NTX makes the half-time equal healthy and raises amplitude", f"{_span(RESTORED)}, amplitude up", "exact; amplitude secondary: EF22", _t13),
    ("T14", "8 + 8 donors, several cells each, give significance for T3 and T6", "power", "C19n", _t14),
)
