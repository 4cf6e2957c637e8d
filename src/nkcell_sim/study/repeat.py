"""Computes some runs of a result file again, from its own provenance, and compares them bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import ResultsError
from ..randomness import stream
from ..results import Group, Source, compare, merged, open_results, taken_rows
from .chunk import Treated, simulated
from .design import Study
from .folder import StudyFolder
from .plan import Plan

NOT_REPEATED = ("worker_lost", "cancelled", "time_limit")  # statuses that depend on where and when a run was done
Read = Callable[[str, str], Study]  # the text of a configuration and its name -> its study


@dataclass(frozen=True)
class Repeated:
    """How many runs were computed again, and one line for each variable that differs."""

    runs: int
    differences: tuple[str, ...]
    said: str = ""

    @property
    def equal(self) -> bool:
        """Whether every number is the same to the last bit."""
        return not self.differences

    def __str__(self) -> str:
        if self.said:
            return self.said
        if self.equal:
            return f"{self.runs} runs computed again: every number is the same, bit for bit"
        return "\n".join([f"{self.runs} runs computed again; these differ:", *(f"  {line}" for line in self.differences[:20])])


def repeat_sample(path: str, count: int, seed: int, read: Read) -> Repeated:
    """Compute ``count`` random runs of a result file again (chosen by ``seed``); ``read`` makes its study from the configuration inside."""
    results = open_results(path)
    if count < 1:
        return Repeated(0, (), "no run was computed again")
    if results.config:
        plan = Plan(read(results.config, f"{path} (configuration inside)"))
    elif StudyFolder.beside(path).exists:
        folder = StudyFolder.beside(path)
        plan, _ = folder.load(folder.about["recipe"])
    else:
        return Repeated(0, (), "no run was computed again: the file was made by a script, which has to be run again")
    chosen = stream(seed, "verify")
    done, differences = 0, list[str]()
    total = sum(len(runs.status) for runs in results.experiments.values())
    for name, runs in results.experiments.items():
        if name not in plan.spans or "run_key" not in runs:
            raise ResultsError(f"{path!r} has an experiment {name!r} that its configuration does not make; `nkcell run {path}` compares whole results")
        first, last = plan.spans[name]
        keys = np.asarray(runs["run_key"])
        if not np.array_equal(keys, plan.keys[first:last]):
            said = "another version of nkcell_sim made it" if len(keys) == last - first else "it makes another number of runs"
            raise ResultsError(f"the runs of {name!r} in {path!r} are not those that its configuration makes here ({said}); `nkcell run {path}` compares them")
        able = np.flatnonzero(~np.isin(np.array(runs.status, dtype=object), NOT_REPEATED))
        size = min(len(able), max(1, round(count * len(keys) / total)))
        rows = np.sort(chosen.choice(able, size, replace=False)) if size else able[:0]
        if len(rows):
            differences += _differences(path, name, plan, rows, first)
            done += len(rows)
    said = "" if done else f"no run could be repeated: all ended as {', '.join(NOT_REPEATED)}, which depends on where and when they were done"
    return Repeated(done, tuple(differences), said)


def _differences(path: str, name: str, plan: Plan, rows: np.ndarray, first: int) -> tuple[str, ...]:
    kept = merged([taken_rows(Source.of(path, name), rows, name)])
    again = simulated(plan, (rows + first).tolist(), Treated())
    return compare(_numbers(kept), _numbers(again)).differences


def _numbers(tree: Group) -> Group:
    return Group({}, dict(tree.groups))
