"""How many TRPM3 channels are at the surface, relative to the density of a healthy cell."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import q10_factor
from ..quantities import Observable, Parameter, State


class ChannelNumber(Component):
    """Relative number of surface channels n0 N_rel [1].

    Regulated by G beta-gamma (default): dN_rel/dt = (1 - rho G/(G + K_N) - N_rel)/tau_N (TRPM3 brief, section 6.2).
    Channel-number lesion (number_lesion = 1): dN_rel/dt = (1 + b (1/n0 - 1) - N_rel)/tau, b antagonist occupancy: naltrexone brings the
    missing channels back within hours (integration brief, section 2).
    """

    rho = Parameter(0.5, "1", "largest loss of channels", minimum=0.0, maximum=1.0)
    k_g = Parameter(240.0, "nM", "G beta-gamma of half loss", symbol="K_N", minimum=0.1)
    tau = Parameter(8.0, "h", "turnover", symbol="tau_N", minimum=0.01)
    number_lesion = Parameter(0.0, "1", "1: channel-number lesion instead of G beta-gamma", evidence="-", minimum=0.0, maximum=1.0)
    n0 = Parameter(1.0, "1", "channels left by the lesion (1: no lesion)", source="0.40 fitted to the current ratio", minimum=0.01, maximum=10.0)
    tau_lesion = Parameter(7.0, "h", "recovery from the lesion", source="integration brief: 7 h", minimum=0.01)
    t_rates = Parameter(310.15, "K", "temperature of the rates", minimum=273.15, maximum=320.0)
    q10 = Parameter(1.0, "1", "Q10 of turnover (1 in the reference values)", minimum=1.0)

    n_rel = State("1", "relative number of channels before the lesion", scale=0.1, initial=0.95, lower=0.0, symbol="N_rel")
    channel_number = Observable("1", "relative number of surface channels", symbol="n0 N_rel", shared=True)

    def equations(self, c: Any) -> None:
        c.channel_number = c.n0 * c.n_rel
        regulated = (1.0 - c.rho * c.g_bg / (c.g_bg + c.k_g) - c.n_rel) / c.tau
        lesioned = (1.0 + c.occupancy * (1.0 / c.n0 - 1.0) - c.n_rel) / c.tau_lesion
        speed = q10_factor(c.q10, c.temperature, c.t_rates)
        c.ddt(n_rel=speed * ((1.0 - c.number_lesion) * regulated + c.number_lesion * lesioned))
