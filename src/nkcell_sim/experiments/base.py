"""What every experiment is: a protocol done to prepared cells, and features read from the trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError
from ..randomness import stream
from ..units import to_kernel
from .fields import LabRecord
from .instrument import Instrument

if TYPE_CHECKING:
    from ..features import Reading
    from ..model.cell import Cell
    from ..protocol import Protocol
    from ..trace import Trace

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Bounds of a cell that survives the stimulus (integration brief, section 3): above them pumps no longer keep up.
NA_LIMIT = 40.0  # mM
V_LIMIT = -45.0  # mV: acceptable cells never rise above -50 mV; runaway rows reach -42 mV and more
CA_LIMIT = 1.5  # uM: amplitude that marks the runaway tail
RECOVERY_BAND = 1.10  # Ca2+ after wash over Ca2+ before the stimulus
LONGEST = 366 * 86400.0  # s: no stretch of an experiment is longer than a year
MOST_SAMPLES = 10_000_000  # output times of one recording


@dataclass(frozen=True)
class Feature:
    """One number per cell, with unit and definition; NaN where the run failed or the feature does not exist."""

    values: Array
    unit: str
    description: str

    def __repr__(self) -> str:
        shown = ", ".join(f"{v:.5g}" for v in self.values[:6]) + (", ..." if len(self.values) > 6 else "")
        return f"Feature([{shown}] {self.unit}: {self.description})"


@dataclass(frozen=True, kw_only=True)
class Experiment(LabRecord):
    """Base of the virtual experiments; subclasses declare their settings with :func:`~.fields.lab`.

    With an ``instrument`` the recording is also given as that instrument shows it; without one it is ideal.
    """

    kind: ClassVar[str] = ""
    title: ClassVar[str] = ""
    remarks: ClassVar[tuple[str, ...]] = ()
    instruments: ClassVar[tuple[str, ...]] = ()  # kinds of instrument that can record it

    instrument: Instrument | None = None

    def check(self) -> None:
        for name, declared in self.lab_fields().items():
            unit = declared.metadata["unit"]
            value = getattr(self, name)
            longest = max(value, default=0.0) if isinstance(value, tuple) else value
            if unit in ("s", "min", "h") and longest * to_kernel(1.0, unit) > LONGEST * 1e3:
                raise self.refused(name, "expected at most a year")
        self._check_instrument(self.instrument)
        self.check_together()
        asked, name = self.samples()
        if asked > MOST_SAMPLES:
            raise self.refused(name, f"expected at most {MOST_SAMPLES:,} output times, this asks for {asked:.3g}; sample less often or shorten the recording")
        if self.instrument is not None:
            self.instrument.check_with(self)

    def _check_instrument(self, given: Any) -> None:
        """Refuse what cannot record this experiment."""
        if given is None:
            return
        if not isinstance(given, Instrument) or given.kind not in self.instruments:
            what = f"the instrument {given.kind!r}" if isinstance(given, Instrument) else f"{type(given).__name__} as instrument"
            wanted = f"expected {' or '.join(map(repr, self.instruments))}" if self.instruments else "no instrument can record this experiment"
            raise ParameterError(f"got {what} of {self.kind}; {wanted}, or none for the ideal recording", name="instrument")

    @property
    def ideal(self) -> Self:
        """The same experiment without an instrument."""
        return self if self.instrument is None else replace(self, instrument=None)

    def equipped(self, cells: Sequence[Cell]) -> list[Cell]:
        """Cells with what the instrument does to them; those that it leaves alone are returned as they are."""
        return list(cells) if self.instrument is None else self.instrument.prepare_all(cells)

    def at_membrane(self, voltage: float) -> float:
        """What the membrane gets when the experimenter asks for ``voltage`` [mV]: shifted by a junction potential that was ignored."""
        return voltage if self.instrument is None else voltage + self.instrument.command_shift

    def observed(self, trace: Trace, streams: Sequence[np.random.Generator]) -> Trace | None:
        """The trace as the instrument shows it: observed quantities in place of the ideal ones, on the same times; None without an instrument.

        ``streams`` holds one random generator for each run of the trace.
        """
        if self.instrument is None:
            return None
        seen = self.instrument.observe(self, trace, streams)
        declared = trace.cells[0].composition.declarations
        units = {name: declared[name].unit for name in seen}
        return replace(trace, values={**trace.values, **seen}, units={**trace.units, **units})

    def check_together(self) -> None:
        """Refuse settings that do not fit each other."""

    def samples(self) -> tuple[float, str]:
        """Number of output times that the settings ask for, and the field that makes it too large when it is."""
        duration, step = getattr(self, "duration", 0.0), getattr(self, "sampling", None)
        return (0.0, "") if step is None else (duration / step, self._cause("sampling"))

    def _cause(self, sampling: str) -> str:
        """The field that asks for many samples: the sampling interval if it was changed, else the longest stretch that was."""
        changed = [n for n, f in self.lab_fields().items() if f.metadata["unit"] == "s" and getattr(self, n) != self.default_of(n)]
        return sampling if sampling in changed or not changed else max(changed, key=lambda n: getattr(self, n))

    def prepare_all(self, cells: Sequence[Cell]) -> list[Cell]:
        """Cells as they are when the recording starts (loading, washing); one batch, order kept."""
        return self.equipped(cells)

    def prepare(self, cell: Cell) -> Cell:
        """One cell as it is when the recording starts."""
        return self.prepare_all([cell])[0]

    def stand_in(self, cell: Cell) -> Cell:
        """A cell of the kind that is recorded, for a run of ``cell`` that never starts; an experiment that records another kind overrides this."""
        return cell

    def protocol(self) -> Protocol:
        """What is done to the cell during the recording."""
        raise NotImplementedError

    @property
    def record(self) -> tuple[str, ...]:
        """Names of the quantities that are kept."""
        raise NotImplementedError

    def times(self) -> Array:
        """Sampling times [s]."""
        raise NotImplementedError

    def features(self, trace: Trace) -> dict[str, Feature]:
        """Features of every cell of a trace."""
        raise NotImplementedError

    def readings(self) -> dict[str, Reading]:
        """What the engine reads of this recording without a trajectory, for ``simulate(..., features=...)``; names as in :meth:`features`."""
        return {}

    def warnings(self, trace: Trace, features: Mapping[str, Feature]) -> list[tuple[str, ...]]:
        """Per cell, what a reader must know before using the numbers."""
        return [() for _ in trace.status]

    def phases(self) -> list[tuple[float, float, str]]:
        """(start [s], end [s], what is in the bath) for the bars above a trace."""
        return []

    def notes(self) -> tuple[str, ...]:
        """Remarks that go with every table and figure of this experiment."""
        unconfirmed = self.labelled("unconfirmed")
        values = ", ".join(f"{k} = {v}" for k, v in unconfirmed.items())
        text = f"{self.title}: protocol values quoted from memory, unconfirmed: {values}"
        bath = getattr(self, "ntx_in_bath", "")
        said = f"{self.title}: naltrexone {'kept in the recording bath' if bath == 'kept' else 'washed off before recording'}"
        seen = () if self.instrument is None else self.instrument.notes()
        return (*((text,) if unconfirmed else ()), *((said,) if bath else ()), *self.remarks, *seen)

    def __repr__(self) -> str:
        return table(self) if self.instrument is None else f"{table(self)}\n{table(self.instrument)}"


@dataclass(frozen=True)
class ExperimentResult:
    """Trace, features and warnings of one experiment on some cells; with error bars also the numerical error of every feature.

    With an instrument ``features`` are read from the ``observed`` trace, while ``trace``, the ``ideal`` features and their numerical ``errors`` are those of
    the same experiment without it.
    """

    experiment: Experiment
    trace: Trace
    features: dict[str, Feature]
    warnings: list[tuple[str, ...]] = field(default_factory=list)
    errors: dict[str, Array] = field(default_factory=dict)
    observed: Trace | None = None
    ideal: dict[str, Feature] = field(default_factory=dict)

    def __repr__(self) -> str:
        status = self.trace.status
        lines = [f"{self.experiment.title or self.experiment.kind}: {len(status)} cells, {sum(s == 'ok' for s in status)} ok (model output)"]
        for name, feature in self.features.items():
            values = "  ".join(f"{v:>10.5g}" for v in feature.values[:6])
            lines.append(f"  {name:<28}{values}  {feature.unit:<6} {feature.description}")
            if name in self.ideal:
                lines.append(f"  {'  without the instrument':<28}{'  '.join(f'{v:>10.5g}' for v in self.ideal[name].values[:6])}  {feature.unit}")
            if name in self.errors:
                lines.append(f"  {'  numerical error':<28}{'  '.join(f'{v:>10.2g}' for v in self.errors[name][:6])}  {feature.unit}")
        for i, texts in enumerate(self.warnings):
            lines += [f"  warning, cell {i}: {text}" for text in texts]
        return "\n".join(lines)


def run_experiment(cells: Cell | Sequence[Cell], experiment: Experiment, *, seed: int = 0, **solver: Any) -> ExperimentResult:
    """Prepare the cells, run the experiment's protocol on all of them and read the features, from what the instrument shows if there is one.

    ``seed`` names the noise of the instrument: run i draws from the stream ("instrument", i) of it. ``solver`` goes to
    :func:`nkcell_sim.simulate.simulate` (``rtol``, ``method``, ...).
    """
    from ..solver import Solver
    from .numerical_error import companion, measure_errors
    from .recording import record

    settings = Solver(**solver)
    many = list(cells) if isinstance(cells, Sequence) else [cells]
    ideal = experiment.ideal
    streams = [] if experiment.instrument is None else [stream(seed, "instrument", i) for i in range(len(many))]
    recording = record(experiment, ideal.prepare_all(many), streams, solver=replace(settings, error_bars=False))
    trace = recording.ideal
    wanted = ideal.features(trace)
    errors = measure_errors(ideal, wanted, companion(trace, [ideal.protocol()] * len(many), settings)) if settings.error_bars else {}
    if recording.observed is None:
        return ExperimentResult(experiment, trace, wanted, experiment.warnings(trace, wanted), errors)
    features = experiment.features(recording.observed)
    said = experiment.warnings(recording.observed, features)
    return ExperimentResult(experiment, trace, features, said, errors, recording.observed, wanted)


FLOOD_WORDS = ("floods the cell", "depolarises for good", "extrusion is overwhelmed")


def flood_warnings(warnings: Sequence[str]) -> tuple[str, ...]:
    """Those of a run's warnings that say that the stimulus floods the cell."""
    return tuple(text for text in warnings if text.endswith(FLOOD_WORDS))


