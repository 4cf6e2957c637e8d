"""Nuclear import of NFAT driven by Ca2+."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import hill, q10_factor
from ..quantities import Observable, Parameter, State

# The numbers are confirmed, their unit is not: as a rate the value counts as recalled.
TOMIDA = "Tomida 2003, BIOMD0000000678: numbers V, unit 1/min R"


class NFAT(Component):
    """Shares of NFAT [1]: p phosphorylated, d dephosphorylated in the cytosol, n = 1 - p - d nuclear.

    dp/dt = -k1 S p + k2 d + k4 n, dd/dt = k1 S p - (k2 + k3) d, S = H(Ca, 0.40 uM, 3). Rates: Tomida 2003 EMBO J 22:3825,
    BIOMD0000000678 (V; the unit R). Nuclear NFAT saturates at 0.52: report it relative to that.
    """

    k_dephos = Parameter(0.359, "1/min", "dephosphorylation", symbol="k1", source=TOMIDA, evidence="R", minimum=0.0)
    k_rephos = Parameter(0.147, "1/min", "rephosphorylation", symbol="k2", source=TOMIDA, evidence="R", minimum=0.0)
    k_import = Parameter(0.060, "1/min", "nuclear import", symbol="k3", source=TOMIDA, evidence="R", minimum=0.0)
    k_export = Parameter(0.035, "1/min", "nuclear export", symbol="k4", source=TOMIDA, evidence="R", minimum=0.0)
    k_ca = Parameter(0.40, "uM", "Ca2+ of half dephosphorylation", symbol="K_nfat", minimum=1e-4)
    n_ca = Parameter(3.0, "1", "Hill coefficient", symbol="n_nfat", minimum=0.1)
    q10 = Parameter(2.0, "1", "Q10 of all rates", minimum=1.0)
    p = State("1", "phosphorylated share", scale=0.1, initial=0.98, lower=0.0, upper=1.0)
    d = State("1", "dephosphorylated share in the cytosol", scale=0.01, initial=0.01, lower=0.0, upper=1.0)
    nuclear = Observable("1", "nuclear share (saturates at 0.52)", symbol="n")

    def equations(self, c: Any) -> None:
        c.nuclear = 1.0 - c.p - c.d
        speed = q10_factor(c.q10, c.temperature, c.t_ref)
        forward = c.k_dephos * hill(c.ca_cyt, c.k_ca, c.n_ca) * c.p
        c.ddt(p=speed * (c.k_rephos * c.d + c.k_export * c.nuclear - forward))
        c.ddt(d=speed * (forward - (c.k_rephos + c.k_import) * c.d))
