"""One cited value of a parameter set or a phenotype."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A parameter's value in its declared unit, with its own evidence code and reason (they replace the declaration's)."""

    key: str
    value: float
    unit: str
    evidence: str
    reason: str
