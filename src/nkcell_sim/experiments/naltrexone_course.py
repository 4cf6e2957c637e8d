"""A course of oral naltrexone as a recording: plasma levels, occupancy, endogenous opioid and what is left of the TRPM3 current."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..features import Peak, Reading
from ..protocol import Protocol
from . import measures, names
from .base import Array, Experiment, Feature
from .dosing import HOUR, OralNaltrexone
from .fields import lab
from .settling import body_of

if TYPE_CHECKING:
    from ..model.cell import Cell
    from ..trace import Trace

Mask = NDArray[np.bool_]
READ_AT = (1.0, 3.0, 6.0, 12.0, 24.0)  # h after the first dose taken, as in the table of the TRPM3 brief, section 4.4
PEAKS_WITHIN = 3.0 * HOUR  # after a dose, both levels have passed their peak; sampled every minute


@dataclass(frozen=True, kw_only=True, repr=False)
class NaltrexoneCourse(OralNaltrexone, Experiment):
    """The slow opioid chain of a cell in a body at 37 degC through a course of oral naltrexone; no membrane, no Ca2+.

    ``relative_current`` is f_G n0 N_rel, the TRPM3 current over that without G beta-gamma and with all channels; features give it relative to the
    untreated healthy cell of the same lesion. The evoked density of the default patch clamp follows it within 1 %.
    """

    kind: ClassVar[str] = "naltrexone_course"
    title: ClassVar[str] = "Oral naltrexone"

    hours_after: float = lab("24 h", "h", "end of the recording after the last scheduled dose", label="assumed", minimum=0.0)
    sampling: float = lab("10 min", "s", "time between samples", label="assumed", minimum=1.0)

    @property
    def duration(self) -> float:
        """Length of the recording [s]."""
        return self.course * HOUR

    @property
    def last_interval(self) -> tuple[float, float]:
        """From the last scheduled dose, or 24 h before the end if the dose is later, to the end [s]."""
        return max(0.0, min(self.scheduled[-1], self.course - 24.0)) * HOUR, self.duration

    @property
    def _after_last_dose(self) -> tuple[float, float]:
        """From the last dose taken within the recording to the end [s]."""
        return max(at for at in self.taken if at < self.course) * HOUR, self.duration

    def notes(self) -> tuple[str, ...]:
        return (*super().notes(), *self.course_notes())

    def phases(self) -> list[tuple[float, float, str]]:
        return [(at * HOUR, at * HOUR + 60.0, f"{self.dose:g} mg") for at in self.taken if at < self.course]

    def prepare_all(self, cells: Sequence[Cell]) -> list[Cell]:
        return [body_of(cell, self.body()) for cell in cells]

    def stand_in(self, cell: Cell) -> Cell:
        from ..model.cells import opioid_chain_in_vivo_cell

        return opioid_chain_in_vivo_cell().set(self.body())

    def protocol(self) -> Protocol:
        return replace(self.swallowing(), name=self.title)

    @property
    def record(self) -> tuple[str, ...]:
        return names.BODY_RECORD

    def times(self) -> Array:
        grid = np.arange(0.0, self.duration + 1e-9, self.sampling)
        doses = np.array([at * HOUR for at in self.taken if at < self.course])
        reads = np.array([(self.taken[0] + h) * HOUR for h in READ_AT if self.taken[0] + h <= self.course])
        dose, end = self._after_last_dose
        peaks = np.arange(dose, min(dose + PEAKS_WITHIN, end), 60.0)
        return np.unique(np.round(np.concatenate([grid, doses, reads, peaks, [self.last_interval[0], self.duration]]), 9))

    def readings(self) -> dict[str, Reading]:
        (dose, end), (start, _) = self._after_last_dose, self.last_interval
        return {
            "ntx_peak": Peak(names.NTX_PLASMA, start=dose, end=end),
            "naltrexol_peak": Peak(names.NALTREXOL_PLASMA, start=dose, end=end),
            "opioid_trough": Peak(names.OPIOID, start=start, end=end, kind="minimum"),
            "opioid_peak": Peak(names.OPIOID, start=start, end=end),
        }

    def features(self, trace: Trace) -> dict[str, Feature]:
        start, end = self.last_interval
        last = (trace.time >= start - 1e-6) & (trace.time <= end + 1e-6)
        return {**self._levels(trace), **self._occupancies(trace), **self._opioid(trace, last), **self._current(trace, last)}

    def _levels(self, trace: Trace) -> dict[str, Feature]:
        found = {}
        hours, (dose, end) = trace.time / HOUR, self._after_last_dose
        for name, key, text in (("ntx", names.NTX_PLASMA, "naltrexone"), ("naltrexol", names.NALTREXOL_PLASMA, "6-beta-naltrexol")):
            tops = [measures.peak(trace.time, row, dose, end) for row in trace[key]]
            heights = np.array([p.height + measures.value_at(trace.time, row, dose) for p, row in zip(tops, trace[key], strict=True)])
            found[f"{name}_peak"] = Feature(heights, "nM", f"largest {text} in plasma after the last dose taken")
            found[f"{name}_peak_time"] = Feature(np.array([p.time / HOUR for p in tops]), "h", f"last dose taken to the largest {text}")
            found[f"{name}_end"] = Feature(trace[key][:, -1], "nM", f"{text} in plasma at the end")
        area = np.trapezoid(trace[names.NTX_PLASMA], hours, axis=1)
        return {**found, "ntx_exposure": Feature(area, "nM*h", "area under naltrexone in plasma")}

    def _occupancies(self, trace: Trace) -> dict[str, Feature]:
        found, occupied = {}, trace[names.COMPETITION]
        for h in READ_AT:
            when = (self.taken[0] + h) * HOUR
            values = np.array([measures.value_at(trace.time, row, when) for row in occupied])
            found[f"occupancy_{h:g}h"] = Feature(values, "1", f"receptors with an antagonist (competition) {h:g} h after the first dose taken")
        above = np.array([_time_above(trace.time, row, 0.5) / HOUR for row in occupied])
        return {**found, "hours_half_blocked": Feature(above, "h", "hours with more than half of the receptors blocked, whole course")}

    def _opioid(self, trace: Trace, last: Mask) -> dict[str, Feature]:
        level = trace[names.OPIOID]
        return {
            "opioid_trough": Feature(level[:, last].min(axis=1), "1", "smallest endogenous opioid of the last interval, untreated 1"),
            "opioid_peak": Feature(level[:, last].max(axis=1), "1", "largest endogenous opioid of the last interval, untreated 1"),
        }

    def _current(self, trace: Trace, last: Mask) -> dict[str, Feature]:
        share = trace[names.RELATIVE_CURRENT] / np.array([healthy_current(cell) for cell in trace.cells])[:, None]
        text = "of the TRPM3 current of the untreated healthy cell (f_G n0 N_rel)"
        return {
            "current_start": Feature(share[:, 0], "1", f"share {text} before the first dose"),
            "current_end": Feature(share[:, -1], "1", f"share {text} at the end"),
            "current_least": Feature(share[:, last].min(axis=1), "1", f"smallest share {text} in the last interval"),
            "current_largest": Feature(share[:, last].max(axis=1), "1", f"largest share {text} in the last interval"),
        }

    def warnings(self, trace: Trace, features: Mapping[str, Feature]) -> list[tuple[str, ...]]:
        return [() if s == "ok" else (f"the run ended as {s}; its features are NaN",) for s in trace.status]


def healthy_current(body: Cell) -> float:
    """Relative TRPM3 current f_G n0 N_rel [1] of the untreated healthy cell that a chain's phenotype is compared with (its own without a phenotype).

    NaN for a cell that is no chain in a body: its run never started.
    """
    from ..model.cells.phenotypes import phenotype

    if names.RELATIVE_CURRENT not in body.composition.outputs:
        return np.nan
    declared = body.composition.parameters
    table = phenotype(phenotype(body.phenotype).healthy).changes if body.phenotype else {}
    healthy = replace(body.set({key: value for key, value in table.items() if key in declared}), state=None, inputs={})
    return own_current(healthy)


def own_current(body: Cell) -> float:
    """Relative TRPM3 current f_G n0 N_rel [1] of a chain in a body as it is."""
    from ..model.twin import Twin

    return float(Twin(body).observe(body.initial_state())[names.RELATIVE_CURRENT])


def _time_above(time: Array, y: Array, level: float) -> float:
    """Time [s] that a sampled course spends above a level, linear between samples; NaN for a failed run."""
    if not np.isfinite(y).all():
        return np.nan
    over = y - level
    a, b = over[:-1], over[1:]
    total = np.abs(a) + np.abs(b)
    share = np.where((a > 0.0) & (b > 0.0), 1.0, np.where((a > 0.0) | (b > 0.0), np.maximum(a, b) / np.where(total > 0.0, total, 1.0), 0.0))
    return float(np.sum(np.diff(time) * share))
