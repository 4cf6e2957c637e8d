"""What the processes of a study did, one file a process: chunks begun, finished or given up. A chunk that was begun and nothing more died with its process.

Every line is one JSON object; a line that a dying process left half-written is the last of its file and is not counted. Nothing here is a result: the
shards are. Clock times are for readers only.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Spans = tuple[tuple[int, int], ...]  # positions of runs: from each first one to before each last one
ENDED = ("Z", "X")  # states of a process that has ended and whose parent has not looked yet
HIDDEN = "hidden"  # age of a process of another user, on a machine that shows everybody only their own


def spans_of(positions: Iterable[int]) -> Spans:
    """Ascending positions as spans."""
    found: list[tuple[int, int]] = []
    for position in positions:
        if found and found[-1][1] == position:
            found[-1] = (found[-1][0], position + 1)
        else:
            found.append((int(position), int(position) + 1))
    return tuple(found)


def positions_of(spans: Iterable[Sequence[int]]) -> list[int]:
    """The positions in spans, in order."""
    return [position for first, last in spans for position in range(first, last)]


def size_of(spans: Iterable[Sequence[int]]) -> int:
    """Number of positions in spans."""
    return sum(last - first for first, last in spans)


def process_age(pid: int) -> str:
    """A text that tells a process from a later one of the same number; empty when there is no such process here, or one that has ended.

    :data:`HIDDEN` when there is one of another user that this machine does not show.
    """
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if told[0] in ENDED else told[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except PermissionError:
        return HIDDEN
    except OSError:
        return ""
    return "alive"


class Journal:
    """The file of this process; made when there is something to say."""

    def __init__(self, folder: Path, study: str) -> None:
        self.folder = folder
        self.study = study
        self._lock = threading.Lock()
        self._file: Any = None
        self._open: Spans = ()

    def start(self, spans: Spans, attempt: str, order: str = "", *, alone: bool = False) -> None:
        """A chunk is begun under an order; ``attempt`` is what withdraws it, ``alone`` says that nothing else is done meanwhile, because it may be deadly."""
        self._open = spans
        self._say({"start": spans, "attempt": attempt, "order": order, **({"alone": True} if alone else {})})

    def end(self, spans: Spans, shard: str, seconds: float, counts: Mapping[str, int]) -> None:
        """A chunk is finished, its shard is in place; ``counts`` are numbers of runs by how they ended."""
        self._say({"end": spans, "shard": shard, "seconds": round(seconds, 3), "counts": dict(counts)})
        self._open = ()

    def stop(self, why: str, *, at_once: bool = False) -> None:
        """The chunk in hand is given up for a reason that is not its own: an interrupt, a full disk, the end of the parent process.

        ``at_once`` is for signal handlers, which must not wait for the line that they interrupted.
        """
        if self._open and (not at_once or not self._lock.locked()):
            self._say({"stop": self._open, "why": why})
            self._open = ()

    def give_up(self, spans: Spans) -> None:
        """These runs took their workers with them again and again."""
        self._say({"lost": spans, "attempt": uuid.uuid4().hex})

    def forgive(self, attempts: Iterable[str]) -> None:
        """Deaths that no longer count, and runs that are not given up any more."""
        self._say({"forgiven": list(attempts)})

    def _say(self, entry: Mapping[str, Any]) -> None:
        with self._lock:
            if self._file is None:
                name = f"{self.study}-{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:6]}.jsonl"
                self._file = (self.folder / name).open("a", encoding="utf-8", buffering=1)
                self._file.write(json.dumps({"host": platform.node(), "pid": os.getpid(), "age": process_age(os.getpid()), "at": _now()}) + "\n")
            self._file.write(json.dumps({**entry, "at": _now()}) + "\n")
            self._file.flush()
        with suppress(OSError):  # not every file system can; those of clusters show it to others only then
            os.fsync(self._file.fileno())


@dataclass(frozen=True)
class Writer:
    """The process behind a file."""

    host: str
    pid: int
    age: str

    @property
    def alive(self) -> bool | None:
        """Whether it still runs, as far as can be seen; None when it is on another machine."""
        if self.host != platform.node():
            return None
        return process_age(self.pid) in (self.age, HIDDEN) if self.age else False


@dataclass(frozen=True)
class Begun:
    """A chunk that was begun and nothing more, by whom, and what withdraws it."""

    spans: Spans
    writer: Writer
    attempt: str = ""
    order: str = ""
    alone: bool = False


@dataclass
class History:
    """What the journals of a study say: finished chunks by shard, chunks that were begun and nothing more, chunks that were put down, and runs given up."""

    finished: dict[str, dict[str, Any]] = field(default_factory=dict)
    unfinished: list[Begun] = field(default_factory=list)
    stopped: list[tuple[Spans, str]] = field(default_factory=list)
    lost: list[tuple[Spans, str]] = field(default_factory=list)  # with what forgives them
    forgiven: set[str] = field(default_factory=set)

    @property
    def counts(self) -> dict[str, int]:
        """Number of runs of all finished chunks by how they ended, the commonest first."""
        total: dict[str, int] = {}
        for entry in self.finished.values():
            for cause, count in entry["counts"].items():
                total[cause] = total.get(cause, 0) + count
        return dict(sorted(total.items(), key=lambda item: -item[1]))


def read_history(folder: Path, study: str = "") -> History:
    """What all journals in a folder say of a study (of every study, by default)."""
    history = History()
    for path in sorted(folder.glob(f"{study}*.jsonl")):
        lines = _lines(path)
        with suppress(StopIteration, KeyError, TypeError, ValueError):  # a first line that was torn says nothing
            first = next(lines)
            _read(lines, Writer(str(first["host"]), int(first["pid"]), str(first["age"])), history)
    history.unfinished = [begun for begun in history.unfinished if begun.attempt not in history.forgiven]
    history.lost = [(spans, attempt) for spans, attempt in history.lost if attempt not in history.forgiven]
    return history


def _read(lines: Iterator[dict[str, Any]], writer: Writer, history: History) -> None:
    last: Begun | None = None
    for entry in lines:
        with suppress(KeyError, TypeError, ValueError, OverflowError):  # no line of ours
            if "start" in entry:
                told = str(entry.get("attempt", "")), str(entry.get("order", "")), entry.get("alone") is True
                last = Begun(_spans(entry["start"]), writer, *told)
                continue
            if "lost" in entry:
                history.lost.append((_spans(entry["lost"]), str(entry.get("attempt", ""))))
                continue
            if "forgiven" in entry:
                history.forgiven.update(str(each) for each in entry["forgiven"])
                continue
            if "end" in entry:
                known = {"end": _spans(entry["end"]), "counts": {str(k): int(n) for k, n in dict(entry["counts"]).items()}, "seconds": float(entry["seconds"])}
                history.finished[str(entry["shard"])] = {**entry, **known}
            elif "stop" in entry:
                history.stopped.append((_spans(entry["stop"]), str(entry["why"])))
            last = None
    if last is not None:
        history.unfinished.append(last)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def _spans(given: Any) -> Spans:
    found = tuple((int(first), int(last)) for first, last in given)
    if not found or not all(0 <= first < last for first, last in found):
        raise ValueError("no positions of runs")
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
