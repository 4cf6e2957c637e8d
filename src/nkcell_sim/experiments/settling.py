"""Where cells start: at their own steady state, and how a warm incubation of the slow opioid chain is carried into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import NkcellError, SimulationError
from ..protocol import Protocol
from . import names

if TYPE_CHECKING:
    from ..model.cell import Cell

# Time for membrane, stores and pumps to follow a channel number that was changed by a warm incubation [s].
RELAXATION = 3600.0
# Tolerance of what is done to a cell before the recording: so tight that only the recording's own error counts.
PREPARATION_RTOL = 1e-9
BODY_TEMPERATURE = 37.0  # degC


def settle(cells: Sequence[Cell]) -> list[Cell]:
    """Every cell at its own steady state; raises the error of the first one that has none."""
    found = []
    for cell in settle_each(cells):
        if isinstance(cell, NkcellError):
            raise cell
        found.append(cell)
    return found


def settle_each(cells: Sequence[Cell]) -> list[Cell | NkcellError]:
    """Every cell at its own steady state, or why it has none; cells with equal numbers are solved once."""
    from ..steady_state import settled_each

    places = [(cell.name, id(cell.composition), cell.parameter_vector().tobytes(), cell.input_defaults().tobytes(), _start(cell)) for cell in cells]
    different = dict(zip(places, cells, strict=True))
    solved = dict(zip(different, settled_each(list(different.values())), strict=True))
    return [
        rest if isinstance(rest := solved[place], NkcellError) else replace(cell, state=rest.initial_state())
        for place, cell in zip(places, cells, strict=True)
    ]


def _start(cell: Cell) -> bytes | None:
    return None if cell.state is None else cell.state.tobytes()


def run_to_end(cells: Sequence[Cell], protocol: Protocol, what: str) -> list[Cell]:
    """Cells at the end of a protocol; a failed run is an error that names the cell."""
    from ..simulate import simulate

    trace = simulate(list(cells), protocol, times=[protocol.duration], rtol=PREPARATION_RTOL)
    for cell, status in zip(cells, trace.status, strict=True):
        if status != "ok":
            raise SimulationError(f"{what} of cell {cell.name!r} ended as {status}; check its parameters or shorten it")
    return [trace.final_cell(i) for i in range(len(cells))]


def chain_of(cell: Cell, temperature: float) -> Cell:
    """The slow opioid chain of a cell as a cell of its own, with the same parameters, inputs and state, at ``temperature`` degC."""
    from ..model.cells import opioid_chain_cell

    return _carried(cell, opioid_chain_cell(), temperature)


def body_of(cell: Cell, changes: Mapping[str, float]) -> Cell:
    """The slow opioid chain of a cell in an untreated body at 37 degC; ``changes`` are parameters of the body and its receptors."""
    from ..model.cells import opioid_chain_in_vivo_cell

    return _carried(cell, opioid_chain_in_vivo_cell(), BODY_TEMPERATURE, changes)


def _carried(cell: Cell, chain: Cell, temperature: float, changes: Mapping[str, float] | None = None) -> Cell:
    """A chain with the parameters, state and inputs of a cell, as far as it has them."""
    mine = chain.composition
    chain = chain.set({key: cell.parameter(key) for key in mine.parameters if key in cell.composition.parameters and key != "temperature"})
    chain = replace(chain.set(changes or {}), phenotype=cell.phenotype).at_temperature(f"{temperature:.12g} degC")
    chain = chain.with_state({key: cell.state_value(key) for key in mine.states if key in cell.composition.states})
    return chain.set_inputs({key: value for key, value in cell.inputs.items() if key in mine.inputs})


def with_chain_state(cells: Sequence[Cell], chains: Sequence[Cell]) -> list[Cell]:
    """Cells with the states of their chains; the rest of each cell has followed them with the chain held still."""
    placed = [
        cell.with_state({key: chain.state_value(key) for key in chain.composition.states if key in cell.composition.states})
        for cell, chain in zip(cells, chains, strict=True)
    ]
    held = run_to_end([cell.without(*names.CHAIN_COMPONENTS) for cell in placed], Protocol(RELAXATION, name="following the chain"), "Relaxation")
    return [cell.with_state(np.asarray(still.initial_state())) for cell, still in zip(placed, held, strict=True)]
