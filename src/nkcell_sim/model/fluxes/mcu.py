"""Mitochondrial Ca2+ uniporter."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import hill, q10_factor
from ..quantities import Flow, Parameter


class MCU(Component):
    """Ca2+ uptake by mitochondria [uM/s of cytosol]: J = v H(Ca, 2.5, 2); low affinity, high capacity.

    T-cell mitochondria start to take up below 0.4 uM, within 8 s, and do not saturate (Hoth, Fanger & Lewis 1997 J Cell Biol, V).
    """

    v_max = Parameter(20.0, "uM/s", "maximal rate, per cytosolic volume", symbol="v_mcu", source="Qi 2015: 1.45 (S)", minimum=0.0)
    k_ca = Parameter(2.5, "uM", "Ca2+ of half rate", symbol="k_mcu", source="above the 1.5 of Qi 2015 (S), for low affinity", minimum=1e-4)
    n_ca = Parameter(2.0, "1", "Hill coefficient", source="Qi 2015", evidence="S", minimum=0.1)
    q10 = Parameter(2.0, "1", "Q10 of the uniporter", source="as pumps, 2-2.5", minimum=1.0)
    j = Flow("uM/s", "Ca2+ uptake, per cytosolic volume", symbol="J_MCU")

    def equations(self, c: Any) -> None:
        c.j = c.v_max * q10_factor(c.q10, c.temperature, c.t_ref) * hill(c.ca_cyt, c.k_ca, c.n_ca)
        c.add(ca_cyt_gain=-c.vol_cyt * c.j, ca_mit_gain=c.vol_cyt * c.j)
