"""Whole-cell patch clamp with voltage ramps and drug applications, as the rig sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..features import Peak, Reading, ValueAt
from ..protocol import Protocol
from . import names
from .base import Array, Experiment, Feature, Indices
from .fields import lab
from .measures import rectification, reversal_potential
from .solutions import BATHS, bath_inputs
from .sweeps import Sweeps, sweep_grid
from .washing import wash_off

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.cell import Cell
    from ..trace import Trace


# A step charges the membrane with the time constant R_s Cm, 0.04 ms with the 15 MOhm and 2.6 pF of the standard cell.
SETTLED = 2e-4  # s: five of these time constants
SHORTEST_RAMP = 1e-3  # s


@dataclass(frozen=True)
class Phase:
    """One stretch of the recording: start and end [s], a name, and what is in the bath."""

    name: str
    start: float
    end: float
    drugs: dict[str, float]


@dataclass(frozen=True)
class IVTable:
    """Current-voltage relation per phase; ``current[phase]`` is (n_cells, n_voltages) in pA, capacitive part removed."""

    voltage: Array
    current: dict[str, Array]
    capacitance: Array

    def density(self, phase: str) -> Array:
        """Current per membrane capacitance [pA/pF]."""
        return self.current[phase] / self.capacitance[:, None]

    def __repr__(self) -> str:
        picks = np.unique(np.linspace(0, len(self.voltage) - 1, 11).round().astype(int))
        lines = ["I-V, first cell (model output), pA", "  command mV  " + "".join(f"{name:>18}" for name in self.current)]
        lines += [f"  {self.voltage[k]:>10.0f}  " + "".join(f"{i[0, k]:>18.4g}" for i in self.current.values()) for k in picks]
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True, repr=False)
class PatchClamp(Experiment):
    """Ramps from a holding potential while pregnenolone sulfate (PregS) and ononetin come and go.

    Voltages are at the membrane (liquid junction potential of -10 mV already taken off). Ramps end on multiples of
    ``ramp_interval``, so that the last ramp of a solution is read just before the next one arrives. The measured current
    contains the seal leak, the series resistance error and the capacitive current; ``corrected`` takes off the ramp's
    Cm dV/dt only, evoked values take off the last ramp before the first drug (and with it the leak).

    With an :class:`~.amplifier.Amplifier` the trace also holds the time just before every ramp and close samples after its step (1 us and growing by
    12 % up to 2 ms), so that the filter sees the transient; beyond that ``ramp_sampling`` stays as it is, the current being smooth, and the amplifier keeps
    of its own conversions the last one before each of these times. Every conversion is kept with ``ramp_sampling`` equal to the amplifier's ``sampling``.
    """

    kind: ClassVar[str] = "patch_clamp"
    title: ClassVar[str] = "Whole-cell patch clamp"
    instruments: ClassVar[tuple[str, ...]] = ("amplifier",)

    ntx_in_bath: str = lab(
        ..., "", "naltrexone in the recording bath: kept at the incubation concentration, or washed off first", kind="choice", choices=("kept", "washed")
    )
    wash_time: float = lab("30 min", "s", "time in drug-free medium before recording when ntx_in_bath is washed", label="assumed", minimum=0.0)
    pregs: tuple[float, ...] = lab(("100 uM", "100 uM"), "uM", "PregS concentration of each application", label="unconfirmed", kind="list", minimum=0.0)
    ononetin: float = lab("10 uM", "uM", "ononetin on top of the last PregS (0: none)", label="unconfirmed", minimum=0.0)
    acute_ntx: float = lab("0 nM", "nM", "naltrexone added acutely after break-in and kept (0: none)", label="assumed", minimum=0.0)
    break_in: float = lab("120 s", "s", "dialysis by the pipette before the first drug", label="assumed", minimum=0.0)
    acute_time: float = lab("120 s", "s", "acute naltrexone before the first PregS", label="assumed", minimum=0.0)
    application: float = lab("120 s", "s", "duration of each PregS application", label="assumed", minimum=0.0)
    wash: float = lab("120 s", "s", "agonist-free bath between PregS applications", label="assumed", minimum=0.0)
    block: float = lab("120 s", "s", "PregS with ononetin", label="assumed", minimum=0.0)
    washout: float = lab("0 s", "s", "drug-free bath at the end", label="assumed", minimum=0.0)
    exchange_tau: float = lab("0 s", "s", "time constant of bath exchange (0: at once; the channel's wash-in is 2 s)", label="assumed", minimum=0.0)
    holding: float = lab("0 mV", "mV", "holding potential", label="unconfirmed", minimum=-150.0, maximum=150.0)
    ramp_from: float = lab("-100 mV", "mV", "start of the ramp (reached by a step)", label="unconfirmed", minimum=-200.0, maximum=200.0)
    ramp_to: float = lab("100 mV", "mV", "end of the ramp", label="unconfirmed", minimum=-200.0, maximum=200.0)
    ramp_duration: float = lab("100 ms", "s", "duration of the ramp", label="unconfirmed", minimum=1e-4)
    ramp_interval: float = lab("10 s", "s", "time from ramp to ramp", label="unconfirmed", minimum=1e-3)
    ramp_sampling: float = lab("1 ms", "s", "sampling interval within the ramp", label="assumed", minimum=1e-5)
    inward_at: float = lab("-94 mV", "mV", "command voltage at which the inward current is read (the step's artefact is over)", label="assumed")
    bath: str = lab("caesium", "", "recording bath", label="unconfirmed", kind="choice", choices=tuple(BATHS))
    detection_limit: float = lab(
        "5 pA", "pA", "smallest change that the recording resolves (one open TRPM3 channel is 8.5 pA at +100 mV)", label="assumed", minimum=0.0
    )

    def check_together(self) -> None:
        if not self.pregs:
            raise self.refused("pregs", "expected at least one application (0 uM for a recording without PregS)")
        if not self.ramp_from < self.ramp_to:
            raise self.refused("ramp_to", f"expected a voltage above ramp_from, {self.ramp_from:g} mV")
        if not self.ramp_from < self.inward_at <= self.ramp_to:
            raise self.refused("inward_at", f"expected a voltage within the ramp, above {self.ramp_from:g} mV and at most {self.ramp_to:g} mV")
        if not self.ramp_interval > self.ramp_duration:
            raise self.refused("ramp_interval", f"expected more than ramp_duration, {self.ramp_duration:g} s: a ramp ends before the next one starts")
        self._check_artefact()
        self._check_phases()

    def _check_artefact(self) -> None:
        """The step to ramp_from charges the membrane through the pipette; a reading before that is over is not a membrane current."""
        if self.ramp_duration < SHORTEST_RAMP:
            raise self.refused("ramp_duration", f"expected at least {SHORTEST_RAMP * 1e3:g} ms: the membrane does not follow a faster ramp")
        delay = (self.inward_at - self.ramp_from) / (self.ramp_to - self.ramp_from) * self.ramp_duration
        if delay < SETTLED:
            first = self.ramp_from + SETTLED / self.ramp_duration * (self.ramp_to - self.ramp_from)
            reads = f"is reached {delay * 1e3:.3g} ms after the step, within its capacitive artefact"
            raise self.refused("inward_at", f"it {reads} ({SETTLED * 1e3:g} ms); expected at least {first:.4g} mV, or a longer ramp_duration")

    def _check_phases(self) -> None:
        fields = {"baseline": "break_in", "acute NTX": "acute_time", "ononetin": "block"}
        if self.break_in == 0.0 or self.application == 0.0:
            raise self.refused("break_in" if self.break_in == 0.0 else "application", f"expected at least one ramp_interval, {self.ramp_interval:g} s")
        for phase in self.phases_list():
            name = "application" if phase.name.startswith("PregS") else fields.get(phase.name)
            first = np.floor(phase.start / self.ramp_interval + 1e-9) + 1
            if name and first * self.ramp_interval > phase.end + 1e-9:
                raise self.refused(name, f"no ramp falls into it; expected at least one ramp_interval, {self.ramp_interval:g} s")

    def samples(self) -> tuple[float, str]:
        ramps = self.duration / self.ramp_interval
        within = self.ramp_duration / self.ramp_sampling
        total = ramps * (within + 5.0 + (0.0 if self.instrument is None else len(sweep_grid(np.zeros(0), self.ramp_duration))))
        return total, "ramp_sampling" if within > 1e5 else self._cause("ramp_interval" if ramps > 1e6 else "ramp_sampling")

    def phases_list(self) -> tuple[Phase, ...]:
        """The stretches of the recording in order."""
        plan: list[tuple[str, float, dict[str, float]]] = [("baseline", self.break_in, {})]
        if self.acute_ntx:
            plan.append(("acute NTX", self.acute_time, {"ntx": self.acute_ntx}))
        for i, dose in enumerate(self.pregs):
            if i:
                plan.append((f"wash {i}", self.wash, {}))
            plan.append((f"PregS {i + 1}", self.application, {"pregs": dose}))
        if self.pregs and self.ononetin:
            plan.append(("ononetin", self.block, {"pregs": self.pregs[-1], "ononetin": self.ononetin}))
        plan.append(("washout", self.washout, {}))
        found, now = [], 0.0
        for name, lasting, drugs in plan:
            if lasting > 0.0:
                found.append(Phase(name, round(now, 9), round(now + lasting, 9), drugs))
                now += lasting
        return tuple(found)

    def phases(self) -> list[tuple[float, float, str]]:
        bars: list[tuple[float, float, str]] = []
        for phase in self.phases_list():
            for drug, level in phase.drugs.items():
                text = f"{names.DRUG_TEXT[drug]} {level:g} {names.DRUG_UNIT[drug]}"
                last = next((i for i, (_, end, said) in enumerate(bars) if said == text and end == phase.start), None)
                if last is None:
                    bars.append((phase.start, phase.end, text))
                else:
                    bars[last] = (bars[last][0], phase.end, text)
        return bars

    @property
    def duration(self) -> float:
        """Length of the recording [s]."""
        return self.phases_list()[-1].end

    def ramp_ends(self) -> Array:
        """Times at which a ramp reaches its end voltage [s]."""
        return np.round(np.arange(1, int(self.duration / self.ramp_interval + 1e-9) + 1) * self.ramp_interval, 9)

    def prepare_all(self, cells: Sequence[Cell]) -> list[Cell]:
        return self.equipped(wash_off(cells, self.wash_time) if self.ntx_in_bath == "washed" else cells)

    def protocol(self) -> Protocol:
        p = Protocol(self.duration, name=self.title)
        p = clamped(p, self.at_membrane(self.holding), self.bath)
        p = self._ramps(p)
        present: dict[str, float] = {}
        for phase in self.phases_list():
            for drug in ("pregs", "ononetin"):
                level = phase.drugs.get(drug, 0.0)
                if level != present.get(drug, 0.0):
                    p = p.exchange(phase.start, self.exchange_tau, **{drug: f"{level:.12g} uM"})
                    present[drug] = level
            if phase.name == "acute NTX":
                p = p.exchange(phase.start, self.exchange_tau, ntx=f"{self.acute_ntx:.12g} nM")
        return p

    def _ramps(self, p: Protocol) -> Protocol:
        limits = (f"{self.at_membrane(self.ramp_from):.12g} mV", f"{self.at_membrane(self.ramp_to):.12g} mV")
        for end in self.ramp_ends():
            p = p.ramp(round(end - self.ramp_duration, 9), self.ramp_duration, **{names.V_CMD: limits})
            if end < self.duration:
                p = p.step(end, **{names.V_CMD: f"{self.at_membrane(self.holding):.12g} mV"})
        return p

    @property
    def record(self) -> tuple[str, ...]:
        return (names.I_MEASURED, names.I_MEMBRANE, names.I_TRPM3, "v", "ca_cyt", "na_cyt", "cs_cyt", names.TRPM3_AVAILABLE)

    def ramp_grid(self) -> Array:
        """Sampling times within a ramp, counted from its start [s]."""
        n = max(round(self.ramp_duration / self.ramp_sampling), 1)
        grid = np.append(np.arange(1, n + 1) * (self.ramp_duration / n), self._inward_delay())
        return np.unique(np.round(grid, 9))

    def _inward_delay(self) -> float:
        return round((self.inward_at - self.ramp_from) / (self.ramp_to - self.ramp_from) * self.ramp_duration, 9)

    def sweeps(self) -> Sweeps:
        """The ramps as an amplifier records them; it fits a leak on the last one of the baseline, from where the inward current is read."""
        grid, starts = sweep_grid(self.ramp_grid(), self.ramp_duration), np.round(self.ramp_ends() - self.ramp_duration, 9)
        rate = (self.ramp_to - self.ramp_from) / self.ramp_duration
        one = np.where(grid > 0.0, self.ramp_from + rate * grid, self.holding)
        jump, slope = np.full(len(starts), self.ramp_from - self.holding), np.full(len(starts), rate * 1e-3)
        steady = max(self._inward_delay(), SETTLED)
        return Sweeps(starts, grid, np.tile(one, (len(starts), 1)), jump, slope, self.holding, self._in_phase("baseline")[-1:], steady)

    def times(self) -> Array:
        within = self.ramp_grid() if self.instrument is None else sweep_grid(self.ramp_grid(), self.ramp_duration)
        ramps = (self.ramp_ends()[:, None] - self.ramp_duration + within[None, :]).ravel()
        holds = np.arange(0.0, self.duration + 1e-9, max(self.ramp_interval / 5.0, 0.1))
        return np.unique(np.round(np.concatenate([[0.0], ramps, holds]), 9))

    def corrected(self, trace: Trace, key: str = names.I_MEASURED) -> Array:
        """Current with the ramp's capacitive part Cm dV/dt taken off [pA], (n_cells, n_times)."""
        slope = (self.ramp_to - self.ramp_from) / (self.ramp_duration * 1e3)  # mV/ms, times pF is pA
        since = np.mod(trace.time + self.ramp_duration + 1e-9, self.ramp_interval) - 1e-9
        within = (since > 1e-9) & (since <= self.ramp_duration + 2e-9)
        return np.asarray(trace[key] - np.where(within, slope, 0.0) * capacitance(trace)[:, None])

    def at_ramps(self, trace: Trace, key: str | None = None, *, inward: bool = False) -> Array:
        """Value at the end of every ramp (or where the inward current is read), (n_cells, n_ramps)."""
        values = self.corrected(trace) if key is None else trace[key]
        when = self.ramp_ends() - (self.ramp_duration - self._inward_delay() if inward else 0.0)
        return np.asarray(values[:, _indices(trace.time, when)])

    def _in_phase(self, name: str) -> Indices:
        phase = next((p for p in self.phases_list() if p.name == name), None)
        ends = self.ramp_ends()
        if phase is None:
            return np.zeros(0, int)
        return np.flatnonzero((ends > phase.start + 1e-9) & (ends <= phase.end + 1e-9))

    def iv(self, trace: Trace) -> IVTable:
        """I-V per phase: last ramp of the baseline and of ononetin, the ramp of the largest response for PregS."""
        outward = self.at_ramps(trace)
        grid = self.ramp_grid()
        values = self.corrected(trace)
        current: dict[str, Array] = {}
        for phase in self.phases_list():
            ramps = self._in_phase(phase.name)
            if len(ramps) == 0:
                continue
            last = np.full(len(outward), ramps[-1])
            pick = ramps[np.argmax(outward[:, ramps], axis=1)] if phase.name.startswith("PregS") else last
            starts = self.ramp_ends()[pick] - self.ramp_duration
            current[phase.name] = np.stack([values[i, _indices(trace.time, s + grid)] for i, s in enumerate(starts)])
        voltage = self.ramp_from + (self.ramp_to - self.ramp_from) * grid / self.ramp_duration
        return IVTable(np.asarray(voltage), current, capacitance(trace))

    def features(self, trace: Trace) -> dict[str, Feature]:
        out, into = self.at_ramps(trace), self.at_ramps(trace, inward=True)
        cm = capacitance(trace)
        base = self._in_phase("baseline")
        found: dict[str, Feature] = {}
        if len(base) == 0:
            return found
        out0, into0 = out[:, base[-1]], into[:, base[-1]]
        add, leak = _Adder(found, f"{self.ramp_to:+g} mV", f"{self.inward_at:+g} mV"), leak_text(self)
        add("baseline_outward", out0, "pA", f"measured current at {{out}} before any drug ({leak})")
        add("baseline_inward", into0, "pA", f"measured current at {{into}} before any drug ({leak})")
        acute = self._in_phase("acute NTX")
        if len(acute):
            add("acute_ntx_change", out[:, acute[-1]] - out0, "pA", "change at {out} by naltrexone alone")
        for i in range(len(self.pregs)):
            ramps = self._in_phase(f"PregS {i + 1}")
            if len(ramps):
                self._response(add, f"pregs_{i + 1}", out[:, ramps] - out0[:, None], into[:, ramps] - into0[:, None], cm)
        if "pregs_1_outward" in found and "pregs_2_outward" in found:
            add("second_over_first", found["pregs_2_outward"].values / found["pregs_1_outward"].values, "1", "2nd over 1st evoked amplitude at {out}")
        self._block(add, out, out0, cm)
        self._curve_features(add, trace)
        return found

    def readings(self) -> dict[str, Reading]:
        """Amplitudes on the ramps before, during and after the agonist, without a trajectory [pA]: for ``simulate(..., features=...)``.

        Names that :meth:`features` has mean the same. Evoked values are measured from the last ramp before the first drug, so that the ramp's Cm dV/dt cancels;
        ``baseline_measured_...`` are that ramp's own currents with Cm dV/dt in them, since what is taken off is the same in all cells.
        ``pregs_i_outward`` is the largest current of the whole application and left out for a holding potential below the ramp, from which the step to the ramp
        would be larger. Densities and shares are quotients of readings; the inward current of the largest ramp and reversal potentials need :meth:`features`.
        """
        baseline, acute, blocked = (self._in_phase(name) for name in ("baseline", "acute NTX", "ononetin"))
        if len(baseline) == 0:
            return {}
        before, lead = self.ramp_ends()[baseline[-1]], round(self.ramp_duration - self._inward_delay(), 9)
        outward, inward = ValueAt(names.I_MEASURED, before), ValueAt(names.I_MEASURED, before - lead)
        found: dict[str, Reading] = {"baseline_measured_outward": outward, "baseline_measured_inward": inward}
        if len(acute):
            found["acute_ntx_change"] = ValueAt(names.I_MEASURED, self.ramp_ends()[acute[-1]], above=outward)
        for phase in self.phases_list():
            ramps = self._in_phase(phase.name)
            if not phase.name.startswith("PregS") or len(ramps) == 0:
                continue
            name, last = phase.name.lower().replace(" ", "_"), self.ramp_ends()[ramps[-1]]
            if self.holding >= self.ramp_from:
                found[f"{name}_outward"] = Peak(names.I_MEASURED, start=phase.start, end=last, above=outward)
            found[f"{name}_end_outward"] = ValueAt(names.I_MEASURED, last, above=outward)
            found[f"{name}_end_inward"] = ValueAt(names.I_MEASURED, last - lead, above=inward)
        if len(blocked):
            found["ononetin_residual"] = ValueAt(names.I_MEASURED, self.ramp_ends()[blocked[-1]], above=outward)
        return found

    def _response(self, add: _Adder, name: str, out: Array, into: Array, cm: Array) -> None:
        rows = np.arange(len(out))
        top = np.argmax(np.nan_to_num(out, nan=-np.inf), axis=1)
        best, at_best = out[rows, top], into[rows, top]
        add(f"{name}_outward", best, "pA", "largest evoked current at {out}, baseline subtracted")
        add(f"{name}_outward_density", best / cm, "pA/pF", "largest evoked current at {out} per capacitance")
        add(f"{name}_inward", at_best, "pA", "evoked current at {into} of the same ramp")
        add(f"{name}_inward_density", at_best / cm, "pA/pF", "evoked current at {into} of the same ramp per capacitance")
        add(f"{name}_rectification", rectification(best, at_best), "1", "evoked outward over inward amplitude")
        add(f"{name}_end_outward", out[:, -1], "pA", "evoked current at {out} at the end of the application")
        add(f"{name}_end_inward", into[:, -1], "pA", "evoked current at {into} at the end of the application")

    def _block(self, add: _Adder, out: Array, out0: Array, cm: Array) -> None:
        blocked = self._in_phase("ononetin")
        before = self._in_phase(f"PregS {len(self.pregs)}")
        if len(blocked) == 0 or len(before) == 0:
            return
        evoked, rest = out[:, before[-1]] - out0, out[:, blocked[-1]] - out0
        add("ononetin_sensitive", evoked - rest, "pA", "current at {out} that ononetin removes")
        add("ononetin_sensitive_density", (evoked - rest) / cm, "pA/pF", "current at {out} that ononetin removes, per capacitance")
        add("ononetin_residual", rest, "pA", "evoked current left in ononetin at {out} (below 0: basal TRPM3 is blocked too)")
        add("ononetin_block", (evoked - rest) / evoked, "1", "fraction of the evoked current that ononetin removes (above 1: basal TRPM3 too)")

    def _curve_features(self, add: _Adder, trace: Trace) -> None:
        iv = self.iv(trace)
        if "PregS 1" in iv.current:
            evoked = iv.current["PregS 1"] - iv.current["baseline"]
            add("evoked_reversal", np.array([reversal_potential(iv.voltage, i) for i in evoked]), "mV", "reversal potential of the PregS-evoked current")
            ideal = self.at_ramps(trace, names.I_TRPM3)[:, self._in_phase("PregS 1")]
            add("pregs_1_trpm3", np.max(ideal, axis=1), "pA", "TRPM3 current alone at {out} (not observable on the rig)")

    def warnings(self, trace: Trace, features: Mapping[str, Feature]) -> list[tuple[str, ...]]:
        texts: list[tuple[str, ...]] = []
        for i, status in enumerate(trace.status):
            found = [] if status == "ok" else [f"the run ended as {status}; its features are NaN"]
            charging = 5e-6 * trace.cells[i].parameter(names.R_SERIES) * trace.cells[i].parameter(names.CAPACITANCE)  # MOhm pF is us
            if self._inward_delay() < charging:
                found.append(
                    f"the inward current is read {self._inward_delay() * 1e3:.3g} ms after the step, while this cell's membrane is still charging"
                    f" (5 R_s Cm = {charging * 1e3:.3g} ms)"
                )
            amplitude = features["pregs_1_outward"].values[i] if "pregs_1_outward" in features else np.nan
            if amplitude < self.detection_limit:
                found.append(f"the evoked current, {amplitude:.3g} pA, is below the detection limit of {self.detection_limit:g} pA")
            texts.append(tuple(found))
        return texts


