"""Granule release with the Ca2+ optimum of cytotoxic T cells."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import hill, q10_factor
from ..quantities import Observable, Parameter, State


class DegranulationBell(Component):
    """Released granules with a Ca2+ optimum [1]: S = H(Ca, 0.12, 3)/(1 + (Ca/0.40)^3)/0.74.

    Human cytotoxic T cells kill best at 122-334 nM (Zhou 2018 J Physiol 596:2681, 10.1113/JP274964, V); NK cells probably have a weaker bell.
    """

    rate = Parameter(1.56e-4, "1/s", "release rate at full drive", symbol="k_deg", source="15 % in 20 min", evidence="D", minimum=0.0)
    k_rise = Parameter(0.12, "uM", "Ca2+ of half drive, rising limb", symbol="Ka", source="fitted to the Zhou window", evidence="D", minimum=1e-4)
    n_rise = Parameter(3.0, "1", "Hill coefficient, rising limb", symbol="na", source="fitted to the Zhou window", evidence="D", minimum=0.1)
    k_fall = Parameter(0.40, "uM", "Ca2+ of half drive, falling limb", symbol="Ki", source="fitted to the Zhou window", evidence="D", minimum=1e-4)
    n_fall = Parameter(3.0, "1", "Hill coefficient, falling limb", symbol="mi", source="fitted to the Zhou window", evidence="D", minimum=0.1)
    peak = Parameter(0.74, "1", "product of both limbs at the optimum", evidence="D", minimum=0.01)
    q10 = Parameter(2.0, "1", "Q10 of release", minimum=1.0)
    released = State("1", "released share of granules", scale=0.01, lower=0.0, upper=1.0, symbol="Rel")
    drive = Observable("1", "Ca2+ drive of release", symbol="S_deg")

    def equations(self, c: Any) -> None:
        c.drive = hill(c.ca_cyt, c.k_rise, c.n_rise) * hill(c.k_fall, c.ca_cyt, c.n_fall) / c.peak
        speed = c.rate * q10_factor(c.q10, c.temperature, c.t_ref)
        c.ddt(released=speed * c.drive * c.target_engagement * (1.0 - c.released))
