"""The 23-state NK cell without TRPM3: the reference problem of the cell brief."""

from __future__ import annotations

from ..cell import Cell
from ..compartments.bath import Bath
from ..compartments.calcium import Cytosol, EndoplasmicReticulum, Mitochondria
from ..compartments.geometry import Geometry
from ..compartments.ideal_clamp import HeldMembrane, IdealClamp
from ..compartments.ledger import Ledger
from ..compartments.monovalent_ions import MonovalentIons
from ..compartments.potassium_selectivity import PotassiumSelectivity
from ..compartments.thermodynamics import Thermodynamics
from ..composition import Composition
from ..currents.trpm3_stub import TRPM3Stub
from ..fluxes.chelator import FixedChelator
from ..signalling.ip3_metabolism import IP3Metabolism
from .primary_nk import REST, calcium_of_the_cell, currents_of_the_cell


def stub_nk() -> Composition:
    """Composition of the 23-state cell (nk_cell brief, section 5) with a place-holder for TRPM3."""
    return Composition(
        "stub_nk",
        [
            Thermodynamics(), Geometry(), Bath(), IdealClamp(), PotassiumSelectivity(),
            *currents_of_the_cell(), TRPM3Stub(), *calcium_of_the_cell(), FixedChelator("Chelator"), IP3Metabolism(),
            HeldMembrane("Membrane"), MonovalentIons(), Cytosol(), EndoplasmicReticulum(), Mitochondria(), Ledger(),
        ],
        description="23-state NK cell without TRPM3 (place-holder gates only)",
        rest=REST,
    )  # fmt: skip


def stub_nk_cell() -> Cell:
    """The 23-state cell with the constants of its brief, calibrated at rest."""
    return Cell(stub_nk(), name="stub_nk").calibrated()
