"""A small reader of exported files: evaluates their MathML with Python numbers, independent of what wrote them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from operator import add, mul
from typing import Any
from xml.etree import ElementTree as ET

SBML = "{http://www.sbml.org/sbml/level3/version2/core}"
MATHML = "{http://www.w3.org/1998/Math/MathML}"

OPERATIONS: dict[str, Callable[..., Any]] = {
    "plus": lambda *a: reduce(add, a),
    "times": lambda *a: reduce(mul, a),
    "minus": lambda a, *b: a - b[0] if b else -a,
    "divide": lambda a, b: a / b if b else math.inf,
    "power": lambda a, b: a**b,
    "root": math.sqrt,
    "exp": math.exp,
    "ln": math.log,
    "sech": lambda a: 1.0 / math.cosh(a),
    "abs": abs,
    "gt": lambda a, b: a > b,
    "lt": lambda a, b: a < b,
    "leq": lambda a, b: a <= b,
    "geq": lambda a, b: a >= b,
}


def parse(node: ET.Element) -> Callable[[Callable[[str], float], float], Any]:
    """A piece of MathML as a function of (value by identifier, time)."""
    tag = node.tag.removeprefix(MATHML)
    if tag == "math":
        return parse(node[0])
    if tag == "cn":
        text = (node.text or "").strip()
        value = float(f"{text}e{(node[0].tail or '').strip()}") if len(node) else float(text)
        return lambda of, t: value
    if tag == "ci":
        key = (node.text or "").strip()
        return lambda of, t: of(key)
    if tag == "csymbol":
        return lambda of, t: t
    if tag == "piecewise":
        return _piecewise(node)
    operation, arguments = OPERATIONS[node[0].tag.removeprefix(MATHML)], [parse(a) for a in node[1:]]
    return lambda of, t: operation(*(a(of, t) for a in arguments))


def _piecewise(node: ET.Element) -> Callable[[Callable[[str], float], float], Any]:
    pieces = [(parse(p[0]), parse(p[1])) for p in node.findall(f"{MATHML}piece")]
    otherwise = parse(node.find(f"{MATHML}otherwise")[0])  # type: ignore[index]
    return lambda of, t: next((value for value, condition in pieces if condition(of, t)), otherwise)(of, t)


class File:
    """An exported file: its numbers, its rules and the events of its protocol."""

    def __init__(self, text: str) -> None:
        root = ET.fromstring(text)
        self.parameters = {p.get("id", ""): p for p in root.iter(f"{SBML}parameter")}
        self.ids = {p.get("name", ""): i for i, p in self.parameters.items()}
        self.numbers = {i: float(p.get("value", "")) for i, p in self.parameters.items() if p.get("value") is not None}
        self.rules = {r.get("variable", ""): parse(r[0]) for r in root.iter(f"{SBML}assignmentRule")}
        self.rates = {r.get("variable", ""): parse(r[0]) for r in root.iter(f"{SBML}rateRule")}
        self.events = [
            (parse(e.find(f"{SBML}trigger")[0]), {a.get("variable", ""): parse(a[0]) for a in e.iter(f"{SBML}eventAssignment")})  # type: ignore[index]
            for e in root.iter(f"{SBML}event")
        ]
        self.units = {
            u.get("id", ""): [(p.get("kind", ""), int(p.get("exponent", "")), int(p.get("scale", ""))) for p in u.iter(f"{SBML}unit")]
            for u in root.iter(f"{SBML}unitDefinition")
        }

    def at(self, time: float, changed: dict[str, float] | None = None) -> Callable[[str], float]:
        """Values by identifier after all events up to a time [ms], with some numbers changed."""
        known = {**self.numbers, **(changed or {})}
        for trigger, assignments in self.events:
            if trigger(known.__getitem__, time):
                known.update({key: value(known.__getitem__, time) for key, value in assignments.items()})

        def of(key: str) -> float:
            if key in self.rules and key not in known:
                known[key] = self.rules[key](of, time)
            return known[key]

        return of
