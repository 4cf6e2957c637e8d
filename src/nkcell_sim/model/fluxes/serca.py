"""Ca2+ pump of the endoplasmic reticulum, blocked irreversibly by thapsigargin."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import hill, q10_factor
from ..quantities import Flow, Input, Parameter, State


class SERCA(Component):
    """Ca2+ uptake into the store [uM/s of cytosol]: J = v a H(Ca, K, 2), da/dt = -k_tg [TG] a.

    Published affinities 0.05-0.4 uM: Li-Rinzel family 0.05-0.105 (V), Chen 2008 0.15, Schmeitz 2013 0.4 (S), SERCA2b 0.27 (R).
    """

    thapsigargin = Input(0.0, "uM", "thapsigargin in the bath", symbol="TG", minimum=0.0, maximum=1e3, shared=True)
    v_max = Parameter(25.0, "uM/s", "maximal rate, per cytosolic volume", symbol="serca_v", minimum=0.0)
    k_ca = Parameter(0.10, "uM", "Ca2+ of half rate", symbol="serca_k", source="Li-Rinzel family 0.05-0.105", evidence="V", minimum=1e-4)
    n_ca = Parameter(2.0, "1", "Hill coefficient", symbol="serca_n", source="Schmeitz 2013", evidence="S", minimum=0.1)
    k_tg = Parameter(0.10, "1/(uM*s)", "irreversible block by thapsigargin", minimum=0.0)
    q10 = Parameter(2.25, "1", "Q10 of the pump", source="pumps 2-2.5", evidence="R", minimum=1.0)

    a = State("1", "pumps not blocked by thapsigargin", scale=0.1, initial=1.0, lower=0.0, upper=1.0)
    j = Flow("uM/s", "Ca2+ uptake, per cytosolic volume", symbol="J_SERCA")

    def equations(self, c: Any) -> None:
        c.j = c.v_max * q10_factor(c.q10, c.temperature, c.t_ref) * c.a * hill(c.ca_cyt, c.k_ca, c.n_ca)
        c.add(ca_cyt_gain=-c.vol_cyt * c.j, ca_er_gain=c.vol_cyt * c.j)
        c.ddt(a=-c.k_tg * c.thapsigargin * c.a)
