"""Cells as runs want them: a case's cell with some parameters changed, its constants solved and its start found, for many runs together."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import NkcellError, ParameterError, SteadyStateError, UnreachableRestError
from ..model.calibrate import recalibrated_each, resting_states
from ..model.cell import Cell
from ..units import to_kernel


@dataclass(frozen=True)
class Wanted:
    """A cell as if it had been described with other values (declared units) of some parameters.

    Its resting ``constants`` are "recalibrated", so that they follow the values, or "kept"; those that were given themselves win.
    """

    cell: Cell
    changed: Mapping[str, float] = field(default_factory=dict)
    constants: str = "recalibrated"

    @property
    def key(self) -> Hashable:
        """Equal for the same cell with the same changes."""
        return id(self.cell), tuple(self.changed.items()), self.constants

    @property
    def solved(self) -> bool:
        """Whether constants have to be solved."""
        return bool(self.changed) and self.constants != "kept" and self.cell.calibrated_for is not None


Made = tuple[Cell, str]  # a cell with its start, and why no run can start from it (empty when one can)


def made_each(wanted: Sequence[Wanted]) -> list[Made]:
    """Every wanted cell with its state at the start, and the reason if no run can start from it; equal ones are the same object.

    All are solved together, each to the bits that it has alone. One that has no rest is data like any other: it comes back at the start of the cell that it
    was made from.
    """
    different = {each.key: each for each in wanted}
    made = dict(zip(different, _made(list(different.values())), strict=True))
    return [made[each.key] for each in wanted]


def _made(wanted: Sequence[Wanted]) -> list[Made]:
    cells, failures = [each.cell for each in wanted], [""] * len(wanted)
    described = []
    for i, each in enumerate(wanted):
        try:
            cells[i] = _described(each)
            described.append(i)
        except ParameterError as error:
            failures[i] = str(error)
    again = [i for i in described if wanted[i].solved]
    for i, new in zip(again, recalibrated_each([cells[i] for i in again]), strict=True):
        if isinstance(new, UnreachableRestError | SteadyStateError):
            failures[i] = str(new)
        elif isinstance(new, NkcellError):
            raise new
        else:
            cells[i] = new.set({k: v for k, v in wanted[i].changed.items() if new.composition.parameters[k].balance})
    able = [i for i in described if not failures[i]]
    for i, placed in zip(able, _placed([cells[i] for i in able]), strict=True):
        if isinstance(placed, NkcellError):
            failures[i] = str(placed)
        else:
            cells[i] = placed
    unable = [i for i, failure in enumerate(failures) if failure]
    for i, base in zip(unable, _bases([wanted[i].cell for i in unable]), strict=True):
        cells[i] = replace(cells[i], state=base)
    return list(zip(cells, failures, strict=True))


def _described(wanted: Wanted) -> Cell:
    """The cell with its changed values; its constants are still those of the cell that it is made from."""
    if not wanted.changed:
        return wanted.cell
    new = wanted.cell.set(wanted.changed)
    return replace(new, state=None) if wanted.constants == "kept" else new


def _placed(cells: Sequence[Cell]) -> list[Cell | NkcellError]:
    """Cells with their state at the start, or why they have none."""
    found = iter(resting_states([cell for cell in cells if cell.state is None]))
    states = [cell.state if cell.state is not None else next(found) for cell in cells]
    return [s if isinstance(s, NkcellError) else replace(c, state=s) for c, s in zip(cells, states, strict=True)]


def _bases(cells: Sequence[Cell]) -> list[np.ndarray]:
    """States at the start of the cells that others were to be made from; as declared where they have no rest either."""
    different = {id(cell): cell for cell in cells}
    placed = dict(zip(different, _placed(list(different.values())), strict=True))
    return [_declared(cell) if isinstance(base := placed[id(cell)], NkcellError) else base.initial_state() for cell in cells]


def _declared(cell: Cell) -> np.ndarray:
    return np.array([to_kernel(s.initial, s.unit) for s in cell.composition.states.values()])
