"""Documentation tables of a cell: its equations, parameters, states, inputs and outputs, as Markdown with HTML tables.

Everything is read from the declarations and from one symbolic pass over the equations, so that the pages cannot differ from what is
computed. Sums over components ("pools") keep a name of their own; the switch that every flow is multiplied by is left out.
"""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

import sympy

from ..model import symbolic
from ..model.cell import Cell
from ..model.cells.parameter_sets import PARAMETER_SETS, Entry
from ..model.cells.phenotypes import PHENOTYPES
from ..model.component import Component
from ..model.composition import Composition, Evaluation
from ..model.quantities import EVIDENCE_CODES, Declaration, Flow, Input, Observable, Parameter, State
from ..units import from_kernel
from .mathml import Writer, identifier, math, rate, relaxation, word

NOTATION = """\
- Every equation is written in coherent units (ms, mV, pA, nS, pF, fL, µM, K), so no conversion factor appears.
- Each current and flux, and each time derivative of a component that can be switched off, is also multiplied by the component's switch (1, or 0 when it is
  off); the factor is left out here.
- Σ with a name is the sum of what all components contribute to that balance; each component lists its own contributions.
- Currents are positive outward; fluxes are amounts per time.
"""


WIDE = '<mspace width="0.4em"></mspace>'


@dataclass
class ComponentEquations:
    """What one component assigns, contributes and integrates, in order."""

    component: Component
    outputs: dict[str, Any] = field(default_factory=dict)
    contributions: list[tuple[str, Any]] = field(default_factory=list)
    derivatives: dict[str, Any] = field(default_factory=dict)


class _Reading(Evaluation):
    """An evaluation with symbols that keeps the pools as symbols and remembers who wrote what."""

    def __init__(self, composition: Composition) -> None:
        self.symbols = {k: sympy.Symbol(k, real=True) for k in composition.declarations}
        self.pools: dict[str, Any] = {}
        self.found = {c.name: ComponentEquations(c) for c in composition.components}
        kinds = (composition.states, composition.parameters, composition.inputs)
        leaves: dict[str, Any] = {k: self.symbols[k] for kind in kinds for k in kind}
        leaves.update({f"{name}.switch": sympy.Integer(1) for name in composition.switchable})
        super().__init__(composition, leaves)

    @property
    def _mine(self) -> ComponentEquations:
        assert self._current is not None
        return self.found[self._current.name]

    def store(self, key: str, value: Any) -> Any:
        self._mine.outputs[key] = sympy.sympify(value)
        return self.symbols[key]

    def set_derivative(self, key: str, value: Any, switch: str | None) -> None:
        super().set_derivative(key, value, switch)
        self._mine.derivatives[key] = sympy.sympify(self.derivatives[key])

    def add_to_pool(self, pool: str, value: Any) -> None:
        super().add_to_pool(pool, value)
        self._mine.contributions.append((pool, sympy.sympify(value)))

    def read_pool(self, pool: str) -> Any:
        if not isinstance(super().read_pool(pool), sympy.Basic):
            return sympy.Integer(0)
        return self.pools.setdefault(pool, sympy.Symbol(f"Σ {pool}", real=True))


