"""Trace a composition once with symbols: every flow and observable becomes one named statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sympy

from ..model.composition import Composition, Evaluation
from .dimensions import check_dimensions


@dataclass
class Trace:
    """The equations of a composition as symbols, in order of evaluation."""

    composition: Composition
    symbols: dict[str, sympy.Symbol]
    statements: dict[str, Any] = field(default_factory=dict)  # output key -> expression
    derivatives: dict[str, Any] = field(default_factory=dict)  # state key -> expression

    def keys_of(self, kind: str) -> list[str]:
        """Keys of ``states``, ``parameters`` or ``inputs`` in order."""
        return list(getattr(self.composition, kind))


class _Tracer(Evaluation):
    """An evaluation whose leaves are symbols and whose assignments are recorded."""

    def __init__(self, composition: Composition, symbols: dict[str, sympy.Symbol]) -> None:
        leaves = {k: symbols[k] for kind in ("states", "parameters", "inputs") for k in getattr(composition, kind)}
        super().__init__(composition, leaves)
        self.symbols = symbols
        self.statements: dict[str, Any] = {}

    def store(self, key: str, value: Any) -> Any:
        self.statements[key] = sympy.sympify(value)
        return self.symbols[key]


def c_name(key: str) -> str:
    """The author's name as a C identifier: ``KCa31.g_max`` becomes ``KCa31__g_max``."""
    return key.replace(".", "__")


def trace(composition: Composition) -> Trace:
    """Run all equations with symbols and check the dimension of each statement."""
    symbols = {k: sympy.Symbol(c_name(k), real=True) for k in composition.declarations}
    tracer = _Tracer(composition, symbols)
    tracer.run()
    traced = Trace(composition, symbols, tracer.statements, {k: sympy.sympify(tracer.derivatives[k]) for k in composition.states})
    check_dimensions(traced)
    return traced
