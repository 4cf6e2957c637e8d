"""Checks a result file thoroughly: every byte, every run, every file that it needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py

from ..errors import ResultsError
from .layout import ENSEMBLE, RESERVED_GROUPS, SHARDS
from .reader import check_complete, opened, read, translated
from .seal import unsealed
from .shards import KIND, check_shard
from .unfinished import reasons, unfinished

AT_ONCE = 2**22  # values read at once
SHOWN = 6


@dataclass(frozen=True)
class Report:
    """What :func:`check` found: ``problems`` in words (none: the file is sound), ``unfinished`` runs by experiment, and how much was read."""

    path: str
    problems: tuple[str, ...]
    unfinished: dict[str, int] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)
    variables: int = 0
    shards: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing is damaged or missing; runs that were not finished are not damage."""
        return not self.problems

    @property
    def complete(self) -> bool:
        """Whether the file is sound and every run was finished, well or not."""
        return self.sound and not self.unfinished

    def __str__(self) -> str:
        said = ", ".join(f"{n} runs of {name}" for name, n in self.runs.items())
        read = f"{self.path}: {said or 'no runs'}; {self.variables} variables read" + (f", {self.shards} shards checked" if self.shards else "")
        lines = [f"{name}: {n} runs are not finished; the command that made the file goes on with them" for name, n in self.unfinished.items()]
        hidden = len(self.problems) - SHOWN
        lines += [*(f"DAMAGED: {p}" for p in self.problems[:SHOWN]), *([f"... and {hidden} more"] if hidden > 0 else [])]
        return "\n".join([read, *(f"  {line}" for line in lines or ["sound: every checksum, every run and every file is as it was written"])])


def check(path: str | os.PathLike[str]) -> Report:
    """Check a result file, a shard or an ensemble: digest of the file, checksum of every chunk, number of runs, shards that hold its traces.

    A file that is missing or not one of ours raises :class:`~nkcell_sim.errors.ResultsError`; what is wrong with one of ours is in the report.
    """
    file = Path(path)
    try:
        with opened(file, shards=False) as h5:
            kind = str(h5.attrs.get("nkcell_kind", ""))
            found = _Findings(str(path))
            found.content(h5, file.resolve().parent)
    except ResultsError as error:
        if file.is_file() and h5py.is_hdf5(file):
            return Report(str(path), (str(error),))
        raise
    if kind == KIND:
        found.add(check_shard(file))
    elif kind != ENSEMBLE:
        found.add(unsealed(file), before=f"{str(path)!r}: ")
        found.whole(file)
    return Report(str(path), tuple(found.problems), found.unfinished, found.runs, found.variables, found.shards)


class _Findings:
    """Collects what is wrong."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[str] = []
        self.unfinished: dict[str, int] = {}
        self.runs: dict[str, int] = {}
        self.variables = self.shards = 0

    def add(self, problem: str, *, before: str = "") -> None:
        """Keep a problem; an empty text is none."""
        if problem:
            self.problems.append(f"{before}{problem}")

    def whole(self, file: Path) -> None:
        """Whether everything is there that every result has."""
        if not self.problems:
            try:
                check_complete(read(file), str(file))
            except ResultsError as error:
                self.add(str(error))

    def content(self, h5: Any, folder: Path) -> None:
        """Read everything."""
        for group in h5.values():
            if isinstance(group, h5py.Group) and SHARDS in group.attrs:
                self._shards(str(group.attrs[SHARDS]).splitlines(), folder)
        for dataset in _datasets(h5):
            self.variables += 1
            self._read(dataset)
        for name, group in h5.items():
            if isinstance(group, h5py.Group) and name not in RESERVED_GROUPS and "run" in group and "experiment" in group.attrs:
                self._experiment(name, group)
        if h5.attrs.get("nkcell_kind") == ENSEMBLE and not h5.attrs.get("complete", 1):
            self.unfinished["ensemble"] = int(h5["run"].shape[0]) - int(h5.attrs.get("finished_runs", 0))

    def _shards(self, names: list[str], folder: Path) -> None:
        for name in names:
            self.shards += 1
            self.add(check_shard(folder / name), before="its shard ")

    def _read(self, dataset: Any) -> None:
        """Every chunk of a dataset, whose checksum HDF5 then checks."""
        rows = max(1, AT_ONCE // max(1, dataset.size // max(1, dataset.shape[0]))) if dataset.shape else 1
        if dataset.chunks:
            rows = max(1, rows // dataset.chunks[0]) * dataset.chunks[0]
        try:
            with translated(self.path):
                text = h5py.check_string_dtype(dataset.dtype) is not None
                read = dataset.asstr() if text else dataset
                if not dataset.shape:
                    read[()]
                for start in range(0, dataset.shape[0] if dataset.shape else 0, rows):
                    read[start : start + rows]
        except ResultsError as error:
            self.add(f"{dataset.name}: {error}")

    def _experiment(self, name: str, group: Any) -> None:
        """Number of runs, and those that were not finished."""
        there = int(group["run"].shape[0])
        self.runs[name] = there
        asked = int(group.attrs.get("nkcell_runs", there))
        if asked != there:
            self.add(f"{name} has {there} runs; the study asks for {asked}")
        columns = {n: d for n, d in group.items() if isinstance(d, h5py.Dataset) and d.shape and n not in ("time", "sample")}
        sizes = {n: int(d.shape[0]) for n, d in columns.items() if d.shape[0] != there}
        self.add(", ".join(f"{name}/{n} has {size} rows for {there} runs" for n, size in sizes.items()))
        if "status" not in group:
            return
        try:
            with translated(self.path):
                status = group["status"].asstr()[()].tolist()
                waiting = int(unfinished(status, reasons(_warnings(group)) if "not_run" in status else {}).sum())
        except ResultsError:
            return  # found and named by reading it
        if waiting:
            self.unfinished[name] = waiting


def _warnings(group: Any) -> list[tuple[int, str]]:
    """(run, text) of the warnings of an experiment."""
    if "warnings" not in group:
        return []
    return list(zip(group["warnings/warning_run"][()].tolist(), group["warnings/warning_text"].asstr()[()], strict=True))


def _datasets(h5: Any) -> Iterator[Any]:
    for item in h5.values():
        if isinstance(item, h5py.Dataset):
            yield item
        else:
            yield from _datasets(item)
