"""A small simulated cohort that the tests of figures and reports share: 2 donors and 2 cells in a condition, short protocols."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

import nkcell_sim as nk
from nkcell_sim.results import Results
from nkcell_sim.results.layout import Group, Variable

PATCH = nk.PatchClamp(
    ntx_in_bath="kept", pregs=("100 uM", "100 uM"), break_in="20 s", application="20 s", wash="20 s", ononetin="10 uM", block="20 s", ramp_sampling="5 ms"
)
IMAGING = nk.CalciumImaging(ntx_in_bath="kept", baseline="10 s", application="30 s", recovery="30 s")
CASES = ("healthy", "ME/CFS", "ME/CFS + NTX")


def cases() -> list[nk.Case]:
    cell = nk.primary_nk_cell()
    sick = cell.with_phenotype("me_cfs")
    return [nk.Case(CASES[0], cell), nk.Case(CASES[1], sick), nk.Case(CASES[2], sick, nk.Incubation(ntx="200 uM", duration="24 h"))]


def cohort(**changed: object) -> nk.Cohort:
    spread = (nk.Spread(key="TRPM3.density", donors=0.3, cells=0.2),)
    return nk.Cohort(**{"donors": 2, "cells": 2, "seed": 3, "spread": spread, **changed})  # type: ignore[arg-type]


@cache
def cohort_results() -> Results:
    """Patch clamp and imaging of three conditions."""
    return nk.run(nk.Study(cases(), {"patch": PATCH, "imaging": IMAGING}, title="A small cohort", cohort=cohort()))


@cache
def dose_results() -> Results:
    """Dose-response of two conditions, enough doses for a Hill fit."""
    short = replace(PATCH, pregs=(100.0,), ononetin=0.0)
    return nk.run(nk.Study(cases()[:2], {"patch": short}, vary={"patch.pregs": ["1 uM", "5 uM", "20 uM", "60 uM", "200 uM"]}, title="Doses", cohort=cohort()))


@cache
def rigged_results() -> Results:
    """Patch clamp through an amplifier: observed beside ideal."""
    rig = replace(PATCH, instrument=nk.Amplifier(noise="2 pA"))
    return nk.run(nk.Study(cases()[:2], {"patch": rig}, title="Through a rig", cohort=cohort()))


def with_statistics(results: Results) -> Results:
    """The results with a table of comparisons whose p-values are told apart by their digits, so that a figure shows where each comes from."""
    rows = []
    for unit, test, p in (("cell", "mann_whitney", 0.0321), ("donor", "mann_whitney", 0.4321), ("donor", "welch_t", 0.0001)):
        row = {
            "feature": "patch.pregs_1_outward_density",
            "groups": "healthy / ME/CFS",
            "test": test,
            "unit": unit,
            "n": "4 + 4",
            "p": p,
            "corrected_p": float("nan"),
        }
        rows.append({**row, "correction": "", "problem": "", "notes": "a note", "cliffs_delta": -0.5, "cliffs_delta_low": -0.9, "cliffs_delta_high": 0.1})
    return results.with_table("statistics", rows)


def as_kind(results: Results, kind: str, title: str, *, stretched: float = 1.0) -> Results:
    """Results whose first experiment claims to be of a kind that figures know only from what the file says; times stretched by a factor."""
    name, group = next((n, r.group) for n, r in results.experiments.items())
    variables = dict(group.variables)
    variables["time"] = _scaled(variables["time"], stretched)
    protocol = group.groups["protocol"]
    doses = {f"phase_{end}": _scaled(protocol.variables[f"phase_{end}"], stretched) for end in ("start", "end")} if "phase" in protocol.variables else {}
    if doses:
        text = np.array(["4.5 mg"] * len(protocol.variables["phase_text"].values), dtype=object)
        doses["phase_text"] = replace(protocol.variables["phase_text"], values=text)
    groups = {**group.groups, "protocol": Group({**protocol.variables, **doses}, protocol.groups, protocol.attributes)}
    renamed = Group(variables, groups, {**group.attributes, "experiment": kind, "title": title})
    return Results(Group(results.root.variables, {"provenance": results.root.groups["provenance"], name: renamed}, results.root.attributes))


def _scaled(variable: Variable, factor: float) -> Variable:
    return replace(variable, values=variable.values * factor)
