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
        count += first[name].values.size
        difference = _difference(first[name], second[name])
        if difference:
            differences.append(f"{name}: {difference}")
    return Comparison(count, tuple(differences))


def _flat(root: Group) -> dict[str, Variable]:
    return {
        f"{path.rstrip('/')}/{name}": variable for path, group in root.walk() if not path.startswith(NOT_COMPARED) for name, variable in group.variables.items()
    }


def _difference(a: Variable, b: Variable) -> str:
    if a.values.shape != b.values.shape:
        return f"shape {a.values.shape} and {b.values.shape}"
    if a.is_text or b.is_text:
        unequal = int(np.sum(a.values != b.values))
        return f"{unequal} of {a.values.size} strings differ" if unequal else ""
    if np.array_equal(a.values, b.values, equal_nan=True):
        return ""
    with np.errstate(invalid="ignore"):
        gap = np.abs(a.values - b.values)
    unequal = int(np.sum(~((a.values == b.values) | (np.isnan(a.values) & np.isnan(b.values)))))
    largest = float(np.nanmax(gap)) if np.isfinite(gap).any() else float("nan")
    return f"{unequal} of {a.values.size} values differ, by at most {largest:.3g} {a.attributes.get('units', '')}".rstrip()
