"""Oral naltrexone in the body: gut, plasma naltrexone and 6-beta-naltrexol."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import Input, Observable, Parameter, State


class NaltrexonePharmacokinetics(Component):
    """Naltrexone (NTX) and 6-beta-naltrexol (6BN) in plasma [nM] after oral doses (TRPM3 brief, section 6.3).

    dAg/dt = dosing/M - ka Ag, dC/dt = ka Ag/(V/F) - ke C, dCm/dt = ka Ag/(Vm/F) - kem Cm: one compartment each, 6BN formed in the first pass only.
    Fitted to 13.3 and 108 ng/mL after 50 mg (product information, V): apparent volumes, since 5-40 % is absorbed unchanged. The late phase of
    96 h (Lee 1988, V) is left out, and no pharmacokinetic study of 1-5 mg was found: low doses rest on the linearity seen from 50 to 200 mg
    (Meyer 1984, V). What is unbound is added to what the receptors find in their medium.
    """

    dosing = Input(
        0.0, "mg/min", "naltrexone hydrochloride taken by mouth (a pulse of a minute is an exact dose)", minimum=0.0, maximum=1e6, shared=True
    )

    molar_mass = Parameter(377.9, "g/mol", "naltrexone hydrochloride", evidence="-", symbol="M", minimum=100.0)
    k_absorption = Parameter(
        3.0, "1/h", "absorption from the gut", source="Tmax 1 h (product information); Licko 1981 0.7", evidence="D", symbol="ka", minimum=0.0
    )
    v_naltrexone = Parameter(2850.0, "L", "apparent volume of naltrexone", source="Cmax 13.3 ng/mL after 50 mg", evidence="D", symbol="V/F", minimum=1.0)
    k_naltrexone = Parameter(0.173, "1/h", "elimination of naltrexone (half-life 4 h)", source="Meyer 1984", evidence="V", symbol="ke", minimum=0.0)
    v_naltrexol = Parameter(390.0, "L", "apparent volume of 6-beta-naltrexol", source="Cmax 108 ng/mL after 50 mg", evidence="D", symbol="Vm/F", minimum=1.0)
    k_naltrexol = Parameter(
        0.0533, "1/h", "elimination of 6-beta-naltrexol (half-life 13 h)", source="Swiss product information", evidence="V", symbol="kem", minimum=0.0
    )
    free_fraction = Parameter(0.79, "1", "unbound share in plasma", source="label: 21 % bound", evidence="V", symbol="fu", minimum=0.0, maximum=1.0)
    naltrexol_reach = Parameter(
        1.0, "1", "6-beta-naltrexol that reaches the receptors (0: the reading that naltrexone acts alone)", minimum=0.0, maximum=1.0
    )

    gut = State("nmol", "naltrexone in the gut", scale=1000.0, lower=0.0, symbol="Ag")
    ntx_plasma = State("nM", "naltrexone in plasma", scale=0.1, lower=0.0, symbol="C", shared=True)
    naltrexol_plasma = State("nM", "6-beta-naltrexol in plasma", scale=1.0, lower=0.0, symbol="Cm", shared=True)
    ntx_free = Observable("nM", "naltrexone in plasma, unbound", shared=True)
    naltrexol_free = Observable("nM", "6-beta-naltrexol in plasma, unbound, that reaches receptors", shared=True)

    def equations(self, c: Any) -> None:
        absorbed = c.k_absorption * c.gut
        c.ddt(gut=c.dosing / c.molar_mass - absorbed)
        c.ddt(ntx_plasma=absorbed / c.v_naltrexone - c.k_naltrexone * c.ntx_plasma)
        c.ddt(naltrexol_plasma=absorbed / c.v_naltrexol - c.k_naltrexol * c.naltrexol_plasma)
        c.ntx_free = c.free_fraction * c.ntx_plasma
        c.naltrexol_free = c.free_fraction * c.naltrexol_reach * c.naltrexol_plasma
        c.add(ntx_gain=c.ntx_free, naltrexol_gain=c.naltrexol_free)
