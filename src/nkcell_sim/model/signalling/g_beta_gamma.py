"""Free G beta-gamma released by the mu-opioid receptor."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import q10_factor, where_gt
from ..quantities import Parameter, State


class GBetaGamma(Component):
    """Free G beta-gamma [nM]: dG/dt = (G_max s/(s + K_s) - G)/tau; it binds TRPM3 directly (Badheka 2017 10.7554/eLife.26147, V).

    G_max and K_s put DAMGO at 81 % inhibition as in HEK cells and sensory neurons. No NK measurement exists.
    """

    g_max = Parameter(1500.0, "nM", "G beta-gamma at full stimulus", symbol="Gmax", minimum=0.0)
    k_s = Parameter(0.30, "1", "stimulus of half release", symbol="Ks", minimum=1e-6)
    tau_on = Parameter(10.0, "s", "rise (about 10 s in the eLife trio)", source="eLife trio 2017", evidence="A", minimum=0.01)
    tau_off = Parameter(30.0, "s", "fall (20-60 s in the eLife trio)", source="eLife trio 2017", evidence="A", minimum=0.01)
    q10 = Parameter(1.0, "1", "Q10 of release and removal (1 in the reference values)", minimum=1.0)
    t_rates = Parameter(310.15, "K", "temperature of the rates", minimum=273.15, maximum=320.0)
    g_bg = State("nM", "free G beta-gamma", scale=10.0, initial=25.0, lower=0.0, symbol="G", shared=True)

    def equations(self, c: Any) -> None:
        target = c.g_max * c.stimulus / (c.stimulus + c.k_s)
        tau = where_gt(target, c.g_bg, c.tau_on, c.tau_off)
        c.ddt(g_bg=q10_factor(c.q10, c.temperature, c.t_rates) * (target - c.g_bg) / tau)
