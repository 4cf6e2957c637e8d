"""What an NK cell does with its Ca2+: granule release and nuclear NFAT after it meets a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..features import Mean, Peak, Reading, ValueAt
from ..protocol import Protocol
from . import measures, names
from .base import Array, Experiment, Feature, survival_warnings
from .fields import lab
from .washing import wash_off

if TYPE_CHECKING:
    from ..model.cell import Cell
    from ..trace import Trace

NFAT_CEILING = 0.52  # nuclear share at which the rates of Tomida 2003 saturate (V; unit of the rates R)
RELEASE_AT = 20.0  # min: about 15 % of granules per kill (Lyubchenko 2001, V) set the release rate there
NFAT_AT = (30.0, 120.0)  # min


@dataclass(frozen=True, kw_only=True, repr=False)
class NKFunction(Experiment):
    """A free-running cell meets a target: granules released (monotone Ca2+ drive and the bell of T cells) and nuclear NFAT over two hours.

    Engagement of the target lets granules go; it does not itself raise Ca2+ in the model. Ca2+ comes from ``plc_drive`` (IP3, stores, CRAC) and from
    PregS through TRPM3. Both are settings without a measurement behind them: the read-outs compare arms, they are no killing assay.
    """

    kind: ClassVar[str] = "nk_function"
    title: ClassVar[str] = "NK function"
    remarks: ClassVar[tuple[str, ...]] = (
        "NK function: read-outs of Ca2+ at 23 degC with assumed drives; no published measurement of TRPM3 and killing fixes them",
        "nuclear NFAT saturates at 0.52 in the model of Tomida 2003; the shares are also given relative to that",
    )

    ntx_in_bath: str = lab(
        ..., "", "naltrexone in the recording bath: kept at the incubation concentration, or washed off first", kind="choice", choices=("kept", "washed")
    )
    wash_time: float = lab("30 min", "s", "time in drug-free medium before recording when ntx_in_bath is washed", label="assumed", minimum=0.0)
    baseline: float = lab("60 s", "s", "recording before the target", label="assumed", minimum=1.0)
    contact: float = lab("120 min", "min", "time with the target", label="assumed", minimum=RELEASE_AT)
    engagement: float = lab(1.0, "1", "engagement of the target", label="assumed", kind="number", minimum=0.0, maximum=1.0)
    plc_drive: float = lab(0.1, "1", "drive of phospholipase C by the target (0: none)", label="assumed", kind="number", minimum=0.0, maximum=1.0)
    pregs: float = lab("30 uM", "uM", "PregS during the contact (0: none); 50 uM floods a healthy cell within it", label="assumed", minimum=0.0)
    sampling: float = lab("5 s", "s", "time between samples", label="assumed", minimum=1e-3)

    @property
    def duration(self) -> float:
        """Length of the recording [s]."""
        return self.baseline + self.contact * 60.0

    def phases(self) -> list[tuple[float, float, str]]:
        found = [(self.baseline, self.duration, "target")]
        return [*found, (self.baseline, self.duration, f"PregS {self.pregs:g} µM")] if self.pregs else found

    def prepare_all(self, cells: Sequence[Cell]) -> list[Cell]:
        return wash_off(cells, self.wash_time) if self.ntx_in_bath == "washed" else list(cells)

    def protocol(self) -> Protocol:
        p = Protocol(self.duration, name=self.title)
        return p.step(self.baseline, target_engagement=self.engagement, plc_drive=self.plc_drive, pregs=f"{self.pregs:.12g} uM")

    @property
    def record(self) -> tuple[str, ...]:
        return ("ca_cyt", "v", "na_cyt", names.RELEASED, names.RELEASED_BELL, names.NFAT_NUCLEAR, names.I_TRPM3)

    def times(self) -> Array:
        marks = [self.baseline, self.duration, *(self._after(m) for m in (RELEASE_AT, *self._read_nfat()))]
        return np.unique(np.round(np.concatenate([np.arange(0.0, self.duration + 1e-9, self.sampling), marks]), 9))

    def _after(self, minutes: float) -> float:
        """Time [s] in the recording of a moment after the target arrived."""
        return self.baseline + minutes * 60.0

    def _read_nfat(self) -> list[float]:
        """Minutes at which NFAT is read, those within the contact."""
        return [m for m in NFAT_AT if m <= self.contact]

    def readings(self) -> dict[str, Reading]:
        found: dict[str, Reading] = {
            "released_20min": ValueAt(names.RELEASED, self._after(RELEASE_AT), above=ValueAt(names.RELEASED, self.baseline)),
            "released_bell_20min": ValueAt(names.RELEASED_BELL, self._after(RELEASE_AT), above=ValueAt(names.RELEASED_BELL, self.baseline)),
            "na_max": Peak("na_cyt"),
        }
        found |= {f"nfat_{m:g}min": ValueAt(names.NFAT_NUCLEAR, self._after(m)) for m in self._read_nfat()}
        return {**found, "ca_mean": Mean("ca_cyt", start=self.baseline, end=self._after(RELEASE_AT))}

    def features(self, trace: Trace) -> dict[str, Feature]:
        def at(key: str, minutes: float) -> Array:
            return np.array([measures.value_at(trace.time, row, self._after(minutes)) for row in trace[key]])

        found = {}
        for name, key, text in (
            ("released", names.RELEASED, "Ca2+ drive that only rises"),
            ("released_bell", names.RELEASED_BELL, "Ca2+ drive with the optimum of T cells"),
        ):
            start = at(key, 0.0)
            found[f"{name}_20min"] = Feature(at(key, RELEASE_AT) - start, "1", f"granules released 20 min after the target arrived, {text}")
            found[f"{name}_end"] = Feature(trace[key][:, -1] - start, "1", f"granules released in {self.contact:g} min, {text}")
        for minutes in self._read_nfat():
            nuclear = at(names.NFAT_NUCLEAR, minutes)
            found[f"nfat_{minutes:g}min"] = Feature(nuclear, "1", f"nuclear share of NFAT {minutes:g} min after the target arrived")
            found[f"nfat_{minutes:g}min_of_ceiling"] = Feature(nuclear / NFAT_CEILING, "1", f"the same, of the {NFAT_CEILING:g} at which the model saturates")
        return {**found, **self._calcium(trace)}

    def _calcium(self, trace: Trace) -> dict[str, Feature]:
        inside = (trace.time >= self.baseline - 1e-9) & (trace.time <= self._after(RELEASE_AT) + 1e-9)
        time, ca = trace.time[inside], trace["ca_cyt"][:, inside]
        return {
            "ca_mean": Feature(np.trapezoid(ca, time, axis=1) / (time[-1] - time[0]), "uM", "mean Ca2+ in the first 20 min with the target"),
            "ca_peak": Feature(np.max(trace["ca_cyt"], axis=1) * 1e3, "nM", "largest Ca2+"),
            "na_max": Feature(np.max(trace["na_cyt"], axis=1), "mM", "largest Na+ inside"),
        }

    def warnings(self, trace: Trace, features: Mapping[str, Feature]) -> list[tuple[str, ...]]:
        texts = survival_warnings(trace, self.baseline, self.duration)
        for i, status in enumerate(trace.status):
            if status != "ok":
                texts[i].insert(0, f"the run ended as {status}; its features are NaN")
        return [tuple(t) for t in texts]
