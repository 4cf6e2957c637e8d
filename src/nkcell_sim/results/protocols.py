"""What was done to the runs of an experiment, once for each different protocol: events, phases and driven inputs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..units import from_kernel
from .layout import Group, Variable, agreed, index, numbers, text, united
from .origin import event_table

if TYPE_CHECKING:
    from ..experiments.base import Experiment
    from ..model.cell import Cell
    from ..protocol import Protocol

SET = {"evidence": "A", "source": "set by the protocol, unconfirmed"}  # of an input that is driven to other than its declared value


def protocol_group(setups: Sequence[Experiment], cells: Sequence[Cell], times: Sequence[np.ndarray], *, axis: str, samples: int) -> Group:
    """The protocols of all runs, told apart by their content and numbered as they first occur.

    ``setups``, ``cells`` and ``times`` [s] hold one entry a run. ``axis`` is the axis of the driven inputs, ``time`` or ``sample``, of length
    ``samples``; empty leaves them out, as for runs that keep no trace.
    """
    found: dict[Hashable, int] = {}
    asked: dict[Hashable, int] = {}
    different: list[_Done] = []
    numbering = []
    made = {key: setup.protocol() for key, setup in {id(setup): setup for setup in setups}.items()}
    for setup, cell, when in zip(setups, cells, times, strict=True):
        done = _Done(setup, made[id(setup)], cell, when, driven=bool(axis))
        if done.asked not in asked:
            content = done.content()
            if content not in found:
                found[content] = len(different)
                different.append(done)
            asked[done.asked] = found[content]
        numbering.append(asked[done.asked])
    variables = {
        "protocol": index("protocol", len(different), "number of the protocol"),
        "protocol_of_run": numbers(("run",), np.array(numbering, dtype="<i4"), "1", "protocol that the run followed"),
        "duration": numbers(("protocol",), [d.protocol.duration for d in different], "s", "length of the recording"),
    }
    events = [(i, t, what) for i, d in enumerate(different) for t, what in d.protocol.events()]
    phases = [(i, *phase) for i, d in enumerate(different) for phase in d.setup.phases()]
    return Group({**variables, **event_table(events), **_phase_table(phases), **_driven(different, axis, samples)})


class _Done:
    """What was done to one run."""

    def __init__(self, setup: Experiment, protocol: Protocol, cell: Cell, times: np.ndarray, *, driven: bool) -> None:
        self.setup = setup
        self.protocol = protocol
        self.cell = cell
        self.times = times
        self.keys = list(dict.fromkeys(self.protocol.inputs)) if driven else []
        inputs = cell.composition.inputs
        rest = tuple(cell.inputs.get(key, inputs[key].default) for key in self.keys)
        self.asked = (id(setup), id(cell.composition), rest, id(times))

    def content(self) -> Hashable:
        """Everything that the file tells of it."""
        rows = tuple((key, row.tobytes()) for key, row in sorted(self.rows().items()))
        return self.protocol.duration, tuple(self.protocol.events()), tuple(self.setup.phases()), rows

    def rows(self) -> dict[str, np.ndarray]:
        """Every driven input at the sampled times; at an edge the value before it, as in the traces."""
        if not self.keys:
            return {}
        inputs = self.cell.composition.inputs
        compiled = self.protocol.compile(self.cell.composition, dict(zip(inputs, self.cell.input_defaults(), strict=True)))
        columns = [list(inputs).index(key) for key in self.keys]
        times = self.times * 1e3
        segment = compiled.locate(times)
        dt = (times - compiled.edges[segment])[:, None]
        level, slope, amplitude, rate = (a[segment][:, columns] for a in (compiled.level, compiled.slope, compiled.amplitude, compiled.rate))
        values = level + slope * dt + amplitude * np.exp(-rate * dt)
        return {key: np.asarray(from_kernel(values[:, k], inputs[key].unit)) for k, key in enumerate(self.keys)}


def _driven(different: Sequence[_Done], axis: str, samples: int) -> dict[str, Variable]:
    """Every driven input, one row a protocol; NaN where a protocol does not drive it."""
    found = {}
    rows = [d.rows() for d in different]
    for key in united([d.keys for d in different]):
        values = np.full((len(different), samples), np.nan)
        for i, row in enumerate(rows):
            values[i, : len(row.get(key, ()))] = row.get(key, ())
        declared = [d.cell.composition.inputs[key] for d in different if key in d.keys]
        known = values[np.isfinite(values)]
        about = agreed([numbers((), 0.0, d.unit, d.description, role="input", evidence=d.evidence, source=d.source).attributes for d in declared])
        usual = np.allclose(known, float(declared[0].default), rtol=1e-9, atol=0.0)  # the declaration's evidence is that of its value
        found[key] = Variable(("protocol", axis), values, about if usual else {**about, **SET})
    return found


def _phase_table(phases: Sequence[tuple[int, float, float, str]]) -> dict[str, Variable]:
    if not phases:
        return {}
    number, start, end, what = zip(*phases, strict=True)
    return {
        "phase": index("phase", len(phases), "number of the phase"),
        "phase_protocol": numbers(("phase",), np.array(number, dtype="<i4"), "1", "protocol the phase belongs to"),
        "phase_start": numbers(("phase",), start, "s", "start"),
        "phase_end": numbers(("phase",), end, "s", "end"),
        "phase_text": text(("phase",), what, "what is in the bath"),
    }
