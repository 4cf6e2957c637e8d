"""Write one C header per composition: readable statements with the author's names, for a block of lanes."""

from __future__ import annotations

from typing import Any

import sympy

from ..model.composition import Composition
from ..units import to_kernel
from .jacobian import differentiate
from .lowering import Lowering
from .observables import Observables, listed
from .printer import LanePrinter, ScalarPrinter
from .schedule import Hoister, hoisted_statements, needed_for, prepare, settle, share
from .sparse_lu import SparseLU, symbolic_lu
from .trace import trace

# name and arguments of the functions that are written twice: for the declared exponents, which become products, and for any
EQUATIONS = {
    "rhs": "const vd *y_, const vd *u_, const vd *p_, vd *f_",
    "rhs_jac": "const vd *y_, const vd *u_, const vd *p_, vd *f_, vd *jac_",
    "time": "const vd *y_, const vd *u_, const vd *rate_, const vd *p_, vd *ft_",
    "settle": "const vd *u_, vd *p_",
    "observe": "const vd *y_, const vd *u_, const vd *p_, vd *out_, vd *v_, const unsigned short *parts_, int n_parts_",
}


class CellHeader:
    """Everything about one composition that goes into C."""

    def __init__(self, composition: Composition) -> None:
        self.composition = composition
        self.name = composition.name
        traced = trace(composition)
        derivatives = differentiate(traced)
        self.symbols = traced.symbols
        self.slopes = derivatives.slopes
        hoister = Hoister({traced.symbols[k] for k in composition.parameters})
        self.defaults = {traced.symbols[k]: to_kernel(p.default, p.unit) for k, p in composition.parameters.items()}
        lower = Lowering(hoister.constant, self.defaults)
        values = prepare({traced.symbols[k]: e for k, e in traced.statements.items()}, hoister, lower)
        self.rhs = prepare({f"f_[{i}]": e for i, e in enumerate(traced.derivatives.values())}, hoister, lower)
        partials = prepare(derivatives.statements, hoister, lower)
        self.definitions = values | partials
        self.lu: SparseLU = symbolic_lu(len(composition.states), set(derivatives.jacobian))
        entries = {f"jac_[{s}]": derivatives.jacobian.get(ij, sympy.Integer(0)) for s, ij in enumerate(self.lu.jacobian)}
        self.jacobian = prepare(entries, hoister, lower)
        self.time = prepare({f"ft_[{i}]": derivatives.time.get(i, sympy.Integer(0)) for i in range(len(composition.states))}, hoister, lower)
        self.observed = {f"out_[{i}]": hoister(self.symbols[k]) for i, k in enumerate(composition.outputs)}
        self.definitions = {s: e for s, e in self.definitions.items() if s not in hoister.parameters}
        self.hoisted = hoisted_statements(hoister)
        self.exponents = sorted(lower.exponents, key=lambda s: s.name)
        self._settle({traced.symbols[k] for k in composition.inputs}, hoister.parameters)

    def _settle(self, inputs: set[Any], constants: set[Any]) -> None:
        """Take what inputs and parameters decide out of the evaluations; observables are left whole, they are read at times of their own."""
        settler = Hoister(constants | inputs, "settled")
        definitions = settle(self.definitions, settler)
        parts = {"rhs": self.rhs, "rhs_jac": self.rhs | self.jacobian, "time": self.time}
        results = {suffix: settle(outputs, settler) for suffix, outputs in parts.items()}
        left = {s: e for s, e in definitions.items() if s not in settler.parameters}
        self.shared = {suffix: share(outputs, left) for suffix, outputs in results.items()}
        wanted = set().union(*(_symbols(*parts) for parts in self.shared.values()))
        statements = hoisted_statements(settler)
        self.settled = [s for s, _ in statements if s in wanted]
        self.settling = dict(needed_for(set(self.settled), statements))

    def text(self) -> str:
        """The header: hoisting, what inputs settle, right-hand side, Jacobian, time derivative, observables, LU."""
        c, n = self.composition, self.name
        observed = share(self.observed, self.definitions)
        used = set().union(*(_symbols(*parts) for parts in (*self.shared.values(), observed, ([], self.settling))))
        fixed = [*(self.symbols[k] for k in c.parameters), *(s for s, _ in self.hoisted)]
        self._slots: dict[Any, int] = {s: i for i, s in enumerate(s for s in fixed if s in used)}
        self._settled_slots = {s: len(self._slots) + i for i, s in enumerate(self.settled)}
        parts = [
            f"/* {n}: generated from its components by nkcell_sim.codegen; do not edit. Model hash {c.hash}. */",
            self._hoist(),
            self._function("settle", *share({f"p_[{slot}]": symbol for symbol, slot in self._settled_slots.items()}, self.settling)),
            *(self._function(suffix, *parts) for suffix, parts in self.shared.items()),
            self._observe(Observables(*observed)),
            self._factor(),
            f"static void {n}_solve(const vd *restrict w, vd *restrict b) {{\n  " + "\n  ".join(self.lu.solve_lines()) + "\n}",
            self._pattern(),
        ]
        return "\n\n".join(parts) + "\n"

    def _hoist(self) -> str:
        lines = [f"static void {self.name}_hoist(const double *restrict p_, double *restrict fixed_) {{"]
        declared = self.composition.parameters
        lines += [f"  const double {self.symbols[k].name} = p_[{i}]; /* {d.unit} */" for i, (k, d) in enumerate(declared.items())]
        printer = ScalarPrinter()
        lines += [f"  const double {symbol.name} = {printer.doprint(expression)};" for symbol, expression in self.hoisted]
        lines += [f"  fixed_[{slot}] = {symbol.name};" for symbol, slot in self._slots.items()]
        return "\n".join([*lines, "}"])

    def _function(self, suffix: str, statements: list[tuple[Any, Any]], results: dict[str, Any]) -> str:
        """One set of equations as a body that is expanded twice, with and without the declared exponents as constants."""
        used, printer, arguments = _symbols(statements, results), LanePrinter(), EQUATIONS[suffix].replace("*", "*restrict ")
        lines = [f"static inline __attribute__((always_inline)) void {self.name}_{suffix}_of({arguments}, const int usual_) {{"]
        for array, table in (("y_", self.composition.states), ("u_", self.composition.inputs)):
            for i, (key, declaration) in enumerate(table.items()):
                if self.symbols[key] in used:
                    lines.append(f"  const vd {self.symbols[key].name} = {array}[{i}]; /* declared in {declaration.unit} */")
        for i, slope in enumerate(self.slopes.values()):
            if slope in used:
                lines.append(f"  const vd {slope.name} = rate_[{i}];")
        made = {symbol for symbol, _ in statements}
        slots = {**self._slots, **self._settled_slots}
        lines += [f"  const vd {s.name} = p_[{i}];" for s, i in slots.items() if s in used and s not in made]
        units = {self.symbols[k]: d.unit for k, d in self.composition.outputs.items()}
        for symbol, expression in statements:
            comment = f" /* declared in {units[symbol]} */" if symbol in units else ""
            lines.append(f"  const vd {symbol.name} = {printer._vector(expression)};{comment}")
        lines += [f"  {target} = {printer._vector(e)};" for target, e in results.items()]
        return self._expanded(suffix, lines)

    def _expanded(self, suffix: str, lines: list[str]) -> str:
        """A function's body and the two functions that it becomes."""
        arguments = EQUATIONS[suffix].replace("*", "*restrict ")
        names = ", ".join(a.replace("*", " ").split()[-1] for a in EQUATIONS[suffix].split(", "))
        expanded = (f"static void {self.name}_{suffix}_{u}({arguments}) {{ {self.name}_{suffix}_of({names}, {u}); }}" for u in (0, 1))
        return "\n".join([*lines, "  (void)usual_;", "}", *expanded])

    def _observe(self, observables: Observables) -> str:
        """The observables by parts, and which parts and states each of them needs."""
        self._observables = observables
        where = {self.symbols[k]: f"y_[{i}]" for i, k in enumerate(self.composition.states)}
        where |= {self.symbols[k]: f"u_[{i}]" for i, k in enumerate(self.composition.inputs)}
        where |= {s: f"p_[{i}]" for s, i in self._slots.items()}
        states = {self.symbols[k]: i for i, k in enumerate(self.composition.states)}
        inputs = {self.symbols[k]: i for i, k in enumerate(self.composition.inputs)}
        needed = {"parts": observables.parts_of(), "reads": observables.needs(states), "drives": observables.needs(inputs)}
        needed["constants"] = observables.needs(self._slots)
        tables = [listed(f"{self.name}_{name}", rows) for name, rows in needed.items()]
        lines = observables.text(self.name, EQUATIONS["observe"].replace("*", "*restrict "), where, LanePrinter()._vector)
        return "\n".join([self._expanded("observe", lines), *tables])

    def _factor(self) -> str:
        lu = self.lu
        original = set(lu.jacobian)
        lines = [f"static void {self.name}_factor(vd d, const vd *restrict jac, vd *restrict w) {{"]
        lines += [f"  w[{lu.slot[i, j]}] = {'d - ' if i == j else '-'}jac[{s}];" for s, (i, j) in enumerate(lu.jacobian)]
        lines += [f"  w[{s}] = nk_set(0.0);" for ij, s in lu.slot.items() if ij not in original]
        return "\n".join([*lines, *(f"  {line}" for line in lu.factor_lines()), "}"])

    def _pattern(self) -> str:
        c, lu = self.composition, self.lu
        rows = ", ".join(str(i) for i, _ in lu.jacobian)
        columns = ", ".join(str(j) for _, j in lu.jacobian)
        fixed = len(self._slots) + len(self.settled)
        sizes = f"{len(c.states)}, {len(c.parameters)}, {len(c.inputs)}, {fixed}, {len(lu.jacobian)}, {lu.fill}, {len(c.outputs)}"
        order = {self.symbols[k]: i for i, k in enumerate(c.parameters)}
        where = ", ".join(str(order[s]) for s in self.exponents) or "0"
        declared = ", ".join(repr(float(self.defaults[s])) for s in self.exponents) or "0"
        tables = ", ".join("{" + ", ".join(f"{self.name}_{f}_{u}" for f in EQUATIONS) + "}" for u in (0, 1))
        tables_of_parts = ", ".join(f"{{{self.name}_{t}_start, {self.name}_{t}}}" for t in ("parts", "reads", "drives", "constants"))
        functions = ", ".join(f"{self.name}_{f}" for f in ("hoist", "factor", "solve"))
        return (
            f"static const int {self.name}_rows[] = {{{rows}}};\nstatic const int {self.name}_columns[] = {{{columns}}};\n"
            f"static const int {self.name}_exponents[] = {{{where}}};\nstatic const double {self.name}_usual[] = {{{declared}}};\n"
            f"static const nk_model {self.name}_model = {{\n"
            f'  {{"{self.name}", "{c.hash}", {sizes}, {self.name}_rows, {self.name}_columns}},\n  {sizes},\n'
            f"  {len(self._observables.parts)}, {len(self._observables.carried)}, {tables_of_parts},\n"
            f"  {len(self.exponents)}, {self.name}_exponents, {self.name}_usual,\n  {{{tables}}},\n  {functions}}};"
        )


def _symbols(statements: list[tuple[Any, Any]], results: dict[str, Any]) -> set[Any]:
    return {s for e in [*(e for _, e in statements), *results.values()] for s in e.free_symbols}


def registry_text(names: list[str]) -> str:
    """The header that includes all cells and lists them."""
    includes = "\n".join(f'#include "{n}.h"' for n in names)
    table = ", ".join(f"&{n}_model" for n in names)
    return (
        "/* generated by nkcell_sim.codegen; do not edit */\n"
        f"{includes}\nstatic const nk_model *const nk_models[] = {{{table}}};\nenum {{ nk_model_count = {len(names)} }};\n"
    )
