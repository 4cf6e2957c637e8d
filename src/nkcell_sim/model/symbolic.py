"""Symbolic twins of the primitives: opaque functions with their derivatives (needs sympy; build time only).

They stay unevaluated so that the traced equations keep the author's form; ``lower`` rewrites them into exp and log
just before C is written, which lets one logarithm of a concentration serve every Hill function of it.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Float, Function, Integer

TINY = Float(1e-300)  # keeps h (1 - h)/x finite at x = 0, where h is exactly 0


class exp(Function):
    """e^x."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return self


class log(Function):
    """ln x."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return 1 / self.args[0]


def sqrt(x: Any) -> Any:
    """Square root."""
    return sympy.sqrt(x)


class hill(Function):
    """x^n/(x^n + k^n); the derivative reuses the value: n h (1 - h)/x."""

    nargs = 3

    def fdiff(self, argindex: int = 1) -> Any:
        x, k, n = self.args
        slope = self * (1 - self)
        if argindex == 1:
            return n * slope / (x + TINY)
        if argindex == 2:
            return -n * slope / (k + TINY)
        return slope * (log(x) - log(k))


class power(Function):
    """x^a for x >= 0 and any real exponent."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> Any:
        x, a = self.args
        return a * self / (x + TINY) if argindex == 1 else self * log(x)


class sech(Function):
    """1/cosh(x)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        x = self.args[0]
        return self * (1 - 2 * boltzmann(2 * x, Integer(0), Integer(1)))


class boltzmann(Function):
    """1/(1 + exp((v_half - v)/slope))."""

    nargs = 3

    def fdiff(self, argindex: int = 1) -> Any:
        v, v_half, slope = self.args
        steep = self * (1 - self) / slope
        if argindex == 1:
            return steep
        if argindex == 2:
            return -steep
        return -steep * (v - v_half) / slope


class exprelr(Function):
    """u/(e^u - 1)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return exprelr_slope(self.args[0])


class exprelr_slope(Function):
    """Derivative of exprelr."""

    nargs = 1


class where_gt(Function):
    """x where a > b, else y."""

    nargs = 4

    def fdiff(self, argindex: int = 1) -> Any:
        a, b = self.args[:2]
        if argindex == 3:
            return where_gt(a, b, Integer(1), Integer(0))
        if argindex == 4:
            return where_gt(a, b, Integer(0), Integer(1))
        return Integer(0)


class positive_part(Function):
    """max(x, 0)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return where_gt(self.args[0], Integer(0), Integer(1), Integer(0))


class q10_factor(Function):
    """q10^((T - T_ref)/10 K)."""

    nargs = 3

    def fdiff(self, argindex: int = 1) -> Any:
        q10, temperature, reference = self.args
        tens = (temperature - reference) / 10
        if argindex == 1:
            return self * tens / q10
        return self * log(q10) / 10 * (1 if argindex == 2 else -1)


def lower(expression: Any) -> Any:
    """Rewrite hill, boltzmann, power, sech, q10_factor and symbolic powers into exp and log, from the leaves up."""
    if not expression.args:
        return expression
    args = [lower(a) for a in expression.args]
    if isinstance(expression, hill):
        x, k, n = args
        return 1 / (1 + exp(n * (log(positive_part(k)) - log(positive_part(x)))))
    if isinstance(expression, power):
        x, a = args
        return exp(a * log(positive_part(x)))
    if isinstance(expression, sech):
        wane = exp(-positive_part(args[0]) - positive_part(-args[0]))
        return 2 * wane / (1 + wane * wane)
    if isinstance(expression, boltzmann):
        v, v_half, slope = args
        return 1 / (1 + exp((v_half - v) / slope))
    if isinstance(expression, q10_factor):
        q10, temperature, reference = args
        return exp((temperature - reference) / 10 * log(q10))
    if isinstance(expression, sympy.Pow) and not expression.exp.is_number:
        return exp(args[1] * log(args[0]))
    if all(a is b for a, b in zip(args, expression.args, strict=True)):
        return expression
    return expression.func(*args)