class _Adder:
    """Puts features into a dictionary, naming the voltages at which they are read."""

    def __init__(self, found: dict[str, Feature], outward: str, inward: str) -> None:
        self.found, self.outward, self.inward = found, outward, inward

    def __call__(self, name: str, values: Array, unit: str, description: str) -> None:
        self.found[name] = Feature(np.asarray(values, float), unit, description.format(out=self.outward, into=self.inward))


def capacitance(trace: Trace) -> Array:
    """Membrane capacitance of every cell of a trace [pF]."""
    return np.array([cell.parameter(names.CAPACITANCE) for cell in trace.cells])


def leak_text(experiment: Experiment) -> str:
    """Whether currents of a clamp experiment still hold the leak."""
    return "leak subtracted" if experiment.instrument is not None and experiment.instrument.removes_leak else "leak included"


def clamped(p: Protocol, holding: float, bath: str) -> Protocol:
    """Break-in at the start: whole cell, voltage clamp at ``holding`` mV, in a named bath."""
    p = p.step(0.0, **{names.WHOLE_CELL: 1.0, names.V_CLAMP: 1.0}).step(0.0, **{names.V_CMD: f"{holding:.12g} mV"})
    return p.step(0.0, **bath_inputs(bath))


def _indices(time: Array, when: Array) -> Indices:
    """Positions of sampling times in a trace; every one of them must have been sampled."""
    found = np.clip(np.searchsorted(time, when - 1e-7), 0, len(time) - 1)
    if np.any(np.abs(time[found] - when) > 1e-7):
        raise ValueError("the trace was not sampled at this experiment's ramps; simulate with times=experiment.times()")
    return found


__all__ = ["IVTable", "PatchClamp", "Phase", "capacitance", "clamped", "leak_text"]
