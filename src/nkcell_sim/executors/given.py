"""An executor of the standard library's interface that the caller made and keeps."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from .base import Executor


@dataclass(frozen=True)
class Given(Executor):
    """An open ``concurrent.futures.Executor``: it is used, not closed."""

    executor: Any

    name: ClassVar[str] = "given"

    @property
    def workers(self) -> int:
        return int(getattr(self.executor, "_max_workers", 0) or getattr(self.executor, "num_workers", 0) or 2)

    @property
    def threads(self) -> int | None:
        return 1

    def with_main(self, needed: bool) -> Executor:
        return self  # whoever made it knows how its workers start

    @contextmanager
    def pool(self) -> Iterator[concurrent.futures.Executor]:
        yield self.executor

    def broken(self, error: BaseException) -> bool:
        return False  # it is not ours to open again
