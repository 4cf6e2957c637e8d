"""What a component may declare: parameters, states, inputs, flows and observables.

Each declaration is the only place where a quantity's name, unit, meaning, source and evidence code are
written down. Config keys, kernel slots, HDF5 attributes, documentation rows and the generic tests follow
from it. Values are given in the declared (laboratory) unit; conversion to the kernel's coherent units
(ms, mV, pA, nS, pF, fL, uM, K) happens once, in :mod:`nkcell_sim.units`.

Evidence codes: ``V`` confirmed in the source, ``V2`` confirmed second-hand, ``S`` published
re-implementation, ``R`` recalled and unconfirmed, ``A`` assumed, ``C`` calibrated from a stationarity
condition, ``D`` derived by calculation, ``I`` chosen when the parts were joined (an assumption with a reason).
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass

from ..errors import ModelError

EVIDENCE_CODES = {
    "V": "confirmed in the source",
    "V2": "confirmed second-hand",
    "S": "from a published re-implementation",
    "R": "recalled, not confirmed",
    "A": "assumed",
    "C": "calibrated from a stationarity condition",
    "D": "derived by calculation",
    "I": "chosen when the sub-models were joined (assumed)",
    "-": "definition or physical constant",
}


@dataclass(frozen=True)
class Parameter:
    """A constant of a run, in its declared unit; ``choices`` lists the only values it may take.

    ``balance`` names the state whose stationarity fixes a calibrated constant (evidence ``C``);
    ``unreachable`` says in words what a value outside the bounds then means.
    """

    default: float
    unit: str
    description: str
    _: KW_ONLY
    source: str = ""
    evidence: str = "A"
    symbol: str = ""
    minimum: float | None = None
    maximum: float | None = None
    shared: bool = False
    balance: str = ""
    unreachable: str = ""
    choices: tuple[float, ...] = ()


@dataclass(frozen=True)
class State:
    """A variable with a time derivative, in its declared unit.

    ``scale`` is the size that matters to an observer: the absolute tolerance is ``rtol * scale``.
    ``lower`` and ``upper`` bound the physical range; a step that leaves it is repeated with a smaller step.
    """

    unit: str
    description: str
    _: KW_ONLY
    scale: float
    initial: float = 0.0
    lower: float | None = None
    upper: float | None = None
    symbol: str = ""
    shared: bool = False

    def __post_init__(self) -> None:
        # without an absolute tolerance a state at exactly 0 has an error of 0 / 0, which no step control can weigh
        if not 0.0 < self.scale < math.inf:
            raise ModelError(f"got a state ({self.description}) with scale = {self.scale!r} {self.unit}; expected a finite number above 0")


@dataclass(frozen=True)
class Input:
    """A quantity that the protocol drives in time, in its declared unit (piecewise linear or relaxing).

    One that is ``drawn`` is driven by channels instead, and exists only in the form of the cell whose channels are drawn.
    """

    default: float
    unit: str
    description: str
    _: KW_ONLY
    source: str = ""
    evidence: str = "A"
    symbol: str = ""
    minimum: float | None = None
    maximum: float | None = None
    shared: bool = False
    drawn: bool = False


@dataclass(frozen=True)
class Flow:
    """A current or flux that the component's switch sets to exactly zero."""

    unit: str
    description: str
    _: KW_ONLY
    symbol: str = ""
    shared: bool = False


@dataclass(frozen=True)
class Observable:
    """A named intermediate that can be recorded; ``conserved`` marks a total kept by the closed cell.

    One that is ``drawn`` exists only in the form of the cell whose channels are drawn (rates of their transitions, their number).
    """

    unit: str
    description: str
    _: KW_ONLY
    symbol: str = ""
    shared: bool = False
    conserved: bool = False
    drawn: bool = False


Declaration = Parameter | State | Input | Flow | Observable
