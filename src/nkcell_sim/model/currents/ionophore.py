"""Ionomycin at the plasma membrane and at the endoplasmic reticulum."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import Flow, Input


class Ionophore(Component):
    """Ca2+ carried by ionomycin [uM/s]: k (Ca_o - Ca) into the cytosol and k_er (Ca_ER - Ca) from the store.

    Typical 1e-3 /s and 1 /s (nk_cell brief, section 5). Ionomycin exchanges Ca2+ for 2 H+ and is electroneutral; as for PMCA the H+ are booked as Na+
    (fast Na+/H+ exchange), which keeps the charge ledger exact (I).
    """

    ionomycin = Input(0.0, "1/s", "ionomycin at the plasma membrane, as a rate", symbol="k_iono", minimum=0.0, shared=True)
    ionomycin_er = Input(0.0, "1/s", "ionomycin at the endoplasmic reticulum, as a rate", symbol="k_iono_er", minimum=0.0, shared=True)

    j_pm = Flow("uM/s", "Ca2+ entry by ionomycin, per cytosolic volume")
    j_er = Flow("uM/s", "Ca2+ release by ionomycin, per volume of the endoplasmic reticulum")

    def equations(self, c: Any) -> None:
        c.j_pm = c.ionomycin * (c.ca_out - c.ca_cyt)
        c.j_er = c.ionomycin_er * (c.ca_er - c.ca_cyt)
        c.add(ca_cyt_gain=c.vol_cyt * c.j_pm + c.vol_er * c.j_er, ca_er_gain=-c.vol_er * c.j_er, na_gain=-2.0 * c.vol_cyt * c.j_pm)
