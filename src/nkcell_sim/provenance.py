"""How a result came about, in four named sections with a schema: software, parameters, environment, resources.

Enough to repeat the run, nothing that names a person, a machine or a place: no paths, no host or user names.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from .errors import ResultsError

PROVENANCE_SCHEMA = 1
PACKAGES = ("numpy", "scipy", "h5py", "pydantic", "pint")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Software(_Section):
    """Which programs computed the numbers."""

    nkcell_sim: str = Field(min_length=1, description="version of this package")
    python: str = Field(min_length=1, description="version of the interpreter")
    packages: dict[str, str] = Field(description="versions of the packages the numbers may depend on")
    kernel: str = Field(description="instruction set of the compiled engine, or 'none'")


class Parameters(_Section):
    """What was computed: everything needed to repeat it, except the values kept per run in the file."""

    models: dict[str, str] = Field(description="name and hash of the equations of each cell model")
    config: str = Field(description="resolved configuration (TOML, every default written out); empty for a run from a script")
    solver: dict[str, JsonValue] = Field(description="method and tolerances")
    seeds: list[int] = Field(description="seeds of random numbers; empty for deterministic runs")


class Environment(_Section):
    """Where it was computed, in general terms."""

    system: str = Field(min_length=1, description="operating system")
    architecture: str = Field(min_length=1, description="processor architecture")
    byte_order: Literal["little", "big"]
    libc: str = Field(description="C library, which provides exp and log")


class Resources(_Section):
    """What it cost."""

    runs: int = Field(ge=0, description="number of simulated runs")
    elapsed: float = Field(ge=0, description="wall-clock time [s]")
    threads: int = Field(ge=1, description="threads at most")


class Provenance(_Section):
    """The whole record."""

    provenance_schema: Literal[1]
    created: str = Field(min_length=1, description="date and time, UTC, ISO 8601")
    software: Software
    parameters: Parameters
    environment: Environment
    resources: Resources


def collect(
    *, models: Mapping[str, str], solver: Mapping[str, Any], config: str = "", runs: int, elapsed: float, threads: int, seeds: Sequence[int] = ()
) -> dict[str, Any]:
    """Describe a finished run."""
    record = {
        "provenance_schema": PROVENANCE_SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "software": {"nkcell_sim": package_version(), "python": platform.python_version(), "packages": package_versions(), "kernel": kernel_name()},
        "parameters": {"models": dict(models), "config": config, "solver": dict(solver), "seeds": list(seeds)},
        "environment": {
            "system": f"{platform.system()} {platform.release()}",
            "architecture": platform.machine(),
            "byte_order": sys.byteorder,
            "libc": " ".join(platform.libc_ver()).strip(),
        },
        "resources": {"runs": runs, "elapsed": round(elapsed, 3), "threads": threads},
    }
    return check(record)


def check(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record as plain data if it follows the schema; raise :class:`ResultsError` naming the first fault."""
    try:
        return Provenance.model_validate(record).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ResultsError(f"provenance record: {where}: {first['msg']}") from error


def package_version() -> str:
    """Version of nkcell_sim."""
    from . import __version__

    return __version__


def package_versions() -> dict[str, str]:
    """Versions of the packages that the numbers may depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def kernel_name() -> str:
    """Instruction set of the compiled engine that runs here and its lanes, or ``none`` when it is not built."""
    from .execution import Execution

    try:
        execution = Execution()
        return f"{execution.engine()}, {execution.lanes()} lanes"
    except ImportError:
        return "none"


def compiled_models() -> dict[str, str]:
    """Name and equation hash of every cell in the compiled engine; empty when it is not built."""
    try:
        from . import _kernels
    except ImportError:
        return {}
    return {name: str(model["hash"]) for name, model in _kernels.models().items()}
