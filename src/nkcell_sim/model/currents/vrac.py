"""Volume-regulated Cl- current."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import ghk, q10_factor
from ..quantities import Flow, Input, Parameter


class VRAC(Component):
    """Volume-regulated anion current, VRAC/LRRC8 [pA]: I = a F P ghk(Cl-); a is 0 in isosmotic bath and 1 when fully swollen.

    About 1e4 channels of 2 pS in 160 mM Cl-, no voltage gating (Lewis, Ross & Cahalan 1993 J Gen Physiol, V).
    """

    vrac_drive = Input(0.0, "1", "swelling: 0 isosmotic, 1 fully swollen", symbol="a_vrac", minimum=0.0, maximum=1.0, shared=True)
    permeability = Parameter(
        33.0,
        "fL/s",
        "Cl- permeability when fully swollen (20 nS in 160 mM Cl-)",
        symbol="P_vrac",
        source="calculated from 1e4 channels of 2 pS, Lewis 1993 (V)",
        evidence="D",
        minimum=0.0,
    )
    q10_p = Parameter(1.4, "1", "Q10 of the permeability", source="conductances 1.3-1.5", evidence="R", minimum=1.0)
    i = Flow("pA", "volume-regulated Cl- current", symbol="I_VRAC")

    def equations(self, c: Any) -> None:
        p = c.vrac_drive * c.permeability * q10_factor(c.q10_p, c.temperature, c.t_ref)
        c.i = c.faraday * p * ghk(-1, c.v / c.v_t, c.cl_cyt, c.cl_out)
        c.add(i_cl=c.i)
