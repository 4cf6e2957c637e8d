"""A study as arrays of Slurm: what is missing is divided among tasks, submitted, and waited for; what was lost on the way is submitted again."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ClusterError, NkcellError, ParameterError, ResultsError
from ..executors import Executor, Slurm
from ..executors.processes import Processes
from ..executors.slurm_jobs import PATIENCE, cancel, jobs_named, max_array_size, state, stuck, submit, unfinished, waiting_for
from ..executors.slurm_options import SlurmOptions
from ..executors.slurm_scripts import tasks_within
from ..results.target import replacing
from .collecting import Found, add_shards
from .driver import Driver, Ledger, Progress
from .folder import JOBS, StudyFolder
from .journal import positions_of, spans_of
from .orders import Orders

BLOCK = 64  # runs in a row that go to one task: neighbours take alike long, so that shares of many blocks do, too
ROUNDS_WITHOUT_NEWS = 3  # submissions in a row that may end with nothing finished and nothing new known of deaths
ROUNDS_OF_DEATHS = 30  # and with nothing but deaths: enough to halve the largest chunk until the run that kills its task is alone, and to give that up
ASKING, TAKING_BACK = 30.0, 10.0  # s of patience with Slurm when it is asked for jobs by their names, and after something went wrong
ON_ITS_WAY = 30.0  # s after which an sbatch whose process was killed has submitted its job, or will not
POLL = 2.0  # s between looks
RUNS_A_TASK = 20_000  # where nobody says how many tasks
SAID = 100  # characters of what Slurm says instead of an answer
SHARES, OPTIONS = "slurm/shares.json", "slurm/options.json"
HELD = ("launch failed requeued held", "launch_failed_requeued_held")  # a node was lost while it started them: nobody but an administrator would let them go


def submit_study(folder: StudyFolder, missing: np.ndarray, executor: Slurm) -> tuple[str, ...]:
    """Divide the missing runs (positions) among tasks and submit them; returns the numbers of the jobs."""
    tasks = executor.count or executor.options.tasks or max(1, -(-len(missing) // RUNS_A_TASK))
    tasks = min(tasks, max(1, -(-len(missing) // 8)))
    tasks = tasks_within(executor.options, tasks, max_array_size())  # before the first one can start and ask for its share
    Orders(folder.attempts).close()  # of tasks that Slurm believes lost
    (folder.path / "slurm").mkdir(exist_ok=True)
    _write(folder, OPTIONS, asdict(executor.options))
    _write(folder, SHARES, {"missing": spans_of(missing.tolist()), "tasks": tasks})
    names: list[str] = []

    def intend(given: Sequence[str]) -> None:
        names.extend(given)
        _write(folder, JOBS, {"names": names})

    try:
        done = submit(folder.path, executor.options, tasks, intend=intend)
    except BaseException as error:
        with suppress(NkcellError, OSError):  # Slurm does not say that nothing is left: whoever comes next asks it again
            if isinstance(error, Exception) and names and not unfinished(state(jobs_named(names, patience=TAKING_BACK), patience=TAKING_BACK)):
                (folder.path / JOBS).unlink()
        raise
    _write(folder, JOBS, {"names": names, "jobs": list(done.jobs), "tasks": done.tasks})
    return done.jobs


def options_of(folder: StudyFolder) -> SlurmOptions:
    """What the jobs that were submitted last asked for; the cluster's defaults when there were none."""
    try:
        return SlurmOptions(**json.loads((folder.path / OPTIONS).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return SlurmOptions()
    except (OSError, ValueError, TypeError, ParameterError) as error:
        raise ResultsError(f"cannot read {OPTIONS} in {str(folder.path)!r} ({error}); correct or remove it, or submit the configuration again") from error


def _write(folder: StudyFolder, name: str, content: Any) -> None:
    with replacing(folder.path / name) as place:
        place.partial.write_text(json.dumps(content), encoding="utf-8")


def jobs_of(folder: StudyFolder, *, patience: float = ASKING, on_its_way: float | None = None) -> list[str]:
    """Numbers of the jobs that were submitted last; Slurm is asked for them by name when the process that submitted them ended before it noted them."""
    path = folder.path / JOBS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if "jobs" in found:
            return [str(job) for job in found["jobs"]]
        names, age = [str(name) for name in found["names"]], time.time() - path.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError):
        return []
    if not shutil.which("squeue"):
        return []
    end = time.monotonic() + (ON_ITS_WAY if on_its_way is None else on_its_way) - max(0.0, age)
    while len(jobs := jobs_named(names, patience=patience)) < len(names) and time.monotonic() < end:
        time.sleep(1.0)
    return jobs


def share_of(folder: StudyFolder, task: int, tasks: int) -> np.ndarray:
    """Positions of the runs that fall to one task: blocks in turn, so that dear and cheap runs are spread."""
    try:
        found = json.loads((folder.path / SHARES).read_text(encoding="utf-8"))
        missing, planned = np.array(positions_of(found["missing"]), dtype=np.int64), int(found["tasks"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"cannot read {SHARES} in {str(folder.path)!r} ({error}); submit the study again") from error
    if planned != tasks or not 0 <= task < tasks:
        raise ResultsError(f"got task {task} of {tasks}; the study was divided among {planned} (a later submission?), counted from 0")
    block = max(1, min(BLOCK, len(missing) // tasks))
    return missing[np.arange(len(missing)) // block % tasks == task]


def work_on_share(folder: StudyFolder, task: int, tasks: int, workers: int, progress: Progress) -> Driver:
    """Do the share of one task, in processes of its node that are seen when they die."""
    about = folder.about
    plan, _ = folder.load(about["recipe"])
    found = Found.nowhere(plan)
    add_shards(found, plan, folder, check=False)
    only = np.zeros(len(plan), dtype=bool)
    only[share_of(folder, task, tasks)] = True
    executor: Executor = Processes(workers)
    driver = Driver(plan, folder, about["recipe"], executor, found.known, progress, only=only, share=f"task{task}")
    driver.run()
    return driver


def run_arrays(driver: Driver, executor: Slurm) -> None:
    """Submit what is missing and wait for it, again and again until every run is finished or given up; jobs that still run from before are waited for first."""
    ledger, without_news, only_deaths = driver.ledger, 0, 0  # submissions in a row
    _wait(driver, jobs_of(driver.folder, patience=PATIENCE))
    driver.learn()
    while len(missing := np.flatnonzero(ledger.clean | ledger.suspects)):
        settled, counted = _settled(ledger), ledger.evidence
        _wait(driver, submit_study(driver.folder, missing, executor))
        driver.learn()
        further = _settled(ledger) > settled
        without_news = 0 if further or ledger.evidence > counted else without_news + 1
        only_deaths = 0 if further else only_deaths + 1
        if without_news == ROUNDS_WITHOUT_NEWS or only_deaths == ROUNDS_OF_DEATHS:
            raise ClusterError(f"{only_deaths} arrays of Slurm ended without a finished run; see {_last_words(driver.folder.path)}. {driver.kept()}")


def _settled(ledger: Ledger) -> int:
    """Number of runs that are finished or given up."""
    return int((ledger.finished | ledger.lost).sum())


def _wait(driver: Driver, jobs: Sequence[str]) -> None:
    """Until the jobs have ended or left the queue; an error on the way says what becomes of them."""
    if not jobs:
        return
    try:
        problem = _watched(driver, jobs)
    except KeyboardInterrupt:
        try:
            cancel(jobs, patience=TAKING_BACK)
        except NkcellError as error:
            raise ClusterError(f"interrupted, and {error}. {_still_there(driver, jobs)}") from error
        raise
    except (NkcellError, OSError) as error:
        raise ClusterError(f"{error}. {_still_there(driver, jobs)}") from error
    if problem:
        raise ClusterError(f"{problem}; job {', '.join(jobs)} was cancelled. {driver.kept()}")


def _watched(driver: Driver, jobs: Sequence[str]) -> str:
    """The same; what keeps the jobs from ever running, in which case they are cancelled."""

    def unanswered(said: str) -> None:
        driver.follow(f"job {', '.join(jobs)}, of which Slurm tells nothing now ({said[-SAID:]})")

    while unfinished(now := state(jobs, told=unanswered)):
        if now.get("PENDING") and (problem := stuck(jobs)):
            cancel(jobs)
            return problem
        reasons = waiting_for(jobs) if now.get("PENDING") else {}
        if unfinished(now) == sum(reasons.get(reason, 0) for reason in HELD):
            cancel(jobs)
            return ""
        driver.follow(", ".join(f"{count} {name.lower()}" for name, count in now.items() if count))
        time.sleep(POLL)
    return ""


def _still_there(driver: Driver, jobs: Sequence[str]) -> str:
    """For messages: jobs that nobody waits for any more, what can be done about them, and what is finished by now."""
    name, numbers = driver.folder.shown, ", ".join(jobs)
    kept = driver.folder.kept(int(driver.ledger.finished.sum()) + driver.elsewhere(), len(driver.plan))
    return (
        f"Job {numbers} of Slurm may go on: follow it with `nkcell status {name}`, wait for it with `nkcell resume {name} --on slurm`, "
        f"or cancel it (scancel {' '.join(jobs)}). {kept}"
    )


def _last_words(folder: Path) -> str:
    """The newest log of a task, for messages."""
    logs = sorted((folder / "slurm" / "logs").glob("*.log"), key=lambda path: path.stat().st_mtime)
    if not logs:
        return f"{folder.name}/slurm/logs (it is empty)"
    lines = logs[-1].read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"{folder.name}/slurm/logs/{logs[-1].name}" + (f", which ends with {lines[-1]!r}" if lines else "")
