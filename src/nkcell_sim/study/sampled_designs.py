"""Designs that are drawn from distributions: Monte Carlo, Latin hypercube, Sobol and Halton points, none of which changes when samples are added."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from ..randomness import checked_seed, key, stream
from .designs import Design, UnitOf, check_size
from .distributions import Distribution

# Points of a sequence may be 0 exactly, of which an unbounded distribution has no quantile.
_SMALLEST, _LARGEST = 2.0**-54, 1.0 - 2.0**-53
# Latin hypercubes place a point within its stratum to 2^-20 of its width, so that a double tells the strata of 10^8 samples apart.
_PLACES = 2**20


@dataclass(frozen=True, eq=False)
class SampledDesign(Design):
    """Base of sampled designs: a distribution for each key, a number of samples, and a seed that names the random numbers.

    Sample i is the same in every size that extends another (any larger one; of Latin hypercubes the doubled ones): a larger design begins with the smaller one,
    and a study is extended by asking for more.
    """

    distributions: Mapping[str, Distribution]
    samples: int
    seed: int = 0

    def __init__(self, distributions: Mapping[str, Distribution], *, samples: int, seed: int = 0) -> None:
        object.__setattr__(self, "distributions", _checked(self.kind, distributions))
        if isinstance(samples, bool) or not isinstance(samples, int | np.integer) or samples < 1:
            raise ParameterError(f"got samples = {samples!r}; expected a whole number of at least 1", name="samples")
        check_size(int(samples), len(self.distributions))
        object.__setattr__(self, "samples", int(samples))
        object.__setattr__(self, "seed", checked_seed(seed))

    @property
    def keys(self) -> tuple[str, ...]:
        """What is varied."""
        return tuple(self.distributions)

    def __len__(self) -> int:
        return self.samples

    def bound(self, unit_of: UnitOf) -> Self:
        """The design with distributions in the declared units."""
        return replace(self, distributions={key: _bound(key, each, unit_of(key)) for key, each in self.distributions.items()})

    def extended(self, samples: int) -> Self:
        """The design with more samples, of which the first are those of this one."""
        if samples < self.samples:
            raise ParameterError(f"got {samples} samples to extend {self.samples}; expected at least as many", name="samples")
        return replace(self, samples=samples)

    @abstractmethod
    def shares(self) -> NDArray[np.float64]:
        """Points (n, k) of the unit cube, from which the distributions' quantiles are read."""

    def _table(self) -> NDArray[np.float64]:
        u = np.clip(self.shares(), _SMALLEST, _LARGEST)
        for j, each in enumerate(self.distributions.values()):
            u[:, j] = each.ppf(u[:, j])
        return u

    def described(self, unit_of: UnitOf) -> list[str]:
        """The design in words: a line, and one for each key."""
        head = f"{self.kind.replace('_', ' ')}: {self.samples:,} samples, seed {self.seed}"
        return [head, *(f"{key}: {each}{_unit(unit_of(key))}" for key, each in self.distributions.items())]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self.distributions)!r}, samples={self.samples}, seed={self.seed})"


def _unit(unit: str) -> str:
    return "" if unit in ("", "1") else f" [{unit}]"


def _checked(kind: str, given: Any) -> dict[str, Distribution]:
    if not isinstance(given, Mapping) or not given:
        said = f"got {given!r:.60} for a {kind.replace('_', ' ')} design; expected a dictionary such as {{'TRPM3.density': nk.Uniform(0.5, 2.0)}}"
        raise ParameterError(said, name="distributions")
    wrong = next((key for key, each in given.items() if not isinstance(each, Distribution)), None)
    if wrong is not None:
        raise ParameterError(f"got {given[wrong]!r:.60} for {wrong!r}; expected a distribution such as nk.Uniform(0.5, 2.0)", name=str(wrong))
    return dict(given)


def _bound(key: str, distribution: Distribution, unit: str) -> Distribution:
    try:
        return distribution.bound(unit)
    except ParameterError as error:
        raise ParameterError(f"{key}: {error}", name=key) from error


@dataclass(frozen=True, eq=False, init=False, repr=False)
class MonteCarlo(SampledDesign):
    """Independent random samples: the error of a mean falls as n^-1/2, whatever the number of keys.

    Every key has a stream of random numbers of its own: neither more samples nor another key change what was drawn.
    """

    kind: ClassVar[str] = "monte_carlo"

    def shares(self) -> NDArray[np.float64]:
        """Uniform random numbers."""
        return _by_key(self, lambda name: stream(self.seed, "monte carlo", name).random(self.samples))


