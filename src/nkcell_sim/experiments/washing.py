"""Taking opioid ligands off the cells before a recording: drug-free medium, the free-running cell goes on living."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..protocol import Protocol
from . import names
from .settling import run_to_end

if TYPE_CHECKING:
    from ..model.cell import Cell


UNTREATED = 1.0  # ambient endogenous opioid of a cell that was never in a treated body


def ligands_present(cell: Cell) -> dict[str, float]:
    """Opioid ligands in the medium of a cell [nM], those above 0 only."""
    return {name: cell.inputs[name] for name in (*names.ANTAGONISTS, *names.AGONISTS) if cell.inputs.get(name, 0.0) > 0.0}


def rinsed(cell: Cell) -> dict[str, float]:
    """Inputs that drug-free medium changes: no ligands, and the ambient opioid of an untreated cell (what a rebound added is gone)."""
    level = cell.inputs.get(names.ENDOGENOUS, UNTREATED)
    return {**dict.fromkeys(ligands_present(cell), 0.0), **({names.ENDOGENOUS: UNTREATED} if level != UNTREATED else {})}


def wash_off(cells: Sequence[Cell], lasting: float) -> list[Cell]:
    """Cells after ``lasting`` seconds without any opioid ligand; a cell that had none is returned as it is."""
    washed = list(cells)
    wet = [i for i, cell in enumerate(cells) if rinsed(cell)]
    clean = [cells[i].set_inputs(rinsed(cells[i])) for i in wet]
    if wet and lasting > 0.0:
        clean = run_to_end(clean, Protocol(lasting, name="wash"), "Wash-out")
    for i, cell in zip(wet, clean, strict=True):
        washed[i] = cell
    return washed
