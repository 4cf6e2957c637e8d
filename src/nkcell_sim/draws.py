"""Many cells as one base cell and a table of what differs between them: one row a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .errors import NkcellError, ParameterError
from .units import parse, to_kernel, unit_info

if TYPE_CHECKING:
    from .model.cell import Cell
    from .model.composition import Composition

PROTOCOL = "protocol"  # the column that says which of several protocols a run follows
STARTS = ("base", "rest")


@dataclass(frozen=True)
class Table:
    """Some runs in kernel units: ``parameters`` (n_runs, n_parameters), ``states`` (n_runs, n_states) at the start.

    ``inputs`` (n_distinct, n_inputs) are the different resting inputs and ``inputs_of`` (n_runs,) says which of them a run has.
    """

    parameters: np.ndarray
    states: np.ndarray
    inputs: np.ndarray
    inputs_of: np.ndarray


class Room:
    """Memory that consecutive blocks share: fresh pages cost more than filling them."""

    def __init__(self) -> None:
        self._kept: dict[str, np.ndarray] = {}

    def matrix(self, name: str, rows: int, columns: int) -> np.ndarray:
        """A matrix (rows, columns) whose content is left from before."""
        kept = self._kept.get(name)
        if kept is None or len(kept) < rows:
            kept = self._kept[name] = np.empty((rows, columns))
        return kept[:rows]


class Listed(Sequence["Cell"]):
    """Cells that were made one by one; the same cell may occur many times."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._cells = tuple(cells)

    @property
    def composition(self) -> Composition:
        """What all cells are built like."""
        return self._cells[0].composition

    def label(self, key: str) -> str:
        """Name of a drawn column among recorded quantities: the values at the start of states and inputs are ``start.ca_er``, ``start.k_out``."""
        return key if key in self.composition.parameters else f"start.{key}"

    def block(self, start: int, end: int, room: Room | None = None) -> Table:
        """The runs from ``start`` to before ``end``; a cell that occurs many times is read once."""
        where: dict[int, int] = {}
        unique: list[Cell] = []
        of = np.empty(end - start, dtype=np.intp)
        for i, cell in enumerate(self._cells[start:end]):
            if id(cell) not in where:
                where[id(cell)] = len(unique)
                unique.append(cell)
            of[i] = where[id(cell)]
        parameters = np.array([c.parameter_vector() for c in unique])
        states = np.array([c.initial_state() for c in unique])
        inputs, distinct = np.unique(np.array([c.input_defaults() for c in unique]), axis=0, return_inverse=True)
        return Table(parameters[of], states[of], inputs, distinct.reshape(-1)[of])

    def __len__(self) -> int:
        return len(self._cells)

    @overload
    def __getitem__(self, index: int) -> Cell: ...

    @overload
    def __getitem__(self, index: slice) -> Listed: ...

    def __getitem__(self, index: int | slice) -> Cell | Listed:
        return Listed(self._cells[index]) if isinstance(index, slice) else self._cells[index]


