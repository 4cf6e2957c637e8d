"""Telling how far a study is: a bar with the rate and the remaining time in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from types import TracebackType
from typing import Any, TextIO

# A bar that flashes by helps nobody: it appears when the work has lasted this long [s].
PATIENCE = 1.0
LINE_INTERVAL = 5.0
STILL_INTERVAL = 60.0  # s after which a plain line says that nothing more is done
LOOK = 2.5  # s between looks at least
RECENT = 12  # looks that the rate is measured over


class ProgressBar:
    """Context manager whose instances are called with (done, total, what); writes to the error stream.

    What is done at the first call was finished before: the rate counts what comes after it.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self._started = self._last = time.monotonic()
        self._shown = -1
        self._rate: Rate | None = None
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> ProgressBar:
        if not self.quiet and self.stream.isatty():
            self._bar = _rich_bar(self.stream)
            self._task = self._bar.add_task("starting", total=None, told="")
        return self

    def __call__(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if self._rate is None:
            self._rate = Rate(self._started, done)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, description=what, told=self._rate.told(now, done, total))
            if now - self._started > PATIENCE:
                self._bar.start()
        elif not self.quiet and self._is_due(now, done, total):
            self._last, self._shown = now, done
            told = self._rate.told(now, done, total)
            try:
                print(f"{what}: {done} of {total} runs after {duration(now - self._started)}{told and ', '}{told}", file=self.stream, flush=True)
            except OSError:  # nobody reads it any more; the work goes on
                self.quiet = True

    def _is_due(self, now: float, done: int, total: int) -> bool:
        """Whether a plain line is: every few seconds while runs are finished, every minute while none is, and at the end."""
        if done == self._shown:
            return now - self._last > STILL_INTERVAL
        return now - self._last > LINE_INTERVAL or (done == total and now - self._started > PATIENCE)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()


class Rate:
    """Runs per second over the last looks; where these do not differ since the start, of what was not ``done`` before it."""

    def __init__(self, started: float, done: int) -> None:
        self._start = (started, done)
        self._looks: deque[tuple[float, int]] = deque(maxlen=RECENT)

    def at(self, now: float, done: int) -> float:
        """Runs/s when so many are done at a time [s]; 0 when nothing was finished yet."""
        if not self._looks or now - self._looks[-1][0] >= LOOK:
            self._looks.append((now, done))
        then, before = self._looks[0]
        if done == before:  # since the start, which has that of the workers in it, for want of anything better
            then, before = self._start
        return (done - before) / (now - then) if now > then and done > before else 0.0

    def told(self, now: float, done: int, total: int) -> str:
        """The rate and the time that is left at it; empty when it is not known."""
        rate = self.at(now, done)
        if not rate:
            return ""
        shown = f"{rate:,.0f}" if rate >= 1000.0 else f"{rate:.3g}"
        return f"{shown} runs/s" + (f", about {duration((total - done) / rate)} left" if done < total else "")


def duration(seconds: float) -> str:
    """A time in s up to two minutes, then in minutes, then in hours and minutes."""
    if seconds <= 120.0:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60.0), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _rich_bar(stream: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("runs"), TextColumn("{task.fields[told]}"))
    return Progress(*columns, console=Console(file=stream), transient=True)
