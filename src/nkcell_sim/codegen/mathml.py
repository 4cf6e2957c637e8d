"""Equations as presentation MathML: browsers draw it without a script (needs sympy; documentation only)."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import Any

import sympy

from ..model import symbolic

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "eps": "ε", "epsilon": "ε", "theta": "θ", "tau": "τ", "rho": "ρ", "eta": "η", "mu": "μ", "omega": "ω",
}  # fmt: skip
GHK = sympy.Function("GHK")  # GHK(z, inside, outside): the Goldman-Hodgkin-Katz term, put together again for reading
SUM, PRODUCT, POWER, ATOM = range(4)  # how tightly a piece holds together
SPACE = '<mspace width="0.22em"></mspace>'
LINE = 6  # terms of a sum on one line


def identifier(text: str) -> str:
    """A name as the lab writes it: ``Na_i`` with a subscript, ``tau_D`` with a Greek letter, ``dH`` as a difference."""
    base, _, below = text.partition("_")
    base = {"ic50": "IC50", "imax": "Imax"}.get(base, base)
    if base not in GREEK and (len(base) > 4 or (len(base) == 4 and base.islower())):
        return word(text.replace("_", " "))
    numbered = re.fullmatch(r"([A-Za-z])(\d+)", base)
    if numbered:
        base, below = numbered[1], f"{numbered[2]} {below}".strip()
    base = "Q" if text.startswith("q10") else base
    difference = re.fullmatch(r"d([HGS])", base)
    base = f"Δ{difference[1]}" if difference else GREEK.get(base, base)
    if not below:
        return word(base)
    return f"<msub>{word(base)}<mrow>{word(below.replace('_', ' '))}</mrow></msub>"


def word(text: str) -> str:
    """A name as it is, upright when it has several letters."""
    return f"<mtext>{escape(text)}</mtext>" if " " in text or "-" in text else f"<mi>{escape(text)}</mi>"


def math(body: str, *, block: bool = False) -> str:
    """A complete ``<math>`` element."""
    style = ' displaystyle="true"' if block else ""
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"{style}><mrow>{body}</mrow></math>'


def rate(name: str) -> str:
    """dX/dt."""
    return f"<mfrac><mrow><mi>d</mi>{name}</mrow><mrow><mi>d</mi><mi>t</mi></mrow></mfrac>"


def relaxation(expression: Any, name: str) -> tuple[list[tuple[str, Any, Any]], Any]:
    """Name the two ends of a relaxation whose time constant depends on its direction: X_inf and tau of a state called ``name``.

    Returns the helper definitions (MathML name, expression, symbol) and the expression that uses them.
    """
    helpers: list[tuple[str, Any, Any]] = []
    for choice in sorted(expression.atoms(symbolic.where_gt), key=str):
        ends = [a for a in choice.args[:2] if not a.is_Symbol]
        for end in ends[:1]:
            target = sympy.Symbol(f"target of {name}", real=True)
            expression, choice = _renamed(expression, end, target), _renamed(choice, end, target)
            helpers.append((f"<msub><mrow>{name}</mrow><mi>∞</mi></msub>", end, target))
        tau = sympy.Symbol(f"time constant of {name}", real=True)
        expression = expression.xreplace({choice: tau})
        helpers.append((f"<msub><mi>τ</mi><mrow>{name}</mrow></msub>", choice, tau))
    return helpers, expression


def _renamed(expression: Any, part: Any, name: Any) -> Any:
    """The expression with ``part`` called ``name``, also where its terms have been merged into a longer sum."""
    terms = set(sympy.Add.make_args(part))
    merged = expression.replace(lambda e: e.is_Add and e != part and terms <= set(e.args), lambda e: sympy.Add(*(set(e.args) - terms), name))
    return merged.xreplace({part: name})


def collect_ghk(expression: Any) -> Any:
    """Replace z w (c_in - c_out e^-w)/(1 - e^-w), which the equations write with ``exprelr``, by one GHK term."""
    if not expression.args:
        return expression
    args = [collect_ghk(a) for a in expression.args]
    rebuilt = expression.func(*args) if any(a is not b for a, b in zip(args, expression.args, strict=True)) else expression
    return _as_ghk(rebuilt) if isinstance(rebuilt, sympy.Add) and len(rebuilt.args) == 2 else rebuilt


def _as_ghk(total: Any) -> Any:
    for influx, efflux in (total.args, total.args[::-1]):
        waves = [f for f in sympy.Mul.make_args(efflux) if isinstance(f, symbolic.exprelr)]
        if len(waves) != 1:
            continue
        wave, w = waves[0], waves[0].args[0]
        sums = [f for f in sympy.Mul.make_args(influx) if isinstance(f, sympy.Add) and f == wave + w]
        if len(sums) != 1:
            continue
        factor, inside = (influx / sums[0]).as_coeff_Mul()
        other, outside = (efflux / wave).as_coeff_Mul()
        valence = w.as_coeff_Mul()[0]
        if factor == -other:
            return factor / valence * GHK(sympy.Integer(int(valence)), inside, outside)
    return total


class Writer:
    """Writes expressions with given names; ``rank`` orders the factors of a product (low first)."""

    def __init__(self, names: dict[Any, str], rank: Callable[[Any], int]) -> None:
        self.names = dict(names)
        self.rank = rank

    def __call__(self, expression: Any) -> str:
        """Presentation MathML of an expression, without the surrounding ``<math>``."""
        return self._write(collect_ghk(_with_integers(expression)))[0]

    def lines(self, expression: Any) -> list[str]:
        """The same in lines of a few terms, for long sums."""
        clean = collect_ghk(_with_integers(expression))
        if not isinstance(clean, sympy.Add) or len(clean.args) <= LINE:
            return [self._write(clean)[0]]
        terms = self._terms(clean)
        return ["".join(terms[i : i + LINE]) for i in range(0, len(terms), LINE)]

    def arguments(self, *expressions: Any) -> str:
        """A list in parentheses."""
        return _parentheses(f"<mo>,</mo>{SPACE}".join(self._write(e)[0] for e in expressions))

    def _write(self, e: Any) -> tuple[str, int]:
        if e.is_Symbol:
            return self.names[e], ATOM
        if e.is_Float or e.is_Rational:
            return _number(e)
        if isinstance(e, sympy.Add):
            return "".join(self._terms(e)), SUM
        if isinstance(e, sympy.Mul):
            return self._product(e)
        if isinstance(e, sympy.Pow):
            return self._power(e)
        return self._function(e)

    def _inside(self, e: Any, level: int) -> str:
        text, holds = self._write(e)
        return text if holds >= level else _parentheses(text)

    def _terms(self, e: Any) -> list[str]:
        ordered = sorted(e.args, key=lambda a: (a.could_extract_minus_sign(), not a.is_number))
        found = []
        for i, term in enumerate(ordered):
            minus = term.could_extract_minus_sign()
            sign = "<mo>−</mo>" if minus else "<mo>+</mo>" if i else ""
            found.append(sign + self._inside(-term if minus else term, PRODUCT))
        return found

    def _product(self, e: Any) -> tuple[str, int]:
        if e.could_extract_minus_sign():
            return "<mo>−</mo>" + self._inside(-e, PRODUCT), SUM
        above, below = [], []
        for factor in e.args:
            if factor.is_Rational and factor.q != 1:
                below.append(sympy.Integer(factor.q))
                above += [sympy.Integer(factor.p)] if factor.p != 1 else []
            elif isinstance(factor, sympy.Pow) and factor.exp.is_number and factor.exp.is_negative:
                below.append(factor.base**-factor.exp)
            else:
                above.append(factor)
        if below:
            return f"<mfrac><mrow>{self._row(above)}</mrow><mrow>{self._row(below)}</mrow></mfrac>", POWER
        return self._row(above), PRODUCT

    def _row(self, factors: list[Any]) -> str:
        if len(factors) == 1:
            return self._write(factors[0])[0]
        ordered = sorted(factors, key=lambda f: (self._rank(f), str(f)))
        return SPACE.join(self._inside(f, POWER) for f in ordered) or "<mn>1</mn>"

    def _rank(self, factor: Any) -> int:
        if factor.is_number:
            return -1
        if factor.is_Symbol:
            return self.rank(factor)
        return 100 if isinstance(factor, sympy.Add) else 50

    def _power(self, e: Any) -> tuple[str, int]:
        if e.exp == sympy.Rational(1, 2):
            return f"<msqrt>{self._write(e.base)[0]}</msqrt>", ATOM
        if e.exp.is_number and e.exp.is_negative:
            return f"<mfrac><mn>1</mn><mrow>{self._write(e.base**-e.exp)[0]}</mrow></mfrac>", POWER
        return self._raised(e.base, e.exp), POWER

    def _raised(self, base: Any, exponent: Any) -> str:
        return f"<msup><mrow>{self._inside(base, ATOM)}</mrow><mrow>{self._write(exponent)[0]}</mrow></msup>"

    # -- functions ---------------------------------------------------------------------------------------------------

    def _function(self, e: Any) -> tuple[str, int]:
        name = type(e).__name__
        name = "power_function" if name == "power" else name  # sums, products and powers of sympy have writers of their own
        method: Callable[..., tuple[str, int]] | None = getattr(self, f"_{name.lower()}", None)
        if method is None:
            raise TypeError(f"no MathML for {name} in {e}")
        return method(*e.args)

    def _exp(self, x: Any) -> tuple[str, int]:
        logs = [f for f in sympy.Mul.make_args(x) if isinstance(f, symbolic.log)]
        if len(logs) == 1:  # exp(a log x) is how a power with a real exponent is written
            return self._raised(logs[0].args[0], x / logs[0]), POWER
        text = self._write(x)[0]
        return (_call("exp", text), POWER) if "<mfrac>" in text else (f"<msup><mi>e</mi><mrow>{text}</mrow></msup>", POWER)

    def _log(self, x: Any) -> tuple[str, int]:
        return _call("ln", self._write(x)[0]), POWER

    def _hill(self, x: Any, k: Any, n: Any) -> tuple[str, int]:
        above, below = self._raised(x, n), self._raised(k, n)
        return f"<mfrac><mrow>{above}</mrow><mrow>{above}<mo>+</mo>{below}</mrow></mfrac>", POWER

    def _boltzmann(self, v: Any, v_half: Any, slope: Any) -> tuple[str, int]:
        return self._power(sympy.Pow(1 + symbolic.exp((v_half - v) / slope), -1))

    def _power_function(self, x: Any, a: Any) -> tuple[str, int]:
        return self._raised(x, a), POWER

    def _sech(self, x: Any) -> tuple[str, int]:
        return _call("sech", self._write(x)[0]), POWER

    def _exprelr(self, u: Any) -> tuple[str, int]:
        return _call("φ", self._write(u)[0]), POWER

    def _positive_part(self, x: Any) -> tuple[str, int]:
        return _call("max", f"<mn>0</mn><mo>,</mo>{self._write(x)[0]}"), POWER

    def _q10_factor(self, q10: Any, temperature: Any, reference: Any) -> tuple[str, int]:
        tens = f"<mo>(</mo>{self._write(temperature - reference)[0]}<mo>)</mo><mo>/</mo><mn>10</mn>{SPACE}<mi>K</mi>"
        return f"<msup><mrow>{self._inside(q10, ATOM)}</mrow><mrow>{tens}</mrow></msup>", POWER

    def _where_gt(self, a: Any, b: Any, x: Any, y: Any) -> tuple[str, int]:
        condition = f"<mtext>if&#160;</mtext>{self._write(a)[0]}<mo>&gt;</mo>{self._write(b)[0]}"
        rows = ((self._write(x)[0], condition), (self._write(y)[0], "<mtext>otherwise</mtext>"))
        cells = "".join(f"<mtr><mtd>{value}</mtd><mtd>{when}</mtd></mtr>" for value, when in rows)
        return f'<mrow><mo stretchy="true">{{</mo><mtable class="cases">{cells}</mtable></mrow>', POWER

    def _ghk(self, valence: Any, inside: Any, outside: Any) -> tuple[str, int]:
        return f"<msub><mi>GHK</mi><mn>{valence}</mn></msub>{self.arguments(inside, outside)}", POWER


def _with_integers(expression: Any) -> Any:
    """Whole floating-point numbers as integers, so that 1.0 x is read as x."""
    return expression.xreplace({f: sympy.Integer(int(f)) for f in expression.atoms(sympy.Float) if f == int(f)})


def _number(e: Any) -> tuple[str, int]:
    if e.is_Rational and not e.is_Integer:
        return f"<mfrac><mn>{e.p}</mn><mn>{e.q}</mn></mfrac>", POWER
    digits, _, exponent = f"{float(e):.12g}".partition("e")
    sign = "<mo>−</mo>" if digits.startswith("-") else ""
    text = f"{sign}<mn>{digits.lstrip('-')}</mn>"
    if exponent:
        text += f"<mo>×</mo><msup><mn>10</mn><mn>{int(exponent)}</mn></msup>".replace("<mn>-", "<mn>−")
    return text, SUM if sign else POWER if exponent else ATOM


def _parentheses(text: str) -> str:
    tall = "<mfrac>" in text or "<mtable" in text
    bracket = "<mo>" if tall else '<mo stretchy="false">'
    return f"<mrow>{bracket}(</mo>{text}{bracket})</mo></mrow>"


def _call(name: str, arguments: str) -> str:
    return f"<mi>{name}</mi>{_parentheses(arguments)}"
