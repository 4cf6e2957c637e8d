"""Whether two result trees hold the same numbers (a repeated run must, to the last bit)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layout import Group, Variable

# Provenance tells when and with what a file was made: it differs between equal runs.
NOT_COMPARED = ("/provenance",)
SHOWN = 20


@dataclass(frozen=True)
class Comparison:
    """How many values were compared, and one line for each variable that differs."""

    values: int
    differences: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether every value is equal (NaN equals NaN)."""
        return not self.differences

    def __str__(self) -> str:
        if self.equal:
            return f"all {self.values} values are equal, bit for bit"
        hidden = len(self.differences) - SHOWN
        lines = [f"{len(self.differences)} variables differ ({self.values} values compared):", *(f"  {d}" for d in self.differences[:SHOWN])]
        return "\n".join([*lines, *([f"  ... and {hidden} more"] if hidden > 0 else [])])


def compare(a: Group, b: Group) -> Comparison:
    """Compare every value of two result trees, except provenance."""
    first, second = _flat(a), _flat(b)
    differences = [f"{name}: only in the {'first' if name in first else 'second'}" for name in sorted(first.keys() ^ second.keys())]
    count = 0
    for name in [n for n in first if n in second]:
        count += int(np.prod(first[name].shape, dtype=int))
        difference = _difference(first[name], second[name])
        if difference:
            differences.append(f"{name}: {difference}")
    return Comparison(count, tuple(differences))


def _flat(root: Group) -> dict[str, Variable]:
    return {
        f"{path.rstrip('/')}/{name}": variable for path, group in root.walk() if not path.startswith(NOT_COMPARED) for name, variable in group.variables.items()
    }


def _difference(a: Variable, b: Variable) -> str:
    if a.shape != b.shape:
        return f"shape {a.shape} and {b.shape}"
    if not a.shape:
        return _said(*_unequal(a.values, b.values), a)
    unequal, largest = 0, float("nan")
    for rows in a.blocks():
        found, gap = _unequal(a.part(rows), b.part(rows))
        unequal += found
        largest = float(np.fmax(largest, gap))
    return _said(unequal, largest, a)


def _said(unequal: int, largest: float, a: Variable) -> str:
    size = int(np.prod(a.shape, dtype=int))
    if not unequal:
        return ""
    if a.is_text:
        return f"{unequal} of {size} strings differ"
    return f"{unequal} of {size} values differ, by at most {largest:.3g} {a.attributes.get('units', '')}".rstrip()


def _unequal(a: np.ndarray, b: np.ndarray) -> tuple[int, float]:
    """Number of values that differ, and the largest difference of numbers."""
    if a.dtype == object or b.dtype == object:
        return int(np.sum(a != b)), float("nan")
    if np.array_equal(a, b, equal_nan=True):
        return 0, float("nan")
    with np.errstate(invalid="ignore"):
        gap = np.abs(a - b)
    unequal = int(np.sum(~((a == b) | (np.isnan(a) & np.isnan(b)))))
    return unequal, float(np.nanmax(gap)) if np.isfinite(gap).any() else float("nan")
