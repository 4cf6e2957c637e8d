"""The race itself: engines take turns, so that a busy machine slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from .engines import engines
from .machine import machine
from .reference import Reference, make_reference
from .summary import ladder_row
from .task import DRAWN, DURATION, MODEL, SPREAD, STIMULUS, TIMES, Task, errors
from .worker import Timing, Worker, import_seconds

ROUNDS = 7  # timed passes of every engine at every tolerance
SHARE = 20.0  # s of timed passes after which an engine at one tolerance stops early (after 3)


def race(names: list[str], *, draws: int, many: int, seed: int, rounds: int, tolerances: int | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Run the race and return everything that is known about it, ready for JSON."""
    task = Task.make(draws, seed=seed)
    say("reference solution")
    reference = make_reference(task, checked=min(2, draws))
    workers = {}
    for name in names:
        say(f"{name}: import, compile, first run")
        workers[name] = Worker(name, draws=draws, many=many, seed=seed)
    try:
        entries = {name: _entry(name, worker, rounds) for name, worker in workers.items()}
        _errors(workers, entries, reference, task, tolerances, say)
        _times(workers, entries, rounds, say)
    finally:
        for worker in workers.values():
            worker.close()
    for name, worker in workers.items():
        entries[name]["problem"] = worker.problem
    return {"machine": machine(), "task": _described(task, reference, many, rounds), "engines": entries}


def _entry(name: str, worker: Worker, rounds: int) -> dict[str, Any]:
    engine = engines()[name]
    import_s = None if worker.problem else import_seconds(engine.modules, repeats=min(3, rounds))
    return {"title": engine.title, "settings": engine.settings, "import_s": import_s, "ladder": [], "problem": worker.problem, **worker.facts}


def _errors(workers: dict[str, Worker], entries: dict[str, Any], reference: Reference, task: Task, count: int | None, say: Callable[[str], None]) -> None:
    """What each tolerance reaches; needs no clock."""
    for name, worker in workers.items():
        say(f"{name}: errors")
        for rtol in engines()[name].tolerances[2:][:count] if count else engines()[name].tolerances:
            outputs = worker.ask("results", rtol)
            if outputs is None:
                break
            entries[name]["ladder"].append({"rtol": rtol, **_error(errors(outputs, reference.outputs, task.scale)), "passes": []})


def _error(values: np.ndarray) -> dict[str, Any]:
    failed = int(np.sum(~np.isfinite(values)))
    if failed:
        return {"error": None, "median_error": None, "failed": failed}
    return {"error": float(values.max()), "median_error": float(np.median(values)), "failed": 0}


def _times(workers: dict[str, Worker], entries: dict[str, Any], rounds: int, say: Callable[[str], None]) -> None:
    """Every engine in turn at every tolerance, round after round."""
    begin = time.perf_counter()
    for turn in range(rounds):
        say(f"round {turn + 1} of {rounds} ({time.perf_counter() - begin:.0f} s)")
        longest = max((len(e["ladder"]) for e in entries.values()), default=0)
        for place in range(longest):
            for name, worker in workers.items():
                if place < len(entries[name]["ladder"]):
                    _pass(worker, entries[name]["ladder"][place])
    for entry in entries.values():
        entry["ladder"] = [ladder_row(row) for row in entry["ladder"] if row["passes"]]


def _pass(worker: Worker, row: dict[str, Any]) -> None:
    spent = sum(p["wall"] for p in row["passes"])
    if spent > SHARE and len(row["passes"]) >= 3:
        return
    timing: Timing | None = worker.ask("timed", row["rtol"])
    if timing is not None:
        row["passes"].append(asdict(timing))


def _described(task: Task, reference: Reference, many: int, rounds: int) -> dict[str, Any]:
    return {
        "model": MODEL,
        "states": len(task.states),
        "duration_s": DURATION,
        "stimulus": STIMULUS,
        "output_times_s": list(TIMES),
        "drawn_parameters": len(DRAWN),
        "spread": SPREAD,
        "seed": task.seed,
        "draws": len(task),
        "draws_of_this_engine": many,
        "rounds": rounds,
        "reference": reference.text,
        "reference_agreement": reference.agreement,
    }
