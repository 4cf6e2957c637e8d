"""Where the numbers come from: parameters that differ from their declarations, with evidence codes, and the provenance of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model.cells import COMPOSITIONS
from ..model.quantities import EVIDENCE_CODES
from ..plots.stored import conditions
from ..plots.style import pretty, unit_text
from .html import Html, element, folded, joined, number, table

if TYPE_CHECKING:
    from ..results import Results

SAME = 1e-9  # relative: what is left of a unit conversion
SOLVED = 5e-4  # relative: a constant that was solved again agrees with the declared one to three digits


@dataclass(frozen=True)
class Declared:
    """Declared values of the parameters of a file's cells; ``changed`` names cells whose equations or declarations are different today."""

    values: Mapping[str, float]
    changed: tuple[str, ...]


def declared(results: Results) -> Declared:
    """What this nkcell_sim declares for the cells of the results."""
    values: dict[str, float] = {}
    changed = []
    for name, equations in results.provenance["parameters"]["models"].items():
        make = COMPOSITIONS.get(name)
        if make is None:
            changed.append(f"{name} (not in this nkcell_sim)")
            continue
        composition = make()
        if composition.hash != equations:
            changed.append(name)
        values.update({key: float(p.default) for key, p in composition.parameters.items()})
    return Declared(values, tuple(changed))


@dataclass(frozen=True, eq=False)
class Values:
    """A parameter in every run of every experiment: values by (experiment, condition), and where they come from."""

    unit: str
    meaning: str
    cells: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    origins: dict[tuple[str, str], None] = field(default_factory=dict)

    def differs(self, usual: float | None) -> bool:
        """Whether any run has another value than the declared one; a solved constant that agrees to three digits does not count."""
        present = np.concatenate(list(self.cells.values()))
        present = present[np.isfinite(present)]
        if usual is None:
            return len(present) > 0
        solved = all(code == "C" for code, _ in self.origins)
        return bool(np.any(~np.isclose(present, usual, rtol=SOLVED if solved else SAME, atol=0.0)))

    def of_condition(self, case: str) -> str:
        """Value of a condition: one, a range over cells, or one for each experiment where that sets it."""
        there = {name: values for (name, condition), values in self.cells.items() if condition == case}
        fixed = all(len(np.unique(v)) <= 1 for v in there.values())
        if fixed and len({v[:1].tobytes() for v in there.values()}) > 1:
            return "; ".join(f"{_range(v)} in {name}" for name, v in there.items())
        return _range(np.concatenate(list(there.values()))) if there else "–"


def parameters(results: Results) -> Html:
    """Parameters whose value differs from the declaration in any run, by condition, with evidence code and source."""
    known = declared(results)
    parts: list[Html] = []
    if known.changed:
        said = "The declarations have changed since these results were computed, or are not known here: values are compared with those of today"
        parts.append(element("p", f"{said} ({', '.join(known.changed)})."))
    parts.append(_parameter_table(results, known.values))
    codes = "; ".join(f"{code} {meaning}" for code, meaning in EVIDENCE_CODES.items())
    return joined([*parts, element("p", f"Evidence: {codes}. In a cohort a value that differs between cells is given as its range.", class_="soft")])


def _collected(results: Results) -> dict[str, Values]:
    found: dict[str, Values] = {}
    for runs in results.experiments.values():
        variables = runs.group.groups["parameters"].variables
        rows = {case: runs.of_case(case) for case in conditions(runs)}
        codes, sources = variables["evidence"].values, variables["source"].values
        for k, name in enumerate(variables["parameter"].values):
            each = found.setdefault(str(name), Values(str(variables["unit"].values[k]), str(variables["description"].values[k])))
            each.cells.update({(runs.name, case): variables["value"].values[own, k] for case, own in rows.items()})
            each.origins.update(dict.fromkeys((str(codes[n]), str(sources[n])) for n in np.unique(variables["origin_of_value"].values[:, k])))
    return found


def _parameter_table(results: Results, known: Mapping[str, float]) -> Html:
    cases = list(dict.fromkeys(case for runs in results.experiments.values() for case in conditions(runs)))
    rows = []
    for name, values in _collected(results).items():
        if values.differs(known.get(name)):
            codes = ", ".join(dict.fromkeys(code for code, _ in values.origins if code))
            sources = "; ".join(dict.fromkeys(source for _, source in values.origins if source))
            usual = number(known[name]) if name in known else "–"
            cells = (values.of_condition(case) for case in cases)
            named = joined([name, element("br"), element("span", pretty(values.meaning), class_="soft")])
            rows.append([named, usual, *cells, unit_text(values.unit), codes, pretty(sources)])
    if not rows:
        return element("p", "Every parameter has its declared value.")
    head = ["parameter", "declared", *cases, "unit", "evidence", "source"]
    return table("Parameters that differ from their declarations", head, rows, numeric=range(1, len(cases) + 2), wordy=(len(head) - 1,))


def _range(values: np.ndarray) -> str:
    present = values[np.isfinite(values)]
    if not len(present):
        return "–"
    low, high = number(float(present.min())), number(float(present.max()))
    return low if low == high else f"{low} to {high}"


def provenance(results: Results) -> Html:
    """Software, seeds, solver, machine and cost of the run, and the configuration as it can be run again."""
    record = results.provenance
    software, given = record["software"], record["parameters"]
    facts: list[tuple[str, Any]] = [
        ("simulated", record["created"]),
        ("nkcell_sim", software["nkcell_sim"]),
        ("Python", software["python"]),
        ("packages", ", ".join(f"{name} {version}" for name, version in software["packages"].items())),
        ("engine", software["kernel"]),
        ("cell models", ", ".join(f"{name} ({equations})" for name, equations in given["models"].items())),
        ("solver", ", ".join(f"{name} = {value}" for name, value in given["solver"].items())),
        ("seeds", ", ".join(map(str, given["seeds"])) or "none: nothing was drawn at random"),
        ("system", ", ".join(str(record["environment"][key]) for key in ("system", "architecture", "libc") if record["environment"][key])),
        ("cost", f"{record['resources']['runs']} runs in {record['resources']['elapsed']:g} s, at most {record['resources']['threads']} threads"),
    ]
    shown = element("dl", *(part for name, value in facts for part in (element("dt", name), element("dd", value))))
    return joined([shown, _configuration(results.config)])


def _configuration(config: str) -> Html:
    if not config:
        return element("p", "These results were made by a script, not from a configuration.")
    again = element(
        "p", "This is the configuration with every default written out; ", element("code", "nkcell run FILE.h5"), " repeats it and compares every number."
    )
    return joined([again, folded("the whole configuration", element("pre", element("code", config)))])
