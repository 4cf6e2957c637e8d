"""Figures of result files; what is drawn follows from what the file holds.

Every figure says that it shows model output and which protocol values are unconfirmed, has units on every axis, tells
conditions apart by colour (safe for colour-blind readers) and by line style, and is the same file for the same results.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .analysis.dose_response import fit_hill
from .errors import MissingPackageError, ResultsError
from .experiments import EXPERIMENTS, CalciumImaging, Experiment, IVCurve, PatchClamp

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .results import ExperimentRuns, Results

# Okabe & Ito's palette, ordered so that neighbours differ in lightness too.
COLOURS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLES = ("-", "-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (3, 1)), (0, (8, 2)))
MARKERS = "osD^vPX"
VERDICTS = {"pass": ("✓", "#009E73"), "missed": ("✗", "#D55E00"), "not testable": ("–", "#6b6b6b")}
PHASE_COLOURS = {"baseline": "#8c8c8c", "PregS 1": "#0072B2", "PregS 2": "#56B4E9", "ononetin": "#D55E00"}
RULES: Any = {
    "font.size": 8.5, "axes.titlesize": 9.5, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.linewidth": 0.8, "lines.linewidth": 1.4, "legend.frameon": False, "legend.fontsize": 8,
    "font.family": "DejaVu Sans", "svg.hashsalt": "nkcell_sim", "figure.dpi": 100, "savefig.dpi": 200, "mathtext.default": "regular",
}  # fmt: skip
# First feature of each kind of experiment that a dose-response or a summary is drawn of.
SUMMARY = {
    "patch_clamp": ("pregs_1_outward_density", "evoked current at the end of the ramp"),
    "calcium_imaging": ("ca_amplitude", "peak Ca²⁺ above rest"),
    "store_operated_entry": ("readdition_peak", "Ca²⁺ peak after readdition"),
    "incubation": ("n_rel_end", "relative channel number"),
}
METADATA = {".png": {"Software": None}, ".pdf": {"Creator": None, "Producer": None, "CreationDate": None}, ".svg": {"Creator": None, "Date": None}}


def plot_results(results: Results, path: str | os.PathLike[str]) -> Path:
    """Draw the figure that fits the results and write it to ``path`` (.png, .pdf or .svg)."""
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in METADATA:
        raise ResultsError(f"got {str(path)!r} as the figure's file; expected a name ending in {', '.join(METADATA)}")
    with _style():
        drawn = make_figure(results)
        drawn.savefig(target, metadata=METADATA[suffix])
    return target


figure = plot_results


def make_figure(results: Results) -> Figure:
    """The figure of a result file as a matplotlib figure."""
    runs = list(results.experiments.values())
    kinds = {r.kind for r in runs}
    if any(r.varied for r in runs):
        return _grid_figure(results, runs)
    if {"patch_clamp", "calcium_imaging"} <= kinds:
        return _main_figure(results, runs)
    for kind, draw in (("store_operated_entry", _entry_figure), ("rest", _rest_figure), ("iv_curve", _steps_figure)):
        if kind in kinds:
            return draw(results, [r for r in runs if r.kind == kind])
    return _panels_figure(results, runs)


@contextmanager
def _style() -> Iterator[None]:
    try:
        import matplotlib
    except ImportError as error:
        raise MissingPackageError("figures need matplotlib: pip install matplotlib") from error
    with matplotlib.rc_context(RULES):
        yield


# -- what a file holds, as the experiments see it ---------------------------------------------------------------------


@dataclass(frozen=True)
class _StoredCell:
    """The parameters of a run, asked like a cell."""

    runs: ExperimentRuns
    position: int

    def parameter(self, key: str) -> float:
        return float(self.runs.parameter(key)[self.position])


class _StoredTrace:
    """Runs of a file that share their sampling times, read like a trace."""

    def __init__(self, runs: ExperimentRuns) -> None:
        self._runs = runs
        self.time = runs.time
        self.status = runs.status
        self.cells = [_StoredCell(runs, i) for i in range(len(runs.status))]

    def __getitem__(self, name: str) -> Any:
        return self._runs[name]


def stored_experiment(runs: ExperimentRuns) -> Experiment:
    """The experiment that a group of a result file came from."""
    return EXPERIMENTS[runs.kind].from_settings({"ntx_in_bath": "kept", **runs.settings})


def _conditions(runs: ExperimentRuns) -> list[str]:
    return list(dict.fromkeys(runs.cases))


def _look(i: int) -> dict[str, Any]:
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": STYLES[i % len(STYLES)]}


# -- figures ----------------------------------------------------------------------------------------------------------


def _new(results: Results, runs: Sequence[ExperimentRuns], width: float, height: float) -> Figure:
    """An empty figure with its title and, at the foot, what it is and what is unconfirmed."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = ConstrainedLayoutEngine(w_pad=0.07, h_pad=0.07)
    drawn = Figure(figsize=(width, height), layout=engine)
    notes = [n for r in runs for n in r.notes]
    text = _pretty(" ".join(["Model output, not a laboratory result.", *dict.fromkeys(_sentence(n) for n in notes)]))
    lines = textwrap.wrap(text, int(width * 19.5))
    room = (0.125 * len(lines) + 0.1) / height
    engine.set(rect=(0.0, room, 1.0, 1.0 - room))
    drawn.text(0.008, 0.05 / height, "\n".join(lines), fontsize=6.5, color="#444444", va="bottom")
    drawn.suptitle(_pretty(results.title or "nkcell_sim"), fontsize=12, fontweight="bold", x=0.008, ha="left")
    return drawn


