"""Voltage-step families under whole-cell clamp: instantaneous peak and steady current against voltage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..protocol import Protocol
from . import names
from .base import Array, Experiment, Feature
from .fields import lab
from .patch_clamp import capacitance, clamped, leak_text
from .solutions import BATHS
from .sweeps import Sweeps, sweep_grid
from .washing import wash_off

if TYPE_CHECKING:
    from ..model.cell import Cell
    from ..trace import Trace


@dataclass(frozen=True, kw_only=True, repr=False)
class IVCurve(Experiment):
    """Steps from a holding potential to a series of voltages, in a drug that stays in the bath.

    The first milliseconds of every step carry the capacitive transient, so the peak is searched after ``settle``.

    With an :class:`~.amplifier.Amplifier` the trace also holds close samples after every step (1 us and growing by 12 % up to 2 ms) for its filter; a leak is
    fitted on the second half of the steps, drugs of the family included.
    """

    kind: ClassVar[str] = "iv_curve"
    title: ClassVar[str] = "Voltage steps"
    instruments: ClassVar[tuple[str, ...]] = ("amplifier",)

    ntx_in_bath: str = lab(
        ..., "", "naltrexone in the recording bath: kept at the incubation concentration, or washed off first", kind="choice", choices=("kept", "washed")
    )
    wash_time: float = lab("30 min", "s", "time in drug-free medium before recording when ntx_in_bath is washed", label="assumed", minimum=0.0)
    holding: float = lab("-80 mV", "mV", "holding potential", label="assumed", minimum=-150.0, maximum=150.0)
    first: float = lab("-100 mV", "mV", "first step", label="assumed", minimum=-200.0, maximum=200.0)
    last: float = lab("100 mV", "mV", "last step", label="assumed", minimum=-200.0, maximum=200.0)
    increment: float = lab("20 mV", "mV", "distance of the steps", label="assumed", minimum=0.1)
    step: float = lab("400 ms", "s", "duration of a step", label="assumed", minimum=1e-3)
    interval: float = lab("10 s", "s", "time from step to step", label="assumed", minimum=1e-2)
    settle: float = lab("2 ms", "s", "start of the step left out of the peak", label="assumed", minimum=0.0)
    break_in: float = lab("120 s", "s", "dialysis by the pipette before the first step", label="assumed", minimum=0.0)
    bath: str = lab("caesium", "", "recording bath", label="unconfirmed", kind="choice", choices=tuple(BATHS))
    pregs: float = lab("0 uM", "uM", "PregS during the whole family", label="assumed", minimum=0.0)
    pregs_lead: float = lab("20 s", "s", "PregS before the first step", label="assumed", minimum=0.0)
    ononetin: float = lab("0 uM", "uM", "ononetin during the whole family", label="assumed", minimum=0.0)
    sampling: float = lab("1 ms", "s", "sampling interval within a step", label="assumed", minimum=1e-5)

    def check_together(self) -> None:
        if self.last < self.first:
            raise self.refused("last", f"expected at least first, {self.first:g} mV")
        if not self.interval > self.step:
            raise self.refused("interval", f"expected more than the duration of a step, {self.step:g} s")
        if not self.settle < self.step:
            raise self.refused("settle", f"expected less than the duration of a step, {self.step:g} s")

    def samples(self) -> tuple[float, str]:
        close = 0 if self.instrument is None else len(sweep_grid(np.zeros(0), self.step))
        return len(self.voltages()) * (self.step / self.sampling + close), self._cause("sampling")

    def voltages(self) -> Array:
        """Command voltages of the family [mV]."""
        return np.round(np.arange(self.first, self.last + 0.5 * self.increment, self.increment), 9)

    def starts(self) -> Array:
        """Start of every step [s]."""
        return np.round(self.break_in + self.pregs_lead + np.arange(len(self.voltages())) * self.interval, 9)

    @property
    def duration(self) -> float:
        """Length of the recording [s]."""
        return float(self.starts()[-1] + self.interval)

    def phases(self) -> list[tuple[float, float, str]]:
        drugs = [f"{names.DRUG_TEXT[k]} {v:g} µM" for k, v in (("pregs", self.pregs), ("ononetin", self.ononetin)) if v]
        return [(self.break_in, self.duration, " + ".join(drugs))] if drugs else []

    def prepare_all(self, cells: Sequence[Cell]) -> list[Cell]:
        return self.equipped(wash_off(cells, self.wash_time) if self.ntx_in_bath == "washed" else cells)

    def protocol(self) -> Protocol:
        p = Protocol(self.duration, name=self.title)
        hold = f"{self.at_membrane(self.holding):.12g} mV"
        p = clamped(p, self.at_membrane(self.holding), self.bath)
        for drug, level in (("pregs", self.pregs), ("ononetin", self.ononetin)):
            if level:
                p = p.step(self.break_in, **{drug: f"{level:.12g} uM"})
        for start, v in zip(self.starts(), self.voltages(), strict=True):
            p = p.step(float(start), **{names.V_CMD: f"{self.at_membrane(v):.12g} mV"}).step(round(float(start) + self.step, 9), **{names.V_CMD: hold})
        return p

    @property
    def record(self) -> tuple[str, ...]:
        return (names.I_MEASURED, names.I_MEMBRANE, names.I_TRPM3, "v", "ca_cyt")

    def _grid(self) -> Array:
        n = max(round(self.step / self.sampling), 2)
        return np.asarray(np.arange(1, n + 1) * (self.step / n), float)

    def sweeps(self) -> Sweeps:
        """The steps as an amplifier records them; it fits a leak on the second half of all of them."""
        grid, volts = sweep_grid(self._grid(), self.step), self.voltages()
        voltage = np.where(grid > 0.0, volts[:, None], self.holding)
        none = np.zeros(len(volts))
        return Sweeps(self.starts(), grid, voltage, volts - self.holding, none, self.holding, np.arange(len(volts)), 0.5 * self.step)

    def times(self) -> Array:
        within = self._grid() if self.instrument is None else sweep_grid(self._grid(), self.step)
        steps = (self.starts()[:, None] + within[None, :]).ravel()
        return np.unique(np.round(np.concatenate([[0.0], steps, self.starts(), [self.duration]]), 9))

    def currents(self, trace: Trace, key: str = names.I_MEASURED) -> Array:
        """Current during every step [pA], (n_cells, n_steps, n_samples)."""
        when = np.round(self.starts()[:, None] + self._grid()[None, :], 9)
        found = np.searchsorted(trace.time, when.ravel() - 1e-7).reshape(when.shape)
        return np.asarray(trace[key][:, found])

    def iv(self, trace: Trace) -> dict[str, Array]:
        """``voltage`` (n_steps,) [mV]; ``peak``, ``steady`` and their densities (n_cells, n_steps) [pA, pA/pF]."""
        measured = self.currents(trace)
        late = measured[:, :, self._grid() > self.settle]
        pick = np.argmax(np.abs(late), axis=2)[..., None]
        peak = np.take_along_axis(late, pick, axis=2)[..., 0]
        steady, cm = measured[:, :, -1], capacitance(trace)[:, None]
        return {"voltage": self.voltages(), "peak": peak, "steady": steady, "peak_density": peak / cm, "steady_density": steady / cm}

    def features(self, trace: Trace) -> dict[str, Feature]:
        iv, leak = self.iv(trace), leak_text(self)
        found = {}
        for k, v in enumerate(iv["voltage"]):
            found[f"peak_{v:+.4g}_mV"] = Feature(iv["peak"][:, k], "pA", f"largest measured current of the step to {v:g} mV ({leak})")
            found[f"steady_{v:+.4g}_mV"] = Feature(iv["steady"][:, k], "pA", f"measured current at the end of the step to {v:g} mV ({leak})")
        return found

    def warnings(self, trace: Trace, features: Mapping[str, Feature]) -> list[tuple[str, ...]]:
        return [() if s == "ok" else (f"the run ended as {s}; its features are NaN",) for s in trace.status]
