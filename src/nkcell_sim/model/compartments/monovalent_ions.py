"""Na+, K+ and Cl- of the cytosol, and Cs+ and Mg2+ where a pipette brings them."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import State


class MonovalentIons(Component):
    """Na+, K+ and Cl- in the cytosol [mM]: d[X]/dt = -I_X/(z F V_c) + electroneutral gain/V_c; constant volume.

    Protons that PMCA brings in leave at once by Na+/H+ exchange and are booked as Na+ (A), so that the charge ledger is exact.
    """

    essential = True

    na_cyt = State("mM", "Na+ in the cytosol", scale=1.0, initial=12.0, lower=0.0, upper=1000.0, symbol="Na_i", shared=True)
    k_cyt = State("mM", "K+ in the cytosol", scale=1.0, initial=135.0, lower=0.0, upper=1000.0, symbol="K_i", shared=True)
    cl_cyt = State("mM", "Cl- in the cytosol", scale=1.0, initial=25.0, lower=0.0, upper=1000.0, symbol="Cl_i", shared=True)

    def equations(self, c: Any) -> None:
        c.ddt(na_cyt=(-c.pool("i_na") / c.faraday + c.pool("na_gain")) / c.vol_cyt)
        c.ddt(k_cyt=(-c.pool("i_k") / c.faraday + c.pool("k_gain")) / c.vol_cyt)
        c.ddt(cl_cyt=(c.pool("i_cl") / c.faraday + c.pool("cl_gain")) / c.vol_cyt)


class PipetteIons(Component):
    """Cs+ and free Mg2+ in the cytosol [mM]; without a pipette Mg2+ stays constant.

    dCs/dt = -I_Cs/(F V_c) + exchange (integration brief, section 2). Mg2+ that enters through TRPM3 is booked as Na+ (Na+/Mg2+ exchange taken as fast).
    """

    essential = True

    cs_cyt = State("mM", "Cs+ in the cytosol", scale=1.0, lower=0.0, upper=1000.0, symbol="Cs_i", shared=True)
    mg_cyt = State("mM", "free Mg2+ in the cytosol", scale=0.1, initial=0.8, lower=0.0, upper=100.0, symbol="Mg_i", shared=True)

    def equations(self, c: Any) -> None:
        c.ddt(cs_cyt=(-c.pool("i_cs") / c.faraday + c.pool("cs_gain")) / c.vol_cyt, mg_cyt=c.pool("mg_gain") / c.vol_cyt)
