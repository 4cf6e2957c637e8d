"""TRPM4: Ca2+-activated monovalent cation current, absent by default."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import exprelr, hill, log, q10_factor
from ..quantities import Flow, Parameter


class TRPM4(Component):
    """Ca2+-activated cation current TRPM4 [pA]: I = g H(Ca, 0.4, 2) (V - E), E from the sum of Na+, K+ and Cs+ on both sides.

    25 pS, Kd 0.4 uM, no Ca2+ permeation (Launay 2002 Cell 109:397, V). Off by default: no recording in NK cells was found. Efflux and influx
    are carried by the ions in proportion to their concentrations on the side they start from (A).
    """

    g_max = Parameter(0.0, "nS", "maximal conductance (25 pS a channel)", symbol="g_trpm4", source="Launay 2002 (single channel)", minimum=0.0)
    k_ca = Parameter(0.40, "uM", "half-activating cytosolic Ca2+", symbol="trpm4_k", source="Launay 2002", evidence="V", minimum=1e-4)
    n_ca = Parameter(2.0, "1", "Hill coefficient", symbol="trpm4_n", minimum=0.1)
    q10_g = Parameter(1.4, "1", "Q10 of the conductance", source="1.3-1.5", evidence="R", minimum=1.0)

    i_na = Flow("pA", "TRPM4 current of Na+")
    i_k = Flow("pA", "TRPM4 current of K+")
    i_cs = Flow("pA", "TRPM4 current of Cs+")
    i = Flow("pA", "TRPM4 current", symbol="I_T4")

    def equations(self, c: Any) -> None:
        inside, outside = c.na_cyt + c.k_cyt + c.cs_cyt, c.na_out + c.k_out + c.cs_out
        x = c.v / c.v_t - log(outside / inside)
        g = c.g_max * q10_factor(c.q10_g, c.temperature, c.t_ref) * hill(c.ca_cyt, c.k_ca, c.n_ca)
        efflux, influx = g * c.v_t * exprelr(-x) / inside, g * c.v_t * exprelr(x) / outside
        c.i_na = efflux * c.na_cyt - influx * c.na_out
        c.i_k = efflux * c.k_cyt - influx * c.k_out
        c.i_cs = efflux * c.cs_cyt - influx * c.cs_out
        c.i = c.i_na + c.i_k + c.i_cs
        c.add(i_na=c.i_na, i_k=c.i_k, i_cs=c.i_cs)
