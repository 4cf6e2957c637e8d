"""Submitting a study to Slurm, asking for the state of its jobs, cancelling them; patient with a controller that is away."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import ClusterError, MissingPackageError
from .slurm_options import SlurmOptions
from .slurm_scripts import LOGS, ArrayScript, array_scripts, next_round

PATIENCE = 600.0  # seconds to wait for a controller that is away; an upgrade or a restart takes minutes
DOUBT = 60.0  # seconds to go on asking squeue when it fails in a way that is not known to pass: most do
TAKING_BACK = 30.0  # seconds to try to cancel what was submitted before something went wrong
ENDED = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE", "REVOKED"})
AWAY = ("Unable to contact slurm controller", "Socket timed out", "Zero Bytes were transmitted", "Transport endpoint", "Connection refused", "Connection reset")
GONE = ("Invalid job id",)  # the answer for jobs that have left the queue
BUSY = ("temporarily unable to accept job", "Slurm temporarily unable", "Resource temporarily unavailable")
# what sbatch answers -> what to do, with {partitions} (name, time limit, cores and memory in MB of a node)
ADVICE = (
    ("accounting/qos policy", "a limit on jobs or tasks of one user: give fewer tasks or wait for others to end; `sacctmgr show qos` lists the limits"),
    ("submitjoblimit", "a limit on jobs or tasks of one user: give fewer tasks or wait for others to end"),
    ("account", "set account; `sacctmgr show associations user=$USER` lists yours"),
    ("partition", "set partition to one of: {partitions}"),
    ("qos", "set qos; `sacctmgr show qos` lists them"),
    ("time limit", "set a shorter time; the partitions are: {partitions}"),
    ("memory specification", "ask for less memory; the partitions are: {partitions}"),
    ("node configuration", "ask for fewer cpus_per_task or less memory; the partitions are: {partitions}"),
    ("job array specification", "give fewer tasks; `scontrol show config | grep MaxArraySize` says how many an array may have"),
    ("feature specification", "correct --constraint in extra; `sinfo -o '%f'` lists the features of nodes"),
    ("option", "correct extra; `sbatch --help` lists the options"),
)
# why tasks are pending, if it does not pass by itself -> what to do; Slurm takes such jobs and keeps them for ever
STUCK = {
    "PartitionTimeLimit": "set a shorter time or another partition",
    "PartitionConfig": "ask for less time, fewer cpus_per_task or less memory, or set another partition",
    "PartitionNodeLimit": "set another partition",
    "BadConstraints": "correct extra, cpus_per_task or memory",
    "InvalidAccount": "set account",
    "AccountNotAllowed": "set account or another partition",
    "InvalidQOS": "set qos",
    "QOSNotAllowed": "set qos or another partition",
    "QOSMaxWallDurationPerJobLimit": "set a shorter time",
    "AssocMaxWallDurationPerJobLimit": "set a shorter time",
    "JobHeldUser": "`scontrol release` lets them run",
    "JobHeldAdmin": "ask the cluster's administrators",
}
CANNOT_RUN = 126  # what a shell says of such a command
_OWN_VARIABLES = ("ARRAY_INX", "JOB_NAME", "OPEN_MODE", "REQUEUE", "NO_REQUEUE", "SIGNAL", "WAIT", "OUTPUT", "ERROR", "CLUSTERS")
_FIELD_VARIABLES = {"partition": "PARTITION", "account": "ACCOUNT", "qos": "QOS", "time": "TIMELIMIT", "memory": "MEM_PER_NODE"}


@dataclass(frozen=True)
class Submission:
    """What a study became in Slurm: the numbers of its ``jobs`` (arrays), their ``scripts`` and the number of ``tasks`` over all of them."""

    jobs: tuple[str, ...]
    scripts: tuple[Path, ...]
    tasks: int


def submit(folder: Path, options: SlurmOptions, tasks: int, *, patience: float = PATIENCE, intend: Callable[[Sequence[str]], None] | None = None) -> Submission:
    """Write ``slurm/array-<round>.sh`` into the folder of a study and submit it as ``tasks`` tasks.

    More tasks than the cluster takes in one array become several arrays. ``intend`` is told the names that the jobs will have, which no others have, before
    the first is submitted: :func:`jobs_named` finds them if this process ends before it knows their numbers. Raises :class:`ClusterError` with what Slurm
    said and what to do; then what is submitted already is cancelled.
    """
    most, token = max_array_size(patience=patience), uuid.uuid4().hex
    scripts = array_scripts(folder, options, tasks, max_array_size=most, round_number=next_round(folder), token=token)
    (folder / LOGS).mkdir(parents=True, exist_ok=True)  # without it Slurm ends the tasks without a word
    for script in scripts:
        (folder / script.file).write_text(script.text, encoding="utf-8", errors="surrogateescape")
    names = [script.name for script in scripts]
    if intend is not None:
        intend(names)
    jobs: list[str] = []
    try:
        for script in scripts:
            jobs.append(_submitted(folder, script, options, patience))
    except BaseException:
        with suppress(ClusterError):
            cancel(jobs, patience=TAKING_BACK)
        with suppress(ClusterError):
            cancel(set(jobs_named(names, patience=TAKING_BACK)) - set(jobs), patience=TAKING_BACK)
        raise
    return Submission(tuple(jobs), tuple(folder / script.file for script in scripts), sum(script.size for script in scripts))


def state(jobs: Iterable[str], *, patience: float = PATIENCE, told: Callable[[str], None] | None = None) -> dict[str, int]:
    """Number of tasks in each of Slurm's states, for example ``{"PENDING": 90, "RUNNING": 10}``.

    Slurm forgets ended tasks after minutes, so they are missing here sooner or later; ``{}`` are jobs that have left the queue, or that a controller lost
    when it crashed within seconds of taking them. What is finished is told by shards, not by this. ``told`` is called with what Slurm says instead of an
    answer, each time before it is asked again.
    """
    return dict(sorted(Counter(line.split("|", 1)[0] for line in _queue(jobs, patience, told)).items()))


def unfinished(counts: Mapping[str, int]) -> int:
    """Number of tasks in the answer of :func:`state` that run or may still run."""
    return sum(count for name, count in counts.items() if name not in ENDED)


def waiting_for(jobs: Iterable[str], *, patience: float = PATIENCE) -> dict[str, int]:
    """Why tasks are pending, in Slurm's words with their number: ``{"Resources": 90}``."""
    lines = [line.split("|", 1) for line in _queue(jobs, patience)]
    return dict(sorted(Counter(reason for name, reason in lines if name == "PENDING").items()))


