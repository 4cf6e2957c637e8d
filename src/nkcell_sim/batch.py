"""Run a batch on threads: the engine works without the interpreter lock while this thread listens for Ctrl-C."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from .errors import ParameterError

POLL = 0.05  # s between looks at the keyboard and calls of on_progress
ISA_VARIABLE = "NKCELL_ISA"  # environment variable that overrides the instruction set
THREADS_VARIABLE = "NKCELL_THREADS"


def thread_count(jobs: int, lanes: int, threads: int | None = None) -> int:
    """Threads for a batch: as asked, or one a usable core, and never more than there are full blocks of lanes."""
    given: object = threads if threads is not None else os.environ.get(THREADS_VARIABLE) or usable_cores()
    try:
        asked = int(str(given))
    except ValueError:
        asked = 0
    if asked < 1:
        raise ParameterError(f"got {given!r} threads; expected a whole number from 1 ({THREADS_VARIABLE} or threads=)", name="threads")
    return max(1, min(asked, -(-jobs // lanes)))


def usable_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_batch(batch: Any, threads: int, on_progress: Callable[[int], None] | None = None) -> bool:
    """Work through a batch and return False when Ctrl-C stopped it; finished runs are kept, the rest are marked.

    An interrupt is answered between two steps of the engine, far below 0.2 s; it is raised again by the caller if it wants to.
    """
    failures: list[BaseException] = []
    stopped: list[bool] = []
    ended = threading.Semaphore(0)  # not Thread.join: interrupted by Ctrl-C it takes a running thread for a stopped one

    def work() -> None:
        try:
            batch.work()
        except BaseException as error:  # handed to the caller's thread below
            failures.append(error)
        finally:
            stopped.append(True)
            ended.release()

    _start(batch, work, threads)
    waiting, interrupted = True, False
    while waiting:
        try:  # around the whole loop: the interrupt is delivered at its jump back as well
            while waiting:  # the semaphore only wakes: an interrupt may take a permit with it
                ended.acquire(timeout=POLL)
                waiting = len(stopped) < threads  # before the report, so that the last one counts all runs
                if on_progress:
                    on_progress(batch.finished)
        except KeyboardInterrupt:
            interrupted = True
            batch.cancel()
        except BaseException:  # of on_progress: nothing goes on behind the caller's back
            batch.cancel()
            raise
    if failures:
        raise failures[0]
    return not interrupted


def _start(batch: Any, work: Callable[[], None], threads: int) -> None:
    """Start the threads; an interrupt meanwhile stops those that run already."""
    try:
        for _ in range(threads):
            threading.Thread(target=work, daemon=True).start()
    except KeyboardInterrupt:
        batch.cancel()
        raise
