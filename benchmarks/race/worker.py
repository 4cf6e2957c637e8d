"""One engine in a process of its own: a crash stays there, and import and first run start from nothing."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from .missing import Missing
from .task import Task

PATIENCE = 240.0  # s to wait for one answer
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}


@dataclass
class Timing:
    """One timed pass over all draws: wall and processor seconds."""

    wall: float
    cpu: float
    draws: int


class Worker:
    """Parent's side: starts the process, sends commands, keeps the refusal or failure if there is one."""

    def __init__(self, name: str, *, draws: int, many: int, seed: int) -> None:
        os.environ.update(ONE_THREAD)  # the engines' numerical libraries must not add threads of their own
        self.name = name
        self.facts: dict[str, Any] = {}
        self.problem: dict[str, str] = {}
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, name, draws, many, seed), daemon=True)
        self._process.start()
        theirs.close()
        self.facts = self.ask("prepare") or {}

    def ask(self, command: str, *arguments: Any) -> Any:
        """The worker's answer; None when it cannot (see ``problem``)."""
        if self.problem:
            return None
        try:
            self._pipe.send((command, *arguments))
            if not self._pipe.poll(PATIENCE):
                raise TimeoutError
            kind, answer = self._pipe.recv()
        except TimeoutError:
            return self._end("failed", f"no answer within {PATIENCE:g} s", "raise PATIENCE or drop this engine")
        except (EOFError, OSError):
            return self._end("failed", f"the process ended with code {self._process.exitcode}", "run this engine alone to see its message")
        if kind == "ok":
            return answer
        return self._end(kind, *answer)

    def _end(self, kind: str, reason: str, remedy: str) -> None:
        self.problem = {"kind": kind, "reason": reason, "remedy": remedy}
        self.close()

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.terminate()
        self._process.join()


def serve(pipe: Connection, name: str, draws: int, many: int, seed: int) -> None:
    """Worker's side: answer commands until the pipe closes."""
    warnings.simplefilter("ignore")
    seat = _Seat(name, draws, many, seed)
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            command, *arguments = pipe.recv()
            try:
                pipe.send(("ok", getattr(seat, command)(*arguments)))
            except Missing as missing:
                pipe.send(("not installed", (missing.reason, missing.remedy)))
            except Exception as error:  # whatever an engine raises becomes its row in the table
                pipe.send(("failed", (f"{type(error).__name__}: {str(error).strip()[:300]}", "run this engine alone to see more")))


class _Seat:
    """One engine with its two sizes of task."""

    def __init__(self, name: str, draws: int, many: int, seed: int) -> None:
        from .engines import engines

        self.engine = engines()[name]
        self.task = Task.make(max(draws, int(many * self.engine.share_of_many)), seed=seed)
        self.draws = draws

    def prepare(self) -> dict[str, Any]:
        """Make the tables, compile, run the first draw; says how long the last two took."""
        touch(self.task)
        first = self.task.first(1)
        touch(first)
        begin = time.perf_counter()
        self.engine.prepare(self.task)
        self.engine.run(first, 1e-6)
        took = time.perf_counter() - begin
        return {"first_run_s": took, "version": self.engine.version(), "draws": len(self.task)}

    def results(self, rtol: float) -> np.ndarray:
        """Outputs of the draws that everybody runs."""
        task = self.task.first(self.draws)
        return self.engine.outputs(self.engine.run(task, rtol))

    def timed(self, rtol: float) -> Timing:
        """One pass over all draws."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.engine.run(self.task, rtol)
        return Timing(time.perf_counter() - wall, time.process_time() - cpu, len(self.task))


def touch(task: Task) -> None:
    """Make all tables now, so that nobody's time contains them."""
    for table in ("cell", "protocol", "columns", "parameters", "start", "inputs", "scale"):
        getattr(task, table)


def import_seconds(modules: tuple[str, ...], *, repeats: int = 3) -> float | None:
    """Median time [s] to import an engine's modules in a fresh interpreter; None when they are missing."""
    code = f"import time; t = time.perf_counter(); import {', '.join(modules)}; print(time.perf_counter() - t)"
    times = []
    for _ in range(repeats):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode:
            return None
        times.append(float(done.stdout.split()[-1]))
    return float(np.median(times))
