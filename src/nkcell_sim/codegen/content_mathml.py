"""Equations as content MathML for SBML: computers read it, and every number carries its unit (needs sympy)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import sympy

from ..model import symbolic
from ..model.primitives import BERNOULLI, SERIES_LIMIT
from ..units import DIMENSIONLESS, Dimension, unit_info
from .dimensions import dimension_of

MATHML = "http://www.w3.org/1998/Math/MathML"
SBML = "http://www.sbml.org/sbml/level3/version2/core"
PLAIN = "dimensionless"
LONGEST = 24  # decimal places of a number that is still written without an exponent
Element = ET.Element


def math(body: Element) -> Element:
    """A complete ``<math>`` element; the prefix is for the units of numbers."""
    root = Element("math", {"xmlns": MATHML, "xmlns:sbml": SBML})
    root.append(body)
    return root


def apply(operation: str, *arguments: Element) -> Element:
    """An operation of MathML on arguments."""
    node = Element("apply")
    node.extend((Element(operation), *arguments))
    return node


def call(function: str, *arguments: Element) -> Element:
    """A call of a function that the file defines."""
    node = Element("apply")
    node.extend((name(function), *arguments))
    return node


def name(identifier: str) -> Element:
    """A quantity by its identifier."""
    node = Element("ci")
    node.text = f" {identifier} "
    return node


def time() -> Element:
    """The time of the simulation."""
    node = Element("csymbol", {"encoding": "text", "definitionURL": "http://www.sbml.org/sbml/symbols/time"})
    node.text = " time "
    return node


def number(value: float, unit: str = PLAIN) -> Element:
    """A number that reads back to the same bits, with its unit."""
    decimal = Decimal(repr(float(value)))
    node = Element("cn", {"sbml:units": unit} if unit else {})
    if -int(decimal.as_tuple().exponent) > LONGEST or decimal.adjusted() > LONGEST:
        mantissa, _, exponent = f"{decimal:e}".partition("e")
        node.set("type", "e-notation")
        node.text = f" {mantissa} "
        separator = ET.SubElement(node, "sep")
        separator.tail = f" {int(exponent)} "
    else:
        text = f"{decimal:f}"
        node.text = f" {text.rstrip('0').rstrip('.') if '.' in text else text} "
    return node


def choose(*cases: tuple[Element, Element], otherwise: Element) -> Element:
    """The value of the first case (value, condition) whose condition holds."""
    node = Element("piecewise")
    for value, condition in cases:
        ET.SubElement(node, "piece").extend((value, condition))
    ET.SubElement(node, "otherwise").append(otherwise)
    return node


# -- the primitives of the model in the operations of MathML ---------------------------------------------------------------
# No function definitions: not every tool inlines them, and libSBML's check of units mixes up calls within one equation.


def hill(x: tuple[Element, Element], k: tuple[Element, Element], n: Element) -> Element:
    """x^n/(x^n + k^n), 0 for x <= 0; x and k come with a zero of their unit."""
    ratio = apply("power", apply("divide", k[0], x[0]), n)
    value = apply("divide", number(1.0), apply("plus", number(1.0), ratio))
    return choose((number(0.0), apply("leq", *x)), (number(1.0), apply("leq", *k)), otherwise=value)


def boltzmann(v: Element, v_half: Element, slope: Element) -> Element:
    """1/(1 + exp((v_half - v)/slope))."""
    steep = apply("exp", apply("divide", apply("minus", v_half, v), slope))
    return apply("divide", number(1.0), apply("plus", number(1.0), steep))


def exprelr(u: Element) -> Element:
    """u/(e^u - 1), by its series near u = 0, where it is 1."""
    square = apply("times", u, u)
    even = number(BERNOULLI[-1])
    for coefficient in BERNOULLI[-2::-1]:
        even = apply("plus", number(coefficient), apply("times", square, even))
    series = apply("minus", even, apply("times", number(0.5), u))
    direct = apply("divide", u, apply("minus", apply("exp", u), number(1.0)))
    return choose((series, apply("lt", apply("abs", u), number(SERIES_LIMIT))), otherwise=direct)


_NATIVE: dict[Any, str] = {symbolic.exp: "exp", symbolic.log: "ln", symbolic.sech: "sech"}


class ContentWriter:
    """Writes traced expressions with the identifiers of a file.

    Every different argument of ``exprelr`` becomes one helper of the file (``helpers``: argument -> identifier, made by
    ``new_name``), because its series would repeat the argument many times.
    """

    def __init__(self, names: dict[Any, str], dimensions: dict[Any, Dimension], unit: Callable[[Dimension], str], new_name: Callable[[str], str]) -> None:
        self.names = names
        self.dimensions = dimensions
        self.unit = unit
        self.new_name = new_name
        self.helpers: dict[Any, tuple[str, str]] = {}

    def __call__(self, expression: Any) -> Element:
        """Content MathML of an expression, without the surrounding ``<math>``."""
        e = expression
        if e.is_Symbol:
            return name(self.names[e])
        if e.is_number:
            return self._number(e)
        if isinstance(e, sympy.Add):
            return self._sum(e)
        if isinstance(e, sympy.Mul):
            return self._product(e)
        if isinstance(e, sympy.Pow):
            return self._power(e.base, e.exp)
        return self._function(e)

    def _number(self, e: Any, unit: str = PLAIN) -> Element:
        if e.is_Rational and not e.is_Integer:
            return apply("divide", number(int(e.p), unit), number(int(e.q)))
        return number(float(e), unit)

    def _sum(self, e: Any) -> Element:
        plus = [self(a) for a in e.args if not a.could_extract_minus_sign()]
        minus = [self(-a) for a in e.args if a.could_extract_minus_sign()]
        if not minus:
            return _joined("plus", plus)
        return apply("minus", *([_joined("plus", plus)] if plus else []), _joined("plus", minus))

    def _product(self, e: Any) -> Element:
        if e.could_extract_minus_sign():
            return apply("minus", self(-e))
        above, below = [], []
        for factor in e.args:
            if isinstance(factor, sympy.Pow) and factor.exp.is_number and factor.exp.is_negative:
                below.append(self._power(factor.base, -factor.exp))
            elif factor != 1:
                above.append(self(factor))
        numerator = _joined("times", above or [number(1.0)])
        return apply("divide", numerator, _joined("times", below)) if below else numerator

    def _power(self, base: Any, exponent: Any) -> Element:
        if not exponent.is_number:
            return apply("power", self(base), self(exponent))
        if exponent.is_negative:
            return apply("divide", number(1.0), self._power(base, -exponent))
        if exponent == 1:
            return self(base)
        if exponent == sympy.Rational(1, 2):
            return apply("root", self(base))
        return apply("power", self(base), self._number(exponent))

    def _function(self, e: Any) -> Element:
        kind = type(e)
        if kind in _NATIVE:
            return apply(_NATIVE[kind], self(e.args[0]))
        if kind is symbolic.hill:
            x, k, n = e.args
            return hill((self(x), self._zero(x)), (self(k), self._zero(k)), self(n))
        if kind is symbolic.boltzmann:
            return boltzmann(*(self(a) for a in e.args))
        if kind is symbolic.exprelr:
            return name(self._helper(e.args[0])[1])
        if kind is symbolic.positive_part:
            return self._where_gt(e.args[0], sympy.Integer(0), e.args[0], sympy.Integer(0))
        if kind is symbolic.power:
            x, a = e.args
            return choose((apply("power", self(x), self(a)), apply("gt", self(x), number(0.0))), otherwise=number(0.0))
        if kind is symbolic.where_gt:
            return self._where_gt(*e.args)
        if kind is symbolic.q10_factor:
            q10, temperature, reference = e.args
            tens = apply("divide", self(temperature - reference), number(10.0, self.unit(unit_info("K")[0])))
            return apply("power", self(q10), tens)
        raise TypeError(f"no MathML for {kind.__name__} in {e}")

    def _helper(self, argument: Any) -> tuple[str, str]:
        """Identifiers of an argument of ``exprelr`` and of its value."""
        if argument not in self.helpers:
            self.helpers[argument] = self.new_name("exprelr_of"), self.new_name("exprelr")
        return self.helpers[argument]

    def _zero(self, like: Any) -> Element:
        return number(0.0, self.unit(dimension_of(like, self.dimensions)))

    def _where_gt(self, a: Any, b: Any, x: Any, y: Any) -> Element:
        (left, right), (first, second) = self._alike(a, b), self._alike(x, y)
        return choose((first, apply("gt", left, right)), otherwise=second)

    def _alike(self, a: Any, b: Any) -> tuple[Element, Element]:
        """Two quantities of one unit; a zero among them takes the unit of the other."""
        found = [dimension_of(e, self.dimensions) for e in (a, b)]
        dimension = next((d for d in found if d != DIMENSIONLESS), DIMENSIONLESS)
        left, right = (number(0.0, self.unit(dimension)) if e == 0 else self(e) for e in (a, b))
        return left, right


def _joined(operation: str, parts: list[Element]) -> Element:
    return parts[0] if len(parts) == 1 else apply(operation, *parts)
