"""simulate(cells, protocol): a pure function from cells and what is done to them to traces."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .batch import ISA_VARIABLE, run_batch, thread_count
from .errors import ModelError, ParameterError, ProtocolError
from .protocol import CompiledProtocol, Protocol
from .trace import Outcome, Trace
from .units import from_kernel, to_kernel

if TYPE_CHECKING:
    from .model.cell import Cell
    from .model.composition import Composition

METHODS = ("rosenbrock", "radau", "bdf", "lsoda")
DIVERGED = 1e12  # a state this many times its scale has left every physical range
STATE, OUTPUT, INPUT = range(3)


@dataclass(frozen=True)
class Solver:
    """How a run is integrated.

    ``rtol`` is the tolerance of one step relative to each state, with an absolute part of ``rtol`` times the state's
    declared scale; the error reached at the end of a run is larger (see the verification pages). ``method`` "rosenbrock" is the
    compiled engine; "radau", "bdf" and "lsoda" run SciPy on the NumPy twin of the equations, slowly, as a cross-check.
    ``max_steps`` and ``max_seconds`` bound each run (0 s: no bound); ``fixed_step`` [s] switches step control off (for order tests).
    """

    rtol: float = 1e-6
    method: str = "rosenbrock"
    max_steps: int = 1_000_000
    max_seconds: float = 0.0
    fixed_step: float = 0.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            close = difflib.get_close_matches(str(self.method), METHODS, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise ParameterError(f"got method {self.method!r}; expected one of {', '.join(METHODS)}{hint}", name="method")
        if not 1e-14 <= self.rtol <= 0.1:
            raise ParameterError(f"got rtol = {self.rtol!r}; expected 1e-14 to 0.1 (1e-6 is the default)", name="rtol")
        if not self.max_steps > 0:
            raise ParameterError(f"got max_steps = {self.max_steps!r}; expected a positive number", name="max_steps")
        if not self.max_seconds >= 0.0 or not self.fixed_step >= 0.0:
            raise ParameterError("max_seconds and fixed_step are at least 0 s", name="max_seconds")


@dataclass(frozen=True)
class Execution:
    """Where a batch runs; nothing here changes a result.

    ``threads`` defaults to the environment variable NKCELL_THREADS, else one a usable core; ``isa`` ("avx512", "avx2", "portable") to NKCELL_ISA, else
    the widest this processor runs. ``on_progress`` is called with the number of finished runs. With ``keep_interrupted`` Ctrl-C returns what is finished.
    """

    threads: int | None = None
    isa: str = ""
    on_progress: Callable[[int], None] | None = None
    keep_interrupted: bool = False

    def engine(self) -> str:
        """Name of the engine to use; raises :class:`ParameterError` for one that this machine does not run."""
        from . import _kernels

        runs = [e["name"] for e in _kernels.engines() if e["runs"]]
        wanted = self.isa or os.environ.get(ISA_VARIABLE, "")
        if wanted and wanted not in runs:
            raise ParameterError(f"got instruction set {wanted!r}; this machine runs {', '.join(runs)} ({ISA_VARIABLE} or isa=)", name="isa")
        return wanted or runs[-1]

    def lanes(self) -> int:
        """Cells in one block of the engine to use."""
        from . import _kernels

        name = self.engine()
        return next(int(e["lanes"]) for e in _kernels.engines() if e["name"] == name)


@dataclass(frozen=True)
class StateScales:
    """Per-state numbers for the integrator, kernel units, each (n_states,)."""

    scale: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def of(cls, composition: Composition) -> StateScales:
        """Read scales and bounds from the declarations."""
        states = composition.states.values()
        return cls(
            np.array([to_kernel(s.scale, s.unit) for s in states]),
            np.array([-np.inf if s.lower is None else to_kernel(s.lower, s.unit) for s in states]),
            np.array([np.inf if s.upper is None else to_kernel(s.upper, s.unit) for s in states]),
        )


def simulate(
    cells: Cell | Sequence[Cell],
    protocol: Protocol | Sequence[Protocol],
    *,
    record: Sequence[str] = (),
    times: Any = None,
    solver: Solver | None = None,
    execution: Execution | None = None,
    **options: Any,
) -> Trace:
    """Integrate one or many cells through a protocol and return what was recorded.

    ``cells`` share one composition; ``protocol`` is one for all or one for each. ``record`` names states, flows,
    observables or inputs; ``times`` [s] are output times (default: 201 equally spaced), read from dense output, so that they
    never change a step. ``execution`` says where the runs go (threads, instruction set) and never changes a bit. ``options`` are
    the fields of :class:`Solver` (``rtol=1e-8``). Runs that fail do not raise: see ``Trace.status``.
    """
    group = tuple(cells) if isinstance(cells, Sequence) else (cells,)
    if not group:
        raise ParameterError("got no cells; expected at least one", name="cells")
    composition = group[0].composition
    if any(c.composition.name != composition.name for c in group):
        raise ModelError(f"got cells of different kinds ({', '.join(sorted({c.composition.name for c in group}))}); simulate takes cells of one kind")
    solver = solver or Solver(**options)
    protocols = tuple(protocol) if isinstance(protocol, Sequence) else (protocol,) * len(group)
    if len(protocols) != len(group):
        raise ProtocolError(f"got {len(protocols)} protocols for {len(group)} cells; expected one for all or one for each")
    when = _output_times(times, protocols)
    kinds, indices, units = _resolve_record(composition, record)
    compiled, assigned = _compile(group, protocols)
    if solver.method != "rosenbrock":
        from .scipy_route import integrate_with_scipy

        raw = integrate_with_scipy(group, [compiled[a] for a in assigned], kinds, indices, when * 1e3, solver)
    else:
        raw = _integrate(composition, group, compiled, assigned, kinds, indices, when * 1e3, solver, execution or Execution())
    records, final, outcomes = raw
    values = {}
    for j, name in enumerate(record):
        table = from_kernel(records[:, j, : len(when)], units[name])
        for i, outcome in enumerate(outcomes):
            if not outcome.ok:
                table[i] = np.nan
        values[name] = table
    return Trace(when, values, units, tuple(outcomes), final, group)


def _output_times(times: Any, protocols: Sequence[Protocol]) -> np.ndarray:
    end = min(p.duration for p in protocols)
    if times is None:
        return np.linspace(0.0, end, 201)
    when = np.atleast_1d(np.asarray(times, dtype=float))
    if when.ndim != 1 or not np.all(np.isfinite(when)) or np.any(np.diff(when) < 0.0):
        raise ProtocolError("output times are one ascending list of finite numbers [s]")
    if len(when) and (when[0] < 0.0 or when[-1] > end * (1.0 + 1e-12)):
        raise ProtocolError(f"got output times from {when[0]:g} to {when[-1]:g} s; expected them within the protocol, 0 to {end:g} s")
    return np.minimum(when, end)


def _resolve_record(composition: Composition, record: Sequence[str]) -> tuple[list[int], list[int], dict[str, str]]:
    tables = [list(composition.states), list(composition.outputs), list(composition.inputs)]
    where = {key: (kind, i) for kind, keys in enumerate(tables) for i, key in enumerate(keys)}
    kinds, indices, units = [], [], {}
    for name in record:
        if name not in where:
            close = difflib.get_close_matches(name, where, n=1, cutoff=0.4)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ParameterError(f"cell {composition.name!r} has no quantity {name!r} to record{hint}", name=name)
        kind, index = where[name]
        kinds.append(kind)
        indices.append(index)
        units[name] = composition.declarations[name].unit
    return kinds, indices, units


def _compile(cells: Sequence[Cell], protocols: Sequence[Protocol]) -> tuple[list[CompiledProtocol], list[int]]:
    """Compile each different (protocol, resting inputs) pair once."""
    table: dict[tuple[int, bytes], int] = {}
    compiled: list[CompiledProtocol] = []
    assigned = []
    for cell, protocol in zip(cells, protocols, strict=True):
        defaults = cell.input_defaults()
        key = (id(protocol), defaults.tobytes())
        if key not in table:
            table[key] = len(compiled)
            compiled.append(protocol.compile(cell.composition, dict(zip(cell.composition.inputs, defaults, strict=True))))
        assigned.append(table[key])
    return compiled, assigned


def _integrate(
    composition: Composition,
    cells: Sequence[Cell],
    compiled: list[CompiledProtocol],
    assigned: list[int],
    kinds: list[int],
    indices: list[int],
    when: np.ndarray,
    solver: Solver,
    execution: Execution,
) -> tuple[np.ndarray, np.ndarray, list[Outcome]]:
    from . import _kernels

    require_compiled(composition)
    scales = StateScales.of(composition)
    tables = []
    for protocol in compiled:
        segment = protocol.locate(when)
        tables.append((protocol, protocol.local(when, segment), segment))
    batch = _kernels.Batch(
        composition.name,
        np.array([c.initial_state() for c in cells]),
        np.array([c.parameter_vector() for c in cells]),
        assigned,
        tables,
        kinds,
        indices,
        rtol=solver.rtol,
        atol=solver.rtol * scales.scale,
        lower=scales.lower,
        upper=scales.upper,
        diverged=DIVERGED * scales.scale,
        max_steps=solver.max_steps,
        max_seconds=solver.max_seconds,
        fixed_step=solver.fixed_step * 1e3,
        engine=execution.engine(),
    )
    if not run_batch(batch, thread_count(len(cells), execution.lanes(), execution.threads), execution.on_progress) and not execution.keep_interrupted:
        raise KeyboardInterrupt
    names = list(composition.states)
    outcomes = [
        Outcome(_kernels.STATUS[s], t * 1e-3, names[w] if w >= 0 else "", *map(int, counts))
        for s, t, w, counts in zip(batch.status, batch.t_end, batch.worst, batch.counters, strict=True)
    ]
    return batch.records, batch.y_end, outcomes


def require_compiled(composition: Composition) -> None:
    """Raise :class:`ModelError` when the engine was not built with this very composition."""
    from . import _kernels

    built = _kernels.models().get(composition.name)
    if built is None:
        raise ModelError(
            f"cell {composition.name!r} is not in the compiled engine; add it to nkcell_sim.model.cells.COMPOSITIONS and rebuild (pip install .), "
            'or call simulate(..., method="radau"), which needs no compiled cell'
        )
    if built["hash"] != composition.hash:
        raise ModelError(
            f"cell {composition.name!r} was edited after the engine was built (equations {composition.hash}, engine {built['hash']}); "
            "rebuild it (pip install .)"
        )
