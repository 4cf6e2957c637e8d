"""What deciding experiments tell, as rows of the tables that results keep."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .deciding import decisions, predictions
from .responders import ononetin_predictions
from .separation import separations

if TYPE_CHECKING:
    from ..results import Results


def prediction_rows(results: Results) -> list[dict[str, Any]]:
    """A row for every quantity that a lesion with a parameter set predicts, with what the alternatives predict; empty for no deciding experiment."""
    found = predictions(results)
    return [asdict(row) for row in found or ononetin_predictions(results)]


def separation_rows(results: Results) -> list[dict[str, Any]]:
    """A row for every two camps of hypotheses: where they are best told apart, by which ratio, and how many donors it takes (NaN: more than were tried)."""
    rows = [s.row() for decision in decisions(results) for s in separations(decision)]
    return [{name: math.nan if value is None else value for name, value in row.items()} for row in rows]
