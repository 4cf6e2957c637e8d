"""The array scripts of a study for Slurm: text only, nothing is submitted here."""

from __future__ import annotations

import hashlib
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import ParameterError
from .slurm_options import SlurmOptions

LOGS = "slurm/logs"


@dataclass(frozen=True)
class ArrayScript:
    """One array of a round: its file in the study's folder, its name in Slurm, its text, and the tasks ``first`` to ``first + size - 1`` that it runs."""

    file: str
    name: str
    text: str
    first: int
    size: int


def array_scripts(folder: Path, options: SlurmOptions, tasks: int, *, max_array_size: int = 1001, round_number: int = 1, token: str = "") -> list[ArrayScript]:
    """The scripts that run the study in ``folder`` as ``tasks`` tasks, each of which does its share of what is unfinished.

    A cluster takes ``max_array_size`` tasks in one array, so more of them become several arrays, which share ``max_concurrent``. When that is smaller than the
    number of arrays there are fewer tasks, with more to do each. A ``token`` gives this submission names that no other one has.
    """
    if isinstance(tasks, bool) or not isinstance(tasks, int) or tasks < 1:
        raise ParameterError(f"got tasks = {tasks!r}; expected a whole number of tasks from 1", name="tasks")
    if bad := re.search(r"[%\\\n\r]", str(folder.absolute())):  # Slurm would put task numbers in place of %a in the path of the logs
        problem = f"got the folder {str(folder)!r}; a study for Slurm needs a path without {bad.group()!r}, which Slurm reads otherwise"
        raise ParameterError(problem, name="folder")
    limit, tasks = options.max_concurrent, tasks_within(options, tasks, max_array_size)
    parts = -(-tasks // max_array_size)
    firsts = [tasks * part // parts for part in range(parts + 1)]
    shares = [limit // parts + (part < limit % parts) for part in range(parts)]
    labels = [f"{round_number}-{part + 1}" for part in range(parts)] if parts > 1 else [f"{round_number}"]
    names = [job_name(folder, label, token) for label in labels]
    return [_script(folder, options, tasks, (firsts[p], firsts[p + 1]), shares[p], labels[p], names[p]) for p in range(parts)]


def tasks_within(options: SlurmOptions, tasks: int, max_array_size: int) -> int:
    """How many of the tasks that were asked for there can be: each array needs one of ``max_concurrent`` for itself."""
    return min(tasks, options.max_concurrent * max_array_size) if options.max_concurrent else tasks


def job_name(folder: Path, label: str, token: str = "") -> str:
    """Name of an array in Slurm: the study's name for people, and a hash of its place and a token, so that another study or submission is another job."""
    place = hashlib.sha256((str(folder.absolute()) + token).encode(errors="surrogateescape")).hexdigest()[:8]
    stem = re.sub(r"[^\w.-]+", "-", folder.name.removesuffix(".runs"), flags=re.ASCII)[:40]
    return f"nkcell-{stem}-{place}-r{label}"


def next_round(folder: Path) -> int:
    """Number of the next submission of a study: 1 after those whose scripts are in its folder."""
    numbers = [int(found.group(1)) for path in (folder / "slurm").glob("array-*.sh") if (found := re.match(r"array-(\d+)", path.name))]
    return max(numbers, default=0) + 1


def _script(folder: Path, options: SlurmOptions, tasks: int, part: tuple[int, int], share: int, label: str, name: str) -> ArrayScript:
    first, end = part
    file = f"slurm/array-{label}.sh"
    task = f'"$((SLURM_ARRAY_TASK_ID + {first}))"' if first else '"$SLURM_ARRAY_TASK_ID"'
    python = options.python or sys.executable
    home = shlex.quote(str(folder.absolute()))
    own = [f"--job-name={name}", f"--array=0-{end - first - 1}" + (f"%{share}" if share else ""), f"--output={LOGS}/%A_%a.log", "--open-mode=append"]
    # a task whose node is lost starts again and finds what is finished, unless the user's options say otherwise
    requeue = [] if "--no-requeue" in options.extra else ["--requeue"]
    lines = [
        "#!/bin/bash",
        f"# Tasks {first} to {end - 1} of {tasks} of a study. By hand: cd {home} && sbatch {file}",
        *(f"#SBATCH {directive}" for directive in [*own, *requeue, *options.directives()]),
        "",
        *_before(options),
        "# a process for each core of the task, with one thread: neither engine nor libraries start more",
        "export NKCELL_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1",
        "# exec: the signal before the end of the time goes to Python itself, which gives up what is in hand",
        f"exec {shlex.quote(python)} -m nkcell_sim.cli work {home} --task {task} --tasks {tasks}",
    ]
    return ArrayScript(file, name, "\n".join(lines) + "\n", first, end - first)


def _before(options: SlurmOptions) -> list[str]:
    loads = [f"module load {shlex.quote(name)} || exit 1" for name in options.modules]
    found = ["type module >/dev/null 2>&1 || . /etc/profile"] if loads else []
    return [*found, *loads, *options.prologue]
