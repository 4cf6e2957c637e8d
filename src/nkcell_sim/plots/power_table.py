"""Power curves of a result file: its table drawn as the curve that it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..analysis.power import Analysis, PowerCurve, PowerPoint, Rate, Share
from .power import draw_false_positives, draw_power

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results

CAPTION = "Bars: 95 % Wilson intervals of the simulation. Donors, and cells within them, drawn with replacement from the simulated cohort."


def experiment_of(results: Results) -> ExperimentRuns | None:
    """The experiment whose feature the table "power" is about; None without the table."""
    rows = results.table("power")
    return results.experiments.get(str(rows[0]["feature"]).partition(".")[0]) if rows else None


def power_panels(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Power and false positives against donors a group; returns them in words."""
    rows = results.table("power")
    curve, wanted = stored_curve(rows), float(rows[0]["wanted"])
    left, right = part.subplots(1, 2)
    draw_power(left, curve, wanted=wanted)
    draw_false_positives(right, curve)
    handles, labels = left.get_legend_handles_labels()
    part.legend(handles, labels, loc="outside lower left", ncols=3, fontsize=7.5)
    said = [f"{row['analysis']}, {row['cells']:g} cells of {row['donors']:g} donors: {100 * row['power']:.0f} %" for row in _ends(rows)]
    return f"Power to tell {rows[0]['conditions']} apart by {rows[0]['feature']} at {100 * rows[0]['alpha']:g} %: {'; '.join(said)}."


def _ends(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """For each analysis and number of cells the design with most donors."""
    last = {(row["analysis"], row["cells"]): row for row in sorted(rows, key=lambda r: float(r["donors"]))}
    return [last[key] for key in dict.fromkeys((row["analysis"], row["cells"]) for row in rows)]


def stored_curve(rows: Sequence[Mapping[str, Any]]) -> PowerCurve:
    """The curve that the rows of a table "power" came from; the bank it was drawn from is not in the table."""
    donors, cells = ([int(n) for n in dict.fromkeys(row[key] for row in rows)] for key in ("donors", "cells"))
    points = []
    for m in cells:
        for n in donors:
            own = [row for row in rows if (row["donors"], row["cells"]) == (n, m)]
            rates = tuple(Rate(_analysis(row), _share(row, "power"), _share(row, "false_positives")) for row in own)
            points.append(PowerPoint(None, float(own[0]["alpha"]), None, rates))
    return PowerCurve(tuple(donors), tuple(cells), tuple(points))


def _analysis(row: Mapping[str, Any]) -> Analysis:
    return Analysis(str(row["test"]), str(row["unit"]))


def _share(row: Mapping[str, Any], what: str) -> Share:
    experiments = int(row[f"{what}_experiments"])
    undefined = int(row[f"{what}_undefined"])
    return Share(round(row[what] * experiments), experiments, row[f"{what}_low"], row[f"{what}_high"], undefined)