@dataclass(frozen=True, eq=False, init=False, repr=False)
class LatinHypercube(SampledDesign):
    """Random samples of which each of n equally likely strata of every key holds exactly one (McKay 1979, doi:10.1080/00401706.1979.10489755).

    It extends by doubling: with n samples, 2n, 4n, ... begin with these n and are Latin hypercubes themselves. Doubling cuts every stratum in two and puts a
    new sample into each half that is empty, the samples that are there are inherited (Wang 2003, doi:10.1115/1.1561044). So n = b 2^k samples, b odd, begin
    with the Latin hypercubes of b, 2b, 4b, ...: choose b for a first look. Every key has its own random numbers: another key changes no column.
    """

    kind: ClassVar[str] = "latin_hypercube"

    def extended(self, samples: int) -> Self:
        """The design with 2, 4, 8, ... times as many samples, of which the first are those of this one."""
        times = samples // self.samples if samples > 0 and samples % self.samples == 0 else 0
        if times < 1 or times & (times - 1):
            near = ", ".join(f"{self.samples * 2**i:,}" for i in (1, 2, 3))
            raise ParameterError(f"got {samples} samples to extend a Latin hypercube of {self.samples}; it extends by doubling: {near}, ...", name="samples")
        return replace(self, samples=samples)

    def shares(self) -> NDArray[np.float64]:
        """Stratified random numbers, nested."""
        return _by_key(self, lambda name: _nested(self.samples, lambda n: stream(self.seed, "latin hypercube", name, n)))


def _nested(samples: int, random: Callable[[int], np.random.Generator]) -> NDArray[np.float64]:
    """One column of a nested Latin hypercube; ``random(n)`` names the numbers with which a design grows to n samples."""
    size = samples // (samples & -samples)  # the odd part
    column = _in_strata(np.arange(size), size, random(size))
    while size < samples:
        size *= 2
        empty = np.ones(size, bool)
        empty[(column * size).astype(np.int64)] = False  # doubling is exact, so this finds the half of the sample's own stratum
        column = np.concatenate([column, _in_strata(np.flatnonzero(empty), size, random(size))])
    return column


def _in_strata(strata: NDArray[np.int64], size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """One number in each stratum i/size to (i + 1)/size, in random order, clear of its ends by more than rounding."""
    place = (rng.integers(_PLACES, size=len(strata)) + 0.5) / _PLACES
    return np.asarray((rng.permutation(strata) + place) / size)


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Sobol(SampledDesign):
    """Points that fill the cube more evenly than random ones (Sobol sequence, scrambled): for smooth outputs the error of a mean falls nearly as n^-1.

    Powers of 2 are balanced and are the sizes to ask for (Owen 2020, arXiv:2008.08051); any other size is the beginning of the next one. ``seed`` names the
    scrambling of all keys together: with another set of keys all points differ.
    """

    kind: ClassVar[str] = "sobol"

    def shares(self) -> NDArray[np.float64]:
        """Scrambled Sobol points."""
        from scipy.stats import qmc

        engine = qmc.Sobol(len(self.keys), scramble=True, bits=52, rng=_engine_stream(self.seed, "sobol"))
        return np.array(engine.random_base2((self.samples - 1).bit_length())[: self.samples])


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Halton(SampledDesign):
    """Points that fill the cube more evenly than random ones (Halton sequence, scrambled): no size is special, best for up to some ten keys.

    A key that is added at the end changes no column before it.
    """

    kind: ClassVar[str] = "halton"

    def shares(self) -> NDArray[np.float64]:
        """Scrambled Halton points."""
        from scipy.stats import qmc

        return np.asarray(qmc.Halton(len(self.keys), scramble=True, rng=_engine_stream(self.seed, "halton")).random(self.samples))


def _engine_stream(seed: int, name: str) -> np.random.Generator:
    """Random numbers for an engine of SciPy, which takes its own from the seed of a generator."""
    return np.random.default_rng(list(key(seed, name)))


def _by_key(design: SampledDesign, column: Callable[[str], NDArray[np.float64]]) -> NDArray[np.float64]:
    u = np.empty((design.samples, len(design.keys)))
    for j, name in enumerate(design.keys):
        u[:, j] = column(name)
    return u


SAMPLED: dict[str, type[SampledDesign]] = {kind.kind: kind for kind in (LatinHypercube, Sobol, Halton, MonteCarlo)}
