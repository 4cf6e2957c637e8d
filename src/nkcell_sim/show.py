"""Text for the eye: a protocol drawn as bars, a study and its results as tables."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from .units import from_kernel

if TYPE_CHECKING:
    from .analysis.tolerances import ToleranceReport
    from .config import Config
    from .experiments.base import Experiment
    from .experiments.treatment import Treatment
    from .model.cell import Cell
    from .results import ExperimentRuns, Results
    from .study import Study

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 64
LONG_RECORDING = 36000.0  # s: hours from here on
MOST_WARNINGS, FEW_WARNINGS = 16, 4
PAGE = 110
MOST_RUNS = 1000  # with a row of their own
MOST_FAILED = 100
FEW_RUNS = 6
FEATURE_COLUMNS = 5
WORST_MEASURES = 12
EVIDENCE = (
    "evidence: V confirmed in the literature, V2 in a second source, S taken from a re-implementation, R recalled, A assumed, C calibrated, "
    "D derived, I chosen when the parts were joined"
)
PAPERS = (
    "papers: C18 Cabanas 2018; C19v Cabanas 2019, Mol Med; C19n Cabanas 2019, Front Immunol; C21 Cabanas 2021; EF22 Eaton-Fitch 2022; "
    "S22, S24, S25 Sasso 2022, 2024, 2025; M26 Magawa 2026 (references: documentation, Targets and what they mean)"
)


def config_text(config: Config) -> str:
    """What a configuration describes: cell, conditions, and each experiment's protocol."""
    study = config.study
    parts = [heading(config.title or config.name), repr(study.cases[0].cell), wrapped(EVIDENCE), heading("Conditions")]
    parts += [case_text(case.name, case.cell, case.treatment) for case in study.cases]
    for name, experiment in study.experiments.items():
        parts += [heading(f"Experiment {name}: {experiment.title or experiment.kind}"), protocol_drawing(experiment, study.cases[0].cell), repr(experiment)]
        parts += [wrapped(f"done on: {', '.join(study.only[name])}")] if name in study.only else []
        parts += [wrapped(f"note: {note}") for note in experiment.notes()]
    parts += _cohort_text(config)
    parts += _design_text(study)
    parts.append(f"{len(study)} runs")
    return "\n".join(parts)


def _design_text(study: Study) -> list[str]:
    """What is varied and how; nothing where nothing is."""
    if not study.design.keys:
        return []
    head, *rows = study.design.described(study.unit_of)
    return [heading("Design"), f"  {head}", *(f"  vary {row}" for row in rows), ""]


def _cohort_text(config: Config) -> list[str]:
    """Donors, spreads and what is asked of them; nothing without a cohort."""
    cohort, asked = config.study.cohort, config.asked
    if cohort is None:
        return []
    parts = [heading("Cohort"), *(f"  {line.strip()}" for line in repr(cohort).splitlines())]
    parts += [f"  group {group}: {len(cohort.donors_of(group))} donors" for group in config.study.groups]
    for question in asked.statistics.questions if asked.statistics else ():
        limit = "" if question.detection_limit is None else f", responders above {question.detection_limit:g}"
        parts.append(f"  compare {question.feature} between {', '.join(question.conditions) or 'all conditions'}{limit}")
    if asked.power is not None:
        parts.append(f"  power to tell {' / '.join(asked.power.conditions)} apart by {asked.power.feature}, resampled from this cohort")
    return parts


def heading(title: str) -> str:
    """A title with a rule below it."""
    return f"\n{title}\n{'─' * len(title)}"


def wrapped(sentence: str) -> str:
    """A long sentence on lines of readable length."""
    return textwrap.fill(sentence, PAGE, initial_indent="  ", subsequent_indent="      ", break_long_words=False)


def case_text(name: str, cell: Cell, treatment: Treatment | None) -> str:
    """One condition: what was done to the cell, and its treatment."""
    lines = [f"  {name}"]
    lines += [f"      {step}" for step in cell.history]
    if treatment is not None:
        given = {k: v for k, v in treatment.settings().items() if getattr(treatment, k) != treatment.default_of(k) or k in ("duration", "dose")}
        lines.append(f"      {type(treatment).said}: {', '.join(f'{k} {v}' for k, v in given.items())}")
    return "\n".join(lines)


