"""Cells from somebody who takes oral naltrexone: days in a body, then blood is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from . import names
from .dosing import OralNaltrexone
from .settling import body_of, run_to_end, settle, with_chain_state
from .treatment import Treatment

if TYPE_CHECKING:
    from ..model.cell import Cell


@dataclass(frozen=True, kw_only=True, repr=False)
class LowDoseNaltrexone(OralNaltrexone, Treatment):
    """Oral naltrexone over days; ``apply`` returns the cell as it is drawn from the blood ``hours_after`` the last scheduled dose.

    The slow opioid chain of the cell lives through the course in a body at 37 degC, with the plasma levels of naltrexone and 6-beta-naltrexol and the
    body's own opioids acting on it. The cell then takes over the chain's state and finds its rest again at its own temperature. Its medium holds what
    was free in plasma, so that an experiment with ``ntx_in_bath = "kept"`` records in it and one with ``"washed"`` takes it off first.
    """

    kind: ClassVar[str] = "low_dose_naltrexone"
    name: ClassVar[str] = "ldn"
    said: ClassVar[str] = "naltrexone by mouth"
    title: ClassVar[str] = "Low-dose naltrexone"

    @property
    def duration(self) -> float:
        """Length of the treatment [h]."""
        return self.course

    def apply_all(self, cells: Sequence[Cell]) -> list[Cell]:
        """Every cell as it is drawn from the blood, order kept; all bodies run in one batch."""
        rested = [cell.set(self.receptors()) for cell in settle(cells)]
        bodies = run_to_end([body_of(cell, self.body()) for cell in rested], self.swallowing(), f"{self.title} in the body")
        return with_chain_state([self._drawn(cell, body) for cell, body in zip(rested, bodies, strict=True)], bodies)

    def _drawn(self, cell: Cell, body: Cell) -> Cell:
        """A cell with what was free in plasma added to its medium, and the ambient opioid of the body."""
        free = {"ntx": self.free_fraction, "naltrexol": self.free_fraction * self.naltrexol_reach}
        plasma = {"ntx": names.NTX_PLASMA, "naltrexol": names.NALTREXOL_PLASMA}
        levels = {name: cell.inputs.get(name, 0.0) + free[name] * max(body.state_value(plasma[name]), 0.0) for name in names.ANTAGONISTS}
        ambient = cell.inputs.get(names.ENDOGENOUS, 1.0) + body.state_value(names.OPIOID) - 1.0
        drawn = cell.set_inputs({**levels, names.ENDOGENOUS: max(ambient, 0.0)})
        return drawn.noted(f"naltrexone by mouth, {self.schedule_text()}, drawn {self.hours_after:g} h after the last dose")

    def notes(self) -> tuple[str, ...]:
        """Remarks that go with every result of treated cells."""
        return self.course_notes()
