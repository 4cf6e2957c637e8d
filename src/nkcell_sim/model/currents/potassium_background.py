"""Voltage-independent K+ background current."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import ghk, q10_factor
from ..quantities import Flow, Parameter


class PotassiumBackground(Component):
    """Voltage-independent K+ background current [pA]: I = F P ghk(K+). Raise it if a K2P conductance is shown in NK cells."""

    permeability = Parameter(0.0004, "fL/s", "K+ permeability", symbol="P_kb", minimum=0.0)
    q10_p = Parameter(1.4, "1", "Q10 of the permeability", source="conductances 1.3-1.5", evidence="R", minimum=1.0)
    i = Flow("pA", "background K+ current", symbol="I_Kb")

    def equations(self, c: Any) -> None:
        p = c.permeability * q10_factor(c.q10_p, c.temperature, c.t_ref)
        c.i = c.faraday * p * ghk(1, c.v / c.v_t, c.k_cyt, c.k_out)
        c.add(i_k=c.i)
