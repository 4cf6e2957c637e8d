"""Telling how far a study is: a bar with the remaining time in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from types import TracebackType
from typing import Any, TextIO

# A bar that flashes by helps nobody: it appears when the work has lasted this long [s].
PATIENCE = 1.0
LINE_INTERVAL = 5.0
RECENT = 12  # lines that the rate is measured over


class ProgressBar:
    """Context manager whose instances are called with (done, total, what); writes to the error stream."""

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self._started = self._last = time.monotonic()
        self._shown = -1
        self._recent: deque[tuple[float, int]] = deque(maxlen=RECENT)
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> ProgressBar:
        if not self.quiet and self.stream.isatty():
            self._bar = _rich_bar(self.stream)
            self._task = self._bar.add_task("starting", total=None)
        return self

    def __call__(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, description=what)
            if now - self._started > PATIENCE:
                self._bar.start()
        elif not self.quiet and done != self._shown and (now - self._last > LINE_INTERVAL or (done == total and now - self._started > PATIENCE)):
            self._last, self._shown = now, done
            elapsed = now - self._started
            self._recent.append((now, done))
            left = f", about {self._seconds_left(total):.0f} s left" if 0 < done < total else ""
            try:
                print(f"{what}: {done} of {total} runs after {elapsed:.0f} s{left}", file=self.stream, flush=True)
            except OSError:  # nobody reads it any more; the work goes on
                self.quiet = True

    def _seconds_left(self, total: int) -> float:
        """At the rate of the last lines: the first one has the start of the workers in it."""
        (then, before), (now, done) = self._recent[0], self._recent[-1]
        if len(self._recent) < 2 or done == before:
            then, before = self._started, 0
        return (now - then) / (done - before) * (total - done)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()


def _rich_bar(stream: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("runs, remaining"), TimeRemainingColumn())
    return Progress(*columns, console=Console(file=stream), transient=True)
