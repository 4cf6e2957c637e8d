"""Who works on a study now: the process that hands out the work, jobs of Slurm, workers with a chunk in hand."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import NkcellError
from .arrays import jobs_of
from .claim import HEARTBEAT, PATIENCE, claim_of, said_in
from .folder import StudyFolder
from .journal import Writer
from .tally import Tally

LOOK = 5.0  # s to wait for Slurm to say which jobs there are
SILENT = 60.0  # s without a sign of life after which a process elsewhere may be gone, by clocks that may differ a little


@dataclass(frozen=True)
class AtWork:
    """What there is to say; whether anybody is seen at work; whether there may be somebody who is not seen from here."""

    lines: tuple[str, ...]
    anybody: bool
    unseen: bool


def at_work(folder: StudyFolder, counted: Tally) -> AtWork:
    """Look at the claim, the jobs and the journals."""
    driver, driving = _driver(folder)
    try:
        submitted = jobs_of(folder, patience=LOOK, on_its_way=0.0)
    except NkcellError as error:
        submitted, driver = [], [*driver, f"jobs of Slurm: {error}"]
    asked = bool(submitted) and shutil.which("squeue") is not None
    jobs = _jobs(submitted) if asked else []
    hands = [begun.writer.alive for begun in counted.in_hand]
    anybody = driving or bool(jobs) or any(hands)
    if submitted and not asked and counted.done < counted.total:
        jobs = [f"job {', '.join(submitted)} of Slurm was submitted; there is no squeue here to ask"]
    words = (
        (True, "in work on this machine"),
        (None, "in work elsewhere, or lost"),
        (False, "lost with their worker; they are done again" if anybody else "lost with their worker; they will be done again"),
    )
    chunks = ", ".join(f"{hands.count(state)} {word}" for state, word in words if hands.count(state))
    return AtWork((*driver, *jobs, *([f"chunks: {chunks}"] if chunks else [])), anybody, None in hands or (bool(jobs) and not asked))


def _driver(folder: StudyFolder) -> tuple[list[str], bool]:
    """The process that hands out the work, and whether it does so still."""
    path = claim_of(folder.path)
    said = said_in(path) if path is not None else {}
    if path is None or not said:
        return [], False
    who = f"process {said['pid']} on {said['host']}"
    alive = Writer(str(said["host"]), int(said["pid"]), str(said["age"])).alive
    if alive is not None:
        return [f"{who} hands out the work" if alive else f"{who}, which handed out the work, is gone: it was killed"], alive
    silent = _silent(path)
    if silent < SILENT:
        return [f"{who} hands out the work; its last sign of life is {ago(silent)} old"], True
    again = f"`nkcell resume {folder.shown}` sees within {PATIENCE * HEARTBEAT:.0f} s whether it lives, and takes over if not"
    return [f"{who} handed out the work, and cannot be looked up from here; its last sign of life is {ago(silent)} old; {again}"], False


def _silent(path: Path) -> float:
    """Time [s] since a file was written, by the clock of its file system against the one here."""
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return float("inf")


def ago(seconds: float) -> str:
    """A time in words."""
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _jobs(jobs: Sequence[str]) -> list[str]:
    from ..executors.slurm_jobs import state

    try:
        now = state(jobs, patience=10.0)
    except NkcellError as error:
        return [f"job {', '.join(jobs)} of Slurm: {error}"]
    waiting = {name.lower(): count for name, count in now.items() if count}
    return [f"job {', '.join(jobs)} of Slurm: {', '.join(f'{count} {name}' for name, count in waiting.items())}"] if waiting else []
