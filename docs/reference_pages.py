"""The generated pages of the reference: cells, parameter sets, experiments, configuration keys, command line, outcomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap
from typing import Any

from nkcell_sim.codegen import tables
from nkcell_sim.codegen.tables import CellTables, table
from nkcell_sim.config.schema import config_schema
from nkcell_sim.experiments import EXPERIMENTS, INSTRUMENTS, Incubation, run_experiment
from nkcell_sim.experiments.fields import LABELS
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import COMPOSITIONS, opioid_chain_cell, primary_nk_cell, stub_nk_cell
from nkcell_sim.outcomes import OUTCOMES

# Cells as they are made for use; every other composition is shown at its declared values.
READY = {"primary_nk": primary_nk_cell, "stub_nk": stub_nk_cell, "opioid_chain": opioid_chain_cell}
NEXT_STEP = {
    "ok": "",
    "step_limit": "raise `max_steps`, or look at the worst component: something is stiffer or faster than it should be",
    "time_limit": "raise `max_seconds`",
    "non_finite_rhs": "look at `worst` and at the inputs at `time_reached`: usually a bath without an ion that a current needs, or a parameter at its limit",
    "step_underflow": "a singularity, or an event far shorter than the clock's resolution at that time",
    "out_of_range": "the named state left its declared bounds although steps were made smaller: the parameters or the protocol are not physical there",
    "diverged": "the named state grew to 1e12 times its scale: check what feeds it",
    "cancelled": "run it again",
    "not_run": "run it again",
    "step_rate_limit": "as for `step_limit`: raise `max_steps_per_second` if the cell really is that fast, else look at the worst component",
    "worker_lost": "look at the memory limit of the workers and at their logs; the other runs of its chunk were finished without it",
}


def all_pages(root: Path) -> dict[str, str]:
    """Markdown by path inside the documentation folder."""
    pages = {f"reference/cells/{name}.md": cell_page(name) for name in COMPOSITIONS}
    pages["reference/cells/index.md"] = cells_page()
    pages["reference/parameter_sets.md"] = parameter_sets_page()
    pages["reference/experiments.md"] = experiments_page()
    pages["reference/config.md"] = config_page()
    pages["reference/cli.md"] = cli_page()
    pages["reference/outcomes.md"] = outcomes_page()
    pages["changelog.md"] = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    return pages


def ready_cell(name: str) -> Cell:
    """The cell of a registered composition as it is made for use."""
    return READY[name]() if name in READY else Cell(COMPOSITIONS[name]())


def cell_page(name: str) -> str:
    """Equations and tables of one cell."""
    cell = ready_cell(name)
    return CellTables(cell.composition, cell).page()


def cells_page() -> str:
    """The registry of cells."""
    rows = []
    for name, make in COMPOSITIONS.items():
        c = make()
        link = f'<a href="{name}/"><code>{name}</code></a>'
        rows.append([link, escape(c.description), str(len(c.states)), str(len(c.parameters)), f"<code>{c.hash}</code>"])
    text = (
        "# Cells\n\nEvery cell that the engine is compiled with; `cell.model` in a configuration takes one of these names. "
        "The hash covers declarations and equations and is kept in every result file. "
        "The first three are natural-killer cells; the others are textbook problems that test the engine by the same route.\n\n"
    )
    return text + table(("cell", "meaning", "states", "parameters", "model hash"), rows) + "\n"


def parameter_sets_page() -> str:
    """Parameter sets, phenotypes, calibrated constants and evidence codes."""
    saturating = primary_nk_cell()
    cells = {"saturating": saturating, "conservative": saturating.with_parameter_set("conservative")}
    parts = [
        "# Parameter sets, phenotypes and rest",
        "## Evidence codes",
        "Every value carries one of these codes. [What is known and what is assumed](../explanation/evidence.md) explains how to read them.",
        tables.evidence_table(),
        "## Parameter sets",
        '`cell.with_parameter_set("conservative")`, or `parameters = "conservative"` in `[cell]`. Parameters that are not listed keep their declared values.',
        tables.parameter_set_table(),
        "## Phenotypes",
        '`cell.with_phenotype("me_cfs")`, or `phenotype = "me_cfs"` in a `[[condition]]`. '
        "Each lesion has its own healthy cell, on which the resting constants are solved.",
        tables.phenotype_table(),
        "## Wanted rest",
        "The state that the calibrated constants make stationary.",
        tables.rest_table(saturating.composition),
        "## Calibrated constants",
        "Solved in closed form, each from the stationarity of one state of the healthy cell (evidence C).",
        tables.calibrated_table(cells),
    ]
    return "\n\n".join(parts) + "\n"


def experiments_page() -> str:
    """Settings and features of every experiment."""
    labels = [[escape(name) or "(none)", escape(text)] for name, text in LABELS.items()]
    parts = [
        "# Experiments",
        "A virtual experiment is a protocol done to prepared cells and a list of features read from the trace. "
        "The label of a setting says how sure its default is:",
        table(("label", "meaning"), labels),
    ]
    cell = primary_nk_cell()
    for kind, record in EXPERIMENTS.items():
        about = (record.__doc__ or "").split("\n\n")
        where = "`incubate = { ... }` of a condition" if record is Incubation else f'`type = "{kind}"`'
        parts += [f"## {record.__name__} {{ #{kind} }}", f"In a configuration: {where}."]
        parts += [escape(" ".join(block.split())) for block in about]
        parts.append(_settings(record))
        parts.append(_features(record, cell))
    parts += ["## Instruments", "What stands between the cell and the numbers: `PatchClamp(..., instrument=Amplifier())`."]
    for kind, instrument in INSTRUMENTS.items():
        about = (instrument.__doc__ or "").split("\n\n")
        parts += [f"### {instrument.__name__} {{ #{kind} }}", *(escape(" ".join(block.split())) for block in about), _settings(instrument)]
    return "\n\n".join(parts) + "\n"


def _settings(record: Any) -> str:
    rows = []
    for name, f in record.lab_fields().items():
        meta = f.metadata
        default = "required" if f.default is MISSING else escape(_shown(f.default, meta["kind"]))
        choices = ", ".join(f"<code>{c}</code>" for c in meta["choices"])
        meaning = escape(meta["description"]) + (f": {choices}" if choices else "")
        rows.append([f"<code>{name}</code>", default, escape(meta["unit"].removeprefix("1 ")), escape(meta["label"]), meaning])
    return table(("setting", "default", "unit", "label", "meaning"), rows)


def _shown(value: Any, kind: str) -> str:
    return ", ".join(map(str, value)) if kind == "list" else str(value)


def _features(record: Any, cell: Cell) -> str:
    needs = {name: f.metadata["choices"][0] for name, f in record.lab_fields().items() if f.default is MISSING}
    features = run_experiment(cell, record(**needs)).features
    rows = [[f"<code>{name}</code>", escape(f.unit), escape(f.description)] for name, f in features.items()]
    return "Features of the default protocol:\n\n" + table(("feature", "unit", "meaning"), rows)


def config_page() -> str:
    """Every key of a configuration, from the schema that editors use."""
    schema = config_schema()
    definitions = schema["$defs"]
    parts = [
        "# Configuration keys",
        "Generated from the JSON Schema that `nkcell schema` prints. "
        'A quantity is text with a unit (`"100 uM"`, `"24 h"`, `"-60 mV"`); plain numbers are for dimensionless keys. '
        "An unknown key, a missing unit or a value out of range is an error that shows the line.",
        "## Top level",
        _keys(schema, definitions),
    ]
    sections = {
        "[cell]": "CellSection",
        "[[condition]]": "ConditionSection",
        "incubate = { ... }": "incubation",
        "ldn = { ... }": "ldn",
        "[design]": "DesignSection",
        "[[vary]]": "VarySection",
        "[[point]]": "PointSection",
        "[cohort]": "cohort",
        "[[cohort.spread]]": "SpreadSection",
        "[[cohort.correlation]]": "CorrelationSection",
        "[[cohort.donor]]": "DonorSection",
        "[execution]": "execution",
        "[execution.dask]": "DaskSection",
        "[execution.slurm]": "SlurmSection",
        "[statistics]": "statistics",
        "[[statistics.compare]]": "CompareSection",
        "[power]": "power",
        "[results]": "ResultsSection",
        "[solver]": "solver",
        "[report]": "ReportSection",
    }
    for title, name in sections.items():
        parts += [f"## `{title}`", definitions[name].get("description", ""), _keys(definitions[name], definitions)]
    for kind in EXPERIMENTS:
        body = definitions[f"experiment_{kind}"]
        parts += [f"## `[experiment.NAME]` of type `{kind}`", _keys(body, definitions)]
    for kind in INSTRUMENTS:
        parts += [f"## `[experiment.NAME.{kind}]`", definitions[kind].get("description", ""), _keys(definitions[kind], definitions)]
    parts += ["## `set`", 'Any parameter by name (`TRPM3.density = "1 1/pF"`); the names, units and ranges are in the tables of the [cells](cells/index.md).']
    return "\n\n".join(parts) + "\n"


def _keys(body: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    rows = []
    for name, key in body.get("properties", {}).items():
        default = "required" if name in body.get("required", ()) else _default(key)
        rows.append([f"<code>{name}</code>", escape(_kind(key)), default, _inline_code(key.get("description", "") or _about(key, definitions))])
    return table(("key", "type", "default", "meaning"), rows)


def _about(key: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    name = str(key.get("$ref", "")).rpartition("/")[2]
    return str(definitions.get(name, {}).get("description", ""))


def _default(key: Mapping[str, Any]) -> str:
    value = key.get("default")
    if value in (None, "", []) or isinstance(value, dict):
        return ""
    return f"<code>{escape(str(value).lower() if isinstance(value, bool) else str(value))}</code>"


def _kind(key: Mapping[str, Any]) -> str:
    if "enum" in key:
        return "one of " + ", ".join(map(str, key["enum"]))
    if "const" in key:
        return f'"{key["const"]}"'
    if "anyOf" in key:
        return " or ".join(_kind(k) for k in key["anyOf"] if k.get("type") != "null")
    if "$ref" in key:
        return "table"
    kinds = key.get("type", "value")
    if kinds == "array":
        return f"list of {_kind(key.get('items', {}))}"
    words = {"string": "quantity" if "pattern" in key else "text", "object": "table", "boolean": "true or false", "integer": "whole number"}
    names = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(words.get(k, k) for k in names)


def cli_page() -> str:
    """Help of every command, as the terminal shows it."""
    from nkcell_sim.cli import EPILOG, app

    parts = ["# Command line", EPILOG, "## nkcell", _help(app, [])]
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        parts += [f"## nkcell {name}", _help(app, [name])]
    for group in app.registered_groups:
        for command in group.typer_instance.registered_commands:
            words = [str(group.name), command.name or command.callback.__name__]
            parts += [f"## nkcell {' '.join(words)}", _help(app, words)]
    return "\n\n".join(parts) + "\n"


def _help(app: Any, words: list[str]) -> str:
    from typer.testing import CliRunner

    result = CliRunner().invoke(app, [*words, "--help"], prog_name="nkcell", env={"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"})
    return f"```text\n{result.output.strip()}\n```"


def outcomes_page() -> str:
    """How a run can end."""
    rows = [[f"<code>{name}</code>", escape(text), _inline_code(NEXT_STEP[name])] for name, text in OUTCOMES.items()]
    text = (
        "# Outcomes\n\nEvery run ends in one of these ways; the list is closed. A run that is not `ok` never stops its neighbours: its recorded values are "
        "NaN, and its `Outcome` keeps the time reached, the worst component, the number of steps, and the trace's `final` the last state. "
        "`trace.raise_for_status()` turns failed runs into one exception; `nkcell run` ends with exit code 1.\n\n"
    )
    return text + table(("status", "the run", "what to do"), rows) + "\n"


def _inline_code(text: str) -> str:
    pieces = escape(text.replace("``", "`")).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces))


class MainRun:
    """The naltrexone experiment, simulated once for the pages that show it."""

    def __init__(self, config: Path) -> None:
        from nkcell_sim.analysis.targets import rows, target_table
        from nkcell_sim.config import load_config
        from nkcell_sim.study import run

        self.text = config.read_text(encoding="utf-8")
        loaded = load_config(config)
        results = run(loaded.study, config=loaded.resolved)
        self.results = results.with_targets(rows(target_table(loaded.study, results)))

    def figure(self) -> bytes:
        """The figure as PNG."""
        from nkcell_sim.plots import plot_results

        with TemporaryDirectory() as folder:
            path = Path(folder) / "figure.png"
            plot_results(self.results, path)
            return path.read_bytes()

    def block(self, name: str) -> str:
        """One part as a code block: the configuration, an experiment's features, or the verdicts."""
        if name == "config":
            return f"```toml\n{self.text.strip()}\n```"
        from nkcell_sim.show import results_text

        parts = re.split(r"\n(?=[^\n]+\n─+\n)", results_text(self.results))
        part = next(p for p in parts if p.startswith(name))
        lines = [line for text in part.strip().splitlines() for line in (wrap(text, 130, subsequent_indent="        ") if "note:" in text else [text])]
        lines = lines[: next((i for i, line in enumerate(lines) if line.startswith("simulated ")), len(lines))]
        return "```text\n" + "\n".join(lines).strip() + "\n```"

    def targets_page(self) -> str:
        """Every target with the verdict of this run."""
        rows = []
        for t in self.results.targets:
            value = f"{escape(t['value'])}<br><small>{escape(t['remark'])}</small>"
            rows.append([t["id"], escape(t["statement"]), escape(t["band"]), escape(t["evidence"]), f"<strong>{t['verdict']}</strong>", value])
        text = (
            "# Targets\n\nThe verdict of the simulation on each published pattern, for the naltrexone experiment as shipped, computed for this page. "
            "[Targets and what they mean](../explanation/targets.md) explains the bands, the evidence and the misses. "
            "Bands with an asterisk are modelling choices. This is model output, not a laboratory result.\n\n"
        )
        return text + table(("id", "published pattern", "band", "evidence", "verdict", "simulation"), rows) + "\n"


def evidence_counts() -> str:
    """How the parameters of the primary cell are spread over the evidence codes."""
    cell = primary_nk_cell()
    shown = CellTables(cell.composition, cell)
    codes = [row[4] for component in cell.composition.components for row in shown.parameter_rows(component)]
    return table(("evidence", "meaning", "parameters"), [[c, escape(m), str(codes.count(c))] for c, m in tables.EVIDENCE_CODES.items()])