@dataclass(frozen=True, eq=False)
class Draws(Sequence["Cell"]):
    """One base cell and a table of draws: ``Draws(cell, {"KCa31.g_max": [0.2, 0.25, 0.3]})`` is three cells.

    A column is named by the key of a parameter, of a resting input ("k_out") or of a state ("ca_er", its value at the start) and holds one value
    a run: numbers in the declared unit, numbers with a unit of their own as ``(values, "uM")``, or texts like "100 uM". A single value holds for all runs.
    The table is a dict, a structured NumPy array, a DataFrame, or an open HDF5 group. Values are checked like those of ``Cell.set``, and an error
    names the row (counted from 0).

    Every run starts from the base cell's own start, so that only what was drawn differs; ``start="rest"`` asks for the rest of each
    draw's own cell (found cell by cell, some milliseconds each). A whole-number column "protocol" says which of the protocols given to ``simulate`` a
    run follows. ``draws[i]`` is the i-th cell, built when it is asked for.
    """

    cell: Cell
    columns: Mapping[str, np.ndarray]
    start: str = "base"
    protocol_of: np.ndarray | None = None

    def __init__(self, cell: Cell, table: Any, *, start: str = "base") -> None:
        if start not in STARTS:
            raise ParameterError(f"got start = {start!r}; expected one of {', '.join(map(repr, STARTS))}", name="start")
        _check_base(cell)
        raw = _columns(table)
        protocol_of = raw.pop(PROTOCOL, None)
        known = _drawable(cell.composition)
        columns = {key: _numbers(key, values, cell._find(key, known, "parameter, input or state").unit) for key, values in raw.items()}
        chosen = {} if protocol_of is None else {PROTOCOL: _whole(protocol_of)}
        whole = _same_length({**columns, **chosen})
        object.__setattr__(self, "protocol_of", whole.pop(PROTOCOL) if chosen else None)
        for key, values in whole.items():
            _check(cell, key, values, known[key])
        object.__setattr__(self, "cell", cell)
        object.__setattr__(self, "columns", whole)
        object.__setattr__(self, "start", start)

    @property
    def composition(self) -> Composition:
        """What all cells are built like."""
        return self.cell.composition

    @property
    def units(self) -> dict[str, str]:
        """Unit of every drawn column."""
        return {key: self.composition.declarations[key].unit for key in self.columns}

    def label(self, key: str) -> str:
        """Name of a drawn column among recorded quantities: the values at the start of states and inputs are ``start.ca_er``, ``start.k_out``."""
        return key if key in self.composition.parameters else f"start.{key}"

    def block(self, start: int, end: int, room: Room | None = None) -> Table:
        """The runs from ``start`` to before ``end``, in ``room`` if that is given: then the next block overwrites this one."""
        composition, count, room = self.composition, end - start, room or Room()
        parameters = room.matrix("parameters", count, len(composition.parameters))
        states = room.matrix("states", count, len(composition.states))
        self._fill(parameters, composition.parameters, composition.parameter_index, self.cell.parameter_vector(), start, end)
        self._fill(states, composition.states, composition.state_index, self._base_states(start, end), start, end)
        resting = self.cell.input_defaults()
        if not any(key in composition.inputs for key in self.columns):
            return Table(parameters, states, resting[None], np.zeros(count, dtype=np.intp))
        inputs = room.matrix("inputs", count, len(composition.inputs))
        self._fill(inputs, composition.inputs, composition.input_index, resting, start, end)
        distinct, of = np.unique(inputs, axis=0, return_inverse=True)
        return Table(parameters, states, distinct, of.reshape(-1))

    def _base_states(self, start: int, end: int) -> np.ndarray:
        """States at the start before drawn ones replace them: (n_states,) of the base cell, or one row a run."""
        if self.start == "base":
            return self._base_start()
        from .model.calibrate import resting_states

        found = resting_states([self._drawn(i) for i in range(start, end)])
        for state in found:
            if isinstance(state, NkcellError):
                raise state
        return np.array(found)

    def _base_start(self) -> np.ndarray:
        if "_start" not in self.__dict__:
            self.__dict__["_start"] = self.cell.initial_state()
        return np.asarray(self.__dict__["_start"])

    def _fill(self, matrix: np.ndarray, declared: Mapping[str, Any], position: Mapping[str, int], base: np.ndarray, start: int, end: int) -> None:
        """Write ``base`` for every run, with the drawn columns in kernel units."""
        matrix[:] = base
        for key, values in self.columns.items():
            if key in declared:
                matrix[:, position[key]] = to_kernel(values[start:end], declared[key].unit)

    def _drawn(self, i: int) -> Cell:
        """The base cell with the drawn parameters and inputs of one row, start not yet set."""
        row = {key: float(values[i]) for key, values in self.columns.items()}
        values = {k: v for k, v in row.items() if k in self.composition.parameters}
        inputs = {k: v for k, v in row.items() if k in self.composition.inputs}
        return replace(self.cell, values={**self.cell.values, **values}, inputs={**self.cell.inputs, **inputs}, state=None)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else len(self.protocol_of) if self.protocol_of is not None else 0

    @overload
    def __getitem__(self, index: int) -> Cell: ...

    @overload
    def __getitem__(self, index: slice) -> Draws: ...

    def __getitem__(self, index: int | slice) -> Cell | Draws:
        if isinstance(index, slice):
            return self._sliced(index)
        i = range(len(self))[index]
        return replace(self._drawn(i), state=self.block(i, i + 1).states[0])

    def _sliced(self, rows: slice) -> Draws:
        part = object.__new__(Draws)
        part.__dict__.update(self.__dict__)
        part.__dict__["columns"] = {key: values[rows] for key, values in self.columns.items()}
        part.__dict__["protocol_of"] = None if self.protocol_of is None else self.protocol_of[rows]
        return part

    def __iter__(self) -> Iterator[Cell]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        lines = [f"Draws of {self.cell.name}: {len(self)} runs, {'each from its own rest' if self.start == 'rest' else 'all from the start of the base cell'}"]
        lines.append(f"  {'column':<28}{'unit':<10}{'minimum':>12}{'median':>12}{'maximum':>12}{'base cell':>12}")
        for key, values in self.columns.items() if len(self) else ():
            of = (*(f"{f(values):>12.5g}" for f in (np.min, np.median, np.max)), f"{self._base_value(key):>12.5g}")
            lines.append(f"  {key:<28}{self.units[key]:<10}{''.join(of)}")
        if self.protocol_of is not None:
            lines.append(f"  {PROTOCOL:<28}{len(np.unique(self.protocol_of))} different")
        return "\n".join(lines)

    def _base_value(self, key: str) -> float:
        if key in self.composition.parameters:
            return self.cell.parameter(key)
        if key in self.composition.states:
            return self.cell.state_value(key)
        return float(self.cell.inputs.get(key, self.composition.inputs[key].default))


