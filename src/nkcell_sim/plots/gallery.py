"""Which pictures a result file has: a list of panels for every experiment, drawn one by one or together on one sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiments import names
from . import bands, bars, courses, doses, ldn_week, observed, protocols, scattered
from . import power_table as power
from .deciding import deciding_figure
from .figures import entry_figure, main_figure, panels_figure, rest_figure, steps_figure
from .generic import feature_bars, function_bars, trace_panels
from .grids import grid_figure, varied_keys
from .imaging_cohort import calcium_traces, dye_traces, imaging_bars
from .long_bars import MOST_UPRIGHT, ROW
from .patch_cohort import evoked_course, families, rows_of, successive
from .samples import is_cohort
from .steps_cohort import step_families
from .stored import conditions, missing_trace
from .style import new_figure, pretty

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..results import ExperimentRuns, Results

WIDTH = 12.0  # inches
FAMILIES = "Lines and bands: mean ± SEM of cells. PregS: of each cell the ramp with the largest current at its end, which noise helps to choose."
ABSENT = 0.4  # inches of a sentence in place of panels
MOST_ROWS = 6  # conditions that the figures of single cells have room for
LESS = ("ca", "course")  # panels that are left to the report
COURSE, FUNCTION = "naltrexone_course", "nk_function"
# Traces that the figures of single cells are drawn from.
NEEDS: dict[str, tuple[str, ...]] = {
    "patch_clamp": (names.I_MEASURED,), "calcium_imaging": (names.DYE_SHARE, "ca_cyt"), "store_operated_entry": ("ca_cyt", "v"),
    "rest": ("v", "ca_cyt", "ca_er", "na_cyt", "k_cyt", "cl_cyt"), "iv_curve": (names.I_MEASURED,),
}  # fmt: skip
FIGURES: dict[str, Callable[[Results, Sequence[ExperimentRuns]], Figure]] = {
    "store_operated_entry": entry_figure, "rest": rest_figure, "iv_curve": steps_figure,
}  # fmt: skip


@dataclass(frozen=True)
class Panels:
    """Panels of one experiment that belong together; ``draw(part, results, runs)`` fills a (sub)figure and returns it in words."""

    key: str
    heading: str
    runs: ExperimentRuns
    height: float
    draw: Callable[[Any, Results, ExperimentRuns], str]
    caption: str = ""
    width: float = WIDTH
    needs: tuple[str, ...] = ()  # traces without which nothing can be drawn


@dataclass(frozen=True)
class Picture:
    """A finished figure with its heading, and in words what it shows."""

    key: str
    heading: str
    figure: Figure
    words: str


def pictures(results: Results) -> Iterator[Picture]:
    """Every picture of a result file, one after the other."""
    decided = deciding_figure(results)
    if decided is not None:
        words = "What every lesion and parameter set predicts, and how many donors would tell them apart. The numbers are in the tables below."
        yield Picture("deciding", "What this experiment would decide", decided, words)
    yield from _whole_figures(results)
    for panels in _panels(results):
        height = ABSENT if missing_trace(panels.runs, *panels.needs) else panels.height
        drawn = new_figure(results, [panels.runs], panels.width, height + 1.2, heading=panels.heading, caption=panels.caption)
        words = panels.draw(drawn.subfigures(1, 1), results, panels.runs)
        yield Picture(f"{panels.runs.name}-{panels.key}", panels.heading, drawn, words)


def sheet(results: Results) -> Figure | None:
    """The panels of the results together on one sheet, or the figure of a deciding experiment; None where a whole figure shows them."""
    decided = deciding_figure(results)
    if decided is not None:
        return decided
    everything = _panels(results)
    chosen = [p for p in everything if p.key not in LESS and not missing_trace(p.runs, *p.needs)] or everything
    if not chosen or any(True for _ in _plans(results)):
        return None
    runs = list({p.runs.name: p.runs for p in chosen}.values())
    captions = " ".join(dict.fromkeys(p.caption for p in chosen if p.caption))
    drawn = new_figure(results, runs, max(p.width for p in chosen), sum(p.height for p in chosen) + 1.2, caption=captions)
    parts = drawn.subfigures(len(chosen), 1, height_ratios=[p.height for p in chosen], squeeze=False)[:, 0]
    for part, panels in zip(parts, chosen, strict=True):
        panels.draw(part, results, panels.runs)
    return drawn


def whole_figure(results: Results) -> Figure:
    """The first whole figure of results without panels of their own."""
    _, _, draw, runs = next(_plans(results))
    return draw(results, runs)


Plan = tuple[str, str, Callable[[Any, Any], Any], list[Any]]


def _whole_figures(results: Results) -> Iterator[Picture]:
    for key, heading, draw, runs in _plans(results):
        cases = pretty(", ".join(dict.fromkeys(name for r in runs for name in conditions(r))))
        yield Picture(key, heading, draw(results, runs), f"{pretty(heading)} for {cases}. The numbers are in the tables below.")


def _plans(results: Results) -> Iterator[Plan]:
    """Whole figures of experiments without a cohort: (key, heading, how, of which runs)."""
    runs = [r for r in results.experiments.values() if not _has_panels(results, r)]
    grids = [r for r in runs if varied_keys(r)]
    if grids:
        yield "grid", "What was varied", grid_figure, grids
        runs = [r for r in runs if r not in grids]
    first = {kind: next((r for r in runs if r.kind == kind), None) for kind in ("patch_clamp", "calcium_imaging")}
    patch, imaging = first["patch_clamp"], first["calcium_imaging"]
    if patch is not None and imaging is not None and len(conditions(patch)) <= MOST_ROWS:
        yield "main", f"{patch.title} and {imaging.title}", main_figure, [patch, imaging]
        runs = [r for r in runs if r is not patch and r is not imaging]
    for kind, draw in FIGURES.items():
        own = [r for r in runs if r.kind == kind]
        if own:
            yield kind, own[0].title, draw, own
    for r in runs:
        if r.kind not in FIGURES:
            yield r.name, r.title, panels_figure, [r]


def _has_panels(results: Results, runs: ExperimentRuns) -> bool:
    """Whether an experiment is drawn in panels: cohorts, courses, function, samples, what has no traces, and grids that the figure of grids has no room for."""
    if is_cohort(runs) or ldn_week.is_week(runs) or scattered.is_scattered(runs):
        return True
    keys = varied_keys(runs)
    if not keys:
        return runs.kind in (COURSE, FUNCTION) or bool(missing_trace(runs, *NEEDS.get(runs.kind, ())))
    return any(not np.isfinite(runs.varied[key]).all() for key in keys) or len(conditions(runs)) > MOST_ROWS


def _panels(results: Results) -> list[Panels]:
    found: list[Panels] = []
    for runs in results.experiments.values():
        if _has_panels(results, runs):
            found += _own_panels(results, runs)
    for runs in results.experiments.values():
        if observed.has_observed(runs):
            heading = f"{runs.title}: observed beside ideal"
            found.append(Panels("observed", heading, runs, 5.6, observed.observed_panels, observed.CAPTION))
    asked = power.experiment_of(results)
    if asked is not None:
        found.append(Panels("power", "Power: what this many donors can tell", asked, 4.6, power.power_panels, power.CAPTION))
    return found


def _own_panels(results: Results, runs: ExperimentRuns) -> list[Panels]:
    """Panels of an experiment by its kind and by what was varied."""
    title = runs.title
    if ldn_week.is_week(runs):
        return [Panels("week", f"{title} of cells drawn through the days of naltrexone", runs, 3.6, ldn_week.week_panels, ldn_week.CAPTION)]
    if scattered.is_scattered(runs):
        high, wide = scattered.height_of(runs), scattered.width_of(runs)
        return [Panels("samples", f"{title}: what was varied together", runs, high, scattered.scatter_panels, scattered.CAPTION, wide)]
    if varied_keys(runs):
        caption = doses.CAPTION if is_cohort(runs) else doses.SINGLE
        return [Panels("doses", f"{title}: what was varied", runs, doses.height_of(runs), doses.dose_panel, caption, doses.width_of(runs))]
    if not is_cohort(runs) and runs.kind in NEEDS:
        high = max(6.2, ROW * len(conditions(runs)) + 0.8)
        return [Panels("features", f"{title}: what differs most", runs, high, feature_bars, "The traces were not kept.")]
    many, rows = len(conditions(runs)) > MOST_UPRIGHT, rows_of(runs)
    upright = max(4.2, ROW * len(conditions(runs)) + 0.8) if many else 4.2
    if runs.kind == "patch_clamp":
        return [
            Panels("successive", f"{title}: successive PregS applications", runs, upright, successive, bars.CAPTION),
            Panels("iv", f"{title}: current against voltage", runs, 0.9 + 2.5 * rows, families, FAMILIES, needs=(names.I_MEASURED,)),
            Panels("course", f"{title}: evoked current over time", runs, 0.8 + 2.4 * rows, evoked_course, bands.CAPTION, needs=(names.I_MEASURED,)),
        ]
    if runs.kind == "calcium_imaging":
        return [
            Panels("bars", f"{title}: what is read from the dye", runs, upright, imaging_bars, bars.CAPTION),
            Panels("dye", f"{title}: dye traces", runs, 0.8 + 2.4 * rows, dye_traces, bands.CAPTION, needs=(names.DYE_SHARE,)),
            Panels("ca", f"{title}: Ca²⁺ in the cytosol", runs, 0.8 + 2.4 * rows, calcium_traces, bands.CAPTION, needs=("ca_cyt",)),
        ]
    if runs.kind == "iv_curve":
        return [Panels("steps", title, runs, 4.6, step_families, "Thin lines: single cells. Symbols: mean ± SEM of cells.", needs=(names.I_MEASURED,))]
    if runs.kind == COURSE:
        first = courses.companions(results, runs)[0]
        return [Panels("days", title, runs, courses.height_of(runs), courses.course_panels)] if first.name == runs.name else []
    if runs.kind == FUNCTION:
        return [Panels("features", title, runs, max(6.2, upright), function_bars, bars.CAPTION if is_cohort(runs) else "")]
    return [
        Panels("features", f"{title}: what differs most", runs, max(6.0, upright), feature_bars, bars.CAPTION),
        Panels("traces", f"{title}: traces", runs, 6.0, trace_panels, bands.CAPTION),
    ]


def protocol_picture(results: Results, runs: ExperimentRuns) -> Picture:
    """The protocol of one experiment as a picture."""
    heading = f"{runs.title}: protocol of {runs.name}"
    drawn = new_figure(results, [], WIDTH, protocols.panels_height(runs) + 0.8, heading=heading)
    words = protocols.protocol_panels(drawn.subfigures(1, 1), results, runs)
    return Picture(f"{runs.name}-protocol", heading, drawn, words)
