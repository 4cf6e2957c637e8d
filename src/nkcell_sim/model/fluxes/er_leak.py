"""Passive Ca2+ leak of the endoplasmic reticulum."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import q10_factor
from ..quantities import Flow, Parameter


class ERLeak(Component):
    """Passive Ca2+ leak of the store [uM/s of ER]: J = k (Ca_ER - Ca); k follows from the Ca2+ balance of the store at rest."""

    rate = Parameter(
        0.3692, "1/s", "leak, per ER volume", symbol="k_leak", evidence="C", minimum=0.0, balance="ca_er",
        unreachable="IP3 receptors alone already release more than SERCA takes up",
    )  # fmt: skip
    q10 = Parameter(1.4, "1", "Q10 of the leak", source="as conductances, 1.3-1.5", minimum=1.0)
    j = Flow("uM/s", "Ca2+ leak, per ER volume", symbol="J_leak")

    def equations(self, c: Any) -> None:
        c.j = c.rate * q10_factor(c.q10, c.temperature, c.t_ref) * (c.ca_er - c.ca_cyt)
        c.add(ca_cyt_gain=c.vol_er * c.j, ca_er_gain=-c.vol_er * c.j)
