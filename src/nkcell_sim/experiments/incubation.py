"""Incubation of cells with naltrexone and other opioid ligands, and what is left after washing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..protocol import Protocol
from . import names
from .base import Array, Experiment, Feature
from .fields import lab
from .settling import chain_of, run_to_end, settle, with_chain_state
from .treatment import Treatment
from .washing import wash_off

if TYPE_CHECKING:
    from ..model.cell import Cell
    from ..trace import Trace

# Above this temperature the full cell stands on recalled and assumed Q10 values that no published number checks: only the slow chain is run.
FULL_CELL_LIMIT = 30.0  # degC


@dataclass(frozen=True, kw_only=True, repr=False)
class Incubation(Experiment, Treatment):
    """Hours in medium with naltrexone (NTX), 6-beta-naltrexol or an opioid agonist; ``apply`` returns the cell afterwards.

    The cell starts at its own steady state without the ligands. At 23 degC the whole cell lives through the incubation; at
    37 degC, where the full cell's rates would rest on recalled or assumed Q10 values, only the slow opioid chain (receptor occupancy, Gbg,
    channel number, receptor up-regulation) is run and the rest of the cell then finds its rest again at its own temperature.
    """

    kind: ClassVar[str] = "incubation"
    name: ClassVar[str] = "incubation"
    said: ClassVar[str] = "incubated"
    title: ClassVar[str] = "Incubation"

    duration: float = lab("24 h", "h", "time with the ligands", label="abstract", minimum=0.0)
    ntx: float = lab("0 uM", "uM", "naltrexone in the medium (200 uM in the published in-vitro arm)", label="", minimum=0.0)
    naltrexol: float = lab("0 nM", "nM", "6-beta-naltrexol in the medium", label="", minimum=0.0)
    agonist: str = lab("none", "", "opioid agonist in the medium", kind="choice", choices=("none", *names.AGONISTS))
    agonist_concentration: float = lab("0 nM", "nM", "concentration of the agonist", minimum=0.0)
    free_fraction: float = lab(1.0, "1", "unbound fraction of NTX and 6-beta-naltrexol (plasma: 0.79)", kind="number", minimum=0.0, maximum=1.0)
    k_invivo: float = lab(
        1.0, "1", "loss of antagonist affinity in vivo, a factor on both Ki (dish: 1, in vivo: 10)", kind="number", minimum=1e-3
    )
    il2: float = lab("0 IU/mL", "IU/mL", "interleukin-2; recorded as a label, no equation acts on it", minimum=0.0)
    temperature: float = lab("23 degC", "degC", "temperature; at 37 degC only the slow opioid chain runs", label="assumed", minimum=0.0, maximum=45.0)
    wash_out: float = lab("0 min", "min", "drug-free medium at the end of the incubation", label="assumed", minimum=0.0)

    @property
    def chain_only(self) -> bool:
        """Whether only the slow opioid chain is run (warm incubation)."""
        return self.temperature > FULL_CELL_LIMIT

    @property
    def ligands(self) -> dict[str, float]:
        """Free concentrations [nM] by input name."""
        found = {"ntx": self.ntx * 1e3 * self.free_fraction, "naltrexol": self.naltrexol * self.free_fraction}
        if self.agonist != "none":
            found[self.agonist] = self.agonist_concentration
        return found

    def notes(self) -> tuple[str, ...]:
        said = list(super().notes())
        if self.il2:
            said.append(f"IL-2 {self.il2:g} IU/mL is recorded as a label: the model has no equation for it")
        if not self.chain_only:
            said.append(f"incubation at {self.temperature:g} degC, not the warm medium of an incubator")
        else:
            said.append(f"incubation at {self.temperature:g} degC ran the slow opioid chain only: the full cell's Q10 values are recalled or assumed")
        if self.k_invivo != 1.0 or self.free_fraction != 1.0:
            said.append(f"antagonists: free fraction {self.free_fraction:g}, Ki multiplied by k_invivo {self.k_invivo:g}")
        return tuple(said)

    def apply_all(self, cells: Sequence[Cell]) -> list[Cell]:
        """Every cell after the incubation, order kept, with the ligands still in its medium unless they were washed out."""
        exposed = self._exposed(settle(cells))
        if self.duration > 0.0:
            exposed = self._chain(exposed) if self.chain_only else run_to_end(exposed, self.protocol(), self.title)
        return wash_off(exposed, self.wash_out * 60.0) if self.wash_out else exposed

    def _exposed(self, cells: Sequence[Cell]) -> list[Cell]:
        medium = {name: f"{value:.12g} nM" for name, value in self.ligands.items()}
        scaled = cells if self.k_invivo == 1.0 else [cell.set({names.K_INVIVO: self.k_invivo}) for cell in cells]
        return [cell.set_inputs(medium) for cell in scaled]

    def _chain(self, cells: Sequence[Cell]) -> list[Cell]:
        ended = run_to_end([chain_of(cell, self.temperature) for cell in cells], self.protocol(), "Incubation of the opioid chain")
        return with_chain_state(cells, ended)

    def prepare_all(self, cells: Sequence[Cell]) -> list[Cell]:
        exposed = self._exposed(settle(cells))
        return [chain_of(cell, self.temperature) for cell in exposed] if self.chain_only else exposed

    def protocol(self) -> Protocol:
        return Protocol(self.duration * 3600.0, name=self.title)

    @property
    def record(self) -> tuple[str, ...]:
        return names.CHAIN_RECORD

    def times(self) -> Array:
        return np.linspace(0.0, self.duration * 3600.0, 289)

    def features(self, trace: Trace) -> dict[str, Feature]:
        ends = {
            f"{key.rpartition('.')[2]}_end": Feature(trace[key][:, -1], trace.units[key], f"{key} at the end of the incubation") for key in names.CHAIN_RECORD
        }
        occupied = trace["MuOpioidReceptor.b"][:, -1] + trace["MuOpioidReceptor.m"][:, -1]
        return {**ends, "occupancy_end": Feature(occupied, "1", "receptors with an antagonist at the end of the incubation")}
