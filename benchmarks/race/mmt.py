"""Our equations as a Myokit model: states divided by their scales, inputs as constants, one component."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.printing.str import StrPrinter

from .task import DRAWN, Task

COMPONENT = "cell"


FUNCTIONS = {
    "hill": "1 / (1 + ({1} / {0})^{2})",
    "power": "{0}^{1}",
    "boltzmann": "1 / (1 + exp(({1} - {0}) / {2}))",
    "sech": "2 / (exp({0}) + exp(-{0}))",
    "q10_factor": "{0}^(({1} - {2}) / 10)",
    "where_gt": "if({0} > {1}, {2}, {3})",
    "positive_part": "if({0} > 0, {0}, 0)",
    "exprelr": "if(abs({0}) < 1e-3, 1 - {0} / 2 + {0}^2 / 12 - {0}^4 / 720, {0} / (exp({0}) - 1))",
}


class MyokitPrinter(StrPrinter):
    """Expressions in Myokit's syntax."""

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        return f"({self._print(expr.base)})^({self._print(expr.exp)})"

    def _print_Rational(self, expr: Any) -> str:
        return f"({float(expr.p)!r} / {float(expr.q)!r})"

    def _print_Integer(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Float(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Function(self, expr: Any) -> str:
        name, a = type(expr).__name__, [f"({self._print(x)})" for x in expr.args]
        return f"({FUNCTIONS[name].format(*a)})" if name in FUNCTIONS else f"{name}({', '.join(a)})"

    _print_exp = _print_log = _print_Function


def model_text(task: Task) -> tuple[str, list[str], list[str]]:
    """The model, the names of the drawn constants, and the names of the states."""
    from nkcell_sim.codegen.schedule import share
    from nkcell_sim.codegen.trace import trace

    composition = task.cell.composition
    traced = trace(composition)
    name = {key: _plain(traced.symbols[key].name) for key in composition.declarations}
    definitions = {traced.symbols[k]: e for k, e in traced.statements.items()}
    statements, rates = share({k: e for k, e in traced.derivatives.items()}, definitions)
    rename = {s: sympy.Symbol(_plain(s.name)) for s in _symbols(statements, rates)}
    states = {k: sympy.Symbol(f"x_{name[k]}") for k in composition.states}
    text = MyokitPrinter().doprint
    lines = ["[[model]]", *(f"{COMPONENT}.{states[k]} = {float(v / s)!r}" for k, v, s in zip(states, task.start, task.scale, strict=True))]
    lines += ["", f"[{COMPONENT}]", "time = 0 bind time"]
    lines += [f"{name[k]} = {float(v)!r}" for k, v in zip(composition.parameters, task.parameters[0], strict=True)]
    lines += [f"{name[k]} = {float(v)!r}" for k, v in zip(composition.inputs, task.inputs, strict=True)]
    lines += [f"{name[k]} = {states[k]} * {float(s)!r}" for k, s in zip(states, task.scale, strict=True)]
    lines += [f"{rename[symbol]} = {text(e.xreplace(rename))}" for symbol, e in statements]
    lines += [f"dot({states[k]}) = ({text(rates[k].xreplace(rename))}) / {float(s)!r}" for k, s in zip(states, task.scale, strict=True)]
    return "\n".join(lines) + "\n", [f"{COMPONENT}.{name[k]}" for k in DRAWN], [f"{COMPONENT}.{s}" for s in states.values()]


def _plain(name: str) -> str:
    """Myokit's names begin with a letter and keep clear of its own words."""
    return f"v_{name}"


def _symbols(statements: list[tuple[Any, Any]], rates: dict[str, Any]) -> set[Any]:
    used = {s for s, _ in statements}
    for expression in [e for _, e in statements] + list(rates.values()):
        used |= expression.free_symbols
    return used
