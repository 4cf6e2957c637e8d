"""Features as the engine takes them: names resolved, levels in kernel units, windows cut into the segments of a protocol."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import ParameterError, UnitError
from .features import Level, Reading, ValueAt, ValueWhen
from .protocol import CompiledProtocol
from .units import from_kernel, parse, to_kernel, unit_info

if TYPE_CHECKING:
    from .model.composition import Composition

STATE, OUTPUT, INPUT = range(3)
SHARE = 0.5  # of the way, for half-times
SLACK = 1e-12  # of a level or a quantity's size: a ramp that ends on a level has reached it, whatever its rounding
SAME_TIME = 1e-9  # ms: times this close to an edge are the edge


@dataclass(frozen=True)
class Row:
    """One feature in kernel units; ``base`` is subtracted unless ``reference`` [ms] gives the time at which it is read."""

    reading: Reading
    quantity: int
    trigger: int
    base: float
    reference: float | None
    level: float
    size: float


@dataclass(frozen=True)
class Watched:
    """The features of a plan: ``kinds`` and ``indices`` of the quantities they look at, and one row each."""

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    units: tuple[str, ...]
    kinds: tuple[int, ...]
    indices: tuple[int, ...]

    @classmethod
    def of(cls, composition: Composition, features: Mapping[str, Reading]) -> Watched:
        """Resolve names and levels; raises :class:`ParameterError` for what the cell does not have."""
        places: dict[tuple[int, int], int] = {}
        rows = []
        for name, reading in features.items():
            if not isinstance(reading, Reading):
                raise ParameterError(f"feature {name!r} is {reading!r}; expected one of nkcell_sim.features, for example Peak('ca_cyt')", name=name)
            of = _place(composition, name, reading.quantity)
            trigger = _place(composition, name, reading.trigger) if isinstance(reading, ValueWhen) else of
            numbers = [places.setdefault(where, len(places)) for where in (of, trigger)]
            rows.append(_row(composition, name, reading, *numbers))
        units = tuple(r.unit(composition.declarations[r.quantity].unit) for r in features.values())
        return cls(tuple(features), tuple(rows), units, tuple(k for k, _ in places), tuple(i for _, i in places))

    def check(self, duration: float) -> None:
        """Raise :class:`ParameterError` for a window that is not within 0 to ``duration`` [s]."""
        for name, row in zip(self.names, self.rows, strict=True):
            start, end = row.reading.span
            slack = duration * 1e-12
            if start > duration + slack or (end or 0.0) > duration + slack or (start >= duration - slack and not isinstance(row.reading, ValueAt)):
                given = f"at {start:g} s" if isinstance(row.reading, ValueAt) else f"from {start:g} s to {'the end' if end is None else f'{end:g} s'}"
                raise ParameterError(f"feature {name!r} is read {given}; the protocol lasts from 0 to {duration:g} s", name=name)

    def table(self) -> np.ndarray:
        """Rows of ``_kernels.FEATURE``."""
        from . import _kernels

        return np.array([_feature(row, _kernels.FEATURE_KINDS.index(row.reading.kernel)) for row in self.rows], dtype=_kernels.FEATURE)

    def windows(self, protocol: CompiledProtocol) -> np.ndarray:
        """Rows of ``_kernels.WINDOW`` for one protocol."""
        from . import _kernels

        return np.array([self._window(row, protocol) for row in self.rows], dtype=_kernels.WINDOW)

    def _window(self, row: Row, protocol: CompiledProtocol) -> tuple[float, ...]:
        start, end = window(row.reading, protocol)
        onset, onset_time = point(protocol, start)
        reference, reference_time = (-1, -1.0) if row.reference is None else point(protocol, snapped(row.reference, protocol))
        times = (reference_time, onset_time, end - start, self.slack(row, protocol))
        if isinstance(row.reading, ValueAt):  # no course, only the value at the onset
            return (1, 0, reference, onset, 0.0, 0.0, *times)
        first = int(np.searchsorted(protocol.edges[:-1], start, side="right")) - 1
        last, until = point(protocol, end)
        return (first, last, reference, onset, start - protocol.edges[first], until, *times)

    def slack(self, row: Row, protocol: CompiledProtocol) -> float:
        """Rounding allowed at a row's level."""
        size, place = row.size, row.trigger
        if self.kinds[place] == INPUT:
            k = self.indices[place]
            size = float(np.max(np.abs([protocol.level[:, k], protocol.level[:, k] + protocol.slope[:, k] * protocol.lengths])))
        return SLACK * max(abs(row.level), size)

    def converted(self, values: np.ndarray, *, difference: bool = False) -> dict[str, np.ndarray]:
        """Columns of ``values`` (n_runs, n_features), kernel units, as name -> (n_runs,) in the units of the results; or differences of such values."""
        found = {}
        for j, (name, row, unit) in enumerate(zip(self.names, self.rows, self.units, strict=True)):
            gives, column = row.reading.gives, values[:, j]
            if gives == "time":
                found[name] = column * 1e-3
            elif gives == "area":
                found[name] = column * 1e-3 / unit_info(unit.removesuffix(" s") if unit != "s" else "1")[1]
            else:
                found[name] = from_kernel(column, unit) if row.reading.reference is None and not difference else column / unit_info(unit)[1]
        return found


