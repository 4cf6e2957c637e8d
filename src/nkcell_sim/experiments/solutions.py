"""Solutions of the virtual laboratory, by name: baths (inputs of the cell) and pipettes (parameters of the rig).

The caesium pair is the one quoted from memory for the NK patch-clamp papers and not confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Solution:
    """Named solution: ``ions`` [mM] by ion name, with the evidence label and where it comes from."""

    name: str
    ions: dict[str, float]
    label: str
    source: str


RINGER = Solution(
    "ringer",
    {"na": 145.0, "k": 4.5, "cs": 0.0, "cl": 155.0, "ca": 2.0, "mg": 1.0},
    "assumed",
    "lymphocyte Ringer; 4.5 mM K+ as in Cahalan 1985, the rest assumed",
)
CAESIUM_BATH = Solution(
    "caesium",
    # 130 NaCl, 10 CsCl, 1 MgCl2, 1.5 CaCl2: Cl- is 130 + 10 + 2 + 3.
    {"na": 130.0, "k": 0.0, "cs": 10.0, "cl": 145.0, "ca": 1.5, "mg": 1.0},
    "unconfirmed",
    "130 NaCl, 10 CsCl, 1 MgCl2, 1.5 CaCl2, 10 HEPES, pH 7.4: methods of the NK patch-clamp papers, quoted from memory",
)
BATHS = {s.name: s for s in (CAESIUM_BATH, RINGER)}
ION_INPUTS = {"na": "na_out", "k": "k_out", "cs": "cs_out", "cl": "cl_out", "ca": "ca_out", "mg": "mg_out"}


def bath_inputs(name: str) -> dict[str, str]:
    """Inputs of the cell that a named bath sets, as laboratory text."""
    return {ION_INPUTS[ion]: f"{value:.12g} mM" for ion, value in BATHS[name].ions.items()}
