"""JSON Schema of configurations for editors (completion, descriptions, checks while typing); generated, never edited."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from ..experiments import EXPERIMENTS, INSTRUMENTS
from ..model.cells import COMPOSITIONS
from ..model.quantities import Parameter
from ..units import DIMENSIONLESS, unit_info
from .cohorts import CohortSection
from .execution import ExecutionSection
from .questions import PowerSection, StatisticsSection
from .sections import ONLY, TREATMENT_KEYS, File, experiment_section, record_section, solver_section, treatment_section, with_unit

SHIPPED = "config_schema.json"


def config_schema() -> dict[str, Any]:
    """The schema as plain data."""
    schema = File.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    kinds = {kind: _inlined(experiment_section(kind).model_json_schema()) for kind in EXPERIMENTS}
    definitions.update({kind: _inlined(record_section(record).model_json_schema()) for kind, record in INSTRUMENTS.items()})
    for kind, body in kinds.items():
        body["properties"][ONLY] = {"type": "array", "items": {"type": "string"}, "description": "conditions that it is done on (default: all)"}
        body["properties"].update({name: {"$ref": f"#/$defs/{name}"} for name in EXPERIMENTS[kind].instruments})
    definitions.update({f"experiment_{kind}": body for kind, body in kinds.items()})
    definitions.update({name: _inlined(treatment_section(key).model_json_schema()) for key, name in TREATMENT_KEYS.items()})
    definitions["solver"] = _inlined(solver_section().model_json_schema())
    for name, section in (("cohort", CohortSection), ("statistics", StatisticsSection), ("power", PowerSection), ("execution", ExecutionSection)):
        body = _inlined(section.model_json_schema())
        definitions.update({key: _inlined(inner) for key, inner in body.pop("$defs", {}).items()})
        definitions[name] = body
        schema["properties"][name] = {"$ref": f"#/$defs/{name}"}
    definitions["parameters"] = _parameters()
    one_of = [{"$ref": f"#/$defs/experiment_{kind}"} for kind in kinds]
    schema["properties"]["experiment"] |= {"additionalProperties": {"oneOf": one_of}}
    schema["properties"]["solver"] = {"$ref": "#/$defs/solver"}
    definitions["ConditionSection"]["properties"].update({key: {"$ref": f"#/$defs/{name}"} for key, name in TREATMENT_KEYS.items()})
    for owner in ("CellSection", "ConditionSection"):
        definitions[owner]["properties"]["set"] = {"$ref": "#/$defs/parameters"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "nkcell_sim configuration"}


def schema_text() -> str:
    """The schema as it is shipped."""
    return json.dumps(config_schema(), indent=1, ensure_ascii=False) + "\n"


def shipped_schema() -> str:
    """The schema that came with this package."""
    return files("nkcell_sim").joinpath(SHIPPED).read_text(encoding="utf-8")


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop what an editor has no use for: generated titles of keys, and null as the default of a key without one."""
    for body in schema.get("properties", {}).values():
        body.pop("title", None)
        if body.get("default", 0) is None:
            del body["default"]
    return schema


def _parameters() -> dict[str, Any]:
    """Parameters of every named cell, as "Component.name" = ... or as Component.name = ... without quotes."""
    properties: dict[str, Any] = {}
    for make in COMPOSITIONS.values():
        for key, declared in make().parameters.items():
            component, dot, name = key.rpartition(".")
            body = _parameter(declared)
            properties.setdefault(key, body)
            if dot:
                nested = properties.setdefault(component, {"type": "object", "additionalProperties": False, "properties": {}})
                nested["properties"].setdefault(name, body)
    return {"type": "object", "description": "parameters by name", "additionalProperties": False, "properties": properties}


def _parameter(declared: Parameter) -> dict[str, Any]:
    plain = unit_info(declared.unit)[0] == DIMENSIONLESS
    return {
        "description": f"{declared.description} [{declared.unit}]",
        "default": with_unit(declared.default, declared.unit),
        "type": ["number", "string"] if plain else "string",
    }
