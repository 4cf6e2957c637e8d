"""What was done: conditions, cohort, and every experiment with its protocol and settings."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..plots.style import pretty, unit_text
from .drawings import protocol_figure
from .html import Html, element, folded, joined, listed, paragraphs, table

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

# Of a treatment these are always said; other settings only in the configuration at the end of the page.
_WHOLE = re.compile(r"(?<=\d)\.0\b")
TOLD = ("ntx", "dose", "doses", "duration", "times", "agonist", "agonist_concentration", "il2")


def methods(results: Results) -> Html:
    """Conditions, cohort and experiments of the results."""
    parts = [element("h3", "Conditions"), conditions_table(results), listed(map(pretty, common_notes(results)))]
    cohort = cohort_table(results)
    if cohort:
        parts += [element("h3", "Cohort"), cohort]
    for number, runs in enumerate(results.experiments.values(), start=1):
        parts += _experiment(results, runs, number)
    return joined(parts)


def common_notes(results: Results) -> list[str]:
    """Remarks that every experiment has."""
    first, *others = results.experiments.values()
    return [note for note in first.notes if others and all(note in runs.notes for runs in others)]


def conditions_table(results: Results) -> Html:
    """Every condition with the number of its runs in each experiment, and what the configuration says of it."""
    names = list(dict.fromkeys(case for runs in results.experiments.values() for case in runs.cases))
    said = {str(c.get("name", "")): c for c in _configuration(results).get("condition", []) if isinstance(c, Mapping)}
    head = ["condition", *(["cell and treatment"] if said else []), *(f"runs of {name}" for name in results.experiments)]
    first = 2 if said else 1
    rows = []
    for name in names:
        counts = [sum(case == name for case in runs.cases) for runs in results.experiments.values()]
        rows.append([name, *([_described(said.get(name, {}))] if said else []), *counts])
    return table("Conditions and runs", head, rows, numeric=range(first, first + len(results.experiments)))


def _configuration(results: Results) -> dict[str, Any]:
    """The resolved configuration as data; empty for a run from a script or a text that is not TOML."""
    try:
        return tomllib.loads(results.config)
    except tomllib.TOMLDecodeError:
        return {}


def _described(condition: Mapping[str, Any]) -> str:
    """Phenotype, changes and treatment of a condition in a few words."""
    parts = [str(condition["phenotype"])] if condition.get("phenotype") else []
    for key, value in condition.items():
        if isinstance(value, Mapping) and value:
            chosen = {k: v for k, v in value.items() if key == "set" or k in TOLD}
            given = {k: v for k, v in chosen.items() if not str(v).startswith(("0.0 ", "none"))}
            parts.append(_WHOLE.sub("", f"{key} {', '.join(f'{k} {v}' for k, v in given.items())}"))
        elif key not in ("name", "phenotype") and value not in ("", [], {}):
            parts.append(f"{key} {value}")
    return pretty("; ".join(parts))


def cohort_table(results: Results) -> Html:
    """Donors and cells of each group with age and sex; empty without a cohort."""
    people: dict[str, dict[str, dict[str, Any]]] = {}
    cells: dict[str, int] = {}
    for runs in results.experiments.values():
        labels = runs.labels
        for i, donor in enumerate(labels.get("donor", [])):
            group = str(labels.get("group", [""] * (i + 1))[i])
            people.setdefault(group, {})[str(donor)] = {key: labels[key][i] for key in ("age", "sex", "pair") if key in labels}
            cells[group] = cells.get(group, 0) + 1
    if not people:
        return Html("")
    rows = [[group, len(donors), cells[group], _ages(donors), _sexes(donors), _pairs(donors)] for group, donors in people.items()]
    shown = table("Groups of donors", ["group", "donors N", "recorded cells", "age (a), mean ± SD", "sex", "matched pairs"], rows, numeric=(1, 2))
    spread = _spread(results)
    note = element("p", "Age and sex are labels; no equation reads them. The size of the spread is assumed (A).", class_="soft")
    return joined([shown, note, element("p", "What differs between donors and between their cells:") if spread else "", listed(spread)])


def _ages(donors: Mapping[str, Mapping[str, Any]]) -> str:
    ages = np.array([d["age"] for d in donors.values() if "age" in d], dtype=float)
    if not len(ages):
        return "–"
    return f"{ages.mean():.1f}" + (f" ± {ages.std(ddof=1):.1f}" if len(ages) > 1 else "")


def _sexes(donors: Mapping[str, Mapping[str, Any]]) -> str:
    sexes = [str(d["sex"]) for d in donors.values() if "sex" in d]
    return ", ".join(f"{sexes.count(s)} {s}" for s in sorted(set(sexes))) or "–"


def _pairs(donors: Mapping[str, Mapping[str, Any]]) -> str:
    return str(len({d["pair"] for d in donors.values() if d.get("pair")}) or "–")


def _spread(results: Results) -> list[str]:
    """The spreads of the configuration in words."""
    cohort = _configuration(results).get("cohort", {})
    found = []
    for each in cohort.get("spread", []) if isinstance(cohort, Mapping) else []:
        groups = f" in {', '.join(each['groups'])}" if each.get("groups") else ""
        cv = (f"{100 * float(each.get(key, 0.0)):g} % between {key}" for key in ("donors", "cells"))
        found.append(f"{each.get('key', '')}{groups}: {', '.join(cv)} ({each.get('distribution', 'lognormal')})")
    return found


def _experiment(results: Results, runs: ExperimentRuns, number: int) -> list[Html]:
    """One experiment: remarks, protocol drawing, settings."""
    heading = element("h3", f"Experiment {runs.name}: {pretty(runs.title)}", id=f"experiment{number}")
    varied = [f"Varied: {key} = {_span(values)} ({unit_text(runs.units[key])})" for key, values in runs.varied.items()]
    settings = {**runs.settings, **_instrument(runs)}
    listing = table(f"Settings of {runs.name}", ["setting", "value"], ((key, pretty(value)) for key, value in settings.items()))
    shown = folded(f"{len(settings)} settings", listing) if settings else Html("")
    notes = [pretty(note) for note in runs.notes if note not in common_notes(results)]
    return [heading, paragraphs(map(pretty, varied)), listed(notes), protocol_figure(results, runs, number), shown]


def _instrument(runs: ExperimentRuns) -> dict[str, str]:
    """The instrument of an experiment and its settings; empty without one."""
    return {key.replace("_", " ", 1): str(value) for key, value in runs.group.attributes.items() if key.split("_")[0] == "instrument"}


def _span(values: Sequence[float] | np.ndarray) -> str:
    different = np.unique(values)
    return ", ".join(f"{v:.4g}" for v in different) if len(different) <= 12 else f"{len(different)} values from {different[0]:.4g} to {different[-1]:.4g}"
