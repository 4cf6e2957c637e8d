"""The runs of a study by position, without making their cells: strata of a case in an experiment, points of the design, members of the cohort.

A million positions are three small tables. The cells of some positions are made together, where they are simulated.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ParameterError
from ..experiments.base import Experiment
from ..experiments.treatment import Treatment, name_of
from ..model.cell import Cell
from ..provenance import package_version
from .case import Case
from .making import Wanted, made_each
from .specification import Run, cell_content, settings_of

if TYPE_CHECKING:
    from .cohort import Member
    from .design import Study

WORD = 8  # bytes of a run's key


@dataclass(frozen=True)
class Stratum:
    """The runs of one case in one experiment: ``points`` (n_points, n_keys) of the design, then ``members`` of the cohort at every point.

    ``start`` is the position of its first run in the study.
    """

    experiment: str
    case: Case
    keys: tuple[str, ...]
    points: np.ndarray
    members: int
    start: int

    def __len__(self) -> int:
        return len(self.points) * self.members

    def point(self, index: int) -> dict[str, float]:
        """Values of one point by key; NaN where the case has nothing that varies with the key."""
        return dict(zip(self.keys, self.points[index].tolist(), strict=True))


class Plan:
    """Every run of a study by its position: experiments, then cases, then points of the design, then donors and their cells."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.strata: list[Stratum] = []
        for experiment in study.experiments:
            for case in study.cases_of(experiment):
                keys, points = study.points_table(experiment, case)
                self.strata.append(Stratum(experiment, case, keys, points, self._members(case), len(self)))

    def _members(self, case: Case) -> int:
        cohort = self.study.cohort
        return 1 if cohort is None else len(cohort.donors_of(case.donors)) * cohort.cells

    def __len__(self) -> int:
        return self.strata[-1].start + len(self.strata[-1]) if self.strata else 0

    @cached_property
    def spans(self) -> dict[str, tuple[int, int]]:
        """First position of every experiment and the position after its last."""
        found: dict[str, tuple[int, int]] = {}
        for each in self.strata:
            start, _ = found.get(each.experiment, (each.start, 0))
            found[each.experiment] = (start, each.start + len(each))
        return found

    def _located(self, positions: Sequence[int] | np.ndarray) -> Iterator[tuple[Stratum, list[int]]]:
        """Consecutive positions of one stratum together, counted from its first run."""
        wanted = np.asarray(positions, dtype=np.int64)
        if len(wanted) and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise ParameterError(f"got a position outside the study; expected 0 to {len(self) - 1}", name="positions")
        owner = np.searchsorted([s.start for s in self.strata], wanted, side="right") - 1
        edges = [0, *(np.flatnonzero(np.diff(owner)) + 1).tolist(), len(wanted)]
        for first, last in itertools.pairwise(edges):
            if last > first:
                stratum = self.strata[int(owner[first])]
                yield stratum, (wanted[first:last] - stratum.start).tolist()

    # -- keys -------------------------------------------------------------------------------------------------------

    @cached_property
    def keys(self) -> np.ndarray:
        """A short hash of every run's recipe, int64 (n_runs,): what is varied, drawn and done, not the solved constants, so that no cell has to be made.

        Equal recipes have equal keys in any study; with more samples, donors or cells the earlier ones keep theirs.
        """
        return self.keys_of(np.arange(len(self)))

    def keys_of(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """The keys of some runs, int64."""
        words = bytearray()
        for stratum, local in self._located(positions):
            head, raw, tags = self._ingredients[stratum.start]
            width, at, base = len(raw) // len(stratum.points), -1, None
            for index in local:
                number, member = divmod(index, stratum.members)
                if number != at or base is None:
                    at, base = number, hashlib.blake2b(head + raw[number * width : (number + 1) * width], digest_size=WORD)
                mine = base.copy()
                mine.update(tags[member])
                words += mine.digest()
        return np.frombuffer(bytes(words), dtype="<i8").copy()

    @cached_property
    def _ingredients(self) -> dict[int, tuple[bytes, bytes, list[bytes]]]:
        """Of every stratum, by its start: a hash of what its runs share, its points as bytes, and what tells its members apart."""
        found = {}
        for stratum in self.strata:
            head = hashlib.blake2b(json.dumps(_plain(self._common(stratum)), sort_keys=True).encode(), digest_size=32).digest()
            points = np.where(np.isnan(stratum.points), np.nan, stratum.points + 0.0)  # one NaN, one zero
            found[stratum.start] = (head, np.ascontiguousarray(points, dtype="<f8").tobytes(), self._tags(stratum))
        return found

    @cached_property
    def identity(self) -> str:
        """Name of the study: a hash of its runs' recipes in order."""
        digest = hashlib.sha256()
        for head, raw, tags in self._ingredients.values():
            for part in (head, hashlib.sha256(raw).digest(), hashlib.sha256(b"\n".join(tags)).digest()):
                digest.update(part)
        return digest.hexdigest()[:16]

    def _common(self, stratum: Stratum) -> dict[str, Any]:
        """What all runs of a stratum share, and what their stored rows say of them."""
        study, cell, case = self.study, stratum.case.cell, stratum.case
        return {
            "package": package_version(),
            "case": [case.name, case.group, cell.calibrated_for, cell.phenotype, cell.parameter_set],
            "cell": cell_content(cell),
            "treatment": None if case.treatment is None else [name_of(case.treatment), settings_of(case.treatment)],
            "experiment": [stratum.experiment, study.experiments[stratum.experiment].kind, settings_of(study.experiments[stratum.experiment])],
            "solver": asdict(study.solver),
            "keep": study.keep,
            "keys": stratum.keys,
            "seed": study.seed,
            "cohort": None if study.cohort is None else {k: v for k, v in study.cohort.describe().items() if k not in ("donors", "cells", "table")},
        }

    def _tags(self, stratum: Stratum) -> list[bytes]:
        """What tells the members of a stratum apart."""
        cohort = self.study.cohort
        if cohort is None:
            return [b""]
        group = stratum.case.donors
        table = cohort.table.get(group, {})
        donors = [json.dumps([group, i, donor, table.get(donor)], sort_keys=True).encode() for i, donor in enumerate(cohort.donors_of(group))]
        return [b"%s/%d" % (donor, i) for donor in donors for i in range(cohort.cells)]

    def base(self, experiment: str) -> Experiment:
        """The experiment at its first point: what a result says of all its runs."""
        stratum = next(s for s in self.strata if s.experiment == experiment)
        return _set_up(self.study.experiments[experiment], None, stratum.point(0), experiment)[0]

    def numbers(self, experiment: str) -> int:
        """Numbers that a run of an experiment keeps over time, at its first point."""
        setup = self.base(experiment)
        kept = [name for name in setup.record if self.study.keep is None or name in self.study.keep]
        return len(setup.times()) * len(kept) * (1 if setup.instrument is None else 2)

    def about(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """What is known of runs of one experiment without making their cells, by variable: case, point as "vary.KEY", and labels in a cohort."""
        parts: list[dict[str, np.ndarray]] = []
        for stratum, local in self._located(positions):
            number, member = np.divmod(np.array(local), stratum.members)
            known = {"case": np.full(len(local), stratum.case.name, dtype=object)}
            known |= {f"vary.{key}": stratum.points[number, k] for k, key in enumerate(stratum.keys)}
            cohort = self.study.cohort
            if cohort is not None:
                donor, cell = np.divmod(member, cohort.cells)
                labels = {int(d): cohort.labels_of(stratum.case.donors, int(d)) for d in np.unique(donor)}
                names = cohort.donors_of(stratum.case.donors)
                known |= {"group": np.full(len(local), stratum.case.donors, dtype=object), "donor": np.array([names[d] for d in donor], dtype=object)}
                known |= {"cell": cell + 1.0} | {key: np.array([labels[int(d)][key] for d in donor]) for key in ("age", "sex", "pair")}
            parts.append({key: values.astype(object) if values.dtype.kind == "U" else values for key, values in known.items()})
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    # -- runs -------------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Run]:
        for stratum in self.strata:
            for first in range(0, len(stratum), 256):
                yield from self.runs(range(stratum.start + first, stratum.start + min(first + 256, len(stratum))))

    def runs(self, positions: Sequence[int] | np.ndarray) -> list[Run]:
        """The runs at some positions; their cells are made together."""
        drafts = [draft for stratum, local in self._located(positions) for draft in self._drafts(stratum, local)]
        recipes = list(dict.fromkeys(draft.recipe for draft in drafts))
        first = {draft.recipe: draft.wanted for draft in reversed(drafts)}
        made = dict(zip(recipes, made_each([first[recipe] for recipe in recipes]), strict=True))
        contents = {recipe: cell_content(cell) for recipe, (cell, _) in made.items()}
        return [draft.run(self.study, made[draft.recipe], contents[draft.recipe]) for draft in drafts]

    def _drafts(self, stratum: Stratum, local: Sequence[int]) -> Iterator[_Draft]:
        """What is known of the runs before their cells are made."""
        study, name, case = self.study, stratum.experiment, stratum.case
        experiment, kind = study.experiments[name], name_of(case.treatment)
        setups: dict[tuple[tuple[str, float], ...], tuple[Experiment, Treatment | None, str]] = {}
        bases: dict[int, tuple[Cell, str]] = {}
        for index in local:
            number, member = divmod(index, stratum.members)
            point = stratum.point(number)
            settings = (*own(point, name).items(), *own(point, kind).items())
            if settings not in setups:
                setups[settings] = _set_up(experiment, case.treatment, point, name)
            setup, treatment, misfit = setups[settings]
            changed = {key: value for key, value in point.items() if study.record_of(key) is None and not math.isnan(value)}
            drawn, unfit = None, misfit
            if study.cohort is not None:
                if number not in bases:
                    bases[number] = _set(case.cell, changed)
                base, problem = bases[number]
                unfit = misfit or problem
                drawn = study.cohort.member(case.donors, base, member, case.name, name)
            values = {} if unfit else changed if drawn is None else {**changed, **drawn.changed}
            recipe = (case.name, *sorted(values.items()), unfit)
            yield _Draft(stratum, point, setup, treatment, Wanted(case.cell, values, self._constants), unfit, recipe, drawn)

    @property
    def _constants(self) -> str:
        return "recalibrated" if self.study.cohort is None else self.study.cohort.constants


@dataclass(frozen=True)
class _Draft:
    """A run whose cell is not made yet; equal ``recipe``, equal cell."""

    stratum: Stratum
    point: dict[str, float]
    setup: Experiment
    treatment: Treatment | None
    wanted: Wanted
    unfit: str  # why there cannot be such a run, if there cannot
    recipe: tuple[Any, ...]
    member: Member | None

    def run(self, study: Study, made: tuple[Cell, str], content: dict[str, Any]) -> Run:
        """The run, with its cell or why there is none."""
        cell, failure = made
        name, case = self.stratum.experiment, self.stratum.case
        labels, chance = study.named(name, case, self.setup, self.member)
        failure = self.unfit or failure
        return Run(name, case.name, cell, self.setup, self.treatment, self.point, study.solver, content, failure, labels, chance, study.channels, self.recipe)


def _set_up(experiment: Experiment, treatment: Treatment | None, point: Mapping[str, float], name: str) -> tuple[Experiment, Treatment | None, str]:
    """The experiment and the treatment at a point; of a point at which their settings do not fit together, those of the base case and why."""
    try:
        setup = replace(experiment, **own(point, name))
        return setup, None if treatment is None else replace(treatment, **own(point, name_of(treatment))), ""  # type: ignore[type-var]
    except ParameterError as error:
        return experiment, treatment, str(error)


def _set(cell: Cell, changed: Mapping[str, float]) -> tuple[Cell, str]:
    """The cell around which a cohort is drawn at one point, or why there is none."""
    try:
        return (cell.set(changed) if changed else cell), ""
    except ParameterError as error:
        return cell, str(error)


def _plain(value: Any) -> Any:
    """The same for JSON, whole numbers as the others: 100 and 100.0 are one setting."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return float(value) if isinstance(value, int | float | np.number) and not isinstance(value, bool) else value


def own(point: Mapping[str, float], owner: str) -> dict[str, Any]:
    """The part of a point that belongs to an experiment or a treatment, by field name."""
    return {key.partition(".")[2]: value for key, value in point.items() if key.partition(".")[0] == owner and not math.isnan(value)}
