"""Processes of this machine: the making of cells runs in parallel as well, and a worker that dies costs the chunks in hand, not the study."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, ClassVar

from ..batch import usable_cores
from .base import Executor, whole


@dataclass(frozen=True)
class Processes(Executor):
    """``count`` processes of this machine (default: one a usable core), each with one thread.

    They are started afresh (not forked), and do not run the script that started them unless the study holds something that was defined in it; such a script
    needs the usual ``if __name__ == "__main__":``.
    """

    count: int | None = None
    main: bool = False  # whether workers need the script that started them

    name: ClassVar[str] = "processes"

    def __post_init__(self) -> None:
        if self.count is not None:
            whole("workers", self.count, "processes")

    @property
    def workers(self) -> int:
        return self.count or usable_cores()

    def with_main(self, needed: bool) -> Executor:
        return replace(self, main=self.main or needed)

    @contextmanager
    def pool(self) -> Iterator[concurrent.futures.Executor]:
        from ..study.worker import begin

        pool = _Pool(self.workers, mp_context=multiprocessing.get_context("spawn"), initializer=begin, initargs=(os.getpid(),))
        pool.main = self.main
        try:
            yield pool
        except BaseException:
            pool.end()
            raise
        pool.shutdown(cancel_futures=True)

    def broken(self, error: BaseException) -> bool:
        return isinstance(error, BrokenProcessPool)


class _Pool(concurrent.futures.ProcessPoolExecutor):
    """A pool whose processes do not run the script again, and can be ended at once."""

    main = False

    def submit(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        with _without_main(not self.main):  # processes are started inside
            return super().submit(task, *args, **kwargs)

    def end(self) -> None:
        """Tell every process to stop, whatever it does."""
        processes = dict(self._processes or {})
        self.shutdown(wait=False, cancel_futures=True)
        for pid in processes:
            with suppress(OSError):
                os.kill(pid, signal.SIGTERM)
        for process in processes.values():
            process.join(timeout=5)
            if process.is_alive():
                process.kill()


@contextmanager
def _without_main(hide: bool) -> Iterator[None]:
    """Hide the script from processes that are started meanwhile."""
    script = sys.modules["__main__"]
    if hide:
        sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script
