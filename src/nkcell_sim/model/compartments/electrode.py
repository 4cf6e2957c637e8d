"""The patch pipette: voltage or current clamp, seal leak and dialysis."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import Flow, Input, Observable, Parameter

RECALLED = "Griffith group recording solutions, recalled (30 mM CsCl, 110 mM Cs-aspartate)"


class Electrode(Component):
    """Whole-cell pipette: electrode current [pA], seal leak [pA] and exchange with the cytosol.

    Clamped: C_m dV/dt = (V_cmd - V)/R_s - g_seal V - I_ion, and the amplifier reads (V_cmd - V)/R_s. Current clamp injects i_cmd.
    Dialysis: dX/dt = k (X_pip - X). Exchange rates 0.05-0.2 /s for a 0.2 pL cell (Pusch & Neher 1988, R); integration brief, section 2.
    """

    essential = True

    whole_cell = Input(0.0, "1", "1 when the pipette is connected to the cytosol", minimum=0.0, maximum=1.0, shared=True)
    v_clamp = Input(0.0, "1", "1 for voltage clamp, 0 for current clamp", minimum=0.0, maximum=1.0, shared=True)
    v_cmd = Input(-60.0, "mV", "command potential", symbol="V_cmd", minimum=-300.0, maximum=300.0, shared=True)
    i_cmd = Input(0.0, "pA", "injected current (current clamp)", symbol="I_cmd", minimum=-1e4, maximum=1e4, shared=True)

    r_series = Parameter(15.0, "MOhm", "series resistance", symbol="R_s", source="integration brief, section 2", minimum=0.1)
    g_seal = Parameter(0.1, "nS", "conductance of the seal", source="integration brief, section 2 (10 GOhm)", minimum=0.0)
    exchange = Parameter(
        0.06, "1/s", "exchange of small ions with the pipette", symbol="k_pip", source="Pusch & Neher 1988: 0.05-0.2", evidence="R", minimum=0.0
    )
    exchange_egta = Parameter(
        0.042, "1/s", "exchange of EGTA (and IP3) with the pipette", source="Pusch & Neher 1988, scaled by mass^(-1/3)", evidence="R", minimum=0.0
    )
    na_pip = Parameter(2.2, "mM", "Na+ in the pipette", source=RECALLED, evidence="R", minimum=0.0)
    k_pip = Parameter(0.0, "mM", "K+ in the pipette", source=RECALLED, evidence="R", minimum=0.0)
    cs_pip = Parameter(140.0, "mM", "Cs+ in the pipette", source=RECALLED, evidence="R", minimum=0.0)
    cl_pip = Parameter(34.0, "mM", "Cl- in the pipette (30 CsCl + 2 MgCl2)", source=RECALLED, evidence="R", minimum=0.0)
    mg_pip = Parameter(1.0, "mM", "free Mg2+ in the pipette (about 0.1 if 4 mM ATP binds it)", source="integration brief, section 7", evidence="I", minimum=0.0)
    egta_pip = Parameter(1.0, "mM", "EGTA in the pipette", source=RECALLED, evidence="R", minimum=0.0)
    ip3_pip = Parameter(0.0, "uM", "IP3 in the pipette", minimum=0.0)

    i_electrode = Flow("pA", "current injected by the amplifier (into the cell positive)")
    i_seal = Flow("pA", "leak through the seal (outward positive)")
    i_measured = Observable("pA", "current read by the amplifier in voltage clamp (outward positive)")

    def equations(self, c: Any) -> None:
        through_pipette = (c.v_cmd - c.v) / c.r_series
        c.i_electrode = c.whole_cell * (c.v_clamp * through_pipette + (1.0 - c.v_clamp) * c.i_cmd)
        c.i_seal = c.whole_cell * c.g_seal * c.v
        c.i_measured = c.whole_cell * c.v_clamp * through_pipette
        c.add(i_pipette=c.i_seal - c.i_electrode)
        ions, large = c.whole_cell * c.exchange * c.vol_cyt, c.whole_cell * c.exchange_egta * c.vol_cyt
        c.add(na_gain=ions * (c.na_pip - c.na_cyt), k_gain=ions * (c.k_pip - c.k_cyt), cl_gain=ions * (c.cl_pip - c.cl_cyt))
        c.add(cs_gain=ions * (c.cs_pip - c.cs_cyt), mg_gain=ions * (c.mg_pip - c.mg_cyt))
        c.add(egta_gain=large * (c.egta_pip - c.egta), egta_bound_gain=-large * c.egta_bound, ip3_gain=large * (c.ip3_pip - c.ip3))
