"""A protocol: what is done to the cell in time. It owns every discontinuity.

Each input is a chain of pieces u(t) = level + slope (t - t0) + amplitude exp(-(t - t0)/tau): constant, linear (a ramp is
exact) or relaxing (a bath exchange). The integrator stops at every piece's start, so no edge is ever stepped over.

    p = Protocol("600 s").step("120 s", pregs="100 uM").ramp("130 s", "100 ms", v_cmd=("-100 mV", "100 mV"))
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from .errors import ProtocolError
from .units import UnitError, from_kernel, parse, to_kernel, unit_info

if TYPE_CHECKING:
    from .model.composition import Composition

Quantity = str | float


@dataclass(frozen=True)
class Event:
    """One instruction: from ``start`` [s] on, ``name`` steps, ramps or relaxes to ``target``."""

    start: float
    name: str
    kind: str  # "step", "pulse", "ramp" or "exchange"
    target: Quantity
    origin: Quantity | None = None  # a ramp's first value
    lasting: float = 0.0  # duration of a ramp or a pulse [s]
    tau: float = 0.0  # an exchange's time constant [s]


@dataclass(frozen=True)
class Piece:
    """u(t) = level + slope (t - start) + amplitude exp(-rate (t - start)) in kernel units (ms)."""

    start: float
    level: float
    slope: float = 0.0
    amplitude: float = 0.0
    rate: float = 0.0

    def at(self, t: float) -> float:
        """Value at time t [ms]."""
        dt = t - self.start
        value = self.level + self.slope * dt
        return value + self.amplitude * math.exp(-self.rate * dt) if self.amplitude else value


@dataclass(frozen=True)
class CompiledProtocol:
    """Arrays for the integrator, kernel units: ``edges`` (n_segments + 1,), ``lengths`` (n_segments,), the rest (n_segments, n_inputs).

    Within segment s, input k is level[s, k] + slope[s, k] dt + amplitude[s, k] exp(-rate[s, k] dt), dt counted from edges[s].
    ``lengths`` is what was asked for, not the difference of two rounded times: a 1 us pulse late in a run keeps its area.
    """

    edges: np.ndarray
    lengths: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    amplitude: np.ndarray
    rate: np.ndarray

    def inputs(self, segment: int, dt: float) -> np.ndarray:
        """Input vector dt [ms] after the start of a segment."""
        return self.level[segment] + self.slope[segment] * dt + self.amplitude[segment] * np.exp(-self.rate[segment] * dt)

    def with_steady(self, inputs: np.ndarray, driven: list[int]) -> CompiledProtocol:
        """The same protocol on other resting inputs (n_inputs,), which set the level of all inputs but the ``driven`` ones."""
        level = np.repeat(inputs[None, :], len(self.level), axis=0)
        level[:, driven] = self.level[:, driven]
        return self if np.array_equal(level, self.level) else replace(self, level=level)

    def locate(self, times: np.ndarray) -> np.ndarray:
        """Segment of each time [ms]; a time at an edge belongs to the segment before it (the first time to the first)."""
        return np.clip(np.searchsorted(self.edges, times, side="left") - 1, 0, len(self.edges) - 2)

    def local(self, times: np.ndarray, segment: np.ndarray) -> np.ndarray:
        """Time since the start of its segment [ms], exactly the segment's length at its end."""
        at_end = times == self.edges[segment + 1]
        return np.where(at_end, self.lengths[segment], np.minimum(times - self.edges[segment], self.lengths[segment]))