def _sentence(note: str) -> str:
    return note[0].upper() + note[1:] + ("" if note.endswith(".") else ".")


def _main_figure(results: Results, runs: Sequence[ExperimentRuns]) -> Figure:
    patch = next(r for r in runs if r.kind == "patch_clamp")
    imaging = next(r for r in runs if r.kind == "calcium_imaging")
    names = _conditions(patch)
    drawn = _new(results, [patch, imaging], 12.6, 11.6)
    rows: Any = drawn.subfigures(3, 1, height_ratios=(1.0, 1.0, 1.45))
    _iv_row(rows[0], patch, names)
    course, bars = rows[1].subplots(1, 2, width_ratios=(2.5, 1.0))
    _time_course(course, patch, names)
    _summary(bars, patch, names)
    left, right = rows[2].subfigures(1, 2, width_ratios=(1.0, 1.5))
    light, calcium = left.subplots(2, 1, sharex=True, height_ratios=(1.35, 1.0))
    _readout(light, imaging, names)
    _calcium(calcium, imaging, names)
    _verdicts(right.subplots(), results)
    _letters([*rows[0].axes[:1], course, bars, light, calcium, *right.axes])
    return drawn


def _letters(axes: Sequence[Axes]) -> None:
    for letter, ax in zip("ABCDEFGH", axes, strict=False):
        ax.set_title(f"{letter}   {ax.get_title(loc='left')}", loc="left")


def _iv_row(part: Any, runs: ExperimentRuns, names: Sequence[str]) -> None:
    """Current density against command voltage, one panel a condition."""
    setup = stored_experiment(runs)
    assert isinstance(setup, PatchClamp)
    iv = setup.iv(_StoredTrace(runs))  # type: ignore[arg-type]
    axes = part.subplots(1, len(names), sharey=True, squeeze=False)[0]
    wanted = [p for p in setup.phases_list() if p.name in PHASE_COLOURS and p.name in iv.current]
    for ax, name in zip(axes, names, strict=True):
        row = runs.of_case(name)[0]
        for phase in wanted:
            label = {"baseline": "baseline", "ononetin": "PregS + ononetin"}.get(phase.name, f"{_ordinal(phase.name)} PregS {setup.pregs[0]:g} µM")
            style = "--" if phase.name == "ononetin" else "-"
            ax.plot(iv.voltage, iv.density(phase.name)[row], color=PHASE_COLOURS[phase.name], linestyle=style, label=label)
        ax.axhline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.axvline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.set_xlabel("command (mV)")
        ax.text(0.03, 0.97, name, transform=ax.transAxes, va="top", fontweight="bold")
    axes[0].set_title("Ramp current with seal leak, capacitive current taken off")
    axes[0].set_ylabel("current (pA/pF)")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(0.0, 0.88), handlelength=1.8)


