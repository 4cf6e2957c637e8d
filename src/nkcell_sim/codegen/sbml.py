"""A cell and its protocol as SBML Level 3 Version 2, so that other engines run the same equations.

States are parameters with rate rules, flows and observables are parameters with assignment rules, all in the kernel's
coherent units: the equations are the ones the engine is compiled from, without a conversion factor. Concentrations are not
species, because no reaction moves them: currents, fluxes and buffers do, and a tool that turned them into amounts would
multiply and divide by volumes that the equations already contain.

The protocol's inputs are parameters that one event an edge sets. An input that ramps or relaxes is
level + slope (t - segment_start) + amplitude exp(-rate (t - segment_start)), and the events set the four numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np

from ..errors import MissingPackageError, ModelError
from ..model.quantities import EVIDENCE_CODES
from ..units import from_kernel, unit_info
from .sbml_units import NAMED, Part, Units

if TYPE_CHECKING:
    from ..model.cell import Cell
    from ..model.composition import Composition
    from ..protocol import CompiledProtocol, Protocol

XHTML = "http://www.w3.org/1999/xhtml"
EXTRA = "pip install 'nkcell_sim[interop]'"
ROUNDING = 1e-12  # of a time: engines find an edge to about 1e-14 of it
SHAPE = ("level", "slope", "amplitude", "rate")
Element = ET.Element


def to_sbml(cell: Cell, protocol: Protocol | None = None, *, check: bool = True) -> str:
    """A cell, and what is done to it, as the text of an SBML Level 3 Version 2 file; time in ms.

    Without a ``protocol`` the inputs keep their resting values. Identifiers are the model's names with ``_`` for ``.``
    (``KCa31.g_max`` is ``KCa31_g_max``); units are ms, mV, pA, nS, pF, fL and uM; values are the same bits as in the engine. Notes hold
    the meaning, the evidence code and the source of every number. ``check`` lets libSBML read the file back and raises
    :class:`ModelError` for anything it objects to. Needs the extra ``interop``.
    """
    return SbmlWriter(cell.composition).text(cell, protocol, check=check)


def problems(text: str) -> list[str]:
    """Everything that libSBML's consistency checks, units and modelling practice included, say about a file."""
    try:
        import libsbml
    except ImportError as error:
        raise MissingPackageError(f"checking SBML needs python-libsbml: {EXTRA}") from error
    document = libsbml.readSBMLFromString(text)
    for category in (
        libsbml.LIBSBML_CAT_GENERAL_CONSISTENCY,
        libsbml.LIBSBML_CAT_IDENTIFIER_CONSISTENCY,
        libsbml.LIBSBML_CAT_UNITS_CONSISTENCY,
        libsbml.LIBSBML_CAT_MATHML_CONSISTENCY,
        libsbml.LIBSBML_CAT_SBO_CONSISTENCY,
        libsbml.LIBSBML_CAT_OVERDETERMINED_MODEL,
        libsbml.LIBSBML_CAT_MODELING_PRACTICE,
    ):
        document.setConsistencyChecks(category, True)
    document.checkConsistency()
    found = (document.getError(i) for i in range(document.getNumErrors()))
    return [f"line {e.getLine()}, {e.getSeverityAsString()} {e.getErrorId()}: {' '.join(e.getMessage().split())}" for e in found]


class SbmlWriter:
    """Writes cells of one composition; the equations are traced once (needs sympy)."""

    def __init__(self, composition: Composition) -> None:
        try:
            from .content_mathml import ContentWriter
            from .trace import trace
        except ModuleNotFoundError as error:
            raise MissingPackageError(f"export to SBML needs {error.name}: {EXTRA}") from error
        self.composition = composition
        self.traced = trace(composition)
        self.units = Units()
        self.ids = _Identifiers()
        self.names = {key: self.ids.take(key) for key in composition.declarations}
        dimensions = {symbol: unit_info(composition.declarations[key].unit)[0] for key, symbol in self.traced.symbols.items()}
        write = ContentWriter({symbol: self.names[key] for key, symbol in self.traced.symbols.items()}, dimensions, self.units, self.ids.take)
        self.equations = {key: write(e) for key, e in (self.traced.statements | self.traced.derivatives).items()}
        self.helpers: dict[tuple[str, str], Element] = {}
        while len(self.helpers) < len(write.helpers):  # an argument may need helpers of its own
            self.helpers = {names: write(argument) for argument, names in list(write.helpers.items())}

    def text(self, cell: Cell, protocol: Protocol | None = None, *, check: bool = True) -> str:
        """The file of one cell and what is done to it."""
        if cell.composition.hash != self.composition.hash:
            raise ModelError(f"got a cell of {cell.composition.name!r}; this writer has the equations of {self.composition.name!r}")
        written = _Document(self, cell, protocol).text()
        found = problems(written) if check else []
        if found:
            raise ModelError(f"the SBML of cell {cell.name!r} has {len(found)} problems: {found[0]}; to_sbml(..., check=False) writes it anyway")
        return written


