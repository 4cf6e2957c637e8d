"""The opioid chain in a body: oral naltrexone, its plasma levels, the body's own opioids, and the chain of the dish."""

from __future__ import annotations

from ..cell import Cell
from ..compartments.thermodynamics import Thermodynamics
from ..composition import Composition
from ..signalling.blockade_signal import BlockadeSignal
from ..signalling.channel_number import ChannelNumber
from ..signalling.g_beta_gamma import GBetaGamma
from ..signalling.mu_opioid_receptor import MuOpioidReceptor
from ..signalling.naltrexone_pharmacokinetics import NaltrexonePharmacokinetics
from ..signalling.opioid_rebound import OpioidRebound
from ..signalling.relative_current import RelativeCurrent


def opioid_chain_in_vivo() -> Composition:
    """Composition of the body and the chain; receptor, G beta-gamma and channel number are the components of the dish."""
    return Composition(
        "opioid_chain_in_vivo",
        [
            Thermodynamics(), NaltrexonePharmacokinetics(), OpioidRebound(), MuOpioidReceptor(), BlockadeSignal(), GBetaGamma(), ChannelNumber(),
            RelativeCurrent("TRPM3"),
        ],
        description="oral naltrexone, plasma levels, endogenous opioids, mu-opioid receptor, G beta-gamma and TRPM3 channel number",
        rest={},  # nothing is pinned: every state starts stationary
    )  # fmt: skip


def opioid_chain_in_vivo_cell() -> Cell:
    """Healthy opioid chain in an untreated body at 37 degC, with the in-vivo affinity factor of 10 (D: a fit to receptor imaging)."""
    cell = Cell(opioid_chain_in_vivo(), name="opioid_chain_in_vivo").with_phenotype("healthy")
    return cell.set({"MuOpioidReceptor.k_invivo": 10.0}).at_temperature("37 degC")
