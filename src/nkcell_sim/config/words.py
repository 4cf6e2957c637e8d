"""Words for errors: the closest known name, and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel


def near_miss(given: str, known: Iterable[str]) -> str:
    """The closest known name, or a list of them."""
    names = list(known)
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    if not close:
        lower = {n.lower(): n for n in names}
        close = [lower[c] for c in difflib.get_close_matches(given.lower(), lower, n=1, cutoff=0.6)]
    if close:
        return f"; did you mean {close[0]!r}?"
    shown = ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")
    return f"; expected one of {shown}"


def owner_of(loc: Sequence[str | int], model: type[BaseModel]) -> type[BaseModel]:
    """The section that a key belongs to: that of ``cohort.spread.0.key`` is one spread, whatever it is nested in."""
    for part in loc[:-1]:
        declared = model.model_fields[part].annotation if isinstance(part, str) and part in model.model_fields else None
        model = next((kind for kind in (declared, *get_args(declared)) if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return model


def expectation(model: type[BaseModel], key: str) -> str:
    """What a key means and which words it takes."""
    field = model.model_fields[key]
    choices = model.model_json_schema()["properties"].get(key, {}).get("enum")
    return (field.description or "") + (f", one of {', '.join(map(repr, choices))}" if choices else "")


def reworded(problem: Mapping[str, Any]) -> str:
    """A pydantic message in our words."""
    message = str(problem["msg"]).partition(" or instance of")[0]
    for theirs, ours in (("Input should be", "expected"), ("a valid integer", "a whole number"), ("a valid ", "a "), ("dictionary", "table")):
        message = message.replace(theirs, ours)
    if problem["type"] == "literal_error":
        choices = str(problem["ctx"]["expected"])
        close = difflib.get_close_matches(str(problem["input"]), choices.replace("'", "").replace(" or ", ", ").split(", "), n=1)
        return f"expected {choices}" + (f"; did you mean {close[0]!r}?" if close else "")
    if problem["type"] == "string_too_short":
        return "expected a text that is not empty"
    if problem["type"] in ("too_short", "too_long"):
        return _count_wanted(problem)
    return message[0].lower() + message[1:]


def _count_wanted(problem: Mapping[str, Any]) -> str:
    """How many entries a list or a table takes."""
    wanted, actual = problem["ctx"].get("min_length", problem["ctx"].get("max_length")), problem["ctx"]["actual_length"]
    if tuple(problem["loc"]) == ("experiment",):
        return "expected at least one, for example [experiment.rest]"
    return f"expected {'at least' if problem['type'] == 'too_short' else 'at most'} {wanted} {'entry' if wanted == 1 else 'entries'}, got {actual}"
