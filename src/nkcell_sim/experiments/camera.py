"""The camera of an imaging rig: frames, bleaching, background and photons between the dye and its read-out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from . import names
from .fields import lab
from .instrument import Array, Instrument

if TYPE_CHECKING:
    from ..model.cell import Cell
    from ..trace import Trace
    from .base import Experiment

FEWEST_FRAMES = 3  # in the baseline, for a fitted exponential


class Imaged(Protocol):
    """What a camera asks of an experiment: onset of the stimulus [s], the light of its dye, and which quantity the read-out is."""

    onset: float
    seen: str

    def lights(self, trace: Trace) -> Array:
        """Light of the dye at each wavelength in a unit of its own, (n_wavelengths, n_cells, n_times)."""

    def read_out(self, lights: Array, baseline: Array) -> Array:
        """Read-out (n_times,) from the light of one cell (n_wavelengths, n_times) and its light before the stimulus (n_wavelengths,)."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Camera(Instrument):
    """Camera and light source for ``CalciumImaging``; two wavelengths of a ratio dye are taken at the same time, each with its own noise.

    Expected photons of a frame: N [<L>/L(0) b + background], the mean <L> of the dye's light over the exposure, b = exp(-D/tau) the unbleached share after an
    exposed time D. Then Poisson noise, the detector's offset, read noise and saturation; then what a laboratory does: the signal of a background region
    is taken off, bleaching is corrected by an exponential fitted to the baseline, and F0 is the mean of the last frames before the stimulus. All counts are
    photons in the region of the cell. A frame is dated at the middle of its exposure; between frames the read-out is interpolated. What light does to the
    dye's buffering, to the cell, and out-of-focus light are left out.
    """

    kind: ClassVar[str] = "camera"
    title: ClassVar[str] = "Camera"

    frame_rate: float = lab("2 1/s", "1/s", "frames per second (0: off, a frame at every time of the trace)", label="assumed", minimum=0.0, maximum=1e4)
    exposure: float = lab("100 ms", "s", "exposure of a frame, dark in between (0: off, an instant)", label="assumed", minimum=0.0)
    bleaching: float = lab("1000 s", "s", "exposed time in which 1 - 1/e of the dye bleaches (0: off)", label="assumed", minimum=0.0)
    bleach_correction: str = lab(
        "baseline", "", "exponential fitted to the baseline, divided out (none: off)", label="assumed", kind="choice", choices=("none", "baseline")
    )
    background: float = lab(0.3, "1", "background light over that of a resting cell (0: off)", label="assumed", kind="number", minimum=0.0)
    background_subtraction: str = lab(
        "region", "", "signal of an empty region taken off (none: off)", label="assumed", kind="choice", choices=("none", "region")
    )
    background_area: float = lab(10.0, "1", "size of the empty region over that of the cell", label="assumed", kind="number", minimum=1e-3)
    photons: float = lab(5000.0, "1", "photons per frame from a resting cell", label="assumed", kind="number", minimum=1.0, maximum=1e12)
    photon_noise: str = lab("poisson", "", "noise of the photons (none: off)", label="", kind="choice", choices=("none", "poisson"))
    read_noise: float = lab(20.0, "1", "RMS of the read noise per frame, in photons over the cell (0: off)", label="assumed", kind="number", minimum=0.0)
    offset: float = lab(0.0, "1", "detector offset per frame, in photons over the cell (0: off)", label="assumed", kind="number", minimum=0.0)
    saturation: float = lab(0.0, "1", "largest signal of a frame, in photons over the cell (0: off)", label="assumed", kind="number", minimum=0.0)
    f0_span: float = lab("10 s", "s", "stretch before the stimulus over which F0 is averaged (0: off, the value at onset)", label="assumed", minimum=0.0)
    dye_buffering: str = lab("on", "", "whether the indicator binds Ca2+ away (off: it only reports)", label="", kind="choice", choices=("on", "off"))

    def check(self) -> None:
        if self.frame_rate and self.exposure * self.frame_rate > 1.0 + 1e-9:
            raise self.refused("exposure", f"expected at most the time of a frame, {1.0 / self.frame_rate:g} s")
        if self.exposure and not self.frame_rate:
            raise self.refused("exposure", "expected 0 s without a frame_rate, since there are no frames to expose")
        if self.bleaching and not self.exposure:
            raise self.refused("bleaching", "dye bleaches only while it is exposed; expected 0 s (off), or an exposure")
        if 0.0 < self.bleaching < self.exposure:
            raise self.refused("bleaching", f"nothing would be left after a frame; expected 0 s (off), or at least the exposure of {self.exposure:g} s")

    def check_with(self, experiment: Experiment) -> None:
        onset: float = getattr(experiment, "onset", 0.0)
        before = np.count_nonzero(self.frame_times(onset) < onset) if self.frame_rate else FEWEST_FRAMES
        if self.corrects_bleaching and before < FEWEST_FRAMES:
            raise self.refused("bleach_correction", f"{before} frames fall before the stimulus at {onset:g} s; expected at least {FEWEST_FRAMES}")

    @property
    def corrects_bleaching(self) -> bool:
        """Whether an exponential is fitted and divided out; there is none to fit without exposures."""
        return self.bleach_correction == "baseline" and self.exposure > 0.0

    def frames(self, duration: float) -> int:
        return max(int(np.floor((duration - self.exposure) * self.frame_rate + 1e-9)) + 1, 0) if self.frame_rate else 0

    def frame_times(self, duration: float) -> Array:
        """Middles of the exposures that end within ``duration`` [s]; none when frames are off."""
        return np.asarray(np.round(np.arange(self.frames(duration)) / self.frame_rate + 0.5 * self.exposure, 9)) if self.frame_rate else np.zeros(0)

    def prepare_all(self, cells: Sequence[Cell]) -> list[Cell]:
        if self.dye_buffering == "on":
            return list(cells)
        return [cell.set({names.DYE_TOTAL: 0.0}) if cell.parameter(names.DYE_TOTAL) else cell for cell in cells]

    def observe(self, experiment: Experiment, trace: Trace, streams: Sequence[np.random.Generator]) -> dict[str, Array]:
        imaged: Imaged = experiment  # type: ignore[assignment]
        lights = imaged.lights(trace)
        frames = self.frame_times(trace.time[-1]) if self.frame_rate else trace.time
        seen = np.full(lights.shape[1:], np.nan)
        for i, generator in enumerate(self.streams_for(trace, streams)):
            light = lights[:, i]
            if np.isfinite(light).all():
                signal = self._detected(self._exposed(trace.time, light, frames) / np.mean(light[:, 0]), generator)
                if self.corrects_bleaching:
                    signal = signal / self._fitted_decay(frames, signal, imaged.onset)
                read = imaged.read_out(signal, self._before(frames, signal, imaged.onset))
                seen[i] = read if frames is trace.time else np.interp(trace.time, frames, read)
        return {imaged.seen: seen}

    def _exposed(self, time: Array, light: Array, frames: Array) -> Array:
        """Mean over the exposure of every frame of light that is linear between the trace's times, (n_wavelengths, n_frames)."""
        if frames is time:
            return light
        if not self.exposure:
            return np.stack([np.interp(frames, time, row) for row in light])
        start, end = frames - 0.5 * self.exposure, frames + 0.5 * self.exposure
        return np.stack([(_integral(time, row, end) - _integral(time, row, start)) / self.exposure for row in light])

    def unbleached(self, count: int) -> Array:
        """Mean share of unbleached dye during each of ``count`` frames: exp(-k e/tau) (1 - exp(-e/tau))/(e/tau) with the exposure e."""
        if not self.bleaching:
            return np.ones(count)
        each = self.exposure / self.bleaching
        return np.asarray(np.exp(-each * np.arange(count)) * -np.expm1(-each) / each)

    def _detected(self, light: Array, generator: np.random.Generator) -> Array:
        """Signal of every frame [photons] after background subtraction, from light relative to that at rest, (n_wavelengths, n_frames)."""
        background = np.full_like(light, self.photons * self.background)
        signal = self._measured(self.photons * light * self.unbleached(light.shape[1]) + background, 1.0, generator)
        return signal - self._measured(background, self.background_area, generator) if self.background_subtraction == "region" else signal

    def _measured(self, expected: Array, area: float, generator: np.random.Generator) -> Array:
        """Photons per area of the cell as the detector gives them, for a region of ``area`` cells."""
        counted = generator.poisson(expected * area) / area if self.photon_noise == "poisson" else expected
        if self.offset:
            counted = counted + self.offset
        if self.read_noise:
            counted = counted + self.read_noise / np.sqrt(area) * generator.standard_normal(expected.shape)
        return np.minimum(counted, self.saturation) if self.saturation else counted

    def _fitted_decay(self, frames: Array, signal: Array, onset: float) -> Array:
        """Unbleached share of every frame by A exp(-k D) fitted to the frames before the stimulus, D the exposed time, (n_wavelengths, n_frames).

        NaN at a wavelength whose frames before the stimulus show no light above the background.
        """
        from scipy.optimize import least_squares

        before = frames < onset
        dose = self.exposure * (np.arange(len(frames)) + 0.5)
        scale = dose[before][-1]
        found = []
        for row in signal:
            known, level = row[before], np.mean(row[before])
            if not level > 0.0:  # saturated, or lost in the noise: there is no decay to see
                found.append(np.full(len(frames), np.nan))
                continue
            first = np.polyfit(dose[before] / scale, known / level, 1)
            near = first[1] > 0.0 and abs(first[0]) < 50.0 * first[1]  # else a start from which exp() overflows
            start = (first[1], -first[0] / first[1]) if near else (1.0, 0.0)
            fit = least_squares(lambda p, y=known / level: p[0] * np.exp(-p[1] * dose[before] / scale) - y, start, xtol=1e-15, ftol=1e-15, gtol=1e-15)
            found.append(np.exp(-fit.x[1] * dose / scale))
        return np.stack(found)

    def _before(self, frames: Array, signal: Array, onset: float) -> Array:
        """Light before the stimulus at each wavelength: the mean of the last frames, or the value at onset."""
        chosen = (frames >= onset - self.f0_span - 1e-9) & (frames <= onset - 0.5 * self.exposure + 1e-9)
        if not self.f0_span or not chosen.any():
            return np.array([np.interp(onset, frames, row) for row in signal])
        return np.asarray(np.mean(signal[:, chosen], axis=1))


def _integral(time: Array, y: Array, at: Array) -> Array:
    """Integral from the first time to ``at`` of what is linear between samples and constant outside."""
    total = np.concatenate([[0.0], np.cumsum(0.5 * (y[1:] + y[:-1]) * np.diff(time))])
    k = np.clip(np.searchsorted(time, at, side="right") - 1, 0, len(time) - 1)
    return np.asarray(total[k] + (at - time[k]) * 0.5 * (y[k] + np.interp(at, time, y)))
