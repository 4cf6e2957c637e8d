"""The joined primary NK cell: membrane currents, Ca2+, TRPM3, opioid chain, read-outs and the patch pipette."""

from __future__ import annotations

from ..cell import Cell
from ..compartments.bath import Bath
from ..compartments.calcium import Cytosol, EndoplasmicReticulum, Mitochondria
from ..compartments.electrode import Electrode
from ..compartments.geometry import Geometry
from ..compartments.ledger import Ledger
from ..compartments.membrane import Membrane
from ..compartments.monovalent_ions import MonovalentIons, PipetteIons
from ..compartments.potassium_selectivity import PotassiumSelectivity
from ..compartments.thermodynamics import Thermodynamics
from ..component import Component
from ..composition import Composition
from ..currents.calcium_background import CalciumBackground
from ..currents.chloride_background import ChlorideBackground
from ..currents.crac import CRAC
from ..currents.ionophore import Ionophore
from ..currents.kca31 import KCa31
from ..currents.kv13 import Kv13
from ..currents.nak_atpase import NaKATPase
from ..currents.potassium_background import PotassiumBackground
from ..currents.sodium_background import SodiumBackground
from ..currents.trpm3 import TRPM3
from ..currents.trpm4 import TRPM4
from ..currents.trpm7 import TRPM7
from ..currents.vrac import VRAC
from ..fluxes.calmodulin import Calmodulin
from ..fluxes.chelator import Chelator
from ..fluxes.dye import Dye
from ..fluxes.er_leak import ERLeak
from ..fluxes.ip3r import IP3R
from ..fluxes.mcu import MCU
from ..fluxes.nclx import NCLX
from ..fluxes.nkcc import NKCC
from ..fluxes.pmca import PMCA
from ..fluxes.serca import SERCA
from ..signalling.channel_number import ChannelNumber
from ..signalling.degranulation import Degranulation
from ..signalling.degranulation_bell import DegranulationBell
from ..signalling.g_beta_gamma import GBetaGamma
from ..signalling.ip3_metabolism import IP3Metabolism
from ..signalling.mu_opioid_receptor import MuOpioidReceptor
from ..signalling.nfat import NFAT
from ..signalling.plc import PLC

# The wanted rest in declared units (nk_cell brief, section 3); the constants marked C make it stationary.
REST = {"v": -59.0, "na_cyt": 12.0, "k_cyt": 135.0, "cl_cyt": 25.0, "ca_cyt": 0.08, "ca_er": 450.0, "ca_mit": 0.12, "ip3": 0.01}


def currents_of_the_cell() -> list[Component]:
    """Currents through the plasma membrane other than TRPM3."""
    return [
        Kv13(), KCa31(), CRAC(), TRPM7(), TRPM4(), SodiumBackground(), PotassiumBackground(), CalciumBackground(), ChlorideBackground(), VRAC(),
        NaKATPase(),
    ]  # fmt: skip


def calcium_of_the_cell() -> list[Component]:
    """Carriers, stores, buffers and IP3."""
    return [Ionophore(), NKCC(), PMCA(), SERCA(), IP3R(), ERLeak(), MCU(), NCLX(), Calmodulin(), Dye(), PLC()]


def primary_nk() -> Composition:
    """Composition of the joined cell; in order of evaluation: surroundings, currents, fluxes, then the balances that sum them."""
    return Composition(
        "primary_nk",
        [
            Thermodynamics(), Geometry(), Bath(), PotassiumSelectivity(),
            MuOpioidReceptor(), GBetaGamma(), ChannelNumber(), TRPM3(),
            *currents_of_the_cell(), Electrode(), *calcium_of_the_cell(), Chelator(), IP3Metabolism(),
            Membrane(), MonovalentIons(), PipetteIons(), Cytosol(), EndoplasmicReticulum(), Mitochondria(), Ledger(),
            Degranulation(), DegranulationBell(), NFAT(),
        ],
        description="primary human NK cell with TRPM3, the mu-opioid chain and a patch pipette",
        rest=REST,
    )  # fmt: skip


def primary_nk_cell() -> Cell:
    """Healthy primary NK cell at rest, 23 degC, parameter set "saturating", calibrated."""
    return Cell(primary_nk(), name="primary_nk").with_parameter_set("saturating").with_phenotype("healthy").calibrated()
