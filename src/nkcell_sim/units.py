"""Laboratory units in, coherent kernel units inside (ms, mV, pA, nS, pF, fL, uM, K), one place for both.

pint does the parsing with a small registry of its own: only units a laboratory writes, so that a typo is
refused instead of being read as something exotic.
"""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import Any

from .errors import UnitError

# Base dimensions: length, mass, time, current, temperature, amount, activity (international units).
DIMENSIONS = ("[length]", "[mass]", "[time]", "[current]", "[temperature]", "[substance]", "[activity]")
# Size of the kernel's unit of each base dimension in SI (um, 1e-12 kg, ms, pA, K, zmol, IU): these make
# mV, pA, nS, pF, fL and uM coherent, for example 1 pF * 1 mV/ms = 1 pA.
KERNEL_BASE = (1e-6, 1e-12, 1e-3, 1e-12, 1.0, 1e-21, 1.0)

Dimension = tuple[float, ...]
DIMENSIONLESS: Dimension = (0.0,) * len(DIMENSIONS)

_DEFINITIONS = """
yocto- = 1e-24 = y-
zepto- = 1e-21 = z-
atto- = 1e-18 = a-
femto- = 1e-15 = f-
pico- = 1e-12 = p-
nano- = 1e-9 = n-
micro- = 1e-6 = u- = µ- = μ-
milli- = 1e-3 = m-
centi- = 1e-2 = c-
deci- = 1e-1 = d-
kilo- = 1e3 = k-
mega- = 1e6 = M-
giga- = 1e9 = G-
metre = [length] = m = meter
gram = [mass] = g
second = [time] = s
ampere = [current] = A
kelvin = [temperature] = K
mole = [substance] = mol
international_unit = [activity] = IU
minute = 60 s = min
hour = 3600 s = h
day = 86400 s = d
litre = 1e-3 m ** 3 = L = l = liter
molar = mol / L = M
coulomb = A * s = C
volt = kg * m ** 2 / s ** 3 / A = V
ohm = V / A = Ω = Ohm
siemens = A / V = S
farad = C / V = F
hertz = 1 / s = Hz
joule = kg * m ** 2 / s ** 2 = J
pascal = kg / m / s ** 2 = Pa
degree_Celsius = kelvin; offset: 273.15 = degC = °C
percent = 0.01 = %
"""


@lru_cache(maxsize=1)
def _registry() -> Any:
    from pint import UnitRegistry

    return UnitRegistry(_DEFINITIONS.strip().splitlines(), on_redefinition="raise", autoconvert_offset_to_baseunit=True)


_EXAMPLES = {
    "conductance": "0.9 nS", "concentration": "100 uM", "time": "24 h", "voltage": "-59 mV", "current": "20 pA",
    "capacitance": "2.6 pF", "resistance": "10 MOhm", "temperature": "23 degC", "volume": "210 fL",
    "rate": "0.06 1/s", "channel density": "1.0 1/pF", "dimensionless number": "0.5", "permeability": "0.3 fL/s", "mass": "4.5 mg",
}  # fmt: skip
_NAMES = {
    "nS": "conductance", "uM": "concentration", "s": "time", "mV": "voltage", "pA": "current", "pF": "capacitance",
    "GOhm": "resistance", "K": "temperature", "fL": "volume", "1/s": "rate", "1/pF": "channel density", "1": "dimensionless number",
    "fL/s": "permeability", "uM/s": "concentration rate", "kJ/mol": "molar energy", "um": "length", "pA/pF": "current density",
    "IU/mL": "activity concentration", "mg": "mass", "mg/min": "dose rate",
}  # fmt: skip


