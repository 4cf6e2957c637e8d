"""EGTA or BAPTA in the cytosol, brought by the pipette."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import q10_factor
from ..quantities import Flow, Parameter, State


class Chelator(Component):
    """Ca2+ binding to EGTA [uM/s]: J = k_on Ca (total - bound) - k_off bound; total and bound are both dialysed (integration brief, section 2).

    k_on 10 /(uM s), k_off 1.5 /s at pH 7.2 (integration brief, section 7); BAPTA: 450 and 90 (R).
    """

    k_on = Parameter(10.0, "1/(uM*s)", "binding at pH 7.2", symbol="egta_on", evidence="R", minimum=0.0)
    k_off = Parameter(1.5, "1/s", "unbinding (Kd 0.15 uM)", symbol="egta_off", source="pH 7.2", evidence="R", minimum=0.0)
    q10 = Parameter(2.0, "1", "Q10 of both rates", minimum=1.0)

    egta = State("mM", "EGTA in the cytosol, free and bound", scale=0.1, lower=0.0, symbol="EGTA", shared=True)
    egta_bound = State("mM", "Ca2+ on EGTA", scale=0.01, lower=0.0, symbol="CaEGTA", shared=True)
    j = Flow("uM/s", "Ca2+ binding", symbol="R_EGTA")

    def equations(self, c: Any) -> None:
        free = c.egta - c.egta_bound
        c.j = q10_factor(c.q10, c.temperature, c.t_ref) * (c.k_on * c.ca_cyt * free - c.k_off * c.egta_bound)
        c.add(ca_cyt_gain=-c.vol_cyt * c.j, ca_cyt_bound=c.egta_bound)
        c.ddt(egta=c.pool("egta_gain") / c.vol_cyt, egta_bound=c.j + c.pool("egta_bound_gain") / c.vol_cyt)


class FixedChelator(Component):
    """Ca2+ binding to a fixed total of EGTA [uM/s]: J = k_on Ca (total - bound) - k_off bound (nk_cell brief, section 5)."""

    total = Parameter(0.0, "uM", "EGTA in the cytosol (1e4 in a pipette)", symbol="egta_t", minimum=0.0)
    k_on = Parameter(2.5, "1/(uM*s)", "binding at pH 6.9; about 10 at pH 7.3", symbol="egta_on", source="Pape 1995", evidence="V", minimum=0.0)
    k_off = Parameter(1.485, "1/s", "unbinding (Kd 0.59 uM at pH 6.9)", symbol="egta_off", source="Pape 1995", evidence="V", minimum=0.0)
    q10 = Parameter(2.0, "1", "Q10 of both rates", minimum=1.0)

    bound = State("uM", "Ca2+ on EGTA", scale=1.0, lower=0.0, symbol="CaEGTA")
    j = Flow("uM/s", "Ca2+ binding", symbol="R_EGTA")

    def equations(self, c: Any) -> None:
        c.j = q10_factor(c.q10, c.temperature, c.t_ref) * (c.k_on * c.ca_cyt * (c.total - c.bound) - c.k_off * c.bound)
        c.add(ca_cyt_gain=-c.vol_cyt * c.j, ca_cyt_bound=c.bound)
        c.ddt(bound=c.j)
