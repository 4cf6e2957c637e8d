"""Symbolic twins of the primitives: opaque functions with their derivatives (needs sympy; build time only).

They stay unevaluated so that the traced equations keep the author's form; the code generator rewrites them into what is computed
(:mod:`nkcell_sim.codegen.lowering`).
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Function, Integer


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
    """x^n/(x^n + k^n)."""

    nargs = 3

    def fdiff(self, argindex: int = 1) -> Any:
        x, k, n = self.args
        if argindex == 3:
            return self * (1 - self) * (log(x) - log(k))
        return hill_slope(x, k, n, Integer(argindex))


class hill_slope(Function):
    """Derivative of hill by its first (rising) or second (falling) argument: n r^(n-1)/(1 + r^n)^2 times d r, r = x/k."""

    nargs = 4


class power(Function):
    """x^a for x >= 0 and any real exponent."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> Any:
        x, a = self.args
        return power_slope(x, a) if argindex == 1 else self * log(x)


class power_slope(Function):
    """Derivative of power by its base: a x^(a-1)."""

    nargs = 2


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
