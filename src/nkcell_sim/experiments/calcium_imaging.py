"""Ca2+ imaging with an indicator that buffers: baseline, PregS, optional ononetin, wash."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..features import Area, DecayHalfTime, HalfTime, Peak, Reading, TimeOfPeak, ValueAt
from ..protocol import Protocol
from . import measures, names
from .base import RECOVERY_BAND, Array, Experiment, Feature, survival_warnings
from .dye import load_dye
from .fields import lab
from .washing import wash_off

if TYPE_CHECKING:
    from ..model.cell import Cell
    from ..trace import Trace


@dataclass(frozen=True, kw_only=True, repr=False)
class CalciumImaging(Experiment):
    """Intact, free-running cells loaded with an indicator; PregS for five minutes, then wash.

    The indicator is an explicit buffer, so its buffering and its lag are in the trace; the read-out is computed from its
    bound state, F/F0 = (1 + (r - 1) B)/(1 + (r - 1) B0) with r = F_bound/F_free, or the ratio of a ratiometric dye,
    R = R_min + (R_max - R_min) B/(B + (1 - B) beta). Features are given on the read-out and on cytosolic Ca2+ itself.
    With a :class:`~.camera.Camera` the read-out is that of its frames (quantity ``Dye.f_f0`` or ``Dye.ratio`` of the observed trace), whose times are added to
    those of the trace; Ca2+ stays what it is in the cell.
    """

    kind: ClassVar[str] = "calcium_imaging"
    title: ClassVar[str] = "Ca2+ imaging"
    instruments: ClassVar[tuple[str, ...]] = ("camera",)

    ntx_in_bath: str = lab(
        ..., "", "naltrexone in the recording bath: kept at the incubation concentration, or washed off first", kind="choice", choices=("kept", "washed")
    )
    wash_time: float = lab("30 min", "s", "time in drug-free medium before recording when ntx_in_bath is washed", label="assumed", minimum=0.0)
    pregs: float = lab("50 uM", "uM", "PregS concentration", label="unconfirmed", minimum=0.0)
    ononetin: float = lab("0 uM", "uM", "ononetin on top of PregS after the application (0: none)", label="assumed", minimum=0.0)
    acute_ntx: float = lab("0 nM", "nM", "naltrexone added at the start of the recording and kept (0: none)", label="assumed", minimum=0.0)
    baseline: float = lab("60 s", "s", "recording before PregS", label="assumed", minimum=1.0)
    application: float = lab("300 s", "s", "PregS application", label="assumed", minimum=10.0)
    block: float = lab("120 s", "s", "PregS with ononetin, if ononetin is given", label="assumed", minimum=0.0)
    recovery: float = lab("600 s", "s", "agonist-free bath at the end", label="assumed", minimum=0.0)
    exchange_tau: float = lab("0 s", "s", "time constant of bath exchange (0: at once; the channel's wash-in is 2 s)", label="assumed", minimum=0.0)
    sampling: float = lab("0.5 s", "s", "time between frames; features interpolate between them", label="assumed", minimum=1e-3)
    slope_span: float = lab("5 s", "s", "stretch over which the slope is taken", label="assumed", minimum=0.1)
    dye: float = lab("20 uM", "uM", "indicator in the cytosol", label="assumed", minimum=0.0)
    dye_on: float = lab("300 1/uM/s", "1/uM/s", "Ca2+ binding to the indicator (Fluo-8-like)", label="assumed", minimum=0.0)
    dye_off: float = lab("117 1/s", "1/s", "Ca2+ release from the indicator (Kd 0.39 uM)", label="assumed", minimum=0.0)
    readout: str = lab("f_over_f0", "", "single-wavelength F/F0 or ratio", label="assumed", kind="choice", choices=("f_over_f0", "ratio"))
    brightness: float = lab(100.0, "1", "F_bound/F_free of a single-wavelength dye", label="assumed", kind="number", minimum=1.0)
    ratio_min: float = lab(0.3, "1", "ratio of the free dye", label="assumed", kind="number", minimum=0.0)
    ratio_max: float = lab(6.0, "1", "ratio of the bound dye", label="assumed", kind="number", minimum=0.0)
    ratio_beta: float = lab(5.0, "1", "F_free/F_bound at the second wavelength", label="assumed", kind="number", minimum=0.0)

    @property
    def onset(self) -> float:
        """When PregS arrives [s]."""
        return self.baseline

    @property
    def offset(self) -> float:
        """When the plain application ends [s]."""
        return self.baseline + self.application

    @property
    def duration(self) -> float:
        """Length of the recording [s]."""
        return self._wash_start + self.recovery

    @property
    def _wash_start(self) -> float:
        return self.offset + (self.block if self.ononetin else 0.0)

    def phases(self) -> list[tuple[float, float, str]]:
        found = [(self.onset, self._wash_start, f"PregS {self.pregs:g} µM")]
        if self.ononetin:
            found.append((self.offset, self._wash_start, f"ononetin {self.ononetin:g} µM"))
        return found

    def prepare_all(self, cells: Sequence[Cell]) -> list[Cell]:
        washed = wash_off(cells, self.wash_time) if self.ntx_in_bath == "washed" else list(cells)
        optics = {"f_r": self.brightness, "r_min": self.ratio_min, "r_max": self.ratio_max, "beta": self.ratio_beta}
        return self.equipped([load_dye(cell, total=self.dye, k_on=self.dye_on, k_off=self.dye_off, optics=optics) for cell in washed])

    def protocol(self) -> Protocol:
        p = Protocol(self.duration, name=self.title)
        if self.acute_ntx:
            p = p.step(0.0, ntx=f"{self.acute_ntx:.12g} nM")
        p = p.exchange(self.onset, self.exchange_tau, pregs=f"{self.pregs:.12g} uM")
        if self.ononetin and self.block:
            p = p.exchange(self.offset, self.exchange_tau, ononetin=f"{self.ononetin:.12g} uM")
        if self.recovery:
            p = p.exchange(self._wash_start, self.exchange_tau, pregs="0 uM")
            if self.ononetin:
                p = p.exchange(self._wash_start, self.exchange_tau, ononetin="0 uM")
        return p

    @property
    def record(self) -> tuple[str, ...]:
        return ("ca_cyt", names.DYE_SHARE, "ca_er", "ca_mit", "v", "na_cyt", "k_cyt", names.I_TRPM3)

    def times(self) -> Array:
        frames = np.arange(0.0, self.duration + 1e-9, self.sampling)
        seen = frames[:0] if self.instrument is None else self.instrument.frame_times(self.duration)
        return np.unique(np.round(np.concatenate([frames, seen, [self.onset, self.offset, self._wash_start, self.duration]]), 9))

    def samples(self) -> tuple[float, str]:
        asked, cause = super().samples()
        return asked + (0 if self.instrument is None else self.instrument.frames(self.duration)), cause

    @property
    def seen(self) -> str:
        """The quantity under which an observed trace carries the read-out."""
        return names.DYE_RATIO if self.readout == "ratio" else names.DYE_F_F0

    def lights(self, trace: Trace) -> Array:
        """Light of the dye at each wavelength, (n_wavelengths, n_cells, n_times), over that of the free dye (F/F0) or of the bound dye at the second one."""
        bound = trace[names.DYE_SHARE]
        if self.readout == "ratio":
            free = (1.0 - bound) * self.ratio_beta
            return np.stack([self.ratio_max * bound + self.ratio_min * free, bound + free])
        return np.asarray(1.0 + (self.brightness - 1.0) * bound)[None]

    def read_out(self, lights: Array, baseline: Array) -> Array:
        """Read-out of one cell, (n_times,), from its light (n_wavelengths, n_times) and that before PregS (n_wavelengths,).

        It is NaN where there is no light to divide by.
        """
        below = lights[1] if self.readout == "ratio" else baseline[0]
        return np.asarray(lights[0] / np.where(below > 0.0, below, np.nan))

    def fluorescence(self, trace: Trace) -> Array:
        """Read-out of every cell, (n_cells, n_times): F/F0 with F0 at PregS onset, or the ratio; of an observed trace what the camera gives."""
        if self.instrument is not None and self.seen in trace:
            return np.asarray(trace[self.seen])
        bound = trace[names.DYE_SHARE]
        if self.readout == "ratio":
            return np.asarray(self.ratio_min + (self.ratio_max - self.ratio_min) * bound / (bound + (1.0 - bound) * self.ratio_beta))
        light = self.lights(trace)[0]
        at_onset = int(np.searchsorted(trace.time, self.onset - 1e-7))
        return np.asarray(light / light[:, at_onset : at_onset + 1])

    def features(self, trace: Trace) -> dict[str, Feature]:
        ca = trace["ca_cyt"] * 1e3
        light = self.fluorescence(trace)
        found = self._rise(trace.time, ca, "ca", "nM", "Ca2+")
        name, text = ("ratio", "dye ratio") if self.readout == "ratio" else ("f", "F/F0")
        found.update(self._rise(trace.time, light, name, "1", text))
        found.update(self._state(trace, ca))
        return found

    def readings(self) -> dict[str, Reading]:
        """Amplitudes, times and areas on Ca2+ [uM] and on the dye, without a trajectory: for ``simulate(..., features=...)``.

        Names that :meth:`features` has mean the same there (on samples, and Ca2+ in nM). F/F0 is a ratio of two readings and so not one itself:
        ``light_...`` are of the fluorescence over that of the free dye, f_amplitude = light_amplitude / light_baseline, f_area likewise; its times are
        those of F/F0. Slopes, fitted half-times and the recovered share are not expressible; they need :meth:`features`.
        """
        dye = names.DYE_RATIO if self.readout == "ratio" else names.DYE_LIGHT
        name, size = ("ratio", "ratio") if self.readout == "ratio" else ("f", "light")
        found = {**self._rise_readings("ca_cyt", "ca", "ca"), **self._rise_readings(dye, name, size)}
        found["ca_baseline"] = ValueAt("ca_cyt", self.onset)
        found[f"{size}_baseline"] = ValueAt(dye, self.onset)
        found["ca_end"] = ValueAt("ca_cyt", self.offset)
        found["na_max"] = Peak("na_cyt")
        found["v_max"] = Peak("v", start=self.onset, end=self._wash_start)
        return found

    def _rise_readings(self, quantity: str, name: str, size: str) -> dict[str, Reading]:
        start, end = self.onset, self.offset
        found: dict[str, Reading] = {
            f"{size}_amplitude": Peak(quantity, start=start, end=end, above="start"),
            f"{name}_half_time": HalfTime(quantity, start=start, end=end),
            f"{name}_time_to_peak": TimeOfPeak(quantity, start=start, end=end),
            f"{size}_area": Area(quantity, start=start, end=end, above="start"),
        }
        if self.duration > end:
            found[f"{name}_decay_half_time"] = DecayHalfTime(quantity, ValueAt(quantity, start), start=end)
        return found

    def _rise(self, time: Array, y: Array, name: str, unit: str, text: str) -> dict[str, Feature]:
        start, end, span = self.onset, self.offset, self.slope_span

        def each(measure: Callable[..., float], *args: float) -> Array:
            return np.array([measure(time, row, *args) for row in y])

        tops = [measures.peak(time, row, start, end) for row in y]
        base = each(measures.value_at, start)
        area = np.array([measures.area_above(time, row, start, end, b) for row, b in zip(y, base, strict=True)])
        peaks = np.array([p.time for p in tops])
        rate = f"{unit}/s"
        found = {
            f"{name}_amplitude": Feature(np.array([p.height for p in tops]), unit, f"{text}: peak during PregS minus value at onset"),
            f"{name}_slope": Feature(each(measures.steepest_slope, start, end, span), rate, f"{text}: largest mean rate of rise over {span:g} s"),
            f"{name}_initial_slope": Feature(each(measures.slope_from_onset, start, span), rate, f"{text}: mean rate of rise over the first {span:g} s"),
            f"{name}_half_time": Feature(each(measures.half_time_onset_to_half, start, end), "s", f"{text}: onset to half of the peak rise"),
            f"{name}_time_to_peak": Feature(peaks, "s", f"{text}: onset to peak"),
            f"{name}_half_time_exp": Feature(
                measures.half_times_exponential_fit(time, list(y), start, end), "s", f"{text}: ln 2 x tau of one exponential, onset to peak (not evidence)"
            ),
            f"{name}_area": Feature(area, "s" if unit == "1" else f"{unit} s", f"{text}: area above the value at onset during PregS"),
        }
        if self.duration > end:
            decay = np.array([measures.decay_half_time(time, row, end, time[-1], b) for row, b in zip(y, base, strict=True)])
            found[f"{name}_decay_half_time"] = Feature(decay, "s", f"{text}: half of the fall after the application")
        return found

    def _state(self, trace: Trace, ca: Array) -> dict[str, Feature]:
        time = trace.time
        inside = (time >= self.onset - 1e-9) & (time <= self._wash_start + 1e-9)

        def at(y: Array, when: float) -> Array:
            return np.array([measures.value_at(time, row, when) for row in y])

        found = {
            "ca_baseline": Feature(at(ca, self.onset), "nM", "Ca2+ just before PregS"),
            "ca_end": Feature(at(ca, self.offset), "nM", "Ca2+ at the end of PregS"),
            "na_end": Feature(at(trace["na_cyt"], self.offset), "mM", "Na+ inside at the end of PregS"),
            "na_max": Feature(np.max(trace["na_cyt"], axis=1), "mM", "largest Na+ inside"),
            "v_max": Feature(np.max(trace["v"][:, inside], axis=1), "mV", "most depolarised V during PregS"),
            "v_baseline": Feature(at(trace["v"], self.onset), "mV", "V just before PregS"),
        }
        if self.recovery:
            before, after = at(ca, self.onset), ca[:, -1]
            found["ca_recovered"] = Feature(after / before, "1", f"Ca2+ after {self.recovery:g} s of wash over Ca2+ before PregS")
            found["na_recovered"] = Feature(trace["na_cyt"][:, -1], "mM", f"Na+ inside after {self.recovery:g} s of wash")
        return found

    def warnings(self, trace: Trace, features: Mapping[str, Feature]) -> list[tuple[str, ...]]:
        texts = survival_warnings(trace, self.onset, self._wash_start)
        for i, status in enumerate(trace.status):
            if status != "ok":
                texts[i].insert(0, f"the run ended as {status}; its features are NaN")
            elif "ca_recovered" in features and self.recovery >= 300.0 and abs(features["ca_recovered"].values[i] - 1.0) > RECOVERY_BAND - 1.0:
                texts[i].append(f"Ca2+ ends at {features['ca_recovered'].values[i]:.3g} of its resting value after {self.recovery:g} s of wash")
        return [tuple(t) for t in texts]