def survival_warnings(trace: Trace, start: float, end: float) -> list[list[str]]:
    """Per cell, which bounds of a surviving cell are crossed between start and end [s]: Na+, V, Ca2+."""
    inside = (trace.time >= start - 1e-9) & (trace.time <= end + 1e-9)
    checks = (
        ("na_cyt", NA_LIMIT, "mM", "Na+ inside reaches {:.3g} mM (bound {:g} mM): the stimulus floods the cell"),
        ("v", V_LIMIT, "mV", "V rises to {:.3g} mV (bound {:g} mV): the cell depolarises for good"),
        ("ca_cyt", CA_LIMIT, "uM", "Ca2+ reaches {:.3g} uM (bound {:g} uM): extrusion is overwhelmed"),
    )
    found: list[list[str]] = [[] for _ in trace.status]
    for key, limit, _unit, text in checks:
        top = np.max(trace[key][:, inside], axis=1)
        for i, value in enumerate(top):
            if value > limit:
                found[i].append(text.format(value, limit))
    return found


def table(record: LabRecord) -> str:
    """A dataclass of lab fields as a table: setting, value, label, meaning."""
    lines = [f"{type(record).__name__}"]
    texts = record.settings()
    for name, declared in record.lab_fields().items():
        label = declared.metadata["label"] if getattr(record, name) == record.default_of(name) else "set"
        lines.append(f"  {name:<22}{texts[name]:<26}{label:<13}{declared.metadata['description']}")
    return "\n".join(lines)
