"""Designs of a study: which values the varied keys take together, one row a point; here those whose values are written down."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import NkcellError, ParameterError
from ..units import parse

MOST_NUMBERS = 500_000_000  # points times keys: 4 GB of numbers, which every process of a study holds
MOST_SHOWN = 24  # values of an axis of a grid that are told one by one
UnitOf = Callable[[str], str]


@dataclass(frozen=True, eq=False)
class Design(ABC):
    """Base of designs: ``keys`` (k names), ``len()`` (n points), ``table`` (n, k) in the declared units, NaN where a key is as in the base case.

    A key is a parameter ("TRPM3.density"), a field of an experiment ("imaging.pregs") or of a treatment ("incubation.ntx"). Values are numbers in the
    declared unit or text with a unit; a Study, which knows the units, reads them. Every case is recorded in every experiment (and every cell of a cohort) at
    every point. Two designs are equal when they were made alike.
    """

    kind: ClassVar[str] = ""

    @property
    @abstractmethod
    def keys(self) -> tuple[str, ...]:
        """What is varied."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of points."""

    @abstractmethod
    def bound(self, unit_of: UnitOf) -> Self:
        """The design with every value as a number in the declared unit of its key, checked."""

    @abstractmethod
    def _table(self) -> NDArray[np.float64]:
        """The values (n, k); asked once."""

    @cached_property
    def table(self) -> NDArray[np.float64]:
        """Values (n, k), one row a point, in the declared units; NaN: as in the base case. Made when first asked for, and not to be written to."""
        check_size(len(self), len(self.keys))
        made = np.ascontiguousarray(self._table(), dtype=float)
        made.flags.writeable = False
        return made

    def distinct(self, key: str) -> NDArray[np.float64]:
        """The different values of one key, ascending."""
        column = self.table[:, self.keys.index(key)]
        return np.unique(column[np.isfinite(column)])

    def described(self, unit_of: UnitOf) -> list[str]:
        """The design in words: a line, and one for each key."""
        head = [f"{self.kind.replace('_', ' ')}: {len(self):,} {'point' if len(self) == 1 else 'points'}"]
        return [*head, *(f"{key}: {self._told(key, unit_of(key))}" for key in self.keys)]

    def _told(self, key: str, unit: str) -> str:
        values, absent = self.distinct(key), int(np.isnan(self.table[:, self.keys.index(key)]).sum())
        ends = " to ".join(f"{v:.4g}" for v in values[[0, -1]]) if len(values) > 1 else "".join(f"{v:.4g}" for v in values)
        count = f"{len(values):,} {'value' if len(values) == 1 else 'values'}"
        return f"{count}, {ends}{_after(unit)}" + (f"; at {absent:,} points as in the base case" if absent else "")

    def __getstate__(self) -> dict[str, Any]:
        """The recipe alone travels to other processes; the table is made there."""
        return {name: value for name, value in self.__dict__.items() if name != "table"}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Design) and type(other) is type(self) and bool(self.__getstate__() == other.__getstate__())

    __hash__ = None  # type: ignore[assignment]


def _after(unit: str) -> str:
    return "" if unit in ("", "1") else f" {unit}"


def check_size(points: int, keys: int) -> None:
    """Refuse a design that no machine holds."""
    if points * max(keys, 1) > MOST_NUMBERS:
        said = f"got a design of {points:,} points and {keys} keys; expected at most {MOST_NUMBERS:,} values in all: fewer points, or several studies"
        raise ParameterError(said, name="samples")


def number_in(key: str, value: Any, unit: str) -> float:
    """A value of a varied key in its declared unit."""
    if not isinstance(value, str) and (isinstance(value, bool) or not isinstance(value, int | float | np.number)):
        raise ParameterError(f"got a variation of {key!r} with {value!r}; expected numbers in {unit} or texts with a unit", name=key)
    try:
        number = parse(value, unit) if isinstance(value, str) else float(value)
    except NkcellError as error:
        raise ParameterError(f"got a variation of {key!r} with {value!r}: {error}", name=key) from error
    if not np.isfinite(number):
        raise ParameterError(f"got a variation of {key!r} with {value!r}; expected finite numbers", name=key)
    return number


@dataclass(frozen=True, eq=False)
class _Columns(Design):
    """A list of values for each key."""

    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.values, Mapping):
            raise ParameterError(f"got {self.values!r:.60} for a {self.kind}; expected a dictionary of lists of values by key", name="values")
        object.__setattr__(self, "values", {key: _listed(key, values) for key, values in self.values.items()})

    @property
    def keys(self) -> tuple[str, ...]:
        """What is varied."""
        return tuple(self.values)

    def bound(self, unit_of: UnitOf) -> Self:
        """The design with numbers in the declared units."""
        return replace(self, values={key: self._axis(key, values, unit_of(key)) for key, values in self.values.items()})

    def _axis(self, key: str, values: Sequence[Any], unit: str) -> list[float]:
        return [number_in(key, value, unit) for value in values]

    def _numbers(self) -> list[NDArray[np.float64]]:
        text = next((key for key, values in self.values.items() if any(isinstance(v, str) for v in values)), None)
        if text is not None:
            raise ParameterError(f"got {text!r} with units in a design that no study has read; ask study.design, or bound(unit_of)", name=text)
        return [np.asarray(values, float) for values in self.values.values()]


