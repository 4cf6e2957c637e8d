"""Background Ca2+ current, calibrated at rest."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import ghk, q10_factor
from ..quantities import Flow, Parameter


class CalciumBackground(Component):
    """Background Ca2+ current [pA]: I = F P ghk(Ca2+); P follows from the Ca2+ balance at rest."""

    permeability = Parameter(
        0.004315, "fL/s", "Ca2+ permeability", symbol="P_cab", evidence="C", minimum=0.0, balance="ca_cyt",
        unreachable="the basal Ca2+ entry through CRAC, TRPM7 and TRPM3 already exceeds what PMCA exports",
    )  # fmt: skip
    q10_p = Parameter(1.4, "1", "Q10 of the permeability", source="conductances 1.3-1.5", evidence="R", minimum=1.0)
    i = Flow("pA", "background Ca2+ current", symbol="I_Cab")

    def equations(self, c: Any) -> None:
        p = c.permeability * q10_factor(c.q10_p, c.temperature, c.t_ref)
        c.i = c.faraday * p * ghk(2, c.v / c.v_t, c.ca_cyt, c.ca_out)
        c.add(i_ca=c.i)
