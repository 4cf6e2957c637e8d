"""The same run by SciPy on the NumPy twin: slow, independent of the compiled engine, for sceptical users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .protocol import CompiledProtocol
from .trace import Outcome
from .units import to_kernel

if TYPE_CHECKING:
    from .model.cell import Cell
    from .simulate import Solver

_NAMES = {"radau": "Radau", "bdf": "BDF", "lsoda": "LSODA"}


def integrate_with_scipy(
    cells: Sequence[Cell], protocols: Sequence[CompiledProtocol], kinds: list[int], indices: list[int], when: np.ndarray, solver: Solver
) -> tuple[np.ndarray, np.ndarray, list[Outcome]]:
    """Integrate each cell segment by segment (restarted at every edge); times in ms, values in kernel units."""
    records = np.full((len(cells), len(kinds), len(when)), np.nan)
    final = np.array([c.initial_state() for c in cells])
    pairs = enumerate(zip(cells, protocols, strict=True))
    outcomes = [_one(cell, protocol, kinds, indices, when, solver, records[i], final[i]) for i, (cell, protocol) in pairs]
    return records, final, outcomes


def _one(
    cell: Cell, protocol: CompiledProtocol, kinds: list[int], indices: list[int], when: np.ndarray, solver: Solver, record: np.ndarray, y: np.ndarray
) -> Outcome:
    from scipy.integrate import solve_ivp

    from .model.twin import Twin

    twin = Twin(cell)
    atol = solver.rtol * np.array([to_kernel(s.scale, s.unit) for s in cell.composition.states.values()])
    segment_of = protocol.locate(when)
    counts = {"steps": 0, "rhs": 0, "jacobians": 0}
    for s in range(len(protocol.edges) - 1):
        length = protocol.lengths[s]
        wanted = np.flatnonzero(segment_of == s)
        local = protocol.local(when[wanted], segment_of[wanted])
        with np.errstate(all="ignore"):
            solution = solve_ivp(
                lambda t, x, s=s: twin.rhs(x, protocol.inputs(s, t)),
                (0.0, length),
                y.copy(),  # its dense output keeps a reference to the start
                method=_NAMES[solver.method],
                rtol=solver.rtol,
                atol=atol,
                dense_output=bool(len(wanted)),
                jac=lambda t, x, s=s: twin.jacobian(x, protocol.inputs(s, t)),
            )
        counts["steps"] += len(solution.t) - 1
        counts["rhs"] += solution.nfev
        counts["jacobians"] += solution.njev
        y[:] = solution.y[:, -1]
        if not solution.success or not np.all(np.isfinite(y)):
            status = "non_finite_rhs" if not np.all(np.isfinite(twin.rhs(y, protocol.inputs(s, solution.t[-1])))) else "step_underflow"
            return Outcome(status, (protocol.edges[s] + solution.t[-1]) * 1e-3, "", counts["steps"], 0, counts["rhs"], counts["jacobians"])
        for column, t in zip(wanted, local, strict=True):
            state = y if t == length else solution.sol(t)
            _store(record[:, column], twin, state, protocol.inputs(s, t), kinds, indices)
    return Outcome("ok", protocol.edges[-1] * 1e-3, "", counts["steps"], 0, counts["rhs"], counts["jacobians"])


def _store(row: np.ndarray, twin: object, state: np.ndarray, inputs: np.ndarray, kinds: list[int], indices: list[int]) -> None:
    outputs = list(twin.observe(state, inputs).values()) if 1 in kinds else []  # type: ignore[attr-defined]
    for j, (kind, index) in enumerate(zip(kinds, indices, strict=True)):
        row[j] = (state, outputs, inputs)[kind][index]
