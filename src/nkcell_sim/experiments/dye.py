"""Loading a cell with a Ca2+ indicator that is in equilibrium with the resting Ca2+."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import names

if TYPE_CHECKING:
    from ..model.cell import Cell


def load_dye(cell: Cell, *, total: float, k_on: float, k_off: float, optics: dict[str, float] | None = None) -> Cell:
    """The cell with ``total`` uM of indicator (k_on [1/uM/s], k_off [1/s]), bound as its present Ca2+ asks.

    The dye does not disturb the rest: it is added together with the Ca2+ it binds, as after ester loading and an hour of rest.
    ``optics`` sets the read-out parameters of the dye (f_r, r_min, r_max, beta).
    """
    ca = cell.state_value("ca_cyt")
    settings = {"total": total, "k_on": k_on, "k_off": k_off, "ca_rest": ca, **(optics or {})}
    loaded = cell.set({f"{names.DYE}.{name}": value for name, value in settings.items()})
    return loaded.with_state({names.DYE_SHARE: k_on * ca / (k_on * ca + k_off)})
