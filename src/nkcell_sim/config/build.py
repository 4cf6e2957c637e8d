"""Makers of cells used while a configuration is read; an unknown name is answered with the near miss."""

from __future__ import annotations

from ..errors import ParameterError
from ..model.cell import Cell
from ..model.cells import COMPOSITIONS
from ..model.cells.parameter_sets import parameter_set
from ..model.cells.phenotypes import phenotype
from .words import near_miss


def named_cell(name: str) -> Cell:
    """The cell of a registered composition at its declared values, not calibrated yet."""
    if name not in COMPOSITIONS:
        raise ParameterError(f"unknown cell model {name!r}{near_miss(name, COMPOSITIONS)}", name=name)
    return Cell(COMPOSITIONS[name]())


def with_parameter_set(cell: Cell, name: str, *, asked: bool) -> Cell:
    """Apply a parameter set; one that nobody asked for is left out of cells that have none of its parameters."""
    return cell.with_parameter_set(name) if asked or parameter_set(name).keys() & cell.composition.parameters.keys() else cell


def with_phenotype(cell: Cell, name: str, *, asked: bool) -> Cell:
    """Apply a phenotype; one that nobody asked for is left out of cells that have none of its parameters."""
    if cell.phenotype == name:
        return cell
    return cell.with_phenotype(name) if asked or phenotype(name).changes.keys() & cell.composition.parameters.keys() else cell


def calibrated(cell: Cell) -> Cell:
    """Solve the resting constants, if the cell has any."""
    return cell.calibrated() if any(p.balance for p in cell.composition.parameters.values()) else cell
