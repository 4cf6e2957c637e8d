"""One measured number a cell, with the group and the donor of the cell: what every statistic here is computed from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError

UNITS = ("cell", "donor")
AGGREGATES = ("mean", "median")
SCALES = ("linear", "log")  # of values, for variances and mixed models


@dataclass(frozen=True, eq=False)
class CellTable:
    """Cells within donors within groups; all arrays have the shape (n_cells,).

    ``value`` may be NaN (a failed run): such cells are counted and left out. ``group`` is what is compared, for example a case of a study. ``donor`` says
    which person a cell is from: **the same donor label in two groups is the same person**, whose arms a paired test compares. ``pair`` (optional)
    names matched pairs of different persons; paired tests then join by it. ``name`` and ``unit`` describe the value. Raises :class:`ParameterError`.
    """

    value: NDArray[np.float64]
    group: NDArray[np.str_]
    donor: NDArray[np.str_] | None = None
    pair: NDArray[np.str_] | None = None
    name: str = "value"
    unit: str = "1"

    def __post_init__(self) -> None:
        try:
            value = np.array(self.value, dtype=float)
        except (TypeError, ValueError) as error:
            raise ParameterError(f"got values that are not numbers ({error}); expected one number a cell, NaN where its run failed", name="value") from error
        if value.ndim != 1 or not value.size:
            raise ParameterError(f"got values of shape {value.shape}; expected one number a cell in a list that is not empty", name="value")
        if np.isinf(value).any():
            raise ParameterError(f"got {int(np.isinf(value).sum())} infinite values; a failed run is NaN", name="value")
        object.__setattr__(self, "value", value)
        for key in ("group", "donor", "pair"):
            labels = getattr(self, key)
            if labels is None:
                continue
            found = np.asarray([str(x) for x in labels], dtype=str)
            if len(found) != len(value):
                raise ParameterError(f"got {len(found)} {key} labels for {len(value)} values; expected one a cell", name=key)
            object.__setattr__(self, key, found)

    @classmethod
    def nested(cls, value: ArrayLike, group: ArrayLike, donor: ArrayLike, *, name: str = "value", unit: str = "1") -> CellTable:
        """A table in which donors belong to one group each: donor 1 of one group and donor 1 of another are different persons."""
        groups, donors = np.asarray(group, dtype=str), np.asarray(donor, dtype=str)
        if groups.shape != donors.shape:
            raise ParameterError(f"got {groups.size} group and {donors.size} donor labels; expected one of each a cell", name="donor")
        return cls(np.asarray(value), groups, np.array([f"{g}/{d}" for g, d in zip(groups, donors, strict=True)]), name=name, unit=unit)

    def __len__(self) -> int:
        return len(self.value)

    @property
    def groups(self) -> tuple[str, ...]:
        """Group labels in the order of their first cell."""
        return tuple(str(g) for g in dict.fromkeys(self.group))

    def donors(self) -> NDArray[np.str_]:
        """Donor of every cell; raises :class:`ParameterError` for a table without donors."""
        if self.donor is None:
            raise ParameterError("the table has no donor labels; the donor as unit of analysis needs one label a cell (donor=)", name="donor")
        return self.donor

    def chosen(self, groups: Sequence[str] | None, *, least: int = 2, most: int | None = None) -> tuple[str, ...]:
        """The groups of a comparison, checked: known, each named once, between ``least`` and ``most`` of them."""
        if isinstance(groups, str):
            raise ParameterError(f"got groups = {groups!r}; expected a list of group labels out of {list(self.groups)}", name="groups")
        names = tuple(str(g) for g in (self.groups if groups is None else groups))
        unknown = [g for g in names if g not in self.groups]
        if unknown:
            raise ParameterError(f"got group {unknown[0]!r}; the table has {', '.join(map(repr, self.groups))}", name="groups")
        twice = [g for g in dict.fromkeys(names) if names.count(g) > 1]
        if twice:
            raise ParameterError(f"group {twice[0]!r} is named twice; a group cannot be compared with itself", name="groups")
        if len(names) < least or (most is not None and len(names) > most):
            wanted = f"{least}" if most == least else f"at least {least}" if most is None else f"{least} to {most}"
            raise ParameterError(f"got {len(names)} groups ({', '.join(names)}); expected {wanted}: name them with groups=", name="groups")
        return names

    def sample(self, group: str, *, unit: str, aggregate: str = "mean") -> Sample:
        """The values of a group at one unit of analysis; raises :class:`ParameterError` if none is left."""
        check_choice("unit", unit, UNITS)
        reduce = aggregator(aggregate)
        inside = self.group == group
        good = inside & np.isfinite(self.value)
        if not good.any():
            state = f"all its {int(inside.sum())} cells failed" if inside.any() else "no such cells"
            raise ParameterError(f"group {group!r} has no values ({state}); leave it out or repeat its runs", name="groups")
        lost = int(inside.sum() - good.sum())
        if unit == "cell":
            donor = None if self.donor is None else self.donor[good]
            return Sample(group, unit, self.value[good], donor, None if self.pair is None else self.pair[good], lost, 0)
        donors = self.donors()
        names = list(dict.fromkeys(donors[good]))
        values = np.array([reduce(self.value[good & (donors == d)]) for d in names])
        pair = None if self.pair is None else np.array([_one_pair(self.pair[good & (donors == d)], d) for d in names])
        gone = len(set(donors[inside]) - set(names))
        return Sample(group, unit, values, np.array(names), pair, lost, gone)

    def within(self, group: str) -> dict[str, NDArray[np.float64]]:
        """Values of a group's cells by donor, failed cells left out."""
        donors, good = self.donors(), (self.group == group) & np.isfinite(self.value)
        return {str(d): self.value[good & (donors == d)] for d in dict.fromkeys(donors[good])}


