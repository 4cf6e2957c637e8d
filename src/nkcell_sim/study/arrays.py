"""A study as arrays of Slurm: what is missing is divided among tasks, submitted, and waited for; what was lost on the way is submitted again."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ClusterError, ParameterError, ResultsError
from ..executors import Executor, Slurm
from ..executors.processes import Processes
from ..executors.slurm_jobs import cancel, max_array_size, state, stuck, submit, unfinished, waiting_for
from ..executors.slurm_options import SlurmOptions
from ..executors.slurm_scripts import tasks_within
from ..results.target import replacing
from .collecting import Found, add_shards
from .driver import Driver, Progress
from .folder import StudyFolder
from .journal import positions_of, spans_of
from .orders import Orders
from .plan import Plan

BLOCK = 64  # runs in a row that go to one task: neighbours take alike long, so that shares of many blocks do, too
ROUNDS_WITHOUT_NEWS = 3  # submissions that may end with nothing finished and no death noticed
POLL = 2.0  # s between looks
RUNS_A_TASK = 20_000  # where nobody says how many tasks
SHARES, JOBS, OPTIONS = "slurm/shares.json", "slurm/jobs.json", "slurm/options.json"
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
    done = submit(folder.path, executor.options, tasks)
    _write(folder, JOBS, {"jobs": list(done.jobs), "tasks": done.tasks})
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


def jobs_of(folder: StudyFolder) -> list[str]:
    """Numbers of the jobs that were submitted last."""
    try:
        return [str(job) for job in json.loads((folder.path / JOBS).read_text(encoding="utf-8"))["jobs"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


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
    if plan.identity != about["study"]:
        raise ResultsError("the study makes other runs here than where it was submitted; expected the same version of nkcell_sim on every node")
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
    without_news = 0  # submissions in a row
    _wait(driver, jobs_of(driver.folder))
    driver.learn()
    while len(missing := np.flatnonzero(driver.ledger.clean | driver.ledger.suspects)):
        before = int(driver.ledger.finished.sum())
        _wait(driver, submit_study(driver.folder, missing, executor))
        news = driver.learn()
        without_news = 0 if news or int(driver.ledger.finished.sum()) > before else without_news + 1
        if without_news == ROUNDS_WITHOUT_NEWS:
            raise ClusterError(f"{ROUNDS_WITHOUT_NEWS} arrays of Slurm ended without a finished run; see {_last_words(driver.folder.path)}. {driver.kept()}")


def _wait(driver: Driver, jobs: Sequence[str]) -> None:
    """Until the jobs have ended or left the queue."""
    if not jobs:
        return
    try:
        while unfinished(now := state(jobs)):
            if now.get("PENDING") and (problem := stuck(jobs)):
                cancel(jobs)
                raise ClusterError(f"{problem}. {driver.kept()}")
            reasons = waiting_for(jobs) if now.get("PENDING") else {}
            if unfinished(now) == sum(reasons.get(reason, 0) for reason in HELD):
                cancel(jobs)
                return
            driver.follow(", ".join(f"{count} {name.lower()}" for name, count in now.items() if count))
            time.sleep(POLL)
    except KeyboardInterrupt:
        cancel(jobs)
        raise


def _last_words(folder: Path) -> str:
    """The newest log of a task, for messages."""
    logs = sorted((folder / "slurm" / "logs").glob("*.log"), key=lambda path: path.stat().st_mtime)
    if not logs:
        return f"{folder.name}/slurm/logs (it is empty)"
    lines = logs[-1].read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"{folder.name}/slurm/logs/{logs[-1].name}" + (f", which ends with {lines[-1]!r}" if lines else "")


def plan_of(folder: StudyFolder) -> Plan:
    """The study in a folder."""
    return folder.load(folder.about["recipe"])[0]
