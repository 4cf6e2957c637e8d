"""Analytic derivatives by the chain rule through the author's own statements (forward mode).

d f/d y for the Jacobian and d f/d t along the protocol's slopes (for a ramp or a bath exchange).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy

from .trace import Trace


@dataclass
class Derivatives:
    """Jacobian entries and time derivatives, with the named partial sums they use."""

    statements: dict[sympy.Symbol, Any]
    jacobian: dict[tuple[int, int], Any]
    time: dict[int, Any]
    slopes: dict[str, sympy.Symbol]  # input key -> symbol of du/dt


def differentiate(traced: Trace) -> Derivatives:
    """Differentiate every statement and every right-hand side with respect to the states and to time."""
    states = {traced.symbols[k]: i for i, k in enumerate(traced.composition.states)}
    slopes = {k: sympy.Symbol(f"rate_of__{traced.symbols[k].name}", real=True) for k in traced.composition.inputs}
    seeds: dict[Any, dict[Any, Any]] = {s: {s: sympy.Integer(1)} for s in states}
    seeds.update({traced.symbols[k]: {"t": slope} for k, slope in slopes.items()})
    named: dict[sympy.Symbol, Any] = {}

    def total(expression: Any, label: str | None) -> dict[Any, Any]:
        sums: dict[Any, list[Any]] = {}
        for symbol in sorted(expression.free_symbols & seeds.keys(), key=lambda s: s.name):
            partial = sympy.diff(expression, symbol)
            if partial == 0:
                continue
            for wrt, inner in seeds[symbol].items():
                sums.setdefault(wrt, []).append(partial * inner)
        result = {wrt: sympy.Add(*terms) for wrt, terms in sums.items()}
        return {wrt: _named(value, label, wrt) if label else value for wrt, value in result.items() if value != 0}

    def _named(value: Any, label: str | None, wrt: Any) -> Any:
        if value.is_Symbol or value.is_number:
            return value
        symbol = sympy.Symbol(f"d_{label}__d_{wrt if wrt == 't' else wrt.name}", real=True)
        named[symbol] = value
        return symbol

    for key, expression in traced.statements.items():
        gradient = total(expression, traced.symbols[key].name)
        if gradient:
            seeds[traced.symbols[key]] = gradient
    jacobian: dict[tuple[int, int], Any] = {}
    time: dict[int, Any] = {}
    for i, expression in enumerate(traced.derivatives.values()):
        for wrt, value in total(expression, None).items():
            if wrt == "t":
                time[i] = value
            else:
                jacobian[i, states[wrt]] = value
    return Derivatives(named, jacobian, time, slopes)
