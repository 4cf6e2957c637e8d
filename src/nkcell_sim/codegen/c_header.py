"""Write one C header per composition: readable statements with the author's names, for a block of lanes."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.printing.c import C99CodePrinter

from ..model import symbolic
from ..model.composition import Composition
from .jacobian import differentiate
from .schedule import Hoister, hoisted_statements, prepare, share
from .sparse_lu import SparseLU, symbolic_lu
from .trace import trace

_CALLS = {
    symbolic.exp: "nk_exp",
    symbolic.log: "nk_log",
    symbolic.exprelr: "nk_exprelr",
    symbolic.exprelr_slope: "nk_exprelr_slope",
    symbolic.positive_part: "nk_positive_part",
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
        if isinstance(expr, symbolic.where_gt):
            return f"{self._function('nk_where_gt')}({', '.join(self._vector(a) for a in expr.args)})"
        return f"{self._function(_CALLS[type(expr)])}({self._vector(expr.args[0])})"

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
    """The same statements for one run."""

    scalar = True


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
        values = prepare({traced.symbols[k]: e for k, e in traced.statements.items()}, hoister)
        self.rhs = prepare({f"f_[{i}]": e for i, e in enumerate(traced.derivatives.values())}, hoister)
        partials = prepare(derivatives.statements, hoister)
        self.definitions = values | partials
        self.lu: SparseLU = symbolic_lu(len(composition.states), set(derivatives.jacobian))
        entries = {f"jac_[{s}]": derivatives.jacobian.get(ij, sympy.Integer(0)) for s, ij in enumerate(self.lu.jacobian)}
        self.jacobian = prepare(entries, hoister)
        self.time = prepare({f"ft_[{i}]": derivatives.time.get(i, sympy.Integer(0)) for i in range(len(composition.states))}, hoister)
        self.observed = {f"out_[{i}]": hoister(self.symbols[k]) for i, k in enumerate(composition.outputs)}
        self.definitions = {s: e for s, e in self.definitions.items() if s not in hoister.parameters}
        self.hoisted = hoisted_statements(hoister)

    def text(self) -> str:
        """The header: hoisting, right-hand side, Jacobian, time derivative, observables, LU."""
        c, n = self.composition, self.name
        self._slots: dict[Any, int] = {self.symbols[k]: i for i, k in enumerate(c.parameters)}
        self._slots.update({s: len(c.parameters) + i for i, (s, _) in enumerate(self.hoisted)})
        parts = [
            f"/* {n}: generated from its components by nkcell_sim.codegen; do not edit. Model hash {c.hash}. */",
            self._hoist(),
            self._function("rhs", "const vd *y_, const vd *u_, const vd *p_, vd *f_", self.rhs),
            self._function("rhs_jac", "const vd *y_, const vd *u_, const vd *p_, vd *f_, vd *jac_", self.rhs | self.jacobian),
            self._function("time", "const vd *y_, const vd *u_, const vd *rate_, const vd *p_, vd *ft_", self.time),
            self._function("observe", "const vd *y_, const vd *u_, const vd *p_, vd *out_", self.observed),
            self._factor(),
            f"static void {n}_solve(const vd *restrict w, vd *restrict b) {{\n  " + "\n  ".join(self.lu.solve_lines()) + "\n}",
            self._pattern(),
        ]
        return "\n\n".join(parts) + "\n"

    def _hoist(self) -> str:
        lines = [f"static void {self.name}_hoist(const double *restrict p_, double *restrict fixed_) {{"]
        declared = self.composition.parameters
        lines += [f"  const double {self.symbols[k].name} = p_[{i}]; /* {d.unit} */" for i, (k, d) in enumerate(declared.items())]
        lines += [f"  fixed_[{i}] = {self.symbols[k].name};" for i, k in enumerate(declared)]
        printer = ScalarPrinter()
        for symbol, expression in self.hoisted:
            lines.append(f"  const double {symbol.name} = {printer.doprint(expression)};")
            lines.append(f"  fixed_[{self._slots[symbol]}] = {symbol.name};")
        return "\n".join([*lines, "}"])

    def _function(self, suffix: str, arguments: str, outputs: dict[str, Any]) -> str:
        statements, results = share(outputs, self.definitions)
        used = {s for _, e in statements for s in e.free_symbols} | {s for e in results.values() for s in e.free_symbols}
        printer = LanePrinter()
        lines = [f"static void {self.name}_{suffix}({arguments.replace('*', '*restrict ')}) {{"]
        for array, table in (("y_", self.composition.states), ("u_", self.composition.inputs)):
            for i, (key, declaration) in enumerate(table.items()):
                if self.symbols[key] in used:
                    lines.append(f"  const vd {self.symbols[key].name} = {array}[{i}]; /* declared in {declaration.unit} */")
        for i, slope in enumerate(self.slopes.values()):
            if slope in used:
                lines.append(f"  const vd {slope.name} = rate_[{i}];")
        lines += [f"  const vd {s.name} = p_[{i}];" for s, i in self._slots.items() if s in used]
        units = {self.symbols[k]: d.unit for k, d in self.composition.outputs.items()}
        for symbol, expression in statements:
            comment = f" /* declared in {units[symbol]} */" if symbol in units else ""
            lines.append(f"  const vd {symbol.name} = {printer._vector(expression)};{comment}")
        lines += [f"  {target} = {printer._vector(e)};" for target, e in results.items()]
        return "\n".join([*lines, "}"])

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
        sizes = f"{len(c.states)}, {len(c.parameters)}, {len(c.inputs)}, {len(self._slots)}, {len(lu.jacobian)}, {lu.fill}, {len(c.outputs)}"
        functions = ", ".join(f"{self.name}_{f}" for f in ("hoist", "rhs", "rhs_jac", "time", "observe", "factor", "solve"))
        return (
            f"static const int {self.name}_rows[] = {{{rows}}};\nstatic const int {self.name}_columns[] = {{{columns}}};\n"
            f"static const nk_model {self.name}_model = {{\n"
            f'  {{"{self.name}", "{c.hash}", {sizes}, {self.name}_rows, {self.name}_columns}},\n  {sizes},\n  {functions}}};'
        )


def registry_text(names: list[str]) -> str:
    """The header that includes all cells and lists them."""
    includes = "\n".join(f'#include "{n}.h"' for n in names)
    table = ", ".join(f"&{n}_model" for n in names)
    return (
        "/* generated by nkcell_sim.codegen; do not edit */\n"
        f"{includes}\nstatic const nk_model *const nk_models[] = {{{table}}};\nenum {{ nk_model_count = {len(names)} }};\n"
    )
