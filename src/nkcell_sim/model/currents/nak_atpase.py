"""Na+/K+ pump."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import q10_factor, where_gt
from ..quantities import Flow, Parameter


class NaKATPase(Component):
    """Net pump current [pA], 3 Na+ out for 2 K+ in: I = I_max (Na/(Na + 8))^3 (K'/(K' + 1.5))^2 (V + 150)/(V + 200).

    K' = K_o + 0.1 Cs_o (A); the inward limb is shared between K+ and Cs+ in that ratio (integration brief, section 2).
    1e4-1e5 sites per lymphocyte give 0.3-1.6 pA at 100 /s (R). Below -150 mV the pump stands still (A).
    """

    i_max = Parameter(
        1.4226, "pA", "maximal net current", symbol="I_nak", source="lymphocyte 0.3-1.6 pA (R)", evidence="C", minimum=0.0, balance="k_cyt",
        unreachable="the K+ balance needs a pump that runs backwards: K+ does not leak out at the wanted rest",
    )  # fmt: skip
    k_na = Parameter(8.0, "mM", "Na+ affinity of each of three sites", symbol="nak_na", source="8-20", evidence="R", minimum=0.01)
    k_k = Parameter(1.5, "mM", "K+ affinity of each of two sites", symbol="nak_k", evidence="R", minimum=0.01)
    cs_affinity = Parameter(0.1, "1", "Cs+ counts as this much K+", source="integration brief, section 2", minimum=0.0)
    v_zero = Parameter(150.0, "mV", "potential at which the pump stops (sign changed)", minimum=1.0)
    v_sat = Parameter(200.0, "mV", "width of the voltage dependence, effectively at least 1.01 v_zero", minimum=1.0)
    q10 = Parameter(2.25, "1", "Q10 of the pump", source="pumps 2-2.5", evidence="R", minimum=1.0)
    i = Flow("pA", "net pump current", symbol="I_NaK")

    def equations(self, c: Any) -> None:
        k_like = c.k_out + c.cs_affinity * c.cs_out
        sodium, potassium = c.na_cyt / (c.na_cyt + c.k_na), k_like / (k_like + c.k_k)
        # below -v_zero the fitted factor would run the pump backwards and then through a pole: the pump is taken to stand still there (A)
        # and v_sat cannot be smaller than v_zero, or the pole at -v_sat would lie where the pump runs: at least 1 % larger (A)
        v_sat = where_gt(c.v_sat, 1.01 * c.v_zero, c.v_sat, 1.01 * c.v_zero)
        voltage = where_gt(c.v, -c.v_zero, (c.v + c.v_zero) / (c.v + v_sat), 0.0)
        c.i = c.i_max * q10_factor(c.q10, c.temperature, c.t_ref) * sodium**3 * potassium**2 * voltage
        # two shares, not one minus the other: without Cs+ outside, exactly no Cs+ is carried
        c.add(i_na=3.0 * c.i, i_k=-2.0 * c.i * c.k_out / k_like, i_cs=-2.0 * c.i * c.cs_affinity * c.cs_out / k_like)