def _ordinal(phase: str) -> str:
    number = phase.rpartition(" ")[2]
    return {"1": "1st", "2": "2nd", "3": "3rd"}.get(number, f"{number}th")


def _time_course(ax: Axes, runs: ExperimentRuns, names: Sequence[str]) -> None:
    """Evoked amplitude of every ramp against time."""
    setup = stored_experiment(runs)
    assert isinstance(setup, PatchClamp)
    trace: Any = _StoredTrace(runs)
    density = setup.at_ramps(trace) / runs.parameter("cm")[:, None]
    before = np.flatnonzero(setup.ramp_ends() <= setup.break_in + 1e-9)
    for i, name in enumerate(names):
        row = runs.of_case(name)[0]
        look = _look(i)
        ax.plot(setup.ramp_ends() / 60.0, density[row] - density[row, before[-1]], label=name, marker=MARKERS[i % 7], ms=3, lw=1, **look)
    ax.axhline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
    ax.set_xlim(0.0, setup.duration / 60.0)
    ax.set(xlabel="time after break-in (min)", ylabel=f"evoked at {setup.ramp_to:+g} mV (pA/pF)")
    ax.set_title("PregS-evoked current, baseline subtracted")
    _drug_bars(ax, runs.phases, 60.0)
    ax.legend(loc="upper left")


def _drug_bars(ax: Axes, phases: Sequence[tuple[float, float, str]], scale: float) -> None:
    """Bars for what is in the bath, in extra room at the top of the panel."""
    levels: list[float] = []
    low, high = ax.get_ylim()
    step = 0.075
    for start, end, text in phases:
        level = next((k for k, busy in enumerate(levels) if start >= busy - 1e-9), len(levels))
        levels[level : level + 1] = [end]
        y = 0.985 - step * level
        ax.plot([start / scale, end / scale], [y, y], transform=ax.get_xaxis_transform(), color="#333333", lw=3, solid_capstyle="butt", clip_on=False)
        ax.text(0.5 * (start + end) / scale, y - 0.015, text, transform=ax.get_xaxis_transform(), ha="center", va="top", fontsize=7.5)
    ax.set_ylim(low, high + (high - low) * (0.06 + step * len(levels)) / (1.0 - step * len(levels)))


def _summary(ax: Axes, runs: ExperimentRuns, names: Sequence[str]) -> None:
    """First and second response and what ononetin removes, by condition."""
    columns = (
        ("pregs_1_outward_density", "1st PregS", 1.0),
        ("pregs_2_outward_density", "2nd PregS", 0.55),
        ("ononetin_sensitive_density", "ononetin-sensitive", 0.0),
    )
    shown = [c for c in columns if c[0] in runs]
    width = 0.8 / max(len(shown), 1)
    for k, (feature, label, alpha) in enumerate(shown):
        for i, name in enumerate(names):
            colour = COLOURS[i % len(COLOURS)]
            x = i + (k - 0.5 * (len(shown) - 1)) * width
            hatch = {"hatch": "////", "facecolor": "white"} if alpha == 0.0 else {"facecolor": colour, "alpha": alpha}
            height = runs[feature][runs.of_case(name)[0]]
            ax.bar(x, height, width * 0.9, edgecolor=colour, **hatch)
            ax.text(x, height, f" {height:.1f}", rotation=90, ha="center", va="bottom", fontsize=6.5)
            if i == 0:
                ax.bar(np.nan, np.nan, label=label, edgecolor="#555555", **({**hatch, "facecolor": "#555555"} if alpha else hatch))
    ax.set_xticks(range(len(names)), [textwrap.fill(n, 9) for n in names], fontsize=7.5)
    ax.set_ylabel("evoked (pA/pF)")
    ax.set_title("Amplitudes at +100 mV")
    ax.margins(y=0.42)
    ax.set_ylim(bottom=0.0)
    ax.legend(loc="upper left", ncols=1, fontsize=7, borderaxespad=0.1)