def _drawable(composition: Composition) -> dict[str, Any]:
    return {**composition.parameters, **composition.inputs, **composition.states}


def _check_base(cell: Any) -> None:
    """Refuse what is not one cell: a list of cells needs no table."""
    from .model.cell import Cell

    if not isinstance(cell, Cell):
        raise ParameterError(f"got {cell!r:.60} as the base cell of the draws; expected a cell, for example nk.primary_nk_cell()", name="cell")


def _columns(table: Any) -> dict[str, Any]:
    """Columns by name of whatever table was given."""
    names = getattr(getattr(table, "dtype", None), "names", None)
    if names is None and hasattr(table, "columns"):
        names = list(table.columns)
    if names is None and hasattr(table, "keys"):
        names = list(table.keys())
    if names is None:
        kind = type(table).__name__
        raise ParameterError(f"got a table of draws of type {kind}; expected a dict of columns, a structured array or a DataFrame", name="table")
    if not names:
        raise ParameterError("got a table of draws without columns; expected at least one", name="table")
    texts = [str(name) for name in names]
    if twice := [name for name in texts if texts.count(name) > 1]:
        raise ParameterError(f"got two columns named {twice[0]!r} in the table of draws; expected each once", name=twice[0])
    return {str(name): table[name] for name in names}


def _numbers(key: str, values: Any, unit: str) -> np.ndarray:
    """A column in its declared unit."""
    given = getattr(values, "attrs", {}).get("units", "")
    if isinstance(values, tuple) and len(values) == 2 and isinstance(values[1], str) and not isinstance(values[0], str):
        values, given = values
    array = _array(key, values, unit)
    if array.dtype.kind in "OSU":
        return np.array([_number(key, row, value, unit) for row, value in enumerate(array.ravel().tolist())]).reshape(array.shape)
    if array.dtype.kind not in "fiu":
        raise ParameterError(f"column {key!r} of the draws holds {array.dtype}; expected numbers in {unit} or texts such as '1 {unit}'", name=key)
    with np.errstate(over="ignore"):  # what doubles cannot hold becomes infinite, which is refused with its row
        numbers = np.array(array, dtype=float)
    given = given.decode() if isinstance(given, bytes) else str(given)
    return _converted(key, numbers, given, unit) if given and given != unit else numbers


def _array(key: str, values: Any, unit: str) -> np.ndarray:
    """A column as an array of numbers, texts or objects; one with holes is refused, because a hole is no number."""
    if np.ma.is_masked(values):
        row = int(np.argmax(np.ma.getmaskarray(values)))
        raise ParameterError(f"row {row} of the draws: {key} is masked; expected a number in {unit} in every row", name=key)
    mixed = isinstance(values, list | tuple) and any(isinstance(v, str) for v in values)
    try:
        return np.asarray(values, dtype=object) if mixed else np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ParameterError(f"column {key!r} of the draws has rows of different lengths; expected one value a run", name=key) from error


