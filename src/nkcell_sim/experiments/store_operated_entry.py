"""Store-operated Ca2+ entry: thapsigargin in nominally Ca2+-free bath, then Ca2+ readdition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..protocol import Protocol
from . import measures, names
from .base import Array, Experiment, Feature
from .dye import load_dye
from .fields import lab

if TYPE_CHECKING:
    from ..model.cell import Cell
    from ..trace import Trace


@dataclass(frozen=True, kw_only=True, repr=False)
class StoreOperatedEntry(Experiment):
    """Stores emptied by SERCA block without external Ca2+, then Ca2+ back: the peak and plateau are CRAC entry.

    ``crac`` scales the CRAC permeability (0.5: half of the channels) and ``kca31`` the KCa3.1 conductance (0: blocked),
    the two checks of the cell brief.
    """

    kind: ClassVar[str] = "store_operated_entry"
    title: ClassVar[str] = "Store-operated entry"

    rest: float = lab("60 s", "s", "recording in Ca2+-containing bath", label="assumed", minimum=1.0)
    calcium_free: float = lab("60 s", "s", "Ca2+-free bath before thapsigargin", label="assumed", minimum=0.0)
    depletion: float = lab("600 s", "s", "thapsigargin in Ca2+-free bath", label="assumed", minimum=10.0)
    readdition: float = lab("600 s", "s", "Ca2+-containing bath at the end", label="assumed", minimum=10.0)
    thapsigargin: float = lab("1 uM", "uM", "thapsigargin, from the start of depletion to the end", label="assumed", minimum=0.0)
    calcium: float = lab("2 mM", "mM", "Ca2+ of the readdition", label="assumed", minimum=0.0)
    nominal_zero: float = lab("1 uM", "uM", "free Ca2+ of the nominally Ca2+-free bath", label="assumed", minimum=0.0)
    exchange_tau: float = lab("0 s", "s", "time constant of bath exchange", label="assumed", minimum=0.0)
    crac: float = lab(1.0, "1", "scale of the CRAC permeability", label="assumed", kind="number", minimum=0.0)
    kca31: float = lab(1.0, "1", "scale of the KCa3.1 conductance", label="assumed", kind="number", minimum=0.0)
    dye: float = lab("0 uM", "uM", "indicator in the cytosol (0: none; constants as in Ca2+ imaging)", label="assumed", minimum=0.0)
    sampling: float = lab("0.5 s", "s", "time between samples", label="assumed", minimum=1e-3)

    @property
    def tg_start(self) -> float:
        """When thapsigargin arrives [s]."""
        return self.rest + self.calcium_free

    @property
    def readdition_start(self) -> float:
        """When Ca2+ comes back [s]."""
        return self.tg_start + self.depletion

    @property
    def duration(self) -> float:
        """Length of the recording [s]."""
        return self.readdition_start + self.readdition

    def phases(self) -> list[tuple[float, float, str]]:
        return [(self.rest, self.readdition_start, "0 Ca²⁺"), (self.tg_start, self.duration, f"thapsigargin {self.thapsigargin:g} µM")]

    def prepare_all(self, cells: Sequence[Cell]) -> list[Cell]:
        ready = []
        for cell in cells:
            scaled = {names.P_CRAC: cell.parameter(names.P_CRAC) * self.crac, names.G_KCA: cell.parameter(names.G_KCA) * self.kca31}
            cell = cell.set(scaled)
            ready.append(load_dye(cell, total=self.dye, k_on=300.0, k_off=117.0) if self.dye else cell)
        return ready

    def protocol(self) -> Protocol:
        p = Protocol(self.duration, name=self.title).step(0.0, ca_out=f"{self.calcium:.12g} mM")
        p = p.exchange(self.rest, self.exchange_tau, ca_out=f"{self.nominal_zero:.12g} uM")
        p = p.exchange(self.tg_start, self.exchange_tau, thapsigargin=f"{self.thapsigargin:.12g} uM")
        return p.exchange(self.readdition_start, self.exchange_tau, ca_out=f"{self.calcium:.12g} mM")

    @property
    def record(self) -> tuple[str, ...]:
        return ("ca_cyt", "ca_er", "ca_mit", "v", names.I_CRAC, "na_cyt")

    def times(self) -> Array:
        frames = np.arange(0.0, self.duration + 1e-9, self.sampling)
        return np.unique(np.round(np.concatenate([frames, [self.rest, self.tg_start, self.readdition_start, self.duration]]), 9))

    def features(self, trace: Trace) -> dict[str, Feature]:
        ca, time = trace["ca_cyt"] * 1e3, trace.time

        def at(y: Array, when: float) -> Array:
            return np.array([measures.value_at(time, row, when) for row in y])

        def tops(start: float, end: float) -> tuple[Array, Array]:
            found = [measures.peak(time, row, start, end) for row in ca]
            return at(ca, start) + np.array([p.height for p in found]), np.array([p.time for p in found])

        release, release_time = tops(self.tg_start, self.readdition_start)
        entry, entry_time = tops(self.readdition_start, self.duration)
        return {
            "ca_rest": Feature(at(ca, self.rest), "nM", "Ca2+ at rest"),
            "release_peak": Feature(release, "nM", "largest Ca2+ during thapsigargin in Ca2+-free bath"),
            "release_time": Feature(release_time, "s", "thapsigargin to that peak"),
            "readdition_peak": Feature(entry, "nM", "largest Ca2+ after readdition"),
            "readdition_time": Feature(entry_time, "s", "readdition to that peak"),
            "plateau": Feature(ca[:, -1], "nM", "Ca2+ at the end of the readdition"),
            "ca_er_depleted": Feature(at(trace["ca_er"], self.readdition_start), "uM", "store Ca2+ before readdition"),
            "v_plateau": Feature(trace["v"][:, -1], "mV", "V at the end of the readdition"),
            "crac_peak": Feature(np.min(trace[names.I_CRAC][:, time > self.readdition_start], axis=1), "pA", "largest inward CRAC current after readdition"),
        }

    def warnings(self, trace: Trace, features: Mapping[str, Feature]) -> list[tuple[str, ...]]:
        return [() if s == "ok" else (f"the run ended as {s}; its features are NaN",) for s in trace.status]