def _place(composition: Composition, name: str, quantity: str) -> tuple[int, int]:
    tables = (composition.states, composition.outputs, composition.inputs)
    for kind, table in enumerate(tables):
        if quantity in table:
            return kind, list(table).index(quantity)
    close = difflib.get_close_matches(quantity, [key for table in tables for key in table], n=1, cutoff=0.4)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ParameterError(f"feature {name!r}: cell {composition.name!r} has no quantity {quantity!r}{hint}", name=quantity)


def _row(composition: Composition, name: str, reading: Reading, quantity: int, trigger: int) -> Row:
    unit = composition.declarations[reading.quantity].unit
    above = reading.reference
    base, reference = (to_kernel(0.0, unit) if reading.gives == "area" else 0.0), None
    if isinstance(above, ValueAt):
        reference = float(above.time) * 1e3
    elif above == "start":
        reference = reading.span[0] * 1e3
    elif above is not None:
        base = to_kernel(_number(name, above, unit), unit)
    level, size = SHARE, 0.0
    if hasattr(reading, "level"):
        of = reading.trigger if isinstance(reading, ValueWhen) else reading.quantity
        declared = composition.declarations[of]
        number = _number(name, reading.level, declared.unit)
        distance = above is not None and not isinstance(reading, ValueWhen)
        level = number * unit_info(declared.unit)[1] if distance else to_kernel(number, declared.unit)
        size = to_kernel(getattr(declared, "scale", 0.0), declared.unit) if of in composition.states else 0.0
    return Row(reading, quantity, trigger, base, reference, level, size)


def _feature(row: Row, kind: int) -> tuple[float, ...]:
    r = row.reading
    either, nth = getattr(r, "direction", "") == "any", getattr(r, "nth", 1)
    return (kind, row.quantity, row.trigger, r.sign, int(either), nth, row.base, row.level)


def _number(name: str, value: Level, unit: str) -> float:
    try:
        number = parse(value, unit) if isinstance(value, str) else float(value)
    except (UnitError, TypeError, ValueError) as error:
        raise ParameterError(f"feature {name!r}: got the level {value!r}; expected a number in {unit} or text with a unit ({error})", name=name) from error
    if not math.isfinite(number):
        raise ParameterError(f"feature {name!r}: got the level {value!r}; expected a finite number", name=name)
    return number


def window(reading: Reading, protocol: CompiledProtocol) -> tuple[float, float]:
    """Start and end of a feature's window in one protocol [ms]."""
    start, end = reading.span
    whole = float(protocol.edges[-1])
    return snapped(start * 1e3, protocol), whole if end is None else min(snapped(end * 1e3, protocol), whole)


def snapped(time: float, protocol: CompiledProtocol) -> float:
    """The edge of the protocol at a time [ms] when there is one, so that rounded times mean what they say."""
    nearest = float(protocol.edges[np.argmin(np.abs(protocol.edges - time))])
    return nearest if abs(nearest - time) <= max(SAME_TIME, 1e-14 * time) else time


def point(protocol: CompiledProtocol, time: float) -> tuple[int, float]:
    """Segment and time within it [ms] of the value at a time, the one just before an edge."""
    when = np.array([time])
    segment = protocol.locate(when)
    return int(segment[0]), float(protocol.local(when, segment)[0])
