"""The observables in parts, so that a run computes only what somebody records.

Statements that serve the same observables form one part. A statement serves at least what its users serve, so parts that serve more come
first; a batch runs, in that order, the parts that serve what it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Statement = tuple[Any, Any]  # name, expression


@dataclass(frozen=True)
class Part:
    """Statements that serve the same observables (their positions), and the results among them."""

    serves: frozenset[int]
    statements: tuple[Statement, ...]
    results: tuple[Statement, ...]


class Observables:
    """Parts of the observables in an order in which each uses only earlier ones."""

    def __init__(self, statements: list[Statement], results: Mapping[str, Any]) -> None:
        self.results = dict(results)
        table = dict(statements)
        self._cones = [_cone(e, table) for e in results.values()]
        served = {symbol: frozenset(i for i, cone in enumerate(self._cones) if symbol in cone) for symbol, _ in statements}
        groups: dict[frozenset[int], tuple[list[Statement], list[Statement]]] = {}
        for symbol, expression in statements:
            groups.setdefault(served[symbol], ([], []))[0].append((symbol, expression))
        for i, result in enumerate(results.items()):
            groups.setdefault(frozenset({i}), ([], []))[1].append(result)
        self.parts = [Part(s, tuple(a), tuple(b)) for s, (a, b) in sorted(groups.items(), key=lambda item: -len(item[0]))]
        home = {symbol: n for n, part in enumerate(self.parts) for symbol, _ in part.statements}
        used = (s for n, part in enumerate(self.parts) for _, e in (*part.statements, *part.results) for s in e.free_symbols if home.get(s, n) != n)
        self.carried = {symbol: slot for slot, symbol in enumerate(dict.fromkeys(sorted(used, key=lambda s: s.name)))}

    def text(self, name: str, arguments: str, where: Mapping[Any, str], vector: Callable[[Any], str]) -> list[str]:
        """Lines of a function that runs the parts it is given; ``where`` says where each state, input and fixed number is found."""
        lines = [f"static inline __attribute__((always_inline)) void {name}_observe_of({arguments}, const int usual_) {{"]
        lines += ["  for (int part_ = 0; part_ < n_parts_; part_++) switch (parts_[part_]) {"]
        for n, part in enumerate(self.parts):
            lines += [f"  case {n}: {{", *(f"    {line}" for line in self._part(part, where, vector)), "  } break;"]
        return [*lines, "  default: break;", "  }"]

    def _part(self, part: Part, where: Mapping[Any, str], vector: Callable[[Any], str]) -> list[str]:
        own = {symbol for symbol, _ in part.statements}
        read = {s for _, e in (*part.statements, *part.results) for s in e.free_symbols} - own
        lines = [f"const vd {s.name} = {where[s] if s in where else f'v_[{self.carried[s]}]'};" for s in sorted(read, key=lambda s: s.name)]
        lines += [f"const vd {s.name} = {vector(e)};" for s, e in part.statements]
        lines += [f"v_[{self.carried[s]}] = {s.name};" for s, _ in part.statements if s in self.carried]
        return lines + [f"{target} = {vector(e)};" for target, e in part.results]

    def needs(self, symbols: Mapping[Any, int]) -> list[list[int]]:
        """For every observable the positions of those of ``symbols`` (states, inputs or fixed numbers) that it depends on."""
        return [sorted(symbols[s] for s in cone if s in symbols) for cone in self._cones]

    def parts_of(self) -> list[list[int]]:
        """For every observable the numbers of the parts that it needs, ascending."""
        return [[n for n, part in enumerate(self.parts) if i in part.serves] for i in range(len(self.results))]


def _cone(expression: Any, table: Mapping[Any, Any]) -> set[Any]:
    """Every symbol that an expression depends on."""
    found: set[Any] = set()
    stack = list(expression.free_symbols)
    while stack:
        symbol = stack.pop()
        if symbol not in found:
            found.add(symbol)
            stack += table[symbol].free_symbols if symbol in table else ()
    return found


def listed(name: str, rows: list[list[int]]) -> str:
    """Rows of different length as two C tables: where each row starts, and all of them in one."""
    starts = [0]
    for row in rows:
        starts.append(starts[-1] + len(row))
    flat = [n for row in rows for n in row]
    return (
        f"static const int {name}_start[] = {{{', '.join(map(str, starts))}}};\n"
        f"static const unsigned short {name}[] = {{{', '.join(map(str, flat)) or '0'}}};"
    )
