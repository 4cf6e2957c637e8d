"""The command `nkcell`: arguments in, calls of the layers below, text out. Heavy packages load inside the commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

try:
    import typer

    from . import __version__, cli_studies
    from .cli_files import DEFAULT_CONFIG, check_result_file, check_target, embedded_config, is_results, reading
    from .cli_runs import On, Overrides, Quiet, RetryLost, Scheduler, Virtual, Workers, chosen_executor, finish, leading, refuse_with_a_file, simulated
    from .errors import ResultsError
    from .terminal import FAILED, OK, ended, say, stop_if_asked, written
except KeyboardInterrupt:  # Ctrl-C before main() could listen for it
    sys.exit(130)

EPILOG = (
    "Exit codes: 0 all runs ok; 1 a run failed, or a repeated run differs from its file; "
    "2 bad input, or a file that cannot be read or written; 130 interrupted."
)
VALIDATE_EPILOG = "Exit codes: 0 judged, whatever the verdicts; 1 a run failed; 2 bad input; 130 interrupted."
TOLERANCE_EPILOG = "Exit codes: 0 the tolerance fits; 1 it is too loose, or a run failed; 2 bad input; 130 interrupted."

app = typer.Typer(
    name="nkcell",
    help="Simulate a natural killer cell: TRPM3, Ca2+ and the effect of naltrexone.",
    epilog=EPILOG,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

export = typer.Typer(help="Write the model for other programs.", rich_markup_mode=None)
app.add_typer(export, name="export")


def _version(wanted: bool) -> None:
    if wanted:
        say(f"nkcell_sim {__version__}")
        raise typer.Exit


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False) -> None:
    pass


@app.command(epilog=EPILOG, short_help="Run a configuration, or repeat a result file.")
def run(
    config: Annotated[
        str, typer.Argument(metavar="[CONFIG|FILE.h5]", help="Configuration (TOML), or a result file to repeat. Without it: the naltrexone experiment.")
    ] = "",
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Result file; by default named after the configuration.")] = "",
    overrides: Overrides = [],  # noqa: B006 (typer reads the default, nobody changes it)
    figure: Annotated[bool, typer.Option(help="Draw a figure beside the result file.")] = True,
    on: On = "",
    workers: Workers = 0,
    scheduler: Scheduler = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute every run again, whatever is finished already.")] = False,
    retry_lost: RetryLost = False,
    virtual: Virtual = False,
    quiet: Quiet = False,
) -> None:
    """Run a configuration, print the table and write results and figure; or repeat a result file and compare every number.

    The same command again goes on where an earlier one was stopped: what is finished is kept beside the result file and not computed again.
    """
    if config and is_results(config):
        refuse_with_a_file(config, on=on, workers=workers, scheduler=scheduler, fresh=fresh, retry_lost=retry_lost, virtual=virtual)
        raise typer.Exit(_repeat(config, output, overrides, quiet))
    from .config import load_config

    target = Path(output or f"{Path(config or DEFAULT_CONFIG).stem}.h5")
    path = config or str(embedded_config())
    check_result_file(target, path)
    drawing = target.with_suffix(".png")
    if figure:
        check_target(drawing, path)
    loaded = load_config(path, overrides)
    executor = chosen_executor(loaded.executor, on, workers, scheduler)
    with leading(executor) as first:
        if first:
            results, missing = simulated(loaded, quiet, target, executor=executor, fresh=fresh, retry_lost=retry_lost, virtual=virtual)
            finish(results, missing, target, drawing if figure else None, quiet)


cli_studies.add_to(app)


@app.command(epilog=EPILOG, short_help="Print a configuration or a result file.")
def show(
    file: Annotated[str, typer.Argument(metavar="[CONFIG|FILE.h5]", help="Configuration (TOML) or result file. Without it: the naltrexone experiment.")] = "",
    overrides: Overrides = [],  # noqa: B006
    everything: Annotated[bool, typer.Option("--all", help="Every feature of a grid, not only those that differ most.")] = False,
) -> None:
    """Print the cell, the conditions and the protocol of a configuration, or the summary of a result file."""
    from . import show as text

    if file and is_results(file):
        with reading(file) as results:
            said = text.results_text(results, everything=everything)
        say(said)
        return
    from .config import load_config

    say(text.config_text(load_config(file or str(embedded_config()), overrides)))


@app.command("check-tolerance", epilog=TOLERANCE_EPILOG, short_help="Tell whether the tolerance fits the question.")
def check_tolerance(
    config: Annotated[str, typer.Argument(metavar="[CONFIG]", help="Configuration (TOML). Without it: the naltrexone experiment.")] = "",
    overrides: Overrides = [],  # noqa: B006
    everything: Annotated[bool, typer.Option("--all", help="Every measure, not only those with the largest errors.")] = False,
    quiet: Quiet = False,
) -> None:
    """Tell whether the tolerance of a configuration fits its question: errors of its measures against the differences between its conditions."""
    from .analysis.tolerances import check_tolerance as check
    from .config import load_config
    from .progress import ProgressBar
    from .show import tolerance_text

    study = load_config(config or str(embedded_config()), overrides).study
    with ProgressBar(quiet=quiet) as progress:
        report = check(study, progress=progress)
    stop_if_asked()
    if not quiet:
        say(tolerance_text(report, everything=everything))
    raise typer.Exit(OK if report.fits else FAILED)


@app.command(epilog=EPILOG)
def plot(
    file: Annotated[str, typer.Argument(metavar="FILE.h5", help="Result file.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Figure (png, svg or pdf); by default named after the result file.")] = "",
) -> None:
    """Draw the figure of a result file."""
    from .plots import plot_results

    target = Path(output or Path(file).with_suffix(".png").name)
    check_target(target, file)
    with reading(file) as results:
        plot_results(results, target)
    say(f"wrote {target}")


@app.command(epilog=EPILOG, short_help="Write a result file as one page of HTML.")
def report(
    file: Annotated[str, typer.Argument(metavar="FILE.h5", help="Result file.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Page (html); by default named after the result file.")] = "",
) -> None:
    """Write figures, tables, verdicts and origin of a result file as one HTML page that needs nothing else."""
    from .report import write_report

    target = Path(output or Path(file).with_suffix(".html").name)
    check_target(target, file)
    with reading(file) as results:
        write_report(results, target)
    say(f"wrote {target}")


@app.command(epilog=VALIDATE_EPILOG, short_help="Judge the model by the published patterns.")
def validate(
    config: Annotated[str, typer.Argument(metavar="[CONFIG]", help="Configuration (TOML). Without it: the naltrexone experiment.")] = "",
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Also write the runs with the table as a result file.")] = "",
    overrides: Overrides = [],  # noqa: B006
    donors: Annotated[int, typer.Option(metavar="N", help="Simulated donors a group behind the cohort's target T14; 0 leaves it out.")] = 40,
    seed: Annotated[int, typer.Option(metavar="N", help="Names the random numbers of the cohort.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Judge the model by the published patterns T1-T14: value, band, evidence and verdict of each, and why one is missed."""
    from .analysis.targets import as_text, rows
    from .analysis.validation import validate as judge
    from .config import load_config
    from .progress import ProgressBar
    from .show import PAPERS, heading, wrapped

    path = config or str(embedded_config())
    if output:
        check_result_file(Path(output), path)
    loaded = load_config(path, overrides)
    with ProgressBar(quiet=quiet) as progress:
        found = judge(loaded.study, donors=donors, seed=seed, progress=progress, config=loaded.resolved)
    stop_if_asked()
    if output:
        found.results.with_targets(rows(found.targets)).save(output)
        written.append(output)
    if not quiet:
        say("\n".join([heading(f"Published patterns: {loaded.title or path}"), as_text(found.targets), wrapped(PAPERS)]))
        say("\n".join(f"wrote {name}" for name in written), end="\n" if written else "")
    raise typer.Exit(FAILED if found.failed else OK)


