"""Writes rows of one experiment from many sources into a file, part by part: memory does not grow with the number of runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .layout import SHARDS, Group, Pending, Variable
from .merge import Merge
from .scan import TIMES
from .seal import seal
from .sources import Source
from .target import replacing, uninterrupted
from .writer import growing, write_group

MOST_STRETCHES = 100_000  # of consecutive rows that a virtual variable may be put together from


@dataclass(frozen=True, eq=False)
class Rows:
    """The runs of one experiment: run i is row ``row_of[i]`` of ``sources[source_of[i]]``.

    ``runs`` is the number that the study asks for, when it is another; ``attributes`` replace those of the sources.
    """

    sources: Sequence[Source]
    source_of: np.ndarray
    row_of: np.ndarray
    runs: int | None = None
    attributes: Mapping[str, Any] | None = None


def collect(
    file: Any,
    name: str,
    sources: Sequence[Source],
    source_of: np.ndarray,
    row_of: np.ndarray,
    *,
    virtual: bool = False,
    folder: str | os.PathLike[str] | None = None,
    runs: int | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write the group of an experiment into an open file: run i is row ``row_of[i]`` of ``sources[source_of[i]]``.

    The result is the same whatever the sources, shards, earlier files or trees, and however the runs are divided among them. ``virtual`` leaves
    the traces in the files of the sources, named relative to ``folder``, that of the finished file. ``runs`` is the number of runs that the study asks for.
    """
    merge = Merge(sources, source_of, row_of, runs=runs)
    left = _virtual(merge, Path(folder or Path(file.filename).parent)) if virtual else {}
    tree = merge.tree(**left)
    told = dict(tree.attributes) if attributes is None else {**attributes, "nkcell_runs": tree.attributes["nkcell_runs"]}
    if left:
        told[SHARDS] = "\n".join(sorted({_relative(s, Path(folder or Path(file.filename).parent)) for s in sources if not s.blank}))
    group = file.create_group(name, track_order=True)
    with uninterrupted():
        write_group(group, Group(tree.variables, tree.groups, told), {})
    for path, start, values in merge.pieces(skipped=tuple(left)):
        with uninterrupted():
            group[path][start : start + len(values)] = values


def save_collected(
    path: str | os.PathLike[str],
    attributes: Mapping[str, Any],
    experiments: Mapping[str, Rows],
    groups: Mapping[str, Group],
    *,
    virtual: bool = False,
    more: Callable[[Path], Mapping[str, Group]] | None = None,
    through: Path | None = None,
) -> Path:
    """Write a whole result file from rows of experiments; ``attributes`` are those of the file and ``groups`` what else it holds (provenance).

    ``more`` is called with the file as it is then, and returns groups that are computed from it (tables). The file takes its name when it is complete;
    ``through`` is an empty file beside it to use.
    """
    with replacing(path, through) as place:
        with growing(place.partial) as file:
            write_group(file, Group({}, {}, dict(attributes)), {})
            for name, rows in experiments.items():
                where: dict[str, Any] = {"folder": place.target.parent, "runs": rows.runs, "attributes": rows.attributes}
                collect(file, name, rows.sources, rows.source_of, rows.row_of, virtual=virtual, **where)
            write_group(file, Group({}, dict(groups)), {})
        computed = {} if more is None else more(place.partial)
        if computed:
            with growing(place.partial, "r+") as file:
                write_group(file, Group({}, dict(computed)), {})
        seal(place.partial)
    return Path(path)


def _relative(source: Source, folder: Path) -> str:
    return Path(os.path.relpath(Path(str(source.path)).resolve(), folder.resolve())).as_posix()


def _virtual(merge: Merge, folder: Path) -> dict[str, Variable]:
    """The traces as they lie in the sources, where all of these are files that hold them on the same axis."""
    if any(source.path is None and not source.blank for source in merge.sources) or all(source.blank for source in merge.sources):
        return {}
    breaks = np.flatnonzero((np.diff(merge.source_of) != 0) | (np.diff(merge.row_of) != 1)) + 1
    starts = np.concatenate([[0], breaks])
    ends = np.concatenate([breaks, [len(merge)]])
    if len(starts) > MOST_STRETCHES:
        return {}
    found: dict[str, Variable] = {}
    name_of = {s: _relative(merge.sources[s], folder).replace("%", "%%") for s in np.unique(merge.source_of).tolist() if not merge.sources[s].blank}
    for path, variable in merge.columns.items():
        if not isinstance(variable, Pending) or variable.dims[0] != "run" or variable.dims[1:] not in [(t,) for t in TIMES] or not all(variable.shape):
            continue
        layout = _stretches(merge, path, variable, name_of, starts, ends)
        if layout is not None:
            found[path] = Pending(variable.dims, variable.shape, variable.dtype, variable.attributes, layout)
    return found


def _stretches(merge: Merge, path: str, variable: Variable, name_of: Mapping[int, str], starts: np.ndarray, ends: np.ndarray) -> Any:
    layout = h5py.VirtualLayout(variable.shape, variable.dtype)
    made: dict[int, Any] = {}
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        number, row = int(merge.source_of[start]), int(merge.row_of[start])
        if merge.sources[number].blank:  # left to the fill value
            continue
        if number not in made:
            source: Any = merge.sources[number]
            column = source.layout.columns.get(path)
            if column is None or column.dims != variable.dims or column.dtype != variable.dtype or source.width(path) != variable.shape[1]:
                return None
            made[number] = h5py.VirtualSource(name_of[number], f"{source.experiment}/{path}", (source.runs, variable.shape[1]), variable.dtype)
        layout[start:end] = made[number][row : row + end - start]
    return layout
