"""Groups of a result file, read like the experiments and traces they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..experiments import EXPERIMENTS, Experiment
from ..results.layout import OBSERVED

if TYPE_CHECKING:
    from ..results import ExperimentRuns


@dataclass(frozen=True)
class _StoredCell:
    """The parameters of a run, asked like a cell."""

    runs: ExperimentRuns
    position: int

    def parameter(self, key: str) -> float:
        return float(self.runs.parameter(key)[self.position])


class StoredTrace:
    """Runs of a file that share their sampling times, read like a trace: as an instrument showed it, where there was one."""

    def __init__(self, runs: ExperimentRuns) -> None:
        self._runs = runs
        self.time = runs.time
        self.status = runs.status
        self.cells = [_StoredCell(runs, i) for i in range(len(runs.status))]

    def __getitem__(self, name: str) -> Any:
        observed = f"{OBSERVED}{name}"
        return self._runs[observed if observed in self._runs else name]


def stored_experiment(runs: ExperimentRuns) -> Experiment:
    """The experiment that a group of a result file came from."""
    return EXPERIMENTS[runs.kind].from_settings({"ntx_in_bath": "kept", **runs.settings})


def conditions(runs: ExperimentRuns) -> list[str]:
    """Conditions of the runs, in order of first appearance."""
    return list(dict.fromkeys(runs.cases))


def missing_trace(runs: ExperimentRuns, *names: str) -> str:
    """Why traces cannot be drawn: they were not kept, or the runs were sampled at different times; empty when they can."""
    lost = [n for n in names if n not in runs and f"{OBSERVED}{n}" not in runs]
    if lost:
        return f"not drawn: the traces of {', '.join(lost)} were not kept (`keep` of the study)"
    return "" if runs.time.ndim == 1 else "not drawn: the runs were sampled at different times"
