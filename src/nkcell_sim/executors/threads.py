"""One process, threads inside the engine: no start-up, no copies; the default."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from .base import Executor, whole


@dataclass(frozen=True)
class Threads(Executor):
    """Chunk after chunk in this process, the engine on ``count`` threads (default: one a usable core, or the environment variable NKCELL_THREADS)."""

    count: int | None = None

    name: ClassVar[str] = "threads"

    def __post_init__(self) -> None:
        if self.count is not None:
            whole("workers", self.count, "threads of the engine")

    @property
    def workers(self) -> int:
        return 1

    @property
    def threads(self) -> int | None:
        return self.count

    def with_main(self, needed: bool) -> Executor:
        return self

    @contextmanager
    def pool(self) -> Iterator[concurrent.futures.Executor]:
        yield Here()


class Here(concurrent.futures.Executor):
    """Does a task when it is submitted: Ctrl-C reaches it as it reaches any call."""

    def submit(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        try:
            future.set_result(task(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future
