"""Groups of a result file, read like the experiments and traces they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..experiments import EXPERIMENTS, Experiment

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
    """Runs of a file that share their sampling times, read like a trace."""

    def __init__(self, runs: ExperimentRuns) -> None:
        self._runs = runs
        self.time = runs.time
        self.status = runs.status
        self.cells = [_StoredCell(runs, i) for i in range(len(runs.status))]

    def __getitem__(self, name: str) -> Any:
        return self._runs[name]


def stored_experiment(runs: ExperimentRuns) -> Experiment:
    """The experiment that a group of a result file came from."""
    return EXPERIMENTS[runs.kind].from_settings({"ntx_in_bath": "kept", **runs.settings})


def conditions(runs: ExperimentRuns) -> list[str]:
    """Conditions of the runs, in order of first appearance."""
    return list(dict.fromkeys(runs.cases))