@lru_cache(maxsize=512)
def unit_info(unit: str) -> tuple[Dimension, float, float]:
    """Return (dimension, factor, offset) of a unit: kernel value = factor * (value + offset).

    Raises :class:`UnitError` for a unit the laboratory registry does not know.
    """
    text = unit.strip()
    if text in ("", "1"):
        return DIMENSIONLESS, 1.0, 0.0
    if text in ("degC", "°C"):
        return unit_info("K")[0], 1.0, 273.15
    registry = _registry()
    try:
        quantity = registry.Quantity(1.0, registry.parse_units(text.replace("1/", "dimensionless/", 1) if text.startswith("1/") else text))
        base = quantity.to_base_units()
    except Exception as error:  # pint raises many kinds: undefined units, syntax errors, tokenizer errors
        known = ["mM", "uM", "nM", "mV", "pA", "nS", "pS", "pF", "GOhm", "MOhm", "fL", "um", "ms", "s", "min", "h", "degC", "K", "kJ/mol", "1/s", "mg"]
        close = difflib.get_close_matches(text, known, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else f"; known units are for example {', '.join(known[:12])}"
        raise UnitError(f"unknown unit {unit!r}{hint}", given=unit) from error
    dims = dict(base.dimensionality)
    dimension = tuple(float(dims.get(d, 0.0)) for d in DIMENSIONS)
    si = base.m
    # pint's base for mass is the gram: dimensions count grams, so scale to kilograms.
    si *= 1e-3 ** dimension[1]
    kernel = 1.0
    for power, size in zip(dimension, KERNEL_BASE, strict=True):
        kernel *= size**power
    # Powers of ten are exact to 17 digits only when rounded in decimal: 12 mM is 12000 uM, not 12000.000000000002.
    return dimension, float(f"{si / kernel:.15g}"), 0.0


def describe_dimension(dimension: Dimension) -> str:
    """Say in words what a dimension is, with an example (for error messages)."""
    for unit, name in _NAMES.items():
        if unit_info(unit)[0] == dimension:
            example = _EXAMPLES.get(name)
            return f"a {name} (for example {example!r})" if example else f"a {name} [{unit}]"
    parts = [f"{d.strip('[]')}^{p:g}" for d, p in zip(DIMENSIONS, dimension, strict=True) if p]
    return "a quantity of dimension " + " ".join(parts)


def to_kernel(value: Any, unit: str) -> Any:
    """Convert a number or array in ``unit`` to kernel units."""
    _, factor, offset = unit_info(unit)
    return (value + offset) * factor


def from_kernel(value: Any, unit: str) -> Any:
    """Convert a number or array in kernel units to ``unit``."""
    _, factor, offset = unit_info(unit)
    return value / factor - offset


def convert_from_kernel(values: Any, unit: str) -> Any:
    """Convert an array in kernel units to ``unit`` in place, the bits of :func:`from_kernel`, and return it."""
    _, factor, offset = unit_info(unit)
    if factor != 1.0:
        values /= factor
    if offset:
        values -= offset
    return values


def parse(text: str | float | int, unit: str) -> float:
    """Read a quantity written as in the laboratory (``"100 uM"``) and return it in ``unit``.

    A bare number is accepted only where ``unit`` is dimensionless. Raises :class:`UnitError`.
    """
    wanted, factor, offset = unit_info(unit)
    if isinstance(text, bool) or not isinstance(text, str | float | int):
        raise UnitError(f"got {text!r}; expected {describe_dimension(wanted)}", given=repr(text), expected=unit)
    if not isinstance(text, str):
        if wanted != DIMENSIONLESS:
            raise UnitError(f"got {text!r} without a unit; expected {describe_dimension(wanted)}", given=repr(text), expected=unit)
        return float(text)
    number, _, given = text.strip().partition(" ")
    if not given.strip():
        number, given = _split_unit(text.strip())
    try:
        value = float(number)
    except ValueError:
        raise UnitError(f"got {text!r}; expected a number and a unit, {describe_dimension(wanted)}", given=text, expected=unit) from None
    if not given.strip() and wanted != DIMENSIONLESS:
        raise UnitError(f"got {text!r} without a unit; expected {describe_dimension(wanted)}", given=text, expected=unit)
    dimension, given_factor, given_offset = unit_info(given.strip())
    if dimension != wanted:
        raise UnitError(f"got {text!r}; expected {describe_dimension(wanted)}", given=text, expected=unit)
    if given.strip() == unit.strip():
        return value
    return (value + given_offset) * given_factor / factor - offset


def parse_difference(text: str | float | int, unit: str) -> float:
    """Read a width written as in the laboratory: as :func:`parse`, but "2 degC" is 2 K wide."""
    value = parse(text, unit)
    given = unit
    if isinstance(text, str):
        number, _, given = text.strip().partition(" ")
        if not given.strip():
            number, given = _split_unit(text.strip())
        value = float(number)
    factors = [unit_info(u.strip())[1] for u in (given, unit)]
    return value if given.strip() == unit.strip() else value * factors[0] / factors[1]


def _split_unit(text: str) -> tuple[str, str]:
    """Split ``"100uM"`` into number and unit."""
    for end in range(len(text), 0, -1):
        try:
            float(text[:end])
        except ValueError:
            continue
        return text[:end], text[end:]
    return text, ""
