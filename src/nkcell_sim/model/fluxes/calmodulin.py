"""Calmodulin as an explicit Ca2+ buffer."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import q10_factor
from ..quantities import Flow, Parameter, State


class Calmodulin(Component):
    """Ca2+ binding to calmodulin [uM/s]: J = k_on Ca (total - bound) - k_off bound; lobes lumped, Kd 2 uM. 5-20 uM calmodulin (R)."""

    total = Parameter(40.0, "uM", "binding sites (4 x 10 uM calmodulin)", symbol="cam_t", minimum=0.0)
    k_on = Parameter(60.0, "1/(uM*s)", "binding", symbol="cam_on", minimum=0.0)
    k_off = Parameter(120.0, "1/s", "unbinding (Kd 2 uM)", symbol="cam_off", minimum=0.0)
    q10 = Parameter(2.0, "1", "Q10 of both rates", minimum=1.0)

    bound = State("uM", "Ca2+ on calmodulin", scale=1.0, initial=1.54, lower=0.0, symbol="CaCaM")
    j = Flow("uM/s", "Ca2+ binding", symbol="R_CaM")

    def equations(self, c: Any) -> None:
        c.j = q10_factor(c.q10, c.temperature, c.t_ref) * (c.k_on * c.ca_cyt * (c.total - c.bound) - c.k_off * c.bound)
        c.add(ca_cyt_gain=-c.vol_cyt * c.j, ca_cyt_bound=c.bound)
        c.ddt(bound=c.j)
