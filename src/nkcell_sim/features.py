"""Features: numbers that the engine reads from every run while it integrates, so that no trajectory is needed.

    trace = nk.simulate(cells, protocol, features={"peak": nk.Peak("ca_cyt", start="30 s"), "half": nk.HalfTime("ca_cyt", start="30 s")}, times=[])
    trace.features["half"]  # (n_runs,) in s

Each is defined on the continuous course of its quantity (the integrator's dense output), not on samples. A value *at* a time is the one just before
an edge of the protocol, as in a trace; the course of a window runs from just after its start to just before its end, and every jump at an edge
within it counts. Times are counted from the window's start. What does not exist (no passage, no rise, a failed run) is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, fields
from typing import ClassVar

from .errors import ParameterError, UnitError
from .units import parse

Time = str | float
Level = str | float
KINDS = ("maximum", "minimum")
DIRECTIONS = ("rising", "falling", "any")


@dataclass(frozen=True)
class Reading:
    """One number to be read from every run; times are in s or text with a unit, levels in the declared unit of the quantity or text."""

    quantity: str
    kernel: ClassVar[str] = ""  # name of the kernel's kind
    gives: ClassVar[str] = "value"  # "value", "area" or "time"

    def __post_init__(self) -> None:
        for field in fields(self):
            check = _CHECKS.get(field.name)
            if check:
                object.__setattr__(self, field.name, check(self, field.name, getattr(self, field.name)))
        start, end = self.span
        if end is not None and not start < end and not isinstance(self, ValueAt):
            raise self.refused(f"starts at {start:g} s and ends at {end:g} s; expected start < end")
        above = self.reference
        if isinstance(above, ValueAt) and above.quantity != self.quantity:
            raise self.refused(f"is measured from a value of {above.quantity!r}; expected one of {self.quantity!r}")
        if isinstance(above, ValueAt) and above.time > start:  # type: ignore[operator]
            raise self.refused(f"is measured from the value at {above.time:g} s; expected a time up to the window's start, {start:g} s")

    @property
    def span(self) -> tuple[float, float | None]:
        """Start and end of the window [s]; None is the end of the protocol."""
        return getattr(self, "start", 0.0), getattr(self, "end", None)

    @property
    def reference(self) -> Level | ValueAt | None:
        """What the value is measured from: a level, the word "start", a value at a time, or nothing."""
        return getattr(self, "above", None)

    @property
    def sign(self) -> int:
        """-1 for smallest values and passages downward."""
        return -1 if getattr(self, "kind", "") == "minimum" or getattr(self, "direction", "") == "falling" else 1

    def unit(self, declared: str) -> str:
        """Unit of the result, given that of the quantity."""
        if self.gives == "value":
            return declared
        return "s" if self.gives == "time" or declared in ("", "1") else f"{declared} s"

    def refused(self, problem: str) -> ParameterError:
        """The error for settings that make no sense."""
        return ParameterError(f"{type(self).__name__} of {self.quantity!r} {problem}", name=self.quantity)


@dataclass(frozen=True)
class ValueAt(Reading):
    """Value at one time; at an edge of the protocol the one just before it."""

    time: Time
    _: KW_ONLY
    above: Level | ValueAt | None = None
    kernel = "value"

    @property
    def span(self) -> tuple[float, float | None]:
        return self.time, self.time  # type: ignore[return-value]


@dataclass(frozen=True)
class Peak(Reading):
    """Largest value in a window, or the smallest (``kind="minimum"``).

    ``above`` is subtracted: a level, ``"start"`` (the value at the window's start, which makes it an amplitude), or a :class:`ValueAt` of the same
    quantity at an earlier time.
    """

    _: KW_ONLY
    start: Time = 0.0
    end: Time | None = None
    kind: str = "maximum"
    above: Level | ValueAt | None = None
    kernel = "peak"


@dataclass(frozen=True)
class TimeOfPeak(Reading):
    """Time from the window's start to its largest value (or smallest), the first one if there are several [s]."""

    _: KW_ONLY
    start: Time = 0.0
    end: Time | None = None
    kind: str = "maximum"
    kernel = "peak_time"
    gives = "time"


@dataclass(frozen=True)
class Area(Reading):
    """Integral over a window, above a level, the value at its start or 0 [unit of the quantity times s]; parts below count as negative."""

    _: KW_ONLY
    start: Time = 0.0
    end: Time | None = None
    above: Level | ValueAt | None = None
    kernel = "area"
    gives = "area"


@dataclass(frozen=True)
class Mean(Reading):
    """Mean over a window: its area over its length."""

    _: KW_ONLY
    start: Time = 0.0
    end: Time | None = None
    above: Level | ValueAt | None = None
    kernel = "mean"


@dataclass(frozen=True)
class Crossing(Reading):
    """Time from the window's start until a level is passed for the ``nth`` time [s].

    ``direction`` is ``"rising"``, ``"falling"`` or ``"any"``. A quantity that lies beyond the level from the start has to come back before it can pass.
    A jump at an edge counts, also one at the window's very start. ``above`` makes the level a distance from a reference, as in :class:`Peak`.
    """

    level: Level
    _: KW_ONLY
    start: Time = 0.0
    end: Time | None = None
    direction: str = "rising"
    nth: int = 1
    above: Level | ValueAt | None = None
    kernel = "crossing"
    gives = "time"


@dataclass(frozen=True)
class HalfTime(Reading):
    """Time from the window's start until half of the rise to its peak is first reached [s].

    The rise is counted from the value at the window's start, or from ``above``; with ``kind="minimum"`` it is a fall. NaN without a rise. In the limit of
    dense sampling this is ``half_time_onset_to_half`` of :mod:`nkcell_sim.analysis.features`.
    """

    _: KW_ONLY
    start: Time = 0.0
    end: Time | None = None
    kind: str = "maximum"
    above: Level | ValueAt | None = "start"
    kernel = "half_time"
    gives = "time"


@dataclass(frozen=True)
class DecayHalfTime(Reading):
    """Time from the window's start until the quantity has fallen half-way from its value there to ``floor`` [s]; NaN if it does not."""

    floor: Level | ValueAt
    _: KW_ONLY
    start: Time = 0.0
    end: Time | None = None
    kernel = "decay"
    gives = "time"

    @property
    def reference(self) -> Level | ValueAt | None:
        return self.floor

    @property
    def sign(self) -> int:
        return -1


@dataclass(frozen=True)
class ValueWhen(Reading):
    """Value when another quantity, ``trigger``, first comes to ``level``: an amplitude at a voltage.

    The trigger has to come there along its course; a jump over the level does not count, a start or an end on it does. ``direction`` as in
    :class:`Crossing`. With ``trigger="v_cmd"`` it reads currents on a ramp at a command voltage.
    """

    level: Level
    _: KW_ONLY
    trigger: str = "v"
    start: Time = 0.0
    end: Time | None = None
    direction: str = "any"
    above: Level | ValueAt | None = None
    kernel = "value_when"


def _seconds(reading: Reading, name: str, value: Time | None) -> float | None:
    if value is None and name == "end":
        return None
    try:
        seconds = parse(value, "s") if isinstance(value, str) else float(value)  # type: ignore[arg-type]
    except (UnitError, TypeError, ValueError) as error:
        raise reading.refused(f"has {name} = {value!r}; expected a time in s or text such as '30 s' ({error})") from error
    if not math.isfinite(seconds) or seconds < 0.0:
        raise reading.refused(f"has {name} = {value!r}; expected a time of at least 0 s")
    return seconds


def _word(choices: tuple[str, ...]) -> Callable[[Reading, str, str], str]:
    def check(reading: Reading, name: str, value: str) -> str:
        if value not in choices:
            raise reading.refused(f"has {name} = {value!r}; expected {', '.join(map(repr, choices))}")
        return value

    return check


def _count(reading: Reading, name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise reading.refused(f"has {name} = {value!r}; expected a whole number from 1")
    return value


_CHECKS: dict[str, Callable[..., object]] = {
    "time": _seconds, "start": _seconds, "end": _seconds, "kind": _word(KINDS), "direction": _word(DIRECTIONS), "nth": _count,
}  # fmt: skip
