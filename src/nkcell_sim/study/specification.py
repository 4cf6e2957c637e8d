"""One run of a study as plain data: everything that determines its numbers, and the identity that follows from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..experiments.base import Experiment
from ..experiments.treatment import Treatment, name_of
from ..model.cell import Cell
from ..solver import Solver


@dataclass(frozen=True)
class Run:
    """One cell in one experiment, fully specified."""

    experiment: str
    case: str
    cell: Cell
    setup: Experiment
    treatment: Treatment | None
    varied: dict[str, float]
    solver: Solver
    content: dict[str, Any]  # of the cell, see cell_content
    failure: str = ""  # why it cannot start, if it cannot
    labels: dict[str, str | float] = field(default_factory=dict)  # of a cohort: group, donor, cell, age, sex, pair
    chance: tuple[str | int, ...] = ()  # seed and name of the run's random numbers; empty for a run without chance
    channels: str = "mean"  # or "counted", "stochastic"
    recipe: tuple[Any, ...] = ()  # of its cell: runs with equal recipes have equal cells

    @cached_property
    def specification(self) -> dict[str, Any]:
        """Everything that determines the numbers, as plain data; names of cases and experiments do not."""
        return {
            **self.content,
            "treatment": None if self.treatment is None else [name_of(self.treatment), settings_of(self.treatment)],
            "experiment": [self.setup.kind, settings_of(self.setup)],
            "solver": {name: value for name, value in asdict(self.solver).items() if name not in ("error_bars", "tightening")},
            **({"chance": [self.channels, *self.chance]} if self.chance else {}),
        }

    @cached_property
    def id(self) -> str:
        """Identity of the run: a hash of its specification."""
        return hashlib.sha256(json.dumps(self.specification, sort_keys=True).encode()).hexdigest()[:16]


def cell_content(cell: Cell) -> dict[str, Any]:
    """What a cell contributes to the identity of a run."""
    return {
        "model": [cell.composition.name, cell.composition.hash],
        "parameters": _exact(cell.parameter_vector()),
        "state": _exact(cell.initial_state()),
        "inputs": _exact(cell.input_defaults()),
    }


def _exact(values: Any) -> list[str]:
    return [value.hex() for value in np.asarray(values, dtype=float).tolist()]


def settings_of(record: Any) -> dict[str, Any]:
    """Every field of a record, and those of its instrument if it has one."""
    own = {name: getattr(record, name) for name in record.lab_fields()}
    instrument = getattr(record, "instrument", None)
    return own if instrument is None else {**own, "instrument": [instrument.kind, settings_of(instrument)]}
