"""Options and steps that the commands which run studies share."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import NkcellError, ParameterError, ResultsError
from .terminal import FAILED, OK, received, say, stop_if_asked, unfinished, written

if TYPE_CHECKING:
    from .executors import Executor
    from .results import Results

UNFINISHED = "its tables"  # what an interrupt leaves out when the runs are done

Overrides = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change one key, e.g. experiment.imaging.pregs='100 uM'; may be repeated.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
On = Annotated[str, typer.Option("--on", metavar="WHERE", help="threads (default), processes, dask, mpi or slurm.")]
Workers = Annotated[int, typer.Option(metavar="N", help="Threads, processes, Dask workers or tasks of an array; by default one a core.", show_default=False)]
Scheduler = Annotated[str, typer.Option(metavar="ADDRESS", help="Scheduler of Dask that runs already, e.g. tcp://HOST:8786.")]
RetryLost = Annotated[bool, typer.Option("--retry-lost", help="Try runs again that ended as worker_lost.")]
Virtual = Annotated[bool, typer.Option("--virtual", help="Leave the large tables in the shards; `nkcell pack` joins them later.")]


def chosen_executor(default: Executor, on: str, workers: int, scheduler: str, options: dict[str, Any] | None = None) -> Executor:
    """The executor that the options ask for; what they leave out is as the configuration says."""
    from dataclasses import fields, replace

    from .executors import executor_of

    given = dict(options or {})
    if scheduler:
        given["scheduler"], on = scheduler, on or "dask"
    if on and on != default.name:
        return executor_of(on, workers or None, given)
    changed = {**given, **({"count": workers} if workers else {})}
    known = {field.name for field in fields(default)}  # type: ignore[arg-type]
    if not changed.keys() <= known:
        return executor_of(on or default.name, workers or None, given)  # says what is wrong
    return replace(default, **changed) if changed else default  # type: ignore[type-var]


def refuse_with_a_file(path: str, **given: Any) -> None:
    """Options that say where and how a study is run have no meaning where a result file is repeated, here and in memory."""
    wrong = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if wrong:
        said = f"got {', '.join(wrong)} with the result file {path!r}, which is repeated here, run by run, and compared"
        raise ParameterError(f"{said}; leave {'it' if len(wrong) == 1 else 'them'} out, or run the configuration that made it", name=wrong[0])


@contextmanager
def leading(executor: Executor) -> Iterator[bool]:
    """Whether this process does what is inside: False in those of an MPI job that work for rank 0 until it leaves, however it does."""
    if executor.name != "mpi":
        yield True
        return
    from .executors.mpi import leading as leading_the_job

    with leading_the_job() as first:
        yield first


def tables_of(config: Any, missing: list[str]) -> Callable[[Results], Results]:
    """What adds the tables that a configuration asks for; ``missing`` is told why any of them could not be computed."""

    def tables(results: Results) -> Results:
        from .analysis.tables import with_tables

        stop_if_asked()
        try:
            found, problems = with_tables(results, config.study, config.asked)
        except KeyboardInterrupt:  # tables are quick to repeat, the runs are not
            if not received:
                received.append(signal.SIGINT)
            missing.append(UNFINISHED)
            return results
        missing.extend(problems)
        return found

    return tables


def simulated(config: Any, quiet: bool, save: Path | None = None, **options: Any) -> tuple[Results, list[str]]:
    """Run a configuration's study, with the tables that it asks for; and why any of these could not be computed."""
    from .progress import ProgressBar
    from .study import run as run_study

    missing: list[str] = []
    notes: list[str] = []
    executor = options.pop("executor", None)
    told = {"config": config.resolved, "tables": tables_of(config, missing), "asked": config.asked, "note": notes.append}
    try:
        config.asked.check_packages()
        with ProgressBar(quiet=quiet) as progress:
            results = run_study(config.study, save, on=executor, progress=progress, **told, **options)
    except BaseException:
        _say_what_is_kept(save)
        raise
    for note in () if quiet else notes:
        say(note)
    return results, missing


def _say_what_is_kept(save: Path | None) -> None:
    """For the message of an interrupt: how much of the study is finished, and where."""
    from .study.folder import StudyFolder
    from .study.tally import tally

    folder = StudyFolder.beside(save) if save is not None else None
    about = folder.told if folder is not None else {}
    if folder is None or not about:
        return
    done = tally(about, folder.history(about["study"])).done
    if folder.files():
        unfinished.append(f"{done:,} of {about['runs']:,} runs are finished and kept in {folder.path.name}; the same command goes on from there")


def finish(results: Results, missing: list[str], target: Path, drawing: Path | None, quiet: bool) -> None:
    """Draw the figure, say what there is, and end with the exit code."""
    written.append(f"{target} (without {UNFINISHED})" if UNFINISHED in missing else str(target))
    stop_if_asked()
    problem = _figure_problem(results, drawing) if drawing is not None else ""
    if not quiet:
        from .show import results_text

        say(results_text(results))
        say("\n".join(f"wrote {name}" for name in written))
    if problem:
        raise ResultsError(f"the results are kept in {target}; the figure {drawing} was not drawn: {problem}")
    if missing:
        raise ResultsError(f"the results are kept in {target}; not computed: {'; '.join(missing)}")
    raise typer.Exit(FAILED if results.failed else OK)


def _figure_problem(results: Any, target: Path) -> str:
    """Draw the figure; why that failed, if it did: the results are kept without it."""
    from .plots import plot_results

    try:
        plot_results(results, target)
    except NkcellError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    written.append(str(target))
    return ""
