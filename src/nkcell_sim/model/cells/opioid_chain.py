"""The opioid chain alone: receptor, G beta-gamma and channel number, for incubations of hours at 37 degC."""

from __future__ import annotations

from ..cell import Cell
from ..compartments.thermodynamics import Thermodynamics
from ..composition import Composition
from ..signalling.channel_number import ChannelNumber
from ..signalling.g_beta_gamma import GBetaGamma
from ..signalling.mu_opioid_receptor import MuOpioidReceptor


def opioid_chain() -> Composition:
    """Composition of the chain from naltrexone to the number of TRPM3 channels; its states are those of the joined cell."""
    return Composition(
        "opioid_chain",
        [Thermodynamics(), MuOpioidReceptor(), GBetaGamma(), ChannelNumber()],
        description="mu-opioid receptor, G beta-gamma and TRPM3 channel number",
        rest={},  # nothing is pinned: every state starts stationary
    )


def opioid_chain_cell() -> Cell:
    """Healthy opioid chain at 37 degC, stationary."""
    return Cell(opioid_chain(), name="opioid_chain").with_phenotype("healthy").at_temperature("37 degC")
