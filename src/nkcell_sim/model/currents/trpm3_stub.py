"""Place-holder of TRPM3 in the 23-state cell: an agonist drive and a Ca2+-dependent gate."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import ghk, hill
from ..quantities import Flow, Input, Parameter, State


class TRPM3Stub(Component):
    """TRPM3-like current [pA]: P m d (ghk(Na+) + r_K ghk(K+) + r_Ca ghk(Ca2+)), P from the chord conductance at -60 mV.

    dm/dt = (drive - m)/2 s, dd/dt = (0.4 + 0.6/(1 + (Ca/0.6)^2) - d)/60 s (nk_cell brief, section 5). The chord conductance is
    -I(-60 mV)/60 mV in the solutions of the reference rest: 0.1 nS is 0.1626 fL/s.
    """

    t3_drive = Input(0.0, "1", "agonist drive", minimum=0.0, maximum=1.0, shared=True)

    g_chord = Parameter(0.0, "nS", "chord conductance at -60 mV with all gates open", symbol="g_t3", minimum=0.0)
    r_ca = Parameter(1.6, "1", "P_Ca/P_Na", source="Oberwinkler/Wagner, TRPM3a2 1.6-10", evidence="R", minimum=0.0)
    r_k = Parameter(1.0, "1", "P_K/P_Na", minimum=0.0)
    tau = Parameter(2.0, "s", "activation", minimum=0.001)
    d_min = Parameter(0.4, "1", "remaining after desensitisation", minimum=0.0, maximum=1.0)
    d_k = Parameter(0.6, "uM", "Ca2+ of half-maximal desensitisation", minimum=1e-4)
    d_tau = Parameter(60.0, "s", "desensitisation", minimum=0.001)
    v_chord = Parameter(-60.0, "mV", "potential of the chord conductance", evidence="-")
    na_in_ref = Parameter(12.0, "mM", "cytosolic Na+ of the chord conductance", evidence="-", minimum=0.0)
    na_out_ref = Parameter(145.0, "mM", "bath Na+ of the chord conductance", evidence="-", minimum=0.0)
    k_in_ref = Parameter(135.0, "mM", "cytosolic K+ of the chord conductance", evidence="-", minimum=0.0)
    k_out_ref = Parameter(4.5, "mM", "bath K+ of the chord conductance", evidence="-", minimum=0.0)
    ca_in_ref = Parameter(0.08, "uM", "cytosolic Ca2+ of the chord conductance", evidence="-", minimum=0.0)
    ca_out_ref = Parameter(2.0, "mM", "bath Ca2+ of the chord conductance", evidence="-", minimum=0.0)

    m = State("1", "activation", scale=0.1, lower=0.0, upper=1.0)
    d = State("1", "not desensitised", scale=0.1, initial=0.99, lower=0.0, upper=1.0)
    i_na = Flow("pA", "current of Na+")
    i_k = Flow("pA", "current of K+")
    i_ca = Flow("pA", "current of Ca2+")
    i = Flow("pA", "TRPM3-like current", symbol="I_T3")

    def equations(self, c: Any) -> None:
        u_ref = c.v_chord / c.v_t
        chord = ghk(1, u_ref, c.na_in_ref, c.na_out_ref) + c.r_k * ghk(1, u_ref, c.k_in_ref, c.k_out_ref) + c.r_ca * ghk(2, u_ref, c.ca_in_ref, c.ca_out_ref)
        fp = c.g_chord * c.v_chord / chord * c.m * c.d
        u = c.v / c.v_t
        c.i_na = fp * ghk(1, u, c.na_cyt, c.na_out)
        c.i_k = fp * c.r_k * ghk(1, u, c.k_cyt, c.k_out)
        c.i_ca = fp * c.r_ca * ghk(2, u, c.ca_cyt, c.ca_out)
        c.i = c.i_na + c.i_k + c.i_ca
        c.add(i_na=c.i_na, i_k=c.i_k, i_ca=c.i_ca)
        d_inf = c.d_min + (1.0 - c.d_min) * hill(c.d_k, c.ca_cyt, 2.0)
        c.ddt(m=(c.t3_drive - c.m) / c.tau, d=(d_inf - c.d) / c.d_tau)
