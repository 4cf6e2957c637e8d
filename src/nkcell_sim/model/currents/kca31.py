"""Ca2+-activated K+ current KCa3.1."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import hill, q10_factor
from ..quantities import Flow, Parameter, State


class KCa31(Component):
    """Intermediate-conductance Ca2+-activated K+ current KCa3.1 [pA]: I = g w (V - E_K), dw/dt = (H(Ca, 0.3, 4) - w)/tau.

    Voltage independent; T cells: 20 per resting cell, over 500 in blasts, 11 pS, Hill 4, 0.3 uM, Po 0.3-0.5
    (Grissmer, Nguyen & Cahalan 1993 J Gen Physiol 102:601, V). NK cells express it; its block raises killing by the adherent subset (Koshy 2013, V).
    """

    g_max = Parameter(
        0.25,
        "nS",
        "maximal conductance (57 channels x 11 pS x Po 0.4)",
        symbol="g_kca",
        source="11 pS and Po 0.3-0.5, Grissmer 1993 (V); 57 channels (A) lie between 20 of a resting T cell and over 500 of a blast",
        minimum=0.0,
    )
    k_ca = Parameter(0.30, "uM", "half-activating cytosolic Ca2+", source="Grissmer 1993; 0.4 in intact cells, Verheugen 1995", evidence="V", minimum=1e-4)
    n_ca = Parameter(4.0, "1", "Hill coefficient", source="Grissmer 1993", evidence="V", minimum=0.1)
    tau = Parameter(50.0, "ms", "gating time constant, calmodulin pre-bound", minimum=0.01)
    q10_gate = Parameter(3.0, "1", "Q10 of gating", source="as Kv1.3", minimum=1.0)
    q10_g = Parameter(1.4, "1", "Q10 of the conductance", source="1.3-1.5", evidence="R", minimum=1.0)

    w = State("1", "open fraction", scale=0.01, initial=0.005, lower=0.0, upper=1.0)
    i = Flow("pA", "KCa3.1 current", symbol="I_KCa")
    i_cs = Flow("pA", "part of the KCa3.1 current that is carried by Cs+")

    def equations(self, c: Any) -> None:
        g = c.g_max * q10_factor(c.q10_g, c.temperature, c.t_ref) * c.w
        c.i = g * c.k_drive
        c.i_cs = g * c.cs_drive
        c.add(i_k=c.i - c.i_cs, i_cs=c.i_cs)
        c.ddt(w=q10_factor(c.q10_gate, c.temperature, c.t_ref) * (hill(c.ca_cyt, c.k_ca, c.n_ca) - c.w) / c.tau)
