"""What the progress of a study says counts every run once, whoever finished it and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.executors import Slurm, Threads
from nkcell_sim.experiments import Rest
from nkcell_sim.study.driver import Driver
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.journal import Journal
from nkcell_sim.study.plan import Plan

G_MAX = "KCa31.g_max"


@dataclass(frozen=True, kw_only=True, repr=False)
class Failing(Rest):
    """Raises for cells whose conductance is above 0.3 nS."""

    kind: ClassVar[str] = "failing"

    def features(self, trace: Any) -> Any:
        if any(cell.parameter(G_MAX) > 0.3 for cell in trace.cells):
            raise ValueError("too much")
        return super().features(trace)


def study(runs: int) -> nk.Study:
    return nk.Study(nk.primary_nk_cell(), {"rest": Rest(duration="20 s")}, vary={G_MAX: np.linspace(0.1, 0.5, runs)})


def failing(values: list[float]) -> nk.Study:
    points = nk.Zip({G_MAX: values, "TRPM3.density": [1.0 + 0.01 * k for k in range(len(values))]})
    return nk.Study(nk.primary_nk_cell(), {"rest": Failing(duration="20 s")}, design=points)


def failures(what: str) -> dict[str, int]:
    return {cause: int(number) for number, cause in re.findall(r"(\d+) ([a-z_]+)", what.partition("(")[2])}


class Seen:
    """What was reported, and the study stopped when the results would be put together."""

    def __init__(self, stop: str = "") -> None:
        self.reports: list[tuple[int, int, str]] = []
        self.stop = stop

    @property
    def at_work(self) -> list[str]:
        """What was said while runs were done."""
        return [what for _, _, what in self.reports if what not in ("checking", "results")]

    def __call__(self, done: int, total: int, what: str) -> None:
        self.reports.append((done, total, what))
        if self.stop and self.stop in what:
            raise KeyboardInterrupt


def test_runs_that_jobs_finish_are_counted_beside_those_of_an_earlier_file(tmp_path: Path) -> None:
    plan, folder, seen = Plan(study(200)), StudyFolder.beside(tmp_path / "x.h5"), Seen()
    folder.prepare(plan, result=tmp_path / "x.h5", config="")
    earlier = np.arange(200) < 100
    driver = Driver(plan, folder, "", Slurm(2), earlier, seen, earlier={"ok": 98, "step_limit": 2})
    journal = Journal(folder.journals, plan.identity)
    for first in (100, 132):
        (folder.shards / f"shard-{first}.h5").touch()
        journal.end(((first, first + 32),), f"shard-{first}.h5", 1.0, {"ok": 31, "no_rest": 1})
    driver.follow("2 running")
    assert seen.reports == [(164, 200, "slurm: 2 running (2 step_limit, 2 no_rest)")]
    assert driver.elsewhere() == 64
    driver.ledger.finished[100:132] = True  # entered
    driver.follow("1 running")
    assert seen.reports[-1][0] == 164, "none is counted twice"


def test_failures_before_a_stop_are_counted_by_cause_when_the_study_goes_on(tmp_path: Path) -> None:
    values = [0.2] * 10 + [0.4] * 4 + [0.2] * 80 + [0.4] * 3
    with pytest.raises(KeyboardInterrupt):
        nk.run(failing(values), tmp_path / "x.h5", on=Threads(1), progress=Seen("4 not_run"))
    seen = Seen()
    nk.run(failing(values), tmp_path / "x.h5", on=Threads(1), progress=seen)
    assert 0 < seen.reports[0][0] < len(values)
    assert failures(seen.reports[0][2]) == {"not_run": 4}
    assert failures(seen.at_work[-1]) == {"not_run": 7}, "before the results are put together"


def test_failures_in_an_earlier_file_are_counted_by_cause_when_it_is_extended(tmp_path: Path) -> None:
    values = [0.2] * 6 + [0.4] * 2 + [0.2] * 6 + [0.4] * 3
    nk.run(failing(values[:8]), tmp_path / "x.h5", on=Threads(1))
    seen = Seen()
    nk.run(failing(values), tmp_path / "x.h5", on=Threads(1), progress=seen)
    assert seen.reports[0][0] == 8
    assert failures(seen.reports[0][2]) == {"not_run": 2}
    assert failures(seen.at_work[-1]) == {"not_run": 5}
