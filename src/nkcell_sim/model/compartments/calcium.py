"""Free Ca2+ of cytosol, endoplasmic reticulum and mitochondria with their fast buffers."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import Observable, Parameter, State


class Cytosol(Component):
    """Free Ca2+ in the cytosol [uM]: dCa/dt = (-I_Ca/(2 F) + sum of fluxes)/V_c/(1 + B K/(K + Ca)^2).

    Fixed buffers are in rapid equilibrium; calmodulin, indicator and chelator are explicit because their kinetics and totals change.
    """

    essential = True

    ca_cyt = State("uM", "free Ca2+ in the cytosol", scale=0.1, initial=0.08, lower=0.0, upper=1e4, symbol="Ca_c", shared=True)
    buffer_total = Parameter(
        150.0, "uM", "fixed buffer sites, instantaneous (capacity 129 at rest)", symbol="B_f", source="Schmeitz 2013: 100 at Kd 0.1 gives 308 (S)", minimum=0.0
    )
    buffer_kd = Parameter(1.0, "uM", "dissociation constant of the fixed buffer", symbol="K_f", minimum=1e-6)
    bound = Observable("uM", "Ca2+ on the fixed buffer")

    def equations(self, c: Any) -> None:
        c.bound = c.buffer_total * c.ca_cyt / (c.buffer_kd + c.ca_cyt)
        c.add(ca_cyt_bound=c.bound)
        capacity = 1.0 + c.buffer_total * c.buffer_kd / (c.buffer_kd + c.ca_cyt) ** 2
        c.ddt(ca_cyt=(-0.5 * c.pool("i_ca") / c.faraday + c.pool("ca_cyt_gain")) / c.vol_cyt / capacity)


class EndoplasmicReticulum(Component):
    """Free Ca2+ in the endoplasmic reticulum [uM] with a fast luminal buffer (calreticulin)."""

    essential = True

    ca_er = State("uM", "free Ca2+ in the endoplasmic reticulum", scale=100.0, initial=450.0, lower=0.0, upper=1e5, symbol="Ca_ER", shared=True)
    buffer_total = Parameter(
        3000.0,
        "uM",
        "luminal buffer sites (calreticulin 0.13 mM x 23)",
        symbol="B_er",
        source="Schmeitz 2013: 3e4 with f_er 0.01 (S)",
        evidence="R",
        minimum=0.0,
    )
    buffer_kd = Parameter(500.0, "uM", "dissociation constant of the luminal buffer", symbol="K_er", source="Schmeitz 2013: 100 (S)", minimum=1e-6)
    bound = Observable("uM", "Ca2+ on the luminal buffer")

    def equations(self, c: Any) -> None:
        c.bound = c.buffer_total * c.ca_er / (c.buffer_kd + c.ca_er)
        c.add(ca_er_bound=c.bound)
        capacity = 1.0 + c.buffer_total * c.buffer_kd / (c.buffer_kd + c.ca_er) ** 2
        c.ddt(ca_er=c.pool("ca_er_gain") / c.vol_er / capacity)


class Mitochondria(Component):
    """Free Ca2+ in the mitochondrial matrix [uM] with a fast matrix buffer."""

    essential = True

    ca_mit = State("uM", "free Ca2+ in the mitochondria", scale=0.1, initial=0.12, lower=0.0, upper=1e5, symbol="Ca_m", shared=True)
    buffer_total = Parameter(3000.0, "uM", "matrix buffer sites", symbol="B_m", minimum=0.0)
    buffer_kd = Parameter(10.0, "uM", "dissociation constant of the matrix buffer", symbol="K_m", minimum=1e-6)
    bound = Observable("uM", "Ca2+ on the matrix buffer")

    def equations(self, c: Any) -> None:
        c.bound = c.buffer_total * c.ca_mit / (c.buffer_kd + c.ca_mit)
        c.add(ca_mit_bound=c.bound)
        capacity = 1.0 + c.buffer_total * c.buffer_kd / (c.buffer_kd + c.ca_mit) ** 2
        c.ddt(ca_mit=c.pool("ca_mit_gain") / c.vol_mit / capacity)
