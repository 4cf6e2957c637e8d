"""Na+/K+/2 Cl- cotransporter."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import q10_factor
from ..quantities import Flow, Parameter


class NKCC(Component):
    """Electroneutral Na+/K+/2 Cl- cotransport [uM/s]: J = k (Na_o K_o Cl_o^2 - Na K Cl^2)/1e6 mM^4.

    Holds Cl- above equilibrium (E_Cl -46.6 mV at 25 mM); a place-holder with a turnover of hours (nk_cell brief, section 8).
    """

    rate = Parameter(
        4.566e-5, "mM/s", "rate at a driving product of 1e6 mM^4", symbol="k_nkcc", evidence="C", minimum=0.0, balance="cl_cyt",
        unreachable="Cl- does not leak out at the wanted rest, so that no uptake can balance it",
    )  # fmt: skip
    product_scale = Parameter(1.0e6, "mM**4", "driving product at which the rate is given", evidence="-", minimum=1.0)
    q10 = Parameter(2.0, "1", "Q10 of the carrier", source="as pumps, 2-2.5", minimum=1.0)
    j = Flow("mM/s", "inward cotransport, per cytosolic volume", symbol="J_NKCC")

    def equations(self, c: Any) -> None:
        product = c.na_out * c.k_out * c.cl_out**2 - c.na_cyt * c.k_cyt * c.cl_cyt**2
        c.j = c.rate * q10_factor(c.q10, c.temperature, c.t_ref) * product / c.product_scale
        amount = c.vol_cyt * c.j
        c.add(na_gain=amount, k_gain=amount, cl_gain=2.0 * amount)
