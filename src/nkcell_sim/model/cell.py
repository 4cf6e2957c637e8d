"""A cell: a composition with its parameter values, resting inputs and state; every change returns a new cell."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..units import from_kernel, parse, to_kernel
from .composition import Composition
from .quantities import Input, Parameter

Quantity = str | float


@dataclass(frozen=True, eq=False)
class Cell:
    """One cell in its declared (laboratory) units, ready to be simulated.

    ``values`` and ``inputs`` hold what differs from the declarations; ``state`` is None for a cell at the rest that its
    composition names (pinned states at their wanted value, gates stationary). Build one with :func:`primary_nk_cell`.
    """

    composition: Composition
    name: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    inputs: Mapping[str, float] = field(default_factory=dict)
    state: np.ndarray | None = None
    parameter_set: str = ""
    phenotype: str = ""
    calibrated_for: str | None = None
    solved: Mapping[str, float] = field(default_factory=dict)  # constants as calibration left them
    history: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.composition.name)

    # -- reading -------------------------------------------------------------------------------------------------

    def parameter(self, key: str) -> float:
        """Value of a parameter in its declared unit."""
        declaration = self._find(key, self.composition.parameters, "parameter")
        return float(self.values.get(key, declaration.default))

    def parameter_vector(self) -> np.ndarray:
        """All parameters in kernel units, order of ``composition.parameters``."""
        vector, declared, position = self.composition.parameter_defaults.copy(), self.composition.parameters, self.composition.parameter_index
        for key, value in self.values.items():
            if key in declared:
                vector[position[key]] = to_kernel(value, declared[key].unit)
        return vector

    def input_defaults(self) -> np.ndarray:
        """Resting inputs in kernel units, order of ``composition.inputs``."""
        vector, declared, position = self.composition.input_defaults.copy(), self.composition.inputs, self.composition.input_index
        for key, value in self.inputs.items():
            if key in declared:
                vector[position[key]] = to_kernel(value, declared[key].unit)
        return vector

    def initial_state(self) -> np.ndarray:
        """State at the start of a run in kernel units, order of ``composition.states``."""
        if self.state is not None:
            return self.state.copy()
        from .calibrate import resting_state

        return resting_state(self)

    def state_value(self, key: str) -> float:
        """Initial value of one state in its declared unit."""
        declaration = self._find(key, self.composition.states, "state")
        return float(from_kernel(self.initial_state()[self.composition.state_index[key]], declaration.unit))

    @property
    def calibrated_constants(self) -> dict[str, float]:
        """Constants that follow from the wanted rest, by key, in declared units."""
        return {k: self.parameter(k) for k, p in self.composition.parameters.items() if p.balance}

    def origin(self, key: str) -> tuple[str, str]:
        """(evidence code, source) of the value a parameter has here: of its parameter set, phenotype, calibration, or declaration.

        A value set by hand is ``A`` ("set by the user"): the declaration's evidence belongs to the declared value alone.
        """
        from .cells.parameter_sets import PARAMETER_SETS
        from .cells.phenotypes import PHENOTYPES

        declared = self._find(key, self.composition.parameters, "parameter")
        value = self.parameter(key)
        if key not in self.values or value == declared.default:
            own = (declared.evidence, declared.source)
        elif declared.balance and self.solved.get(key) == value:
            own = ("C", f"{declared.source}; balance of {declared.balance} at rest" if declared.source else f"balance of {declared.balance} at rest")
        else:
            own = ("A", "set by the user")
        named = {f"parameter set {self.parameter_set}": PARAMETER_SETS.get(self.parameter_set, ())}
        if self.phenotype in PHENOTYPES:
            named[f"phenotype {self.phenotype}"] = PHENOTYPES[self.phenotype].entries
        for name, entries in named.items():
            for entry in entries:
                if entry.key == key and entry.value == value:
                    own = (entry.evidence, f"{name}: {entry.reason}")
        return own

    # -- changing ------------------------------------------------------------------------------------------------

    def set(self, changes: Mapping[str, Quantity]) -> Cell:
        """Return the cell with some parameters changed: ``{"KCa31.g_max": "0.5 nS"}``; plain numbers are in the declared unit."""
        new = {k: self._read(k, v, self.composition.parameters, "parameter") for k, v in changes.items()}
        return replace(self, values={**self.values, **new})

    def set_inputs(self, changes: Mapping[str, Quantity]) -> Cell:
        """Return the cell with some resting inputs changed, for example another bath."""
        new = {k: self._read(k, v, self.composition.inputs, "input") for k, v in changes.items()}
        return replace(self, inputs={**self.inputs, **new})

    def without(self, *components: str) -> Cell:
        """Return the cell with components switched off: their flows are exactly zero, their states stand still."""
        for name in components:
            self._check_component(name)
        switched = replace(self, values={**self.values, **{f"{c}.switch": 0.0 for c in components}})
        return switched.noted(f"without {', '.join(components)}")

    def with_state(self, state: Mapping[str, Quantity] | np.ndarray) -> Cell:
        """Return the cell starting from a state: a vector in kernel units, or some values (declared units) on top of the present start."""
        if isinstance(state, Mapping):
            y = self.initial_state()
            for key, value in state.items():
                declaration = self._find(key, self.composition.states, "state")
                number = self._number(key, value, declaration.unit)
                below = declaration.lower is not None and number < declaration.lower
                if not np.isfinite(number) or below or (declaration.upper is not None and number > declaration.upper):
                    low = "" if declaration.lower is None else f" of at least {declaration.lower:g}"
                    high = "" if declaration.upper is None else f" and at most {declaration.upper:g}"
                    text = f"got a start of {key} = {number:g} {declaration.unit}; expected a finite number{low}{high} {declaration.unit}"
                    raise ParameterError(f"cell {self.name!r}: {text}", name=key)
                y[self.composition.state_index[key]] = to_kernel(number, declaration.unit)
            return replace(self, state=y)
        y = np.array(state, dtype=float)
        if y.shape != (len(self.composition.states),):
            raise ParameterError(f"cell {self.name!r}: got a state of shape {y.shape}; expected ({len(self.composition.states)},), one value per state")
        if not np.all(np.isfinite(y)):
            broken = [k for k, value in zip(self.composition.states, y, strict=True) if not np.isfinite(value)]
            raise ParameterError(f"cell {self.name!r}: got a start with {', '.join(broken)} not finite; expected finite numbers", name=broken[0])
        return replace(self, state=y)

    def with_parameter_set(self, name: str) -> Cell:
        """Return the cell with a named parameter set ("saturating", "conservative"), calibrated again if it was."""
        from .cells.parameter_sets import parameter_set

        table = {k: v for k, v in parameter_set(name).items() if k in self.composition.parameters}
        if not table:
            raise ParameterError(f"cell {self.name!r}: parameter set {name!r} holds none of its parameters", name=name)
        cell = replace(self.set(table), parameter_set=name, state=None).noted(f"parameter set {name}")
        return cell.recalibrated() if self.calibrated_for is not None else cell

    def with_phenotype(self, name: str) -> Cell:
        """Return the cell with a named phenotype ("healthy", "me_cfs", ...).

        Calibrated constants belong to the healthy cell of the same lesion; they are solved again when the lesion changes.
        """
        from .cells.phenotypes import phenotype

        wanted = phenotype(name)
        table = {k: v for k, v in wanted.changes.items() if k in self.composition.parameters}
        if not table:
            raise ParameterError(f"cell {self.name!r}: phenotype {name!r} holds none of its parameters", name=name)
        cell = replace(self.set(table), phenotype=name, state=None).noted(f"phenotype {name}")
        return cell.recalibrated() if self.calibrated_for not in (None, wanted.healthy) else cell

    def at_temperature(self, temperature: Quantity) -> Cell:
        """Return the cell at another temperature ("37 degC"; a number is in kelvin), calibrated again if it was."""
        cell = replace(self.set({"temperature": temperature}), state=None).noted(f"temperature {temperature}")
        return cell.recalibrated() if self.calibrated_for is not None else cell

    def calibrated(self) -> Cell:
        """Return the cell with the constants that make its wanted rest stationary.

        Raises :class:`~nkcell_sim.errors.UnreachableRestError`, which names the balance that fails.
        """
        from .calibrate import solve_constants, with_constants

        return with_constants(self, solve_constants(self), self.phenotype)

    def recalibrated(self) -> Cell:
        """Return the cell with constants calibrated on the healthy cell of its lesion."""
        from .calibrate import healthy_of, reference_of, solve_constants, with_constants

        return with_constants(self, solve_constants(reference_of(self)), healthy_of(self))

    def noted(self, text: str) -> Cell:
        """Return the cell with one more line in its history."""
        return replace(self, history=(*self.history, text))

    # -- checking ------------------------------------------------------------------------------------------------

    def _find(self, key: str, known: Mapping[str, Any], kind: str) -> Any:
        if key in known:
            return known[key]
        close = difflib.get_close_matches(key, list(known), n=3, cutoff=0.5)
        tail = key.rsplit(".", 1)[-1]
        close = close or [k for k in known if k.rsplit(".", 1)[-1] == tail][:3]
        hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "print the cell for what it has"
        raise ParameterError(f"cell {self.name!r} has no {kind} {key!r}; {hint}", name=key)

    def _number(self, key: str, value: Quantity, unit: str) -> float:
        if isinstance(value, str):
            return parse(value, unit)
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise ParameterError(f"cell {self.name!r}: got {key} = {value!r}; expected a number in {unit} or a text such as '1 {unit}'", name=key)
        return float(value)

    def _read(self, key: str, value: Quantity, known: Mapping[str, Parameter | Input], kind: str) -> float:
        declaration = self._find(key, known, kind)
        number = self._number(key, value, declaration.unit)
        choices = getattr(declaration, "choices", ())
        if choices and number not in choices:
            expected = " or ".join(f"{c:g}" for c in choices)
            raise ParameterError(f"cell {self.name!r}: got {key} = {number:g}; expected {expected} ({declaration.description})", name=key)
        low, high = declaration.minimum, declaration.maximum
        if not np.isfinite(number) or (low is not None and number < low) or (high is not None and number > high):
            limits = f"between {low:g} and {high:g}" if low is not None and high is not None else f"at least {low:g}" if low is not None else "finite"
            raise ParameterError(
                f"cell {self.name!r}: got {key} = {number:g} {declaration.unit}; expected {limits} {declaration.unit} ({declaration.description})", name=key
            )
        return number

    def _check_component(self, name: str) -> None:
        if name in self.composition.switchable:
            return
        close = difflib.get_close_matches(name, self.composition.switchable, n=2, cutoff=0.4)
        essential = any(c.name == name for c in self.composition.components)
        why = "cannot be switched off" if essential else "is not part of it"
        hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"choose from {', '.join(self.composition.switchable)}"
        raise ParameterError(f"cell {self.name!r}: {name!r} {why}; {hint}", name=name)

    def __repr__(self) -> str:
        from .tables import cell_table

        return cell_table(self)


REFERENCE_TEMPERATURE = 23.0  # degC, of the measurements behind the rates


def temperature_note(cell: Cell, kelvin: float | None = None) -> str:
    """What a reader must know of a cell away from 23 degC (of ``kelvin`` instead of its own temperature); empty at 23 degC."""
    if kelvin is None:
        if "temperature" not in cell.composition.parameters:
            return ""
        kelvin = cell.parameter("temperature")
    celsius = from_kernel(kelvin, "degC")
    if abs(celsius - REFERENCE_TEMPERATURE) < 1e-6:
        return ""
    return f"at {celsius:g} degC the rates rest on recalled or assumed Q10 values and the resting constants were solved again: unchecked"


def states_table(cell: Cell, keys: Iterable[str] = ()) -> dict[str, float]:
    """Initial values by state key in declared units (all states unless ``keys`` names some)."""
    y = cell.initial_state()
    chosen = tuple(keys) or tuple(cell.composition.states)
    return {k: float(from_kernel(y[cell.composition.state_index[k]], cell.composition.states[k].unit)) for k in chosen}