def stuck(jobs: Iterable[str], *, patience: float = PATIENCE) -> str:
    """What is wrong with tasks that will never run as they were submitted, and what to do; "" if there are none."""
    found = [(reason, count) for reason, count in waiting_for(jobs, patience=patience).items() if reason in STUCK]
    return "; ".join(f"{count} tasks wait for {reason}, which does not pass by itself; {STUCK[reason]}" for reason, count in found)


def jobs_named(names: Sequence[str], *, patience: float = PATIENCE) -> list[str]:
    """Numbers of the jobs that have these names, as long as Slurm remembers them."""
    if not names:
        return []
    lines = _squeue(["--states=all", f"--name={','.join(names)}", "--format=%A|%F"], f"whether there are jobs {', '.join(names)}", patience)
    return sorted({line.split("|")[1] for line in lines}, key=int)


def cancel(jobs: Iterable[str], *, patience: float = PATIENCE) -> None:
    """Cancel jobs; those that have ended or that Slurm has forgotten do not matter."""
    numbers = _numbers(jobs)
    if not numbers:
        return
    done = _asked(["scancel", *numbers], patience)
    known = ("Invalid job id", "already completing or completed")
    bad = [line for line in done.stderr.splitlines() if "error" in line and not any(text in line for text in known)]
    if done.returncode and bad:
        raise ClusterError(f"Slurm did not cancel {', '.join(numbers)}: {bad[0].strip()}", command="scancel", output=done.stderr)


def max_array_size(*, patience: float = PATIENCE) -> int:
    """How many tasks this cluster takes in one array."""
    done = _asked(["scontrol", "show", "config"], patience)
    numbers = dict(re.findall(r"\b(MaxArraySize|max_array_tasks)\s*=\s*(\d+)", done.stdout))
    if done.returncode or "MaxArraySize" not in numbers:
        said = (done.stderr or done.stdout).strip()[:300]
        raise ClusterError(f"got no MaxArraySize from `scontrol show config` ({said}); is this a machine of the cluster?", command="scontrol", output=said)
    size = min(int(number) for number in numbers.values())
    if size < 1:
        raise ClusterError("this cluster takes no job arrays (MaxArraySize is 0); choose another executor", command="scontrol", output=str(numbers))
    return size  # indices from 0 to one less


def _submitted(folder: Path, script: ArrayScript, options: SlurmOptions, patience: float) -> str:
    end = time.monotonic() + patience
    while True:
        done = _run(["sbatch", "--parsable", script.file], cwd=folder, environment=_submitting(options))
        if done.returncode == 0:
            return done.stdout.strip().splitlines()[-1].split(";")[0]
        away, busy = _says(done, AWAY), _says(done, BUSY)
        if not (away or busy) or time.monotonic() > end:
            raise ClusterError(_refusal(folder / script.file, done, away), command="sbatch", output=done.stderr)
        time.sleep(min(5.0, max(patience / 10, 0.1)))
        # the controller may have taken the job and lost the answer
        if away and (numbers := jobs_named([script.name], patience=max(end - time.monotonic(), 1.0))):
            return numbers[0]


