"""The delayed signal by which a body notices that its opioid receptors are blocked."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import Parameter, State


class BlockadeSignal(Component):
    """Delayed occupancy [1]: d(signal)/dt = k_lag (competition - signal), from the occupancy by competition (TRPM3 brief, section 6.3)."""

    k_lag = Parameter(0.5, "1/h", "delay of the signal (0.2-1)", minimum=0.0)

    signal = State("1", "delayed blockade of opioid receptors", scale=0.1, lower=0.0, upper=1.0, symbol="m", shared=True)

    def equations(self, c: Any) -> None:
        c.ddt(signal=c.k_lag * (c.competition - c.signal))
