"""The protocol of an experiment as a drawing: what was in the bath, and every driven input over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiments import EXPERIMENTS
from ..model.cells import COMPOSITIONS
from ..units import from_kernel, to_kernel
from .generic import time_unit
from .samples import Array
from .stored import stored_experiment
from .style import pretty, said_instead, shortened, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..model.composition import Composition
    from ..protocol import CompiledProtocol
    from ..results import ExperimentRuns, Results

MOST = 6
ROW_HEIGHT = 0.75  # inches of one driven input
BAR_HEIGHT = 0.28  # inches of one row of bars
MOST_NAMED = 12  # phases in a row whose names do not run into each other
CURVE = 24  # points of an exponential exchange


def driven(runs: ExperimentRuns) -> list[str]:
    """Inputs that the first protocol changes during the recording, in the file's order."""
    variables = runs.group.groups["protocol"].variables
    found = [n for n, v in variables.items() if v.attributes.get("role") == "input" and v.values.ndim == 2]
    return [n for n in found if np.ptp(_known(variables[n].values[0])) > 0.0][:MOST]


def _known(values: Any) -> Any:
    """The values that are numbers, or a single 0."""
    known = values[np.isfinite(values)]
    return known if len(known) else np.zeros(1)


def panels_height(runs: ExperimentRuns) -> float:
    """Height of :func:`protocol_panels` [inch]."""
    return ROW_HEIGHT * max(len(driven(runs)), 1) + BAR_HEIGHT * len(_levels(runs)) + 0.5


def protocol_panels(part: Any, results: Results, runs: ExperimentRuns) -> str:
    """Every input that changes, one strip each, under bars for what is in the bath; returns it in words."""
    names, levels = driven(runs), _levels(runs)
    if runs.time.ndim != 1:
        return said_instead(part, "Not drawn: the runs were sampled at different times.")
    if not names:
        return said_instead(part, "Nothing is changed during this recording.")
    scale, unit = time_unit(float(np.ptp(runs.time)))
    heights = [*([BAR_HEIGHT * len(levels)] if levels else []), *([ROW_HEIGHT] * len(names))]
    axes = part.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    if levels:
        _bars(axes[0], levels, scale)
    courses = exact_courses(results, runs, names)
    for ax, name in zip(axes[-len(names) :], names, strict=True):
        _strip(ax, runs, name, courses.get(name, (runs.time, runs.group.groups["protocol"].variables[name].values[0])), scale)
    axes[-1].set_xlabel(f"time ({unit})")
    axes[-1].set_xlim(0.0, float(runs.time[-1]) / scale)
    number = len(runs.group.groups["protocol"].variables["protocol"].values)
    more = f" The file holds {number} protocols that differ in what was varied; this is the first." if number > 1 else ""
    said = "; ".join(f"{text} from {start / scale:.4g} to {end / scale:.4g} {unit}" for start, end, text in runs.phases)
    return f"Inputs over time: {', '.join(names)}.{f' In the bath: {said}.' if said else ''}{more}"


Phase = tuple[float, float, str]


def _levels(runs: ExperimentRuns) -> list[list[Phase]]:
    """What is in the bath in rows that do not overlap."""
    rows: list[list[Phase]] = []
    for phase in runs.phases:
        row = next((r for r in rows if phase[0] >= r[-1][1] - 1e-9), None)
        if row is None:
            rows.append([phase])
        else:
            row.append(phase)
    return rows


def _bars(ax: Axes, levels: list[list[Phase]], scale: float) -> None:
    """Bars for what is in the bath, their names inside."""
    for k, row in enumerate(levels):
        for start, end, text in row:
            ax.barh(-k, (end - start) / scale, 0.8, left=start / scale, color="#dcdcdc", edgecolor="#777777", lw=0.6)
            if len(row) <= MOST_NAMED:
                ax.text(0.5 * (start + end) / scale, -k, pretty(text), ha="center", va="center", fontsize=7.5)
    ax.set_axis_off()
    ax.set_ylim(-len(levels) + 0.45, 0.55)


def _strip(ax: Axes, runs: ExperimentRuns, name: str, course: tuple[Array, Array], scale: float) -> None:
    variable = runs.group.groups["protocol"].variables[name]
    time, values = course
    ax.plot(time / scale, values, color="#0072B2", lw=0.9)
    text = pretty(shortened(str(variable.attributes.get("long_name", name))))
    ax.set_ylabel(f"{text}\n({unit_text(str(variable.attributes['units']))})", rotation=0, ha="right", va="center", fontsize=7.5)
    ax.margins(y=0.12)


def exact_courses(results: Results, runs: ExperimentRuns, names: list[str]) -> dict[str, tuple[Array, Array]]:
    """Times [s] and values [declared unit] of inputs at the corners of the first protocol, steps drawn as steps.

    Empty when the protocol cannot be made again from the file, or does not give the values that the file holds.
    """
    composition = next((make() for name, make in COMPOSITIONS.items() if name in results.provenance["parameters"]["models"]), None)
    if runs.kind not in EXPERIMENTS or composition is None or runs.varied:
        return {}
    inputs = runs.group.groups["inputs"].variables
    at_rest = {str(n): float(v) for n, v in zip(inputs["input"].values, inputs["value"].values[0], strict=True)}
    if set(at_rest) != set(composition.inputs):
        return {}
    start = {key: to_kernel(at_rest[key], declared.unit) for key, declared in composition.inputs.items()}
    compiled = stored_experiment(runs).protocol().compile(composition, start)
    found = {name: _corners(compiled, composition, name) for name in names if name in composition.inputs}
    kept = runs.group.groups["protocol"].variables
    return {name: course for name, course in found.items() if _agrees(course, runs.time, kept[name].values[0])}


def _corners(compiled: CompiledProtocol, composition: Composition, name: str) -> tuple[Array, Array]:
    """Corners of one input: both ends of every segment, and points between them where it relaxes."""
    column = list(composition.inputs).index(name)
    times, values = [], []
    for k in range(len(compiled.edges) - 1):
        level, slope, amplitude, rate = (float(a[k, column]) for a in (compiled.level, compiled.slope, compiled.amplitude, compiled.rate))
        length = float(compiled.edges[k + 1] - compiled.edges[k])
        dt = np.linspace(0.0, length, CURVE if amplitude else 2)
        times.append(compiled.edges[k] + dt)
        values.append(level + slope * dt + amplitude * np.exp(-rate * dt))
    return np.concatenate(times) / 1e3, np.asarray(from_kernel(np.concatenate(values), composition.inputs[name].unit))


def _agrees(course: tuple[Array, Array], time: Array, kept: Array) -> bool:
    """Whether every value of the file lies on the course, or at an end of a step at that time."""
    when, values = course
    size = float(np.ptp(values)) or 1.0
    inside = np.isfinite(kept)
    low, high = np.interp(time - 1e-6, when, values), np.interp(time + 1e-6, when, values)
    slack = 0.02 * size  # between two points of an exponential
    return bool(np.all((kept >= np.minimum(low, high) - slack)[inside] & (kept <= np.maximum(low, high) + slack)[inside]))
