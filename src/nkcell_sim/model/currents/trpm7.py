"""TRPM7 (MIC/MagNuM): outward rectifying, inhibited by internal Mg2+."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import boltzmann, ghk, q10_factor
from ..quantities import Flow, Parameter


class TRPM7(Component):
    """TRPM7 current [pA], GHK for Na+, K+, Cs+ and Ca2+, times f_Mg = 0.5/(1 + Mg/10) + 0.5/(1 + Mg/165) (Mg in uM).

    Monovalent current is relieved from divalent block above +60 mV. Native in T cells, inhibited by internal divalents
    (Kozak & Cahalan 2003 Biophys J 84:922, V); biphasic IC50 10 and 165 uM (Chokshi, Matsushita & Kozak 2012 Am J Physiol Cell 302:C1004, V).
    Cs+ passes like Na+ and K+ (I: the brief lists Na+ and K+ only).
    """

    permeability = Parameter(0.30, "fL/s", "monovalent permeability, Mg2+-free maximum", symbol="P_t7", source="Jurkat 20-50 pA/pF at +100 mV (R)", minimum=0.0)
    permeability_ca = Parameter(0.02, "fL/s", "Ca2+ permeability, Mg2+-free maximum", symbol="P_t7ca", minimum=0.0)
    p_cs = Parameter(1.0, "1", "P_Cs/P_Na", evidence="I", minimum=0.0)
    k_mg_1 = Parameter(10.0, "uM", "high-affinity Mg2+ inhibition", symbol="t7_k1", source="Chokshi 2012", evidence="V", minimum=1e-3)
    k_mg_2 = Parameter(165.0, "uM", "low-affinity Mg2+ inhibition", symbol="t7_k2", source="Chokshi 2012", evidence="V", minimum=1e-3)
    v_block = Parameter(60.0, "mV", "midpoint of the relief from divalent block", symbol="t7_vb")
    k_block = Parameter(18.0, "mV", "slope of the relief from divalent block", symbol="t7_kb", minimum=0.1)
    q10_p = Parameter(1.4, "1", "Q10 of the permeability", source="1.3-1.5", evidence="R", minimum=1.0)

    i_na = Flow("pA", "TRPM7 current of Na+")
    i_k = Flow("pA", "TRPM7 current of K+")
    i_cs = Flow("pA", "TRPM7 current of Cs+")
    i_ca = Flow("pA", "TRPM7 current of Ca2+")
    i = Flow("pA", "TRPM7 current", symbol="I_T7")

    def equations(self, c: Any) -> None:
        u = c.v / c.v_t
        f_mg = 0.5 / (1.0 + c.mg_cyt / c.k_mg_1) + 0.5 / (1.0 + c.mg_cyt / c.k_mg_2)
        f = c.faraday * f_mg * q10_factor(c.q10_p, c.temperature, c.t_ref)
        mono = f * c.permeability * boltzmann(c.v, c.v_block, c.k_block)
        c.i_na = mono * ghk(1, u, c.na_cyt, c.na_out)
        c.i_k = mono * ghk(1, u, c.k_cyt, c.k_out)
        c.i_cs = mono * c.p_cs * ghk(1, u, c.cs_cyt, c.cs_out)
        c.i_ca = f * c.permeability_ca * ghk(2, u, c.ca_cyt, c.ca_out)
        c.i = c.i_na + c.i_k + c.i_cs + c.i_ca
        c.add(i_na=c.i_na, i_k=c.i_k, i_cs=c.i_cs, i_ca=c.i_ca)
