"""The command `nkcell`: arguments in, calls of the layers below, text out. Heavy packages load inside the commands."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

try:
    import typer

    from . import __version__
    from .errors import NkcellError, ResultsError
except KeyboardInterrupt:  # Ctrl-C before main() could listen for it
    sys.exit(130)

EPILOG = (
    "Exit codes: 0 all runs ok; 1 a run failed, or a repeated run differs from its file; "
    "2 bad input, or a file that cannot be read or written; 130 interrupted."
)
VALIDATE_EPILOG = "Exit codes: 0 judged, whatever the verdicts; 1 a run failed; 2 bad input; 130 interrupted."
TOLERANCE_EPILOG = "Exit codes: 0 the tolerance fits; 1 it is too loose, or a run failed; 2 bad input; 130 interrupted."
OK, FAILED, BAD_INPUT, SIGNALLED = 0, 1, 2, 128
DEFAULT_CONFIG = "ntx_restoration.toml"
UNFINISHED = "its tables"  # what an interrupt leaves out when the runs are done

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
        _say(f"nkcell_sim {__version__}")
        raise typer.Exit


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False) -> None:
    pass


Overrides = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change one key, e.g. experiment.imaging.pregs='100 uM'; may be repeated.")]


@app.command(epilog=EPILOG, short_help="Run a configuration, or repeat a result file.")
def run(
    config: Annotated[
        str, typer.Argument(metavar="[CONFIG|FILE.h5]", help="Configuration (TOML), or a result file to repeat. Without it: the naltrexone experiment.")
    ] = "",
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Result file; by default named after the configuration.")] = "",
    overrides: Overrides = [],  # noqa: B006 (typer reads the default, nobody changes it)
    figure: Annotated[bool, typer.Option(help="Draw a figure beside the result file.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Run a configuration, print the table and write results and figure; or repeat a result file and compare every number."""
    if config and _is_results(config):
        raise typer.Exit(_repeat(config, output, overrides, quiet))
    from .config import load_config

    target = Path(output or f"{Path(config or DEFAULT_CONFIG).stem}.h5")
    path = config or str(_embedded_config())
    _check_result_file(target, path)
    drawing = target.with_suffix(".png")
    if figure:
        _check_target(drawing, path)
    results, missing = _simulate(load_config(path, overrides), quiet)
    results.save(target)
    _written.append(f"{target} (without {UNFINISHED})" if UNFINISHED in missing else str(target))
    _stop_if_asked()
    problem = _figure_problem(results, drawing) if figure else ""
    if not quiet:
        from .show import results_text

        _say(results_text(results))
        _say("\n".join(f"wrote {name}" for name in _written))
    if problem:
        raise ResultsError(f"the results are kept in {target}; the figure {drawing} was not drawn: {problem}")
    if missing:
        raise ResultsError(f"the results are kept in {target}; not computed: {'; '.join(missing)}")
    raise typer.Exit(FAILED if results.failed else OK)


@app.command(epilog=EPILOG, short_help="Print a configuration or a result file.")
def show(
    file: Annotated[str, typer.Argument(metavar="[CONFIG|FILE.h5]", help="Configuration (TOML) or result file. Without it: the naltrexone experiment.")] = "",
    overrides: Overrides = [],  # noqa: B006
    everything: Annotated[bool, typer.Option("--all", help="Every feature of a grid, not only those that differ most.")] = False,
) -> None:
    """Print the cell, the conditions and the protocol of a configuration, or the summary of a result file."""
    from . import show as text

    if file and _is_results(file):
        with _reading(file) as results:
            said = text.results_text(results, everything=everything)
        _say(said)
        return
    from .config import load_config

    _say(text.config_text(load_config(file or str(_embedded_config()), overrides)))


