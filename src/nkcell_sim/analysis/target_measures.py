"""What the targets are read from: features by role, and the runs that a study lacks, made with its own cells and protocols."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiments import CalciumImaging, Incubation, LowDoseNaltrexone, PatchClamp, run_experiment
from ..experiments.base import flood_warnings
from ..experiments.settling import settle
from ..model.cell import temperature_note

if TYPE_CHECKING:
    from ..experiments.treatment import Treatment
    from ..model.cell import Cell
    from ..results import Results
    from ..study import Study

# Low-dose naltrexone by mouth, cells drawn on the tenth day (TRPM3 and naltrexone brief, section 6.3). The first reading is what receptor imaging
# suggests (k_invivo 10, D; neutral 6-beta-naltrexol, V2); the others say which assumptions would bring the current back.
LDN = LowDoseNaltrexone(dose=4.5, doses=10.0)
LDN_READINGS = {"me_ldn": LDN, "me_ldn_tone": replace(LDN, naltrexol_tone=1.0), "me_ldn_dish": replace(LDN, naltrexol_tone=1.0, k_invivo=1.0)}
ACUTE_NTX = 200e3  # nM, the in-vitro concentration

Numbers = Mapping[str, float]


@dataclass(frozen=True)
class CohortPower:
    """How often a study of ``donors`` a group and ``cells`` a donor finds T3 and T6, at each unit of analysis, and how often it finds what is not there."""

    donors: int
    cells: int
    found: dict[str, dict[str, float]]  # {"T3": {"cell": ..., "donor": ...}, "T6": ...}
    spread: dict[str, tuple[float, float]]  # 90 % interval of the donor-level power over cohorts of the same size, by target
    false: dict[str, float]  # by unit
    assumed: str


@dataclass(frozen=True)
class Measured:
    """Features by role (hc, me, me_ntx, hc_ntx, ...) of the patch-clamp and of the imaging experiment.

    ``bath`` says per experiment whether naltrexone was kept in its recording bath or washed off; ``missing`` says, for a role
    or an experiment that is not there, why; ``flooded`` holds the warnings, per experiment and role, of cells that do not
    survive the stimulus, and ``caveats`` what has to be said of every verdict.
    """

    patch: dict[str, Numbers] = field(default_factory=dict)
    imaging: dict[str, Numbers] = field(default_factory=dict)
    detection_limit: float = math.nan
    bath: dict[str, str] = field(default_factory=dict)
    parameter_set: str = "saturating"
    other_set: str = "conservative"
    missing: dict[str, str] = field(default_factory=dict)
    flooded: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    cohort: CohortPower | None = None


def role_of(cell: Cell, incubation: Treatment | None) -> str:
    """Role of a condition among the targets: phenotype and treatment."""
    group = "hc" if cell.phenotype.startswith("healthy") else "me" if cell.phenotype.startswith("me_cfs") else ""
    if not group:
        return ""
    if isinstance(incubation, LowDoseNaltrexone):
        return f"{group}_ldn"
    if incubation is not None and not isinstance(incubation, Incubation):
        return ""
    if incubation is None or (incubation.ntx == 0.0 and incubation.naltrexol == 0.0 and incubation.agonist == "none"):
        return group
    if incubation.k_invivo != 1.0:
        return f"{group}_ldn"
    return f"{group}_ntx" if incubation.ntx >= 100.0 and incubation.duration >= 12.0 else ""


def measure(study: Study, results: Results, *, companions: bool = True) -> Measured:
    """Collect the features that the targets need; ``companions`` simulates what the study itself does not contain."""
    patch = _first(study, PatchClamp)
    imaging = _first(study, CalciumImaging)
    cases = {role_of(c.cell, c.treatment): c for c in study.cases}
    found = Measured(
        detection_limit=patch[1].detection_limit if patch else math.nan,
        bath={name: e[1].ntx_in_bath for name, e in (("patch", patch), ("imaging", imaging)) if e},
        parameter_set=study.cases[0].cell.parameter_set,
        other_set="conservative" if study.cases[0].cell.parameter_set != "conservative" else "saturating",
        missing=_missing(study, patch, imaging, cases),
        caveats=tuple(dict.fromkeys(note for c in cases.values() if (note := temperature_note(c.cell)))),
    )
    for kind, experiment, store in (("patch", patch, found.patch), ("imaging", imaging, found.imaging)):
        if experiment and len(study.design) == 1:
            runs = results[experiment[0]]
            for role, case in cases.items():
                if role:
                    own = runs.of_case(case.name)
                    store[role] = {name: _mean(runs[name][own]) for name in runs.features}
                    _note_flood(found, kind, role, [text for run, text in runs.warnings if run in own])
    if companions and len(study.design) == 1 and {"hc", "me"} <= set(cases):
        _Companions(study, found, patch, imaging, cases).run()
    return found


def _mean(values: Any) -> float:
    """The value of a case: its one run, or the mean of a cohort's cells that did not fail; NaN when all failed."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _note_flood(found: Measured, kind: str, role: str, warnings: Sequence[str]) -> None:
    flood = flood_warnings(warnings)
    if flood:
        found.flooded.setdefault(kind, {})[role] = flood