class CellTables:
    """Tables of one composition; ``cell`` (optional) gives the values that are really used."""

    def __init__(self, composition: Composition, cell: Cell | None = None) -> None:
        self.composition = composition
        self.cell = cell or Cell(composition)
        self.reading = _Reading(composition)
        self.reading.run()
        keys = composition.declarations
        self._count = Counter(self._symbol(d, k) for k, d in keys.items())
        self._common = Counter(self._symbol(d, k) for k, d in keys.items() if "." not in k)
        self._own = {c.name: {self._symbol(d, k) for k, d in keys.items() if composition.owner[k] is c} for c in composition.components}

    # -- names -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _symbol(declaration: Declaration, key: str) -> str:
        return declaration.symbol if declaration.symbol and " " not in declaration.symbol else key.rpartition(".")[2]

    def name(self, key: str, reader: str = "") -> str:
        """MathML name of a quantity; one that shares its symbol with another carries its component when read elsewhere."""
        declaration = self.composition.declarations[key]
        text, owner = self._symbol(declaration, key), self.composition.owner[key].name
        shown = word(text.replace("_", " ")) if isinstance(declaration, Input) and not declaration.symbol else identifier(text)
        mistakable = self._count[text] > 1 if "." in key or not reader else self._common[text] > 1 or text in self._own[reader]
        if reader == owner or not mistakable:
            return shown
        return f"<msup><mrow>{shown}</mrow><mtext>{escape(owner)}</mtext></msup>"

    def _writer(self, reader: str) -> Writer:
        declared = self.composition.declarations
        names = {symbol: self.name(key, reader) for key, symbol in self.reading.symbols.items()}
        names.update({symbol: f"<mo>Σ</mo>{identifier(pool_symbol(pool))}" for pool, symbol in self.reading.pools.items()})
        ranks = {symbol: _RANK[type(declared[key])] for key, symbol in self.reading.symbols.items()}
        ranks[self.reading.symbols.get("faraday")] = 0
        return Writer(names, lambda s: ranks.get(s, 3))

    # -- equations ---------------------------------------------------------------------------------------------------

    def equations(self, component: Component) -> str:
        """Equations of one component as HTML; empty when it has none."""
        mine, write = self.reading.found[component.name], self._writer(component.name)
        rows = [_equation(self.name(k, component.name), write.lines(e)) for k, e in mine.outputs.items()]
        for key, expression in mine.derivatives.items():
            name = self.name(key, component.name)
            helpers, reduced = relaxation(expression, name)
            for text, value, symbol in helpers:
                rows.append(_equation(text, write.lines(value)))
                write.names[symbol] = text
            rows.append(_equation(rate(name), write.lines(reduced)))
        return "\n".join(rows)

    def contributions(self, component: Component) -> str:
        """What one component adds to the balances of the cell."""
        mine, write = self.reading.found[component.name], self._writer(component.name)
        texts = [math(f"<mo>Σ</mo>{identifier(pool_symbol(pool))}<mo>:</mo>{WIDE}{write(e)}") for pool, e in mine.contributions]
        items = [f"<li>{text}</li>" for text in texts]
        return f"<ul>{''.join(items)}</ul>" if items else ""

    # -- rows --------------------------------------------------------------------------------------------------------

    @cached_property
    def origin(self) -> dict[str, tuple[str, str]]:
        """Evidence code and source of every parameter whose value is not the declared one."""
        found = {e.key: (e.evidence, f"parameter set {self.cell.parameter_set}: {e.reason}") for e in PARAMETER_SETS.get(self.cell.parameter_set, ())}
        phenotype = PHENOTYPES.get(self.cell.phenotype)
        if phenotype:
            found.update({e.key: (e.evidence, f"phenotype {phenotype.name}: {e.reason}") for e in phenotype.entries})
        return found

    def parameter_rows(self, component: Component) -> list[list[str]]:
        """Symbol, name, value, unit, evidence, meaning with range, and source of a component's parameters."""
        mine = [k for k, owner in self.composition.owner.items() if owner is component and not k.endswith(".switch")]
        return [self._parameter_row(k, p) for k, p in self.composition.parameters.items() if k in mine]

    def _parameter_row(self, key: str, p: Parameter) -> list[str]:
        value = self.cell.parameter(key)
        evidence, source = p.evidence, escape(p.source)
        shown = f"{value:.6g}"
        if value != p.default:
            evidence, given = self.origin.get(key, (p.evidence, ""))
            shown += f"<br><small>declared {p.default:.6g} ({p.evidence})</small>"
            if p.balance:
                given = f"solved from the balance of {p.balance} at rest"
            source = "<br>".join(text for text in (escape(given), f"<small>{source}</small>" if source else "") if text)
        return [math(self.name(key, self.composition.owner[key].name)), _code(key), shown, escape(p.unit), evidence, _meaning(p), source]

    def state_rows(self) -> list[list[str]]:
        """Symbol, name, value at the start, unit, meaning, scale and component of every state."""
        y = self.cell.initial_state()
        rows = []
        for (key, s), value in zip(self.composition.states.items(), y, strict=True):
            start = f"{from_kernel(value, s.unit):.6g}"
            rows.append([math(self.name(key)), _code(key), start, escape(s.unit), escape(s.description), f"{s.scale:g}", self.composition.owner[key].name])
        return rows

    def input_rows(self) -> list[list[str]]:
        """Symbol, name, resting value, unit, evidence, meaning with range, and source of every input."""
        rows = []
        for key, i in self.composition.inputs.items():
            value = self.cell.inputs.get(key, i.default)
            rows.append([math(self.name(key)), _code(key), f"{value:g}", escape(i.unit), i.evidence, _meaning(i), escape(i.source)])
        return rows

    def output_rows(self, component: Component | None = None) -> list[list[str]]:
        """Symbol, name, unit, kind and meaning of what can be recorded besides states and inputs."""
        rows = []
        for key, o in self.composition.outputs.items():
            owner = self.composition.owner[key]
            if component is None or owner is component:
                kind = "current or flux" if isinstance(o, Flow) else "conserved total" if o.conserved else "observable"
                rows.append([math(self.name(key, owner.name)), _code(key), escape(o.unit), kind, escape(o.description)])
        return rows

    def component_rows(self) -> list[list[str]]:
        """Name, switch and first sentence of every component, linked to its section."""
        switchable = self.composition.switchable
        return [[f'<a href="#{c.name.lower()}">{c.name}</a>', "yes" if c.name in switchable else "no", summary(c)] for c in self.composition.components]

    # -- page --------------------------------------------------------------------------------------------------------

    def page(self) -> str:
        """The whole reference page of the cell in Markdown."""
        c = self.composition
        numbers = f"{len(c.components)} components, {len(c.states)} states, {len(c.parameters)} parameters, {len(c.inputs)} inputs; model hash `{c.hash}`."
        made = f"Values are those of the cell as it is made: {'; '.join(self.cell.history)}." if self.cell.history else "Values are those of the declarations."
        parts = [f"# Cell `{c.name}`", f"{c.description[:1].upper()}{c.description[1:]}. {numbers}", made, "## Notation", NOTATION]
        if any("GHK" in text for text in map(self.equations, c.components)):
            parts.append(_definitions())
        parts += ["## Components", table(("component", "can be switched off", "what it is"), self.component_rows())]
        parts += ["## States", table(("symbol", "name", "start", "unit", "meaning", "scale", "component"), self.state_rows())]
        if c.inputs:
            parts += [
                "## Inputs",
                "What a protocol can drive; the value is the resting one.",
                table(("symbol", "name", "value", "unit", "evidence", "meaning", "source"), self.input_rows()),
            ]
        parts.append("## Equations and parameters")
        return "\n\n".join([*parts, *(self.section(component) for component in c.components)]) + "\n"

    def section(self, component: Component) -> str:
        """Heading, text, equations, contributions, parameters and outputs of one component."""
        parts = [f"### {component.name} {{ #{component.name.lower()} }}", f'<div class="about">{_paragraphs(component)}</div>']
        equations, contributions = self.equations(component), self.contributions(component)
        if equations:
            parts.append(f'<div class="equations">\n{equations}\n</div>')
        if contributions:
            parts.append(f'<div class="contributions">Contributes to {contributions}</div>')
        parameters, outputs = self.parameter_rows(component), self.output_rows(component)
        if parameters:
            parts.append(table(("symbol", "parameter", "value", "unit", "evidence", "meaning", "source"), parameters))
        if outputs:
            parts.append(table(("symbol", "output", "unit", "kind", "meaning"), outputs))
        return "\n\n".join(parts)


