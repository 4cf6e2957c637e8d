"""Temperature and the physical constants that every equation shares."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import Observable, Parameter


class Thermodynamics(Component):
    """Thermal voltage R T/F [mV], and one temperature for the whole run.

    Channel data are 20-24 degC recordings (Cahalan 1985, V). Rates are scaled by Q10^((T - T_ref)/10 K).
    The constants are the exact SI values (CODATA 2018).
    """

    essential = True

    temperature = Parameter(
        296.15,
        "K",
        "temperature of the experiment",
        symbol="T",
        source="Cahalan 1985: 20-24 degC recordings",
        evidence="V",
        minimum=273.15,
        maximum=320.0,
        shared=True,
    )
    t_ref = Parameter(296.15, "K", "temperature at which rates are given (23 degC)", symbol="T_ref", evidence="A", minimum=273.15, maximum=320.0, shared=True)
    faraday = Parameter(96485.33212, "C/mol", "Faraday constant", symbol="F", source="CODATA 2018", evidence="-", minimum=0.0, shared=True)
    gas_constant = Parameter(8.314462618, "J/mol/K", "molar gas constant", symbol="R", source="CODATA 2018", evidence="-", minimum=0.0, shared=True)

    v_t = Observable("mV", "thermal voltage R T/F", symbol="V_T", shared=True)

    def equations(self, c: Any) -> None:
        c.v_t = c.gas_constant * c.temperature / c.faraday
