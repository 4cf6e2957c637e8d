"""Plasma-membrane Ca2+ pump with calmodulin memory."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import hill, q10_factor
from ..quantities import Flow, Parameter, State


class PMCA(Component):
    """Ca2+ export by PMCA [uM/s of cytosol]: J = v ((1 - m) H(Ca, K1, n) + gain m H(Ca, K2, n)), dm/dt = ((Ca/K_m)^2 (1 - m) - m)/tau.

    m is the calmodulin-modulated share, fast on and slow off (Bautista & Lewis 2004 J Physiol, V; Bautista, Hoth & Lewis 2002, R).
    Two H+ enter for each Ca2+ (Thomas 2009 J Physiol, V): electroneutral; they leave again as Na+ enters through fast Na+/H+ exchange (A).
    """

    v_max = Parameter(
        9.0, "uM/s", "maximal rate unmodulated (9 uM/s is 0.32 pA of Ca2+)", symbol="pmca_v", source="Schmeitz 2013 total 0.55 pA (S)", minimum=0.0
    )
    k_free = Parameter(0.40, "uM", "Ca2+ of half rate, unmodulated", symbol="pmca_k1", source="Chen 2008 uses 0.45, Hill 2 (S)", minimum=1e-4)
    k_cam = Parameter(0.20, "uM", "Ca2+ of half rate, calmodulin-bound", symbol="pmca_k2", source="Bruce 2013", evidence="V", minimum=1e-4)
    n_ca = Parameter(2.0, "1", "Hill coefficient", symbol="pmca_n", source="Schmeitz 2013, Chen 2008", evidence="S", minimum=0.1)
    gain = Parameter(2.5, "1", "maximal rate modulated over unmodulated", symbol="pmca_gain", source="after Bautista 2002", minimum=0.0)
    k_mod = Parameter(0.35, "uM", "Ca2+ of half modulation", symbol="pmca_km", source="Schmeitz 2013 uses 0.1 (S)", minimum=1e-4)
    tau = Parameter(
        60.0, "s", "modulation switches off; on is faster, tau/(1 + (Ca/K_m)^2)", symbol="pmca_tau", source="Schmeitz 2013 fixed 50 (S)", minimum=0.01
    )
    protons = Parameter(2.0, "1", "H+ in per Ca2+ out (2 is electroneutral)", symbol="n_h", source="Thomas 2009", evidence="V", minimum=0.0, maximum=2.0)
    q10 = Parameter(2.25, "1", "Q10 of the pump and its modulation", source="pumps 2-2.5; the same for the modulation (A)", evidence="R", minimum=1.0)

    m = State("1", "calmodulin-modulated share", scale=0.1, initial=0.05, lower=0.0, upper=1.0)
    j = Flow("uM/s", "Ca2+ export, per cytosolic volume", symbol="J_PMCA")
    i = Flow("pA", "net pump current (0 when two H+ enter per Ca2+)", symbol="I_PMCA")

    def equations(self, c: Any) -> None:
        speed = q10_factor(c.q10, c.temperature, c.t_ref)
        bare, modulated = hill(c.ca_cyt, c.k_free, c.n_ca), hill(c.ca_cyt, c.k_cam, c.n_ca)
        c.j = c.v_max * speed * ((1.0 - c.m) * bare + c.gain * c.m * modulated)
        c.i = (2.0 - c.protons) * c.faraday * c.vol_cyt * c.j
        c.add(ca_cyt_gain=-c.vol_cyt * c.j, na_gain=c.protons * c.vol_cyt * c.j, i_proton=c.i)
        c.ddt(m=speed * ((c.ca_cyt / c.k_mod) ** 2 * (1.0 - c.m) - c.m) / c.tau)
