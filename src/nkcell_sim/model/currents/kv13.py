"""Voltage-gated K+ current Kv1.3."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import boltzmann, q10_factor, sech
from ..quantities import Flow, Parameter, State


class Kv13(Component):
    """Voltage-gated K+ current Kv1.3 [pA]: I = g n^4 h (V - E_K), with n and h relaxing to Boltzmann curves.

    n_inf = 1/(1 + exp(-(V + 53.3)/8)) puts half of the conductance at -40 mV. T cells: 0.7-8.9, mean 4.2 nS, about 400 channels,
    slow recovery from inactivation (Cahalan, Chandy, DeCoursey & Gupta 1985 J Physiol 358:197, V). NK cells have it (Schlichter 1986; Koshy 2013, V).
    """

    g_max = Parameter(1.5, "nS", "maximal conductance (150 channels x 10 pS)", symbol="g_kv", source="T cells 0.7-8.9 nS, Cahalan 1985 (V)", minimum=0.0)
    v_n = Parameter(-53.3, "mV", "midpoint of n (half of n^4 at -40 mV)", source="-40 mV of Cahalan 1985 (V) and the assumed slope", evidence="D")
    k_n = Parameter(8.0, "mV", "slope of n", minimum=0.1)
    v_h = Parameter(-62.0, "mV", "midpoint of inactivation", source="-70 in whole cell, Cahalan 1985; less complete in intact cells, Verheugen 1995")
    k_h = Parameter(8.0, "mV", "slope of inactivation", source="Cahalan 1985", evidence="R", minimum=0.1)
    tau_n_min = Parameter(2.0, "ms", "floor of the activation time constant", source="Cahalan 1985", evidence="R", minimum=0.0)
    tau_n_extra = Parameter(30.0, "ms", "extra activation time constant near v_tau", source="Cahalan 1985: deactivation 30-50 ms", evidence="R", minimum=0.0)
    v_tau = Parameter(-50.0, "mV", "potential of the slowest activation, and midpoint of recovery")
    k_tau_n = Parameter(25.0, "mV", "width of the activation time constant", minimum=0.1)
    tau_h_min = Parameter(0.20, "s", "inactivation above -30 mV", source="Cahalan 1985", evidence="R", minimum=0.0)
    tau_h_extra = Parameter(12.0, "s", "recovery near -70 mV", source="Cahalan 1985, slow (V); the number is assumed", minimum=0.0)
    k_tau_h = Parameter(6.0, "mV", "width of the recovery time constant", minimum=0.1)
    q10_gate = Parameter(3.0, "1", "Q10 of gating", evidence="R", minimum=1.0)
    q10_g = Parameter(1.4, "1", "Q10 of the conductance", source="1.3-1.5", evidence="R", minimum=1.0)

    n = State("1", "activation gate", scale=0.1, initial=0.33, lower=0.0, upper=1.0)
    h = State("1", "inactivation gate", scale=0.1, initial=0.41, lower=0.0, upper=1.0)
    i = Flow("pA", "Kv1.3 current", symbol="I_Kv")
    i_cs = Flow("pA", "part of the Kv1.3 current that is carried by Cs+")

    def equations(self, c: Any) -> None:
        speed = q10_factor(c.q10_gate, c.temperature, c.t_ref)
        g = c.g_max * q10_factor(c.q10_g, c.temperature, c.t_ref) * c.n**4 * c.h
        c.i = g * c.k_drive
        c.i_cs = g * c.cs_drive
        c.add(i_k=c.i - c.i_cs, i_cs=c.i_cs)
        tau_n = c.tau_n_min + c.tau_n_extra * sech((c.v - c.v_tau) / c.k_tau_n)
        tau_h = c.tau_h_min + c.tau_h_extra * boltzmann(c.v, c.v_tau, -c.k_tau_h)
        c.ddt(n=speed * (boltzmann(c.v, c.v_n, c.k_n) - c.n) / tau_n, h=speed * (boltzmann(c.v, c.v_h, -c.k_h) - c.h) / tau_h)
