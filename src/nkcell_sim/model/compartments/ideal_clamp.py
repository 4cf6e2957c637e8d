"""The simple pipette of the 23-state cell: V may be held where it is, and three ions exchange."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import Observable, Parameter, State


class IdealClamp(Component):
    """Exchange of Na+, K+ and Cl- with a pipette [uM/ms], dX/dt = k_pip (X_pip - X), and fixed Cs+ and Mg2+ (nk_cell brief, section 5)."""

    essential = True

    k_pip = Parameter(0.0, "1/s", "exchange with the pipette", source="whole cell 0.05-0.2, Pusch & Neher 1988 (R); here the cell is intact", minimum=0.0)
    na_pip = Parameter(10.0, "mM", "Na+ in the pipette", minimum=0.0)
    potassium_pip = Parameter(140.0, "mM", "K+ in the pipette", minimum=0.0)
    cl_pip = Parameter(30.0, "mM", "Cl- in the pipette", minimum=0.0)
    cs_cyt = Parameter(0.0, "mM", "Cs+ in the cytosol (none in this cell)", evidence="-", minimum=0.0, shared=True)
    mg_cyt = Parameter(0.8, "mM", "free Mg2+ in the cytosol", symbol="Mg_i", source="0.5-1 mM in lymphocytes", evidence="R", minimum=0.0, shared=True)

    def equations(self, c: Any) -> None:
        rate = c.k_pip * c.vol_cyt
        c.add(na_gain=rate * (c.na_pip - c.na_cyt), k_gain=rate * (c.potassium_pip - c.k_cyt), cl_gain=rate * (c.cl_pip - c.cl_cyt))


class HeldMembrane(Component):
    """Membrane potential V [mV] that can be held where it is (clamp = 1) while ions still move."""

    essential = True

    clamp = Parameter(0.0, "1", "1 holds V where it is", evidence="-", minimum=0.0, maximum=1.0)
    v = State("mV", "membrane potential", scale=10.0, initial=-59.0, lower=-300.0, upper=300.0, symbol="V", shared=True)
    i_ion = Observable("pA", "sum of all currents through the plasma membrane", shared=True)

    def equations(self, c: Any) -> None:
        c.i_ion = c.pool("i_na") + c.pool("i_k") + c.pool("i_cs") + c.pool("i_cl") + c.pool("i_ca") + c.pool("i_proton")
        c.ddt(v=-(1.0 - c.clamp) * c.i_ion / c.cm)
