"""The command `nkcell`: arguments in, calls of the layers below, text out. Heavy packages load inside the commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from . import __version__
from .errors import NkcellError

EPILOG = "Exit codes: 0 all runs ok; 1 a run failed, or a repeated run differs from its file; 2 bad input; 130 interrupted."
OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
DEFAULT_CONFIG = "ntx_restoration.toml"

app = typer.Typer(
    name="nkcell",
    help="Simulate a natural killer cell: TRPM3, Ca2+ and the effect of naltrexone.",
    epilog=EPILOG,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"nkcell_sim {__version__}")
        raise typer.Exit


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False) -> None:
    pass


Overrides = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change one key, e.g. experiment.imaging.pregs='100 uM'; may be repeated.")]


@app.command(epilog=EPILOG)
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
    _check_folder(target)
    path = config or str(_embedded_config())
    results = _simulate(load_config(path, overrides), quiet)
    results.save(target)
    if not quiet:
        from .show import results_text

        print(results_text(results))
        print(f"wrote {target}")
    if figure:
        _draw(results, target.with_suffix(".png"), quiet=quiet)
    raise typer.Exit(FAILED if results.failed else OK)


@app.command(epilog=EPILOG)
def show(
    file: Annotated[str, typer.Argument(metavar="[CONFIG|FILE.h5]", help="Configuration (TOML) or result file. Without it: the naltrexone experiment.")] = "",
    overrides: Overrides = [],  # noqa: B006
) -> None:
    """Print the cell, the conditions and the protocol of a configuration, or the summary of a result file."""
    from . import show as text

    if file and _is_results(file):
        from .results import open_results

        print(text.results_text(open_results(file)))
        return
    from .config import load_config

    print(text.config_text(load_config(file or str(_embedded_config()), overrides)))


@app.command(epilog=EPILOG)
def plot(
    file: Annotated[str, typer.Argument(metavar="FILE.h5", help="Result file.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Figure (png, svg or pdf); by default named after the result file.")] = "",
) -> None:
    """Draw the figure of a result file."""
    from .results import open_results

    target = Path(output or Path(file).with_suffix(".png").name)
    _check_folder(target)
    _draw(open_results(file), target, quiet=False)


@app.command(epilog=EPILOG)
def info() -> None:
    """Print versions, the instruction set of the engine and the hash of every cell model."""
    import platform

    from .model.cells import COMPOSITIONS
    from .provenance import compiled_models, kernel_name, package_versions

    print(f"nkcell_sim {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    print(f"engine: {kernel_name()}")
    print("packages: " + ", ".join(f"{name} {version}" for name, version in package_versions().items()))
    print("cell models (hash of the equations):")
    compiled = compiled_models()
    for name, make in COMPOSITIONS.items():
        composition = make()
        state = "" if compiled.get(name) == composition.hash else "  NOT in the engine as it is: rebuild (pip install .)"
        print(f"  {name:<22} {composition.hash}  {len(composition.states):>3} states  {composition.description}{state}")


@app.command(epilog=EPILOG)
def schema() -> None:
    """Print the JSON Schema of configurations, for editors."""
    from .config import schema_text

    print(schema_text(), end="")


def _embedded_config() -> Path:
    return Path(__file__).with_name(DEFAULT_CONFIG)


def _is_results(path: str) -> bool:
    if Path(path).suffix == ".toml":
        return False
    from .results.reader import is_results

    return is_results(path)


def _check_folder(target: Path) -> None:
    """Find out before the work, not after it, that the result cannot be written."""
    from .errors import ResultsError

    if target.is_dir():
        raise ResultsError(f"got {str(target)!r} as the file to write, which is a folder; give a file name")
    if not target.parent.is_dir():
        raise ResultsError(f"cannot write {str(target)!r}: there is no folder {str(target.parent)!r}")


def _simulate(config: Any, quiet: bool) -> Any:
    """Run a configuration's study, with the table of targets if it asks for one."""
    from .progress import ProgressBar
    from .study import run as run_study

    with ProgressBar(quiet=quiet) as progress:
        results = run_study(config.study, progress=progress, config=config.resolved)
    if config.targets:
        from .analysis.targets import rows, target_table

        results = results.with_targets(rows(target_table(config.study, results)))
    return results


def _repeat(path: str, output: str, overrides: list[str], quiet: bool) -> int:
    """Run the configuration inside a result file again and compare."""
    from .config import parse_config
    from .errors import ResultsError
    from .results import compare, open_results

    before = open_results(path)
    if not before.config:
        raise ResultsError(f"{path!r} was made by a script, not from a configuration; run the script again and use nkcell_sim.results.compare")
    if output:
        _check_folder(Path(output))
    after = _simulate(parse_config(before.config, f"{path} (configuration inside)", overrides), quiet)
    if output:
        after.save(output)
    comparison = compare(before.root, after.root)
    if not quiet:
        _report_versions(before.provenance, after.provenance)
        print(f"{path}: {comparison}")
    return OK if comparison.equal and not after.failed else FAILED


def _report_versions(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Say what is different from the first run and may explain different numbers."""
    for name in ("nkcell_sim", "python", "kernel"):
        if before["software"][name] != after["software"][name]:
            print(f"{name} was {before['software'][name]}, is {after['software'][name]}")
    for name, equations in before["parameters"]["models"].items():
        if after["parameters"]["models"].get(name, equations) != equations:
            print(f"the equations or declarations of {name} have changed since ({equations}, now {after['parameters']['models'][name]})")


def _draw(results: Any, target: Path, *, quiet: bool) -> None:
    from .plots import plot_results

    plot_results(results, target)
    if not quiet:
        print(f"wrote {target}")


def main(arguments: list[str] | None = None) -> int:
    """Entry point: run the command and return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = int(app(args=given or ["--help"], prog_name="nkcell", standalone_mode=False) or OK)
    except NkcellError as error:
        print(f"nkcell: {error}", file=sys.stderr)
        return BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stdout = None
        return OK
    except Exception as error:
        if not hasattr(error, "format_message"):  # a usage error of the argument parser has one
            raise
        print(f"nkcell: {error.format_message()} (see nkcell --help)", file=sys.stderr)
        return BAD_INPUT
    if code == INTERRUPTED:
        print("nkcell: interrupted; nothing was written", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