@dataclass(frozen=True, eq=False)
class Sample:
    """Values (n,) of one group at one unit of analysis, the donor of each, and how many cells and whole donors failed."""

    group: str
    unit: str
    value: NDArray[np.float64]
    donor: NDArray[np.str_] | None
    pair: NDArray[np.str_] | None
    lost_cells: int
    lost_donors: int

    def keys(self) -> NDArray[np.str_]:
        """What a paired test joins by: the pair where there is one, else the donor."""
        if self.pair is not None:
            return self.pair
        if self.donor is None:
            raise ParameterError("a paired test joins by donor, and the table has no donor labels (donor=)", name="donor")
        return self.donor


def padded(cells: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Cells of every donor as one matrix (n_donors, most cells), NaN behind the last, and how many each has (n_donors,)."""
    counts = np.array([len(c) for c in cells], dtype=np.intp)
    matrix = np.full((len(cells), max(counts, default=0)), np.nan)
    for row, c in zip(matrix, cells, strict=True):
        row[: len(c)] = c
    return matrix, counts


def _one_pair(labels: NDArray[np.str_], donor: str) -> str:
    found = set(labels)
    if len(found) > 1:
        raise ParameterError(f"donor {donor!r} has cells in {len(found)} pairs ({', '.join(sorted(found))}); a donor belongs to one pair", name="pair")
    return str(found.pop())


def check_choice(name: str, given: str, choices: Sequence[str]) -> None:
    """Raise :class:`ParameterError` for a word that is not among the choices."""
    if given not in choices:
        raise ParameterError(f"got {name} = {given!r}; expected one of {', '.join(choices)}", name=name)


def check_share(name: str, given: float) -> float:
    """A number strictly between 0 and 1 (a level, a power), or :class:`ParameterError`."""
    if isinstance(given, bool) or not isinstance(given, int | float | np.floating) or not 0.0 < given < 1.0:
        raise ParameterError(f"got {name} = {given!r}; expected a number between 0 and 1, both excluded", name=name)
    return float(given)


def check_count(name: str, given: int, *, least: int, most: int | None = None) -> int:
    """A whole number from ``least`` (to ``most``), or :class:`ParameterError`."""
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < least or (most is not None and given > most):
        upto = "" if most is None else f" to {most:,}"
        raise ParameterError(f"got {name} = {given!r}; expected a whole number from {least}{upto}", name=name)
    return int(given)


def check_counts(name: str, given: Iterable[int], *, least: int, most: int | None = None) -> tuple[int, ...]:
    """Different whole numbers from ``least`` (to ``most``), at least one of them, in their order, or :class:`ParameterError`."""
    found = tuple(check_count(name, n, least=least, most=most) for n in given)
    if not found or len(set(found)) < len(found):
        raise ParameterError(f"got {name} = {list(found)}; expected a list of different numbers", name=name)
    return found


def check_at_least(name: str, given: float, least: float, *, strictly: str = "") -> float:
    """A finite number from ``least`` on (above it where ``strictly`` says why), or :class:`ParameterError`."""
    number = isinstance(given, int | float | np.integer | np.floating) and not isinstance(given, bool)
    if not number or not np.isfinite(given) or given < least or (strictly and given == least):
        raise ParameterError(f"got {name} = {given!r}; expected a number {'above' if strictly else 'from'} {least:g}{strictly and f': {strictly}'}", name=name)
    return float(given)


def check_limit(given: float | None) -> float:
    """A detection limit (unit of the value) from 0 on, or :class:`ParameterError`."""
    if given is None:
        raise ParameterError("Fisher's test counts responders, and no detection limit was given (detection_limit=)", name="detection_limit")
    return check_at_least("detection_limit", given, 0.0)


def aggregator(name: str) -> Callable[[Any], Any]:
    """Mean or median of a donor's cells; along the last axis for arrays."""
    check_choice("aggregate", name, AGGREGATES)
    return {"mean": lambda x: np.mean(x, axis=-1), "median": lambda x: np.median(x, axis=-1)}[name]
