"""Few channels: how many a cell has (:func:`counted_channels`), and how they open and close at random (:class:`StochasticChannels`).

All random numbers are functions of a run's key, of what they are for and of a position in that, so that a result never depends on the order of
runs, and two arms of an experiment whose runs share keys differ only by what was done to the cells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from .draws import Draws, Listed
from .errors import ModelError, ParameterError, UnitError
from .gating import observed_at_start
from .units import parse

if TYPE_CHECKING:
    from .model.cell import Cell

WORD = 2**64
EXPECTED_KEY = "a whole number from 0 to below 2**128, or two from 0 to below 2**64"
_COUNTING = 2**63  # purposes of random words from here on count channels; those below gate them, see _kernel/channels.h

Key = int | tuple[int, int]


@dataclass(frozen=True, eq=False)
class StochasticChannels:
    """Channels open and close one by one in the runs of :func:`~nkcell_sim.simulate`: ``simulate(cells, protocol, channels=StochasticChannels(keys))``.

    ``keys`` has one key for every run, two 64-bit words ``(a, b)`` or the 128-bit number ``a + 2**64 b``; the same key gives the same random numbers. Every
    scheme that a component of the cell declares is drawn, and the cell around it is integrated as always, with the drawn number of
    conducting channels in the place of its mean. Each cell needs a whole number of channels: see :func:`counted_channels`. ``tick``
    (a time with its unit, or a number of ms) is the longest time between two looks at the rates of the channels while an input ramps or relaxes, and ten
    times as long while none does; the error of their statistics falls with its square. What is recorded is the value before a transition
    that happens at the very time.
    """

    keys: Sequence[Key]
    tick: str | float = "5 ms"

    def __post_init__(self) -> None:
        key_words(self.keys)
        _milliseconds(self.tick)

    @property
    def words(self) -> np.ndarray:
        """The keys as words (n_runs, 2)."""
        return key_words(self.keys)

    @property
    def tick_ms(self) -> float:
        """The tick in ms."""
        return _milliseconds(self.tick)


@dataclass(frozen=True, eq=False)
class Counted:
    """Cells with whole numbers of channels; ``pools`` and ``numbers`` have (n_cells,) channels for each scheme, in all and at the surface."""

    cells: list[Cell]
    pools: Mapping[str, np.ndarray]
    numbers: Mapping[str, np.ndarray]


def counted_channels(cells: Sequence[Cell], keys: Sequence[Key]) -> Counted:
    """Give every cell a whole number of channels, drawn with its key.

    A cell's pool is Poisson distributed about the mean number that it would have with all channels at the surface (TRPM3: density C_m); each
    channel of the pool is at the surface with the probability that the cell has at its start (TRPM3: ``channel_number``, what the opioid chain or a
    lesion leaves of it), so that the number at the surface is binomial. Cells with the same key have the same pool when the mean is the same, and
    a channel that is at the surface in one of them is so in every cell with a larger share. The density is set to what makes the
    mean number that whole number; no constant is calibrated again and the start stays what it is, since a cell does not know how many channels it has.
    Call it with cells as they are when the recording starts: after incubation and other preparation, which move the share.

    Poisson numbers are an assumption (evidence A; integration brief, section 4). Raises :class:`ParameterError` for keys that do not fit and
    :class:`ModelError` for a cell whose components declare no pool.
    """
    listed = _listed(cells)
    words = key_words(keys)
    if len(words) != len(listed):
        raise ParameterError(f"got {len(words)} keys for {len(listed)} cells; expected one for each", name="keys")
    group = Listed(listed)
    composition = group.composition.drawn
    schemes = {name: scheme for name, scheme in composition.schemes.items() if scheme.pool and scheme.density}
    if not schemes:
        raise ModelError(f"cell {composition.name!r}: no scheme names its pool and density, so that there is nothing to count")
    table = group.block(0, len(listed))
    pools, numbers = {}, {}
    found = list(listed)
    for position, (name, scheme) in enumerate(composition.schemes.items()):
        if name not in schemes:
            continue
        mean, shown = observed_at_start(composition, table, [scheme.pool, scheme.number]).T
        pools[name], numbers[name] = _draw_numbers(name, mean, shown, words, position)
        found = [_with_number(cell, scheme.density, p, n, m) for cell, p, n, m in zip(found, pools[name], numbers[name], shown, strict=True)]
    states = [cell.with_state(y) for cell, y in zip(found, table.states, strict=True)]
    return Counted(states, pools, numbers)


def _draw_numbers(name: str, mean: np.ndarray, shown: np.ndarray, words: np.ndarray, position: int) -> tuple[np.ndarray, np.ndarray]:
    """Pools about their means and the part of each that is at the surface, (n_cells,) each."""
    from scipy.stats import poisson

    bad = ~(np.isfinite(mean) & (mean >= 0.0) & (shown >= 0.0) & (shown <= mean * (1.0 + 1e-12)))
    if bad.any():
        row = int(np.argmax(bad))
        given = f"cell {row} has {shown[row]:.6g} channels at the surface out of {mean[row]:.6g} ({name})"
        raise ParameterError(f"{given}; expected a share from 0 to 1 of a finite number", name=name)
    pool = poisson.ppf([_uniform(key, 0, position) for key in words], mean).astype(np.int64)
    share = np.divide(shown, mean, out=np.zeros_like(mean), where=mean > 0.0)
    surface = [sum(_uniform(key, 1 + i, position) < p for i in range(n)) for key, p, n in zip(words, share, pool.tolist(), strict=True)]
    return pool, np.array(surface, dtype=np.int64)


def _uniform(key: np.ndarray, index: int, position: int) -> float:
    """A number between 0 and 1, never one of them."""
    from . import _kernels

    word = int(_kernels.random_words(key, index, _COUNTING + position)[0])
    return ((word >> 11) + 0.5) * 2.0**-53


def _with_number(cell: Cell, density: str, pool: int, number: int, mean: float) -> Cell:
    """The cell with the density that makes the mean number of channels a whole number."""
    changed = cell.set({density: cell.parameter(density) * (float(number) / mean)}) if mean > 0.0 else cell
    return changed.noted(f"{number} of {pool} channels at the surface ({density.rpartition('.')[0]}, drawn)")


def _listed(cells: Sequence[Cell]) -> list[Cell]:
    from .model.cell import Cell

    found = list(cells) if isinstance(cells, Iterable) and not isinstance(cells, Draws) else []
    if not found or not all(isinstance(cell, Cell) for cell in found):
        raise ParameterError(f"got {cells!r:.60} as the cells; expected a list of at least one cell", name="cells")
    if len({cell.composition.name for cell in found}) > 1:
        raise ModelError("got cells of different kinds; expected cells of one kind")
    return found


def key_words(keys: Sequence[Key]) -> np.ndarray:
    """Keys as 64-bit words (n_runs, 2); raises :class:`ParameterError` for what is not a list of keys."""
    if isinstance(keys, str | bytes | Mapping) or not isinstance(keys, Iterable):
        raise ParameterError(f"got keys = {keys!r:.60}; expected a list of one key a run, {EXPECTED_KEY}", name="keys")
    found = [_key(i, key) for i, key in enumerate(keys)]
    return np.array(found, dtype=np.uint64).reshape(len(found), 2)


def _key(i: int, given: Any) -> tuple[int, int]:
    words = [given] if _whole(given) else list(given) if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str | bytes) else []
    if len(words) == 1 and _whole(words[0]) and 0 <= int(words[0]) < WORD * WORD:
        return int(words[0]) % WORD, int(words[0]) // WORD
    if len(words) == 2 and all(_whole(word) and 0 <= int(word) < WORD for word in words):
        return int(words[0]), int(words[1])
    raise ParameterError(f"got {given!r:.60} as the key of run {i}; expected {EXPECTED_KEY}", name="keys")


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_)


def _milliseconds(tick: Any) -> float:
    expected = "expected a time above 0, for example '5 ms' (a plain number is in ms)"
    if isinstance(tick, bool | np.bool_) or not isinstance(tick, str | int | float | np.integer | np.floating):
        raise ParameterError(f"got tick = {tick!r:.40}; {expected}", name="tick")
    try:
        number = parse(tick, "ms") if isinstance(tick, str) else float(tick)
    except (UnitError, OverflowError) as error:
        raise ParameterError(f"got tick = {tick!r:.40}; {expected} ({error})", name="tick") from error
    if not 0.0 < number < math.inf:
        raise ParameterError(f"got tick = {tick!r:.40}; {expected}", name="tick")
    return number
