"""What every place where runs can go has in common: a pool of workers that takes tasks, and what its exceptions mean."""

from __future__ import annotations

import concurrent.futures
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from ..errors import ParameterError

MOST_WORKERS = 100_000


class Executor(ABC):
    """A place where the chunks of a study run. Retries, lost workers and scaling are the business of the engine behind it; results never depend on it."""

    name: ClassVar[str] = ""
    supervises: ClassVar[bool] = False  # whether the engine tries a task again whose worker died

    @property
    def elsewhere(self) -> bool:
        """Whether its workers may be on other machines, which see no temporary folder of this one."""
        return False

    def with_main(self, needed: bool) -> Executor:
        """The executor for a study that holds (``needed``) something that was defined in the script, which its workers have to load."""
        if needed:
            raise ParameterError(
                f"got a study on {self.name} that holds something defined in the script itself (a class of __main__), which workers there cannot load; "
                "move it into a module that they can import, or run on threads or processes",
                name="on",
            )
        return self

    @property
    @abstractmethod
    def workers(self) -> int:
        """Number of chunks that run at once, as far as it is known."""

    def workers_of(self, pool: concurrent.futures.Executor) -> int:
        """The same for an open pool, which may know better and may change while it is open."""
        return self.workers

    def waits_for(self, pool: concurrent.futures.Executor) -> str:
        """What an open pool needs before it can begin anything, for the progress; empty when it can."""
        return ""

    @property
    def threads(self) -> int | None:
        """Threads of the engine in each worker; None: one for each core that is free to use."""
        return 1

    def ready(self) -> None:  # noqa: B027 (most are)
        """Refuse, before anything is read or written, a place where the work cannot be handed out."""

    @abstractmethod
    def pool(self) -> AbstractContextManager[concurrent.futures.Executor]:
        """The workers, as an executor of the standard library; leaving it at an interrupt ends them at once."""

    def broken(self, error: BaseException) -> bool:
        """Whether an exception of a task says that the pool is gone, and a new one has to be opened."""
        return isinstance(error, concurrent.futures.BrokenExecutor)

    def killed(self, error: BaseException) -> bool:
        """Whether an exception of a task says that it took worker after worker with it."""
        return False


def whole(name: str, given: Any, what: str) -> int:
    """A number of workers and the like."""
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MOST_WORKERS:
        raise ParameterError(f"got {name} = {given!r}; expected {what}, a whole number from 1 to {MOST_WORKERS:,}", name=name)
    return given
