"""From the outcome of experiments to the tree that is kept: one group an experiment, ``run`` as the first dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import ResultsError
from ..experiments.base import Experiment, ExperimentResult
from ..model.cell import Cell
from ..outcomes import RUNGS
from ..protocol import Protocol
from ..units import from_kernel
from . import layout
from .layout import ERROR_SUFFIX, IDEAL, OBSERVED, Group, Variable, index, numbers, text
from .origin import event_table, file_attributes, provenance_group
from .results import Results

_LABELS = {
    "group": ("", "group of donors"),
    "donor": ("", "donor"),
    "cell": ("1", "number of the cell among those of its donor, condition and experiment"),
    "age": ("a", "age of the donor in years, a label that no equation reads"),
    "sex": ("", "sex of the donor, a label that no equation reads"),
    "pair": ("", "matched pair that the donor belongs to"),
}
_RESERVED = (*_LABELS, "run", "time", "sample", "case", "status", "run_id", "time_reached", "worst_component", "steps", "rung", "attempts")


@dataclass(frozen=True)
class Batch:
    """Runs of one experiment that were simulated together: their result, positions in the study, ids, cases and grid points."""

    result: ExperimentResult
    positions: tuple[int, ...]
    run_ids: tuple[str, ...]
    cases: tuple[str, ...]
    varied: tuple[dict[str, float], ...]
    notes: tuple[str, ...] = ()  # of the study's cells and treatments, on top of the experiment's own
    labels: tuple[dict[str, str | float], ...] = ()  # of a cohort's runs: group, donor, cell, age, sex, pair


def assemble(title: str, batches: Mapping[str, Sequence[Batch]], *, units: Mapping[str, str], provenance: Mapping[str, Any]) -> Results:
    """Put the results of a study together."""
    for name in batches:
        if name in layout.RESERVED_GROUPS:
            raise ResultsError(f"got an experiment named {name!r}, the name of a group that every result has; rename the experiment")
    groups = {name: _Experiment(name, parts, units).group() for name, parts in batches.items()}
    root = Group({}, groups, file_attributes(title, provenance))
    return Results(root.with_group("provenance", provenance_group(provenance)))


class _Experiment:
    """Merges the batches of one experiment in the order of the study."""

    def __init__(self, name: str, batches: Sequence[Batch], units: Mapping[str, str]) -> None:
        self.name = name
        self.batches = batches
        self.units = {key: units[key] for key in batches[0].varied[0]}
        positions = [p for b in batches for p in b.positions]
        self.order = np.argsort(positions, kind="stable")
        self.setup = batches[0].result.experiment
        self.traces = [b.result.trace for b in batches]

    def _merged(self, parts: Sequence[Any]) -> np.ndarray:
        return np.concatenate([np.asarray(p) for p in parts])[self.order]

    def _listed(self, parts: Sequence[Sequence[Any]]) -> list[Any]:
        flat = [x for part in parts for x in part]
        return [flat[i] for i in self.order]

    @cached_property
    def cells(self) -> list[Cell]:
        """The cell of every run as it entered the recording."""
        return self._listed([t.cells for t in self.traces])

    @cached_property
    def labels(self) -> dict[str, list[Any]]:
        """Labels of a cohort's runs by name; empty without a cohort."""
        rows = self._listed([b.labels or [{}] * len(b.positions) for b in self.batches])
        return {name: [row[name] for row in rows] for name in _LABELS if rows and name in rows[0]}

    @cached_property
    def same_times(self) -> bool:
        """Whether every run was sampled at the same times."""
        first = self.traces[0].time
        return all(np.array_equal(t.time, first) for t in self.traces)

    @property
    def _time(self) -> str:
        return "time" if self.same_times else "sample"

    def group(self) -> Group:
        """The whole group of this experiment."""
        groups = {"parameters": self._parameters(), "inputs": self._inputs(), "final_state": self._final_state(), "protocol": self._protocol()}
        warnings = self._warnings()
        if warnings is not None:
            groups["warnings"] = warnings
        attributes = {
            "experiment": self.setup.kind,
            "title": self.setup.title,
            **{f"setting_{k}": v for k, v in self.setup.settings().items() if not any(key == f"{self.name}.{k}" for key in self.units)},
            **self._instrument(),
        }
        notes = "\n".join(dict.fromkeys([*self.setup.notes(), *(n for b in self.batches for n in b.notes)]))
        if notes:
            attributes["notes"] = notes
        return Group(self._located({**self._labels(), **self._traces(), **self._features()}), groups, attributes)

    def _instrument(self) -> dict[str, str]:
        """The instrument and its settings as attributes; empty without one."""
        instrument = self.setup.instrument
        if instrument is None:
            return {}
        return {"instrument": instrument.kind, **{f"instrument_{k}": v for k, v in instrument.settings().items()}}

    def _located(self, variables: dict[str, Variable]) -> dict[str, Variable]:
        """Variables of runs that name their auxiliary coordinates, as in CF: the condition, the identity and what was varied."""
        names = ["case", "run_id", *self.labels, *(f"vary.{key}" for key in self.units), *([] if self.same_times else ["time"])]
        listed = {"coordinates": " ".join(names)}
        return {
            name: replace(v, attributes={**v.attributes, **listed}) if v.dims[:1] == ("run",) and name not in ("run", *names) else v
            for name, v in variables.items()
        }

    def _labels(self) -> dict[str, Variable]:
        run = ("run",)
        outcomes = self._listed([t.outcomes for t in self.traces])
        varied = self._listed([b.varied for b in self.batches])
        found = {
            "run": index("run", len(self.order), "number of the run"),
            "run_id": text(run, self._listed([b.run_ids for b in self.batches]), "hash of everything that determines the run"),
            "case": text(run, self._listed([b.cases for b in self.batches]), "condition"),
            "status": text(run, self._listed([t.status for t in self.traces]), "ok, or why the run ended early (its outputs are NaN)"),
            "time_reached": numbers(run, [o.time_reached for o in outcomes], "s", "simulated time reached"),
            "worst_component": text(run, [o.worst for o in outcomes], "what a failed run failed on, where that is known"),
            "steps": numbers(run, np.array([o.steps for o in outcomes], dtype="<i8"), "1", "accepted integration steps"),
            "rung": numbers(run, np.array([o.rung for o in outcomes], dtype="<i4"), "1", f"attempt that is kept: {_listed_rungs()}"),
            "attempts": text(run, [", ".join(o.attempts) for o in outcomes], "status of every attempt of a run that was tried again; empty for the others"),
        }
        for name, column in self.labels.items():
            unit, about = _LABELS[name]
            found[name] = numbers(run, np.array(column, float), unit, about, role="label") if unit else text(run, column, about)
        for key, unit in self.units.items():
            found[f"vary.{key}"] = numbers(run, [point[key] for point in varied], unit, f"varied: {key}", role="varied")
        return found

    def _traces(self) -> dict[str, Variable]:
        found = {self._time: self._time_axis()}
        if not self.same_times:
            found["time"] = numbers(("run", "sample"), self._merged([self._padded(t, np.tile(t.time, (len(t.status), 1))) for t in self.traces]), "s", "time")
        declarations = self.cells[0].composition.declarations
        for key in self.traces[0].values:
            declared = declarations[key]
            values = self._merged([self._padded(t, t[key]) for t in self.traces])
            source = getattr(declared, "source", "")
            found[key] = numbers(("run", self._time), values, self.traces[0].units[key], declared.description, role="trace", source=source)
        return {**found, **self._observed()}

    def _observed(self) -> dict[str, Variable]:
        """What the instrument showed, beside the ideal traces and on their times; a run that never started showed nothing."""
        seen = [b.result.observed for b in self.batches]
        keys = dict.fromkeys(key for trace in seen if trace is not None for key in trace.values)
        declarations = self.cells[0].composition.declarations
        found = {}
        for key in keys:
            shown = [{**ideal.values, **({} if trace is None else trace.values)} for trace, ideal in zip(seen, self.traces, strict=True)]
            rows = [values.get(key, np.full((len(t.status), len(t.time)), np.nan)) for values, t in zip(shown, self.traces, strict=True)]
            values = self._merged([self._padded(t, row) for t, row in zip(self.traces, rows, strict=True)])
            about = f"as the instrument shows it: {declarations[key].description}"
            found[f"{OBSERVED}{key}"] = numbers(("run", self._time), values, declarations[key].unit, about, role="observed")
        return found

    def _time_axis(self) -> Variable:
        if self.same_times:
            return numbers(("time",), self.traces[0].time, "s", "time from the start of the recording")
        return index("sample", max(len(t.time) for t in self.traces), "number of the sample")

    def _padded(self, trace: Any, values: np.ndarray) -> np.ndarray:
        """Rows filled with NaN to the longest run's number of samples."""
        missing = 0 if self.same_times else max(len(t.time) for t in self.traces) - values.shape[1]
        return np.pad(values, ((0, 0), (0, missing)), constant_values=np.nan) if missing else values

    def _ideal_features(self) -> dict[str, Variable]:
        """Features of the recording without its instrument."""
        found = {}
        for name in dict.fromkeys(name for b in self.batches for name in b.result.ideal):
            first = next(b.result.ideal[name] for b in self.batches if name in b.result.ideal)
            values = self._merged([b.result.ideal[name].values if name in b.result.ideal else np.full(len(b.positions), np.nan) for b in self.batches])
            about = f"without the instrument: {first.description}"
            found[f"{IDEAL}{name}"] = numbers(("run",), np.asarray(values, float), first.unit, about, role="ideal_feature")
        return found

    def _features(self) -> dict[str, Variable]:
        found: dict[str, Variable] = self._ideal_features()
        names = dict.fromkeys(name for b in self.batches for name in b.result.features)
        for name in names:
            if name in _RESERVED or name in self.setup.record:
                raise ResultsError(f"experiment {self.name!r}: the feature {name!r} has the name of another variable; rename it")
            first = next(b.result.features[name] for b in self.batches if name in b.result.features)
            values = self._merged([b.result.features[name].values if name in b.result.features else np.full(len(b.positions), np.nan) for b in self.batches])
            found[name] = numbers(("run",), np.asarray(values, float), first.unit, first.description, role="feature")
            if any(b.result.errors for b in self.batches):
                errors = self._merged([b.result.errors[name] if name in b.result.errors else np.full(len(b.positions), np.nan) for b in self.batches])
                about = f"numerical error of {name}: difference from the same run at a tighter tolerance"
                found[f"{name}{ERROR_SUFFIX}"] = numbers(("run",), np.asarray(errors, float), first.unit, about, role="numerical_error")
        return found

    def _parameters(self) -> Group:
        """Resolved parameters of every run, in declared units (NaN where a run's cell does not have the parameter)."""
        declared = {key: d for cell in self.cells for key, d in cell.composition.parameters.items()}
        values = np.array([_parameter_row(cell, declared) for cell in self.cells])
        origins = _Origins()
        origin_of = np.array([[origins.number(cell, key) for key in declared] for cell in self.cells], dtype="<i4")
        axis = ("parameter",)
        return Group(
            {
                "parameter": text(axis, list(declared), "name"),
                "value": numbers(("run", "parameter"), values, "1", "value in the unit of the parameter (see `unit`)"),
                "unit": text(axis, [d.unit for d in declared.values()], "unit"),
                "description": text(axis, [d.description for d in declared.values()], "meaning"),
                "origin": index("origin", len(origins.table), "number of the origin"),
                "origin_of_value": numbers(("run", "parameter"), origin_of, "1", "where the value comes from: number of its origin"),
                "evidence": text(("origin",), [evidence for evidence, _ in origins.table], "evidence code"),
                "source": text(("origin",), [source for _, source in origins.table], "source, parameter set, phenotype or calibration"),
            }
        )

    def _final_state(self) -> Group:
        declared = {key: d for cell in self.cells for key, d in cell.composition.states.items()}
        finals = self._listed([list(t.final) for t in self.traces])
        values = np.full((len(finals), len(declared)), np.nan)
        names = list(declared)
        column = {key: i for i, key in enumerate(names)}
        for i, (cell, final) in enumerate(zip(self.cells, finals, strict=True)):
            for key, value in zip(cell.composition.states, final, strict=True):
                values[i, column[key]] = from_kernel(value, declared[key].unit)
        return Group(
            {
                "state": text(("state",), names, "name"),
                "value": numbers(("run", "state"), values, "1", "value at the end, or where a failed run stopped, in the unit of the state (see `unit`)"),
                "unit": text(("state",), [d.unit for d in declared.values()], "unit"),
                "description": text(("state",), [d.description for d in declared.values()], "meaning"),
            }
        )

    def _inputs(self) -> Group:
        """Resting inputs of every run (bath, drugs left in it) in declared units; the protocol changes some of them in time."""
        declared = {key: d for cell in self.cells for key, d in cell.composition.inputs.items()}
        values = np.full((len(self.cells), len(declared)), np.nan)
        column = {key: i for i, key in enumerate(declared)}
        for i, cell in enumerate(self.cells):
            for key, value in zip(cell.composition.inputs, cell.input_defaults(), strict=True):
                values[i, column[key]] = from_kernel(value, declared[key].unit)
        return Group(
            {
                "input": text(("input",), list(declared), "name"),
                "value": numbers(("run", "input"), values, "1", "value before the protocol changes it, in the unit of the input (see `unit`)"),
                "unit": text(("input",), [d.unit for d in declared.values()], "unit"),
                "description": text(("input",), [d.description for d in declared.values()], "meaning"),
            }
        )

    def _protocol(self) -> Group:
        """What was done, once for each different protocol: a list of events, phases, and the driven inputs at the sampled times."""
        setups = list(dict.fromkeys(b.result.experiment for b in self.batches))
        numbering = self._listed([[setups.index(b.result.experiment)] * len(b.positions) for b in self.batches])
        protocols = [s.protocol() for s in setups]
        variables = {
            "protocol": index("protocol", len(protocols), "number of the protocol"),
            "protocol_of_run": numbers(("run",), np.array(numbering, dtype="<i4"), "1", "protocol that the run followed"),
            "duration": numbers(("protocol",), [p.duration for p in protocols], "s", "length of the recording"),
        }
        events = [(i, t, what) for i, p in enumerate(protocols) for t, what in p.events()]
        phases = [(i, *phase) for i, s in enumerate(setups) for phase in s.phases()]
        return Group({**variables, **event_table(events), **_phase_table(phases), **self._driven(setups, protocols)})

    def _driven(self, setups: Sequence[Experiment], protocols: Sequence[Protocol]) -> dict[str, Variable]:
        """Every driven input at the sampled times, one row a protocol; at an edge the value before it, as in the traces."""
        inputs = self.cells[0].composition.inputs
        keys = list(dict.fromkeys(name for p in protocols for name in p.inputs))
        rows = [self._sampled(setup, protocol, keys) for setup, protocol in zip(setups, protocols, strict=True)]
        found = {}
        for k, key in enumerate(keys):
            values = np.array([row[k] for row in rows])
            declared = inputs[key]
            known = values[np.isfinite(values)]
            usual = np.allclose(known, float(declared.default), rtol=1e-9, atol=0.0)  # the declaration's evidence is that of its value
            evidence, source = (declared.evidence, declared.source) if usual else ("A", "set by the protocol, unconfirmed")
            found[key] = numbers(("protocol", self._time), values, declared.unit, declared.description, role="input", evidence=evidence, source=source)
        return found

    def _sampled(self, setup: Experiment, protocol: Protocol, keys: Sequence[str]) -> np.ndarray:
        trace = next(b.result.trace for b in self.batches if b.result.experiment == setup)
        cell = trace.cells[0]
        inputs = cell.composition.inputs
        compiled = protocol.compile(cell.composition, dict(zip(inputs, cell.input_defaults(), strict=True)))
        columns = [list(inputs).index(key) for key in keys]
        times = trace.time * 1e3
        segment = compiled.locate(times)
        dt = (times - compiled.edges[segment])[:, None]
        level, slope, amplitude, rate = (a[segment][:, columns] for a in (compiled.level, compiled.slope, compiled.amplitude, compiled.rate))
        values = level + slope * dt + amplitude * np.exp(-rate * dt)
        declared = [from_kernel(values[:, k], inputs[key].unit) for k, key in enumerate(keys)]
        return self._padded(trace, np.array(declared).reshape(len(keys), len(times)))

    def _warnings(self) -> Group | None:
        """What a reader must know before using the numbers of a run; absent when there is nothing."""
        per_run = self._listed([b.result.warnings or [()] * len(b.positions) for b in self.batches])
        rows = [(i, warning) for i, warnings in enumerate(per_run) for warning in warnings]
        if not rows:
            return None
        return Group(
            {
                "warning": index("warning", len(rows), "number of the warning"),
                "warning_run": numbers(("warning",), np.array([i for i, _ in rows], dtype="<i4"), "1", "run it belongs to"),
                "warning_text": text(("warning",), [w for _, w in rows], "what to know before using the numbers"),
            }
        )


def _listed_rungs() -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(RUNGS))


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


class _Origins:
    """Numbers the different (evidence, source) of values; equal values of equal cells are asked about once."""

    def __init__(self) -> None:
        self.table: dict[tuple[str, str], int] = {}
        self._known: dict[tuple[Any, ...], int] = {}

    def number(self, cell: Cell, key: str) -> int:
        """Number of the origin of a parameter's value in a cell."""
        if key not in cell.composition.parameters:
            return self.table.setdefault(("", "not a parameter of this cell"), len(self.table))
        asked = (cell.composition.name, cell.parameter_set, cell.phenotype, key, cell.values.get(key))
        if asked not in self._known:
            self._known[asked] = self.table.setdefault(cell.origin(key), len(self.table))
        return self._known[asked]


def _parameter_row(cell: Cell, declared: Mapping[str, Any]) -> list[float]:
    mine = cell.composition.parameters
    kernel = dict(zip(mine, cell.parameter_vector(), strict=True))
    return [float(from_kernel(kernel[key], d.unit)) if key in mine else float("nan") for key, d in declared.items()]
