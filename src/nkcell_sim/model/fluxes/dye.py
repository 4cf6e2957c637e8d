"""Fluorescent Ca2+ indicator: it buffers, and it is what a microscope sees."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import q10_factor
from ..quantities import Flow, Observable, Parameter, State


class Dye(Component):
    """Ca2+ binding to an indicator [uM/s], d(bound share)/dt = k_on Ca (1 - B) - k_off B, and its read-outs from the bound share.

    Single wavelength F/F_free = 1 + (f_r - 1) B; F/F0 refers to the bound share in equilibrium with ca_rest. Ratio dye (Grynkiewicz 1985):
    R = R_min + (R_max - R_min) B/(B + (1 - B) beta). Defaults are fura-2, Kd 0.224 uM; 70 and 30 in myoplasm (Baylor/Pape table, V).
    """

    total = Parameter(0.0, "uM", "indicator in the cytosol (10-50 uM after ester loading)", symbol="dye_t", minimum=0.0)
    k_on = Parameter(375.0, "1/(uM*s)", "binding", symbol="dye_on", source="fura-2 in buffer", evidence="R", minimum=0.0)
    k_off = Parameter(84.0, "1/s", "unbinding (Kd 0.224 uM)", symbol="dye_off", source="Grynkiewicz 1985", evidence="R", minimum=0.0)
    f_r = Parameter(100.0, "1", "fluorescence bound over free", source="fluo-4 about 100", evidence="R", minimum=1.0)
    ca_rest = Parameter(0.08, "uM", "Ca2+ of the reference fluorescence F0", minimum=0.0)
    r_min = Parameter(0.3, "1", "ratio without Ca2+ (set by the optics)", minimum=0.0)
    r_max = Parameter(6.0, "1", "ratio with all dye bound (set by the optics)", minimum=0.0)
    beta = Parameter(5.0, "1", "free over bound fluorescence at the second wavelength (set by the optics)", minimum=0.0)
    q10 = Parameter(2.0, "1", "Q10 of both rates", minimum=1.0)

    fraction = State("1", "bound share of the indicator", scale=0.1, initial=0.26, lower=0.0, upper=1.0, symbol="B")
    j = Flow("uM/s", "Ca2+ binding", symbol="R_dye")
    bound = Observable("uM", "Ca2+ on the indicator", symbol="CaDye")
    f = Observable("1", "fluorescence over that of the Ca2+-free dye", symbol="F")
    f_f0 = Observable("1", "fluorescence over that at the reference resting Ca2+", symbol="F/F0")
    ratio = Observable("1", "fluorescence ratio of a ratio dye", symbol="R")

    def equations(self, c: Any) -> None:
        rate = q10_factor(c.q10, c.temperature, c.t_ref) * (c.k_on * c.ca_cyt * (1.0 - c.fraction) - c.k_off * c.fraction)
        c.j = c.total * rate
        c.bound = c.total * c.fraction
        c.add(ca_cyt_gain=-c.vol_cyt * c.j, ca_cyt_bound=c.bound)
        c.ddt(fraction=rate)
        at_rest = c.k_on * c.ca_rest / (c.k_on * c.ca_rest + c.k_off)
        c.f = 1.0 + (c.f_r - 1.0) * c.fraction
        c.f_f0 = c.f / (1.0 + (c.f_r - 1.0) * at_rest)
        c.ratio = c.r_min + (c.r_max - c.r_min) * c.fraction / (c.fraction + (1.0 - c.fraction) * c.beta)