@dataclass(frozen=True)
class Protocol:
    """What the experimenter does over ``duration`` (immutable; every method returns a new protocol)."""

    duration: float
    instructions: tuple[Event, ...] = field(default=())
    name: str = ""

    def __init__(self, duration: Quantity, instructions: tuple[Event, ...] = (), name: str = "") -> None:
        seconds = _seconds(duration, "duration")
        if not seconds > 0.0 or not math.isfinite(seconds):
            raise ProtocolError(f"got a duration of {duration!r}; a protocol lasts longer than 0 s")
        object.__setattr__(self, "duration", seconds)
        object.__setattr__(self, "instructions", instructions)
        object.__setattr__(self, "name", name)

    def step(self, at: Quantity, /, **inputs: Quantity) -> Protocol:
        """Change inputs at once at a time."""
        start = self._time(at)
        return self._with(Event(start, name, "step", target) for name, target in inputs.items())

    def pulse(self, at: Quantity, lasting: Quantity, /, **inputs: Quantity) -> Protocol:
        """Change inputs for a while; afterwards they are what they would have been without the pulse."""
        start, length = self._time(at), _seconds(lasting, "pulse duration")
        if not length > 0.0:
            raise ProtocolError(f"got a pulse of {lasting!r} at {at!r}; a pulse lasts longer than 0 s")
        return self._with(Event(start, name, "pulse", target, lasting=length) for name, target in inputs.items())

    def ramp(self, at: Quantity, lasting: Quantity, /, **inputs: tuple[Quantity, Quantity]) -> Protocol:
        """Move inputs linearly from one value to another; they stay at the end value afterwards."""
        start, length = self._time(at), _seconds(lasting, "ramp duration")
        if not length > 0.0:
            raise ProtocolError(f"got a ramp of {lasting!r} at {at!r}; a ramp lasts longer than 0 s, use step() for a jump")
        return self._with(Event(start, name, "ramp", end, origin=begin, lasting=length) for name, (begin, end) in inputs.items())

    def exchange(self, at: Quantity, tau: Quantity, /, **inputs: Quantity) -> Protocol:
        """Let inputs relax exponentially from their present value to a new one, as a perfused bath does."""
        start, constant = self._time(at), _seconds(tau, "exchange time constant")
        if constant < 0.0:
            raise ProtocolError(f"got an exchange time constant of {tau!r}; it is positive (0 s is a step)")
        kind = "exchange" if constant > 0.0 else "step"
        return self._with(Event(start, name, kind, target, tau=constant) for name, target in inputs.items())

    def then(self, other: Protocol) -> Protocol:
        """This protocol followed by another one."""
        shifted = tuple(replace(e, start=e.start + self.duration) for e in other.instructions)
        return Protocol(self.duration + other.duration, self.instructions + shifted, self.name or other.name)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs that are driven, in order of first use."""
        return tuple(dict.fromkeys(e.name for e in self.instructions))

    def events(self) -> list[tuple[float, str]]:
        """Readable list of (time [s], what happens), in order of time."""
        return sorted((e.start, _describe(e)) for e in self.instructions)

    def value(self, name: str, time: float, *, unit: str = "1", default: float = 0.0) -> float:
        """Value of one input at a time [s], in ``unit``; at an edge the value after it."""
        current = Piece(0.0, to_kernel(default, unit))
        for piece in _pieces([e for e in self.instructions if e.name == name], to_kernel(default, unit), unit):
            if piece.start <= time * 1e3:
                current = piece
        return float(from_kernel(current.at(time * 1e3), unit))

    def compile(self, composition: Composition, defaults: Mapping[str, float] | None = None) -> CompiledProtocol:
        """Arrays for the integrator; ``defaults`` (kernel units) replaces the inputs' declared defaults.

        Raises :class:`ProtocolError` for an input the cell does not have or a value out of its range.
        """
        self._check(composition)
        defaults = defaults or {}
        chains: list[list[Piece]] = []
        for key, declaration in composition.inputs.items():
            start = defaults.get(key, to_kernel(declaration.default, declaration.unit))
            mine = [e for e in self.instructions if e.name == key]
            chains.append(_pieces(mine, start, declaration.unit) if mine else [Piece(0.0, start)])
        end = self.duration * 1e3
        edges = np.array(sorted({0.0, end, *(p.start for chain in chains for p in chain if p.start < end)}))
        lengths = np.diff(edges)
        for event in self.instructions:
            if event.lasting:
                first = int(np.searchsorted(edges, event.start * 1e3))
                if first < len(lengths) and edges[first + 1] == _end(event):
                    lengths[first] = event.lasting * 1e3
        shape = (len(edges) - 1, len(chains))
        level, slope, amplitude, rate = (np.zeros(shape) for _ in range(4))
        for k, chain in enumerate(chains):
            position = 0
            for s, t in enumerate(edges[:-1]):
                while position + 1 < len(chain) and chain[position + 1].start <= t:
                    position += 1
                piece = chain[position]
                dt = t - piece.start
                level[s, k] = piece.level + piece.slope * dt
                slope[s, k] = piece.slope
                if piece.amplitude:
                    amplitude[s, k] = piece.amplitude * math.exp(-piece.rate * dt)
                    rate[s, k] = piece.rate
        return CompiledProtocol(edges, lengths, level, slope, amplitude, rate)

    def _check(self, composition: Composition) -> None:
        import difflib

        for event in self.instructions:
            declaration = composition.inputs.get(event.name)
            if declaration is None:
                close = difflib.get_close_matches(event.name, composition.inputs, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(composition.inputs)}"
                raise ProtocolError(f"cell {composition.name!r} has no input {event.name!r} (driven at {event.start:g} s); {hint}")
            for value in (event.target, event.origin):
                if value is None:
                    continue
                number = _number(value, declaration.unit, event.name)
                low, high = declaration.minimum, declaration.maximum
                if not math.isfinite(number) or (low is not None and number < low) or (high is not None and number > high):
                    bounds = f"a finite number{'' if low is None else f' of at least {low:g}'}{'' if high is None else f' and at most {high:g}'}"
                    raise ProtocolError(f"got {event.name} = {value!r} at {event.start:g} s; expected {bounds} {declaration.unit}")

    def _time(self, at: Quantity) -> float:
        seconds = _seconds(at, "time")
        if not 0.0 <= seconds < self.duration:
            raise ProtocolError(f"got an event at {at!r}; expected a time from 0 s to before the protocol's end at {self.duration:g} s")
        return seconds

    def _with(self, events: object) -> Protocol:
        return Protocol(self.duration, (*self.instructions, *events), self.name)  # type: ignore[misc]

    def __repr__(self) -> str:
        lines = [f"Protocol {self.name!r}, {self.duration:g} s" if self.name else f"Protocol of {self.duration:g} s"]
        shown = self.events()
        lines += [f"  {t:>10g} s  {text}" for t, text in shown[:40]]
        if len(shown) > 40:
            lines.append(f"  ... and {len(shown) - 40} more")
        return "\n".join(lines)


def _pieces(events: list[Event], start_level: float, unit: str) -> list[Piece]:
    """Chain of pieces of one input: steps, ramps and exchanges in order, with pulses laid over them."""
    base = _base_chain([e for e in events if e.kind != "pulse"], start_level, unit)
    pulses = [e for e in events if e.kind == "pulse"]
    return _with_pulses(base, pulses, unit) if pulses else base


def _base_chain(events: list[Event], start_level: float, unit: str) -> list[Piece]:
    """A later event replaces what is left of an earlier one."""
    chain = [Piece(0.0, start_level)]

    def put(piece: Piece) -> None:
        while chain and chain[-1].start >= piece.start:
            chain.pop()
        chain.append(piece)

    ordered = sorted(events, key=lambda e: e.start)
    for i, event in enumerate(ordered):
        t0 = event.start * 1e3
        target = to_kernel(_number(event.target, unit, event.name), unit)
        if event.kind == "step":
            put(Piece(t0, target))
        elif event.kind == "exchange":
            put(Piece(t0, target, amplitude=_active(chain, t0).at(t0) - target, rate=1.0 / (event.tau * 1e3)))
        else:
            origin = to_kernel(_number(event.origin if event.origin is not None else 0.0, unit, event.name), unit)
            put(Piece(t0, origin, slope=(target - origin) / (event.lasting * 1e3)))
            if i + 1 == len(ordered) or ordered[i + 1].start * 1e3 >= _end(event):
                chain.append(Piece(_end(event), target))
    return chain


def _with_pulses(base: list[Piece], pulses: list[Event], unit: str) -> list[Piece]:
    """While pulses last the one that started last is seen; when all have ended, the course below them."""
    levels = [(e.start * 1e3, _end(e), to_kernel(_number(e.target, unit, e.name), unit)) for e in pulses]
    moments = sorted({p.start for p in base} | {t for start, end, _ in levels for t in (start, end)})
    chain: list[Piece] = []
    for t in moments:
        on = [(start, n) for n, (start, end, _) in enumerate(levels) if start <= t < end]
        chain.append(Piece(t, levels[max(on)[1]][2]) if on else _continued(_active(base, t), t))
    return chain


def _active(chain: list[Piece], t: float) -> Piece:
    """The piece that holds from time t on."""
    return [p for p in chain if p.start <= t][-1]


def _end(event: Event) -> float:
    """End of a ramp or a pulse [ms], the same rounding everywhere."""
    return event.start * 1e3 + event.lasting * 1e3


def _continued(piece: Piece, t: float) -> Piece:
    """The same course of an input, described from a later time."""
    dt = t - piece.start
    return Piece(t, piece.level + piece.slope * dt, piece.slope, piece.amplitude * math.exp(-piece.rate * dt), piece.rate)


def _number(value: Quantity, unit: str, name: str) -> float:
    if isinstance(value, str):
        try:
            return parse(value, unit)
        except UnitError as error:
            raise ProtocolError(f"input {name}: {error}") from error
    return float(value)


def _seconds(value: Quantity, what: str) -> float:
    try:
        return parse(value, "s") if isinstance(value, str) else float(value)
    except (UnitError, ValueError) as error:
        raise ProtocolError(f"{what}: {error}") from error


def _describe(event: Event) -> str:
    value = event.target if isinstance(event.target, str) else f"{event.target:g}"
    if event.kind == "ramp":
        origin = event.origin if isinstance(event.origin, str) else f"{event.origin:g}"
        return f"{event.name} ramps from {origin} to {value} in {event.lasting:g} s"
    if event.kind == "pulse":
        return f"{event.name} = {value} for {event.lasting:g} s"
    if event.kind == "exchange":
        return f"{event.name} -> {value} with a time constant of {event.tau:g} s"
    return f"{event.name} = {value}"


__all__ = ["CompiledProtocol", "Event", "Piece", "Protocol", "unit_info"]