@export.command(epilog=EPILOG, short_help="Write a cell and its protocol as SBML.")
def sbml(
    source: Annotated[str, typer.Argument(metavar="CONFIG|CELL", help="Configuration (TOML), or the name of a cell (see nkcell info).")],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="SBML file, - for the terminal; by default named after the configuration or the cell.")
    ] = "",
    overrides: Overrides = [],  # noqa: B006
    condition: Annotated[str, typer.Option(metavar="NAME", help="Condition of the configuration (default: the first); for a cell, a phenotype.")] = "",
    experiment: Annotated[str, typer.Option(metavar="NAME", help="Experiment of the configuration (default: the first).")] = "",
) -> None:
    """Write a cell, with the protocol of a configuration's experiment, as SBML Level 3 Version 2."""
    from .codegen.sbml import to_sbml
    from .export import choose
    from .results.target import replacing

    target = Path(output or f"{Path(source).stem}.xml")
    if output != "-":
        check_target(target, source)
    chosen = choose(source, overrides, condition=condition, experiment=experiment)
    text = to_sbml(chosen.cell, chosen.protocol)
    if output == "-":
        say(text, end="")
        return
    with replacing(target) as place:
        place.partial.write_text(text, encoding="utf-8")
    written.append(str(target))
    say(f"{chosen.said}\nwrote {target}")


