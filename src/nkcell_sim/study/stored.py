"""The study in its folder as other processes load it: one file, named by a hash of its bytes, so that nobody takes it for another one."""

from __future__ import annotations

import hashlib
import pickle
import pickletools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ResultsError
from ..results.target import reason, replacing
from .plan import Plan
from .versions import why_not_here

BEFORE = "study.pickle"  # its name in folders of earlier versions


def pickled(content: Any) -> tuple[bytes, str]:
    """Bytes that other processes can load; or none, and why there are none."""
    try:
        return pickle.dumps(content), ""
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        return b"", str(error)


def recipe_of(data: bytes) -> str:
    """The hash that the file is named by."""
    return hashlib.sha256(data).hexdigest()[:16]


def path_of(folder: Path, recipe: str) -> Path:
    """The file of a recipe."""
    return folder / f"study-{recipe}.pickle"


def store(folder: Path, data: bytes) -> None:
    """Put a study in the folder, beside others that are there."""
    with replacing(path_of(folder, recipe_of(data))) as place:
        place.partial.write_bytes(data)


def forget_others(folder: Path, recipe: str) -> None:
    """Remove studies that are not the one of the folder any more."""
    for path in (*folder.glob("study-*.pickle"), folder / BEFORE):
        if path != path_of(folder, recipe):
            path.unlink(missing_ok=True)


def needs_main(data: bytes) -> bool:
    """Whether pickled bytes refer to something that was defined in the script that ran, which other processes do not have by themselves."""
    if b"__main__" not in data:
        return False
    return any(argument == "__main__" for _, argument, _ in pickletools.genops(data))


def loaded(folder: Path, recipe: str, about: Mapping[str, Any]) -> tuple[Plan, Any]:
    """The study of a recipe and what was asked beside it; :class:`ResultsError` when it is not there, or makes other runs here than where it was stored."""
    data = _read(folder, recipe)
    try:
        found = pickle.loads(data)
    except Exception as error:
        again = "run the script that made it again: it holds something that was defined there" if about.get("main") else "start the study again"
        said = f"cannot load the study in {folder.name!r} ({type(error).__name__}: {error})"
        raise ResultsError(f"{said}; {why_not_here(about) or again + ', which goes on with what is finished'}") from error
    plan = Plan(found["study"])
    if about.get("recipe") == recipe and plan.identity != about["study"]:
        why = why_not_here(about) or "was the package changed, or a module that the study uses? Undo that to go on, or start the study again"
        raise ResultsError(f"the study in {folder.name!r} makes other runs here than where it was started: {why}")
    return plan, found["asked"]


def _read(folder: Path, recipe: str) -> bytes:
    path = path_of(folder, recipe)
    earlier = folder / BEFORE
    path = earlier if earlier.is_file() and not path.exists() else path
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        others = sorted(each.name for each in folder.glob("study-*.pickle"))
        if others:
            raise ResultsError(f"{folder.name!r} does not hold the study that this work belongs to; was another one started in the same folder?") from error
        raise ResultsError(f"there is no {path.name!r} in {str(folder)!r}; workers need the folder of the study on a file system that they share") from error
    except OSError as error:
        raise ResultsError(f"cannot read {str(path)!r}: {reason(error)}; workers need the folder of the study on a file system that they share") from error
    if recipe_of(data) != recipe:
        raise ResultsError(f"{str(path)!r} was changed, or is not the study that this work belongs to; start the study again with `nkcell run`")
    return data
