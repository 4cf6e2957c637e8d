"""Cohorts as text: means with standard errors by condition, comparisons, variances and power."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .analysis.comparison_rows import TEST_WORDS, Row, by_comparison, effect_of, p_of, p_text
from .show import columns, wrapped

if TYPE_CHECKING:
    from .results import ExperimentRuns, Results

# Columns of a condition would otherwise be too wide for a terminal.
MOST_FEATURES = 12


def cohort_table(runs: ExperimentRuns, *, everything: bool = False) -> str:
    """Mean and standard error over the cells of every condition, with numbers of cells, donors and failed runs."""
    names = list(dict.fromkeys(runs.cases))
    rows_of = {name: runs.of_case(name) for name in names}
    donors = runs.labels["donor"]
    shown = runs.features if everything else runs.features[:MOST_FEATURES]
    counts = ["cells (donors)", *(f"{len(r)} ({len({donors[i] for i in r})})" for r in rows_of.values()), ""]
    failed = [sum(runs.status[i] != "ok" for i in r) for r in rows_of.values()]
    lost = [["failed", *map(str, failed), ""]] if any(failed) else []
    table = [[feature, *(_mean(runs[feature][r]) for r in rows_of.values()), runs.units[feature]] for feature in shown]
    more = len(runs.features) - len(shown)
    rest = f"\n  {more} more features in the file (nkcell show FILE.h5 --all)" if more else ""
    return columns([["mean ± SEM over cells", *names, "unit"], counts, *lost, *table]) + rest


def _mean(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return "-"
    sem = known.std(ddof=1) / math.sqrt(len(known)) if len(known) > 1 else math.nan
    return f"{known.mean():.4g} ± {sem:.2g}" if math.isfinite(sem) else f"{known.mean():.4g}"


def statistics_text(results: Results) -> str:
    """Comparisons, a row a test and pair: at the level of cells, as if they were independent, beside that of donors, which are."""
    tables: dict[str, list[list[str]]] = {}
    for (feature, groups, test), at in by_comparison(results.table("statistics")).items():
        table = tables.setdefault(feature, [["conditions", "test", "n cells", "p", "n donors", "p", "effect (95 % interval)"]])
        levels = [cell for unit in ("cell", "donor") for cell in _level(at.get(unit))]
        table.append([groups, TEST_WORDS.get(test, test), *levels, _effect(at.get("donor") or at["cell"])])
    parts = [f"  {feature}\n{columns(table)}" for feature, table in tables.items()]
    said = (
        "Effects: second over first, or second minus first, of the two conditions named. p corrected for the pairs of a test. Cells of one donor are "
        "not independent: a test on cells answers for these donors only, and its p is too small for a statement on people; "
        "the mixed model takes cells within donors."
    )
    return "\n".join([*parts, wrapped(said)])


def _level(row: Row | None) -> list[str]:
    """Numbers and p of a comparison at one unit of analysis."""
    return ["", ""] if row is None else [row["n"], p_text(p_of(row))]


def _effect(row: Row) -> str:
    """The effect size that stands for a comparison, with its interval; or why there is no answer."""
    if row.get("problem"):
        return str(row["problem"])
    effect = effect_of(row)
    if effect is None:
        return ""
    return f"{effect.words} {effect.value:.3g}" + (f" ({effect.low:.3g} to {effect.high:.3g})" if effect.has_interval else "")


def variance_text(results: Results) -> str:
    """Where the spread comes from: donors, cells of a donor, and the measurement."""
    head = ["feature", "condition", "SD donors", "SD cells", "SD measurement", "ICC", "unit"]
    table = [head]
    for row in results.table("variance"):
        deviations = (_root(row[f"{name}_variance"]) for name in ("donor", "cell", "measurement"))
        unit = "log" if row["scale"] == "log" else row["unit_of_feature"]
        table.append([row["feature"], row["condition"], *deviations, "-" if math.isnan(row["icc"]) else f"{row['icc']:.2g}", unit])
    return columns(table)


def _root(variance: float) -> str:
    return "-" if math.isnan(variance) else f"{math.sqrt(max(variance, 0.0)):.3g}"


def power_text(results: Results) -> str:
    """Power and false positives at both units for every design, and the smallest design that would do."""
    rows = results.table("power")
    first = rows[0]
    parts = [wrapped(f"To tell {first['conditions']} apart by {first['feature']} at alpha = {first['alpha']:g}, resampled from this cohort:")]
    for cells in dict.fromkeys(row["cells"] for row in rows):
        here = [row for row in rows if row["cells"] == cells]
        tests = list(dict.fromkeys(row["analysis"] for row in here))
        donors = list(dict.fromkeys(row["donors"] for row in here))
        table = [[f"{cells:g} cells a donor: donors a group", *(f"{n:g}" for n in donors)]]
        for test in tests:
            mine = [row for row in here if row["analysis"] == test]
            table.append([f"{test}: power", *(_share(row["power"]) for row in mine)])
            table.append([f"{test}: false positives", *(_share(row["false_positives"]) for row in mine)])
        parts.append(columns(table))
    return "\n".join([*parts, wrapped(_smallest(rows))])


def deciding_text(results: Results) -> str:
    """Hypotheses, the experiment that tells them apart best, and the donors it takes."""
    head = ["experiment", "tells apart", "", "at", "ratio", "donors (80 % power)", "in the same cells", "test"]
    table = [head]
    for row in results.table("deciding"):
        donors, same = ("-" if math.isnan(row[name]) else f"{row[name]:g}" for name in ("donors", "same_cells"))
        table.append([row["experiment"], row["first"], row["second"], f"{row['x']:g}", f"{row['ratio']:.2f}", donors, same, row["test"]])
    said = "Donors: in each group, or in all where both arms come from the same donors; a dash: more than were tried. The spread behind them is assumed (A)."
    return f"{columns(table)}\n{wrapped(said)}"


def predictions_text(results: Results) -> str:
    """What every lesion and parameter set predicts."""
    rows = results.table("predictions")
    table = [["lesion", "set", "quantity", "value", "unit"]]
    table += [[row["lesion"], row["parameter_set"], row["quantity"], f"{row['value']:.3g}", row["unit"]] for row in rows]
    return columns(table)


def _share(value: float) -> str:
    return f"{100.0 * value:.1f} %"


def _smallest(rows: Sequence[dict[str, Any]]) -> str:
    """The smallest number of donors that reaches the wanted power at donor level, for every number of cells."""
    from .analysis.power_plan import smallest_design

    wanted = rows[0]["wanted"]
    found = {cells: smallest_design(list(rows), unit="donor", cells=cells) for cells in dict.fromkeys(row["cells"] for row in rows)}
    said = ", ".join(f"{'more than tried' if math.isnan(n) else f'{n:g}'} with {cells:g} cell{'s' if cells != 1 else ''}" for cells, n in found.items())
    return f"Donors a group for {100 * wanted:g} % power at donor level, among the numbers tried: {said}."
