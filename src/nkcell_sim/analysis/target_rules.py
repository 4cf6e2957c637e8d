"""One rule a target: what is read, what counts as agreement, and a sentence that follows the numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from .target_measures import LDN, Measured, other_bath

PASS, MISSED, NOT_TESTABLE = "pass", "missed", "not testable"
SATURATING_REMARK = "the saturating set was chosen because of this target, so agreement is a consistency check, not a prediction"
REDUCED = (0.2, 0.7)  # * of HC
RESTORED = (0.8, 1.2)  # * of HC
POWER = 0.8  # * of a study that finds what is there
SAME_SHARE = 0.05  # * blocked fractions that differ by less count as the same
_BATH = {"kept": "NTX kept in the bath", "washed": "NTX washed off first"}


class NotThere(Exception):
    """An ingredient of a target is missing; the message says which."""


class Judge:
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
            base = re.sub("_(other_set|other_bath|ldn|ldn_tone|ldn_dish|acute|alone)$", "", role)
            needed = (experiment, role) if base == role else (experiment, base, "hc", "me")  # companion runs need both groups
            reasons = [self.m.missing[k] for k in needed if k in self.m.missing]
            raise NotThere(reasons[0] if reasons else f"the {role} run was not simulated (companion runs were switched off)")
        value = store[role].get(feature, math.nan)
        if math.isnan(value):
            raise NotThere(f"{feature} of {role} does not exist: the run failed or the protocol has no such phase")
        return value

    def ratio(self, experiment: str, role: str, feature: str, over: str = "hc") -> float:
        return self(experiment, role, feature) / self(experiment, over, feature)


Verdict = tuple[str, str, float, str, str]


def _says(good: bool) -> str:
    return PASS if good else MISSED


def _band(value: float, band: tuple[float, float]) -> str:
    """Where a value lies: "below", "inside" or "above" the band."""
    return "below" if value < band[0] else "above" if value > band[1] else "inside"


def _span(band: tuple[float, float]) -> str:
    return f"{band[0]:g}-{band[1]:g}*"


def joined(*parts: str) -> str:
    return "; ".join(p for p in parts if p)


def _shares(block: float, other: float, of: str) -> str:
    """Two blocked fractions in words."""
    if abs(block - other) < SAME_SHARE:
        return f"the blocked fraction is the same as in {of}"
    return f"the blocked fraction is {'smaller' if block < other else 'larger'} than in {of} ({100 * other:.0f} %)"


def _t1(j: Judge) -> list[Verdict]:
    peak, out, into = (j("patch", "hc", f"pregs_1_{k}") for k in ("outward_density", "end_outward", "end_inward"))
    good = peak > 0.0 and out > abs(into) and into < 0.0
    value = f"evoked {out:.2g} pA at +100 mV, {into:.2g} pA inward"
    wrong = joined(
        "nothing is evoked at +100 mV" if peak <= 0.0 else "",
        "no inward current is evoked" if into >= 0.0 else "",
        "the outward current is not the larger one" if out <= abs(into) else "",
    )
    remark = joined(wrong, f"end of the first PregS; largest evoked current {peak:.3g} pA/pF")
    return [("", value, out / abs(into) if into else math.nan, _says(good), remark)]


def _t2(j: Judge) -> list[Verdict]:
    block = j("patch", "hc", "ononetin_block")
    remark = ""
    if block > 1.0:
        remark = "above 100 % because basal TRPM3 is blocked too, so the trace ends below its own baseline"
    elif block <= 0.5:
        remark = "at least half of the evoked current is left in ononetin" if block >= 0.0 else "the current grows in ononetin"
    return [("", f"{100 * block:.0f} % of the evoked current", block, _says(block > 0.5), remark)]


def _t3(j: Judge) -> list[Verdict]:
    ratio = j.ratio("patch", "me", "pregs_1_outward_density")
    remark = {
        "inside": "by construction: the lesion was fitted to such a ratio",
        "below": "less current is left than the band allows",
        "above": "the current is reduced by less than the band asks" if ratio < 1.0 else "the current is not reduced at all",
    }[_band(ratio, REDUCED)]
    return [("", f"ME/HC {ratio:.2f}", ratio, _says(_band(ratio, REDUCED) == "inside"), remark)]


def _t4(j: Judge) -> list[Verdict]:
    block, block_hc = j("patch", "me", "ononetin_block"), j("patch", "hc", "ononetin_block")
    change, change_hc = j("patch", "me", "ononetin_sensitive"), j("patch", "hc", "ononetin_sensitive")
    limit = j.m.detection_limit
    shares = _shares(block, block_hc, "healthy cells")
    if abs(block - block_hc) < SAME_SHARE:
        shares = f"no equation makes the channel resistant: {shares}"
    found = {(False, True): "would call only the patient's cells resistant", (False, False): "would call both groups resistant"}
    counted = found.get((change > limit, change_hc > limit), "would not call the patient's cells resistant")
    remark = joined(
        shares,
        f"the absolute change is {change:.2g} pA (ME) against {change_hc:.2g} pA (HC): a counting test with a detection limit of {limit:g} pA {counted}",
    )
    return [("", f"blocked {100 * block:.0f} % (HC {100 * block_hc:.0f} %)", block, _says(block < 0.5), remark)]


def _t5(j: Judge) -> list[Verdict]:
    return [("", "-", math.nan, NOT_TESTABLE, "IL-2 has no equation in the model; as a common factor it would pass trivially")]


def _restored(j: Judge, experiment: str, role: str, feature: str) -> tuple[float, bool]:
    ratio = j.ratio(experiment, role, feature)
    return ratio, _band(ratio, RESTORED) == "inside"


def _own_bath(j: Judge, experiment: str) -> str:
    return _BATH[j.m.bath[experiment]]


def _in_other_bath(j: Judge, experiment: str, feature: str) -> str:
    bath = _BATH[other_bath(j.m.bath[experiment])]
    try:
        ratio = j.ratio(experiment, "me_ntx_other_bath", feature)
    except NotThere as reason:
        return f"with {bath} not compared: {reason}"
    return f"with {bath} {ratio:.2f} ({_band(ratio, RESTORED)} the band)"


def _t6(j: Judge) -> list[Verdict]:
    ratio, good = _restored(j, "patch", "me_ntx", "pregs_1_outward_density")
    where = "" if good else f"{_band(ratio, RESTORED)} the band"
    remark = joined(where, _in_other_bath(j, "patch", "pregs_1_outward_density"))
    return [("", f"(ME + NTX)/HC {ratio:.2f}, {_own_bath(j, 'patch')}", ratio, _says(good), remark)]


def _t7(j: Judge) -> list[Verdict]:
    change, block = j("patch", "me_ntx", "ononetin_sensitive"), j("patch", "me_ntx", "ononetin_block")
    untreated, share = j("patch", "me", "ononetin_sensitive"), j("patch", "me", "ononetin_block")
    limit = j.m.detection_limit
    judged = f"the absolute change is {'above' if change > limit else 'not above'} the stated noise of {limit:g} pA"
    remark = joined(f"untreated {untreated:.2g} pA", _shares(block, share, "untreated cells"), judged)
    return [("", f"{change:.2g} pA ({100 * block:.0f} %), {_own_bath(j, 'patch')}", change, _says(block > 0.5 and change > limit), remark)]


def _t8(j: Judge) -> list[Verdict]:
    with_ntx = j("patch", "me_acute", "baseline_outward") + j("patch", "me_acute", "acute_ntx_change")
    change = with_ntx - j("patch", "me_alone", "baseline_outward")
    limit = j.m.detection_limit
    sign = "no equation lets naltrexone open the channel, the rise is relief of basal TRPM3" if change > 0.0 else "naltrexone raises nothing"
    remark = joined(
        f"{'below' if abs(change) < limit else 'not below'} the stated noise of {limit:g} pA",
        sign,
        "companion runs: ME/CFS without PregS, with naltrexone and without it at the same time after break-in",
    )
    return [("", f"{change:+.2g} pA at +100 mV", change, _says(abs(change) < limit), remark)]


def _t9(j: Judge) -> list[Verdict]:
    ratio, good = _restored(j, "patch", "me_ldn", "pregs_1_outward_density")
    said = {
        "below": "these levels do not restore the current",
        "inside": "these levels restore the current",
        "above": "these levels overshoot the healthy current",
    }[_band(ratio, RESTORED)]
    readings = ""
    if "me_ldn_tone" in j.m.patch:
        tone, dish = (j.ratio("patch", role, "pregs_1_outward_density") for role in ("me_ldn_tone", "me_ldn_dish"))
        readings = f"{tone:.2f} if 6-beta-naltrexol suppresses the tone, {dish:.2f} if in addition the affinity is that of the dish"
    when = f"cells drawn {LDN.hours_after:g} h after dose {LDN.doses:g}, plasma levels kept in the recording bath"
    remark = joined(f"companion run: {LDN.dose:g} mg a day, {when}, Ki x {LDN.k_invivo:g}", said, readings)
    return [("", f"(ME + LDN)/HC {ratio:.2f}", ratio, _says(good), remark)]


def _t10(j: Judge) -> list[Verdict]:
    return [("", "-", math.nan, NOT_TESTABLE, "the channel has no nifedipine term; the sign would be the same by construction")]


def _t11(j: Judge) -> list[Verdict]:
    names = {"ca_amplitude": "amplitude", "ca_slope": "slope", "f_amplitude": "amplitude on F/F0", "f_slope": "slope on F/F0"}
    ratios = {name: j.ratio("imaging", "me", name) for name in names}
    high = [names[name] for name, ratio in ratios.items() if ratio >= 1.0]
    remark = joined(f"not lower: {', '.join(high)}" if high else "", f"on F/F0 {ratios['f_amplitude']:.2f} and {ratios['f_slope']:.2f}")
    value = f"ME/HC amplitude {ratios['ca_amplitude']:.2f}, slope {ratios['ca_slope']:.2f}"
    return [("", value, ratios["ca_amplitude"], _says(not high), remark)]


def _half_times(j: Judge, name: str, suffix: str) -> Verdict:
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


def _t12(j: Judge) -> list[Verdict]:
    return [_half_times(j, name, suffix) for name, suffix in ((j.m.parameter_set, ""), (j.m.other_set, "_other_set"))]


def _t13(j: Judge) -> list[Verdict]:
    light, good = _restored(j, "imaging", "me_ntx", "f_half_time")
    ca, good_ca = _restored(j, "imaging", "me_ntx", "ca_half_time")
    up = j("imaging", "me_ntx", "ca_amplitude") / j("imaging", "me", "ca_amplitude")
    wrong = joined(
        "" if good_ca else f"half-time on Ca2+ {_band(ca, RESTORED)} the band",
        "" if good else f"half-time on F/F0 {_band(light, RESTORED)} the band",
        "" if up > 1.0 else "amplitude not raised",
    )
    other = f"half-time on Ca2+ {_in_other_bath(j, 'imaging', 'ca_half_time')}"
    remark = joined(wrong, f"F/F0 {light:.2f}", f"amplitude {up:.2f} times that of untreated cells", other)
    value = f"half-time (ME + NTX)/HC {ca:.2f}, {_own_bath(j, 'imaging')}"
    return [("", value, ca, _says(good and good_ca and up > 1.0), remark)]


def _t14(j: Judge) -> list[Verdict]:
    cohort = j.m.cohort
    if cohort is None:
        raise NotThere("a cohort question that one cell a group cannot answer: `nkcell validate` and configs/power.toml do")
    least = min(cohort.found[target]["donor"] for target in ("T3", "T6"))
    found = ", ".join(f"{target} {100 * rates['donor']:.0f} % by donor ({100 * rates['cell']:.0f} % by cell)" for target, rates in cohort.found.items())
    ranges = ", ".join(f"{target} {100 * low:.0f}-{100 * high:.0f} %" for target, (low, high) in cohort.spread.items())
    remark = joined(
        f"{cohort.donors} + {cohort.donors} donors, {cohort.cells} cells each, p below 0.05",
        f"where nothing differs, donors give {100 * cohort.false['donor']:.0f} % and cells {100 * cohort.false['cell']:.0f} % false positives",
        cohort.assumed,
        f"by donor over cohorts of that size: {ranges}",
    )
    return [("", f"power {found}", least, _says(least >= POWER), remark)]


RULES: tuple[tuple[str, str, str, str, Callable[[Judge], list[Verdict]]], ...] = (
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
    ("T14", "8 + 8 donors, several cells each, give significance for T3 and T6", "power > 80 %*", "exact (8 + 8): C19n", _t14),
)
