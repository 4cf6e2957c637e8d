"""Background Na+ current, calibrated at rest."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import ghk, q10_factor
from ..quantities import Flow, Parameter


class SodiumBackground(Component):
    """Background Na+ current [pA]: I = F P ghk(Na+); P follows from the Na+ balance at rest."""

    permeability = Parameter(
        0.0085427, "fL/s", "Na+ permeability", symbol="P_nab", evidence="C", minimum=0.0, balance="na_cyt",
        unreachable="the other Na+ entries already exceed what the pump and the exchangers remove",
    )  # fmt: skip
    q10_p = Parameter(1.4, "1", "Q10 of the permeability", source="conductances 1.3-1.5", evidence="R", minimum=1.0)
    i = Flow("pA", "background Na+ current", symbol="I_Nab")

    def equations(self, c: Any) -> None:
        p = c.permeability * q10_factor(c.q10_p, c.temperature, c.t_ref)
        c.i = c.faraday * p * ghk(1, c.v / c.v_t, c.na_cyt, c.na_out)
        c.add(i_na=c.i)
