"""Our equations as a Python function that numba compiles: statement by statement as the components state them, nothing hoisted or shared."""

from __future__ import annotations

from typing import Any

from sympy.printing.str import StrPrinter

from .task import Task

FUNCTIONS = {
    "exp": "math.exp({0})",
    "log": "math.log({0})",
    "hill": "1.0 / (1.0 + ({1} / {0}) ** {2})",
    "power": "{0} ** {1}",
    "boltzmann": "1.0 / (1.0 + math.exp(({1} - {0}) / {2}))",
    "sech": "1.0 / math.cosh({0})",
    "q10_factor": "{0} ** (({1} - {2}) / 10.0)",
    "where_gt": "{2} if {0} > {1} else {3}",
    "positive_part": "max({0}, 0.0)",
    "exprelr": "{0} / math.expm1({0}) if {0} != 0.0 else 1.0",
}


class PlainPrinter(StrPrinter):
    """Expressions in Python, numbers as floats."""

    def _print_Integer(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Rational(self, expr: Any) -> str:
        return f"({float(expr.p)!r} / {float(expr.q)!r})"

    def _print_Float(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        whole = int(expr.exp) if expr.exp.is_Integer else None  # a whole power is a product for numba
        return f"({self._print(expr.base)}) ** ({self._print(expr.exp) if whole is None else whole})"

    def _print_Function(self, expr: Any) -> str:
        return f"({FUNCTIONS[type(expr).__name__].format(*(f'({self._print(a)})' for a in expr.args))})"

    _print_exp = _print_log = _print_Function


def plain_source(task: Task) -> str:
    """Source of ``rhs(t, x, dx, p)``; x in units of the states' scales, p the parameters and then the inputs."""
    from nkcell_sim.codegen.trace import trace

    composition = task.cell.composition
    traced, text = trace(composition), PlainPrinter().doprint
    given = [*composition.parameters, *composition.inputs]
    lines = [f"{traced.symbols[k].name} = p[{i}]" for i, k in enumerate(given)]
    lines += [f"{traced.symbols[k].name} = x[{i}] * {float(s)!r}" for i, (k, s) in enumerate(zip(composition.states, task.scale, strict=True))]
    needed = _needed(traced)
    lines += [f"{traced.symbols[k].name} = {text(e)}" for k, e in traced.statements.items() if traced.symbols[k] in needed]
    lines += [f"dx[{i}] = ({text(e)}) / {float(s)!r}" for i, (e, s) in enumerate(zip(traced.derivatives.values(), task.scale, strict=True))]
    return "def rhs(t, x, dx, p):\n    " + "\n    ".join(lines) + "\n"


def _needed(traced: Any) -> set[Any]:
    """Symbols that the rates of change reach; observables are left out."""
    found = {s for e in traced.derivatives.values() for s in e.free_symbols}
    for key, expression in reversed(traced.statements.items()):
        if traced.symbols[key] in found:
            found |= expression.free_symbols
    return found