@app.command(epilog=EPILOG, short_help="Print versions, instruction set and cell models.")
def info() -> None:
    """Print versions, the instruction set of the engine and the hash of every cell model."""
    import platform

    from .model.cells import COMPOSITIONS
    from .provenance import compiled_models, kernel_name, package_versions

    say(f"nkcell_sim {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    say(f"engine: {kernel_name()}")
    say("packages: " + ", ".join(f"{name} {version}" for name, version in package_versions().items()))
    say("cell models (hash of the equations):")
    compiled = compiled_models()
    for name, make in COMPOSITIONS.items():
        composition = make()
        state = "" if compiled.get(name) == composition.hash else "  NOT in the engine as it is: rebuild (pip install .)"
        say(f"  {name:<22} {composition.hash}  {len(composition.states):>3} states  {composition.description}{state}")


@app.command(epilog=EPILOG)
def schema() -> None:
    """Print the JSON Schema of configurations, for editors."""
    from .config import schema_text

    say(schema_text(), end="")


def _repeat(path: str, output: str, overrides: list[str], quiet: bool) -> int:
    """Run the configuration inside a result file again and compare."""
    from .config import parse_config
    from .results import compare

    with reading(path) as before:
        recorded = before.provenance
    if not before.config:
        raise ResultsError(f"{path!r} was made by a script, not from a configuration; run the script again and use nkcell_sim.results.compare")
    if output:
        check_result_file(Path(output), path)
    after, missing = simulated(parse_config(before.config, f"{path} (configuration inside)", overrides), quiet)
    stop_if_asked()
    if output:
        after.save(output)
        written.append(output)
    comparison = compare(before.root, after.root)
    if not quiet:
        _report_versions(recorded, after.provenance)
        say(f"{path}: {comparison}")
    if missing:
        raise ResultsError(f"not computed: {'; '.join(missing)}")
    return OK if comparison.equal and not after.failed else FAILED


def _report_versions(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Say what is different from the first run and may explain different numbers."""
    for name in ("nkcell_sim", "python", "kernel"):
        if before["software"][name] != after["software"][name]:
            say(f"{name} was {before['software'][name]}, is {after['software'][name]}")
    for name, equations in before["parameters"]["models"].items():
        if after["parameters"]["models"].get(name, equations) != equations:
            say(f"the equations or declarations of {name} have changed since ({equations}, now {after['parameters']['models'][name]})")


def main(arguments: list[str] | None = None) -> int:
    """Entry point: run the command and return its exit code."""
    return ended(app, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