def protocol_drawing(experiment: Experiment, cell: Cell, width: int = WIDTH) -> str:
    """Every driven input over time as a row of blocks, lowest value to highest; a ramp is shown as a slash."""
    protocol = experiment.protocol()
    if not set(protocol.inputs) <= cell.composition.inputs.keys():  # done to a part of the cell that has inputs of its own
        cell = experiment.prepare(cell)
    composition = cell.composition
    compiled = protocol.compile(composition, dict(zip(composition.inputs, cell.input_defaults(), strict=True)))
    bins = np.linspace(0.0, protocol.duration * 1e3, width + 1)
    centres = 0.5 * (bins[1:] + bins[:-1])
    segment = compiled.locate(centres)
    values = np.array([compiled.inputs(s, t - compiled.edges[s]) for s, t in zip(segment, centres, strict=True)])
    steady, rows = [], []
    room = max([14, *map(len, protocol.inputs)])
    for key in protocol.inputs:
        column = list(composition.inputs).index(key)
        unit = composition.inputs[key].unit.removeprefix("1").strip()
        reached = from_kernel(np.concatenate([compiled.level[:, column], values[:, column]]), composition.inputs[key].unit)
        low, high = float(reached.min()), float(reached.max())
        if low == high:
            steady.append(f"{key} {low:.4g} {unit}".rstrip())
            continue
        ramps = [e.start * 1e3 for e in protocol.instructions if e.name == key and e.kind == "ramp"]
        rows.append(f"  {key:<{room}} {_bar(values[:, column], np.histogram(ramps, bins)[0] > 0)}  {low:.4g} to {high:.4g} {unit}".rstrip())
    head = [f"  throughout: {', '.join(steady)}"] if steady else []
    divisor, unit = (3600.0, "h") if protocol.duration > LONG_RECORDING else (1.0, "s")
    scale = f"  {'':<{room}} 0{f'{protocol.duration / divisor:g} {unit}':>{width - 1}}"
    phases = [f"  {f'{start / divisor:g} to {end / divisor:.4g} {unit}':>16}: {what}" for start, end, what in experiment.phases()]
    return "\n".join([*head, *rows, scale, *phases])


def _bar(values: np.ndarray, ramped: np.ndarray) -> str:
    low, high = values.min(), values.max()
    levels = np.zeros(len(values), int) if high == low else np.round((values - low) / (high - low) * (len(BLOCKS) - 1)).astype(int)
    return "".join("╱" if r else BLOCKS[level] for level, r in zip(levels, ramped, strict=True))


def results_text(results: Results, *, everything: bool = False) -> str:
    """A summary of results: features by run (of a grid those that differ most, or all), targets, warnings, failures, origin."""
    parts = [heading(f"{results.title or 'Results'} (model output, not a laboratory result)")]
    for runs in results.experiments.values():
        parts += [heading(f"{runs.name}: {runs.title}"), _features_text(runs, everything=everything)]
        parts += [wrapped(f"note: {note}") for note in runs.notes]
        parts += _warnings_text(runs, everything=everything)
    parts += _tables_text(results, everything=everything)
    if results.targets:
        parts += [heading("Published patterns"), targets_text(results), wrapped(PAPERS)]
    parts += _failures_text(results, everything=everything)
    origin = results.provenance
    parts.append(f"\nsimulated {origin['created']} with nkcell_sim {origin['software']['nkcell_sim']}, {origin['resources']['runs']} runs")
    return "\n".join(parts)


def _failures_text(results: Results, *, everything: bool) -> list[str]:
    """A line a failed run; of very many the causes with their numbers of runs."""
    failed = results.failed
    if len(failed) > MOST_FAILED and not everything:
        causes = results.failures_by_cause()
        lines = [wrapped(f"FAILED, {n} runs: {cause}") for cause, n in list(causes.items())[:MOST_FAILED]]
        more = len(causes) - len(lines)
        return [*lines, *([wrapped(f"and {more} more causes (nkcell show FILE.h5 --all)")] if more else [])]
    labels = {name: _labels(results[name]) for name in dict.fromkeys(name for name, _, _ in failed)}
    return [wrapped(f"FAILED {name}, run {i} ({labels[name][i]}): {results[name].failure(i)}") for name, i, _ in failed]


def _features_text(runs: ExperimentRuns, *, everything: bool) -> str:
    if not runs.labels:
        return feature_table(runs, everything=everything)
    from .show_cohort import cohort_table

    return cohort_table(runs, everything=everything)


