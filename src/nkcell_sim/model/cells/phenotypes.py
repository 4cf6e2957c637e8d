"""Named phenotypes: the healthy cell of each lesion, and the lesions.

No experiment can tell the lesions apart yet (TRPM3 brief, section 6.2; integration brief, sections 1 and 6): they differ in how much of the
loss of TRPM3 current is inhibition by G beta-gamma (fast) and how much is channel number (slow). Each lesion has its own healthy cell,
and the calibrated constants of a patient's cell are those of that healthy cell.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from ...errors import ParameterError
from .entries import Entry


@dataclass(frozen=True)
class Phenotype:
    """A named set of cited parameter values: ``lesion`` is the family, ``healthy`` the phenotype it is compared with."""

    name: str
    lesion: str
    healthy: str
    entries: tuple[Entry, ...]
    description: str

    @property
    def changes(self) -> dict[str, float]:
        """Values by key, in declared units."""
        return {e.key: e.value for e in self.entries}


def _opioid(eps: float, eps_reason: str, *, slow: bool, channels: Entry | None = None) -> tuple[Entry, ...]:
    """Every phenotype sets the same five parameters, so that one replaces another completely."""
    lesioned = 0.0 if channels is None else 1.0
    return (
        Entry("MuOpioidReceptor.eps", eps, "1", "A", eps_reason),
        Entry("ChannelNumber.rho", 0.95 if slow else 0.5, "1", "A", "slow-dominant variant" if slow else "weight of the slow arm in the default lesion"),
        Entry("ChannelNumber.k_g", 40.0 if slow else 240.0, "nM", "A", "slow-dominant variant" if slow else "as the channel's own IC50"),
        Entry("ChannelNumber.number_lesion", lesioned, "1", "-", "switch: 1 when channel number itself is the lesion"),
        channels or Entry("ChannelNumber.n0", 1.0, "1", "-", "all channels at the surface"),
    )


_LOW, _FITTED = "low tone of a healthy cell", "fitted to a current ratio of 0.40, itself assumed (0.2-0.6)"
_SLOW_HC = _opioid(0.001, _LOW, slow=True)
_DEFAULT_HC = _opioid(0.005, _LOW, slow=False)
_NUMBER = Entry("ChannelNumber.n0", 0.40, "1", "A", "ME/CFS : healthy amplitude ratio, plausible 0.2-0.6")
_SURFACE = Entry(
    "ChannelNumber.n0", 0.49, "1", "A",
    "ratio of TRPM3-positive CD56bright cells, 17.37/35.72 % (Nguyen 2016 10.1186/s40659-016-0087-2, V), used as a prior for channel number: not a conductance",
)  # fmt: skip

_TABLE = (
    Phenotype("healthy", "slow-dominant", "healthy", _SLOW_HC, "healthy cell of the slow-dominant lesion"),
    Phenotype(
        "me_cfs", "slow-dominant", "healthy", _opioid(0.0135, _FITTED, slow=True),
        "raised opioid tone, acting mostly on channel number: current 0.40 of healthy",
    ),
    Phenotype("healthy_default_lesion", "default", "healthy_default_lesion", _DEFAULT_HC, "healthy cell of the default lesion"),
    Phenotype(
        "me_cfs_default_lesion", "default", "healthy_default_lesion", _opioid(0.068, _FITTED, slow=False),
        "raised opioid tone, acting mostly on gating: current 0.40 of healthy; reversed by naltrexone only while it is present",
    ),
    Phenotype("healthy_channel_number", "channel-number", "healthy_channel_number", _DEFAULT_HC, "healthy cell of the channel-number lesions"),
    Phenotype(
        "me_cfs_channel_number", "channel-number", "healthy_channel_number", _opioid(0.005, _LOW, slow=False, channels=_NUMBER),
        "0.40 of the channels at the surface",
    ),
    Phenotype(
        "me_cfs_surface_expression", "channel-number", "healthy_channel_number", _opioid(0.005, _LOW, slow=False, channels=_SURFACE),
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
