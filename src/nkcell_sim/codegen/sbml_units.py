"""The kernel's coherent units as SBML unit definitions: ms, mV, pA, nS, pF, fL, uM and what is made of them."""

from __future__ import annotations

from ..units import DIMENSIONLESS, DIMENSIONS, Dimension, describe_dimension, unit_info

Part = tuple[str, int, int]  # kind of SBML, exponent, power of ten of the unit's scale

# identifier -> (a unit of the laboratory with the same dimension, its parts)
NAMED: dict[str, tuple[str, tuple[Part, ...]]] = {
    "kelvin": ("K", ()),
    "ms": ("ms", (("second", 1, -3),)),
    "per_ms": ("1/ms", (("second", -1, -3),)),
    "mV": ("mV", (("volt", 1, -3),)),
    "mV_per_ms": ("mV/ms", (("volt", 1, -3), ("second", -1, -3))),
    "pA": ("pA", (("ampere", 1, -12),)),
    "nS": ("nS", (("siemens", 1, -9),)),
    "GOhm": ("GOhm", (("ohm", 1, 9),)),
    "pF": ("pF", (("farad", 1, -12),)),
    "per_pF": ("1/pF", (("farad", -1, -12),)),
    "fC": ("fC", (("coulomb", 1, -15),)),
    "fC_per_zmol": ("fC/zmol", (("coulomb", 1, -15), ("mole", -1, -21))),
    "zmol": ("zmol", (("mole", 1, -21),)),
    "um": ("um", (("metre", 1, -6),)),
    "fL": ("fL", (("litre", 1, -15),)),
    "fL_per_ms": ("fL/ms", (("litre", 1, -15), ("second", -1, -3))),
    "uM": ("uM", (("mole", 1, -6), ("litre", -1, 0))),
    "uM4": ("uM**4", (("mole", 4, -6), ("litre", -4, 0))),
    "uM_per_ms": ("uM/ms", (("mole", 1, -6), ("litre", -1, 0), ("second", -1, -3))),
    "per_uM": ("1/uM", (("mole", -1, -6), ("litre", 1, 0))),
    "per_uM_ms": ("1/(uM*ms)", (("mole", -1, -6), ("litre", 1, 0), ("second", -1, -3))),
    "kJ_per_mol": ("kJ/mol", (("joule", 1, 3), ("mole", -1, 0))),
    "kJ_per_mol_K": ("kJ/mol/K", (("joule", 1, 3), ("mole", -1, 0), ("kelvin", -1, 0))),
}
# The kernel's unit of each base dimension, for what has no name above: um, 1e-12 kg, ms, pA, K, zmol, international units.
_BASE: tuple[tuple[str, str, int], ...] = (
    ("um", "metre", -6), ("ng", "kilogram", -12), ("ms", "second", -3), ("pA", "ampere", -12), ("K", "kelvin", 0), ("zmol", "mole", -21), ("IU", "item", 0),
)  # fmt: skip


class Units:
    """Identifiers of the units that a file uses, by dimension; ``defined`` collects what the file must define."""

    def __init__(self) -> None:
        self.defined: dict[str, tuple[Part, ...]] = {}
        self._named = {unit_info(text)[0]: identifier for identifier, (text, _) in NAMED.items()}

    def __call__(self, dimension: Dimension) -> str:
        """Identifier of the kernel's unit of a dimension."""
        if dimension == DIMENSIONLESS:
            return "dimensionless"
        identifier = self._named.get(dimension)
        parts = NAMED[identifier][1] if identifier else _composed(dimension)
        identifier = identifier or "_".join(_word(*piece) for piece in zip(_BASE, dimension, strict=True) if piece[1])
        if parts:
            self.defined[identifier] = parts
        return identifier

    def of(self, unit: str) -> str:
        """Identifier of the kernel's unit of what is declared in ``unit``."""
        return self(unit_info(unit)[0])


def _composed(dimension: Dimension) -> tuple[Part, ...]:
    if any(power != int(power) for power in dimension):
        raise ValueError(f"SBML has no unit for {describe_dimension(dimension)}: exponents of {', '.join(DIMENSIONS)} are whole numbers there")
    return tuple((kind, int(power), scale) for (_, kind, scale), power in zip(_BASE, dimension, strict=True) if power)


def _word(base: tuple[str, str, int], power: float) -> str:
    exponent = abs(int(power))
    return f"{'per_' if power < 0 else ''}{base[0]}{exponent if exponent > 1 else ''}"
