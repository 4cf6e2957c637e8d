"""Processes that were believed lost come back: what they were doing is another's by then, and they put nothing beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nkcell_sim.study.folder import StudyFolder

from .engines import wait_until
from .test_kills import ARGUMENTS, CONFIG, RUNS, check, environment, fixed_dask, unbroken  # noqa: F401

ELSEWHERE = "import platform; platform.node = lambda: 'elsewhere'; " + ARGUMENTS[1]  # as the journals tell it, this process is on another machine
GIVEN_AWAY = "given to another worker"


def started(folder: Path, *command: str) -> subprocess.Popen[str]:
    (folder / "many.toml").write_text(CONFIG, encoding="utf-8")
    return subprocess.Popen([sys.executable, *command], cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def journals(folder: Path) -> list[list[dict[str, Any]]]:
    """What each process said."""
    found = []
    for path in sorted((folder / "many.h5.runs" / "journal").glob("*.jsonl")):
        found.append([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")])
    return found


def begun(folder: Path, of: Callable[[dict[str, Any]], bool], finished: int = 1) -> dict[str, Any]:
    """The first words of a process that has a chunk in hand and finished some before."""
    found: list[dict[str, Any]] = []

    def some() -> bool:
        found[:] = [lines[0] for lines in journals(folder) if len(lines) > 2 * finished and "start" in lines[-1] and of(lines[0])]
        return bool(found)

    wait_until(some, "a chunk in hand", 60.0)
    return found[0]


def given_away(folder: Path) -> bool:
    return any(GIVEN_AWAY in str(line.get("why")) for lines in journals(folder) for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("finished", [0, 1])
def test_a_process_elsewhere_that_was_only_held_up_leaves_the_work_to_the_one_that_took_over(
    tmp_path: Path,
    unbroken: Path,  # noqa: F811
    finished: int,
) -> None:
    program = ELSEWHERE if finished else ELSEWHERE.replace("driver.FIRST = 0.5, 48", "driver.FIRST = 0.5, 500")  # a first chunk that lasts
    first = started(tmp_path, "-c", program, *ARGUMENTS[2:], "--on", "threads", "--workers", "1")
    try:
        begun(tmp_path, lambda told: told["host"] == "elsewhere", finished)
        first.send_signal(signal.SIGSTOP)
        second = started(tmp_path, *ARGUMENTS, "--on", "threads", "--workers", "1")
        begun(tmp_path, lambda told: told["host"] != "elsewhere")
        first.send_signal(signal.SIGCONT)
        said = first.communicate(timeout=120)[1]
        assert second.wait(timeout=120) == 0
    finally:
        first.kill()
    assert first.returncode == 2, said
    assert "another process took over the work on 'many.h5.runs'; this one leaves it to that" in said
    assert f"of {RUNS:,} runs are finished and kept in many.h5.runs" in said
    check(tmp_path, unbroken)


@pytest.mark.dask
def test_a_worker_of_dask_that_was_only_held_up_does_not_finish_what_another_was_given(
    tmp_path: Path,
    unbroken: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL", "2s")  # the scheduler believes a worker lost that is silent for so long
    with fixed_dask(tmp_path / "dask") as cluster:
        study = started(tmp_path, *ARGUMENTS, "--scheduler", cluster.address, "--workers", "2")
        try:
            pid = begun(tmp_path, lambda told: told["pid"] == cluster.workers[0].pid)["pid"]
            os.kill(pid, signal.SIGSTOP)
            with cluster.client() as client:
                wait_until(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == 1, "the scheduler to give it up", 60.0)
            held = StudyFolder.beside(tmp_path / "many.h5")
            attempts = {line["attempt"] for lines in journals(tmp_path) if lines[0]["pid"] == pid for line in lines if "start" in line}
            wait_until(lambda: not attempts & {path.name for path in held.attempts.iterdir()}, "its chunk to be given to the other", 60.0)
            assert study.poll() is None, "there is still something to lose"
            os.kill(pid, signal.SIGCONT)
            wait_until(lambda: given_away(tmp_path) or cluster.workers[0].poll() is not None, "the worker that was held up to see that, or to end", 60.0)
            assert study.wait(timeout=120) == 0, study.communicate()[1]
        finally:
            study.kill()
    check(tmp_path, unbroken)
