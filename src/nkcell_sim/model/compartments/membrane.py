"""Membrane potential from the sum of all currents."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import Observable, State


class Membrane(Component):
    """Membrane potential V [mV]: C_m dV/dt = -(I_Na + I_K + I_Cs + I_Cl + I_Ca + I_PMCA) + pipette; outward positive."""

    essential = True

    v = State("mV", "membrane potential", scale=10.0, initial=-59.0, lower=-300.0, upper=300.0, symbol="V", shared=True)
    i_ion = Observable("pA", "sum of all currents through the plasma membrane", shared=True)

    def equations(self, c: Any) -> None:
        c.i_ion = c.pool("i_na") + c.pool("i_k") + c.pool("i_cs") + c.pool("i_cl") + c.pool("i_ca") + c.pool("i_proton")
        c.ddt(v=-(c.i_ion + c.pool("i_pipette")) / c.cm)
