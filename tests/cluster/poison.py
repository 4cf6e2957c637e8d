"""An experiment that is deadly to the process that reads one particular cell, as a crash in a library or the kernel's out-of-memory killer would be."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nkcell_sim.experiments import Rest

KEY = "KCa31.g_max"
VARIABLE = "NKCELL_TEST_POISON"  # how the process ends, and the value of KEY that is deadly; nothing is while it is not set


@dataclass(frozen=True, kw_only=True, repr=False)
class Poisoned(Rest):
    kind: ClassVar[str] = "poisoned"

    def features(self, trace: Any) -> Any:
        how, _, value = os.environ.get(VARIABLE, "").partition(" ")
        if how and any(abs(cell.parameter(KEY) - float(value)) < 1e-9 for cell in trace.cells):
            DEATHS[how]()
        return super().features(trace)


def killed() -> None:
    """As the kernel ends a process when the machine is out of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def crashed() -> None:
    ctypes.string_at(0)


def exited() -> None:
    os._exit(7)


def greedy() -> None:
    """More memory than this process may have."""
    most = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 2**26, most[1]))
    try:
        np.ones(2**30)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, most)


def all_killed() -> None:
    """The whole group of processes, as when a machine restarts, or the kernel ends all that a job has."""
    os.killpg(0, signal.SIGKILL)


DEATHS = {"kill": killed, "group": all_killed, "crash": crashed, "exit": exited, "memory": greedy}
