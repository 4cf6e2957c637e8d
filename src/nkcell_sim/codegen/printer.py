"""Print expressions as C for a block of lanes, with fused multiply-adds, and for one run."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.printing.c import C99CodePrinter

from ..model import symbolic
from . import lowering

_CALLS = {
    symbolic.exp: "nk_exp",
    symbolic.log: "nk_log",
    symbolic.positive_part: "nk_positive_part",
    symbolic.where_gt: "nk_where_gt",
    lowering.exp_minus_1: "nk_expm1",
    lowering.exprelr_from: "nk_exprelr_from",
    lowering.exprelr_slope_from: "nk_exprelr_slope_from",
    lowering.absolute: "nk_abs",
    lowering.cap: "nk_cap",
}


class LanePrinter(C99CodePrinter):
    """Prints an expression for vectors of lanes: small powers as products, functions of lanes.h."""

    scalar = False  # the hoisting routine prints for one run at a time

    def _print_Pow(self, expr: Any) -> str:
        base, exponent = expr.base, expr.exp
        if exponent == -1:
            return f"1.0/{self.parenthesize(base, 60)}"
        if exponent.is_Integer and 2 <= abs(int(exponent)) <= 8:
            factor = self.parenthesize(base, 60)
            product = "*".join([factor] * abs(int(exponent)))
            return f"({product})" if exponent > 0 else f"1.0/({product})"
        if exponent == sympy.Rational(1, 2):
            return f"{self._function('nk_sqrt')}({self._vector(base)})"
        return f"{self._function('nk_exp')}({self._print(exponent)}*{self._function('nk_log')}({self._vector(base)}))"

    def _print_Function(self, expr: Any) -> str:
        if isinstance(expr, lowering.power_at):
            return self._power_at(*expr.args)
        return f"{self._function(_CALLS[type(expr)])}({', '.join(self._vector(a) for a in expr.args)})"

    def _power_at(self, base: Any, exponent: Any, twice: Any) -> str:
        if exponent.is_number and twice >= 0:
            return f"nk_power_chain({self._vector(base)}, {int(twice)})"
        return f"nk_power_at({self._vector(base)}, {self._vector(exponent)}, {int(twice)}, usual_)"

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        """A sum as a chain of fused multiply-adds, what is no product first."""
        terms = [t.as_coeff_Mul() for t in expr.as_ordered_terms()]
        plain = [t for t in terms if not self._fusible(t)]
        products = [t for t in terms if self._fusible(t)]
        if not plain:
            first = next((t for t in products if t[0] > 0), products[0])
            plain, products = [first], [t for t in products if t is not first]
        text = self._sum(plain)
        for coefficient, rest in products:
            left, right = self._halves(abs(coefficient) * rest)
            text = f"nk_{'fma' if coefficient > 0 else 'fnma'}({left}, {right}, {text})"
        return text

    @staticmethod
    def _fusible(term: tuple[Any, Any]) -> bool:
        coefficient, rest = term
        factors = [f for f in sympy.Mul.make_args(rest) if not _is_reciprocal(f)]
        return not rest.is_number and (len(factors) + (abs(coefficient) != 1)) >= 2 and all(not _is_reciprocal(f) for f in sympy.Mul.make_args(rest))

    def _halves(self, product: Any) -> tuple[str, str]:
        factors = list(product.as_ordered_factors())
        return self._vector(sympy.Mul(*factors[:-1])), self._vector(factors[-1])

    def _sum(self, terms: list[tuple[Any, Any]]) -> str:
        ordered = sorted(terms, key=lambda t: bool(t[0] < 0))  # what is added first, so that the text need not begin with a minus
        text = ""
        for coefficient, rest in ordered:
            sign = "-" if coefficient < 0 else "+" if text else ""
            text += f" {sign} " if text else sign
            text += self.parenthesize(abs(coefficient) * rest, 50)
        return f"nk_set({text})" if all(rest.is_number for _, rest in terms) else text

    def _print_Float(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Integer(self, expr: Any) -> str:
        return f"{int(expr)}.0"

    def _print_Rational(self, expr: Any) -> str:
        return f"{expr.p}.0/{expr.q}.0"

    def _function(self, name: str) -> str:
        return f"{name}_1" if self.scalar else name

    def _vector(self, expr: Any) -> str:
        text = self._print(expr)
        return text if self.scalar or not expr.is_number else f"nk_set({text})"

    _print_exp = _print_log = _print_Function


class ScalarPrinter(LanePrinter):
    """The same statements for one run, which need no fused operations."""

    scalar = True

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        return str(C99CodePrinter._print_Add(self, expr, order))

    def _power_at(self, base: Any, exponent: Any, twice: Any) -> str:
        return f"nk_power_1({self._print(base)}, {self._print(exponent)})"


def _is_reciprocal(factor: Any) -> bool:
    return bool(factor.is_Pow and factor.exp.is_number and factor.exp < 0)
