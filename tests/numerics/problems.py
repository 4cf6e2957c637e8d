"""Reference problems of the numerics tests, as cells of the project's own route, with their published end values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import COMPOSITIONS


def problem(name: str) -> Cell:
    """The test problem of that name at its declared start."""
    return Cell(COMPOSITIONS[name]())


@dataclass(frozen=True)
class Stiff:
    """A stiff problem: cell, end time [s], reference and the gates (end error / rtol) at rtol 1e-4, 1e-6, 1e-8, 1e-10."""

    cell: str
    end: float
    reference: tuple[float, ...]
    gates: tuple[float, float, float, float]


# References: Hairer & Wanner II and the IVP test set, to the digits of the project's verification plan.
STIFF = {
    "ROBER 40": Stiff("robertson", 40.0, (0.715827068719404, 9.18553476455777e-6, 0.28416374574583), (10, 30, 50, 100)),
    "ROBER 1e5": Stiff("robertson", 1e5, (0.0178659211421009, 7.274751468437e-8, 0.982134006110377), (10, 30, 50, 100)),
    "ROBER 1e11": Stiff("robertson_late", 1e11, (0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050), (10, 30, 50, 100)),
    "HIRES": Stiff(
        "hires",
        321.8122,
        (
            0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4, 0.1175651343283149e-2,
            0.2386356198831331e-2, 0.6238968252742796e-2, 0.2849998395185769e-2, 0.2850001604814231e-2,
        ),
        (50, 100, 100, 150),
    ),
    "OREGO": Stiff("oregonator", 360.0, (0.1000814870318523e1, 0.1228178521549917e4, 0.1320554942846706e3), (300, 300, 500, 1500)),
    "VDPOL": Stiff("van_der_pol", 2.0, (0.1706167732170483e1, -0.8928097010247975), (50, 80, 150, 400)),
}  # fmt: skip
TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10)


def relative_error(got: np.ndarray, reference: tuple[float, ...]) -> float:
    """Largest relative error of the end state."""
    exact = np.array(reference)
    return float(np.max(np.abs(got - exact) / np.abs(exact)))
