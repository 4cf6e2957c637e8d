"""A composition: the ordered list of components of a named cell, with every name resolved."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from ..units import to_kernel
from .component import Component, Scope
from .quantities import Declaration, Flow, Input, Observable, Parameter, State
from .scheme import Scheme


class Composition:
    """The structure of a cell: components in order of evaluation, and the names they declare.

    A quantity's key is ``Component.name``, or the bare name when it is declared ``shared``.
    ``rest`` gives the wanted resting value (declared unit) of the states that a rest is defined by; all other states then start
    stationary. Without it every state starts at its declared initial value. With ``draws`` the channels that declare a scheme are drawn:
    see :attr:`drawn`.
    """

    def __init__(
        self, name: str, components: Iterable[Component], *, description: str = "", rest: Mapping[str, float] | None = None, draws: bool = False
    ) -> None:
        self.name = name
        self.components = tuple(components)
        self.description = description
        self.rest = dict(rest or {})
        self.starts_at_rest = rest is not None
        self.draws = draws
        self.declarations: dict[str, Declaration] = {}
        self.owner: dict[str, Component] = {}
        shared: dict[str, str] = {}
        for component, only_drawn in [(c, only) for only in (False, True)[: 1 + draws] for c in self.components]:
            for local, declaration in component.declarations.items():
                if getattr(declaration, "drawn", False) != only_drawn:
                    continue
                key = self._key(component, local)
                if key in self.declarations:
                    raise ModelError(
                        f"cell {name!r}: {key!r} is declared by both {self.owner[key].name} and {component.name}; "
                        "rename one of them or give one component another name"
                    )
                self.declarations[key] = declaration
                self.owner[key] = component
                if declaration.shared if hasattr(declaration, "shared") else False:
                    shared[local] = key
        own = {c.name: {n: self._key(c, n) for n, d in c.declarations.items() if draws or not getattr(d, "drawn", False)} for c in self.components}
        self.names = {c.name: {**shared, **own[c.name]} for c in self.components}
        self.states = self._of(State)
        self.parameters = self._of(Parameter)
        self.inputs = self._of(Input)
        self.outputs = {k: d for k, d in self.declarations.items() if isinstance(d, Flow | Observable)}
        self.conserved = [k for k, d in self.outputs.items() if isinstance(d, Observable) and d.conserved]
        unknown = sorted(set(self.rest) - set(self.states))
        if unknown:
            raise ModelError(f"cell {name!r}: rest values for unknown states {', '.join(unknown)}")

    @staticmethod
    def _key(component: Component, local: str) -> str:
        declaration = component.declarations[local]
        return local if getattr(declaration, "shared", False) else f"{component.name}.{local}"

    def _of(self, kind: type) -> dict[str, Any]:
        return {k: d for k, d in self.declarations.items() if isinstance(d, kind)}

    @cached_property
    def schemes(self) -> dict[str, Scheme]:
        """Schemes of the channels that can be drawn, by ``Component.name``, with the keys of this cell; checked."""
        return {f"{c.name}.{name}": scheme.resolved(self, c, name) for c in self.components for name, scheme in c.schemes.items()}

    @cached_property
    def drawn(self) -> Composition:
        """The same cell with its channels drawn: every scheme's number comes in as an input, states and parameters are the same and in the same order."""
        if not any(c.schemes for c in self.components):
            raise ModelError(f"cell {self.name!r}: no component declares a Scheme, so that there are no channels to draw")
        if self.draws:
            return self
        rest = self.rest if self.starts_at_rest else None
        return Composition(f"{self.name}_drawn", self.components, description=f"{self.description}, channels drawn", rest=rest, draws=True)

    @cached_property
    def state_index(self) -> dict[str, int]:
        """Position of each state in the state vector."""
        return {k: i for i, k in enumerate(self.states)}

    @cached_property
    def parameter_index(self) -> dict[str, int]:
        """Position of each parameter in the parameter vector."""
        return {k: i for i, k in enumerate(self.parameters)}

    @cached_property
    def input_index(self) -> dict[str, int]:
        """Position of each input in the input vector."""
        return {k: i for i, k in enumerate(self.inputs)}

    @cached_property
    def parameter_defaults(self) -> np.ndarray:
        """Declared values of all parameters in kernel units, (n_parameters,)."""
        return np.array([to_kernel(p.default, p.unit) for p in self.parameters.values()])

    @cached_property
    def input_defaults(self) -> np.ndarray:
        """Declared values of all inputs in kernel units, (n_inputs,)."""
        return np.array([to_kernel(i.default, i.unit) for i in self.inputs.values()])

    @cached_property
    def switchable(self) -> tuple[str, ...]:
        """Names of the components that a run may switch off."""
        return tuple(c.name for c in self.components if "switch" in c.declarations)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over what the engine is compiled from: names, kinds and units of all quantities and the equations, in order.

        Values, sources and comments do not count: they change no compiled line.
        """
        digest = hashlib.sha256(self.name.encode() + _primitive_text())
        for component in self.components:
            digest.update(component.name.encode())
            for local, declaration in component.declarations.items():
                shape = f"{type(declaration).__name__} {declaration.unit} {declaration.shared}"
                digest.update(f"{local}={shape}".encode())
            for kind in type(component).__mro__:
                if issubclass(kind, Component) and kind is not Component:
                    digest.update(_equation_text(kind).encode())  # type: ignore[arg-type]
        return digest.hexdigest()[:16]

    def __repr__(self) -> str:
        return (
            f"Composition {self.name!r}: {len(self.components)} components, {len(self.states)} states, "
            f"{len(self.parameters)} parameters, {len(self.inputs)} inputs"
        )


@cache
def _primitive_text() -> bytes:
    """The code of the primitives, numeric and symbolic."""
    here = Path(__file__).parent
    return b"".join((here / name).read_bytes() for name in ("primitives.py", "symbolic.py"))


@cache
def _equation_text(component: type) -> str:
    """The code of a component class in normal form."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(component)))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


