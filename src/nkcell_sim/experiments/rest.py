"""The cell left alone: where it rests, how firmly, and whether it stays there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..protocol import Protocol
from .base import Array, Experiment, Feature
from .fields import lab
from .settling import settle

if TYPE_CHECKING:
    from ..model.cell import Cell
    from ..trace import Trace

# Resting ranges of a lymphocyte (cell brief, sections 3 and 7.1); a rest outside is reported, not refused.
RANGES = {"v": (-75.0, -45.0, "mV"), "ca_cyt": (0.04, 0.13, "uM"), "na_cyt": (6.0, 25.0, "mM"), "ca_er": (200.0, 1000.0, "uM")}
SHOWN = ("v", "ca_cyt", "ca_er", "ca_mit", "na_cyt", "k_cyt", "cl_cyt", "ip3")


@dataclass(frozen=True, kw_only=True, repr=False)
class Rest(Experiment):
    """An hour without a stimulus from the cell's steady state; drift says whether the rest is one."""

    kind: ClassVar[str] = "rest"
    title: ClassVar[str] = "Rest"

    duration: float = lab("1 h", "s", "time without a stimulus", label="", minimum=1.0)
    settle_first: bool = lab(True, "", "start from the steady state of the cell (no: from the state it has)", kind="flag")
    sampling: float = lab("10 s", "s", "time between samples", label="assumed", minimum=1e-3)

    def prepare_all(self, cells: Sequence[Cell]) -> list[Cell]:
        return settle(cells) if self.settle_first else list(cells)

    def protocol(self) -> Protocol:
        return Protocol(self.duration, name=self.title)

    @property
    def record(self) -> tuple[str, ...]:
        return SHOWN

    def times(self) -> Array:
        return np.unique(np.append(np.arange(0.0, self.duration + 1e-9, self.sampling), self.duration))

    def features(self, trace: Trace) -> dict[str, Feature]:
        found = {f"{key}_rest": Feature(trace[key][:, -1], trace.units[key], f"{key} at the end") for key in SHOWN}
        for key in ("v", "ca_cyt"):
            drift = np.max(np.abs(trace[key] - trace[key][:, :1]), axis=1)
            found[f"{key}_drift"] = Feature(drift, trace.units[key], f"largest distance of {key} from its start")
        return found

    def warnings(self, trace: Trace, features: Mapping[str, Feature]) -> list[tuple[str, ...]]:
        texts: list[list[str]] = [[] if s == "ok" else [f"the run ended as {s}; its features are NaN"] for s in trace.status]
        for key, (low, high, unit) in RANGES.items():
            for i, value in enumerate(features[f"{key}_rest"].values):
                if not low <= value <= high and np.isfinite(value):
                    texts[i].append(f"{key} rests at {value:.4g} {unit}, outside the lymphocyte range {low:g} to {high:g} {unit}")
        return [tuple(t) for t in texts]