class _Identifiers:
    """Plain identifiers, each given out once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, key: str) -> str:
        """The author's name with ``_`` for everything SBML does not allow, numbered if it is taken."""
        plain = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in key)
        plain = f"_{plain}" if plain[0].isdigit() else plain
        found, number = plain, 2
        while found in self._taken:
            found, number = f"{plain}_{number}", number + 1
        self._taken.add(found)
        return found

    def copy(self) -> _Identifiers:
        new = _Identifiers()
        new._taken |= self._taken
        return new


class _Document:
    """One file: filled list by list, then put in the order that SBML asks for."""

    def __init__(self, writer: SbmlWriter, cell: Cell, protocol: Protocol | None) -> None:
        self.writer, self.cell, self.composition = writer, cell, writer.composition
        self.names, self.units = writer.names, writer.units
        self.ids = writer.ids.copy()
        self.protocol = protocol
        self.parameters: list[Element] = []
        self.rules: list[Element] = []
        self.events: list[Element] = []

    def text(self) -> str:
        """The whole file."""
        self._constants()
        self._states()
        self._outputs()
        self._helpers()
        self._inputs()
        from .content_mathml import SBML

        root = Element("sbml", {"xmlns": SBML, "level": "3", "version": "2"})
        model = ET.SubElement(root, "model", {"id": self.composition.name, "name": self.cell.name, "timeUnits": self.units.of("ms")})
        model.append(_notes(*self._story()))
        lists = {
            "listOfUnitDefinitions": [_unit_definition(name, parts) for name, parts in sorted(self.units.defined.items())],
            "listOfParameters": self.parameters,
            "listOfRules": self.rules,
            "listOfEvents": self.events,
        }
        for name, members in lists.items():
            if members:
                ET.SubElement(model, name).extend(members)
        ET.indent(root, " ")
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'

    # -- quantities of the cell ---------------------------------------------------------------------------------------

    def _constants(self) -> None:
        values = self.cell.parameter_vector()
        for (key, declared), value in zip(self.composition.parameters.items(), values, strict=True):
            said = f"{declared.description}: {_amount(from_kernel(value, declared.unit), declared.unit)}; {_evidence(*self.cell.origin(key))}"
            self._parameter(self.names[key], key, declared.unit, value, constant=True, notes=(said,))

    def _states(self) -> None:
        for (key, declared), value in zip(self.composition.states.items(), self.cell.initial_state(), strict=True):
            said = f"state: {declared.description}, starts at {_amount(from_kernel(value, declared.unit), declared.unit)}"
            self._parameter(self.names[key], key, declared.unit, value, notes=(said,))
            self._rule("rateRule", self.names[key], self.writer.equations[key])

    def _outputs(self) -> None:
        for key, declared in self.composition.outputs.items():
            self._parameter(self.names[key], key, declared.unit, None, notes=(f"{type(declared).__name__.lower()}: {declared.description}",))
            self._rule("assignmentRule", self.names[key], self.writer.equations[key])

    def _parameter(
        self, identifier: str, key: str, unit: str, value: float | None, *, constant: bool = False, per_time: bool = False, notes: Iterable[str] = ()
    ) -> None:
        units = self.units.of(f"{unit}/ms" if per_time and unit != "1" else "1/ms" if per_time else unit)
        attributes = {"id": identifier, "name": key, **({} if value is None else {"value": _digits(value)}), "units": units}
        node = Element("parameter", {**attributes, "constant": str(constant).lower()})
        if notes:
            node.append(_notes(*notes))
        self.parameters.append(node)

    def _rule(self, kind: str, identifier: str, body: Element) -> None:
        from .content_mathml import math

        node = Element(kind, {"variable": identifier})
        node.append(math(body))
        self.rules.append(node)

    def _helpers(self) -> None:
        from .content_mathml import exprelr, name

        for (argument, value), body in self.writer.helpers.items():
            self._parameter(argument, argument, "1", None, notes=(f"the argument of {value}",))
            self._rule("assignmentRule", argument, body)
            self._parameter(value, value, "1", None, notes=("u/(exp(u) - 1), by its series near u = 0, where it is 1",))
            self._rule("assignmentRule", value, exprelr(name(argument)))

    # -- the protocol -------------------------------------------------------------------------------------------------

    def _inputs(self) -> None:
        """Resting inputs as constants, driven ones as parameters that the events of the edges set."""
        resting = dict(zip(self.composition.inputs, self.cell.input_defaults(), strict=True))
        compiled = None if self.protocol is None else self.protocol.compile(self.composition, resting)
        edges: dict[int, dict[str, tuple[float, str]]] = {}
        moving = False
        for k, (key, declared) in enumerate(self.composition.inputs.items()):
            said = f"input: {declared.description}; {self._input_origin(key)}"
            if compiled is None or not _driven(compiled, k):
                level = resting[key] if compiled is None else float(compiled.level[0, k])
                self._parameter(self.names[key], key, declared.unit, level, constant=True, notes=(f"{said}; this protocol leaves it alone",))
            elif _moves(compiled, k):
                moving = True
                self._moving(compiled, k, key, said, edges)
            else:
                self._parameter(self.names[key], key, declared.unit, compiled.level[0, k], notes=(f"{said}; driven by the protocol",))
                _changes(edges, self.names[key], self.units.of(declared.unit), compiled.level[:, k])
        if compiled is not None:
            if moving:
                self._segment_start(compiled, edges)
            self.events = [self._event(when, changes) for when, changes in _merged(compiled.edges, edges)]

    def _moving(self, compiled: CompiledProtocol, k: int, key: str, said: str, edges: dict[int, dict[str, tuple[float, str]]]) -> None:
        """An input that ramps or relaxes: a rule on numbers that hold for a segment."""
        from .content_mathml import apply, name, time

        declared = self.composition.inputs[key]
        self._parameter(self.names[key], key, declared.unit, None, notes=(f"{said}; driven by the protocol",))
        found: dict[str, Element] = {}
        for part in SHAPE:
            column = getattr(compiled, part)[:, k]
            if part != "level" and not np.any(column):
                continue
            identifier, unit, rate = self.ids.take(f"{self.names[key]}_{part}"), declared.unit if part != "rate" else "1", part in ("slope", "rate")
            self._parameter(identifier, f"{key}.{part}", unit, column[0], per_time=rate)
            _changes(edges, identifier, self.units.of("1/ms" if part == "rate" else unit if not rate else _per_ms(unit)), column)
            found[part] = name(identifier)
        since = apply("minus", time(), name(self._start()))
        terms = [found["level"]]
        if "slope" in found:
            terms.append(apply("times", found["slope"], since))
        if "amplitude" in found:
            terms.append(apply("times", found["amplitude"], apply("exp", apply("minus", apply("times", found["rate"], since)))))
        self._rule("assignmentRule", self.names[key], apply("plus", *terms))

    def _start(self) -> str:
        if not hasattr(self, "_start_id"):
            self._start_id = self.ids.take("segment_start")
        return self._start_id

    def _segment_start(self, compiled: CompiledProtocol, edges: dict[int, dict[str, tuple[float, str]]]) -> None:
        self._parameter(self._start(), "segment_start", "ms", 0.0, notes=("start of the present segment of the protocol",))
        _changes(edges, self._start(), self.units.of("ms"), compiled.edges[:-1])

    def _event(self, when: float, changes: Mapping[str, tuple[float, str]]) -> Element:
        from .content_mathml import apply, math, number, time

        node = Element("event", {"id": self.ids.take("edge"), "name": f"at {when / 1e3:.12g} s", "useValuesFromTriggerTime": "true"})
        trigger = ET.SubElement(node, "trigger", {"initialValue": "true", "persistent": "true"})
        trigger.append(math(apply("geq", time(), number(when, self.units.of("ms")))))
        assignments = ET.SubElement(node, "listOfEventAssignments")
        for identifier, (value, unit) in changes.items():
            assignment = ET.SubElement(assignments, "eventAssignment", {"variable": identifier})
            assignment.append(math(number(value, unit)))
        return node

    # -- words --------------------------------------------------------------------------------------------------------

    def _input_origin(self, key: str) -> str:
        declared = self.composition.inputs[key]
        value = self.cell.inputs.get(key, declared.default)
        own = ("A", "set by the user") if value != declared.default else (declared.evidence, declared.source)
        return f"at rest {_amount(value, declared.unit)}; {_evidence(*own)}"

    def _story(self) -> list[str]:
        from .. import __version__

        said = [
            f"{self.composition.description or self.composition.name}. Written by nkcell_sim {__version__}; equations {self.composition.hash}.",
            "Model output, never a laboratory result. Time in ms; units are coherent, so that no equation holds a conversion factor.",
            *(f"Cell: {step}." for step in self.cell.history),
        ]
        if self.protocol is not None:
            said.append(f"Protocol {self.protocol.name!r} of {self.protocol.duration:.12g} s (simulate to {self.protocol.duration * 1e3:.12g} ms).")
            said += [f"At {when:.12g} s: {what}." for when, what in self.protocol.events()]
        return [*said, "Evidence codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EVIDENCE_CODES.items()) + "."]


def _driven(compiled: CompiledProtocol, k: int) -> bool:
    return _moves(compiled, k) or bool(np.any(compiled.level[:, k] != compiled.level[0, k]))


def _moves(compiled: CompiledProtocol, k: int) -> bool:
    return bool(np.any(compiled.slope[:, k]) or np.any(compiled.amplitude[:, k]))


def _changes(edges: dict[int, dict[str, tuple[float, str]]], identifier: str, unit: str, column: np.ndarray) -> None:
    """Note at which edges a number changes."""
    for s in range(1, len(column)):
        if column[s] != column[s - 1]:
            edges.setdefault(s, {})[identifier] = (float(column[s]), unit)


def _merged(times: np.ndarray, edges: dict[int, dict[str, tuple[float, str]]]) -> list[tuple[float, dict[str, tuple[float, str]]]]:
    """Events in order of time; edges that only rounding keeps apart are one, or an engine may run them in any order."""
    found: list[tuple[float, dict[str, tuple[float, str]]]] = []
    for s in sorted(edges):
        when = float(times[s])
        earlier: dict[str, tuple[float, str]] = {}
        if found and when - found[-1][0] <= ROUNDING * when:
            _, earlier = found.pop()
        found.append((when, {**earlier, **edges[s]}))
    return found


def _per_ms(unit: str) -> str:
    return "1/ms" if unit == "1" else f"{unit}/ms"


def _digits(value: float) -> str:
    """The shortest text that reads back to the same bits."""
    return repr(float(value))


def _amount(value: float, unit: str) -> str:
    return f"{value:.12g}" if unit == "1" else f"{value:.12g} {unit}"


def _evidence(code: str, source: str) -> str:
    return f"evidence {code} ({EVIDENCE_CODES.get(code, code)})" + (f": {source}" if source else "")


def _notes(*paragraphs: str) -> Element:
    node = Element("notes")
    body = ET.SubElement(node, "body", {"xmlns": XHTML})
    for text in paragraphs:
        ET.SubElement(body, "p").text = text
    return node


def _unit_definition(identifier: str, parts: Iterable[Part]) -> Element:
    node = Element("unitDefinition", {"id": identifier, "name": NAMED[identifier][0] if identifier in NAMED else identifier})
    units = ET.SubElement(node, "listOfUnits")
    for kind, exponent, scale in parts:
        ET.SubElement(units, "unit", {"kind": kind, "exponent": str(exponent), "scale": str(scale), "multiplier": "1"})
    return node


__all__ = ["SbmlWriter", "problems", "to_sbml"]