class Evaluation:
    """One pass over all equations with numbers (or, in codegen, symbols) for the leaves, in kernel units."""

    def __init__(self, composition: Composition, leaves: Mapping[str, Any]) -> None:
        self.composition = composition
        self.values: dict[str, Any] = dict(leaves)
        self.derivatives: dict[str, Any] = {}
        self._pools: dict[str, Any] = {}
        self._read: set[str] = set()
        self._current: Component | None = None

    def run(self) -> Evaluation:
        """Evaluate every component in order and check that each state got a derivative."""
        for component in self.composition.components:
            self._current = component
            names = self.composition.names[component.name]
            scope = Scope(self, names, names["switch"] if "switch" in component.declarations else None)
            component.equations(scope)
            if self.composition.draws:
                component.drawn_equations(scope)
        missing = sorted(set(self.composition.states) - set(self.derivatives))
        if missing:
            raise ModelError(f"cell {self.composition.name!r}: no equation sets the derivative of {', '.join(missing)}")
        return self

    def store(self, key: str, value: Any) -> Any:
        """Return what later equations see for an assigned quantity (tracing overrides this)."""
        return value

    def assign(self, key: str, value: Any, switch: str | None) -> None:
        declaration = self.composition.declarations.get(key)
        if not isinstance(declaration, Flow | Observable):
            raise self._error(f"{key!r} is assigned but not declared as a Flow or an Observable")
        if isinstance(declaration, Flow) and switch is not None:
            value = self.values[switch] * value
        self.values[key] = self.store(key, value)

    def set_derivative(self, key: str, value: Any, switch: str | None) -> None:
        if key not in self.composition.states:
            raise self._error(f"{key!r} has a derivative but is not declared as a State")
        if key in self.derivatives:
            raise self._error(f"the derivative of {key!r} is set twice")
        self.derivatives[key] = value if switch is None else self.values[switch] * value

    def add_to_pool(self, pool: str, value: Any) -> None:
        if pool in self._read:
            raise self._error(f"contributes to pool {pool!r} after it was read; move the component earlier in the cell's list")
        self._pools[pool] = self._pools[pool] + value if pool in self._pools else value

    def read_pool(self, pool: str) -> Any:
        self._read.add(pool)
        return self._pools.get(pool, 0.0)

    def unknown_name(self, name: str, names: Mapping[str, str]) -> ModelError:
        if name in names:
            return self._error(f"{name!r} is read before it is assigned; move the component that assigns it earlier in the cell's list")
        return self._error(f"unknown name {name!r}; declare it here, or declare it shared in the component that owns it")

    def _error(self, text: str) -> ModelError:
        where = self._current.name if self._current else "?"
        return ModelError(f"cell {self.composition.name!r}, component {where}: {text}")
