"""From the outcome of experiments to the tree that is kept: one group an experiment, ``run`` as the first dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import ResultsError
from ..experiments.base import Experiment, ExperimentResult
from ..model.cell import Cell
from ..outcomes import RUNGS
from ..units import from_kernel
from . import layout
from .layout import ERROR_SUFFIX, IDEAL, OBSERVED, OWN_TIMES, TIME, Group, Variable, agreed, index, numbers, text, united
from .merge import merged
from .origin import file_attributes, provenance_group
from .protocols import protocol_group
from .results import Results
from .value_origins import Origins

_LABELS = {  # the names of layout.LABELS
    "group": ("", "group of donors"),
    "donor": ("", "donor"),
    "cell": ("1", "number of the cell among those of its donor, condition and experiment"),
    "age": ("a", "age of the donor in years, a label that no equation reads"),
    "sex": ("", "sex of the donor, a label that no equation reads"),
    "pair": ("", "matched pair that the donor belongs to"),
}
_RESERVED = (*_LABELS, "run", "run_key", "time", "sample", "case", "status", "run_id", "time_reached", "worst_component", "steps", "rung", "attempts")


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
    keys: tuple[int, ...] = ()  # short hash of each run's recipe; empty where there is none


def assemble(
    title: str,
    batches: Mapping[str, Sequence[Batch]],
    *,
    units: Mapping[str, str],
    provenance: Mapping[str, Any],
    base: Mapping[str, Experiment] | None = None,
) -> Results:
    """Put the results of a study, or of a chunk of its runs, together.

    ``base`` names for every experiment the setup whose title, settings, notes and instrument become attributes, that of the
    study's first point; without it that of the first run given here.
    """
    for name in batches:
        if name in layout.RESERVED_GROUPS:
            raise ResultsError(f"got an experiment named {name!r}, the name of a group that every result has; rename the experiment")
    groups = {name: _Experiment(name, parts, units, (base or {}).get(name)).group() for name, parts in batches.items()}
    root = Group({}, groups, file_attributes(title, provenance))
    return Results(root.with_group("provenance", provenance_group(provenance)))


def chunk_tree(name: str, batches: Sequence[Batch], *, units: Mapping[str, str], base: Experiment | None = None) -> Group:
    """The tree of some runs of one experiment, without an origin: what a shard holds."""
    if name in layout.RESERVED_GROUPS:
        raise ResultsError(f"got an experiment named {name!r}, the name of a group that every result has; rename the experiment")
    return merged([Group({}, {name: _Experiment(name, batches, units, base).group()})])


def experiment_attributes(name: str, setup: Experiment, varied: Sequence[str], notes: Sequence[str]) -> dict[str, Any]:
    """What a result says of all runs of an experiment: kind, title, the settings that are not varied, the instrument, and remarks."""
    instrument = setup.instrument
    found: dict[str, Any] = {
        "experiment": setup.kind,
        "title": setup.title,
        **{f"setting_{k}": v for k, v in setup.settings().items() if f"{name}.{k}" not in varied},
        **({} if instrument is None else {"instrument": instrument.kind, **{f"instrument_{k}": v for k, v in instrument.settings().items()}}),
    }
    said = "\n".join(dict.fromkeys([*setup.notes(), *notes]))
    return {**found, **({"notes": said} if said else {})}


class _Experiment:
    """Merges the batches of one experiment in the order of the study; nothing depends on which other runs are in the same chunk."""

    def __init__(self, name: str, batches: Sequence[Batch], units: Mapping[str, str], base: Experiment | None) -> None:
        self.name = name
        self.batches = sorted(batches, key=lambda b: min(b.positions))
        self.units = {key: units[key] for key in batches[0].varied[0]}
        positions = [p for b in self.batches for p in b.positions]
        self.order = np.argsort(positions, kind="stable")
        self._in_order = bool((self.order == np.arange(len(self.order))).all())  # then large tables are copied once, not twice
        self.setup = base or self.batches[0].result.experiment
        self.traces = [b.result.trace for b in self.batches]

    def _merged(self, parts: Sequence[Any]) -> np.ndarray:
        joined = np.concatenate([np.asarray(p) for p in parts])
        return joined if self._in_order else joined[self.order]

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
        return {name: [row[name] for row in rows] for name in layout.LABELS if rows and name in rows[0]}

    @cached_property
    def same_times(self) -> bool:
        """Whether every run was sampled at the same times."""
        first = self.traces[0].time
        return all(np.array_equal(t.time, first) for t in self.traces)

    @cached_property
    def kept(self) -> list[str]:
        """Names of the traces that are kept."""
        return united([list(t.values) for t in self.traces])

    @cached_property
    def shown(self) -> list[str]:
        """Names of the observed traces that are kept."""
        return united([list(b.result.observed.values) for b in self.batches if b.result.observed is not None])

    @cached_property
    def samples(self) -> int:
        """Length of the axis of times; without any trace times that differ are not kept."""
        return max(len(t.time) for t in self.traces) if self.same_times or self.kept or self.shown else 0

    @property
    def _time(self) -> str:
        return "time" if self.same_times else "sample"

    def group(self) -> Group:
        """The whole group of this experiment."""
        groups = {"parameters": self._parameters(), "inputs": self._inputs(), "final_state": self._final_state(), "protocol": self._protocol()}
        warnings = self._warnings()
        if warnings is not None:
            groups["warnings"] = warnings
        attributes = experiment_attributes(self.name, self.setup, list(self.units), [note for b in self.batches for note in b.notes])
        attributes["nkcell_runs"] = len(self.order)
        found = layout.located({**self._labels(), **self._traces(), **self._features()}, layout.LABELS)
        return Group(layout.coordinates_first(found), {n: Group(layout.coordinates_first(g.variables)) for n, g in groups.items()}, attributes)

    def _labels(self) -> dict[str, Variable]:
        run = ("run",)
        outcomes = self._listed([t.outcomes for t in self.traces])
        varied = self._listed([b.varied for b in self.batches])
        found = {"run": index("run", len(self.order), "number of the run")}
        if all(b.keys for b in self.batches):
            found["run_key"] = numbers(run, self._merged([np.array(b.keys, dtype="<i8") for b in self.batches]), "1", "short hash of the run's recipe")
        found |= {
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
            times = [np.tile(t.time, (len(t.status), 1)) for t in self.traces] if self.samples else [np.empty((len(t.status), 0)) for t in self.traces]
            found["time"] = numbers(("run", "sample"), self._merged([self._padded(rows) for rows in times]), "s", OWN_TIMES)
        for key in self.kept:
            declared = [t.cells[0].composition.declarations[key] for t in self.traces if key in t.values]
            values = self._merged([self._padded(_row(t.values, key, t)) for t in self.traces])
            unit = next(t.units[key] for t in self.traces if key in t.values)
            about = [numbers((), 0.0, unit, d.description, role="trace", source=getattr(d, "source", "")).attributes for d in declared]
            found[key] = Variable(("run", self._time), values, agreed(about))
        return {**found, **self._observed()}

    def _observed(self) -> dict[str, Variable]:
        """What the instrument showed, beside the ideal traces and on their times; a run that never started showed nothing."""
        seen = [b.result.observed for b in self.batches]
        found = {}
        for key in self.shown:
            looks = [{**ideal.values, **({} if trace is None else trace.values)} for trace, ideal in zip(seen, self.traces, strict=True)]
            values = self._merged([self._padded(_row(look, key, t)) for look, t in zip(looks, self.traces, strict=True)])
            having = [t.cells[0].composition.declarations[key] for trace, t in zip(seen, self.traces, strict=True) if trace is not None and key in trace.values]
            about = [numbers((), 0.0, d.unit, f"as the instrument shows it: {d.description}", role="observed").attributes for d in having]
            found[f"{OBSERVED}{key}"] = Variable(("run", self._time), values, agreed(about))
        return found

    def _time_axis(self) -> Variable:
        if self.same_times:
            return numbers(("time",), self.traces[0].time, "s", TIME)
        return index("sample", self.samples, "number of the sample")

    def _padded(self, values: np.ndarray) -> np.ndarray:
        """Rows filled with NaN to the longest run's number of samples."""
        missing = self.samples - values.shape[1]
        return np.pad(values, ((0, 0), (0, missing)), constant_values=np.nan) if missing else values

    def _per_run(self, tables: Sequence[Mapping[str, Any]], name: str, role: str, before: str = "") -> Variable:
        """A feature of every run, NaN where a batch does not have it."""
        values = self._merged(
            [np.asarray(t[name].values, float) if name in t else np.full(len(b.positions), np.nan) for t, b in zip(tables, self.batches, strict=True)]
        )
        described = dict.fromkeys((t[name].unit, t[name].description) for t in tables if name in t)  # once: there may be a batch for every run
        about = [numbers((), 0.0, unit, f"{before}{description}", role=role).attributes for unit, description in described]
        return Variable(("run",), values, agreed(about))

    def _features(self) -> dict[str, Variable]:
        ideal, shown, errors = [b.result.ideal for b in self.batches], [b.result.features for b in self.batches], [b.result.errors for b in self.batches]
        found = {f"{IDEAL}{name}": self._per_run(ideal, name, "ideal_feature", "without the instrument: ") for name in united([list(t) for t in ideal])}
        for name in united([list(t) for t in shown]):
            if name in _RESERVED or name in self.setup.record:
                raise ResultsError(f"experiment {self.name!r}: the feature {name!r} has the name of another variable; rename it")
            found[name] = self._per_run(shown, name, "feature")
            if any(name in e for e in errors):
                values = self._merged([e[name] if name in e else np.full(len(b.positions), np.nan) for e, b in zip(errors, self.batches, strict=True)])
                about = f"numerical error of {name}: difference from the same run at a tighter tolerance"
                unit = str(found[name].attributes["units"])
                found[f"{name}{ERROR_SUFFIX}"] = numbers(("run",), np.asarray(values, float), unit, about, role="numerical_error")
        return found

    def _table(self, axis: str, declared: Mapping[str, list[Any]]) -> dict[str, Variable]:
        """Name, unit and meaning of the columns of a table over runs."""
        about = [agreed([{"unit": d.unit, "description": d.description} for d in each]) for each in declared.values()]
        return {
            axis: text((axis,), list(declared), "name"),
            "unit": text((axis,), [a["unit"] for a in about], "unit"),
            "description": text((axis,), [a["description"] for a in about], "meaning"),
        }

    def _declared(self, kind: str) -> dict[str, list[Any]]:
        """Declarations of the compositions of all runs by key."""
        compositions = list({id(c.composition): c.composition for c in self.cells}.values())
        lists = [getattr(c, kind) for c in compositions]
        return {key: [each[key] for each in lists if key in each] for key in united([list(each) for each in lists])}

    def _columns(self, kind: str, declared: Mapping[str, list[Any]], vectors: Sequence[Any]) -> np.ndarray:
        """Kernel vectors of all runs as a table in declared units, NaN where a run's cell does not have the column."""
        values, place = np.full((len(self.cells), len(declared)), np.nan), {key: i for i, key in enumerate(declared)}
        rows: dict[int, list[int]] = {}
        for i, cell in enumerate(self.cells):
            rows.setdefault(id(cell.composition), []).append(i)
        for mine in rows.values():
            known = getattr(self.cells[mine[0]].composition, kind)
            kernel = np.array([vectors[i] for i in mine])
            for k, (key, d) in enumerate(known.items()):
                values[mine, place[key]] = from_kernel(kernel[:, k], d.unit)
        return values

    def _parameters(self) -> Group:
        """Resolved parameters of every run, in declared units (NaN where a run's cell does not have the parameter)."""
        declared = self._declared("parameters")
        values = self._columns("parameters", declared, [cell.parameter_vector() for cell in self.cells])
        origin_of, table = Origins().numbered(self.cells, list(declared))
        return Group(
            {
                **self._table("parameter", declared),
                "value": numbers(("run", "parameter"), values, "1", "value in the unit of the parameter (see `unit`)"),
                "origin": index("origin", len(table), "number of the origin"),
                "origin_of_value": numbers(("run", "parameter"), origin_of, "1", "where the value comes from: number of its origin"),
                "evidence": text(("origin",), [evidence for evidence, _ in table], "evidence code"),
                "source": text(("origin",), [source for _, source in table], "source, parameter set, phenotype or calibration"),
            }
        )

    def _final_state(self) -> Group:
        declared = self._declared("states")
        values = self._columns("states", declared, self._listed([list(t.final) for t in self.traces]))
        about = "value at the end, or where a failed run stopped, in the unit of the state (see `unit`)"
        return Group({**self._table("state", declared), "value": numbers(("run", "state"), values, "1", about)})

    def _inputs(self) -> Group:
        """Resting inputs of every run (bath, drugs left in it) in declared units; the protocol changes some of them in time."""
        declared = self._declared("inputs")
        values = self._columns("inputs", declared, [cell.input_defaults() for cell in self.cells])
        about = "value before the protocol changes it, in the unit of the input (see `unit`)"
        return Group({**self._table("input", declared), "value": numbers(("run", "input"), values, "1", about)})

    def _protocol(self) -> Group:
        setups = self._listed([[b.result.experiment] * len(b.positions) for b in self.batches])
        times = self._listed([[t.time] * len(t.status) for t in self.traces])
        return protocol_group(setups, self.cells, times, axis=self._time if self.kept or self.shown else "", samples=self.samples)

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


def _row(values: Mapping[str, np.ndarray], key: str, trace: Any) -> np.ndarray:
    """A recorded quantity of a batch, NaN where it was not recorded."""
    return values[key] if key in values else np.full((len(trace.status), len(trace.time)), np.nan)


def _listed_rungs() -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(RUNGS))
