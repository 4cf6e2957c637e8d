"""Dimension check of every equation: a mismatch stops the build and names the equation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy

from ..errors import ModelError
from ..model import symbolic
from ..units import DIMENSIONLESS, Dimension, describe_dimension, unit_info

if TYPE_CHECKING:
    from .trace import Trace

ANY = None  # the dimension of zero: agrees with everything
PER_TIME = unit_info("1/s")[0]


class _Mismatch(Exception):
    pass


def check_dimensions(traced: Trace) -> None:
    """Raise :class:`ModelError` naming the first equation whose dimensions do not agree with its declaration."""
    composition = traced.composition
    known = {symbol: unit_info(composition.declarations[key].unit)[0] for key, symbol in traced.symbols.items()}
    for key, expression in traced.statements.items():
        _check(f"{composition.name}: {key}", expression, known[traced.symbols[key]], known)
    for key, expression in traced.derivatives.items():
        state = known[traced.symbols[key]]
        _check(f"{composition.name}: d({key})/dt", expression, _times(state, PER_TIME, 1), known)


def dimension_of(expression: Any, known: dict[Any, Dimension]) -> Dimension:
    """Dimension of an expression whose symbols have the ``known`` ones; zero counts as a plain number."""
    return _dimension(expression, known) or DIMENSIONLESS


def _check(name: str, expression: Any, declared: Dimension, known: dict[Any, Dimension]) -> None:
    try:
        found = _dimension(expression, known)
    except _Mismatch as mismatch:
        raise ModelError(f"equation {name}: {mismatch}") from None
    if found is not ANY and found != declared:
        raise ModelError(f"equation {name}: it is {describe_dimension(found)}, but declared as {describe_dimension(declared)}")


def _times(a: Dimension, b: Dimension, power: float) -> Dimension:
    return tuple(round(x + power * y, 9) for x, y in zip(a, b, strict=True))


def _same(parts: list[Any], known: dict[Any, Dimension], what: str) -> Dimension | None:
    found: Dimension | None = ANY
    for part in parts:
        dimension = _dimension(part, known)
        if dimension is ANY:
            continue
        if found is not ANY and dimension != found:
            raise _Mismatch(f"{what} {describe_dimension(found)} and {describe_dimension(dimension)} in {sympy.Add(*parts, evaluate=False)}")
        found = dimension
    return found


def _pure(part: Any, known: dict[Any, Dimension], what: str) -> Dimension:
    dimension = _dimension(part, known)
    if dimension is not ANY and dimension != DIMENSIONLESS:
        raise _Mismatch(f"{what} is {describe_dimension(dimension)}, not a plain number: {part}")
    return DIMENSIONLESS


def _dimension(e: Any, known: dict[Any, Dimension]) -> Dimension | None:
    if e.is_Symbol:
        return known[e]
    if e.is_number:
        return ANY if e == 0 else DIMENSIONLESS
    if isinstance(e, sympy.Add):
        return _same(list(e.args), known, "it adds")
    if isinstance(e, sympy.Mul):
        total = DIMENSIONLESS
        for a in e.args:
            part = _dimension(a, known)
            if part is ANY:
                return ANY
            total = _times(total, part, 1)
        return total
    if isinstance(e, sympy.Pow):
        base = _dimension(e.base, known)
        if e.exp.is_number:
            return ANY if base is ANY else _times(DIMENSIONLESS, base, float(e.exp))
        _pure(e.exp, known, "an exponent")
        return _pure(e.base, known, "the base of a power with a variable exponent")
    if isinstance(e, symbolic.hill):
        _same(list(e.args[:2]), known, "hill compares")
        return _pure(e.args[2], known, "a Hill exponent")
    if isinstance(e, symbolic.boltzmann):
        _same(list(e.args), known, "boltzmann compares")
        return DIMENSIONLESS
    if isinstance(e, symbolic.where_gt):
        _same(list(e.args[:2]), known, "where_gt compares")
        return _same(list(e.args[2:]), known, "where_gt chooses between")
    if isinstance(e, symbolic.power):
        _pure(e.args[1], known, "an exponent")
        return _pure(e.args[0], known, "the base of a power with a variable exponent")
    if isinstance(e, symbolic.positive_part):
        return _dimension(e.args[0], known)
    if isinstance(e, symbolic.q10_factor):
        _same(list(e.args[1:]), known, "q10_factor compares")
        return _pure(e.args[0], known, "a Q10")
    if isinstance(e, symbolic.exp | symbolic.log | symbolic.exprelr | symbolic.sech):
        return _pure(e.args[0], known, f"the argument of {type(e).__name__}")
    raise _Mismatch(f"no dimension rule for {type(e).__name__} in {e}")
