"""Features of one run on the SciPy route: the definitions of the kernel, written once more with NumPy's polynomials on SciPy's dense output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.polynomial import Polynomial

from .features import Area, Crossing, DecayHalfTime, HalfTime, Mean, Peak, TimeOfPeak, ValueAt, ValueWhen
from .protocol import CompiledProtocol
from .watching import SHARE, Row, Watched, point, snapped, window

ROUNDING = 1e-12  # of a value: a smaller rise is none
TINY = 1e-280  # smaller numbers lose digits
QUARTERS = np.linspace(0.0, 1.0, 5)


@dataclass(frozen=True)
class Piece:
    """The course of all watched quantities within one step of a segment, from ``start`` over ``length`` [ms], as polynomials in theta of degree 4."""

    segment: int
    start: float
    length: float
    courses: tuple[Polynomial, ...]


@dataclass
class Readings:
    """Collects the steps of a run and reads its features when it is over; times in ms, values in kernel units."""

    watched: Watched
    protocol: CompiledProtocol
    pieces: list[Piece] = field(default_factory=list)

    def step(self, segment: int, start: float, end: float, values: Callable[[float], np.ndarray]) -> None:
        """Take a step; ``values(t)`` are the watched quantities (n_watched,) at a time within it."""
        table = np.array([values(start + (end - start) * q) if q < 1.0 else values(end) for q in QUARTERS])
        courses = tuple(Polynomial(np.linalg.solve(np.vander(QUARTERS, increasing=True), column)) for column in table.T)
        self.pieces.append(Piece(segment, start, end - start, courses))

    def read(self) -> np.ndarray:
        """All features (n_features,)."""
        return np.array([_Reader(self, row).read() for row in self.watched.rows])


class _Reader:
    """One feature."""

    def __init__(self, readings: Readings, row: Row) -> None:
        self.pieces, self.row, self.protocol = readings.pieces, row, readings.protocol
        self.start, self.end = window(row.reading, self.protocol)
        self.slack = readings.watched.slack(row, self.protocol)
        self.sign = row.reading.sign
        self.base = row.base if row.reference is None else self.value(snapped(row.reference, self.protocol))

    def read(self) -> float:
        reading = self.row.reading
        if isinstance(reading, ValueAt):
            return self.value(self.start) - self.base
        if isinstance(reading, Peak | TimeOfPeak):
            value, when = self.peak()
            return self.sign * value - self.base if isinstance(reading, Peak) else when
        if isinstance(reading, Area | Mean):
            area = sum(p.length * (course.integ()(b) - course.integ()(a) - self.base * (b - a)) for p, course, a, b in self.cut())
            return area / (self.end - self.start) if isinstance(reading, Mean) else area
        if isinstance(reading, HalfTime):
            top, base = self.peak()[0], self.sign * self.base
            return self.passage(base + SHARE * (top - base), False) if top - base > ROUNDING * max(abs(top), abs(base)) else np.nan
        if isinstance(reading, DecayHalfTime):
            first = self.value(self.start)
            return self.passage(-(self.base + SHARE * (first - self.base)), False) if first > self.base else np.nan
        if isinstance(reading, ValueWhen):
            return self.value_when(reading.direction == "any")
        assert isinstance(reading, Crossing)
        level = self.sign * (self.row.level + self.base) - self.slack
        return self.passage(level, self.sign * self.value(self.start) >= level, reading.direction == "any", reading.nth)

    def value(self, time: float) -> float:
        """Value at a time, the one just before an edge."""
        segment, local = point(self.protocol, time)
        inside = [p for p in self.pieces if p.segment == segment and (p.start < local or local == 0.0)]
        piece = inside[0] if local == 0.0 else inside[-1]
        return float(piece.courses[self.row.quantity]((local - piece.start) / piece.length))

    def cut(self, *, trigger: bool = False) -> Iterator[tuple[Piece, Polynomial, float, float]]:
        """Pieces that the window meets: the piece, the quantity's course, and theta from a to b."""
        edges = self.protocol.edges
        for piece in self.pieces:
            origin = edges[piece.segment] + piece.start
            a, b = max((self.start - origin) / piece.length, 0.0), min((self.end - origin) / piece.length, 1.0)
            if a < b - 1e-12:
                yield piece, piece.courses[self.row.trigger if trigger else self.row.quantity], a, b

    def since(self, piece: Piece, theta: float) -> float:
        """Time since the window's start [ms]."""
        return float(self.protocol.edges[piece.segment] + piece.start + theta * piece.length - self.start)

    def peak(self) -> tuple[float, float]:
        """Largest value times the sign, and its time."""
        best, when = -np.inf, np.nan
        for piece, course, a, b in self.cut():
            for theta in (a, *_roots(course.deriv(), a, b), b):
                if self.sign * course(theta) > best:
                    best, when = self.sign * float(course(theta)), self.since(piece, theta)
        return best, when

    def passage(self, level: float, above: bool, either: bool = False, nth: int = 1) -> float:
        """Time of the nth passage upward of sign times the quantity."""
        for piece, course, a, b in self.cut():
            for theta, side in _sides(self.sign * course - level, a, b):
                if side != above:
                    above = side
                    nth -= side or either
                    if nth == 0:
                        return self.since(piece, theta)
        return np.nan

    def value_when(self, either: bool) -> float:
        """Value when the trigger comes to its level within a stretch that no edge breaks."""
        segment, above, level = -1, False, self.sign * self.row.level
        for piece, course, a, b in self.cut(trigger=True):
            gap, quantity = self.sign * course - level, piece.courses[self.row.quantity]
            if piece.segment != segment:
                segment, above = piece.segment, bool(gap(a) >= -self.slack)
                if abs(gap(a)) <= self.slack and (either or gap(b) > 0.0):
                    return float(quantity(a)) - self.base
            for theta, side in _sides(gap + self.slack, a, b):
                if side != above and (side or either):
                    return float(quantity(theta)) - self.base
                above = side
            if either and abs(gap(b)) <= self.slack:
                return float(quantity(b)) - self.base
        return np.nan


def _roots(p: Polynomial, a: float, b: float) -> list[float]:
    """Real roots within (a, b), ascending."""
    size = float(np.max(np.abs(p.coef)))
    if not size > TINY:
        return []
    found = (p / size).trim(ROUNDING).roots()
    return sorted(float(r.real) for r in np.atleast_1d(found) if abs(r.imag) < 1e-9 and a < r.real < b)


def _sides(p: Polynomial, a: float, b: float) -> list[tuple[float, bool]]:
    """Where the sign may change, with the side from there on: at a, after every root, and at b."""
    nodes = [a, *_roots(p, a, b), b]
    between = [(x, bool(p(0.5 * (x + y)) >= 0.0)) for x, y in pairwise(nodes[1:])]
    return [(a, bool(p(a) >= 0.0)), *between, (b, bool(p(b) >= 0.0))]
