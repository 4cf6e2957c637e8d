"""Named phenotypes: the healthy cell of each lesion, and the lesions.

No experiment can tell the lesions apart yet (TRPM3 brief, section 6.2; integration brief, sections 1 and 6): they differ in how much of the
loss of TRPM3 current is inhibition by G beta-gamma (fast) and how much is channel number (slow). Each lesion has its own healthy cell,
and the calibrated constants of a patient's cell are those of that healthy cell.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from ...errors import ParameterError


@dataclass(frozen=True)
class Phenotype:
    """A named set of parameter values (declared units): ``lesion`` is the family, ``healthy`` the phenotype it is compared with."""

    name: str
    lesion: str
    healthy: str
    changes: dict[str, float]
    description: str
    evidence: str = "A"


def _opioid(eps: float, rho: float, k_g: float, lesioned: float = 0.0, n0: float = 1.0) -> dict[str, float]:
    """Every phenotype sets the same five parameters, so that one replaces another completely."""
    return {
        "MuOpioidReceptor.eps": eps, "ChannelNumber.rho": rho, "ChannelNumber.k_g": k_g,
        "ChannelNumber.number_lesion": lesioned, "ChannelNumber.n0": n0,
    }  # fmt: skip


_DEFAULT_HC, _SLOW_HC = _opioid(0.005, 0.5, 240.0), _opioid(0.001, 0.95, 40.0)
_TABLE = (
    Phenotype("healthy", "slow-dominant", "healthy", _SLOW_HC, "healthy cell of the slow-dominant lesion"),
    Phenotype(
        "me_cfs", "slow-dominant", "healthy", _opioid(0.0135, 0.95, 40.0),
        "raised opioid tone, acting mostly on channel number: current 0.40 of healthy",
    ),
    Phenotype("healthy_default_lesion", "default", "healthy_default_lesion", _DEFAULT_HC, "healthy cell of the default lesion"),
    Phenotype(
        "me_cfs_default_lesion", "default", "healthy_default_lesion", _opioid(0.068, 0.5, 240.0),
        "raised opioid tone, acting mostly on gating: current 0.40 of healthy; reversed by naltrexone only while it is present",
    ),
    Phenotype("healthy_channel_number", "channel-number", "healthy_channel_number", _DEFAULT_HC, "healthy cell of the channel-number lesions"),
    Phenotype(
        "me_cfs_channel_number", "channel-number", "healthy_channel_number", _opioid(0.005, 0.5, 240.0, 1.0, 0.40),
        "0.40 of the channels at the surface",
    ),
    Phenotype(
        "me_cfs_surface_expression", "channel-number", "healthy_channel_number", _opioid(0.005, 0.5, 240.0, 1.0, 0.49),
        "0.49 of the channels at the surface",
    ),
)  # fmt: skip

PHENOTYPES: dict[str, Phenotype] = {p.name: p for p in _TABLE}


def phenotype(name: str) -> Phenotype:
    """Return a phenotype by name."""
    if name not in PHENOTYPES:
        close = difflib.get_close_matches(name, PHENOTYPES, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(PHENOTYPES)}"
        raise ParameterError(f"unknown phenotype {name!r}; {hint}", name=name)
    return PHENOTYPES[name]