_RANK = {Parameter: 1, Input: 2, Observable: 3, Flow: 3, State: 4}


def pool_symbol(pool: str) -> str:
    """Readable name of a pool: ``i_na`` is I_Na, ``ca_cyt_gain`` the gain of Ca2+ in the cytosol."""
    head, _, rest = pool.partition("_")
    ions = {"na": "Na", "k": "K", "cs": "Cs", "cl": "Cl", "ca": "Ca", "mg": "Mg", "proton": "H"}
    if head == "i":
        return f"I_{ions.get(rest, rest)}"
    return f"{rest.rpartition('_')[2]}_{ions.get(head, head)} {rest.rpartition('_')[0]}".strip().replace(" ", "_")


def _equation(left: str, lines: list[str]) -> str:
    if len(lines) == 1:
        body = f"{left}<mo>=</mo>{lines[0]}"
    else:
        starts = [f"<mtd>{left}</mtd><mtd><mo>=</mo></mtd>"] + ["<mtd></mtd><mtd></mtd>"] * (len(lines) - 1)
        rows = "".join(f"<mtr>{start}<mtd>{line}</mtd></mtr>" for start, line in zip(starts, lines, strict=True))
        body = f'<mtable displaystyle="true">{rows}</mtable>'
    return f'<div class="equation">{math(body, block=True)}</div>'


