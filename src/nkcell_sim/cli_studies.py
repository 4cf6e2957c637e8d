"""Commands for studies that are kept in a folder while they run: submit, status, resume, collect, pack, verify, and the work of one task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .cli_files import check_result_file, embedded_config
from .cli_runs import On, Overrides, Quiet, RetryLost, Scheduler, Virtual, Workers, chosen_executor, finish, leading, simulated, tables_of
from .errors import ResultsError
from .terminal import FAILED, OK, say, unfinished

if TYPE_CHECKING:
    from .study.folder import StudyFolder

EPILOG = "Exit codes: 0 done; 1 a run failed, or a file is not what it should be; 2 bad input, or a file that cannot be read or written; 130 interrupted."
Study = Annotated[str, typer.Argument(metavar="STUDY", help="Result file of the study, or its folder (FILE.h5.runs).")]


def add_to(app: typer.Typer) -> None:
    """Make the commands known."""
    app.command(epilog=EPILOG, short_help="Submit a configuration to Slurm.")(submit)
    app.command(epilog=EPILOG, short_help="Tell how far a study is.")(status)
    app.command(epilog=EPILOG, short_help="Go on with a study that was stopped.")(resume)
    app.command(epilog=EPILOG, short_help="Put together what is finished.")(collect)
    app.command(epilog=EPILOG, short_help="Join a result and its shards in one file.")(pack)
    app.command(epilog=EPILOG, short_help="Check a result file, and repeat some of its runs.")(verify)
    app.command(epilog=EPILOG, hidden=True)(work)


def submit(
    config: Annotated[str, typer.Argument(metavar="[CONFIG]", help="Configuration (TOML). Without it: the naltrexone experiment.")] = "",
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Result file; by default named after the configuration.")] = "",
    overrides: Overrides = [],  # noqa: B006
    workers: Annotated[int, typer.Option("--tasks", metavar="N", help="Tasks of the array; by default by the size of the study.", show_default=False)] = 0,
    partition: Annotated[str, typer.Option(metavar="NAME", help="Partition of the cluster.")] = "",
    account: Annotated[str, typer.Option(metavar="NAME", help="Account that is charged.")] = "",
    time: Annotated[str, typer.Option(metavar="TIME", help='Time limit of a task, "4 h" or 1-12:00:00.')] = "",
    memory: Annotated[str, typer.Option(metavar="SIZE", help='Memory of a task, "4 GB".')] = "",
    cpus: Annotated[int, typer.Option(metavar="N", help="Cores of a task, each with a process of its own (default: 1).", show_default=False)] = 0,
    quiet: Quiet = False,
) -> None:
    """Submit what is missing of a study to Slurm as an array job, and return; `nkcell status` follows it, `nkcell collect` writes the result file.

    Further options of sbatch, modules and the lines before Python go into [execution.slurm] of the configuration.
    """
    from dataclasses import replace

    from .config import load_config
    from .executors import Slurm
    from .study.arrays import submit_study
    from .study.plan import Plan
    from .study.runner import StudyRun
    from .study.shown import as_argument

    path = config or str(embedded_config())
    target = Path(output or f"{Path(path).stem}.h5")
    check_result_file(target, path)
    loaded = load_config(path, overrides)
    executor = loaded.executor if isinstance(loaded.executor, Slurm) else Slurm()
    given: dict[str, Any] = {"partition": partition, "account": account, "time": time, "memory": memory, "cpus_per_task": cpus}
    executor = Slurm(workers or executor.count, replace(executor.options, **{key: value for key, value in given.items() if value}))
    study = StudyRun(Plan(loaded.study), target.resolve(), executor, lambda done, total, what: None, config=loaded.resolved, asked=loaded.asked)
    shown = as_argument(target)
    with study.prepared() as (missing, folder):
        if not len(missing):
            if folder.exists:
                say(f"every run of this study is finished already; `nkcell collect {shown}` writes the result file")
            else:
                say(f"{target} is complete: it holds every run of this study, and nothing was submitted")
            return
        try:
            jobs = submit_study(folder, missing, executor)
        except BaseException:
            if not folder.files() and not folder.has_history:
                folder.remove()
            raise
    if not quiet:
        say(f"submitted {len(missing):,} runs to Slurm as job {', '.join(jobs)}; their folder is {folder.path.name}")
        say(f"follow them with `nkcell status {shown}`; when they have ended, `nkcell collect {shown}` writes the result file")


def work(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Folder of a study.")],
    task: Annotated[int, typer.Option(metavar="I", help="Number of the task, from 0.")],
    tasks: Annotated[int, typer.Option(metavar="N", help="Number of tasks.")],
    workers: Workers = 0,
) -> None:
    """Do one task's share of a submitted study; for batch scripts."""
    import os

    from .progress import ProgressBar
    from .study.arrays import work_on_share
    from .study.folder import StudyFolder

    cores = workers or int(os.environ.get("SLURM_CPUS_PER_TASK", "") or 1)
    try:
        with ProgressBar() as progress:
            driver = work_on_share(StudyFolder.of(folder), task, tasks, cores, progress)
    except KeyboardInterrupt:
        unfinished.append("what is finished of this share is kept")
        raise
    lost = int(driver.ledger.lost.sum())
    say(f"task {task} of {tasks} is done" + (f"; {lost} runs killed their workers" if lost else ""))


