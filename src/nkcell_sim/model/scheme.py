"""A Markov scheme: the states of a channel that can be drawn at random, and the rates between them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from itertools import product
from math import isfinite
from typing import TYPE_CHECKING, Any

from ..errors import ModelError
from ..units import unit_info
from .quantities import Flow, Input, Observable, Parameter

if TYPE_CHECKING:
    from .component import Component
    from .composition import Composition


@dataclass(frozen=True)
class Transition:
    """A channel in state ``source`` moves to ``target`` at ``rate``, the name of an observable [1/time]."""

    source: str
    target: str
    rate: str


@dataclass(frozen=True)
class Gate:
    """One of several independent gates of a channel: it turns ``on`` and ``off`` at the rates of these names.

    ``start_on`` and ``start_off`` name the shares of gates in either position at the start; without them the gate starts stationary.
    """

    on: str
    off: str
    start_on: str = ""
    start_off: str = ""

    def weight(self, position: bool) -> str:
        """Name of what weighs a position at the start: the shares, or the rates, whose ratio is that of the stationary shares."""
        return (self.start_on or self.on) if position else (self.start_off or self.off)


@dataclass(frozen=True)
class Scheme:
    """Channels that move between ``states`` at random, independently of each other, at rates that follow the cell.

    ``drives`` says for each drawn input what a channel in a state adds to it: ``{"drawn": {"O": 1.0}}`` counts the open ones. ``number`` names the mean
    number of channels; it has to be a whole number when channels are drawn. ``pool`` names the mean number of channels that could be at the surface,
    and ``density`` the parameter that ``number`` is proportional to: with both, whole numbers can be drawn too. ``start`` names for each
    state the observables whose product weighs it at the start; without it the channels start stationary.
    """

    states: tuple[str, ...]
    transitions: tuple[Transition, ...]
    _: KW_ONLY
    drives: Mapping[str, Mapping[str, float]]
    number: str
    pool: str = ""
    density: str = ""
    start: Mapping[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        if len(self.states) < 2 or len(set(self.states)) < len(self.states):
            raise ModelError(f"got a scheme of the states {self.states}; expected at least two different ones")
        for t in self.transitions:
            for state in (t.source, t.target):
                self._known(state, f"transition {t.source} -> {t.target}")
            if t.source == t.target:
                raise ModelError(f"got a transition from {t.source!r} to itself; expected two different states")
        if not self.transitions or not self.drives:
            raise ModelError(f"got a scheme of {len(self.transitions)} transitions that drives {len(self.drives)} inputs; expected at least one of both")
        for name, weights in self.drives.items():
            for state, weight in weights.items():
                self._known(state, f"drives {name!r}")
                if not isfinite(weight):
                    raise ModelError(f"got a weight of {weight!r} of state {state!r} in {name!r}; expected a finite number")
        if self.start is not None and set(self.start) != set(self.states):
            raise ModelError(f"got a start of the states {sorted(self.start)}; expected one of each of {', '.join(self.states)}")

    @classmethod
    def of_gates(cls, gates: Mapping[str, Gate], *, drives: Mapping[str, Iterable[str]], **others: Any) -> Scheme:
        """The scheme of channels with independent gates; an input in ``drives`` counts the channels whose named gates are all on."""
        positions = list(product((False, True), repeat=len(gates)))
        names = {p: _state_name(gates, p) for p in positions}
        moves, counted, start = [], {}, {}
        for p in positions:
            for g, gate in enumerate(gates.values()):
                moves.append(Transition(names[p], names[(*p[:g], not p[g], *p[g + 1 :])], gate.off if p[g] else gate.on))
            start[names[p]] = tuple(gate.weight(on) for gate, on in zip(gates.values(), p, strict=True))
        for name, needed in drives.items():
            wanted = [list(gates).index(g) for g in needed]
            counted[name] = {names[p]: 1.0 for p in positions if all(p[g] for g in wanted)}
        return cls(tuple(names.values()), tuple(moves), drives=counted, start=start, **others)

    def resolved(self, composition: Composition, component: Component, name: str) -> Scheme:
        """The scheme with the keys of a cell instead of local names; raises :class:`ModelError` for a name that the component does not declare as needed."""
        keys = {n: composition._key(component, n) for n in component.declarations}
        where = f"cell {composition.name!r}, scheme {component.name}.{name}"

        def key(local: str, kinds: type | tuple[type, ...], what: str) -> str:
            if not isinstance(component.declarations.get(local), kinds):
                close = difflib.get_close_matches(local, [n for n, d in component.declarations.items() if isinstance(d, kinds)], n=1)
                raise ModelError(f"{where}: {component.name} declares no {what} {local!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
            return keys[local]

        def observed(local: str) -> str:
            return key(local, (Observable, Flow), "observable")

        def rate(t: Transition) -> str:
            found, unit = observed(t.rate), component.declarations[t.rate].unit
            if unit_info(unit)[0] != unit_info("1/ms")[0]:
                raise ModelError(f"{where}: {t.rate!r}, the rate of {t.source} -> {t.target}, is declared in {unit}; expected a rate, for example 1/ms")
            return found

        for local in self.drives:
            key(local, Input, "input")
            if not getattr(component.declarations[local], "drawn", False):
                raise ModelError(f"{where}: the input {local!r} that it drives is not declared with drawn=True")
        return replace(
            self,
            transitions=tuple(replace(t, rate=rate(t)) for t in self.transitions),
            drives={keys[local]: dict(weights) for local, weights in self.drives.items()},
            number=observed(self.number),
            pool=self.pool and observed(self.pool),
            density=self.density and key(self.density, Parameter, "parameter"),
            start=self.start and {state: tuple(observed(n) for n in names) for state, names in self.start.items()},
        )

    def _known(self, state: str, where: str) -> None:
        if state not in self.states:
            raise ModelError(f"got the state {state!r} in {where}; the scheme has {', '.join(self.states)}")


def _state_name(gates: Mapping[str, Gate], positions: tuple[bool, ...]) -> str:
    """Names of the gates that are on, or "none"."""
    return "+".join(g for g, on in zip(gates, positions, strict=True) if on) or "none"