def _warnings_text(runs: ExperimentRuns, *, everything: bool) -> list[str]:
    """Warnings by run; of very many the first few and how many more there are."""
    status = runs.status
    found = [(i, said) for i, said in runs.warnings if not _is_failure(status[i], said)]
    if runs.labels and not everything:
        from .plots.causes import by_cause

        return [wrapped(f"WARNING, {len(set(cause.runs))} of {len(status)} runs, the first: {cause.text}") for cause in by_cause(found)]
    shown = found if everything or len(found) <= MOST_WARNINGS else found[:FEW_WARNINGS]
    labels = _labels(runs) if shown else []
    lines = [wrapped(f"WARNING, run {i} ({labels[i]}): {said}") for i, said in shown]
    more = len(found) - len(shown)
    return [*lines, *([wrapped(f"and {more} more warnings (nkcell show FILE.h5 --all)")] if more else [])]


def _tables_text(results: Results, *, everything: bool) -> list[str]:
    """Comparisons, variances, power and what would decide, where the results carry them; predictions are many and shown on request."""
    from .show_cohort import deciding_text, power_text, predictions_text, statistics_text, variance_text

    tables = (
        ("statistics", "Comparisons", statistics_text),
        ("variance", "Where the spread comes from", variance_text),
        ("power", "Power", power_text),
        *((("predictions", "What every hypothesis predicts", predictions_text),) if everything else ()),
        ("deciding", "What would decide", deciding_text),
    )
    return [part for name, title, text in tables if results.table(name) for part in (heading(title), text(results))]


def _is_failure(status: str, said: str) -> bool:
    """Whether a warning only repeats that the run failed, which has a line of its own."""
    return status != "ok" and said.startswith(("not run: ", f"the run ended as {status}"))


def feature_table(runs: ExperimentRuns, *, everything: bool = False) -> str:
    """Features of every run: a column a run when there are few, a row a run for a grid."""
    if len(runs) <= FEW_RUNS:
        errors = runs.numerical_errors
        rows = [[name, *(f"{v:.4g}" for v in runs[name]), runs.units[name], *([_largest(errors[name])] if errors else [])] for name in runs.features]
        if any(status != "ok" for status in runs.status):
            rows.insert(0, ["status", *runs.status, "", *([""] if errors else [])])
        return columns([["", *_labels(runs), "unit", *(["numerical error"] if errors else [])], *rows])
    if len(runs) > MOST_RUNS and not everything:
        return _summary(runs)
    shown = [n for n in runs.features if _spread(runs[n]) > 0.1][:FEATURE_COLUMNS] or runs.features[:FEATURE_COLUMNS]
    shown = runs.features if everything else shown
    varied = runs.varied
    head = ["case", *(f"{k} [{runs.units[k]}]" for k in varied), *(f"{n} [{runs.units[n]}]" for n in shown)]
    rows = [
        [case, *(_value(v[i]) for v in varied.values()), *(f"{runs[n][i]:.4g}" for n in shown), "" if status == "ok" else status]
        for i, (case, status) in enumerate(zip(runs.cases, runs.status, strict=True))
    ]
    more = len(runs.features) - len(shown)
    rest = f"\n  {more} more features in the file (nkcell show FILE.h5 --all)" if more else ""
    return columns([[*head, ""], *rows]) + rest


def _summary(runs: ExperimentRuns) -> str:
    """Features and varied values over very many runs: how many have a number, and where most of these lie."""
    rows = [["", "unit", "runs", "5 %", "median", "95 %"]]
    for name, values in [*runs.varied.items(), *((name, runs[name]) for name in runs.features)]:
        known = values[np.isfinite(values)]
        where = [f"{q:.4g}" for q in np.quantile(known, (0.05, 0.5, 0.95))] if len(known) else ["-"] * 3
        rows.append([name, runs.units[name], str(len(known)), *where])
    ends = ", ".join(f"{n} {status}" for status, n in runs.status_counts().items())
    return f"  {len(runs)} runs: {ends}\n" + columns(rows) + "\n  (a row a run: nkcell show FILE.h5 --all)"


def _value(value: float) -> str:
    """A varied value; a dash where nothing of the run varies with it."""
    return f"{value:.4g}" if np.isfinite(value) else "-"


def _largest(errors: np.ndarray) -> str:
    """Largest error of a feature in any run; empty when none is known."""
    known = errors[np.isfinite(errors)]
    return "" if not len(known) else f"{known.max():.1e}" if known.max() else "0"


