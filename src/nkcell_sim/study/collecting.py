"""From the shards of a study, and the rows that an earlier result holds already, to its result file: the same whatever was done where and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ResultsError
from ..results import BlankSource, Group, Results, Rows, Source, check_shard, experiment_attributes, open_results, read_shard_keys, save_collected, taken_rows
from ..results.origin import file_attributes, provenance_group
from .folder import StudyFolder
from .plan import Plan

Tables = Callable[[Results], Results]


@dataclass
class Found:
    """Where the rows of a study are: ``source`` (n_runs,) counts in ``sources``, -1 where there is none yet; ``row`` is the row there."""

    source: np.ndarray
    row: np.ndarray
    sources: list[Path | Group | Source] = field(default_factory=list)
    earlier: Counter[str] = field(default_factory=Counter)  # how those of an earlier result file ended

    @classmethod
    def nowhere(cls, plan: Plan) -> Found:
        """Nothing yet."""
        return cls(np.full(len(plan), -1, dtype=np.int32), np.zeros(len(plan), dtype=np.int64))

    def add(self, source: Path | Group | Source, positions: np.ndarray, rows: np.ndarray | None = None) -> None:
        """Rows of a source (all of them, in order) for some positions; those that are known already keep theirs."""
        rows = np.arange(len(positions)) if rows is None else rows
        new = self.source[positions] < 0
        if new.any():
            self.source[positions[new]] = len(self.sources)
            self.row[positions[new]] = rows[new]
            self.sources.append(source)

    @property
    def known(self) -> np.ndarray:
        """Whether a row is there, bool (n_runs,)."""
        return np.asarray(self.source >= 0)


def add_earlier(found: Found, plan: Plan, result: Path, *, again: Sequence[str] = ()) -> None:
    """Finished rows of an earlier result file that are runs of this study as well, except those whose status is in ``again``.

    A file that cannot be read has none.
    """
    index = key_index(plan)
    try:
        results = open_results(result)
    except ResultsError:
        return
    for name, runs in results.experiments.items():
        if name not in index or "run_key" not in runs:
            continue
        status = np.array(runs.status, dtype=object)
        wanted = ~runs.unfinished & ~np.isin(status, again)
        positions, rows = _matched(index[name], np.asarray(runs["run_key"]))
        found.earlier.update(status[rows[wanted[rows] & (found.source[positions] < 0)]].tolist())
        found.add(result, positions[wanted[rows]], rows[wanted[rows]])


def add_shards(found: Found, plan: Plan, folder: StudyFolder, *, check: bool = True) -> tuple[list[str], int]:
    """Rows of the finished shards in a folder.

    Damaged ones are set aside, and what is wrong with each is returned; so is the number of finished runs that are none of this study.
    Without ``check`` their bytes are not compared with their names, which reads all of them: where many begin at once, the one that collects does it.
    """
    index = key_index(plan)
    problems, others = [], 0
    for shard in folder.files():
        problem = check_shard(shard) if check else ""
        if problem:
            problems.append(problem)
            folder.set_aside(shard)
            continue
        try:
            name, keys = read_shard_keys(shard)
        except ResultsError:  # its runs count as missing; the one that checks sets it aside
            continue
        positions, rows = _matched(index[name], keys) if name in index else (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        others += len(keys) - len(rows)
        found.add(shard, positions, rows)
    return problems, others


def key_index(plan: Plan) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Keys of every experiment in order, with the positions that have them."""
    made = {}
    for name, (first, last) in plan.spans.items():
        keys = plan.keys[first:last]
        order = np.argsort(keys, kind="stable")
        made[name] = (keys[order], order + first)
    return made


def _matched(index: tuple[np.ndarray, np.ndarray], keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the keys that belong to the study, and their rows."""
    ordered, positions = index
    where = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    rows = np.flatnonzero(ordered[where] == keys)
    return positions[where[rows]], rows


def add_unknown(found: Found, plan: Plan, positions: np.ndarray, status: str) -> None:
    """Rows for runs that have no result: NaN, their status and what is known of them without simulating; a row that is there serves as the pattern."""
    for name, (first, last) in plan.spans.items():
        mine = positions[(positions >= first) & (positions < last)]
        if not len(mine):
            continue
        there = np.flatnonzero(found.known[first:last])
        if len(there):
            at = int(there[0]) + first
            pattern = taken_rows(source_of(found.sources[found.source[at]], name), found.row[[at]], name)
        else:
            from .chunk import unsimulated

            pattern = unsimulated(plan, mine[:1].tolist(), status, "")  # which has a protocol, as somebody must
            found.add(pattern, mine[:1])
            mine = mine[1:]
            if not len(mine):
                continue
        states = np.full(len(mine), status, dtype=object)
        found.add(BlankSource(pattern.groups[name], {"status": states, "run_key": plan.keys_of(mine), **plan.about(mine)}), mine)


def source_of(given: Path | Group | Source, experiment: str) -> Source:
    """Rows of an experiment of a shard, a result file or a tree."""
    return given if isinstance(given, Source) else Source.of(given, experiment)


def write_result(
    target: Path, plan: Plan, found: Found, provenance: Mapping[str, Any], *, virtual: bool = False, tables: Tables | None = None, through: Path | None = None
) -> None:
    """Write the result file; complete, or not at all. ``tables`` adds what is computed from the runs; ``through`` is an empty file beside it to use."""
    experiments = {}
    for name, (first, last) in plan.spans.items():
        used = np.unique(found.source[first:last])
        sources = [source_of(found.sources[i], name) for i in used.tolist()]
        about = experiment_attributes(name, plan.base(name), plan.study.design.keys, plan.study.notes(name))  # not those of an earlier study's shards
        experiments[name] = Rows(sources, np.searchsorted(used, found.source[first:last]), found.row[first:last], attributes=about)
    attributes, groups = file_attributes(plan.study.title, provenance), {"provenance": provenance_group(provenance)}

    def computed(path: Path) -> Mapping[str, Group]:
        before = open_results(path)
        after = before if tables is None else tables(before)
        return {name: group for name, group in after.root.groups.items() if name not in before.root.groups}

    virtual = virtual and target not in found.sources  # which goes when this file takes its name
    save_collected(target, attributes, experiments, groups, virtual=virtual, more=None if tables is None else computed, through=through)
