"""Words for errors: the closest known name, and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

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


def expectation(model: type[BaseModel], key: str) -> str:
    """What a key means and which words it takes."""
    field = model.model_fields[key]
    choices = model.model_json_schema()["properties"].get(key, {}).get("enum")
    return (field.description or "") + (f", one of {', '.join(map(repr, choices))}" if choices else "")


def reworded(problem: Mapping[str, Any]) -> str:
    """A pydantic message in our words."""
    message = (
        str(problem["msg"]).replace("Input should be", "expected").replace("a valid ", "a ").replace("dictionary", "table").partition(" or instance of")[0]
    )
    if problem["type"] == "literal_error":
        choices = str(problem["ctx"]["expected"])
        close = difflib.get_close_matches(str(problem["input"]), choices.replace("'", "").replace(" or ", ", ").split(", "), n=1)
        return f"expected {choices}" + (f"; did you mean {close[0]!r}?" if close else "")
    if problem["type"] in ("too_short", "string_too_short"):
        return "expected at least one, for example [experiment.rest]" if problem["type"] == "too_short" else "expected a text that is not empty"
    return message[0].lower() + message[1:]
