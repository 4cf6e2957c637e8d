"""Size of the cell and of its compartments."""

from __future__ import annotations

from typing import Any

from ..component import Component
from ..quantities import Observable, Parameter


class Geometry(Component):
    """Membrane capacitance [pF] and compartment volumes [fL]; constant volume.

    A resting lymphocyte of 210 fL (diameter 7.4 um) and 260 um^2 of membrane with its folds. Cytosol and nucleoplasm are one compartment
    (nuclear pores equilibrate Ca2+ within a second, A).
    """

    essential = True

    cm = Parameter(
        2.6,
        "pF",
        "membrane capacitance",
        symbol="C_m",
        source="260 um^2, Schmid-Schoenbein 1980 (V), at 1 uF/cm^2 (R, Hille)",
        evidence="R",
        minimum=0.01,
        shared=True,
    )
    cell_volume = Parameter(210.0, "fL", "volume of the cell", symbol="V_cell", source="Segel 1981 (lymphocyte)", evidence="V", minimum=1.0)
    er_fraction = Parameter(
        0.05,
        "1",
        "endoplasmic reticulum, share of the cell",
        symbol="f_er",
        source="Schmeitz 2013 uses 0.01 (S), secretory cells 0.1",
        minimum=0.001,
        maximum=0.3,
    )
    mit_fraction = Parameter(
        0.03, "1", "mitochondria, share of the cell", symbol="f_mit", source="electron microscopy range 0.02-0.05", minimum=0.001, maximum=0.3
    )
    granule_fraction = Parameter(0.04, "1", "granules and other inaccessible volume, share of the cell", symbol="f_gran", minimum=0.0, maximum=0.3)

    vol_cyt = Observable("fL", "volume of cytosol and nucleoplasm", symbol="V_c", shared=True)
    vol_er = Observable("fL", "volume of the endoplasmic reticulum", symbol="V_ER", shared=True)
    vol_mit = Observable("fL", "volume of the mitochondria", symbol="V_m", shared=True)

    def equations(self, c: Any) -> None:
        c.vol_cyt = c.cell_volume * (1.0 - c.er_fraction - c.mit_fraction - c.granule_fraction)
        c.vol_er = c.cell_volume * c.er_fraction
        c.vol_mit = c.cell_volume * c.mit_fraction