def _readout(ax: Axes, runs: ExperimentRuns, names: Sequence[str]) -> None:
    """Dye signal against time, with the half-time of every condition marked."""
    setup = stored_experiment(runs)
    assert isinstance(setup, CalciumImaging)
    trace: Any = _StoredTrace(runs)
    light = setup.fluorescence(trace)
    key = "ratio_half_time" if setup.readout == "ratio" else "f_half_time"
    for i, name in enumerate(names):
        row = runs.of_case(name)[0]
        half = runs[key][row]
        ax.plot(runs.time / 60.0, light[row], label=f"{name}: $t_{{1/2}}$ {half:.1f} s", **_look(i))
        when = setup.onset + half
        ax.plot(when / 60.0, np.interp(when, runs.time, light[row]), marker=MARKERS[i % 7], ms=5, color=COLOURS[i % len(COLOURS)])
    ax.set_ylabel("dye ratio" if setup.readout == "ratio" else "F/F0")
    ax.set_title("Ca²⁺ imaging (markers: half of the rise)")
    _drug_bars(ax, runs.phases, 60.0)
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, 0.98))
    _rise_inset(ax, runs, light, names)


def _rise_inset(ax: Axes, runs: ExperimentRuns, light: Any, names: Sequence[str]) -> None:
    """The first minute of the rise, each trace over its own peak: where the half-times are read."""
    setup = stored_experiment(runs)
    assert isinstance(setup, CalciumImaging)
    inside = (runs.time >= setup.onset - 1e-9) & (runs.time <= min(setup.onset + 60.0, setup.offset))
    inset = ax.inset_axes((0.57, 0.2, 0.41, 0.34))
    for i, name in enumerate(names):
        y = light[runs.of_case(name)[0]]
        start = y[inside][0]
        top = np.max(y[(runs.time >= setup.onset) & (runs.time <= setup.offset)])
        inset.plot(runs.time[inside] - setup.onset, (y[inside] - start) / (top - start), lw=1.0, **_look(i))
    inset.axhline(0.5, color="#bbbbbb", lw=0.6, zorder=0)
    inset.set(xlim=(0.0, 60.0), ylim=(0.0, 1.02), yticks=(0.0, 0.5, 1.0))
    inset.tick_params(labelsize=6.5, pad=1.5)
    inset.set_xlabel("after PregS (s)", fontsize=6.5, labelpad=1)
    inset.set_ylabel("share of peak", fontsize=6.5, labelpad=1)


def _calcium(ax: Axes, runs: ExperimentRuns, names: Sequence[str]) -> None:
    for i, name in enumerate(names):
        row = runs.of_case(name)[0]
        ax.plot(runs.time / 60.0, runs["ca_cyt"][row] * 1e3, label=f"{name}: {runs['ca_amplitude'][row]:.0f} nM", **_look(i))
    ax.set(xlabel="time (min)", ylabel="cytosolic Ca²⁺ (nM)")
    ax.set_title("Ca²⁺ itself (not observable); amplitude above rest")
    ax.set_xlim(0.0, runs.time[-1] / 60.0)
    ax.legend(loc="upper right")


def _verdicts(ax: Axes, results: Results) -> None:
    """The table of targets as a panel."""
    ax.set_axis_off()
    ax.set_title("Published patterns T1-T14 against this simulation")
    rows = results.targets
    if not rows:
        ax.text(0.0, 0.95, "not evaluated: set targets = true in [report]", va="top")
        return
    step = 1.0 / (len(rows) + 1.2)
    for k, row in enumerate(rows):
        y = 1.0 - step * (k + 0.7)
        mark, colour = VERDICTS[row["verdict"]]
        ax.text(0.0, y, mark, color=colour, fontsize=11, fontweight="bold", va="center")
        ax.text(0.035, y, str(row["id"]).split()[0], fontweight="bold", va="center")
        ax.text(0.095, y + 0.2 * step, _pretty(row["statement"]), va="center", fontsize=8)
        found = f"{_short_set(row['id'])}{row['value']}   expected {row['band']}"
        value = "not testable with this model or study" if row["verdict"] == "not testable" else found
        ax.text(0.095, y - 0.25 * step, _pretty(value), va="center", fontsize=7, color=colour)
    marks = "   ".join(f"{VERDICTS[v][0]} {v}" for v in VERDICTS)
    ax.text(0.0, 0.2 * step, f"{marks}      * band is a modelling choice", fontsize=7, color="#444444", va="center")
    ax.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))


