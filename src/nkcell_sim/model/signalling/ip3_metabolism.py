"""Production and degradation of IP3."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import hill, q10_factor
from ..quantities import Flow, Parameter, State


class IP3Metabolism(Component):
    """IP3 in the cytosol [uM]: dIP3/dt = b + v_plc plc Ca/(Ca + K) - k_5p IP3 - v_3k IP3/(IP3 + K_3k) H(Ca, 0.5, 2).

    PLC is Ca2+ sensitised (Chen 2008 0.12 uM, Schmeitz 2013 0.5 uM, S); IP3 is removed by 5-phosphatase and Ca2+-dependent 3-kinase.
    """

    basal = Parameter(
        0.0010247, "uM/s", "basal production", symbol="ip3_b", evidence="C", minimum=0.0, balance="ip3",
        unreachable="IP3 made by PLC already exceeds what is degraded",
    )  # fmt: skip
    v_plc = Parameter(0.15, "uM/s", "receptor-driven maximum", minimum=0.0)
    k_plc = Parameter(0.40, "uM", "Ca2+ of half PLC activity", source="Chen 2008 0.12, Schmeitz 2013 0.5 (S)", minimum=1e-4)
    k_5p = Parameter(0.10, "1/s", "5-phosphatase", source="0.05-0.2; Schmeitz 2013 0.0115 (S)", evidence="R", minimum=0.0)
    v_3k = Parameter(0.10, "uM/s", "3-kinase, maximum", minimum=0.0)
    k_3k = Parameter(1.0, "uM", "IP3 of half 3-kinase rate", minimum=1e-4)
    ca_3k = Parameter(0.5, "uM", "Ca2+ of half 3-kinase rate", minimum=1e-4)
    n_3k = Parameter(2.0, "1", "Hill coefficient of Ca2+ at the 3-kinase", minimum=0.1)
    q10 = Parameter(2.0, "1", "Q10 of production and degradation", minimum=1.0)

    ip3 = State("uM", "IP3 in the cytosol", scale=0.01, initial=0.01, lower=0.0, symbol="IP3", shared=True)
    production = Flow("uM/s", "production of IP3")
    degradation = Flow("uM/s", "degradation of IP3")

    def equations(self, c: Any) -> None:
        speed = q10_factor(c.q10, c.temperature, c.t_ref)
        c.production = speed * (c.basal + c.v_plc * c.plc * c.ca_cyt / (c.ca_cyt + c.k_plc))
        kinase = c.v_3k * c.ip3 / (c.ip3 + c.k_3k) * hill(c.ca_cyt, c.ca_3k, c.n_3k)
        c.degradation = speed * (c.k_5p * c.ip3 + kinase)
        c.ddt(ip3=c.production - c.degradation + c.pool("ip3_gain") / c.vol_cyt)
