"""How far a study is, in words: for one that runs here or elsewhere, and for one that is finished."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from textwrap import shorten
from typing import Any

from ..errors import NkcellError, ResultsError
from ..results import open_results
from .arrays import jobs_of
from .folder import StudyFolder
from .journal import History, size_of

SHOWN = 8  # causes of failures
WIDTH = 120  # characters of a cause
RECENT = 20  # finished chunks that the rate is measured over


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
    total = int(about["runs"])
    here = sum(history.counts.values())
    before = _before(folder, about, here) if here < total else 0
    done = here + before
    lines = [f"{about['title'] or about['result']}: {done:,} of {total:,} runs finished ({100 * done / max(1, total):.1f} %), kept in {folder.path.name}"]
    if before:
        lines.append(f"  {before:,} of them by an earlier study with the same runs")
    rate = runs_per_second(history)
    if rate and done < total:
        lines.append(f"  {rate:.3g} runs/s lately, about {_duration((total - done) / rate)} left at that rate")
    lines += _causes(history)
    lines += [f"  {line}" for line in _who(folder, history)]
    if done >= total:
        lines.append(f"  every run is finished; `nkcell collect {folder.path.name}` writes {about['result']}")
    return "\n".join(lines)


def _before(folder: StudyFolder, about: Mapping[str, Any], here: int) -> int:
    """Runs of this study that others finished before it: in shards of the same folder, and in the result file that it extends.

    The study is loaded only where there is either.
    """
    result = folder.path.with_name(str(about["result"])) if about["result"] else None
    earlier = result is not None and result.is_file()
    if not earlier and all(path.name.startswith(about["study"]) for path in folder.journals.glob("*.jsonl")):
        return 0
    from .arrays import plan_of
    from .collecting import Found, add_earlier, add_shards

    plan = plan_of(folder)
    found = Found.nowhere(plan)
    add_shards(found, plan, folder, check=False)
    if result is not None and earlier:
        add_earlier(found, plan, result)
    return max(0, int(found.known.sum()) - here)


def runs_per_second(history: History) -> float:
    """Rate of finishing over the last chunks, by the clocks of the workers; 0 when it is not known."""
    ends = sorted((str(entry["at"]), size_of(entry["end"])) for entry in history.finished.values() if "at" in entry)[-RECENT:]
    try:
        times = [datetime.fromisoformat(at).timestamp() for at, _ in ends]
    except ValueError:
        return 0.0
    if len(ends) < 2 or times[-1] <= times[0]:
        return 0.0
    return sum(runs for _, runs in ends[1:]) / (times[-1] - times[0])


def _duration(seconds: float) -> str:
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _causes(history: History) -> list[str]:
    failed = [(cause, count) for cause, count in history.counts.items() if cause != "ok"]
    lines = [f"  failed: {count:,} {shorten(cause, WIDTH, placeholder=' ...')}" for cause, count in failed[:SHOWN]]
    more = sum(count for _, count in failed[SHOWN:])
    return [*lines, *([f"  failed: {more:,} in {len(failed) - SHOWN} other ways"] if more else [])]


def _who(folder: StudyFolder, history: History) -> list[str]:
    """Who works on it now, and chunks that nobody does."""
    found = []
    driver = folder.driver()
    if driver:
        found.append(f"process {driver['pid']} on {driver['host']} hands out the work (unless it was killed)")
    found += _jobs(jobs_of(folder))
    hands = [begun.writer.alive for begun in history.unfinished]
    if hands:
        words = ((True, "in work on this machine"), (None, "in work elsewhere, or lost"), (False, "lost with their worker; they are done again"))
        found.append("chunks: " + ", ".join(f"{hands.count(state)} {word}" for state, word in words if hands.count(state)))
    if not driver and not any("job" in line for line in found):
        found.append(f"nobody works on it; `nkcell resume {folder.path.name}` goes on")
    return found


def _jobs(jobs: Sequence[str]) -> list[str]:
    if not jobs or not shutil.which("squeue"):
        return []
    from ..executors.slurm_jobs import state

    try:
        now = state(jobs, patience=10.0)
    except NkcellError as error:
        return [f"job {', '.join(jobs)} of Slurm: {error}"]
    waiting = {name.lower(): count for name, count in now.items() if count}
    return [f"job {', '.join(jobs)} of Slurm: {', '.join(f'{count} {name}' for name, count in waiting.items())}"] if waiting else []


def _finished(path: str) -> str:
    """A result file without a folder."""
    results = open_results(path)
    lines = [f"{path}: {results.title + ', ' if results.title else ''}complete"]
    for name, runs in results.experiments.items():
        statuses = runs.status
        counts = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
        lines.append(f"  {name}: {len(statuses):,} runs, " + ", ".join(f"{count:,} {status}" for status, count in counts.items()))
    return "\n".join(lines)
