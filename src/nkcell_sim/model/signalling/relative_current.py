"""What the opioid chain leaves of the TRPM3 current, without the channel itself."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..currents.trpm3 import TRPM3
from ..primitives import hill
from ..quantities import Observable


class RelativeCurrent(Component):
    """TRPM3 current relative to a cell without G beta-gamma and with all channels: f_G n0 N_rel [1], f_G = 1 - Imax H(G, IC50, n).

    For chains without a membrane. The three parameters are those of :class:`TRPM3`: give the component that name and a cell's values carry over.
    """

    essential = True

    imax_g = TRPM3.declarations["imax_g"]
    ic50_g = TRPM3.declarations["ic50_g"]
    n_g = TRPM3.declarations["n_g"]

    f_g = Observable("1", "factor left by G beta-gamma", symbol="f_G")
    relative_current = Observable("1", "TRPM3 current over that without G beta-gamma and with all channels", symbol="f_G n0 N_rel", shared=True)

    def equations(self, c: Any) -> None:
        c.f_g = 1.0 - c.imax_g * hill(c.g_bg, c.ic50_g, c.n_g)
        c.relative_current = c.f_g * c.channel_number
