"""What happens to a condition's cells before they are recorded: an incubation, or a drug that the donor takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from .fields import LabRecord

if TYPE_CHECKING:
    from ..model.cell import Cell


class Treatment(LabRecord):
    """Base of records of laboratory fields that turn cells into treated cells; ``name`` is the word under which [[vary]] reaches the fields."""

    name: ClassVar[str] = ""
    said: ClassVar[str] = "treated"  # how a table begins to tell of it

    def apply_all(self, cells: Sequence[Cell]) -> list[Cell]:
        """Every cell after the treatment, order kept."""
        raise NotImplementedError

    def apply(self, cell: Cell) -> Cell:
        """One cell after the treatment."""
        return self.apply_all([cell])[0]

    def notes(self) -> tuple[str, ...]:
        """Remarks that go with every table and figure of treated cells."""
        return ()


def name_of(treatment: Any) -> str:
    """Name under which a treatment's fields are varied; empty for what is no treatment."""
    return treatment.name if isinstance(treatment, Treatment) else ""
