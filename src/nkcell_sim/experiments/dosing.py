"""What somebody who takes oral naltrexone does and what is assumed of the body: doses in time and the readings that are open."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.signalling.opioid_rebound import CLAIMED, MEASURED
from ..protocol import Protocol
from . import names
from .fields import LabRecord, lab

HOUR = 3600.0  # s
SWALLOWING = 1.0 / 60.0  # h: a dose is taken within a minute
MOST_DOSES = 1000
LONGEST_COURSE = 366.0 * 24.0  # h
REBOUNDS = {"off": 0.0, "measured": MEASURED, "claimed": CLAIMED}


@dataclass(frozen=True, kw_only=True, repr=False)
class OralNaltrexone(LabRecord):
    """Doses of naltrexone hydrochloride by mouth, and the readings of what they do (TRPM3 brief, sections 4 and 6.3).

    Hours are counted from the start of the course, which is the first scheduled dose unless ``dose_times`` says otherwise. Every default that no
    measurement decides is a field: the in-vivo affinity (k_invivo 10 fits receptor imaging, D), whether 6-beta-naltrexol suppresses the tone
    (neutral antagonist, V2), how much of the tone is ambient agonist (unknown, A), and the size of the opioid rebound.
    """

    dose: float = lab("4.5 mg", "mg", "naltrexone hydrochloride in each dose", label="", minimum=0.0, maximum=1000.0)
    doses: float = lab(10.0, "1", "number of scheduled doses", kind="number", minimum=1.0, maximum=MOST_DOSES)
    interval: float = lab("24 h", "h", "time from dose to dose", minimum=0.0)
    dose_times: tuple[float, ...] = lab((), "h", "every dose's time from the start of the course, instead of doses and interval", kind="list", minimum=0.0)
    missed: tuple[float, ...] = lab((), "1", "numbers of the scheduled doses that are not taken (1 is the first)", kind="list", minimum=1.0)
    hours_after: float = lab(
        "3 h", "h", "end of the course after the last scheduled dose, when blood is drawn (0: just before that dose)", label="assumed", minimum=0.0
    )
    free_fraction: float = lab(0.79, "1", "unbound share in plasma (label: 21 % bound)", kind="number", minimum=0.0, maximum=1.0)
    k_invivo: float = lab(
        10.0, "1", "loss of antagonist affinity in vivo, a factor on both Ki (10 fits receptor imaging, 1 is the dish)",
        label="assumed", kind="number", minimum=0.01,
    )  # fmt: skip
    naltrexol_tone: float = lab(
        0.0, "1", "share of the constitutive tone that 6-beta-naltrexol suppresses (0: neutral)", label="assumed", kind="number", minimum=0.0, maximum=1.0
    )
    naltrexol_reach: float = lab(
        1.0, "1", "6-beta-naltrexol that reaches the receptors (0: naltrexone acts alone)", label="assumed", kind="number", minimum=0.0, maximum=1.0
    )
    agonist_share: float = lab(
        0.0, "1", "share of the tone that is ambient agonist: the rebound raises it and every antagonist displaces it",
        label="assumed", kind="number", minimum=0.0, maximum=1.0,
    )  # fmt: skip
    rebound: str = lab(
        "measured", "", "endogenous opioids after a blockade: off, measured (x1.6), claimed (x3)", label="assumed", kind="choice", choices=tuple(REBOUNDS)
    )
    r_up: float = lab(0.0, "1", "receptor up-regulation by full occupancy (0.8 after days in rodents)", label="assumed", kind="number", minimum=0.0)

    def check(self) -> None:
        super().check()
        if not self.dose > 0.0:
            raise self.refused("dose", "expected more than 0 mg; leave the treatment out for somebody who takes nothing")
        self._check_schedule()
        self._check_missed()
        if not self.course > 0.0:
            raise self.refused("hours_after", "blood would be drawn before the first dose; expected more than 0 h after a single dose")
        if self.course > LONGEST_COURSE:
            raise self.refused(self._longest(), f"the course lasts {self.course:.6g} h; expected at most {LONGEST_COURSE:g} h (a year)")

    def _check_schedule(self) -> None:
        if not self.doses.is_integer():
            raise self.refused("doses", "expected a whole number of doses")
        if self.dose_times:
            for name in ("doses", "interval"):
                if getattr(self, name) != self.default_of(name):
                    raise self.refused(name, "dose_times lists every dose already; give one of the two")
            if len(self.dose_times) > MOST_DOSES:
                raise self.refused("dose_times", f"expected at most {MOST_DOSES} doses")
        elif self.doses > 1.0 and self.interval < SWALLOWING:
            raise self.refused("interval", "doses overlap: each is swallowed within 1 min; expected at least 1 min")
        for number, (before, at) in enumerate(zip(self.dose_times, self.dose_times[1:], strict=False), start=2):
            if at < before:
                raise self.refused("dose_times", f"dose {number} at {at:g} h comes before dose {number - 1} at {before:g} h; expected ascending times")
            if at - before < SWALLOWING * (1.0 - 1e-9):
                raise self.refused("dose_times", f"doses {number - 1} and {number} overlap at {at:g} h: each is swallowed within 1 min")

    def _check_missed(self) -> None:
        count = len(self.scheduled)
        for number in self.missed:
            if not number.is_integer() or number > count:
                raise self.refused("missed", f"got {number:g}; expected whole numbers from 1 to {count}, the scheduled doses")
        if len(set(self.missed)) < len(self.missed):
            raise self.refused("missed", "expected each missed dose once")
        if len(self.missed) == count:
            raise self.refused("missed", f"all {count} doses are missed; leave the treatment out for somebody who takes nothing")

    def _longest(self) -> str:
        """The field that makes a course too long."""
        if self.dose_times and max(self.dose_times) > LONGEST_COURSE:
            return "dose_times"
        return "hours_after" if self.hours_after > LONGEST_COURSE / 2.0 else "interval" if self.interval > 24.0 else "doses"

    @property
    def scheduled(self) -> tuple[float, ...]:
        """Times of all scheduled doses [h], missed ones among them."""
        return self.dose_times or tuple(float(n) * self.interval for n in range(int(self.doses)))

    @property
    def taken(self) -> tuple[float, ...]:
        """Times of the doses that are taken [h]."""
        return tuple(at for number, at in enumerate(self.scheduled, start=1) if number not in self.missed)

    @property
    def course(self) -> float:
        """Length of the course until blood is drawn [h]."""
        return self.scheduled[-1] + self.hours_after

    def swallowing(self) -> Protocol:
        """The course as a protocol: each dose a pulse of one minute, an exact amount."""
        protocol = Protocol(self.course * HOUR, name="oral naltrexone")
        for at in self.taken:
            if at < self.course:
                protocol = protocol.pulse(at * HOUR, "1 min", **{names.DOSING: f"{self.dose:.17g} mg/min"})
        return protocol

    def receptors(self) -> dict[str, float]:
        """Parameters of the opioid receptor that the readings set, in a body and in the cell that is taken from it."""
        return {
            names.K_INVIVO: self.k_invivo,
            names.NALTREXOL_TONE: self.naltrexol_tone,
            names.AGONIST_SHARE: self.agonist_share,
            names.UP_REGULATION: self.r_up,
        }

    def body(self) -> dict[str, float]:
        """Parameters of the body and its receptors."""
        kinetics = {names.FREE_FRACTION: self.free_fraction, names.NALTREXOL_REACH: self.naltrexol_reach, names.REBOUND: REBOUNDS[self.rebound]}
        return {**self.receptors(), **kinetics}

    def course_notes(self) -> tuple[str, ...]:
        """What a reader must know of every number from such a course."""
        said = [
            f"oral naltrexone: {self.schedule_text()}; plasma levels of a fit to 50 mg (D), scaled by dose: no pharmacokinetic study of low doses was found",
            f"receptors in vivo: Ki multiplied by k_invivo {self.k_invivo:g}, free fraction {self.free_fraction:g}, "
            f"6-beta-naltrexol suppresses {self.naltrexol_tone:g} of the constitutive tone, {self.agonist_share:g} of the tone is ambient agonist (assumed)",
            "the opioid chain ran at 37 degC in the body; the rest of the cell found its rest again at its own temperature",
        ]
        if self.rebound == "claimed":
            said.append("endogenous opioids rise to x3 after a dose: a claim for low doses, not a measurement")
        if self.rebound != "off" and self.agonist_share == 0.0:
            said.append("the opioid rebound is computed but cannot act: none of the tone is ambient agonist (agonist_share 0)")
        return tuple(said)

    def schedule_text(self) -> str:
        """The doses in words."""
        times = self.scheduled
        when = f"at {', '.join(f'{t:g}' for t in times)} h" if self.dose_times else f"{len(times)} times every {self.interval:g} h"
        without = f", without dose {', '.join(f'{n:g}' for n in self.missed)}" if self.missed else ""
        return f"{self.dose:g} mg {when if len(times) > 1 or self.dose_times else 'once'}{without}"
