"""What the command line says and how it ends: output that may be cut off, signals, errors as one message, exit codes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import typer

from .errors import ClusterError, NkcellError

OK, FAILED, BAD_INPUT, SIGNALLED = 0, 1, 2, 128

# Files that this command has finished.
written: list[str] = []
# What it has finished of something larger, and how to go on.
unfinished: list[str] = []
# Signals that have arrived; kept because a library may swallow the KeyboardInterrupt.
received: list[int] = []


def say(text: str, end: str = "\n") -> None:
    """Print; a reader who has seen enough (`nkcell show | head`) is no reason to stop the work."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        silence()


def silence() -> None:
    """Send the rest of the output nowhere, also what Python still holds when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        sys.stdout = os.fdopen(os.dup(nowhere), "w")
    os.close(nowhere)


@contextmanager
def listening() -> Iterator[None]:
    """Remember Ctrl-C and SIGTERM, both raised as KeyboardInterrupt, which every layer below cleans up after."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heard(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def stop_if_asked() -> None:
    if received:
        raise KeyboardInterrupt


def shifted(said: str) -> str:
    """An error with its further lines moved as far as its name moved the first, so that carets stay under what they mark."""
    return said.replace("\n", "\n" + " " * len("nkcell: "))


def ended(app: Callable[..., object], given: list[str]) -> int:
    """Run a command and return its exit code; whatever stops it is told in one message."""
    for told in (written, unfinished, received):
        told.clear()
    if hasattr(sys.stdout, "reconfigure"):
        with suppress(OSError, ValueError):
            sys.stdout.reconfigure(errors="replace")  # a terminal without the sign for µ shows a question mark
    try:
        with listening():
            code = _outcome(app, given)
    except KeyboardInterrupt:  # between two statements of the handling itself
        received.append(signal.SIGINT)
        code = BAD_INPUT
    if not received:
        return code
    kept = [f"{', '.join(written)} is complete"] if written else [*unfinished] or ["nothing was written"]
    with suppress(OSError):
        print(f"nkcell: interrupted; {'; '.join(kept)}", file=sys.stderr)
    return SIGNALLED + received[0]


def _outcome(app: Callable[..., object], given: list[str]) -> int:
    """Exit code of a command; every foreseeable error is one message."""
    try:
        code = int(app(args=given or ["--help"], prog_name="nkcell", standalone_mode=False) or OK)  # type: ignore[call-overload]
        if code == SIGNALLED + signal.SIGINT:  # the argument parser took the KeyboardInterrupt
            received.append(signal.SIGINT)
        return code
    except (KeyboardInterrupt, typer.Abort):
        received.append(signal.SIGINT)
        return SIGNALLED
    except SystemExit:  # how the argument parser answers a closed pipe
        silence()
        return OK
    except BrokenPipeError:
        silence()
        return OK
    except Exception as error:
        problem = message(error)
        if received:  # an interrupted import can fail in any way
            if isinstance(error, ClusterError):  # of jobs that go on all the same
                unfinished[:] = [problem.removeprefix("interrupted, and ")]
            return SIGNALLED
        if not problem:
            raise
    kept = f" ({', '.join(written)} is complete)" if written and not problem.startswith("the results are kept") else ""
    with suppress(OSError):
        print(shifted(f"nkcell: {problem}{kept}"), file=sys.stderr)
    return BAD_INPUT


def message(error: Exception) -> str:
    """What to tell about an error in the input or the machine; empty for one in this package."""
    if isinstance(error, NkcellError):
        return str(error)
    if hasattr(error, "format_message"):  # a usage error of the argument parser
        return f"{error.format_message()} (see nkcell --help)"
    if isinstance(error, OSError):
        if error.filename is None:
            silence()  # most likely the output itself, which Python would try once more at its end
        where = f" {str(error.filename)!r}" if error.filename is not None else " the output"
        return f"cannot read or write{where}: {error.strerror or error}"
    if isinstance(error, MemoryError):
        return "out of memory; make the study smaller (fewer runs, traces or samples)"
    if isinstance(error, RecursionError):
        return "the input is nested too deeply"
    if isinstance(error, UnicodeError):
        return f"a text cannot be read or written in its encoding; configurations are UTF-8 ({error})"
    return ""
