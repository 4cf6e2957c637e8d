"""What every instrument is: the imperfections that stand between a cell and the numbers that a laboratory writes down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from .fields import LabRecord

if TYPE_CHECKING:
    from ..model.cell import Cell
    from ..trace import Trace
    from .base import Experiment

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, repr=False)
class Instrument(LabRecord):
    """Base of the instruments; subclasses declare their artefacts with :func:`~.fields.lab`, each with a value that switches it off.

    Some artefacts act on the cell while it lives through the recording (:meth:`prepare_all`, :attr:`command_shift`); the others act on what is read
    (:meth:`observe`). The ideal recording is the same experiment on the same cells without the instrument.
    """

    kind: ClassVar[str] = ""
    title: ClassVar[str] = ""

    @property
    def command_shift(self) -> float:
        """What the membrane gets on top of every command voltage [mV]."""
        return 0.0

    @property
    def removes_leak(self) -> bool:
        """Whether what is observed had a leak taken off."""
        return False

    def check_with(self, experiment: Experiment) -> None:
        """Refuse settings that do not fit an experiment; raises :class:`~nkcell_sim.errors.ParameterError` naming the field."""

    def frames(self, duration: float) -> int:
        """Number of frames of a recording of ``duration`` s, whose times are added to the experiment's own."""
        return 0

    def frame_times(self, duration: float) -> Array:
        """Times of these frames [s], (n_frames,)."""
        return np.zeros(0)

    def prepare_all(self, cells: Sequence[Cell]) -> list[Cell]:
        """Cells with what acts on them while they are recorded; a cell on which nothing acts is returned as it is."""
        return list(cells)

    def observe(self, experiment: Experiment, trace: Trace, streams: Sequence[np.random.Generator]) -> dict[str, Array]:
        """Observed quantities by name, each (n_cells, n_times) on the trace's own times.

        ``streams`` holds one generator for each run; the noise of a run comes from its own only, so that it is the same in every batch.
        """
        raise NotImplementedError

    def notes(self) -> tuple[str, ...]:
        """Remarks that go with every table and figure."""
        found = []
        for label, said in (("unconfirmed", "quoted from memory, unconfirmed"), ("assumed", "assumed")):
            values = ", ".join(f"{k} = {v}" for k, v in self.labelled(label).items())
            found += [f"{self.title}: values {said}: {values}"] if values else []
        return tuple(found)

    def streams_for(self, trace: Trace, streams: Sequence[np.random.Generator]) -> Sequence[np.random.Generator]:
        """The generators, one for each run; :class:`~nkcell_sim.errors.ParameterError` otherwise."""
        if len(streams) != len(trace.outcomes):
            raise ParameterError(f"got {len(streams)} random streams for {len(trace.outcomes)} runs; expected one for each run", name="streams")
        return streams

    def __repr__(self) -> str:
        from .base import table

        return table(self)
