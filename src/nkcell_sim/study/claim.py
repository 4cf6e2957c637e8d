"""One process at a time hands out the work of a study and clears up after it: a numbered file says who, and tells of its life while it lives.

File systems of clusters have no locks that can be trusted; a file that takes its name only if nobody has it does. Who begins where nobody works makes number 1.
Who takes over from number n, whose process is gone, makes n + 1, which one of many can, and then takes n away. A process that was held up meanwhile finds its
file gone; it writes into that of its own number only, and never makes it again. So there is no moment at which a file is in nobody's hands.

A process on this machine is looked up; one elsewhere is watched for a while: its clock may differ, but its count of heartbeats goes on.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import ResultsError
from .journal import Writer, process_age
from .shown import as_argument

NAME = re.compile(r"driver-(\d+)\.json")
PARTIAL = "driver-"  # and a token, of files that wait for their number
HEARTBEAT = 2.0  # s between signs of life
PATIENCE = 5  # heartbeats without a sign of life after which a process elsewhere counts as gone
BIRTH = 0.5  # s that a file may be empty where it cannot take its name with its content
ATTEMPTS = 20  # at taking over from one that is gone: others may try as well
WIDTH = 10  # digits of the count of heartbeats: the file is written over in place, and stays readable
NO_ROOM = (errno.ENOENT, errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # what a link can fail for when it is not for want of hard links
LIVE: set[str] = set()  # the claims of this process, by their tokens


def numbers(folder: Path) -> list[int]:
    """The claims that are there, the one that counts last."""
    try:
        return sorted(int(found[1]) for name in os.listdir(folder) if (found := NAME.fullmatch(name)))
    except OSError:
        return []


def place_of(folder: Path, number: int) -> Path:
    """The file of a claim."""
    return folder / f"driver-{number}.json"


def said_in(path: Path) -> dict[str, Any]:
    """What a claim says; empty when it is not there or cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and {"host", "pid", "age", "beat"} <= found.keys() else {}


def claim_of(folder: Path) -> Path | None:
    """The file of the claim that counts, if there is one."""
    found = numbers(folder)
    return place_of(folder, found[-1]) if found else None


