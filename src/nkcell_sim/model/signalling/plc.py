"""Receptor-driven phospholipase C activity."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import q10_factor
from ..quantities import Input, Parameter, State


class PLC(Component):
    """Receptor-driven phospholipase C activity [1]: d(plc)/dt = (drive - plc)/10 s."""

    plc_drive = Input(0.0, "1", "receptor drive of PLC", symbol="stim", minimum=0.0, maximum=1.0, shared=True)
    tau = Parameter(10.0, "s", "rise and fall of the activity", symbol="plc_tau", minimum=0.01)
    q10 = Parameter(2.0, "1", "Q10 of the rate", minimum=1.0)
    plc = State("1", "PLC activity", scale=0.1, lower=0.0, upper=1.0, symbol="plc", shared=True)

    def equations(self, c: Any) -> None:
        c.ddt(plc=q10_factor(c.q10, c.temperature, c.t_ref) * (c.plc_drive - c.plc) / c.tau)
