"""What every result file says of itself: attributes of the file, provenance, and what was done to the cells."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import layout
from .layout import Group, Variable, index, numbers, text


def file_attributes(title: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of the file itself, from its title and its provenance record."""
    version = record["software"]["nkcell_sim"]
    return {
        "Conventions": layout.CONVENTIONS,
        "nkcell_schema": layout.SCHEMA,
        "nkcell_version": version,
        "title": title,
        "comment": "Output of a mathematical model, not a laboratory result.",
        "history": f"{record['created']} simulated with nkcell_sim {version}",
    }


def provenance_group(record: Mapping[str, Any]) -> Group:
    """The provenance record: one JSON text a section, and the configuration as it can be run."""
    sections = {name: record[name] for name in ("software", "parameters", "environment", "resources")}
    config = record["parameters"]["config"]
    sections["parameters"] = {k: v for k, v in record["parameters"].items() if k != "config"}
    variables = {name: text((), json.dumps(section, sort_keys=True), f"{name} (JSON)") for name, section in sections.items()}
    variables["config"] = text((), config, "resolved configuration (TOML); empty for a run from a script")
    return Group(variables, {}, {"provenance_schema": record["provenance_schema"], "created": record["created"]})


def event_table(events: Sequence[tuple[int, float, str]]) -> dict[str, Variable]:
    """The events of protocols as (number of the protocol, time [s], what is done)."""
    if not events:
        return {}
    number, when, what = zip(*events, strict=True)
    return {
        "event": index("event", len(events), "number of the event"),
        "event_protocol": numbers(("event",), np.array(number, dtype="<i4"), "1", "protocol the event belongs to"),
        "event_time": numbers(("event",), when, "s", "time of the event"),
        "event_text": text(("event",), what, "what is done"),
    }
