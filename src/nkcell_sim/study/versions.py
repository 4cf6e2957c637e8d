"""What to say when one version of the package meets the work of another, whose runs are not the same to the last bit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ResultsError
from ..provenance import package_version
from ..results import open_results

if TYPE_CHECKING:
    from .folder import StudyFolder


def why_not_here(about: Mapping[str, Any]) -> str:
    """That another version made a folder, and what to do; empty when this one did."""
    made, here = about.get("nkcell_sim"), package_version()
    if not made or made == here:
        return ""
    return (
        f"nkcell_sim {made} made it, and this is {here}; use that version (pip install nkcell_sim=={made}) to go on with what is finished or to collect it, "
        "or do all runs again with this one (`nkcell run` with the configuration, or the script)"
    )


def notes_of_others(folder: StudyFolder, target: Path, *, others: int, missing: bool) -> list[str]:
    """That runs which are there are done again because another version did them: ``others`` in the folder, and those of an earlier result file."""
    here, notes = package_version(), list[str]()
    if missing and others and (made := folder.told.get("nkcell_sim", here)) != here:
        notes.append(f"nkcell_sim {made} made {folder.path.name}, and this is {here}: of its finished runs {others:,} are not those of this study here")
    if missing and target.is_file():
        try:
            made = open_results(target).provenance["software"]["nkcell_sim"]
        except (ResultsError, KeyError):
            return notes
        if made != here:
            notes.append(f"nkcell_sim {made} made {target.name}, and this is {here}: runs of another version are not taken over, they are done again")
    return notes
