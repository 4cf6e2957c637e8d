"""Tables that were computed from the runs: published patterns with verdicts, comparisons, variances, power."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..analysis.comparison_rows import TEST_WORDS, Row, by_comparison, effect_of, p_of
from ..plots.style import pretty
from ..results.layout import TABLES
from ..show import PAPERS
from .html import Html, element, folded, joined, number, table

if TYPE_CHECKING:
    from ..results import Results

MARKS = {"pass": "✓ pass", "missed": "✗ missed", "not testable": "– not testable"}
HEADINGS = {"statistics": "Comparisons", "variance": "Variance between and within donors", "power": "Power"}


def targets(results: Results) -> Html:
    """Published patterns T1-T14 with the verdict of the simulation on each."""
    head = ["target", "published pattern", "here", "expected", "evidence", "verdict", "why, and what to know"]
    rows = [
        [
            r.get("id", ""),
            *(pretty(r.get(k, "")) for k in ("statement", "value", "band", "evidence")),
            _verdict(str(r.get("verdict", ""))),
            pretty(r.get("remark", "")),
        ]
        for r in results.targets
    ]
    counts = ", ".join(f"{sum(r.get('verdict') == v for r in results.targets)} {v}" for v in MARKS)
    notes = [element("p", f"{counts}. A band marked * is a modelling choice, not the papers'."), element("p", f"{PAPERS}.", class_="soft")]
    return joined([*notes[:1], table("Published patterns against this simulation", head, rows, wordy=(1, 2, 6)), *notes[1:]])


def _verdict(verdict: str) -> Html:
    return element("span", MARKS.get(verdict, verdict), class_=verdict if verdict in ("pass", "missed") else None)


def computed_tables(results: Results) -> Html:
    """Every other table of the results; empty without any."""
    parts: list[Html] = []
    for name in (n for n in TABLES if n != "targets"):
        rows = results.table(name)
        if not rows:
            continue
        everything = _columns(f"{HEADINGS.get(name, name)}, all columns", rows, [c for c in rows[0] if c != TABLES[name]])
        parts.append(element("h3", HEADINGS.get(name, name)))
        parts += [comparisons(rows), folded("all columns", everything)] if name == "statistics" else [everything]
    return joined(parts)


def comparisons(rows: Sequence[Mapping[str, Any]]) -> Html:
    """Comparisons, a row a test and pair, with the cell and the donor as unit of analysis side by side."""
    head = ["feature", "conditions", "test", "n cells", "p, cells", "n donors", "p, donors", "effect (95 % interval)", "to know"]
    found = []
    for (feature, groups, test), at in by_comparison(rows).items():
        shown = at.get("donor") or at["cell"]
        levels = [text for unit in ("cell", "donor") for text in _level(at.get(unit))]
        notes = "; ".join(dict.fromkeys(note for r in at.values() for key in ("problem", "notes") if r.get(key) for note in str(r[key]).split("; ")))
        found.append([feature, groups, TEST_WORDS.get(test, test), *levels, _effect(shown), notes])
    said = "p is corrected for the pairs of a test where the table says how. Cells of one donor are not independent: with the cell as unit a test answers for"
    told = element(
        "p", f"{said} these donors only, and its p is too small for a statement on people; the mixed model takes cells within donors.", class_="soft"
    )
    return joined([told, table("Comparisons at both units of analysis", head, found, numeric=(3, 4, 5, 6), wordy=(7, 8))])


def _level(row: Row | None) -> tuple[str, str]:
    """Numbers and p of a comparison at one unit of analysis, the corrected p where there is one."""
    return ("", "") if row is None else (str(row["n"]), _value("p", p_of(row)))


def _effect(row: Row) -> str:
    """The effect size that stands for a comparison, with its interval."""
    effect = effect_of(row)
    if effect is None:
        return ""
    return f"{effect.words} {number(effect.value)}" + (f" ({number(effect.low)} to {number(effect.high)})" if effect.has_interval else "")


def _columns(caption: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Html:
    numeric = [i for i, c in enumerate(columns) if all(isinstance(r[c], int | float) for r in rows)]
    return table(
        caption,
        [c.replace("_", " ") for c in columns],
        ([_value(c, r[c]) for c in columns] for r in rows),
        numeric=numeric,
        wordy=[i for i, c in enumerate(columns) if c in ("notes", "problem", "method")],
    )


def _value(column: str, value: Any) -> str:
    """A value of a table; a p-value is never 0."""
    if isinstance(value, float) and column in ("p", "corrected_p") and not math.isnan(value):
        return "< 0.0001" if value < 1e-4 else f"{value:.2g}"
    return number(float(value)) if isinstance(value, int | float) else pretty(str(value))
