"""Mu-opioid receptor: agonists, constitutive tone, naltrexone and 6-beta-naltrexol."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..primitives import q10_factor
from ..quantities import Input, Observable, Parameter, State

AGONIST = "opioid agonist in the bath"


class MuOpioidReceptor(Component):
    """Stimulus of the mu-opioid receptor [1] (TRPM3 brief, section 6.2; integration brief, section 2).

    Kinetic antagonist (default): s = R_T ((1 - b - m) sum e A/K + (1 - b - w m) eps)/(1 + sum A/K), db/dt = k_on NTX (1 - b - m) - k_off b.
    Gaddum (kinetic = 0): s = R_T (sum e A/K + eps)/(1 + sum A/K + NTX/Ki + 6BN/Ki). eps is constitutive or ambient tone; naltrexone suppresses it,
    6-beta-naltrexol only with weight w (0: neutral antagonist). R_T rises slowly with occupancy by r_up (0.8 after days, Lesscher 2003, V;
    0 in the reference values). NK receptors are contested and no number per cell is known: R_T is relative. Rates are given at 37 degC.

    The share of eps that is ambient agonist (agonist_share, 0 in the reference values) follows the endogenous opioid level E and is displaced by
    every antagonist; the constitutive rest ignores both (TRPM3 brief, section 6.3). In a body the plasma adds to the ligands of the medium.
    """

    ntx = Input(0.0, "nM", "naltrexone, free, in the bath", symbol="NTX", minimum=0.0, maximum=1e9, shared=True)
    naltrexol = Input(0.0, "nM", "6-beta-naltrexol, free, in the bath", symbol="6BN", minimum=0.0, maximum=1e9, shared=True)
    beta_endorphin = Input(0.0, "nM", "beta-endorphin, " + AGONIST, minimum=0.0, maximum=1e9, shared=True)
    met_enkephalin = Input(0.0, "nM", "Met-enkephalin, " + AGONIST, minimum=0.0, maximum=1e9, shared=True)
    damgo = Input(0.0, "nM", "DAMGO, " + AGONIST, minimum=0.0, maximum=1e9, shared=True)
    morphine = Input(0.0, "nM", "morphine, " + AGONIST, minimum=0.0, maximum=1e9, shared=True)
    endomorphin_1 = Input(0.0, "nM", "endomorphin-1, " + AGONIST, minimum=0.0, maximum=1e9, shared=True)

    endogenous_opioid = Input(
        1.0, "1", "ambient endogenous opioid relative to an untreated body", symbol="E", evidence="-", minimum=0.0, maximum=1e3, shared=True
    )

    eps = Parameter(0.005, "1", "constitutive tone", minimum=0.0)
    agonist_share = Parameter(
        0.0, "1", "share of the tone that is ambient agonist (0: all constitutive)", source="unknown: 0 and 1 are the two readings", minimum=0.0, maximum=1.0
    )
    r0 = Parameter(1.0, "1", "relative receptor density without antagonist", minimum=0.0)
    r_up = Parameter(
        0.0, "1", "up-regulation by full occupancy (0.8 after days)", source="Lesscher 2003: 0.8 (V); 0 in the reference values", evidence="I", minimum=0.0
    )
    tau_up = Parameter(24.0, "h", "up-regulation", source="12-48 h", minimum=0.01)
    kinetic = Parameter(1.0, "1", "1: antagonist binding kinetics; 0: Gaddum equilibrium", evidence="-", minimum=0.0, maximum=1.0)
    k_off = Parameter(0.3, "1/min", "unbinding of naltrexone (0.05-0.5)", minimum=0.0)
    ki_ntx = Parameter(1.0, "nM", "naltrexone Ki; k_on = k_off/Ki", source="Raynor 1994, Toll 1998", evidence="R", minimum=1e-3)
    k_off_naltrexol = Parameter(0.3, "1/min", "unbinding of 6-beta-naltrexol", minimum=0.0)
    ki_naltrexol = Parameter(2.12, "nM", "6-beta-naltrexol Ki", source="1.4-2.1 nM at mu", evidence="V2", minimum=1e-3)
    k_invivo = Parameter(
        1.0,
        "1",
        "Ki in vivo over Ki in vitro (10 for runs with plasma levels, 1 in a dish)",
        source="1 for a dish; 10 is a fit to receptor imaging (D)",
        minimum=0.01,
    )
    naltrexol_tone = Parameter(
        0.0, "1", "share of the tone that 6-beta-naltrexol suppresses (0 neutral)", source="neutral antagonist (V2)", minimum=0.0, maximum=1.0
    )
    k_beta_endorphin = Parameter(0.90, "nM", "beta-endorphin Ki", source="hMOR-CHO table, PMC8840597", evidence="V2", minimum=1e-3)
    k_met_enkephalin = Parameter(5.3, "nM", "Met-enkephalin Ki", source="0.65-5.8", evidence="V2", minimum=1e-3)
    k_damgo = Parameter(2.1, "nM", "DAMGO Ki", source="0.7-2.5", evidence="V2", minimum=1e-3)
    k_morphine = Parameter(1.2, "nM", "morphine Ki", source="rat brain 1991, 10.1016/0024-3205(91)90150-a", evidence="V", minimum=1e-3)
    k_endomorphin_1 = Parameter(0.36, "nM", "endomorphin-1 Ki", source="Nature 1997 386:499", evidence="V", minimum=1e-3)
    e_beta_endorphin = Parameter(1.0, "1", "efficacy of beta-endorphin (DAMGO 1)", minimum=0.0)
    e_met_enkephalin = Parameter(1.0, "1", "efficacy of Met-enkephalin (DAMGO 1)", minimum=0.0)
    e_damgo = Parameter(1.0, "1", "efficacy of DAMGO", evidence="-", minimum=0.0)
    e_morphine = Parameter(0.5, "1", "efficacy of morphine (partial agonist)", minimum=0.0)
    e_endomorphin_1 = Parameter(1.0, "1", "efficacy of endomorphin-1 (DAMGO 1)", minimum=0.0)
    t_binding = Parameter(310.15, "K", "temperature of the binding rates (37 degC)", minimum=273.15, maximum=320.0)
    q10 = Parameter(1.0, "1", "Q10 of binding and density rates (2-3 recalled; 1 in the reference values)", minimum=1.0)

    b = State("1", "receptors with naltrexone", scale=0.1, lower=0.0, upper=1.0)
    m = State("1", "receptors with 6-beta-naltrexol", scale=0.1, lower=0.0, upper=1.0)
    density = State("1", "relative receptor density", scale=0.1, initial=1.0, lower=0.0, symbol="R_T")
    occupancy = Observable("1", "receptors with an antagonist", shared=True)
    competition = Observable("1", "receptors with an antagonist at equilibrium (competition)", shared=True)
    stimulus = Observable("1", "stimulus passed to the G protein", symbol="s", shared=True)

    def equations(self, c: Any) -> None:
        bound, drive = self.agonists(c)
        ntx, naltrexol = c.ntx + c.pool("ntx_gain"), c.naltrexol + c.pool("naltrexol_gain")
        x, y = ntx / (c.k_invivo * c.ki_ntx), naltrexol / (c.k_invivo * c.ki_naltrexol)
        drive = drive + c.eps * c.agonist_share * (c.endogenous_opioid + c.pool("endogenous_opioid_gain"))
        tone = c.eps * (1.0 - c.agonist_share)
        gaddum = (drive / (1.0 + bound + x + y)) + tone / (1.0 + bound + x + c.naltrexol_tone * y)
        kinetic = ((1.0 - c.b - c.m) * drive + (1.0 - c.b - c.naltrexol_tone * c.m) * tone) / (1.0 + bound)
        c.stimulus = c.density * (c.kinetic * kinetic + (1.0 - c.kinetic) * gaddum)
        c.competition = (x + y) / (1.0 + bound + x + y)
        c.occupancy = c.kinetic * (c.b + c.m) + (1.0 - c.kinetic) * c.competition
        speed = q10_factor(c.q10, c.temperature, c.t_binding)
        empty = 1.0 - c.b - c.m
        c.ddt(b=speed * c.k_off * (x * empty - c.b), m=speed * c.k_off_naltrexol * (y * empty - c.m))
        c.ddt(density=speed * (c.r0 * (1.0 + c.r_up * c.occupancy) - c.density) / c.tau_up)

    def agonists(self, c: Any) -> tuple[Any, Any]:
        """Return sum A/K and sum e A/K of the five agonists [1]."""
        pairs = (
            (c.beta_endorphin / c.k_beta_endorphin, c.e_beta_endorphin),
            (c.met_enkephalin / c.k_met_enkephalin, c.e_met_enkephalin),
            (c.damgo / c.k_damgo, c.e_damgo),
            (c.morphine / c.k_morphine, c.e_morphine),
            (c.endomorphin_1 / c.k_endomorphin_1, c.e_endomorphin_1),
        )
        return sum(a for a, _ in pairs), sum(e * a for a, e in pairs)