def _pretty(text: str) -> str:
    """Plain text with the signs that a figure can show."""
    return str(text).replace("Ca2+", "Ca²⁺").replace(" uM", " µM").replace("CO2", "CO₂")


def _short_set(identity: str) -> str:
    """The parameter set in a target's id, where there is one."""
    name = str(identity).partition(" ")[2]
    return f"{name} set: " if name else ""


# -- grids ------------------------------------------------------------------------------------------------------------


def _grid_figure(results: Results, runs: Sequence[ExperimentRuns]) -> Figure:
    """Features against what was varied: dose-response with Hill fits, dose against time, or a plain curve."""
    shown = [(r, keys) for r in runs if (keys := _own_keys(r))]
    incubation = [r for r, keys in shown if len(keys) == 2]
    if incubation:
        return _surface_figure(results, incubation[0])
    drawn = _new(results, [r for r, _ in shown], 4.6 * max(len(shown), 1) + 0.6, 4.6)
    axes = drawn.subplots(1, max(len(shown), 1), squeeze=False)[0]
    for ax, (r, keys) in zip(axes, shown, strict=False):
        _curve(ax, r, keys[0])
    return drawn


def _own_keys(runs: ExperimentRuns) -> list[str]:
    """Varied keys that act on an experiment: its own fields, the incubation's and parameters; another experiment's do not."""
    return [k for k, v in runs.varied.items() if len(np.unique(v)) > 1 and _acts(runs, k)]


def _acts(runs: ExperimentRuns, key: str) -> bool:
    owner = key.partition(".")[0]
    known = owner == "incubation" or key in list(runs.group.groups["parameters"].variables["parameter"].values)
    return known or owner == runs.name


def _feature_of(runs: ExperimentRuns) -> str:
    wanted = SUMMARY.get(runs.kind, ("", ""))[0]
    return wanted if wanted in runs.features else runs.features[0]


def _label_of(runs: ExperimentRuns, feature: str) -> str:
    """Axis label of a feature, with its unit."""
    known = dict(SUMMARY.values())
    return f"{known.get(feature) or _short(runs.describe(feature))} ({_micro(runs.units[feature])})"


