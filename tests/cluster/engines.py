"""What tests with real engines share: when they are skipped, processes that end with their parent, and waiting with a limit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest

REQUIRED = "NKCELL_ENGINES"  # with 1 an engine that is missing is a failure, not a skipped test


class EngineError(Exception):
    """An engine did not start, stop or answer in time; the message ends with its logs."""


def missing(reason: str) -> NoReturn:
    """Skip the test that needs an engine; where engines must be there (NKCELL_ENGINES=1), fail it."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{reason}; {REQUIRED}=1 promises it", pytrace=False)
    pytest.skip(reason)


def need_programs(what: str, packages: str, programs: Sequence[str]) -> None:
    """Skip unless all programs are installed."""
    absent = [name for name in programs if not shutil.which(name, path=search_path())]
    if absent:
        missing(f"{what} needs {', '.join(absent)} (Debian: apt-get install -y {packages})")


def search_path() -> str:
    """PATH with the folders of daemons, which a user's own leaves out."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def started(command: Sequence[str], log: Path, environment: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a program in its own process group, its output in ``log``; the kernel ends it with the thread that calls this, so call it from the main one."""
    bound = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    with log.open("ab") as out:
        return subprocess.Popen(
            [*bound, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(environment), cwd=folder, start_new_session=True
        )


def ended(process: subprocess.Popen[Any], patience: float = 10.0) -> None:
    """End one process: ask, wait, then force."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(patience)


def killed(process: subprocess.Popen[Any]) -> None:
    """End one process as a power cut would (kill -9)."""
    process.kill()
    process.wait(10)


def wait_until(true: Callable[[], bool], what: str, timeout: float = 60.0, step: float = 0.1) -> None:
    """Wait for something to become true; raises :class:`EngineError` naming it after ``timeout`` seconds."""
    end = time.monotonic() + timeout
    while not true():
        if time.monotonic() > end:
            raise EngineError(f"waited {timeout:g} s for {what}")
        time.sleep(step)


def pids_with(variable: str, value: str) -> list[int]:
    """Processes started with an environment variable of this value; this process and those above it are left out."""
    wanted, found, above = f"{variable}={value}".encode(), [], _ancestors()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) not in above:
            with suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def _ancestors() -> set[int]:
    above, pid = set(), os.getpid()
    while pid > 0:
        above.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[1])
    return above


def kill_pids(pids: Sequence[int]) -> None:
    """kill -9 of the given processes; those already gone do not matter."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, user and system [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tail(path: Path, lines: int = 30) -> str:
    """The last lines of a log under its name."""
    text = path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] if path.exists() else ["(none)"]
    return "\n".join([f"--- {path.name}", *text])
