"""One process at a time hands out the work of a study and clears up after it: a file says who, made in one step and renewed while it lives.

File systems of clusters have no locks that can be trusted; a file that is made only if it is not there does. A process on this machine is looked up; one
elsewhere is watched for a while: its clock may differ, but its count of heartbeats goes on.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import ResultsError
from ..results.target import replacing
from .journal import Writer, process_age

NAME = "driver.json"
HEARTBEAT = 2.0  # s between signs of life
PATIENCE = 5  # heartbeats without a sign of life after which a process elsewhere counts as gone
ATTEMPTS = 5  # at taking over from one that is gone: others may try as well


def holder(folder: Path) -> dict[str, Any]:
    """The process that says it hands out the work; empty when none does."""
    try:
        found = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and {"host", "pid", "age", "beat"} <= found.keys() else {}


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Be the one process that hands out the work; :class:`ResultsError` when another one does."""
    mine = {"host": platform.node(), "pid": os.getpid(), "age": process_age(os.getpid()), "token": uuid.uuid4().hex}
    _take(folder, {**mine, "beat": 0})
    ended = threading.Event()

    def beat() -> None:
        count = 0
        while not ended.wait(HEARTBEAT):
            if holder(folder).get("token", mine["token"]) != mine["token"]:
                return  # another one took over while this process was held up
            count += 1
            with suppress(OSError, ResultsError), replacing(folder / NAME) as place:
                place.partial.write_text(json.dumps({**mine, "beat": count}), encoding="utf-8")

    pulse = threading.Thread(target=beat, daemon=True)
    pulse.start()
    try:
        yield
    finally:
        ended.set()
        pulse.join(timeout=10)
        with suppress(OSError):  # a folder that can no longer be written keeps the name of a process that is gone
            if holder(folder).get("token") == mine["token"]:
                (folder / NAME).unlink()


def _take(folder: Path, mine: dict[str, Any]) -> None:
    for _ in range(ATTEMPTS):
        try:
            descriptor = os.open(folder / NAME, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            _set_aside(folder, _gone(folder))
            continue
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(json.dumps(mine))
        except OSError:  # no room
            (folder / NAME).unlink()
            raise
        return
    raise ResultsError(f"several processes want to run the study in {folder.name!r}; start one of them again")


def _gone(folder: Path) -> dict[str, Any]:
    """The holder, which is no more; :class:`ResultsError` when it lives."""
    found = holder(folder)
    if not found:
        return found
    alive = Writer(str(found["host"]), int(found["pid"]), str(found["age"])).alive
    if alive is None:
        deadline = time.monotonic() + PATIENCE * HEARTBEAT
        while alive is None and time.monotonic() < deadline:
            time.sleep(HEARTBEAT / 2)
            alive = True if holder(folder) not in ({}, found) else None
    if alive:
        raise ResultsError(
            f"process {found['pid']} on {found['host']} runs this study in {folder.name!r} already; "
            f"follow it with `nkcell status {folder.name}`, or stop it first"
        )
    return found


def _set_aside(folder: Path, gone: dict[str, Any]) -> None:
    """Take away the file of a process that is gone, and put it back if it was another's by then."""
    aside = folder / f"{NAME}.{uuid.uuid4().hex}"
    with suppress(FileNotFoundError):
        os.rename(folder / NAME, aside)
        try:
            found = json.loads(aside.read_text(encoding="utf-8"))
        except ValueError:
            found = {}
        if isinstance(found, dict) and found.get("token") != gone.get("token"):
            with suppress(FileExistsError):
                os.link(aside, folder / NAME)
        aside.unlink()