def _refusal(script: Path, done: subprocess.CompletedProcess[str], away: bool) -> str:
    said = "; ".join(line.removeprefix("sbatch: ").removeprefix("error: ").strip() for line in done.stderr.splitlines() if line.strip())
    if away:
        return f"Slurm's controller does not answer ({said}); check `scontrol ping`, then submit again: nothing that is finished is lost"
    lower = said.lower()
    advice = next((text for words, text in ADVICE if words in lower), "try it by hand to see more")
    if "{partitions}" in advice:
        advice = advice.format(partitions=_partitions())
    return f"Slurm refused {script}: {said}; {advice}"


def _partitions() -> str:
    with suppress(ClusterError, OSError, subprocess.SubprocessError):
        rows = [line.split("|") for line in _run(["sinfo", "--noheader", "--format=%R|%l|%c|%m"]).stdout.splitlines()]
        return ", ".join(f"{r[0].strip()} (at most {r[1]}, nodes of {r[2]} cores and {r[3]} MB)" for r in rows if len(r) == 4) or "none"
    return "unknown, sinfo does not answer"


def _queue(jobs: Iterable[str], patience: float, told: Callable[[str], None] | None = None) -> list[str]:
    numbers = _numbers(jobs)
    if not numbers:
        return []
    return _squeue(["--array", "--states=all", "--format=%T|%r", f"--jobs={','.join(numbers)}"], f"the state of {', '.join(numbers)}", patience, told)


def _squeue(arguments: Sequence[str], what: str, patience: float, told: Callable[[str], None] | None = None) -> list[str]:
    """Lines of fields that squeue prints."""
    done = _asked(["squeue", "--noheader", *arguments], patience, doubt=DOUBT, told=told)
    if done.returncode and not _says(done, GONE):
        raise ClusterError(f"Slurm does not tell {what}, asked for {min(DOUBT, patience):g} s: {done.stderr.strip()}", command="squeue", output=done.stderr)
    return [line.strip() for line in done.stdout.splitlines() if "|" in line]


def _numbers(jobs: Iterable[str]) -> list[str]:
    given = [jobs] if isinstance(jobs, str) else list(jobs)
    wrong = [job for job in given if not re.fullmatch(r"\d+(_\d+)?", str(job))]
    if wrong:
        raise ClusterError(f"got the job {wrong[0]!r}; expected a number that sbatch has given", command="", output="")
    return [str(job) for job in given]


def _asked(command: Sequence[str], patience: float, *, doubt: float = 0.0, told: Callable[[str], None] | None = None) -> subprocess.CompletedProcess[str]:
    """The answer of one of Slurm's commands, asked again while the controller is away, and for ``doubt`` seconds when it fails in another way."""
    doubt = min(doubt, patience)
    started = answered = time.monotonic()  # the second: when a failure that is not known to pass may have begun
    while True:
        done = _run(command)
        if not done.returncode or _says(done, GONE):
            return done
        now, away = time.monotonic(), _says(done, AWAY)
        if away and now - started > patience:
            problem = f"Slurm's controller did not answer `{command[0]}` for {patience:g} s ({done.stderr.strip()}); check `scontrol ping`"
            raise ClusterError(problem, command=command[0], output=done.stderr)
        if away:
            answered = now
        elif now - answered >= doubt:
            return done
        if told is not None:
            told(done.stderr.strip())
        time.sleep(min(5.0, max((patience if away else doubt) / 10, 0.1)))


def _run(command: Sequence[str], cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    if not shutil.which(command[0]):
        problem = f"{command[0]} was not found: Slurm's commands must be on PATH"
        raise MissingPackageError(f"{problem}; work on a login node of the cluster, or choose another executor")
    # a user's defaults for squeue would hide jobs
    kept = {k: v for k, v in (os.environ if environment is None else environment).items() if not k.startswith("SQUEUE_")}
    try:
        return subprocess.run(list(command), cwd=cwd, env=kept, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:  # no process or memory left for it on a busy login node, or its file system is away
        return subprocess.CompletedProcess(list(command), CANNOT_RUN, "", f"{command[0]} cannot be run: {error}")


def _submitting(options: SlurmOptions) -> dict[str, str]:
    """The environment without defaults of sbatch that would win over what the script says."""
    fields = [variable for field, variable in _FIELD_VARIABLES.items() if getattr(options, field)]
    dropped = {f"SBATCH_{variable}" for variable in (*_OWN_VARIABLES, *fields)}
    return {k: v for k, v in os.environ.items() if k not in dropped}


def _says(done: subprocess.CompletedProcess[str], texts: Iterable[str]) -> bool:
    return any(text in done.stderr for text in texts)
