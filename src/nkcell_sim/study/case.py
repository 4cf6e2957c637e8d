"""One condition of a study: a cell, its treatment, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import ParameterError
from ..experiments import TREATMENTS
from ..experiments.treatment import Treatment
from ..model.cell import Cell


def name_problem(name: Any) -> str:
    """What is wrong with the name of a case or an experiment; empty when it is good."""
    if not isinstance(name, str) or not name.strip():
        return "expected a text that is not empty"
    return "" if name.isprintable() else "expected a text without control characters"


@dataclass(frozen=True)
class Case:
    """One condition of a study: a cell and its treatment before the experiments, an incubation for example (None: straight from rest).

    In a cohort, cases of one ``group`` come from the same donors; without one, cases of the same phenotype do.
    """

    name: str
    cell: Cell
    treatment: Treatment | None = None
    group: str = ""

    def __post_init__(self) -> None:
        problem = name_problem(self.name)
        if problem:
            raise ParameterError(f"got a case named {self.name!r}; {problem}", name="name")
        if not isinstance(self.cell, Cell):
            raise ParameterError(f"case {self.name!r}: got cell = {self.cell!r}; expected a cell, as in Case(name, cell, treatment)", name="cell")
        if self.treatment is not None and not isinstance(self.treatment, Treatment):
            kinds = " or ".join(kind.__name__ for kind in TREATMENTS.values())
            raise ParameterError(f"case {self.name!r}: got treatment = {self.treatment!r}; expected an {kinds}, or None", name="treatment")
        problem = name_problem(self.group) if self.group else ""
        if problem:
            raise ParameterError(f"case {self.name!r}: got a group {self.group!r}; {problem}", name="group")

    @property
    def donors(self) -> str:
        """The group whose donors the cells come from."""
        return self.group or self.cell.phenotype or self.name
