"""Which pictures a result file has: a list of panels for every experiment, drawn one by one or together on one sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..experiments import names
from . import bands, bars, courses, doses, ldn_week, observed, protocols
from . import power_table as power
from .deciding import deciding_figure
from .figures import entry_figure, main_figure, panels_figure, rest_figure, steps_figure
from .generic import feature_bars, trace_panels
from .grids import grid_figure, varied_keys
from .imaging_cohort import calcium_traces, dye_traces, imaging_bars
from .patch_cohort import evoked_course, families, successive
from .samples import is_cohort
from .stored import conditions, missing_trace
from .style import new_figure, pretty

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..results import ExperimentRuns, Results

WIDTH = 12.0  # inches
FAMILIES = "Lines and bands: mean ± SEM of cells. PregS: of each cell the ramp with the largest current at its end, which noise helps to choose."
LESS = ("ca", "course")  # panels that are left to the report
COURSE, FUNCTION = "naltrexone_course", "nk_function"
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
    deciding = deciding_figure(results)
    if deciding is not None:
        yield Picture("deciding", "What this experiment would decide", deciding, "What every hypothesis predicts, and how many donors tell them apart.")
    yield from _whole_figures(results)
    for panels in _panels(results):
        drawn = new_figure(results, [panels.runs], panels.width, panels.height + 1.2, heading=panels.heading, caption=panels.caption)
        words = panels.draw(drawn.subfigures(1, 1), results, panels.runs)
        yield Picture(f"{panels.runs.name}-{panels.key}", panels.heading, drawn, words)


def sheet(results: Results) -> Figure | None:
    """The panels of the results together on one sheet; None where a whole figure shows them."""
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
    runs = [r for r in results.experiments.values() if not _has_panels(r)]
    if any(varied_keys(r) for r in runs):
        yield "grid", "What was varied", grid_figure, runs
        return
    first = {kind: next((r for r in runs if r.kind == kind), None) for kind in ("patch_clamp", "calcium_imaging")}
    patch, imaging = first["patch_clamp"], first["calcium_imaging"]
    if patch is not None and imaging is not None:
        yield "main", f"{patch.title} and {imaging.title}", main_figure, [patch, imaging]
        runs = [r for r in runs if r is not patch and r is not imaging]
    for kind, draw in FIGURES.items():
        own = [r for r in runs if r.kind == kind]
        if own:
            yield kind, own[0].title, draw, own
    for r in runs:
        if r.kind not in FIGURES:
            yield r.name, r.title, panels_figure, [r]


def _has_panels(runs: ExperimentRuns) -> bool:
    return is_cohort(runs) or (runs.kind in (COURSE, FUNCTION) and not varied_keys(runs)) or ldn_week.is_week(runs)


def _panels(results: Results) -> list[Panels]:
    found: list[Panels] = []
    for runs in results.experiments.values():
        if _has_panels(runs) and not (runs.kind == COURSE and any(p.key == "days" for p in found)):  # one picture holds all courses
            found += _own_panels(runs)
    for runs in results.experiments.values():
        if observed.has_observed(runs):
            heading = f"{runs.title}: observed beside ideal"
            found.append(Panels("observed", heading, runs, 5.6, observed.observed_panels, observed.CAPTION))
    asked = power.experiment_of(results)
    if asked is not None:
        found.append(Panels("power", "Power: what this many donors can tell", asked, 4.6, power.power_panels, power.CAPTION))
    return found


def _own_panels(runs: ExperimentRuns) -> list[Panels]:
    """Panels of an experiment by its kind and by what was varied."""
    title = runs.title
    if ldn_week.is_week(runs):
        return [Panels("week", f"{title} of cells drawn through the days of naltrexone", runs, 3.6, ldn_week.week_panels, ldn_week.CAPTION)]
    if varied_keys(runs):
        return [Panels("doses", f"{title}: what was varied", runs, 4.6, doses.dose_panel, doses.CAPTION, doses.width_of(runs))]
    if runs.kind == "patch_clamp":
        return [
            Panels("successive", f"{title}: successive PregS applications", runs, 4.2, successive, bars.CAPTION),
            Panels("iv", f"{title}: current against voltage", runs, 3.4, families, FAMILIES, needs=(names.I_MEASURED,)),
            Panels("course", f"{title}: evoked current over time", runs, 3.2, evoked_course, bands.CAPTION, needs=(names.I_MEASURED,)),
        ]
    if runs.kind == "calcium_imaging":
        return [
            Panels("bars", f"{title}: what is read from the dye", runs, 3.6, imaging_bars, bars.CAPTION),
            Panels("dye", f"{title}: dye traces", runs, 3.2, dye_traces, bands.CAPTION, needs=(names.DYE_SHARE,)),
            Panels("ca", f"{title}: Ca²⁺ in the cytosol", runs, 3.2, calcium_traces, bands.CAPTION, needs=("ca_cyt",)),
        ]
    if runs.kind == COURSE:
        return [Panels("days", title, runs, 6.6, courses.course_panels)]
    if runs.kind == FUNCTION:
        return [Panels("features", title, runs, 5.6, feature_bars, bars.CAPTION if is_cohort(runs) else "")]
    return [
        Panels("features", f"{title}: what differs most", runs, 6.0, feature_bars, bars.CAPTION),
        Panels("traces", f"{title}: traces", runs, 6.0, trace_panels, bands.CAPTION),
    ]


def protocol_picture(results: Results, runs: ExperimentRuns) -> Picture:
    """The protocol of one experiment as a picture."""
    heading = f"{runs.title}: protocol of {runs.name}"
    drawn = new_figure(results, [], WIDTH, protocols.panels_height(runs) + 0.8, heading=heading)
    words = protocols.protocol_panels(drawn.subfigures(1, 1), results, runs)
    return Picture(f"{runs.name}-protocol", heading, drawn, words)