def other_bath(bath: str) -> str:
    return "washed" if bath == "kept" else "kept"


def _first(study: Study, kind: type[Any]) -> tuple[str, Any] | None:
    return next(((name, e) for name, e in study.experiments.items() if type(e) is kind), None)


def _missing(study: Study, patch: Any, imaging: Any, cases: Mapping[str, Any]) -> dict[str, str]:
    names = {"hc": "untreated healthy", "me": "untreated ME/CFS", "me_ntx": "ME/CFS + NTX (at least 100 uM for 12 h)", "hc_ntx": "healthy + NTX"}
    found = {role: f"the study has no {text} condition" for role, text in names.items() if role not in cases}
    if patch is None:
        found["patch"] = "the study has no patch-clamp experiment"
    if imaging is None:
        found["imaging"] = "the study has no Ca2+ imaging experiment"
    if len(study.design) > 1:
        found["patch"] = found["imaging"] = "the study varies a parameter; targets are read from a study without a grid"
    return found


class _Companions:
    """The extra runs: the study's own cells and protocols, one thing changed in each."""

    def __init__(self, study: Study, found: Measured, patch: Any, imaging: Any, cases: Mapping[str, Any]) -> None:
        self.found, self.cases = found, cases
        self.patch, self.imaging = (patch[1] if patch else None), (imaging[1] if imaging else None)
        self.solver = asdict(study.solver)

    def run(self) -> None:
        treated = self.cases["me_ntx"].treatment if "me_ntx" in self.cases else None
        healthy, diseased = self.cases["hc"].cell, self.cases["me"].cell
        after = treated.apply(diseased) if treated else None
        if self.patch is not None:
            rested = settle([diseased])[0]
            acute = replace(self.patch, pregs=(0.0,), ononetin=0.0, acute_ntx=ACUTE_NTX, ntx_in_bath="kept")
            alone = replace(acute, acute_ntx=0.0, break_in=acute.break_in + acute.acute_time)
            self._put(self.found.patch, {"me_acute": rested}, acute)
            self._put(self.found.patch, {"me_alone": rested}, alone)
            drawn = {role: treatment.apply(diseased) for role, treatment in LDN_READINGS.items() if role not in self.found.patch}
            self._put(self.found.patch, drawn, replace(self.patch, ntx_in_bath="kept"))
            if after is not None:
                self._put(self.found.patch, {"me_ntx_other_bath": after}, replace(self.patch, ntx_in_bath=other_bath(self.patch.ntx_in_bath)))
        if self.imaging is not None:
            if after is not None:
                self._put(self.found.imaging, {"me_ntx_other_bath": after}, replace(self.imaging, ntx_in_bath=other_bath(self.imaging.ntx_in_bath)))
            self._other_set(healthy, diseased, treated)

    def _other_set(self, healthy: Cell, diseased: Cell, treated: Incubation | None) -> None:
        sick = diseased.with_parameter_set(self.found.other_set)
        cells = {"hc_other_set": healthy.with_parameter_set(self.found.other_set), "me_other_set": sick}
        ready = dict(zip(cells, settle(list(cells.values())), strict=True))
        if treated is not None:
            ready["me_ntx_other_set"] = treated.apply(sick)
        self._put(self.found.imaging, ready, self.imaging)

    def _put(self, store: dict[str, Numbers], cells: Mapping[str, Cell], experiment: Any) -> None:
        for role in [r for r in cells if r in store]:
            cells = {r: c for r, c in cells.items() if r != role}
        if not cells:
            return
        result = run_experiment(list(cells.values()), experiment, **self.solver)
        for i, role in enumerate(cells):
            store[role] = {name: float(f.values[i]) for name, f in result.features.items()}
            _note_flood(self.found, "patch" if store is self.found.patch else "imaging", role, result.warnings[i] if result.warnings else ())
