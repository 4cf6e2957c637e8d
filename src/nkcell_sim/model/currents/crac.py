"""Store-operated Ca2+ current: STIM1 sensing the store, Orai1 opening, Ca2+-dependent inactivation."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import ghk, hill, positive_part, power, q10_factor
from ..quantities import Flow, Parameter, State


class CRAC(Component):
    """Ca2+ release-activated Ca2+ current [pA]: I = F P O d f_fast D, D = ghk(Ca2+)/(1 + Ca_o/3.3 mM).

    STIM1 senses the store (S), traps and opens Orai1 (O, S^1.33 reproduces K 169 uM, Hill 4.2 of Luik 2008, S); d is slow Ca2+-dependent
    inactivation (half time 30 s, half of it store independent, Zweifach & Lewis 1995 J Biol Chem 270:14445, V); fast inactivation is algebraic
    (50 % at -120 mV in 20 mM Ca2+, tau 10-100 ms, R). NK cells of an ORAI1-deficient patient lack store-operated entry and do not kill
    (Maul-Pavicic 2011 PNAS 108:3324, 10.1073/pnas.1013285108, V).
    """

    permeability = Parameter(
        0.50, "fL/s", "Ca2+ permeability with all channels open", symbol="P_crac", source="Schmeitz 2013 totals 0.5-0.7 pA (S)", minimum=0.0
    )
    k_out = Parameter(3300.0, "uM", "saturation with external Ca2+", symbol="crac_ko", source="Zweifach & Lewis 1993, 1996", evidence="R", minimum=1.0)
    fast_scale = Parameter(
        6.0e4, "uM", "driving term that halves the current by fast inactivation", symbol="crac_gh", source="Zweifach & Lewis 1995a", evidence="R", minimum=1.0
    )
    stim_k = Parameter(187.0, "uM", "store Ca2+ at half-maximal STIM1 oligomerisation", source="Luik 2008", evidence="R", minimum=1.0)
    stim_n = Parameter(3.8, "1", "Hill coefficient of STIM1 oligomerisation", source="Luik 2008", evidence="R", minimum=0.1)
    stim_tau = Parameter(5.0, "s", "STIM1 oligomerisation", source="Schmeitz 2013 (S); Liou 2007 (R)", evidence="S", minimum=0.01)
    orai_m = Parameter(1.33, "1", "exponent of Orai1 opening, gives K 169 uM and Hill 4.2 in the store", source="Luik 2008", evidence="S", minimum=0.1)
    orai_tau = Parameter(4.0, "s", "trapping and gating delay", source="Luik 2008, Wu 2006", evidence="R", minimum=0.01)
    orai_basal = Parameter(0.002, "1", "STIM2-like open fraction with full stores", source="Schmeitz 2013 has 0.13 (S)", minimum=0.0, maximum=1.0)
    slow_min = Parameter(
        0.45, "1", "floor of slow inactivation", source="half of the slow decline is store independent, Zweifach & Lewis 1995b", minimum=0.0, maximum=1.0
    )
    slow_k = Parameter(0.5, "uM", "Ca2+ of half-maximal slow inactivation", minimum=1e-4)
    slow_n = Parameter(2.0, "1", "Hill coefficient of slow inactivation", minimum=0.1)
    slow_tau = Parameter(43.0, "s", "slow inactivation (half time 30 s)", source="Zweifach & Lewis 1995b", evidence="V", minimum=0.01)
    q10_gate = Parameter(2.0, "1", "Q10 of STIM1, Orai1 and inactivation kinetics", minimum=1.0)
    q10_p = Parameter(1.4, "1", "Q10 of the permeability", source="1.3-1.5", evidence="R", minimum=1.0)

    stim = State("1", "active STIM1", scale=0.01, initial=0.034, lower=0.0, upper=1.0, symbol="S")
    orai = State("1", "open Orai1", scale=0.01, initial=0.013, lower=0.0, upper=1.0, symbol="O")
    d = State("1", "not slowly inactivated", scale=0.1, initial=0.99, lower=0.0, upper=1.0)
    i = Flow("pA", "CRAC current", symbol="I_CRAC")

    def equations(self, c: Any) -> None:
        drive = ghk(2, c.v / c.v_t, c.ca_cyt, c.ca_out) / (1.0 + c.ca_out / c.k_out)
        fast = 1.0 / (1.0 + positive_part(-drive) / c.fast_scale)
        c.i = c.faraday * c.permeability * q10_factor(c.q10_p, c.temperature, c.t_ref) * c.orai * c.d * fast * drive
        c.add(i_ca=c.i)
        speed = q10_factor(c.q10_gate, c.temperature, c.t_ref)
        open_share = c.orai_basal + (1.0 - c.orai_basal) * power(c.stim, c.orai_m)
        free_share = c.slow_min + (1.0 - c.slow_min) * hill(c.slow_k, c.ca_cyt, c.slow_n)
        c.ddt(stim=speed * (hill(c.stim_k, c.ca_er, c.stim_n) - c.stim) / c.stim_tau)
        c.ddt(orai=speed * (open_share - c.orai) / c.orai_tau, d=speed * (free_share - c.d) / c.slow_tau)
