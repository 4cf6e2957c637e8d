"""The bath: ions outside and the drugs added to it."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import Input


class Bath(Component):
    """Concentrations outside the cell [mM]: Ringer with 2 mM Ca2+, driven by the protocol."""

    essential = True

    na_out = Input(145.0, "mM", "Na+ in the bath", symbol="Na_o", source="Ringer", minimum=0.0, maximum=1000.0, shared=True)
    k_out = Input(4.5, "mM", "K+ in the bath", symbol="K_o", source="Cahalan 1985 used 4.5", evidence="V", minimum=0.0, maximum=1000.0, shared=True)
    cl_out = Input(155.0, "mM", "Cl- in the bath", symbol="Cl_o", source="Ringer", minimum=0.0, maximum=1000.0, shared=True)
    cs_out = Input(0.0, "mM", "Cs+ in the bath", symbol="Cs_o", source="none in Ringer", minimum=0.0, maximum=1000.0, shared=True)
    ca_out = Input(2.0, "mM", "Ca2+ in the bath", symbol="Ca_o", source="2 mM as in most T- and NK-cell protocols", minimum=0.0, maximum=150.0, shared=True)
    mg_out = Input(1.0, "mM", "Mg2+ in the bath", symbol="Mg_o", source="0.8-1 mM in Ringer", minimum=0.0, maximum=150.0, shared=True)

    def equations(self, c: Any) -> None:
        """A bath has no equation: the protocol sets it."""