def _plain_log(ax: Axes) -> None:
    """Logarithmic axis with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(base=10.0, subs=(1.0, 3.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_formatter(FuncFormatter(lambda x, _: ""))


def _curve(ax: Axes, runs: ExperimentRuns, key: str) -> None:
    """One feature against one varied key, a Hill fit where the key is a dose."""
    feature = _feature_of(runs)
    is_dose = runs.units[key] in ("uM", "nM", "mM")
    for i, name in enumerate(_conditions(runs)):
        rows = runs.of_case(name)
        x, first = np.unique(runs.varied[key][rows], return_index=True)
        y = runs[feature][rows][first]
        look = _look(i)
        label = name
        fit = fit_hill(x, y) if is_dose else None
        if fit is not None and fit.ok:
            fine = np.geomspace(x[x > 0.0].min(), x.max(), 200)
            inside = fit.ec50 <= x.max()
            label = f"{name}: " + (f"EC50 {fit.ec50:.3g} {_micro(runs.units[key])}, n {fit.n:.2f}" if inside else "no saturation at these doses")
            ax.plot(fine, fit(fine), **look)
        else:
            ax.plot(x, y, **look)
        ax.plot(x, y, MARKERS[i % 7], color=look["color"], ms=5, label=label)
    values = runs.varied[key]
    if values.min() > 0.0 and values.max() / values.min() > 20.0:
        _plain_log(ax)
    ax.set(xlabel=f"{_words(key)} ({_micro(runs.units[key])})", ylabel=_label_of(runs, feature))
    ax.set_title(_pretty(runs.title))
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.3 * (high - low))
    ax.legend(loc="upper left")


def _surface_figure(results: Results, runs: ExperimentRuns) -> Figure:
    """One feature against two varied keys: lines over the second, one colour a value of the first, one panel a condition."""
    first, second = _own_keys(runs)[:2]
    feature = _feature_of(runs)
    names = _conditions(runs)
    drawn = _new(results, [runs], 4.6 * len(names) + 0.6, 4.6)
    axes = drawn.subplots(1, len(names), sharey=True, squeeze=False)[0]
    levels = np.unique(runs.varied[first])
    shades = _shades(len(levels))
    for ax, name in zip(axes, names, strict=True):
        rows = runs.of_case(name)
        for k, (level, shade) in enumerate(zip(levels, shades, strict=True)):
            chosen = rows[runs.varied[first][rows] == level]
            order = np.argsort(runs.varied[second][chosen])
            ax.plot(
                runs.varied[second][chosen][order], runs[feature][chosen][order], color=shade, marker=MARKERS[k % 7], ms=4.5,
                label=f"{level:g} {_micro(runs.units[first])}",
            )  # fmt: skip
        reference = runs[feature][runs.of_case(names[0])[np.argmin(runs.varied[first][runs.of_case(names[0])])]]
        ax.axhline(reference, color="#888888", lw=0.9, ls=":", zorder=0)
        if np.ptp(np.log10(np.maximum(runs.varied[second], 1e-12))) > 1.3:
            _plain_log(ax)
        ax.set_xlabel(f"{_words(second)} ({_micro(runs.units[second])})")
        ax.set_title(name)
    axes[0].set_ylabel(_label_of(runs, feature))
    axes[0].set_ylim(bottom=0.0)
    axes[-1].legend(title=_words(first), loc="lower right")
    dose = f"{names[0]} at {levels[0]:g} {_micro(runs.units[first])}"
    axes[-1].annotate(dose, (0.02, reference), xycoords=("axes fraction", "data"), va="bottom", fontsize=7, color="#666666")
    return drawn


def _shades(n: int) -> list[Any]:
    """Colours for ordered values, readable in grey."""
    from matplotlib import colormaps

    return [colormaps["cividis"](x) for x in np.linspace(0.0, 0.88, n)]


# -- other experiments ------------------------------------------------------------------------------------------------


def _entry_figure(results: Results, runs: Sequence[ExperimentRuns]) -> Figure:
    drawn = _new(results, runs, 8.6, 6.6)
    calcium, voltage = drawn.subplots(2, 1, sharex=True, height_ratios=(1.7, 1.0))
    k = 0
    for r in runs:
        for name in _conditions(r):
            row = r.of_case(name)[0]
            label = f"{_words(r.name)}, {name}: peak {r['readdition_peak'][row]:.0f}, plateau {r['plateau'][row]:.0f} nM"
            calcium.plot(r.time / 60.0, r["ca_cyt"][row] * 1e3, label=label, **_look(k))
            voltage.plot(r.time / 60.0, r["v"][row], **_look(k))
            k += 1
    calcium.set_ylabel("cytosolic Ca²⁺ (nM)")
    calcium.set_title("Store depletion and Ca²⁺ readdition")
    _drug_bars(calcium, runs[0].phases, 60.0)
    calcium.legend(loc="upper left", bbox_to_anchor=(0.0, 0.84))
    voltage.set(xlabel="time (min)", ylabel="V (mV)", xlim=(0.0, float(runs[0].time[-1]) / 60.0))
    return drawn


def _rest_figure(results: Results, runs: Sequence[ExperimentRuns]) -> Figure:
    shown: tuple[tuple[str, float, str], ...] = (("v", 1.0, "V (mV)"), ("ca_cyt", 1e3, "Ca²⁺ (nM)"), ("ca_er", 1.0, "store Ca²⁺ (µM)"))
    shown += (("na_cyt", 1.0, "Na⁺ (mM)"), ("k_cyt", 1.0, "K⁺ (mM)"), ("cl_cyt", 1.0, "Cl⁻ (mM)"))
    drawn = _new(results, runs, 9.4, 5.2)
    axes = drawn.subplots(2, 3, sharex=True).ravel()
    r = runs[0]
    for ax, (key, scale, label) in zip(axes, shown, strict=True):
        for i, name in enumerate(_conditions(r)):
            ax.plot(r.time / 60.0, r[key][r.of_case(name)[0]] * scale, label=name, **_look(i))
        ax.set_title(label, fontweight="normal")
        ax.ticklabel_format(useOffset=False)
        _at_least(ax, 0.02)
    for ax in axes[3:]:
        ax.set_xlabel("time (min)")
    axes[0].legend(loc="best")
    return drawn


def _at_least(ax: Axes, share: float) -> None:
    """Widen an axis that would magnify rounding: at least ``share`` of its mean."""
    low, high = ax.get_ylim()
    middle, half = 0.5 * (low + high), max(0.5 * (high - low), 0.5 * share * abs(0.5 * (low + high)))
    ax.set_ylim(middle - half, middle + half)


def _steps_figure(results: Results, runs: Sequence[ExperimentRuns]) -> Figure:
    drawn = _new(results, runs, 8.6, 4.6)
    axes = drawn.subplots(1, 2, sharex=True)
    k = 0
    for r in runs:
        setup = stored_experiment(r)
        assert isinstance(setup, IVCurve)
        trace: Any = _StoredTrace(r)
        iv = setup.iv(trace)
        for name in _conditions(r):
            row = r.of_case(name)[0]
            for ax, key in zip(axes, ("peak_density", "steady_density"), strict=True):
                ax.plot(iv["voltage"], iv[key][row], marker=MARKERS[k % 7], ms=4, label=f"{name}, {_words(r.name)}", **_look(k))
            k += 1
    for ax, title in zip(axes, ("Largest current of the step", "Current at the end of the step"), strict=True):
        ax.axhline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.axvline(0.0, color="#bbbbbb", lw=0.6, zorder=0)
        ax.set(xlabel="command (mV)", ylabel="measured current, leak included (pA/pF)")
        ax.set_title(title)
    axes[0].legend(loc="upper left")
    return drawn


def _panels_figure(results: Results, runs: Sequence[ExperimentRuns]) -> Figure:
    """What fits a single experiment: its own panels, or its traces."""
    r = runs[0]
    special: dict[str, tuple[Callable[[Axes, ExperimentRuns, Sequence[str]], None], ...]] = {
        "patch_clamp": (_time_course, _summary),
        "calcium_imaging": (_readout, _calcium),
    }
    draws = special.get(r.kind)
    keys = r.recorded[:4]
    drawn = _new(results, [r], 10.0, 4.4)
    axes = drawn.subplots(1, len(draws) if draws else len(keys), squeeze=False)[0]
    for k, ax in enumerate(axes):
        if draws:
            draws[k](ax, r, _conditions(r))
            continue
        for i, name in enumerate(_conditions(r)):
            ax.plot(r.time, r[keys[k]][r.of_case(name)[0]], label=name, **_look(i))
        ax.set(xlabel="time (s)", ylabel=f"{keys[k]} ({_micro(r.units[keys[k]])})")
        ax.set_title(_short(r.describe(keys[k])))
    if not draws:
        axes[0].legend()
    return drawn


def _words(key: str) -> str:
    """A key as words for an axis."""
    known = {"pregs": "PregS", "ntx": "naltrexone", "duration": "incubation", "half_crac": "half CRAC", "kca31_blocked": "KCa3.1 blocked"}
    last = key.rpartition(".")[2]
    return known.get(last, key if "." in key and key.partition(".")[0] != "incubation" else last.replace("_", " "))


def _micro(unit: str) -> str:
    return "-" if unit == "1" else unit.replace("uM", "µM")


def _short(description: str) -> str:
    """The beginning of a description, for an axis."""
    return description.partition(",")[0].partition(" (")[0]


__all__ = ["figure", "make_figure", "plot_results", "stored_experiment"]
