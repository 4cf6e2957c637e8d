"""Results of a study: traces, features, warnings and provenance, in memory as in the file."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingPackageError, ResultsError
from ..provenance import check
from .layout import ERROR_SUFFIX, RESERVED_GROUPS, TABLES, Group, Variable, index, numbers, text
from .unfinished import reasons, unfinished

if TYPE_CHECKING:
    import xarray


NUMBER = re.compile(r"(?<![A-Za-z_\d.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")  # texts that differ in their numbers only have one cause
LOST = "every process that did it died, also with nothing else in hand (out of memory? a crash in a library?); --retry-lost tries it again"
UNSTARTED = ("not_run", "worker_lost")  # statuses of runs that never came to their first step; a warning may say why


class ExperimentRuns:
    """Every run of one experiment. ``runs["ca_cyt"]`` is (n_runs, n_times) in the unit ``runs.units["ca_cyt"]``."""

    def __init__(self, name: str, group: Group) -> None:
        self.name = name
        self.group = group

    @property
    def kind(self) -> str:
        """Kind of experiment, for example patch_clamp."""
        return str(self.group.attributes["experiment"])

    @property
    def title(self) -> str:
        """Heading for tables and figures."""
        return str(self.group.attributes.get("title") or self.kind)

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks that belong under every table and figure."""
        return tuple(str(self.group.attributes.get("notes", "")).splitlines())

    @property
    def cases(self) -> list[str]:
        """Condition of every run."""
        return list(self.group.variables["case"].values)

    @property
    def status(self) -> list[str]:
        """``ok``, or why a run ended early."""
        return list(self.group.variables["status"].values)

    @property
    def run_ids(self) -> list[str]:
        """Identity of every run."""
        return list(self.group.variables["run_id"].values)

    @property
    def time(self) -> NDArray[np.float64]:
        """Sampling times [s]: (n_times,), or (n_runs, n_samples) when the runs were sampled differently."""
        return self.group.variables["time"].values

    @property
    def recorded(self) -> list[str]:
        """Names of the traces."""
        return self._with_role("trace")

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        return self._with_role("feature")

    @property
    def observed(self) -> list[str]:
        """Names of the traces as the instrument shows them, "observed." before the name of the ideal one; empty without an instrument."""
        return self._with_role("observed")

    @property
    def ideal_features(self) -> list[str]:
        """Names of the features without the instrument, "ideal_" before the name of the feature; empty without an instrument."""
        return self._with_role("ideal_feature")

    @property
    def numerical_errors(self) -> dict[str, NDArray[np.float64]]:
        """Numerical error of every feature by run, in the feature's unit; empty unless the study was run with error bars."""
        return {name.removesuffix(ERROR_SUFFIX): self.group.variables[name].values for name in self._with_role("numerical_error")}

    @property
    def varied(self) -> dict[str, NDArray[np.float64]]:
        """Values of every varied key, by run; NaN for a run that does not vary with it. A key with which no run varies is left out."""
        found = {name.removeprefix("vary."): self.group.variables[name].values for name in self._with_role("varied")}
        return {name: values for name, values in found.items() if np.isfinite(values).any()}

    @property
    def labels(self) -> dict[str, list[Any]]:
        """Group, donor, cell, age, sex and pair of every run of a cohort; empty without one."""
        return {name: self.group.variables[name].values.tolist() for name in ("group", "donor", "cell", "age", "sex", "pair") if name in self.group.variables}

    @property
    def units(self) -> dict[str, str]:
        """Unit of every variable."""
        names = {n: str(v.attributes["units"]) for n, v in self.group.variables.items() if "units" in v.attributes}
        return {**names, **{n.removeprefix("vary."): u for n, u in names.items() if n.startswith("vary.")}}

    @property
    def warnings(self) -> list[tuple[int, str]]:
        """(run, text) of everything a reader must know before using the numbers."""
        group = self.group.groups.get("warnings")
        if group is None:
            return []
        return list(zip(group.variables["warning_run"].values.tolist(), group.variables["warning_text"].values, strict=True))

    @property
    def phases(self) -> list[tuple[float, float, str]]:
        """(start [s], end [s], what is in the bath) of the first protocol."""
        v = self.group.groups["protocol"].variables
        if "phase" not in v:
            return []
        rows = zip(v["phase_protocol"].values, v["phase_start"].values, v["phase_end"].values, v["phase_text"].values, strict=True)
        return [(float(a), float(b), str(t)) for p, a, b, t in rows if p == 0]

    @property
    def settings(self) -> dict[str, str]:
        """Settings of the experiment as laboratory text."""
        return {k.removeprefix("setting_"): str(v) for k, v in self.group.attributes.items() if k.startswith("setting_")}

    @cached_property
    def _reasons(self) -> dict[int, list[str]]:
        """Why runs never started, by run."""
        return reasons(self.warnings)

    def status_counts(self) -> dict[str, int]:
        """Number of runs by status, the commonest first."""
        return dict(Counter(self.status).most_common())

    def failures_by_cause(self) -> dict[str, int]:
        """Number of runs by what they failed on, the commonest first: the status with the component that failed, or why runs never started.

        Reasons that differ in their numbers only are one cause, told as of its first run.
        """
        v = self.group.variables
        worst = v["worst_component"].values if "worst_component" in v else [""] * len(self.status)
        causes: Counter[str] = Counter()
        first: dict[str, str] = {}
        for run, (status, component) in enumerate(zip(self.status, worst, strict=True)):
            if status != "ok":
                told = ": ".join([status, *self._reasons.get(run, [])])
                cause = told if status in UNSTARTED or not component else f"{status} ({component})"
                kind = NUMBER.sub("#", cause)
                causes[first.setdefault(kind, cause)] += 1
        return dict(causes.most_common())

    @property
    def unfinished(self) -> NDArray[np.bool_]:
        """Whether a run was left out because its study was not finished (bool, n_runs): ``cancelled``, or ``not_run`` without a reason of its own."""
        return unfinished(self.status, self._reasons)

    def failure(self, run: int) -> str:
        """How a run failed: its status, the time it reached [s] and the component that failed, or why it never started; empty for ``ok``."""
        v = self.group.variables
        status = str(v["status"].values[run])
        if status == "ok":
            return ""
        if status in UNSTARTED:
            return ": ".join([status, *self._reasons.get(run % len(v["status"].values), [LOST] if status == "worker_lost" else [])])
        reached = f" at {float(v['time_reached'].values[run]):.4g} s" if "time_reached" in v else ""
        worst = str(v["worst_component"].values[run]) if "worst_component" in v else ""
        return f"{status}{reached}" + (f" ({worst})" if worst else "")

    def describe(self, name: str) -> str:
        """Meaning of a trace or a feature."""
        return str(self._variable(name).attributes.get("long_name", ""))

    def parameter(self, name: str) -> NDArray[np.float64]:
        """Resolved value of a parameter in every run, in its declared unit."""
        return self.group.groups["parameters"].variables["value"].part((slice(None), self._parameter_index(name)))

    def origin(self, name: str) -> list[tuple[str, str]]:
        """(evidence code, source) of a parameter's value in every run."""
        v = self.group.groups["parameters"].variables
        table = list(zip(map(str, v["evidence"].values), map(str, v["source"].values), strict=True))
        return [table[n] for n in v["origin_of_value"].part((slice(None), self._parameter_index(name)))]

    def of_case(self, case: str) -> NDArray[np.intp]:
        """Positions of the runs of a condition."""
        return np.flatnonzero(np.array(self.cases, dtype=object) == case)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self._variable(name).values

    def __contains__(self, name: object) -> bool:
        return name in self.group.variables

    def __len__(self) -> int:
        return self.group.variables["status"].shape[0]

    def __bool__(self) -> bool:
        return True

    def _parameter_index(self, name: str) -> int:
        known = list(self.group.groups["parameters"].variables["parameter"].values)
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise ResultsError(f"experiment {self.name!r} has no parameter {name!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
        return known.index(name)

    def _variable(self, name: str) -> Variable:
        try:
            return self.group.variables[name]
        except KeyError:
            known = ", ".join([*self.recorded, *self.features])
            raise ResultsError(f"experiment {self.name!r} has no {name!r}; it has {known}") from None

    def _with_role(self, role: str) -> list[str]:
        return [n for n, v in self.group.variables.items() if v.attributes.get("role") == role]

    def __repr__(self) -> str:
        bad = sum(s != "ok" for s in self.status)
        total = len(self)
        lines = [f"{self.name} ({self.title}): {total} runs" + (f", {bad} failed" if bad else "")]
        for name in self.features:
            values = "  ".join(f"{v:>10.4g}" for v in self._variable(name).part(slice(6))) + ("  ..." if total > 6 else "")
            lines.append(f"  {name:<28}{values}  {self.units[name]}")
        return "\n".join(lines)


class Results:
    """Results of a study; ``results["imaging"]`` are the runs of one experiment."""

    def __init__(self, root: Group) -> None:
        self.root = root
        self._runs: dict[str, ExperimentRuns] = {}

    @property
    def title(self) -> str:
        """Title of the study."""
        return str(self.root.attributes.get("title", ""))

    @property
    def experiments(self) -> dict[str, ExperimentRuns]:
        """The runs of every experiment by name."""
        found = {}
        for name, group in self.root.groups.items():
            if name not in RESERVED_GROUPS:
                known = self._runs.get(name)
                found[name] = known if known is not None and known.group is group else ExperimentRuns(name, group)
        self._runs = found
        return dict(found)

    @property
    def config(self) -> str:
        """Resolved configuration (TOML); empty for a run from a script."""
        return str(self.root.groups["provenance"].variables["config"].values.item())

    @property
    def provenance(self) -> dict[str, Any]:
        """How the results came about (see :mod:`nkcell_sim.provenance`)."""
        group = self.root.groups["provenance"]
        try:
            sections = {n: json.loads(group.variables[n].values.item()) for n in ("software", "parameters", "environment", "resources")}
        except (KeyError, ValueError) as error:
            raise ResultsError(f"the provenance of these results is damaged: {error}") from error
        sections["parameters"]["config"] = self.config
        return check({**group.attributes, **sections})

    @property
    def targets(self) -> list[dict[str, Any]]:
        """Rows of the target table, empty when it was not asked for."""
        return self.table("targets")

    def table(self, name: str) -> list[dict[str, Any]]:
        """Rows of a table that was computed from the runs ("targets", "statistics", "variance", "power"); empty when it was not asked for."""
        group = self.root.groups.get(name)
        if group is None:
            return []
        columns = {key: v.values for key, v in group.variables.items()}
        size = len(next(iter(columns.values())))
        return [{key: _plain(values[i]) for key, values in columns.items()} for i in range(size)]

    @property
    def failed(self) -> list[tuple[str, int, str]]:
        """(experiment, run, status) of every run that did not end as ``ok``."""
        return [(e.name, i, s) for e in self.experiments.values() for i, s in enumerate(e.status) if s != "ok"]

    def status_counts(self) -> dict[str, dict[str, int]]:
        """Number of runs by experiment and status, the commonest first."""
        return {name: runs.status_counts() for name, runs in self.experiments.items()}

    def failures_by_cause(self) -> dict[str, int]:
        """Number of runs of all experiments by what they failed on ("not_run: ..." with its reason), the commonest first."""
        total: Counter[str] = Counter()
        for runs in self.experiments.values():
            total.update(runs.failures_by_cause())
        return dict(total.most_common())

    def with_targets(self, rows: Sequence[Mapping[str, Any]]) -> Results:
        """A copy that carries a table of targets; every row has the same columns of numbers or text."""
        return self.with_table("targets", rows)

    def with_table(self, name: str, rows: Sequence[Mapping[str, Any]], *, units: Mapping[str, str] | None = None) -> Results:
        """A copy that carries a table computed from the runs; every row has the same columns of numbers or text, ``units`` are those of its numbers."""
        if name not in TABLES:
            raise ResultsError(f"got a table named {name!r}; results keep {', '.join(TABLES)}")
        if not rows:
            return self
        axis = TABLES[name]
        variables = {} if axis in rows[0] else {axis: index(axis, len(rows), "number of the row")}
        for key in rows[0]:
            column = [row[key] for row in rows]
            if all(isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in column):
                variables[key] = numbers((axis,), np.array(column, float), (units or {}).get(key, "1"), key)
            else:
                variables[key] = text((axis,), ["" if v is None else str(v) for v in column], key)
        return Results(self.root.with_group(name, Group(variables)))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write an HDF5 (netCDF-4) file: complete, or not at all."""
        from .writer import write

        return write(self.root, path)

    def to_xarray(self) -> xarray.DataTree:
        """The same data as an :class:`xarray.DataTree`."""
        try:
            import xarray
        except ImportError as error:
            raise MissingPackageError("to_xarray() needs xarray: pip install 'nkcell_sim[xarray]'") from error
        from .labelled import dataset

        return xarray.DataTree.from_dict({path: dataset(group) for path, group in self.root.walk()})

    def __getitem__(self, name: str) -> ExperimentRuns:
        experiments = self.experiments
        if name not in experiments:
            raise ResultsError(f"no experiment {name!r} in these results; they have {', '.join(experiments)}")
        return experiments[name]

    def __repr__(self) -> str:
        head = f"Results {self.title!r} (model output)" if self.title else "Results (model output)"
        return "\n".join([head, *map(repr, self.experiments.values())])


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def open_results(path: str | os.PathLike[str]) -> Results:
    """Read a result file; raises :class:`~nkcell_sim.errors.ResultsError` with the reason for a bad one."""
    from .reader import check_complete, read

    root = read(path)
    check_complete(root, str(path))
    return Results(root)