def _definitions() -> str:
    """The GHK term and the relative exponential, as they are used in the equations."""
    z, w, u = sympy.symbols("z w u")
    inside, outside, v, v_t = sympy.symbols("X_i X_o V V_T")
    write = Writer({s: identifier(s.name) for s in (z, w, u, inside, outside, v, v_t)}, lambda s: 0)
    e = symbolic.exp
    comma = f"<mo>,</mo>{WIDE}"
    ghk = f"<msub><mi>GHK</mi><mi>z</mi></msub>{write.arguments(inside, outside)}"
    ghk += f"<mo>=</mo>{write(z * w)}{write((inside - outside * e(-w)) / (1 - e(-w)))}{comma}{write(w)}<mo>=</mo>{write(z)}{write(v / v_t)}"
    phi = f"<mi>φ</mi>{write.arguments(u)}<mo>=</mo>{write(u / (e(u) - 1))}"
    return f'<div class="equations">\n<div class="equation">{math(ghk, block=True)}</div>\n<div class="equation">{math(phi, block=True)}</div>\n</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table; cells are HTML already."""
    top = "".join(f"<th>{h}</th>" for h in head)
    body = "\n".join("<tr>" + "".join(f'<td class="{_css(h)}">{cell}</td>' for h, cell in zip(head, row, strict=True)) + "</tr>" for row in rows)
    return f'<div class="wide"><table class="nk">\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _css(head: str) -> str:
    return re.sub(r"[^a-z]+", "-", head.replace("<wbr>", ""))


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _meaning(d: Parameter | Input) -> str:
    low, high = d.minimum, d.maximum
    if low is None and high is None:
        return escape(d.description)
    span = f"≥ {low:g}" if high is None else f"≤ {high:g}" if low is None else f"{low:g} to {high:g}"
    return f"{escape(d.description)} <small>({span.replace(' ', '&#160;')})</small>"


def summary(component: Component) -> str:
    """First sentence or line of a component's docstring, as HTML."""
    return escape(inspect.cleandoc(type(component).__doc__ or "").partition("\n")[0])


def _paragraphs(component: Component) -> str:
    blocks = inspect.cleandoc(type(component).__doc__ or "").split("\n\n")
    return "".join(f"<p>{escape(' '.join(b.split()))}</p>" for b in blocks)


def evidence_table() -> str:
    """Evidence codes and what they mean."""
    return table(("evidence", "meaning"), [[code, escape(text)] for code, text in EVIDENCE_CODES.items()])


def parameter_set_table() -> str:
    """The named parameter sets side by side, with evidence and reason of each value."""
    keys = list(dict.fromkeys(e.key for entries in PARAMETER_SETS.values() for e in entries))
    by_set = {name: {e.key: e for e in entries} for name, entries in PARAMETER_SETS.items()}
    rows = []
    for key in keys:
        unit = next(entries[key].unit for entries in by_set.values() if key in entries)
        cells = [_entry(entries[key]) if key in entries else "" for entries in by_set.values()]
        rows.append([_code(key), escape(unit), *cells])
    return table(("parameter", "unit", *by_set), rows)


def phenotype_table() -> str:
    """The named phenotypes: values that each one sets, its lesion family and the healthy cell it is compared with."""
    keys = list(dict.fromkeys(k for p in PHENOTYPES.values() for k in p.changes))
    meanings = [[_code(p.name), p.lesion, _code(p.healthy), escape(p.description)] for p in PHENOTYPES.values()]
    values = [[_code(p.name), *(_entry(next(e for e in p.entries if e.key == k)) for k in keys)] for p in PHENOTYPES.values()]
    heads = (k.replace(".", ".<wbr>") for k in keys)
    return "\n\n".join([table(("phenotype", "lesion", "compared with", "meaning"), meanings), table(("phenotype", *heads), values)])


def _entry(e: Entry) -> str:
    return f"{e.value:g} ({e.evidence})<br><small>{escape(e.reason)}</small>"


def calibrated_table(cells: dict[str, Cell]) -> str:
    """Constants solved from the wanted rest, one column a cell (same composition)."""
    first = next(iter(cells.values()))
    declared = first.composition.parameters
    rows = [
        [_code(k), escape(declared[k].unit), escape(declared[k].balance), *(f"{cell.calibrated_constants[k]:.6g}" for cell in cells.values())]
        for k in first.calibrated_constants
    ]
    return table(("constant", "unit", "balance", *cells), rows)


def rest_table(composition: Composition) -> str:
    """The wanted rest that the calibrated constants make stationary."""
    rows = [[_code(k), f"{v:g}", escape(composition.states[k].unit), escape(composition.states[k].description)] for k, v in composition.rest.items()]
    return table(("state", "value", "unit", "meaning"), rows)
