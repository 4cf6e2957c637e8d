"""Studies that were stopped half way, and folders in which another process works."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import nkcell_sim as nk
from nkcell_sim.executors import Threads
from nkcell_sim.study import driver
from nkcell_sim.study.claim import claim_of, said_in
from nkcell_sim.study.folder import StudyFolder

HOLD = """
import sys
from pathlib import Path
from nkcell_sim.study.claim import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


def interrupted(target: Path, of: nk.Study, after: int | None = 9, *, virtual: bool = False) -> StudyFolder:
    """A study that was stopped when its first chunk of eight runs was on the disk, or before its results were put together."""

    def stop(done: int, total: int, what: str) -> None:
        if (what == "results") if after is None else (done >= after):
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "FIRST", 4)
        patch.setattr(driver, "LARGEST", 8)
        with pytest.raises(KeyboardInterrupt):
            nk.run(of, target, on=Threads(1), progress=stop, virtual=virtual)
    folder = StudyFolder.beside(target)
    assert folder.files()
    return folder


@contextmanager
def held_by_another(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that hands out the work, until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def holder(folder: Path) -> dict[str, Any]:
    """What the claim that counts says; empty when there is none."""
    path = claim_of(folder)
    return {} if path is None else said_in(path)
