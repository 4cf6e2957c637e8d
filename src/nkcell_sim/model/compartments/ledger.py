"""Totals that must not drift: charge, and Ca2+ of a Ca2+-tight cell."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import Observable


class Ledger(Component):
    """Charge ledger [fC] and total Ca2+ [zmol].

    Q = F (V_c (Na + K + Cs - Cl) + 2 Ca_total) - C_m V is constant without a pipette: every charge that crosses the membrane is on the capacitor.
    Total Ca2+ is constant only when nothing crosses the plasma membrane (all Ca2+ currents, PMCA and ionophore off).
    """

    essential = True

    charge = Observable("fC", "charge in the cytosol and stores minus charge on the membrane", symbol="Q", conserved=True)
    calcium = Observable("zmol", "total Ca2+ of the cell, free and bound")

    def equations(self, c: Any) -> None:
        c.calcium = (
            c.vol_cyt * (c.ca_cyt + c.pool("ca_cyt_bound")) + c.vol_er * (c.ca_er + c.pool("ca_er_bound")) + c.vol_mit * (c.ca_mit + c.pool("ca_mit_bound"))
        )
        monovalent = c.na_cyt + c.k_cyt + c.cs_cyt - c.cl_cyt
        c.charge = c.faraday * (c.vol_cyt * monovalent + 2.0 * c.calcium) - c.cm * c.v