def _number(key: str, row: int, value: Any, unit: str) -> float:
    if isinstance(value, bool) or not isinstance(value, str | bytes | int | float | np.integer | np.floating):
        raise ParameterError(f"row {row} of the draws: got {key} = {value!r}; expected a number in {unit} or a text such as '1 {unit}'", name=key)
    if not isinstance(value, str | bytes):
        return _double(value)
    try:
        return parse(value.decode(errors="replace") if isinstance(value, bytes) else value, unit)
    except NkcellError as error:
        raise ParameterError(f"row {row} of the draws: {key}: {error}", name=key) from error


def _double(value: Any) -> float:
    """A number as a double; one beyond all doubles is infinite, which is refused with its row."""
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def _converted(key: str, numbers: np.ndarray, given: str, unit: str) -> np.ndarray:
    """Numbers in ``given`` as numbers in ``unit``."""
    try:
        dimension, factor, offset = unit_info(given)
    except NkcellError as error:
        raise ParameterError(f"column {key!r} of the draws: {error}", name=key) from error
    wanted, own_factor, own_offset = unit_info(unit)
    if dimension != wanted:
        raise ParameterError(f"column {key!r} of the draws is in {given}; expected a unit like {unit}", name=key)
    return np.asarray((numbers + offset) * factor / own_factor - own_offset)


def _whole(values: Any) -> np.ndarray:
    array = np.asarray(values)
    expected = "expected the number of each run's protocol, a whole number from 0"
    if array.dtype.kind not in "iu" and array.size:
        raise ParameterError(f"column 'protocol' of the draws holds {array.dtype} ({array.ravel().tolist()[0]!r} first); {expected}", name=PROTOCOL)
    bad = (array < 0) | (array > np.iinfo(np.intp).max)
    if bad.any():
        raise ParameterError(f"row {int(np.argmax(bad))} of the draws: got protocol = {array[bad][0]}; {expected}", name=PROTOCOL)
    return array.astype(np.intp)


def _same_length(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns of one length; a single value holds for all runs."""
    long = {key: len(values) for key, values in columns.items() if values.ndim == 1}
    deep = [key for key, values in columns.items() if values.ndim > 1]
    if deep:
        raise ParameterError(f"column {deep[0]!r} of the draws has {columns[deep[0]].ndim} axes; expected one value a run", name=deep[0])
    if len(set(long.values())) > 1:
        raise ParameterError("the columns of the draws differ in length: " + ", ".join(f"{k} has {n}" for k, n in long.items()), name=next(iter(long)))
    count = next(iter(long.values()), 1)
    if not count:
        raise ParameterError("got a table of draws without rows; expected at least one", name=next(iter(long)))
    return {key: np.ascontiguousarray(np.broadcast_to(values, (count,))) for key, values in columns.items()}


def _check(cell: Cell, key: str, values: np.ndarray, declared: Any) -> None:
    """Refuse values that ``Cell.set`` would refuse, with the first row that holds one."""
    low = getattr(declared, "minimum", getattr(declared, "lower", None))
    high = getattr(declared, "maximum", getattr(declared, "upper", None))
    bad = ~np.isfinite(values)
    bad |= False if low is None else values < low
    bad |= False if high is None else values > high
    choices = getattr(declared, "choices", ())
    if choices:
        bad |= ~np.isin(values, choices)
    if not bad.any():
        return
    row = int(np.argmax(bad))
    limits = " or ".join(f"{c:g}" for c in choices) if choices else _limits(low, high)
    more = f"; {int(bad.sum())} of {len(values)} rows are outside" if bad.sum() > 1 else ""
    unit = "" if declared.unit == "1" else f" {declared.unit}"
    text = f"row {row} of the draws: got {key} = {values[row]:g}{unit}; expected {limits}{unit} ({declared.description}){more}"
    raise ParameterError(f"cell {cell.name!r}: {text}", name=key)


def _limits(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"a number between {low:g} and {high:g}"
    if low is not None:
        return f"a number of at least {low:g}"
    return "a finite number" if high is None else f"a number of at most {high:g}"
