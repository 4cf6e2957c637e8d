"""Designs of a two-group experiment with cells within donors, and simulated data of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .cell_table import CellTable, check_at_least, check_choice, check_count, padded

EFFECTS_ON = ("number", "current")
Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


class Draws(Protocol):
    """What a power simulation draws from: data of many experiments, with the effect and without."""

    @property
    def label(self) -> str:
        """Text that names the design point; random streams are derived from it."""

    @property
    def paired(self) -> bool:
        """Whether row d of both groups is the same donor."""

    @property
    def size(self) -> int:
        """Cells of one experiment."""

    def draw(self, rng: np.random.Generator, experiments: int) -> Pair:
        """Values of both groups, each (experiments, donors, cells)."""

    def draw_null(self, rng: np.random.Generator, experiments: int) -> Pair:
        """The same where the groups do not differ."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """A lognormal hierarchy: value = ratio x donor x cell x measurement, in units of the median cell of the first group.

    ``donors`` in each group (or one number a group) give ``cells`` cells each; ``ratio`` is the second group's median over the first's. The factors of
    donor, cell and measurement are lognormal with median 1 and the coefficients of variation ``donor_cv``, ``cell_cv``, ``measurement_cv``.
    ``paired``: both groups are arms of the same donors, whose response to the treatment varies by ``response_cv``. With ``channels`` a
    cell has a Poisson number of channels of this mean in the first group (scaled by its donor's and its own factor), each of equal
    current, so that cells without a channel occur; the ratio then acts on the ``number`` or on the ``current`` of a channel (``effect_on``).
    Raises :class:`ParameterError`.
    """

    donors: int | tuple[int, int]
    cells: int
    ratio: float
    donor_cv: float
    cell_cv: float
    measurement_cv: float = 0.0
    paired: bool = False
    response_cv: float = 0.0
    channels: float | None = None
    effect_on: str = "number"

    def __post_init__(self) -> None:
        for n in self.groups:
            check_count("donors", n, least=1)
        check_count("cells", self.cells, least=1)
        check_at_least("ratio", self.ratio, 0.0, strictly="it is a ratio of medians")
        for name in ("donor_cv", "cell_cv", "measurement_cv", "response_cv"):
            check_at_least(name, getattr(self, name), 0.0)
        check_choice("effect_on", self.effect_on, EFFECTS_ON)
        if self.channels is not None:
            check_at_least("channels", self.channels, 0.0, strictly="it is a mean number of channels a cell")
        if self.paired and self.groups[0] != self.groups[1]:
            raise ParameterError(f"got donors = {self.donors}; both arms of a paired design have the same donors: give one number", name="donors")
        if self.response_cv and not self.paired:
            raise ParameterError("response_cv is how donors differ in their response to a treatment; it needs paired = True", name="response_cv")

    @property
    def groups(self) -> tuple[int, int]:
        """Donors of the first and of the second group."""
        given: Any = self.donors
        if isinstance(given, tuple | list):
            if len(given) != 2:
                raise ParameterError(f"got donors = {given!r}; expected one number, or one for each of the two groups", name="donors")
            return given[0], given[1]
        return given, given

    @property
    def label(self) -> str:
        """All numbers of the design, in full."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        counts = {"donors": tuple(int(n) for n in self.groups), "cells": int(self.cells)}
        return ", ".join(f"{k}={_plain(v)!r}" for k, v in {**plain, **counts}.items())

    @property
    def size(self) -> int:
        """Cells of one experiment."""
        return sum(self.groups) * self.cells

    @property
    def log_sds(self) -> tuple[float, float, float]:
        """Standard deviations of the logarithm for donor, cell and measurement: sqrt(log(1 + CV^2))."""
        donor, cell, measurement = (math.sqrt(math.log1p(cv**2)) for cv in (self.donor_cv, self.cell_cv, self.measurement_cv))
        return donor, cell, measurement

    @property
    def icc(self) -> float:
        """Intraclass correlation of two cells of a donor, on the log scale and without counted channels."""
        donor, cell, measurement = (s**2 for s in self.log_sds)
        total = donor + cell + measurement
        return donor / total if total else math.nan

    def draw(self, rng: np.random.Generator, experiments: int) -> Pair:
        """Values of both groups (experiments, donors, cells)."""
        return self._drawn(rng, experiments, self.ratio)

    def draw_null(self, rng: np.random.Generator, experiments: int) -> Pair:
        """The same with ratio 1; the donors of a paired design still respond differently."""
        return self._drawn(rng, experiments, 1.0)

    def _drawn(self, rng: np.random.Generator, experiments: int, ratio: float) -> Pair:
        s_donor = self.log_sds[0]
        first = s_donor * rng.standard_normal((experiments, self.groups[0], 1))
        if self.paired:
            second = first + math.sqrt(math.log1p(self.response_cv**2)) * rng.standard_normal(first.shape)
        else:
            second = s_donor * rng.standard_normal((experiments, self.groups[1], 1))
        return self._cells(rng, first, 1.0), self._cells(rng, second, ratio)

    def _cells(self, rng: np.random.Generator, donor: NDArray[np.float64], ratio: float) -> NDArray[np.float64]:
        _, s_cell, s_measurement = self.log_sds
        shape = (*donor.shape[:2], self.cells)
        factor = np.exp(donor + s_cell * rng.standard_normal(shape))
        noise = np.exp(s_measurement * rng.standard_normal(shape)) if s_measurement else 1.0
        if self.channels is None:
            return np.asarray(ratio * factor * noise)
        number, current = (ratio, 1.0) if self.effect_on == "number" else (1.0, ratio)
        return np.asarray(rng.poisson(self.channels * number * factor) * (current / self.channels) * noise)


@dataclass(frozen=True, eq=False)
class Bank:
    """A bank of simulated donors with their cells, from which experiments of ``donors`` donors with ``cells`` cells each are drawn with replacement.

    The null draws both groups from the first group (``null = "first"``) or from all donors of both ("pooled"); paired arms are exchanged
    at random within each donor drawn ("exchanged", the only null of a paired bank). Cells without a value are left out; ``left_out``
    counts them. Few donors in the bank mean that an experiment holds the same donor twice: the spread between donors is then that of the bank.
    """

    table: CellTable
    names: tuple[str, str]
    donors: tuple[int, int]
    cells: int
    paired: bool
    null: str

    @classmethod
    def of(
        cls, table: CellTable, groups: Sequence[str] | None = None, *, donors: int | tuple[int, int], cells: int, paired: bool = False, null: str = ""
    ) -> Bank:
        """A checked bank; raises :class:`ParameterError`."""
        names = table.chosen(groups, least=2, most=2)
        counts = donors if isinstance(donors, tuple) else (donors, donors)
        if len(counts) != 2:
            raise ParameterError(f"got donors = {donors!r}; expected one number, or one for each of the two groups", name="donors")
        for n in counts:
            check_count("donors", n, least=1)
        check_count("cells", cells, least=1)
        chosen = null or ("exchanged" if paired else "first")
        check_choice("null", chosen, ("exchanged",) if paired else ("first", "pooled"))
        if paired and counts[0] != counts[1]:
            raise ParameterError(f"got donors = {donors}; both arms of a paired design have the same donors: give one number", name="donors")
        made = cls(table, (names[0], names[1]), counts, cells, paired, chosen)
        for g, b in zip(names, made._by_group(), strict=True):
            if len(b[1]) < 2:
                where = "in both arms" if paired else f"in group {g!r}"
                raise ParameterError(f"the bank has {len(b[1])} donors with values {where}; drawing donors needs two or more", name="table")
        return made

    @property
    def label(self) -> str:
        """Groups, counts and the values of the bank by their digest."""
        import hashlib

        parts = [m[np.isfinite(m)].tobytes() for m, _ in self._by_group()]
        return f"bank={hashlib.sha256(b'|'.join(parts)).hexdigest()}, donors={self.donors}, cells={self.cells}, paired={self.paired}, null={self.null}"

    @property
    def size(self) -> int:
        """Cells of one experiment."""
        return sum(self.donors) * self.cells

    @property
    def left_out(self) -> int:
        """Cells of both groups whose runs failed."""
        inside = np.isin(self.table.group, self.names)
        return int((inside & ~np.isfinite(self.table.value)).sum())

    def _by_group(self) -> tuple[tuple[NDArray[np.float64], NDArray[np.intp]], ...]:
        """Cells by donor as a padded matrix (donors, most cells) and their counts, for each group; rows are the same donors where paired."""
        within = [self.table.within(g) for g in self.names]
        keys = [[d for d in within[0] if d in within[1]]] * 2 if self.paired else [list(w) for w in within]
        return tuple(padded([w[d] for d in k]) for w, k in zip(within, keys, strict=True))

    def draw(self, rng: np.random.Generator, experiments: int) -> Pair:
        """Values of both groups (experiments, donors, cells)."""
        first, second = self._by_group()
        donors = self._donors(rng, experiments, len(first[1]), self.donors[0])
        others = donors if self.paired else self._donors(rng, experiments, len(second[1]), self.donors[1])
        return self._cells(rng, first, donors), self._cells(rng, second, others)

    def draw_null(self, rng: np.random.Generator, experiments: int) -> Pair:
        """Values of both groups (experiments, donors, cells) from one population."""
        if self.paired:
            a, b = self.draw(rng, experiments)
            swapped = rng.random((*a.shape[:2], 1)) < 0.5
            return np.where(swapped, b, a), np.where(swapped, a, b)
        first, second = self._by_group()
        source = first if self.null == "first" else _joined(first, second)
        a, b = (self._cells(rng, source, self._donors(rng, experiments, len(source[1]), n)) for n in self.donors)
        return a, b

    def _donors(self, rng: np.random.Generator, experiments: int, there: int, wanted: int) -> NDArray[np.intp]:
        return rng.integers(there, size=(experiments, wanted)).astype(np.intp)

    def _cells(self, rng: np.random.Generator, source: tuple[NDArray[np.float64], NDArray[np.intp]], donors: NDArray[np.intp]) -> NDArray[np.float64]:
        matrix, counts = source
        cell = (rng.random((*donors.shape, self.cells)) * counts[donors][..., None]).astype(np.intp)
        return matrix[donors[..., None], cell]


def _joined(first: tuple[Any, Any], second: tuple[Any, Any]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    return padded([row[:n] for matrix, counts in (first, second) for row, n in zip(matrix, counts, strict=True)])


def _plain(value: Any) -> Any:
    """A number of NumPy or Python as the same text."""
    if value is None or isinstance(value, bool | str | tuple):
        return value
    return float(value)
