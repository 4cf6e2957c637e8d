"""What `nkcell export` writes: a named cell, or a condition of a configuration in one of its experiments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .config import load_config, parse_config
from .config.words import near_miss
from .errors import ParameterError
from .model.cells import COMPOSITIONS

if TYPE_CHECKING:
    from .model.cell import Cell
    from .protocol import Protocol

T = TypeVar("T")
CELL = '[cell]\nmodel = "{model}"\n[[condition]]\nname = "{name}"\n{phenotype}[experiment.rest]\ntype = "rest"\n'


@dataclass(frozen=True)
class Exported:
    """A prepared cell, what is done to it, and a line that says what was chosen and what else there was."""

    cell: Cell
    protocol: Protocol | None
    said: str


def choose(source: str, overrides: Sequence[str] = (), *, condition: str = "", experiment: str = "") -> Exported:
    """The cell and the protocol to export.

    ``source`` is a configuration (its first condition and experiment unless they are named) or the name of a cell, alone and at
    rest; ``condition`` then is a phenotype. A cell comes as it is when the recording starts: incubated, loaded, washed.
    """
    if source in COMPOSITIONS:
        return _named(source, overrides, condition, experiment)
    if not Path(source).exists() and not Path(source).suffix:
        raise ParameterError(f"got {source!r}, which is neither a file nor a cell{near_miss(source, COMPOSITIONS)}", name="source")
    study = load_config(source, overrides).study
    case = _pick({c.name: c for c in study.cases}, condition, "condition")
    setup = _pick(study.experiments, experiment, "experiment")
    cell = case.cell if case.treatment is None else case.treatment.apply(case.cell)
    name = experiment or next(iter(study.experiments))
    others = [f"condition {c.name!r}" for c in study.cases if c is not case] + [f"experiment {n!r}" for n in study.experiments if n != name]
    said = f"condition {case.name!r} in experiment {name!r}" + (f"; left out: {', '.join(others)}" if others else "")
    return Exported(setup.prepare(cell), setup.protocol(), said)


def _named(model: str, overrides: Sequence[str], phenotype: str, experiment: str) -> Exported:
    if experiment:
        raise ParameterError(f"got experiment {experiment!r} with the cell {model!r}; experiments belong to configurations", name="experiment")
    line = f'phenotype = "{phenotype}"\n' if phenotype else ""
    text = CELL.format(model=model, name=phenotype or model, phenotype=line)
    case = parse_config(text, f"cell {model}", overrides).study.cases[0]
    return Exported(case.cell, None, f"cell {model!r}" + (f", phenotype {phenotype!r}" if phenotype else "") + ", no protocol")


def _pick(table: dict[str, T], name: str, what: str) -> T:
    if not name:
        return next(iter(table.values()))
    if name not in table:
        raise ParameterError(f"got {what} {name!r}{near_miss(name, table)}", name=what)
    return table[name]
