"""Rewrite the equations' primitives into what the engine computes fast: few exponentials, no logarithm for a whole exponent.

One e^u - 1 serves the Goldman-Hodgkin-Katz terms of every valence and both signs, and their slopes: with q = e^u - 1 and
E(u) = u/q, E(-u) = E(u) + u and e^(2u) - 1 = q (q + 2). A Hill function of x is r/(1 + r) with r = (x/k)^n as products when n is a
whole or half number; n - 1 is the exponent kept, because the slope n (x/k)^(n-1)/(k (1 + r)^2) needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy
from sympy import Function, Integer

from ..model import symbolic


class exp_minus_1(Function):
    """e^x - 1."""


class exprelr_from(Function):
    """u/(e^u - 1) from u and e^u - 1."""


class exprelr_slope_from(Function):
    """Its derivative from u, e^u - 1 and the value."""


class absolute(Function):
    """|x|."""


class cap(Function):
    """x, at most 1e120, so that r/(1 + r) is never infinity over infinity."""


class power_at(Function):
    """x^a for x >= 0; the third argument is twice the declared exponent, or -1 when that is neither whole nor half."""


class Lowering:
    """Lowers expressions; ``constant`` tells parameter-only ones, ``defaults`` holds the declared value of each parameter symbol."""

    def __init__(self, constant: Callable[[Any], bool], defaults: Mapping[Any, float]) -> None:
        self._constant = constant
        self._defaults = defaults
        self.exponents: set[Any] = set()  # parameters that serve as exponents

    def __call__(self, expression: Any) -> Any:
        """The expression with every primitive rewritten, from the leaves up."""
        if not expression.args:
            return expression
        rule = _RULES.get(type(expression))
        if rule is not None:
            return rule(self, *expression.args)
        args = [self(a) for a in expression.args]
        if isinstance(expression, sympy.Pow) and not expression.exp.is_number:
            return symbolic.exp(args[1] * symbolic.log(args[0]))
        if all(a is b for a, b in zip(args, expression.args, strict=True)):
            return expression
        return expression.func(*args)

    def constant(self, expression: Any) -> bool:
        """True for numbers and parameter-only expressions."""
        return bool(expression.is_number) or self._constant(expression)

    def power(self, x: Any, a: Any, *, minus: int = 0) -> Any:
        """x^(a - minus) by products where the declared exponent allows it."""
        declared = a.subs(self._defaults) if a.free_symbols <= self._defaults.keys() else sympy.nan
        self.exponents |= a.free_symbols & self._defaults.keys()
        twice = 2 * (declared - minus)
        whole = declared.is_number and declared.is_finite and float(twice) == int(twice) and 0 <= twice <= 16
        return power_at(x, self(a) - minus, Integer(int(twice)) if whole else Integer(-1))


def _hill_ratio(lower: Lowering, x: Any, k: Any) -> tuple[Any, bool]:
    """The ratio that is raised to the exponent, never divided by what may be empty, and whether it rises with x."""
    if lower.constant(x) and not lower.constant(k):
        return symbolic.positive_part(lower(k)) / lower(x), False
    return symbolic.positive_part(lower(x)) / lower(k), True


def _hill_parts(lower: Lowering, x: Any, k: Any, n: Any) -> tuple[Any, Any, Any, bool]:
    """(ratio, ratio^(n-1), 1/(1 + ratio^n), whether the value rises with x)."""
    ratio, rises = _hill_ratio(lower, x, k)
    near = lower.power(ratio, n, minus=1)
    return ratio, near, 1 / (1 + cap(near * ratio)), rises


def _hill(lower: Lowering, x: Any, k: Any, n: Any) -> Any:
    ratio, near, rest, rises = _hill_parts(lower, x, k, n)
    return cap(near * ratio) * rest if rises else rest


def _hill_slope(lower: Lowering, x: Any, k: Any, n: Any, wrt: Any) -> Any:
    ratio, near, rest, rises = _hill_parts(lower, x, k, n)
    slope = lower(n) * near * rest * rest
    if rises:
        return slope / lower(k) if wrt == 1 else -slope * ratio / lower(k)
    return -slope / lower(x) if wrt == 2 else slope * ratio / lower(x)


def _power(lower: Lowering, x: Any, a: Any) -> Any:
    base = symbolic.positive_part(lower(x))
    return lower.power(base, a, minus=1) * base


def _power_slope(lower: Lowering, x: Any, a: Any) -> Any:
    return lower(a) * lower.power(symbolic.positive_part(lower(x)), a, minus=1)


def _grown(lower: Lowering, u: Any) -> Any:
    """e^u - 1, by that of u/2 when u is twice something."""
    factor, rest = u.as_coeff_Mul()
    if factor == 2:
        half = exp_minus_1(lower(rest))
        return half * (half + 2)
    return exp_minus_1(lower(u))


def _exprelr(lower: Lowering, u: Any) -> Any:
    if u.could_extract_minus_sign():
        return _exprelr(lower, -u) + lower(-u)
    return exprelr_from(lower(u), _grown(lower, u))


def _exprelr_slope(lower: Lowering, u: Any) -> Any:
    if u.could_extract_minus_sign():
        return -1 - _exprelr_slope(lower, -u)
    return exprelr_slope_from(lower(u), _grown(lower, u), _exprelr(lower, u))


def _sech(lower: Lowering, x: Any) -> Any:
    wane = symbolic.exp(-absolute(lower(x)))
    return 2 * wane / (1 + wane * wane)


def _boltzmann(lower: Lowering, v: Any, v_half: Any, slope: Any) -> Any:
    return 1 / (1 + symbolic.exp((lower(v_half) - lower(v)) / lower(slope)))


def _q10_factor(lower: Lowering, q10: Any, temperature: Any, reference: Any) -> Any:
    return symbolic.exp((lower(temperature) - lower(reference)) / 10 * symbolic.log(lower(q10)))


_RULES: dict[type, Callable[..., Any]] = {
    symbolic.hill: _hill,
    symbolic.hill_slope: _hill_slope,
    symbolic.power: _power,
    symbolic.power_slope: _power_slope,
    symbolic.exprelr: _exprelr,
    symbolic.exprelr_slope: _exprelr_slope,
    symbolic.sech: _sech,
    symbolic.boltzmann: _boltzmann,
    symbolic.q10_factor: _q10_factor,
}