def status(study: Study) -> None:
    """Tell how many runs of a study are finished, how fast it goes, what failed and why, and who works on it now."""
    from .study.status import status_text

    say(status_text(study))


def resume(
    study: Study,
    on: On = "",
    workers: Workers = 0,
    scheduler: Scheduler = "",
    retry_lost: RetryLost = False,
    virtual: Virtual = False,
    quiet: Quiet = False,
) -> None:
    """Go on with a study where it was stopped, wherever it ran before, and write its result file; the configuration is not needed.

    With --on slurm the jobs ask for what those before them asked for (partition, time, memory and the like).
    """
    from dataclasses import replace

    from .executors import Slurm, Threads
    from .study.arrays import options_of
    from .study.folder import StudyFolder

    executor = chosen_executor(Threads(), on, workers, scheduler)
    with leading(executor) as first:
        if not first:
            return
        folder = StudyFolder.of(study)
        if isinstance(executor, Slurm):
            executor = replace(executor, options=options_of(folder))
        target = folder.result
        if not folder.is_beside(target):
            raise ResultsError(
                f"{str(target)!r} leads to {str(target.resolve())!r}, and {folder.path.name} is not beside that; move it there, or remove the link"
            )
        loaded = _loaded(folder)
        _say_where(folder, target, quiet)
        results, missing = simulated(loaded, quiet, target, executor=executor, retry_lost=retry_lost, virtual=virtual)
        finish(results, missing, target, None, quiet)


def collect(
    study: Study,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Result file; by default the one that the study was started for.")] = "",
    partial: Annotated[bool, typer.Option("--partial", help="Also when runs are missing; they are marked as not_run, and the folder stays.")] = False,
    virtual: Virtual = False,
    quiet: Quiet = False,
) -> None:
    """Write the result file of a study from what is finished."""
    from .study.folder import StudyFolder
    from .study.runner import collect_study

    folder = StudyFolder.of(study)
    target = Path(output) if output else folder.result
    loaded = _loaded(folder)
    if not output:
        _say_where(folder, target, quiet)
    check_result_file(target, str(folder.path / "study.json"))
    loaded.asked.check_packages()
    missing: list[str] = []
    tables = tables_of(loaded, missing)
    results, notes = collect_study(folder, target, config=loaded.resolved, tables=tables, asked=loaded.asked, partial=partial, virtual=virtual)
    if not quiet:
        for note in notes:
            say(note)
    finish(results, missing, target, None, quiet)


def pack(
    file: Annotated[str, typer.Argument(metavar="FILE.h5", help="Result file whose traces are in shards.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="File to write; by default the file itself: its folder goes then.")] = "",
) -> None:
    """Join a result file and the shards that it reads from, so that it can be moved."""
    from .study.runner import pack_study

    target = Path(output or file)
    if output:
        check_result_file(target, file)
    for note in pack_study(Path(file), target):
        say(note)
    say(f"wrote {target}")


def verify(
    file: Annotated[str, typer.Argument(metavar="FILE.h5", help="Result file.")],
    sample: Annotated[int, typer.Option(metavar="N", help="Runs that are computed again and compared bit for bit; 0 for none.")] = 16,
    seed: Annotated[int, typer.Option(metavar="N", help="Chooses them.")] = 0,
) -> None:
    """Read every number of a result file against its checksum, see that no run is missing, and compute a random sample of runs again."""
    from .config import parse_config
    from .results.verify import check
    from .study.repeat import repeat_sample

    report = check(file)
    say(str(report))
    if not (report.sound and report.complete):
        raise typer.Exit(FAILED)
    repeated = repeat_sample(file, sample, seed, lambda text, name: parse_config(text, name).study)
    say(str(repeated))
    raise typer.Exit(OK if repeated.equal else FAILED)


def _loaded(folder: StudyFolder) -> Any:
    """What a configuration would say, from the folder of its study."""
    from types import SimpleNamespace

    from .analysis.tables import Asked

    plan, asked = folder.load()
    return SimpleNamespace(study=plan.study, resolved=folder.config, asked=asked or Asked())


def _say_where(folder: StudyFolder, target: Path, quiet: bool) -> None:
    """A folder that was renamed has a result file of another name than it was started for."""
    started = str(folder.about["result"])
    if started and started != target.name and not quiet:
        say(f"{folder.path.name} was made as {started}.runs; its result file is {target.name} now")