@app.command("check-tolerance", epilog=TOLERANCE_EPILOG, short_help="Tell whether the tolerance fits the question.")
def check_tolerance(
    config: Annotated[str, typer.Argument(metavar="[CONFIG]", help="Configuration (TOML). Without it: the naltrexone experiment.")] = "",
    overrides: Overrides = [],  # noqa: B006
    everything: Annotated[bool, typer.Option("--all", help="Every measure, not only those with the largest errors.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Tell whether the tolerance of a configuration fits its question: errors of its measures against the differences between its conditions."""
    from .analysis.tolerances import check_tolerance as check
    from .config import load_config
    from .progress import ProgressBar
    from .show import tolerance_text

    study = load_config(config or str(_embedded_config()), overrides).study
    with ProgressBar(quiet=quiet) as progress:
        report = check(study, progress=progress)
    _stop_if_asked()
    if not quiet:
        _say(tolerance_text(report, everything=everything))
    raise typer.Exit(OK if report.fits else FAILED)


@app.command(epilog=EPILOG)
def plot(
    file: Annotated[str, typer.Argument(metavar="FILE.h5", help="Result file.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Figure (png, svg or pdf); by default named after the result file.")] = "",
) -> None:
    """Draw the figure of a result file."""
    from .plots import plot_results

    target = Path(output or Path(file).with_suffix(".png").name)
    _check_target(target, file)
    with _reading(file) as results:
        plot_results(results, target)
    _say(f"wrote {target}")


@app.command(epilog=EPILOG, short_help="Write a result file as one page of HTML.")
def report(
    file: Annotated[str, typer.Argument(metavar="FILE.h5", help="Result file.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Page (html); by default named after the result file.")] = "",
) -> None:
    """Write figures, tables, verdicts and origin of a result file as one HTML page that needs nothing else."""
    from .report import write_report

    target = Path(output or Path(file).with_suffix(".html").name)
    _check_target(target, file)
    with _reading(file) as results:
        write_report(results, target)
    _say(f"wrote {target}")


@app.command(epilog=VALIDATE_EPILOG, short_help="Judge the model by the published patterns.")
def validate(
    config: Annotated[str, typer.Argument(metavar="[CONFIG]", help="Configuration (TOML). Without it: the naltrexone experiment.")] = "",
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Also write the runs with the table as a result file.")] = "",
    overrides: Overrides = [],  # noqa: B006
    donors: Annotated[int, typer.Option(metavar="N", help="Simulated donors a group behind the cohort's target T14; 0 leaves it out.")] = 40,
    seed: Annotated[int, typer.Option(metavar="N", help="Names the random numbers of the cohort.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Judge the model by the published patterns T1-T14: value, band, evidence and verdict of each, and why one is missed."""
    from .analysis.targets import as_text, rows
    from .analysis.validation import validate as judge
    from .config import load_config
    from .progress import ProgressBar
    from .show import PAPERS, heading, wrapped

    path = config or str(_embedded_config())
    if output:
        _check_result_file(Path(output), path)
    loaded = load_config(path, overrides)
    with ProgressBar(quiet=quiet) as progress:
        found = judge(loaded.study, donors=donors, seed=seed, progress=progress, config=loaded.resolved)
    _stop_if_asked()
    if output:
        found.results.with_targets(rows(found.targets)).save(output)
        _written.append(output)
    if not quiet:
        _say("\n".join([heading(f"Published patterns: {loaded.title or path}"), as_text(found.targets), wrapped(PAPERS)]))
        _say("\n".join(f"wrote {name}" for name in _written), end="\n" if _written else "")
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
        _check_target(target, source)
    chosen = choose(source, overrides, condition=condition, experiment=experiment)
    text = to_sbml(chosen.cell, chosen.protocol)
    if output == "-":
        _say(text, end="")
        return
    with replacing(target) as place:
        place.partial.write_text(text, encoding="utf-8")
    _written.append(str(target))
    _say(f"{chosen.said}\nwrote {target}")


@app.command(epilog=EPILOG, short_help="Print versions, instruction set and cell models.")
def info() -> None:
    """Print versions, the instruction set of the engine and the hash of every cell model."""
    import platform

    from .model.cells import COMPOSITIONS
    from .provenance import compiled_models, kernel_name, package_versions

    _say(f"nkcell_sim {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    _say(f"engine: {kernel_name()}")
    _say("packages: " + ", ".join(f"{name} {version}" for name, version in package_versions().items()))
    _say("cell models (hash of the equations):")
    compiled = compiled_models()
    for name, make in COMPOSITIONS.items():
        composition = make()
        state = "" if compiled.get(name) == composition.hash else "  NOT in the engine as it is: rebuild (pip install .)"
        _say(f"  {name:<22} {composition.hash}  {len(composition.states):>3} states  {composition.description}{state}")


@app.command(epilog=EPILOG)
def schema() -> None:
    """Print the JSON Schema of configurations, for editors."""
    from .config import schema_text

    _say(schema_text(), end="")


def _embedded_config() -> Path:
    return Path(__file__).with_name(DEFAULT_CONFIG)


def _is_results(path: str) -> bool:
    if Path(path).suffix == ".toml":
        return False
    from .results.reader import is_results

    return is_results(path)


def _check_target(target: Path, source: str) -> None:
    """Find out before the work, not after it, that a file cannot be written or is the one that is read."""
    from .results.target import checked_target

    real = checked_target(target)
    if real == Path(source).resolve() or (real.exists() and Path(source).exists() and real.samefile(source)):
        raise ResultsError(f"got {str(target)!r} as the file to write, which is the file to read; give another name with -o")


def _check_result_file(target: Path, source: str) -> None:
    """The same for a result file, whose name must say what it is."""
    from .results.target import SUFFIXES

    _check_target(target, source)
    if target.suffix.lower() not in SUFFIXES:
        hint = "; the figure is drawn beside it, or by `nkcell plot FILE.h5 -o NAME`" if target.suffix.lower() in (".png", ".svg", ".pdf") else ""
        raise ResultsError(f"got {str(target)!r} as the result file; expected a name ending in {', '.join(SUFFIXES)}, for example {target.stem}.h5{hint}")


@contextmanager
def _reading(path: str) -> Iterator[Any]:
    """The results in a file; what is missing in a damaged one becomes one error wherever it is noticed."""
    from .results import open_results

    results = open_results(path)
    try:
        yield results
    except (LookupError, AttributeError, ValueError, TypeError, AssertionError) as error:
        what = f"no {error.args[0]!r}" if isinstance(error, KeyError) and error.args else str(error) or type(error).__name__
        raise ResultsError(f"{path!r} is damaged or was changed ({what}); restore it from a copy or repeat the run") from error


def _simulate(config: Any, quiet: bool) -> tuple[Any, list[str]]:
    """Run a configuration's study, with the tables that it asks for; and why any of these could not be computed."""
    from .analysis.tables import with_tables
    from .progress import ProgressBar
    from .study import run as run_study

    config.asked.check_packages()
    with ProgressBar(quiet=quiet) as progress:
        results = run_study(config.study, progress=progress, config=config.resolved)
    _stop_if_asked()
    try:
        return with_tables(results, config.study, config.asked)
    except KeyboardInterrupt:  # tables are quick to repeat, the runs are not
        if not _received:
            _received.append(signal.SIGINT)
        return results, [UNFINISHED]


def _repeat(path: str, output: str, overrides: list[str], quiet: bool) -> int:
    """Run the configuration inside a result file again and compare."""
    from .config import parse_config
    from .results import compare

    with _reading(path) as before:
        recorded = before.provenance
    if not before.config:
        raise ResultsError(f"{path!r} was made by a script, not from a configuration; run the script again and use nkcell_sim.results.compare")
    if output:
        _check_result_file(Path(output), path)
    after, missing = _simulate(parse_config(before.config, f"{path} (configuration inside)", overrides), quiet)
    _stop_if_asked()
    if output:
        after.save(output)
        _written.append(output)
    comparison = compare(before.root, after.root)
    if not quiet:
        _report_versions(recorded, after.provenance)
        _say(f"{path}: {comparison}")
    if missing:
        raise ResultsError(f"not computed: {'; '.join(missing)}")
    return OK if comparison.equal and not after.failed else FAILED


def _report_versions(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Say what is different from the first run and may explain different numbers."""
    for name in ("nkcell_sim", "python", "kernel"):
        if before["software"][name] != after["software"][name]:
            _say(f"{name} was {before['software'][name]}, is {after['software'][name]}")
    for name, equations in before["parameters"]["models"].items():
        if after["parameters"]["models"].get(name, equations) != equations:
            _say(f"the equations or declarations of {name} have changed since ({equations}, now {after['parameters']['models'][name]})")


def _figure_problem(results: Any, target: Path) -> str:
    """Draw the figure; why that failed, if it did: the results are kept without it."""
    from .plots import plot_results

    try:
        plot_results(results, target)
    except NkcellError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    _written.append(str(target))
    return ""


# Files that this command has finished.
_written: list[str] = []
# Signals that have arrived; kept because a library may swallow the KeyboardInterrupt.
_received: list[int] = []


def _say(text: str, end: str = "\n") -> None:
    """Print; a reader who has seen enough (`nkcell show | head`) is no reason to stop the work."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        _silence()


def _silence() -> None:
    """Send the rest of the output nowhere, also what Python still holds when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        sys.stdout = os.fdopen(os.dup(nowhere), "w")
    os.close(nowhere)


@contextmanager
def _listening() -> Iterator[None]:
    """Remember Ctrl-C and SIGTERM, both raised as KeyboardInterrupt, which every layer below cleans up after."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def received(number: int, _: object) -> None:
        _received.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, received) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _stop_if_asked() -> None:
    if _received:
        raise KeyboardInterrupt


def _shifted(said: str) -> str:
    """An error with its further lines moved as far as its name moved the first, so that carets stay under what they mark."""
    return said.replace("\n", "\n" + " " * len("nkcell: "))


def main(arguments: list[str] | None = None) -> int:
    """Entry point: run the command and return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    _written.clear()
    _received.clear()
    if hasattr(sys.stdout, "reconfigure"):
        with suppress(OSError, ValueError):
            sys.stdout.reconfigure(errors="replace")  # a terminal without the sign for µ shows a question mark
    try:
        with _listening():
            code = _outcome(given)
    except KeyboardInterrupt:  # between two statements of the handling itself
        _received.append(signal.SIGINT)
        code = BAD_INPUT
    if not _received:
        return code
    kept = f"{', '.join(_written)} is complete" if _written else "nothing was written"
    with suppress(OSError):
        print(f"nkcell: interrupted; {kept}", file=sys.stderr)
    return SIGNALLED + _received[0]


def _outcome(given: list[str]) -> int:
    """Exit code of a command; every foreseeable error is one message."""
    try:
        code = int(app(args=given or ["--help"], prog_name="nkcell", standalone_mode=False) or OK)
        if code == SIGNALLED + signal.SIGINT:  # the argument parser took the KeyboardInterrupt
            _received.append(signal.SIGINT)
        return code
    except (KeyboardInterrupt, typer.Abort):
        _received.append(signal.SIGINT)
        return SIGNALLED
    except SystemExit:  # how the argument parser answers a closed pipe
        _silence()
        return OK
    except BrokenPipeError:
        _silence()
        return OK
    except Exception as error:
        problem = _message(error)
        if _received:  # an interrupted import can fail in any way
            return SIGNALLED
        if not problem:
            raise
    kept = f" ({', '.join(_written)} is complete)" if _written and not problem.startswith("the results are kept") else ""
    with suppress(OSError):
        print(_shifted(f"nkcell: {problem}{kept}"), file=sys.stderr)
    return BAD_INPUT


def _message(error: Exception) -> str:
    """What to tell about an error in the input or the machine; empty for one in this package."""
    if isinstance(error, NkcellError):
        return str(error)
    if hasattr(error, "format_message"):  # a usage error of the argument parser
        return f"{error.format_message()} (see nkcell --help)"
    if isinstance(error, OSError):
        if error.filename is None:
            _silence()  # most likely the output itself, which Python would try once more at its end
        where = f" {str(error.filename)!r}" if error.filename is not None else " the output"
        return f"cannot read or write{where}: {error.strerror or error}"
    if isinstance(error, MemoryError):
        return "out of memory; make the study smaller (fewer runs, traces or samples)"
    if isinstance(error, RecursionError):
        return "the input is nested too deeply"
    if isinstance(error, UnicodeError):
        return f"a text cannot be read or written in its encoding; configurations are UTF-8 ({error})"
    return ""


if __name__ == "__main__":
    sys.exit(main())
