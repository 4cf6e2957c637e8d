"""Mitochondrial Na+/Ca2+ exchanger."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import hill, q10_factor
from ..quantities import Flow, Parameter


class NCLX(Component):
    """Ca2+ release by mitochondria [uM/s of cytosol]: J = v Ca_m/(Ca_m + 35) H(Na, 9.4, 3); v follows from the matrix balance at rest.

    Constants of Qi 2015 (S). Mitochondrial Na+ is not followed.
    """

    v_max = Parameter(
        8.8657, "uM/s", "maximal rate, per cytosolic volume", symbol="v_nclx", evidence="C", minimum=0.0, balance="ca_mit",
        unreachable="the uniporter would have to run backwards",
    )  # fmt: skip
    k_ca = Parameter(35.0, "uM", "matrix Ca2+ of half rate", symbol="k_nclx", source="Qi 2015", evidence="S", minimum=1e-4)
    k_na = Parameter(9.4, "mM", "cytosolic Na+ of half rate", symbol="na_nclx", source="Qi 2015", evidence="S", minimum=1e-3)
    n_na = Parameter(3.0, "1", "Hill coefficient of Na+", source="Qi 2015", evidence="S", minimum=0.1)
    q10 = Parameter(2.0, "1", "Q10 of the exchanger", source="as pumps, 2-2.5", minimum=1.0)
    j = Flow("uM/s", "Ca2+ release, per cytosolic volume", symbol="J_NCLX")

    def equations(self, c: Any) -> None:
        matrix = c.ca_mit / (c.ca_mit + c.k_ca)
        c.j = c.v_max * q10_factor(c.q10, c.temperature, c.t_ref) * matrix * hill(c.na_cyt, c.k_na, c.n_na)
        c.add(ca_cyt_gain=c.vol_cyt * c.j, ca_mit_gain=-c.vol_cyt * c.j)
