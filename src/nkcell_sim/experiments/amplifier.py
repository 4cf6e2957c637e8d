"""The patch-clamp amplifier and digitiser: what a rig makes of the current that flows through the pipette."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..errors import ParameterError
from . import names
from .fields import lab
from .instrument import Array, Instrument
from .low_pass import LowPass
from .observed_current import SLACK, Clock, Mask, ObservedCurrent
from .sweeps import Sweeps, linear

if TYPE_CHECKING:
    from ..model.cell import Cell
    from ..trace import Trace
    from .base import Experiment

SMALLEST_RESISTANCE = 0.1  # MOhm: what the electrode of the model takes; an error of 0.1 mV at 1 nA
SHORTEST_SAMPLING = 1e-6  # s
FEWEST_CONVERSIONS = 10  # of a sweep
POLES = {"4-pole": 4, "8-pole": 8}


@dataclass(frozen=True, kw_only=True, repr=False)
class Amplifier(Instrument):
    """Voltage-clamp amplifier with its pipette, filter and digitiser, for ``PatchClamp`` and ``IVCurve``.

    In the cell's own equations: the uncompensated series resistance (1 - c) R_s, the seal, and a junction potential that was ignored. On what is read, in
    this order: residual pipette capacitance q/tau exp(-t/tau) + C dV/dt (1 - exp(-t/tau)) with q = C dV; Bessel low-pass, exact on the piecewise-linear
    current and settled before every sweep; white noise through the same filter, so that its RMS goes with the root of the corner; drift (a random walk);
    sample and hold on a clock that starts with every sweep; ADC steps; leak subtraction. Sweeps are ramps or steps; between them the current is settled, and
    one sample is read at a time. The leak is fitted to every conversion in its range, on the last ramp of the baseline or on the second halves of steps.
    Cm dV/dt is left in, as without an amplifier, and taken off by the experiment.

    Defaults are recalled (5 and 10 kHz, junction potential) or assumed; the published rig states neither noise nor series resistance.
    """

    kind: ClassVar[str] = "amplifier"
    title: ClassVar[str] = "Amplifier"

    series_resistance: tuple[float, ...] = lab(
        (), "MOhm", "series resistance before compensation (none given: that of the cell's pipette; 0: off)", label="assumed", kind="list", minimum=0.0
    )
    compensation: float = lab("0 percent", "percent", "share of series resistance that is compensated (0: off)", label="assumed", minimum=0.0, maximum=100.0)
    seal: tuple[float, ...] = lab((), "nS", "seal conductance (none given: that of the cell's pipette; 0: off)", label="assumed", kind="list", minimum=0.0)
    junction_potential: float = lab(
        "-10 mV", "mV", "what the membrane gets on top of the command at the amplifier", label="unconfirmed", minimum=-50.0, maximum=50.0
    )
    junction: str = lab(
        "corrected", "", "whether stated voltages allow for it (corrected: off)", label="unconfirmed", kind="choice", choices=("corrected", "ignored")
    )
    leak_subtraction: str = lab(
        "linear", "", "line fitted to the current before any drug, taken off (none: off)", label="unconfirmed", kind="choice", choices=("none", "linear")
    )
    leak_from: float = lab("-90 mV", "mV", "start of the range in which the leak is fitted", label="assumed", minimum=-200.0, maximum=200.0)
    leak_to: float = lab("-50 mV", "mV", "end of the range in which the leak is fitted", label="assumed", minimum=-200.0, maximum=200.0)
    stray: float = lab("4 pF", "pF", "capacitance of pipette and holder before compensation (0: off)", label="assumed", minimum=0.0)
    stray_compensation: float = lab("90 percent", "percent", "share of it that is compensated", label="assumed", minimum=0.0, maximum=100.0)
    stray_tau: float = lab("50 us", "s", "time constant of its transient", label="assumed", minimum=1e-6, maximum=1.0)
    filter: str = lab("4-pole", "", "Bessel low-pass", label="assumed", kind="choice", choices=tuple(POLES))
    corner: float = lab("5 kHz", "Hz", "frequency at which the filter's gain is -3 dB (0: off)", label="unconfirmed", minimum=0.0, maximum=1e6)
    sampling: float = lab("100 us", "s", "time between conversions, 10 kHz (0: off, read at every time of the trace)", label="unconfirmed", minimum=0.0)
    adc_step: float = lab("0.3 pA", "pA", "current of one step of the converter (0: off)", label="assumed", minimum=0.0)
    noise: float = lab("2 pA", "pA", "RMS of the current noise at noise_bandwidth (0: off)", label="assumed", minimum=0.0)
    noise_bandwidth: float = lab("5 kHz", "Hz", "corner of the same filter at which the noise has that RMS", label="assumed", minimum=1.0, maximum=1e6)
    drift: float = lab("0 pA", "pA", "RMS of the slow drift after one minute, a random walk (0: off)", label="assumed", minimum=0.0)

    def check(self) -> None:
        for name in ("series_resistance", "seal"):
            if len(getattr(self, name)) > 1:
                raise self.refused(name, "expected one value, or none for that of the cell's pipette")
        if 0.0 < self.sampling < SHORTEST_SAMPLING:
            raise self.refused("sampling", f"expected at least {SHORTEST_SAMPLING * 1e6:g} us, or 0 s (off)")
        if not self.leak_from < self.leak_to:
            raise self.refused("leak_to", f"expected a voltage above leak_from, {self.leak_from:g} mV")

    def check_with(self, experiment: Experiment) -> None:
        sweeps = _sweeps_of(experiment)
        if self.sampling * FEWEST_CONVERSIONS > sweeps.grid[-1]:
            raise self.refused("sampling", f"expected at least {FEWEST_CONVERSIONS} conversions in {sweeps.grid[-1]:g} s, a sweep of {experiment.kind}")
        voltage, chosen = self.ohmic(sweeps, Clock.full(sweeps.grid, self.sampling))
        if self.removes_leak and len(np.unique(voltage[chosen])) < 2:
            problem = f"{experiment.kind} has fewer than two voltages from leak_from, {self.leak_from:g} mV, to it before any drug"
            raise self.refused("leak_to", f"{problem}; expected a wider range within its command, or leak_subtraction = 'none'")

    @property
    def command_shift(self) -> float:
        return self.junction_potential if self.junction == "ignored" else 0.0

    @property
    def removes_leak(self) -> bool:
        return self.leak_subtraction == "linear"

    @cached_property
    def low_pass(self) -> LowPass | None:
        """The filter, or None when it is off."""
        return LowPass(POLES[self.filter], self.corner) if self.corner else None

    @property
    def noise_rms(self) -> float:
        """RMS of the white noise in one observed sample [pA]: ``noise`` times the root of corner over noise_bandwidth (``noise`` itself without a filter)."""
        return float(self.noise * np.sqrt(self.corner / self.noise_bandwidth)) if self.corner else self.noise

    @property
    def smallest_change(self) -> float:
        """Smallest difference of two readings that is seen [pA]: three times its standard error, 3 sqrt(2) ``noise_rms``."""
        return float(3.0 * np.sqrt(2.0) * self.noise_rms)

    @property
    def noise_density(self) -> float:
        """One-sided spectral density of the white current noise [pA^2/Hz]."""
        return self.noise**2 / LowPass(POLES[self.filter], self.noise_bandwidth).noise_bandwidth

    def prepare_all(self, cells: Sequence[Cell]) -> list[Cell]:
        return [self._patched(cell) for cell in cells]

    def _patched(self, cell: Cell) -> Cell:
        """The cell on this rig's pipette; the same cell if nothing about it changes."""
        resistance = self.series_resistance[0] if self.series_resistance else cell.parameter(names.R_SERIES)
        if self.series_resistance or self.compensation:
            resistance = max(resistance * (1.0 - self.compensation / 100.0), SMALLEST_RESISTANCE)
        wanted = {names.R_SERIES: resistance, names.G_SEAL: self.seal[0] if self.seal else cell.parameter(names.G_SEAL)}
        changed = {name: value for name, value in wanted.items() if value != cell.parameter(name)}
        return cell.set(changed) if changed else cell

    def observe(self, experiment: Experiment, trace: Trace, streams: Sequence[np.random.Generator]) -> dict[str, Array]:
        seen = ObservedCurrent.of(self, _sweeps_of(experiment), trace.time)
        capacitances = [trace.cells[i].parameter(names.CAPACITANCE) for i in range(len(streams))]
        rows = zip(trace[names.I_MEASURED], capacitances, self.streams_for(trace, streams), strict=True)
        return {names.I_MEASURED: np.stack([seen.seen(current, cm, generator) for current, cm, generator in rows])}

    def ohmic(self, sweeps: Sweeps, clock: Clock) -> tuple[Array, Mask]:
        """Voltage of every conversion of the baseline [mV] and whether the leak is fitted to it, both (n_baseline, n_ticks)."""
        voltage = linear(sweeps.voltage[sweeps.baseline], sweeps.grid, clock.ticks)
        within = (voltage >= self.leak_from - 1e-9) & (voltage <= self.leak_to + 1e-9)
        return voltage, within & (clock.ticks >= sweeps.steady_from - SLACK)


def _sweeps_of(experiment: Experiment) -> Sweeps:
    sweeps = getattr(experiment, "sweeps", None)
    if sweeps is None:
        raise ParameterError(f"{experiment.kind} has no voltage sweeps; an amplifier records patch_clamp and iv_curve", name="instrument")
    return sweeps()
