"""Distributions of a varied key, for sampled designs: quantities with units, and quantile functions for whole columns at once.

Which distribution a parameter has is a statement about what is known of it: give ranges and spreads as assumptions unless a source gives them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import NkcellError, ParameterError
from ..units import parse, parse_difference

Quantity = str | float


@dataclass(frozen=True)
class Distribution(ABC):
    """Base of distributions. Quantities are numbers in the varied key's declared unit, or text with a unit ("100 uM"), which is read when the unit is known.

    ``bound(unit)`` gives the distribution in numbers; ``ppf(u)`` its quantiles, the values below which the shares u of all draws lie.
    """

    kind: ClassVar[str] = ""
    ratios: ClassVar[tuple[str, ...]] = ()  # quantities without the key's unit
    differences: ClassVar[tuple[str, ...]] = ()  # quantities for which an offset of the unit does not count

    def __post_init__(self) -> None:
        for name, value in self.quantities().items():
            _check_kind(self, name, value)
        if self.is_bound:
            self.check()

    def quantities(self) -> dict[str, Any]:
        """What was given, by name; an option that was left out is missing."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}

    @property
    def is_bound(self) -> bool:
        """Whether every quantity is a number, which has the unit of the varied key."""
        return not any(isinstance(v, str) for value in self.quantities().values() for v in (value if isinstance(value, tuple) else (value,)))

    def bound(self, unit: str) -> Self:
        """The distribution with every quantity as a number in ``unit``."""
        return replace(self, **{name: self._number(name, value, unit) for name, value in self.quantities().items()})

    def _number(self, name: str, value: Any, unit: str) -> Any:
        if isinstance(value, tuple):
            return tuple(self._number(name, v, unit) for v in value)
        if not isinstance(value, str):
            return value
        try:
            return parse_difference(value, unit) if name in self.differences else parse(value, "1" if name in self.ratios else unit)
        except NkcellError as error:
            raise ParameterError(f"{self.kind} distribution, {name}: {error}", name=name) from error

    def refused(self, name: str, expected: str) -> ParameterError:
        """The error for a quantity that makes no distribution."""
        return ParameterError(f"got a {self.kind} distribution with {name} = {getattr(self, name)!r}; expected {expected}", name=name)

    @abstractmethod
    def check(self) -> None:
        """Refuse numbers that make no distribution; raises :class:`ParameterError` naming the quantity."""

    @abstractmethod
    def _frozen(self) -> Any:
        """The distribution of scipy.stats."""

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest value that can be drawn."""
        return -math.inf, math.inf

    def ppf(self, u: Any) -> NDArray[np.float64]:
        """Quantiles in the unit of the key, for shares ``u`` between 0 and 1 (any shape)."""
        if not self.is_bound:
            raise ParameterError(f"got quantiles of {self!r}, whose quantities have a unit of their own; ask its bound(unit)", name="u")
        return np.clip(self._frozen().ppf(np.asarray(u, float)), *self.limits)  # clipped: rounding may leave the limits by one bit

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} ({', '.join(f'{name} {_shown(value)}' for name, value in self.quantities().items())})"


def _check_kind(owner: Distribution, name: str, value: Any) -> None:
    for each in value if isinstance(value, tuple) else (value,):
        if isinstance(each, bool) or not isinstance(each, str | int | float | np.number):
            raise owner.refused(name, "a number in the unit of the varied key, or text with a unit")
        if not isinstance(each, str) and not math.isfinite(each):
            raise owner.refused(name, "a finite number")


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    return value if isinstance(value, str) else f"{value:g}"


@dataclass(frozen=True)
class Uniform(Distribution):
    """Every value between low and high alike: F(x) = (x - low) / (high - low)."""

    low: Quantity
    high: Quantity
    kind: ClassVar[str] = "uniform"

    def check(self) -> None:
        """Refuse limits in the wrong order."""
        _check_order(self, "low", "high")

    @property
    def limits(self) -> tuple[float, float]:
        """From low to high."""
        return float(self.low), float(self.high)

    def _frozen(self) -> Any:
        from scipy.stats import uniform

        return uniform(loc=float(self.low), scale=float(self.high) - float(self.low))


@dataclass(frozen=True)
class LogUniform(Distribution):
    """Every ratio alike between low and high, both above 0: F(x) = ln(x / low) / ln(high / low). For what is known to a factor only."""

    low: Quantity
    high: Quantity
    kind: ClassVar[str] = "loguniform"

    def check(self) -> None:
        """Refuse limits that are not above 0 or in the wrong order."""
        _check_above_zero(self, "low")
        _check_order(self, "low", "high")

    @property
    def limits(self) -> tuple[float, float]:
        """From low to high."""
        return float(self.low), float(self.high)

    def _frozen(self) -> Any:
        from scipy.stats import loguniform

        return loguniform(float(self.low), float(self.high))


@dataclass(frozen=True)
class Normal(Distribution):
    """F(x) = Phi((x - mean) / sd); with low or high the same curve cut there: (Phi(z) - Phi(z_low)) / (Phi(z_high) - Phi(z_low)), z = (x - mean) / sd.

    Cut it at the bounds of the key, or draws beyond them are runs that fail. The mean and the spread of a cut one are not ``mean`` and ``sd``.
    """

    mean: Quantity
    sd: Quantity
    low: Quantity | None = None
    high: Quantity | None = None
    kind: ClassVar[str] = "normal"
    differences: ClassVar[tuple[str, ...]] = ("sd",)

    def check(self) -> None:
        """Refuse a spread that is not above 0, limits in the wrong order, and limits so far out that nothing lies between them."""
        _check_above_zero(self, "sd")
        if self.low is not None and self.high is not None:
            _check_order(self, "low", "high")
        if self.low is not None or self.high is not None:
            low, high = self._cuts
            if not (low < 8.0 and high > -8.0):
                raise self.refused("low" if low >= 8.0 else "high", "limits within 8 standard deviations of the mean, or next to nothing of it is left")

    @property
    def _cuts(self) -> tuple[float, float]:
        """The limits in standard deviations from the mean."""
        low, high = self.limits
        return (low - float(self.mean)) / float(self.sd), (high - float(self.mean)) / float(self.sd)

    @property
    def limits(self) -> tuple[float, float]:
        """From low to high, where they are given."""
        return (-math.inf if self.low is None else float(self.low)), (math.inf if self.high is None else float(self.high))

    def _frozen(self) -> Any:
        from scipy.stats import norm, truncnorm

        if self.low is None and self.high is None:
            return norm(loc=float(self.mean), scale=float(self.sd))
        return truncnorm(*self._cuts, loc=float(self.mean), scale=float(self.sd))


@dataclass(frozen=True)
class LogNormal(Distribution):
    """F(x) = Phi(ln(x / median) / sigma): never negative, the median is in the middle. ``cv`` is the coefficient of variation (0.3 is 30 %).

    sigma^2 = ln(1 + cv^2), as in the spreads of a cohort; give ``cv`` or ``sigma``, not both.
    """

    median: Quantity
    cv: Quantity | None = None
    sigma: Quantity | None = None
    kind: ClassVar[str] = "lognormal"
    ratios: ClassVar[tuple[str, ...]] = ("cv", "sigma")

    def __post_init__(self) -> None:
        if (self.cv is None) == (self.sigma is None):
            raise ParameterError(f"got a lognormal distribution with cv = {self.cv!r} and sigma = {self.sigma!r}; expected one of the two", name="cv")
        super().__post_init__()

    def check(self) -> None:
        """Refuse a median or a spread that is not above 0."""
        for name in self.quantities():
            _check_above_zero(self, name)

    @property
    def log_sd(self) -> float:
        """Standard deviation of the logarithm."""
        return float(self.sigma) if self.sigma is not None else math.sqrt(math.log1p(float(self.cv or 0.0) ** 2))

    @property
    def limits(self) -> tuple[float, float]:
        """Above 0."""
        return 0.0, math.inf

    def _frozen(self) -> Any:
        from scipy.stats import lognorm

        return lognorm(s=self.log_sd, scale=float(self.median))


@dataclass(frozen=True)
class Triangular(Distribution):
    """A density that rises linearly from low to mode and falls to high: F = (x - low)^2 / ((high - low)(mode - low)) below the mode, mirrored above it."""

    low: Quantity
    mode: Quantity
    high: Quantity
    kind: ClassVar[str] = "triangular"

    def check(self) -> None:
        """Refuse limits in the wrong order and a mode outside of them."""
        _check_order(self, "low", "high")
        if not float(self.low) <= float(self.mode) <= float(self.high):
            raise self.refused("mode", f"a value from low ({_shown(self.low)}) to high ({_shown(self.high)})")

    @property
    def limits(self) -> tuple[float, float]:
        """From low to high."""
        return float(self.low), float(self.high)

    def _frozen(self) -> Any:
        from scipy.stats import triang

        width = float(self.high) - float(self.low)
        return triang((float(self.mode) - float(self.low)) / width, loc=float(self.low), scale=width)


@dataclass(frozen=True)
class Choice(Distribution):
    """One of some values, each equally likely: the i-th of m values (from 0) where i = floor(m u)."""

    values: Sequence[Quantity]
    kind: ClassVar[str] = "choice"

    def __post_init__(self) -> None:
        if isinstance(self.values, str) or not isinstance(self.values, Sequence | np.ndarray) or not len(self.values):
            raise ParameterError(f"got a choice among {self.values!r}; expected a list of at least one value", name="values")
        object.__setattr__(self, "values", tuple(self.values))
        super().__post_init__()

    def check(self) -> None:
        """Refuse a value that is given twice: all are equally likely."""
        if len(set(self.values)) < len(self.values):
            raise self.refused("values", "each value once")

    @property
    def limits(self) -> tuple[float, float]:
        """From the smallest to the largest."""
        numbers = [float(v) for v in self.values]
        return min(numbers), max(numbers)

    def _frozen(self) -> Any:
        return self

    def ppf(self, u: Any) -> NDArray[np.float64]:
        """Values by their place: the first for u below 1/m, the last for u up to 1."""
        if not self.is_bound:
            return super().ppf(u)
        numbers = np.array([float(v) for v in self.values])
        return numbers[np.minimum((np.asarray(u, float) * len(numbers)).astype(np.intp), len(numbers) - 1)]


DISTRIBUTIONS: dict[str, type[Distribution]] = {kind.kind: kind for kind in (Uniform, LogUniform, Normal, LogNormal, Triangular, Choice)}


def _check_order(owner: Distribution, low: str, high: str) -> None:
    if not float(getattr(owner, low)) < float(getattr(owner, high)):
        raise owner.refused(low, f"a value below {high} ({_shown(getattr(owner, high))})")


def _check_above_zero(owner: Distribution, name: str) -> None:
    if not float(getattr(owner, name)) > 0.0:
        raise owner.refused(name, "a value above 0")
