"""Background Cl- current."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import ghk, q10_factor
from ..quantities import Flow, Parameter


class ChlorideBackground(Component):
    """Background Cl- current [pA]: I = F P ghk(Cl-). A 0.6 pS Cl- conductance appears in over 98 % of T cells (V)."""

    permeability = Parameter(0.010, "fL/s", "Cl- permeability", symbol="P_cl", minimum=0.0)
    q10_p = Parameter(1.4, "1", "Q10 of the permeability", source="conductances 1.3-1.5", evidence="R", minimum=1.0)
    i = Flow("pA", "background Cl- current", symbol="I_Clb")

    def equations(self, c: Any) -> None:
        p = c.permeability * q10_factor(c.q10_p, c.temperature, c.t_ref)
        c.i = c.faraday * p * ghk(-1, c.v / c.v_t, c.cl_cyt, c.cl_out)
        c.add(i_cl=c.i)
