"""IP3 receptor of the endoplasmic reticulum (Li-Rinzel)."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import q10_factor
from ..quantities import Flow, Parameter, State


class IP3R(Component):
    """Ca2+ release through IP3 receptors [uM/s of ER]: J = v (IP3/(IP3 + d1) Ca/(Ca + d5) h)^3 (Ca_ER - Ca).

    dh/dt = a2 (Q2 (1 - h) - Ca h), Q2 = d2 (IP3 + d1)/(IP3 + d3): De Young & Keizer 1992 as reduced by Li & Rinzel 1994
    (constants V in two published tables). a2 is slowed from 0.2 towards the 90-120 s period of T cells (Lewis & Cahalan 1989, V).
    """

    rate = Parameter(1000.0, "1/s", "rate with all receptors open, per ER volume", symbol="v_ip3r", source="Li-Rinzel 6/s is unbuffered", minimum=0.0)
    d1 = Parameter(0.13, "uM", "IP3 binding", source="De Young & Keizer 1992; Li & Rinzel 1994", evidence="V", minimum=1e-6)
    d2 = Parameter(1.049, "uM", "inhibitory Ca2+ binding", source="De Young & Keizer 1992; Li & Rinzel 1994", evidence="V", minimum=1e-6)
    d3 = Parameter(0.9434, "uM", "IP3 binding with inhibitory Ca2+ bound", source="De Young & Keizer 1992; Li & Rinzel 1994", evidence="V", minimum=1e-6)
    d5 = Parameter(0.08234, "uM", "activating Ca2+ binding", source="De Young & Keizer 1992; Li & Rinzel 1994", evidence="V", minimum=1e-6)
    a2 = Parameter(0.05, "1/(uM*s)", "inhibitory Ca2+ binding rate (published 0.2)", source="slowed towards the period of Lewis & Cahalan 1989", minimum=0.0)
    q10_gate = Parameter(2.0, "1", "Q10 of gating", minimum=1.0)

    h = State("1", "not inhibited by Ca2+", scale=0.1, initial=0.7, lower=0.0, upper=1.0)
    j = Flow("uM/s", "Ca2+ release, per ER volume", symbol="J_IP3R")

    def equations(self, c: Any) -> None:
        open_share = c.ip3 / (c.ip3 + c.d1) * c.ca_cyt / (c.ca_cyt + c.d5) * c.h
        c.j = c.rate * open_share**3 * (c.ca_er - c.ca_cyt)
        c.add(ca_cyt_gain=c.vol_er * c.j, ca_er_gain=-c.vol_er * c.j)
        q2 = c.d2 * (c.ip3 + c.d1) / (c.ip3 + c.d3)
        c.ddt(h=c.a2 * q10_factor(c.q10_gate, c.temperature, c.t_ref) * (q2 * (1.0 - c.h) - c.ca_cyt * c.h))