class Claim:
    """The right of this process to hand out the work in a folder and to clear up there, until another one takes over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = uuid.uuid4().hex
        self.doomed = False  # whether the folder goes when the claim ends
        self._number = 0
        self._about = {"host": platform.node(), "pid": os.getpid(), "age": process_age(os.getpid()), "token": self.token}

    @property
    def path(self) -> Path:
        """Its file."""
        return place_of(self.folder, self._number)

    @property
    def held(self) -> bool:
        """Whether nobody has taken over."""
        return said_in(self.path).get("token") == self.token

    def take(self) -> None:
        """Be the one; :class:`ResultsError` when another process is."""
        for _ in range(ATTEMPTS):
            self.folder.mkdir(exist_ok=True)
            found = numbers(self.folder)
            before = found[-1] if found else 0
            gone = _gone(self.folder, before) if before else {}
            self._number = before + 1
            with suppress(FileNotFoundError):  # the one before removed the folder in this moment
                if self._made() and self._confirmed(before, gone):
                    return
        raise ResultsError(f"several processes want to run the study in {self.folder.name!r}; start one of them again")

    def _made(self) -> bool:
        """Whether the file could take its number, which one of many can."""
        waiting = self.folder / f"{PARTIAL}{self.token}.tmp"
        try:
            waiting.write_bytes(self._content(0))
            try:
                os.link(waiting, self.path)
            except FileExistsError:
                return waiting.stat().st_nlink == 2  # a network file system may have done what it is asked again
            except OSError as error:
                if error.errno in NO_ROOM:
                    raise
                return self._made_in_place()
        finally:
            with suppress(OSError):
                waiting.unlink()
        return True

    def _made_in_place(self) -> bool:
        """The same where there are no hard links: the file has its number before its content."""
        try:
            descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._content(0))
        except OSError:  # no room
            self.path.unlink(missing_ok=True)
            raise
        return self.held

    def _confirmed(self, before: int, gone: dict[str, Any]) -> bool:
        """Whether all is as it was found before the file was made; else it is taken away."""
        if before == 0:
            confirmed = numbers(self.folder) == [self._number]
        else:
            earlier = place_of(self.folder, before)
            confirmed = said_in(earlier).get("token") == gone.get("token")
            try:
                if confirmed:
                    earlier.unlink()
            except FileNotFoundError:  # its process ended in this moment, and another one may have begun
                confirmed = False
        if not confirmed:
            self.path.unlink(missing_ok=True)
            return False
        for left in numbers(self.folder):
            if left < before:  # of one that died while it took over
                place_of(self.folder, left).unlink(missing_ok=True)
        return True

    def beat(self, count: int) -> None:
        """Give a sign of life, into the file that is there and no other."""
        with suppress(OSError):
            descriptor = os.open(self.path, os.O_RDWR)
            try:
                content = os.read(descriptor, 4096)
                if self.token.encode() in content:
                    os.lseek(descriptor, 0, os.SEEK_SET)
                    os.write(descriptor, self._content(count))
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _content(self, beats: int) -> bytes:
        """As long for any count."""
        text = json.dumps({**self._about, "beat": beats})
        return text.ljust(len(json.dumps({**self._about, "beat": 0})) + WIDTH).encode()

    def end(self) -> None:
        """Take the claim away, and everything else in the folder before that if it is doomed; nothing when another process has taken over."""
        for name in os.listdir(self.folder) if self.doomed else ():
            if name != self.path.name and self.held:
                _remove(self.folder / name)
        if not self.held:
            return
        self.path.unlink()
        if self.doomed:
            _remove_empty(self.folder)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _remove_empty(folder: Path) -> None:
    """Remove a folder in which nothing is, or the link to it."""
    if not folder.is_symlink():
        folder.rmdir()
    elif not os.listdir(folder):
        folder.unlink()


@contextmanager
def claimed(folder: Path) -> Iterator[Claim]:
    """Be the one process that hands out the work, in a folder that is made if it is not there; :class:`ResultsError` when another one does.

    Yields what tells whether that is so still.
    """
    claim = Claim(folder)
    ended = threading.Event()

    def pulse() -> None:
        count = 0
        while not ended.wait(HEARTBEAT):
            count += 1
            claim.beat(count)

    beating = threading.Thread(target=pulse, daemon=True)
    LIVE.add(claim.token)
    try:
        claim.take()
        beating.start()
        try:
            yield claim
        finally:
            with suppress(OSError):  # a folder that can no longer be written keeps the name of a process that is gone
                claim.end()  # under signs of life: it may take its time
    finally:  # also of an interrupt, after which the file says nothing any more
        LIVE.discard(claim.token)
        ended.set()
        if beating.is_alive():
            beating.join(timeout=10)


def _gone(folder: Path, number: int) -> dict[str, Any]:
    """What the claim of a process says that is no more; :class:`ResultsError` when it lives."""
    path = place_of(folder, number)
    deadline = time.monotonic() + BIRTH
    while not (found := said_in(path)) and path.exists() and time.monotonic() < deadline:
        time.sleep(BIRTH / 10)
    if not found:
        if path.exists() and not os.access(path, os.R_OK):
            raise ResultsError(
                f"{path.name} in {folder.name!r} belongs to another user and cannot be read: ask whether the study is still in work, or remove the file"
            )
        return found
    writer = Writer(str(found["host"]), int(found["pid"]), str(found["age"]))
    alive = writer.alive
    if alive and writer.pid == os.getpid() and found.get("token") not in LIVE:
        return found  # this process was interrupted while it began or ended
    if alive is None:
        deadline = time.monotonic() + PATIENCE * HEARTBEAT
        while alive is None and time.monotonic() < deadline:
            time.sleep(HEARTBEAT / 2)
            alive = True if said_in(path) not in ({}, found) else None
    if alive:
        raise ResultsError(
            f"process {found['pid']} on {found['host']} runs this study in {folder.name!r} already; "
            f"follow it with `nkcell status {as_argument(folder)}`, or stop it first"
        )
    return found
