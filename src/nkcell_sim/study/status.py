"""How far a study is, in words: for one that runs here or elsewhere, and for one that is finished. Nothing is loaded that could be a stranger's program."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from ..errors import ResultsError
from ..results import Results, open_results, shards_of
from .at_work import AtWork, ago, at_work
from .folder import StudyFolder
from .journal import History
from .rate import runs_per_second
from .shown import as_argument
from .tally import Tally, digest_of, tally

SHOWN = 8  # causes of failures
WIDTH = 120  # characters of a cause


def status_text(given: str) -> str:
    """What `nkcell status` prints for a result file or the folder of a study."""
    try:
        folder = StudyFolder.of(given)
    except ResultsError:
        if Path(given).is_file():
            return _finished(given)
        raise
    about = folder.about
    history = folder.history(about["study"])
    counted = tally(about, history)
    work = at_work(folder, counted)
    result = _result(folder, about)
    if result is not None and not unfinished_in(result[1]) and not work.anybody:
        return _complete(folder, *result)
    return "\n".join(_under_way(folder, about, history, counted, work, result))


def _under_way(folder: StudyFolder, about: Mapping[str, Any], history: History, counted: Tally, work: AtWork, result: tuple[Path, Results] | None) -> list[str]:
    total, done = counted.total, counted.done
    lines = [f"{about['title'] or about['result']}: {done:,} of {total:,} runs finished ({100 * done / max(1, total):.1f} %), kept in {folder.path.name}"]
    if before := min(counted.before, total - counted.here):
        lines.append(f"  {before:,} of them by an earlier study with the same runs")
    rate = runs_per_second(history, time.time()) if work.anybody else 0.0
    if rate and done < total:
        lines.append(f"  {rate:.3g} runs/s lately, about {ago((total - done) / rate)} left at that rate")
    lines += _causes(history, counted.lost)
    lines += [f"  {line}" for line in work.lines]
    if result is not None and (left := unfinished_in(result[1])):
        lines.append(f"  {result[0].name} was collected before all was done: {left:,} of its runs are not finished")
    if not work.anybody:
        lines.append(f"  {_next(folder, about, finished=done >= total, unseen=work.unseen)}")
    return lines


def _next(folder: StudyFolder, about: Mapping[str, Any], *, finished: bool, unseen: bool) -> str:
    if finished:
        return f"every run is finished; `nkcell collect {folder.shown}` writes {_goal(folder, about)}"
    if unseen:
        return f"nobody is seen at work from here; if that is so, `nkcell resume {folder.shown}` goes on"
    return f"nobody works on it; `nkcell resume {folder.shown}` goes on"


def _goal(folder: StudyFolder, about: Mapping[str, Any]) -> str:
    try:
        return folder.result.name
    except ResultsError:
        return str(about["result"])


def _result(folder: StudyFolder, about: Mapping[str, Any]) -> tuple[Path, Results] | None:
    """The result file beside the folder, if its rows are the runs of this study and no other."""
    expected = about.get("keys")
    for path in folder.earlier_results:
        try:
            results = open_results(path)
            found = {name: digest_of(runs["run_key"]) for name, runs in results.experiments.items() if "run_key" in runs}
        except ResultsError:
            continue
        if found == expected:
            return path, results
    return None


def unfinished_in(results: Results) -> int:
    """Runs of a result file that were left out because its study was not finished."""
    return sum(int(runs.unfinished.sum()) for runs in results.experiments.values())


def _complete(folder: StudyFolder, path: Path, results: Results) -> str:
    """A study whose result file is complete, beside a folder that is still there."""
    lines = _told(as_argument(path), results)
    if shards_of(path):
        lines.append(f"  its traces are in {folder.path.name}; `nkcell pack {as_argument(path)}` joins them")
    else:
        lines.append(f"  {folder.path.name} is left over; `nkcell resume {folder.shown}` removes it, unless it holds runs of another study")
    return "\n".join(lines)


def _finished(path: str) -> str:
    """A result file without a folder."""
    return "\n".join(_told(as_argument(path), open_results(path)))


def _told(path: str, results: Results) -> list[str]:
    left, total = unfinished_in(results), sum(len(runs.status) for runs in results.experiments.values())
    state = f"not complete: {left:,} of {total:,} runs are not finished" if left else "complete"
    lines = [f"{path}: {results.title + ', ' if results.title else ''}{state}"]
    for name, runs in results.experiments.items():
        statuses = runs.status
        counts = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
        lines.append(f"  {name}: {len(statuses):,} runs, " + ", ".join(f"{count:,} {status}" for status, count in counts.items()))
    return lines


def _causes(history: History, lost: int) -> list[str]:
    failed = [("worker_lost", lost)] if lost else []
    failed += [(cause, count) for cause, count in history.counts.items() if cause != "ok"]
    lines = [f"  failed: {count:,} {shorten(cause, WIDTH, placeholder=' ...')}" for cause, count in failed[:SHOWN]]
    more = sum(count for _, count in failed[SHOWN:])
    return [*lines, *([f"  failed: {more:,} in {len(failed) - SHOWN} other ways"] if more else [])]