def _spread(values: np.ndarray) -> float:
    """How much a feature differs between runs, relative to its size."""
    known = values[np.isfinite(values)]
    return float(np.ptp(known) / np.abs(known).max()) if len(known) and known.any() else 0.0


def _labels(runs: ExperimentRuns) -> list[str]:
    """Condition of every run with what was varied, and its unit."""
    varied = runs.varied
    units = {key: "" if runs.units[key] == "1" else runs.units[key] for key in varied}
    return [", ".join([case, *(f"{k} {v[i]:.4g} {units[k]}".rstrip() for k, v in varied.items() if np.isfinite(v[i]))]) for i, case in enumerate(runs.cases)]


def targets_text(results: Results) -> str:
    """The table of published patterns with verdicts."""
    from .analysis.targets import Target, as_text

    names = [f.name for f in fields(Target)]
    return as_text([Target(**{name: row[name] for name in names}) for row in results.targets])


def tolerance_text(report: ToleranceReport, *, everything: bool = False) -> str:
    """Whether a tolerance fits a study: its measures, those that suffer most first, and the ladder of tolerances."""
    from .analysis.tolerances import SHARE

    ordered = sorted(report.measures, key=lambda m: -m.share if np.isfinite(m.share) else np.inf)
    shown = ordered if everything else ordered[:WORST_MEASURES]
    rows = [
        [f"{m.experiment}.{m.name}", f"{m.value:.4g}", m.unit, f"{m.error:.1e}", f"{m.difference:.2g}", m.between, _share(m.share), m.verdict(report.rtol)]
        for m in shown
    ]
    head = ["measure", "first value", "unit", "numerical error", "smallest difference", "between", "error / difference", "verdict"]
    title = heading(f"Tolerance of {report.title or 'this study'}: rtol = {report.rtol:g}, compared with {report.reference:g}")
    more = len(ordered) - len(shown)
    parts = [title, columns([head, *rows]), *([f"  {more} more measures with smaller errors (--all)"] if more else []), "", _tolerance_ladder(report), ""]
    said = f"The numerical error may reach {100 * SHARE:g} % of the smallest difference between conditions that the study asks about."
    return "\n".join([*parts, wrapped(said), wrapped(_tolerance_verdict(report))])


def _tolerance_ladder(report: ToleranceReport) -> str:
    rows = []
    for r in report.ladder:
        name = f"{r.rtol:g}" + (" (asked)" if r.rtol == report.rtol else "")
        verdict = f"{r.failed} failed runs" if r.failed else "fits" if r.fits else "too loose"
        rows.append([name, f"{r.steps}", f"{r.steps / report.asked.steps:.2f}", _share(r.share), r.limited_by, verdict])
    return columns([["rtol", "steps", "relative", "largest error / difference", "in", "verdict"], *rows])


def _tolerance_verdict(report: ToleranceReport) -> str:
    asked, loosest = report.asked, report.loosest
    if not report.fits:
        why = f"{asked.limited_by} is wrong by {_share(asked.share)} of the smallest difference"
        if asked.failed:
            why = "1 run failed" if asked.failed == 1 else f"{asked.failed} runs failed"
            more = "`nkcell run` says how they ended" if loosest is None else f"none fails at [solver] rtol = {loosest.rtol:g}, which fits"
            return f"rtol = {report.rtol:g} DOES NOT FIT: {why}; {more}."
        cure = "no tolerance of the ladder fits: look at the measures, not at the tolerance" if loosest is None else f"set [solver] rtol = {loosest.rtol:g}"
        return f"rtol = {report.rtol:g} is TOO LOOSE: {why}; {cure}."
    said = f"rtol = {report.rtol:g} FITS: the largest error is {_share(asked.share)} of the smallest difference ({asked.limited_by})."
    if loosest is None or loosest.rtol <= report.rtol:
        return said
    return f"{said} The loosest tolerance that fits as well is {loosest.rtol:g}, with {100 * loosest.steps / asked.steps:.0f} % of the steps."


def _share(value: float) -> str:
    """A share as per cent, or as one part in so many when it is tiny."""
    if not np.isfinite(value):
        return "unknown"
    return f"{100 * value:.2g} %" if value >= 1e-3 else f"1/{1.0 / value:,.0f}" if value else "0"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text in aligned columns, the first row underlined."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  " + "  ".join("─" * w for w in widths).rstrip(), *lines[1:]])
