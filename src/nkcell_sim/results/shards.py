"""A shard: the runs of one chunk of a study in a file of its own, named by its content."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ResultsError
from .layout import RESERVED_GROUPS, SCHEMA, SHARDS, Group
from .reader import opened
from .seal import file_digest
from .sources import LAYOUT, MemorySource
from .target import reason, replacing, uninterrupted
from .writer import growing, write_group

DIGEST = 24  # hexadecimal digits of SHA-256 in the name of a shard
SUFFIX = ".h5"
KIND = "shard"  # the attribute ``nkcell_kind`` of a shard


def write_shard(tree: Group, folder: str | os.PathLike[str], tag: str = "", through: Path | None = None) -> Path:
    """Write a tree with the group of one experiment into a folder; the name of the file is the number of its runs, a tag, and the digest of its bytes.

    The same tree gives the same bytes, and so the same file. It is there completely or not at all. ``through`` is an empty file on the same file system
    that becomes the shard; there will be none when somebody removes it meanwhile.
    """
    name = _experiment_of(tree)
    group = tree.groups[name]
    runs = group.variables["run"].shape[0]
    attributes = {**tree.attributes, "nkcell_schema": SCHEMA, "nkcell_kind": KIND, LAYOUT: layout_digest(group)}
    start = f"{runs}-{tag}" if tag else str(runs)
    with replacing(Path(folder) / f"{start}{SUFFIX}", through) as place:
        with uninterrupted(), growing(place.partial) as file:
            write_group(file, Group({}, {name: group}, attributes), {})
        place.target = place.target.with_name(f"{start}-{file_digest(place.partial)[:DIGEST]}{SUFFIX}")
    return place.target


def read_shard_keys(path: str | os.PathLike[str]) -> tuple[str, np.ndarray]:
    """The experiment of a shard, and the key of each of its runs (n_runs,)."""
    with opened(path) as file:
        names = [name for name in file if name not in RESERVED_GROUPS]
        if len(names) != 1 or file.attrs.get("nkcell_kind") != KIND:
            raise ResultsError(f"{str(path)!r} is not a shard of a study: it has the groups {', '.join(file)}")
        if "run_key" not in file[names[0]]:
            raise ResultsError(f"{str(path)!r} has no run_key: it does not tell which runs it holds")
        return names[0], np.asarray(file[names[0]]["run_key"][()], dtype=np.int64)


def shards_of(path: str | os.PathLike[str]) -> list[str]:
    """The shards that a result file keeps its traces in, named from its folder; none for a packed one."""
    with opened(path) as file:
        return [name for group in file.values() if SHARDS in group.attrs for name in str(group.attrs[SHARDS]).splitlines()]


def check_shard(path: str | os.PathLike[str]) -> str:
    """What is wrong with a shard; empty when its bytes are those it was written with."""
    path = Path(path)
    start, _, digest = path.name.removesuffix(SUFFIX).rpartition("-")
    if not path.name.endswith(SUFFIX) or not start.partition("-")[0].isdigit() or len(digest) != DIGEST:
        return f"{path.name!r} is not named as a shard is (RUNS-TAG-DIGEST{SUFFIX})"
    try:
        found = file_digest(path)[:DIGEST]
    except FileNotFoundError:
        return f"there is no file {path.name!r}"
    except OSError as error:
        return f"{path.name!r} cannot be read: {reason(error)}"
    if found != digest:
        return f"{path.name!r} is truncated or was changed: its content does not have the digest that it is named by"
    return ""


def layout_digest(group: Group) -> str:
    """Digest of everything about an experiment's variables that does not depend on its runs: shards that agree are described once."""
    layout = MemorySource(group).layout
    columns = {path: [list(c.dims), c.dtype.str, _plain(c.attributes)] for path, c in layout.columns.items()}
    attributes = {name: _plain(each) for name, each in layout.attributes.items()}
    said = json.dumps([columns, attributes, {axis: dict(t) for axis, t in layout.axes.items()}], default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in attributes.items() if k != "nkcell_runs"}


def _experiment_of(tree: Group) -> str:
    names = [name for name in tree.groups if name not in RESERVED_GROUPS]
    if len(names) != 1:
        raise ResultsError(f"got a tree with the experiments {', '.join(names) or 'none'} as a shard; expected exactly one")
    return names[0]
