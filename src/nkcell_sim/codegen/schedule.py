"""Turn named expressions into an ordered list of C statements: lower, hoist parameter-only work, share, sort."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sympy

from .lowering import Lowering


@dataclass
class Hoister:
    """Collects subexpressions that depend on ``parameters`` alone: computed once a run (or once a step), not once an evaluation."""

    parameters: set[Any]
    prefix: str = "hoisted"
    table: dict[Any, sympy.Symbol] = field(default_factory=dict)

    def __call__(self, expression: Any) -> Any:
        """Replace every parameter-only part of an expression by a symbol of its own."""
        if self.constant(expression):
            return self._name(expression)
        if not expression.args:
            return expression
        args = [self._inner(a) for a in expression.args]
        if isinstance(expression, sympy.Add | sympy.Mul):
            args = self._group(expression.func, args)
        return expression.func(*args)

    def constant(self, expression: Any) -> bool:
        """True when the expression contains parameters (or hoisted symbols) and nothing else."""
        symbols = expression.free_symbols
        return bool(symbols) and symbols <= self.parameters

    def _inner(self, expression: Any) -> Any:
        # Inside a sum or product the whole constant group is named at once, so keep its members as they are.
        return expression if self.constant(expression) else self(expression)

    def _group(self, operation: Any, args: list[Any]) -> list[Any]:
        fixed = [a for a in args if self.constant(a)]
        if not fixed:
            return args
        rest = [a for a in args if not self.constant(a)]
        if fixed and operation is sympy.Mul:
            numbers = [a for a in rest if a.is_number and a not in (1, -1)]
            fixed, rest = fixed + numbers, [a for a in rest if a not in numbers]
        elif fixed:
            numbers = [a for a in rest if a.is_number]
            fixed, rest = fixed + numbers, [a for a in rest if a not in numbers]
        return [*rest, self._name(operation(*fixed))]

    def _name(self, expression: Any) -> Any:
        if expression.is_Symbol or expression.is_number:
            return expression
        if expression.could_extract_minus_sign():  # one slot serves a constant and its negative
            return -self._name(-expression)
        if expression not in self.table:
            symbol = sympy.Symbol(f"{self.prefix}_{len(self.table)}", real=True)
            self.table[expression] = symbol
            self.parameters.add(symbol)
        return self.table[expression]


def prepare(named: dict[Any, Any], hoister: Hoister, lower: Lowering) -> dict[Any, Any]:
    """Lower and hoist each named expression; a name that turns out constant joins the parameters."""
    return {name: _hoisted(name, lower(expression), hoister) for name, expression in named.items()}


def settle(named: dict[Any, Any], settler: Hoister) -> dict[Any, Any]:
    """Hoist once more, what inputs decide: such a name joins what is computed when the inputs change, not at every evaluation."""
    return {name: _hoisted(name, expression, settler) for name, expression in named.items()}


def _hoisted(name: Any, expression: Any, hoister: Hoister) -> Any:
    reduced = hoister(expression)
    if isinstance(name, sympy.Symbol) and reduced.free_symbols <= hoister.parameters:
        hoister.parameters.add(name)
        hoister.table.setdefault(_Alias(name, reduced), name)
    return reduced


class _Alias:
    """A named statement that is parameter-only: hoisted under the author's name."""

    def __init__(self, name: sympy.Symbol, expression: Any) -> None:
        self.name = name
        self.expression = expression


def hoisted_statements(hoister: Hoister) -> list[tuple[sympy.Symbol, Any]]:
    """(symbol, expression) of everything hoisted, in an order in which each uses only earlier ones."""
    table = {symbol: key.expression if isinstance(key, _Alias) else key for key, symbol in hoister.table.items()}
    return _sorted(table, table)


def share(outputs: dict[str, Any], definitions: dict[Any, Any]) -> tuple[list[tuple[Any, Any]], dict[str, Any]]:
    """Common subexpressions of the outputs and the definitions they reach, in an order ready to be written."""
    needed = _reachable(outputs.values(), definitions)
    names, expressions = list(needed), [*needed.values(), *outputs.values()]
    temporaries, reduced = sympy.cse(expressions, symbols=(sympy.Symbol(f"shared_{i}", real=True) for i in range(10**6)), order="none")
    table = dict(temporaries) | dict(zip(names, reduced[: len(names)], strict=True))
    results = dict(zip(outputs, reduced[len(names) :], strict=True))
    wanted = {s for e in results.values() for s in e.free_symbols if s in table}
    return _sorted(table, wanted), results


def needed_for(wanted: set[Any], statements: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Those of the ordered statements that the wanted symbols need."""
    needed, chosen = set(wanted), []
    for symbol, expression in reversed(statements):
        if symbol in needed:
            needed |= expression.free_symbols
            chosen.append((symbol, expression))
    return chosen[::-1]


def _reachable(roots: Iterable[Any], definitions: dict[Any, Any]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    stack = [s for e in roots for s in sorted(e.free_symbols, key=lambda s: s.name)]
    while stack:
        symbol = stack.pop()
        if symbol in definitions and symbol not in found:
            found[symbol] = definitions[symbol]
            stack += sorted(definitions[symbol].free_symbols, key=lambda s: s.name)
    return {s: e for s, e in definitions.items() if s in found}


def _sorted(table: dict[Any, Any], wanted: Iterable[Any]) -> list[tuple[Any, Any]]:
    done: dict[Any, Any] = {}

    def visit(symbol: Any) -> None:
        if symbol in done or symbol not in table:
            return
        for used in sorted(table[symbol].free_symbols, key=lambda s: s.name):
            visit(used)
        done[symbol] = table[symbol]

    for symbol in sorted(wanted, key=lambda s: s.name):
        visit(symbol)
    return list(done.items())
