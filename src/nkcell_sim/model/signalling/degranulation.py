"""Granule release driven by Ca2+, monotone (the default for NK cells)."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import hill, q10_factor
from ..quantities import Input, Observable, Parameter, State


class Degranulation(Component):
    """Released granules [1]: dRel/dt = k S(Ca) stim (1 - Rel), S = H(Ca, 0.20 uM, 3).

    About 15 % of granules are released per kill (Lyubchenko 2001 Immunity, V) through a high-affinity Ca2+ site; NK cells need
    ORAI1/STIM1 (Maul-Pavicic 2011 10.1073/pnas.1013285108, V).
    """

    target_engagement = Input(0.0, "1", "engagement of a target cell", symbol="Stim", minimum=0.0, maximum=1.0, shared=True)
    rate = Parameter(1.56e-4, "1/s", "release rate at full drive", symbol="k_deg", source="15 % in 20 min", evidence="D", minimum=0.0)
    k_ca = Parameter(0.20, "uM", "Ca2+ of half drive", symbol="K_deg", minimum=1e-4)
    n_ca = Parameter(3.0, "1", "Hill coefficient", symbol="n_deg", minimum=0.1)
    q10 = Parameter(2.0, "1", "Q10 of release", minimum=1.0)
    released = State("1", "released share of granules", scale=0.01, lower=0.0, upper=1.0, symbol="Rel")
    drive = Observable("1", "Ca2+ drive of release", symbol="S_deg")

    def equations(self, c: Any) -> None:
        c.drive = hill(c.ca_cyt, c.k_ca, c.n_ca)
        speed = c.rate * q10_factor(c.q10, c.temperature, c.t_ref)
        c.ddt(released=speed * c.drive * c.target_engagement * (1.0 - c.released))
