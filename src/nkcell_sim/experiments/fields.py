"""Fields of an experiment: value, laboratory unit, meaning and evidence label, declared once.

An experiment is a frozen dataclass whose fields are made by :func:`lab`. The unit and the meaning travel in the
field's metadata, from where the configuration reader, the JSON Schema, the HDF5 attributes and the figures take them.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

from ..errors import ParameterError, UnitError
from ..units import parse

KINDS = ("quantity", "list", "choice", "flag", "number")
LABELS = {
    "unconfirmed": "protocol value quoted from memory of the published methods, not confirmed",
    "assumed": "chosen for this program, no published value behind it",
    "abstract": "stated in a published abstract",
    "": "definition of the virtual experiment",
}


def lab(
    default: Any,
    unit: str,
    description: str,
    *,
    label: str = "",
    kind: str = "quantity",
    choices: Sequence[str] = (),
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:
    """Declare a field of an experiment; ``default=...`` (the Ellipsis) makes it required.

    ``kind`` is ``quantity`` (one value with a unit), ``list`` (several), ``choice`` (a word), ``flag`` or ``number``.
    ``label`` is one of :data:`LABELS` and says how sure the default is.
    """
    if kind not in KINDS or label not in LABELS:
        raise ValueError(f"got kind={kind!r}, label={label!r}; expected kind in {KINDS} and label in {tuple(LABELS)}")
    metadata = {
        "unit": unit,
        "description": description,
        "label": label,
        "kind": kind,
        "choices": tuple(choices),
        "minimum": minimum,
        "maximum": maximum,
    }
    if default is ...:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=tuple(default) if kind == "list" else default, metadata=metadata)


class LabRecord:
    """Base of dataclasses made of :func:`lab` fields: converts ``"100 uM"`` to the declared unit and checks ranges."""

    def __new__(cls, *_: Any, **given: Any) -> Self:
        known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
                raise ParameterError(f"{cls.__name__} has no setting {name!r}; {hint}", name=name)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            if field.metadata:
                object.__setattr__(self, field.name, _convert(self, field, getattr(self, field.name)))
        self.check()

    def check(self) -> None:
        """Refuse values that are sound one by one but not together; raises :class:`ParameterError` naming the field."""

    def refused(self, name: str, problem: str) -> ParameterError:
        """The error for a field whose value does not fit the others."""
        given = _text(getattr(self, name), self.lab_fields()[name].metadata)
        return ParameterError(f"got {getattr(self, 'kind', type(self).__name__)}.{name} = {given}; {problem}", name=name)

    @classmethod
    def lab_fields(cls) -> dict[str, dataclasses.Field[Any]]:
        """The declared fields by name, in order."""
        return {f.name: f for f in dataclasses.fields(cls) if f.metadata}  # type: ignore[arg-type]

    def settings(self) -> dict[str, str]:
        """Every field as laboratory text, for provenance and tables."""
        return {name: _text(getattr(self, name), field.metadata) for name, field in self.lab_fields().items()}

    @classmethod
    def from_settings(cls, texts: Mapping[str, str]) -> Self:
        """The record that :meth:`settings` described; fields that are not given keep their default."""
        return cls(**{name: _read(texts[name], field.metadata) for name, field in cls.lab_fields().items() if name in texts})

    def labelled(self, label: str = "unconfirmed") -> dict[str, str]:
        """Fields still at a default that carries ``label``: name -> laboratory text."""
        return {
            name: _text(getattr(self, name), field.metadata)
            for name, field in self.lab_fields().items()
            if field.metadata["label"] == label and getattr(self, name) == self.default_of(name)
        }

    @classmethod
    def default_of(cls, name: str) -> Any:
        """Default of a field in its declared unit (None for a required one)."""
        field = cls.lab_fields()[name]
        if field.default is dataclasses.MISSING:
            return None
        return _convert(cls, field, field.default)


def _convert(owner: Any, field: dataclasses.Field[Any], value: Any) -> Any:
    meta = field.metadata
    kind = meta["kind"]
    where = f"{getattr(owner, 'kind', type(owner).__name__)}.{field.name}"
    if kind == "flag":
        if not isinstance(value, bool):
            raise ParameterError(f"got {where} = {value!r}; expected true or false", name=field.name)
        return value
    if kind == "choice":
        return _choice(where, field.name, value, meta["choices"])
    if kind == "list":
        items = [value] if isinstance(value, str | int | float) else list(value)
        return tuple(_number(where, field.name, item, meta) for item in items)
    return _number(where, field.name, value, meta)


def _choice(where: str, name: str, value: Any, choices: Sequence[str]) -> str:
    if value in choices:
        return str(value)
    near = difflib.get_close_matches(str(value), choices, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ParameterError(f"got {where} = {value!r}; expected one of {', '.join(map(repr, choices))}{hint}", name=name)


def _number(where: str, name: str, value: Any, meta: Any) -> float:
    if isinstance(value, str):
        try:
            value = parse(value, meta["unit"])
        except UnitError as error:
            raise UnitError(f"{where}: {error}", given=error.given, expected=error.expected) from error
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise ParameterError(f"got {where} = {value!r}; expected a quantity in {meta['unit']}", name=name)
    value = float(value)
    low, high = meta["minimum"], meta["maximum"]
    if not math.isfinite(value):
        raise ParameterError(f"got {where} = {value:g} {meta['unit']}; expected a finite number", name=name)
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = f"from {'-inf' if low is None else f'{low:g}'} to {'inf' if high is None else f'{high:g}'} {meta['unit']}"
        raise ParameterError(f"got {where} = {value:g} {meta['unit']}; expected a value {bounds}", name=name)
    return value


def _read(text: str, meta: Any) -> Any:
    if meta["kind"] == "flag":
        return text == "yes"
    if meta["kind"] == "list":
        return () if text == "none" else tuple(text.split(", "))
    return text


def _text(value: Any, meta: Any) -> str:
    unit = "" if meta["unit"] in ("", "1") else f" {meta['unit']}"
    if meta["kind"] == "flag":
        return "yes" if value else "no"
    if meta["kind"] == "choice":
        return str(value)
    if meta["kind"] == "list":
        return ", ".join(f"{item:.12g}{unit}" for item in value) or "none"
    return f"{value:.12g}{unit}"
