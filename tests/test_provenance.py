"""The provenance record has a schema; every one of its keys is needed, and nothing in it names a machine or a person."""

from __future__ import annotations

import copy
import getpass
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nkcell_sim.errors import ResultsError
from nkcell_sim.provenance import Provenance, check, collect

RECORD = collect(
    models={"primary_nk": "0123456789abcdef"}, solver={"method": "rosenbrock", "rtol": 1e-6}, config="title = 'x'", runs=8, elapsed=1.25, threads=2
)
FREE = ("packages", "models", "solver")  # tables whose keys are data


def required(data: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Path of every key that the schema names."""
    for key, value in data.items():
        yield (*path, key)
        if isinstance(value, dict) and key not in FREE:
            yield from required(value, (*path, key))


def test_a_collected_record_follows_the_schema() -> None:
    schema = Provenance.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(RECORD, schema)
    assert check(json.loads(json.dumps(RECORD))) == RECORD


@pytest.mark.parametrize("path", list(required(RECORD)), ids=".".join)
def test_no_key_can_be_missing(path: tuple[str, ...]) -> None:
    record = copy.deepcopy(RECORD)
    owner = record
    for key in path[:-1]:
        owner = owner[key]
    del owner[path[-1]]
    with pytest.raises(ResultsError, match=".".join(path)):
        check(record)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record, Provenance.model_json_schema())


def test_no_key_can_be_added() -> None:
    with pytest.raises(ResultsError, match="hostname"):
        check({**RECORD, "hostname": "x"})


def test_a_record_names_no_machine_no_person_and_no_place() -> None:
    said = json.dumps(RECORD)
    for private in (socket.gethostname(), str(Path.home()), str(Path.cwd()), f"/{getpass.getuser()}"):
        assert len(private) < 3 or private not in said