def _listed(key: str, values: Any) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ParameterError(f"got a variation of {key!r} over {values!r}; expected a list of values", name=key)
    found = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if not found:
        raise ParameterError(f"got a variation of {key!r} without values; expected at least one", name=key)
    return found


@dataclass(frozen=True, eq=False)
class Grid(_Columns):
    """Every combination of some values of each key, the last key changing fastest: ``Grid({"TRPM3.density": nk.logspan(0.5, 2, 5)})``."""

    kind: ClassVar[str] = "grid"

    def __len__(self) -> int:
        return math.prod(len(values) for values in self.values.values())

    def _axis(self, key: str, values: Sequence[Any], unit: str) -> list[float]:
        found = super()._axis(key, values, unit)
        seen: set[float] = set()
        for value in found:
            if value in seen:
                raise ParameterError(f"got a variation of {key!r} with {value:g} {unit} more than once; expected each value once", name=key)
            seen.add(value)
        return found

    def distinct(self, key: str) -> NDArray[np.float64]:
        """The values of one key as they were given."""
        return np.asarray(self._numbers()[self.keys.index(key)])

    def _table(self) -> NDArray[np.float64]:
        axes = self._numbers()
        if not axes:
            return np.empty((1, 0))
        return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)

    def _told(self, key: str, unit: str) -> str:
        values = self.distinct(key)
        listed = ", ".join(f"{v:.4g}" for v in values) if len(values) <= MOST_SHOWN else f"{len(values):,} values, {values[0]:.4g} to {values[-1]:.4g}"
        return f"{listed}{_after(unit)}"


@dataclass(frozen=True, eq=False)
class Zip(_Columns):
    """The i-th values of all keys together: ``Zip({"imaging.pregs": ["10 uM", "50 uM"], "TRPM3.density": [1.0, 2.0]})`` has two points."""

    kind: ClassVar[str] = "zip"

    def __post_init__(self) -> None:
        super().__post_init__()
        lengths = {key: len(values) for key, values in self.values.items()}
        if not lengths:
            raise ParameterError("got a zip of nothing; expected lists of values by key", name="values")
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{key} has {n}" for key, n in lengths.items())
            odd = next(key for key, n in lengths.items() if n != next(iter(lengths.values())))
            raise ParameterError(f"got lists of different lengths for a zip: {told}; expected the same number of values for each key", name=odd)

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def _table(self) -> NDArray[np.float64]:
        return np.stack(self._numbers(), axis=1)


@dataclass(frozen=True, eq=False)
class Listed(Design):
    """Points one by one, each with the keys that it changes: ``Listed([{}, {"TRPM3.density": "2 1/pF"}, {"cm": 2.0, "imaging.pregs": "10 uM"}])``.

    A key that a point does not name is there as in the base case. ``order`` fixes the order of the keys (by default that of first appearance).
    """

    points: Sequence[Mapping[str, Any]]
    order: Sequence[str] = ()
    kind: ClassVar[str] = "list"

    def __post_init__(self) -> None:
        given = self.points
        if isinstance(given, Mapping | str) or not isinstance(given, Iterable):
            raise ParameterError(f"got {given!r:.60} for a list of points; expected a list of dictionaries such as [{{'TRPM3.density': 2.0}}]", name="points")
        points = tuple(given)
        if not points:
            raise ParameterError("got a list without points; expected at least one", name="points")
        for i, point in enumerate(points):
            if not isinstance(point, Mapping):
                raise ParameterError(f"point {i}: got {point!r:.60}; expected a dictionary of values by key", name="points")
        found = tuple(dict.fromkeys(key for point in points for key in point))
        missing = next((key for key in found if self.order and key not in self.order), None)
        if missing is not None:
            raise ParameterError(f"got points with {missing!r}, which the order of keys does not name; expected all or none there", name=missing)
        object.__setattr__(self, "points", tuple(dict(point) for point in points))
        object.__setattr__(self, "order", tuple(self.order) or found)

    @property
    def keys(self) -> tuple[str, ...]:
        """What is varied."""
        return tuple(self.order)

    def __len__(self) -> int:
        return len(self.points)

    def bound(self, unit_of: UnitOf) -> Self:
        """The design with numbers in the declared units."""
        units = {key: unit_of(key) for key in self.keys}
        return replace(self, points=tuple(self._point(i, point, units) for i, point in enumerate(self.points)))

    def _point(self, i: int, point: Mapping[str, Any], units: Mapping[str, str]) -> dict[str, float]:
        try:
            return {key: number_in(key, value, units[key]) for key, value in point.items()}
        except ParameterError as error:
            raise ParameterError(f"point {i}: {error}", name=error.name) from error

    def _table(self) -> NDArray[np.float64]:
        text = next((key for point in self.points for key, value in point.items() if isinstance(value, str)), None)
        if text is not None:
            raise ParameterError(f"got {text!r} with units in a design that no study has read; ask study.design, or bound(unit_of)", name=text)
        return np.array([[point.get(key, math.nan) for key in self.keys] for point in self.points], float).reshape(len(self.points), len(self.keys))
