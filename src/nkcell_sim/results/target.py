"""Where a result file or a figure goes: checked before the work, replaced whole or not at all."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import ResultsError

SUFFIXES = (".h5", ".hdf5", ".nc")
STEM = 80  # bytes of a file's name that the name of its provisional file begins with: file systems have room for 255


def checked_target(path: str | os.PathLike[str]) -> Path:
    """The file behind ``path`` (links followed); :class:`ResultsError` when it cannot be written."""
    shown = repr(str(path))
    try:
        real = Path(path).resolve()
        folder = real.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise ResultsError(f"cannot write {shown}: {reason(error)}") from error
    except TypeError as error:
        raise ResultsError(f"got {path!r:.60} as the file to write; expected a name, for example 'results.h5'") from error
    if folder:
        raise ResultsError(f"got {shown} as the file to write, which is a folder; give a file name, for example results.h5")
    if not real.parent.is_dir():
        raise ResultsError(f"cannot write {shown}: there is no folder {str(Path(path).parent)!r}")
    if real.exists() and not real.is_file():
        raise ResultsError(f"cannot write {shown}: it is a device or a pipe; give the name of an ordinary file")
    if not os.access(real.parent, os.W_OK | os.X_OK) or (real.exists() and not os.access(real, os.W_OK)):
        raise ResultsError(f"cannot write {shown}: permission denied; choose another place with -o")
    return real


@dataclass
class Place:
    """A file that is being written under a name of its own, and the name that it takes at the end (which may be changed until then)."""

    partial: Path
    target: Path


@contextmanager
def replacing(path: str | os.PathLike[str], through: Path | None = None) -> Iterator[Place]:
    """A new file beside ``path`` to write into; it takes the name at the end, and is removed on any exception.

    With ``through`` it is that file, which is there already and stays on an exception; who removes it meanwhile keeps it from taking the name.
    """
    real = checked_target(path)
    partial: Path | None = None
    try:
        if through is None:
            handle, name = tempfile.mkstemp(dir=real.parent, prefix=f"{stem(real.name)}.", suffix=".tmp")
            partial = Path(name)
            os.close(handle)
            place = Place(partial, real)
        else:
            os.truncate(through, 0)
            place = Place(through, real)
        yield place
        real = place.target
        place.partial.chmod(real.stat().st_mode & 0o777 if real.exists() else 0o666 & ~_umask())
        _sync(place.partial)
        os.replace(place.partial, real)
    except (OSError, RuntimeError) as error:  # HDF5 reports a full disk as either
        raise ResultsError(f"cannot write {str(path)!r}: {reason(error)}") from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
    with suppress(OSError):  # not every file system can
        _sync(real.parent)


def stem(name: str) -> str:
    """The beginning of a file's name, no longer than fits before more; a sign is several bytes in many scripts, and none is cut."""
    return os.fsencode(name)[:STEM].decode("utf-8", errors="ignore")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait for the end of the block: raised inside HDF5's callbacks they would be lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    held = {number: handler for number, handler in before.items() if callable(handler)}
    try:
        for number in held:
            signal.signal(number, lambda received, _: waiting.append(received))
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        if waiting:
            signal.raise_signal(waiting[0])


def reason(error: BaseException) -> str:
    """What went wrong with a file, in a few words; HDF5 hides it in the middle of a long text."""
    hidden = re.search(r"error message = '([^']*)'", str(error))
    if hidden:
        return hidden[1]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.splitlines()[0]
    return (str(error).splitlines() or [type(error).__name__])[0].strip()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    """Ask the operating system to put a file, or a folder's entries, on the disk."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
