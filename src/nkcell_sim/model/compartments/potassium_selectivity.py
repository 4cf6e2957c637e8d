"""Driving force of K+ channels when Cs+ is present on either side."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import exprelr, log
from ..quantities import Observable, Parameter


class PotassiumSelectivity(Component):
    """Driving force of K+-selective channels [mV], and the part of it that carries Cs+.

    E = V_T ln((K_o + r Cs_o)/(K_i + r Cs_i)) and g -> g (K_i + r Cs_i)/(K_i + Cs_i), r = P_Cs/P_K (integration brief, section 2). Without Cs+
    this is g (V - E_K). The ohmic current is the difference of an efflux and an influx, V_T exprelr(-x) - V_T exprelr(x) with
    x = (V - E)/V_T; each is carried by K+ and Cs+ in the ratio K : r Cs of the side it starts from, which gives Ussing's flux ratio for both ions (I).
    A bath without both K+ and Cs+ has no reversal potential and is not allowed.
    """

    essential = True

    cs_permeability = Parameter(0.02, "1", "P_Cs/P_K of K+ channels", symbol="r", evidence="R", minimum=0.0, maximum=1.0)

    e_k = Observable("mV", "reversal potential of K+ channels", symbol="E_K", shared=True)
    k_drive = Observable("mV", "driving force of K+ channels, scaled for Cs+", shared=True)
    cs_drive = Observable("mV", "part of the driving force that is carried by Cs+", shared=True)

    def equations(self, c: Any) -> None:
        inside = c.k_cyt + c.cs_permeability * c.cs_cyt
        outside = c.k_out + c.cs_permeability * c.cs_out
        scale = inside / (c.k_cyt + c.cs_cyt)
        c.e_k = c.v_t * log(outside / inside)
        c.k_drive = scale * (c.v - c.e_k)
        x = (c.v - c.e_k) / c.v_t
        cs_in, cs_out = c.cs_permeability * c.cs_cyt / inside, c.cs_permeability * c.cs_out / outside
        c.cs_drive = scale * c.v_t * (exprelr(-x) * cs_in - exprelr(x) * cs_out)
