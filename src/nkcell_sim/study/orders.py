"""What was handed out can be taken back: of several attempts at the same runs, one at most puts its results in place.

A worker that is out of reach may be dead, or go on and finish what somebody else was given meanwhile. So each attempt at a chunk has a file, made when it
begins, into which it writes; the file becomes the shard by one rename. Whoever takes the runs over removes the file first, and the rename fails: either the
one or the other has happened, on network file systems as well. Work that waits in a queue carries the name of its order, a folder in which it leaves a mark
when it begins; once the order is closed the folder is gone, and the work is not begun.

Both together leave no gap. A worker makes its file known in its journal before it leaves its mark; whoever takes over closes the order before reading the
journals. One of the two sees the other. And nobody lists a folder to begin a chunk, whose entries are as many as there are workers or chunks: only who finds
the mark of an earlier start looks for what became of it.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ALL = "all"  # the share of a process that may hand out every run


class OrderClosed(Exception):
    """What was to be begun has been given to somebody else."""


class Orders:
    """The orders of one who hands out work: of all the runs of a study, or of a ``share`` of them that others leave alone."""

    def __init__(self, folder: Path, share: str = ALL) -> None:
        self.folder, self.share = folder, share
        self._name = ""

    @property
    def name(self) -> str:
        """The order that stands, which work that is handed out now belongs to; it is made when it is first asked for."""
        if not self._name:
            name = f"{self.share}-{uuid.uuid4().hex}"
            (self.folder / name).mkdir(parents=True)
            self._name = name
        return self._name

    @property
    def stands(self) -> bool:
        """Whether nobody else has taken over since the last order was made."""
        return bool(self._name) and _there(self.folder / self._name)

    def close(self) -> None:
        """Nothing that was handed out of this share before, by this process or by one that is gone, is begun any more."""
        self._name = ""
        for path in self.folder.glob("*" if self.share == ALL else f"{self.share}-*"):
            if not path.name.startswith((Attempt.PREFIX, ".")):
                with suppress(FileNotFoundError):  # somebody else closes it
                    closed = path.rename(self.folder / f".closed-{uuid.uuid4().hex}")  # at once, for whoever begins in this moment
                    shutil.rmtree(closed, ignore_errors=True)

    def withdraw_all(self) -> None:
        """Nothing that is being done will be put in place, of this study or of an earlier one in the folder."""
        for path in self.folder.glob(f"{Attempt.PREFIX}*"):
            path.unlink(missing_ok=True)

    def withdraw(self, attempt: str) -> None:
        """What is being done under this name will not be put in place; if it is by now, it stays."""
        if attempt.startswith(Attempt.PREFIX) and Path(attempt).name == attempt:
            (self.folder / attempt).unlink(missing_ok=True)


class Attempt:
    """One attempt at a chunk."""

    PREFIX = "attempt-"

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    @contextmanager
    def at(cls, folder: Path, tag: str) -> Iterator[Attempt]:
        """Begin; what is left of it goes at the end."""
        attempt = cls(folder / f"{cls.PREFIX}{tag}-{uuid.uuid4().hex}")
        attempt.path.touch(exist_ok=False)
        try:
            yield attempt
        finally:
            with suppress(OSError):
                attempt.path.unlink(missing_ok=True)

    def is_first(self, order: str, tag: str) -> bool:
        """Whether nobody began this chunk under its order before; :class:`OrderClosed` when it is not to be begun any more."""
        try:
            (self.path.parent / (order or "no order") / tag).touch(exist_ok=False)
        except FileExistsError:
            return False
        except FileNotFoundError:
            raise OrderClosed from None
        return True

    def withdraw_others(self, tag: str) -> None:
        """Take back earlier attempts at the same chunk, of workers that were given up."""
        for earlier in self.path.parent.glob(f"{self.PREFIX}{tag}-*"):
            if earlier != self.path:
                earlier.unlink(missing_ok=True)

    @property
    def name(self) -> str:
        """What withdraws it."""
        return self.path.name

    @property
    def stands(self) -> bool:
        """Whether nobody has withdrawn it."""
        return _there(self.path)


def look_again(*folders: Path) -> None:
    """Have the entries of folders read anew: network file systems list them from memory for up to a minute, unless this machine has changed something there."""
    for folder in folders:
        if folder.is_dir():
            probe = folder / f".{uuid.uuid4().hex}"
            with suppress(OSError):  # a full disk tells itself when there is something to write
                probe.touch()
                probe.unlink(missing_ok=True)


def _there(path: Path) -> bool:
    """Whether a file is there: opened rather than looked up, which network file systems answer from memory."""
    try:
        os.close(os.open(path, os.O_RDONLY))
    except FileNotFoundError:
        return False
    return True
