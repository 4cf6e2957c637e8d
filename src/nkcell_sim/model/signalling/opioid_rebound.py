"""The body's own opioids after a blockade: their level, and the delayed signal that raises it."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import Parameter, State

MEASURED, CLAIMED = 1.29, 4.28  # S_max of a peak of x1.6 and of x3.0 after one dose of 4.5 mg at k_invivo 10


class OpioidRebound(Component):
    """Relative endogenous opioid E [1]: dE/dt = k_out (1 + S_max signal - E), 1 in an untreated body (TRPM3 brief, section 6.3).

    S_max 1.29 peaks at x1.6 after 4.5 mg, the rise of morning beta-endorphin under chronic naltrexone (Life Sci 1986, 10.1016/0024-3205(86)90437-6, V);
    4.28 peaks at x3.0, the "up to 300 %" claimed for low doses (Bihari 2013, second-hand: a claim, not a measurement); 0 is no rebound.
    E raises only the share of the tone that is ambient agonist (``MuOpioidReceptor.agonist_share``).
    """

    s_max = Parameter(MEASURED, "1", "rise at lasting full blockade (0 off, 4.28 claimed)", source="peak x1.6", evidence="D", symbol="S_max", minimum=0.0)
    k_out = Parameter(0.5, "1/h", "turnover of the endogenous opioid (0.2-1)", minimum=0.0)

    opioid = State("1", "endogenous opioid relative to an untreated body", scale=0.1, initial=1.0, lower=0.0, symbol="E", shared=True)

    def equations(self, c: Any) -> None:
        c.ddt(opioid=c.k_out * (1.0 + c.s_max * c.signal - c.opioid))
        c.add(endogenous_opioid_gain=c.opioid - 1.0)
