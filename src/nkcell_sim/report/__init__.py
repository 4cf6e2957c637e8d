"""A result file as one page for people: figures, tables, verdicts and origin in a single HTML file that needs nothing else.

The page loads nothing from anywhere, runs no script, and is the same bytes for the same file. Everything that comes from the file is escaped.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ResultsError
from ..results.target import replacing
from .page import report_html

if TYPE_CHECKING:
    from ..results import Results

SUFFIXES = (".html", ".htm")


def write_report(results: Results, path: str | os.PathLike[str]) -> Path:
    """Write the report of results to ``path`` (.html): complete, or not at all.

    Raises :class:`~nkcell_sim.errors.ResultsError` for a name with another ending and for a place that cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise ResultsError(f"got {str(path)!r} as the file of a report; expected a name ending in .html, for example {target.stem or 'report'}.html")
    page = report_html(results)
    with replacing(target) as place:
        place.partial.write_text(page, encoding="utf-8", newline="\n")
    return target


__all__ = ["SUFFIXES", "report_html", "write_report"]
