"""What a configuration may contain, as pydantic models; experiments' keys come from their own field declarations."""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from ..errors import UnitError
from ..experiments import EXPERIMENTS, TREATMENTS
from ..experiments.fields import LabRecord, lab
from ..experiments.treatment import Treatment, name_of
from ..randomness import LARGEST_SEED
from ..solver import METHODS, Solver
from ..study.distributions import DISTRIBUTIONS
from ..units import DIMENSIONLESS, describe_dimension, parse, unit_info

# Key of an experiment that lists the conditions it is done on.
ONLY = "conditions"
# Keys of a condition that describe a treatment, and the treatment's name.
TREATMENT_KEYS = {"incubate": "incubation", "ldn": "ldn"}


def key_of(treatment: Treatment) -> str:
    """The key of a condition that describes a treatment."""
    return next(key for key, name in TREATMENT_KEYS.items() if name == name_of(treatment))


DESIGNS = ("grid", "zip", "list", "table", "latin_hypercube", "sobol", "halton", "monte_carlo")

# Numbers as TOML has them: neither true nor "2" is one.
Whole = Annotated[int, Field(strict=True)]
Real = Annotated[float, Field(strict=True)]


class Section(BaseModel):
    """Base of all sections: a key that is not declared is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CellSection(Section):
    """Which cell, and how it is set up, before the conditions differ."""

    model: str = Field(default="primary_nk", description="named cell (see `nkcell info`)")
    parameters: str = Field(default="saturating", description='parameter set: "saturating" or "conservative"')
    temperature: str = Field(default="23 degC", description="temperature of the experiments")
    off: list[str] = Field(default=[], description="components blocked in the cell at rest: their currents and fluxes are exactly zero")
    set: dict[str, Any] = Field(default={}, description='parameters by name, "KCa31.g_max" = "0.25 nS"; the resting constants are solved with them')


class ConditionSection(Section):
    """One group of cells: a phenotype, what it was incubated with, and its own parameters."""

    name: str = Field(min_length=1, description="name in tables and figures")
    phenotype: str = Field(default="healthy", description="named phenotype, for example healthy or me_cfs")
    parameters: str = Field(default="", description="parameter set of this condition; by default that of [cell]")
    group: str = Field(default="", description="donors that the cells come from, in a cohort; by default those of the same phenotype")
    incubate: dict[str, Any] | None = Field(default=None, description="incubation before the experiments, hours in a medium")
    ldn: dict[str, Any] | None = Field(default=None, description="low-dose naltrexone by mouth over days, then the cells are drawn from the blood")
    set: dict[str, Any] = Field(
        default={}, description="parameters that only this condition changes; as for a phenotype, resting constants stay those of the healthy cell"
    )


class DesignSection(Section):
    """Which points the varied keys take together."""

    kind: Literal[DESIGNS] = Field(  # type: ignore[valid-type]
        default="grid",
        description="grid: every combination of values; zip: the i-th values together; list: [[point]] tables; table: a file; the rest: samples",
    )
    samples: Whole | None = Field(default=None, ge=1, description="number of samples; more samples later begin with these (a latin_hypercube: twice as many)")
    seed: Whole | None = Field(default=None, ge=0, le=LARGEST_SEED, description="names the random numbers of the samples; by default the seed of the file")
    table: str = Field(default="", description="CSV, Parquet or HDF5 file beside the configuration: a row a point, a column a key headed 'KEY [UNIT]'")
    sha256: str = Field(default="", description="of the file of a table: a changed file is refused")
    keys: list[str] = Field(default=[], description="order of the keys of a list; by default that of first appearance")


class PointSection(Section):
    """One point of a list: the keys that it changes, the others are as in the base case."""

    set: dict[str, Any] = Field(default={}, description="values by key, each with its unit")


class VarySection(Section):
    """One varied key: a parameter, an experiment's field or a treatment's field, with its values or its distribution."""

    key: str = Field(description='for example "TRPM3.n_t3", "imaging.pregs" or "incubation.ntx"')
    values: list[Any] | None = Field(default=None, description="the values, each with its unit; of a choice, equally likely")
    start: Any = Field(default=None, description="first value of an even spacing, instead of `values`")
    stop: Any = Field(default=None, description="last value of an even spacing")
    points: Whole | None = Field(default=None, ge=2, description="number of values of an even spacing")
    spacing: Literal["log", "linear"] = Field(default="log", description="equal ratios or equal differences")
    distribution: Literal[tuple(DISTRIBUTIONS)] | None = Field(default=None, description="distribution of a sampled design")  # type: ignore[valid-type]
    low: Any = Field(default=None, description="smallest value: uniform, loguniform, triangular; cuts a normal")
    high: Any = Field(default=None, description="largest value: uniform, loguniform, triangular; cuts a normal")
    mean: Any = Field(default=None, description="mean of a normal (before it is cut)")
    sd: Any = Field(default=None, description="standard deviation of a normal (before it is cut)")
    median: Any = Field(default=None, description="median of a lognormal")
    cv: Any = Field(default=None, description='coefficient of variation of a lognormal ("30 %" or 0.3)')
    sigma: Any = Field(default=None, description="standard deviation of the logarithm of a lognormal, instead of `cv`")
    mode: Any = Field(default=None, description="most likely value of a triangular")


class ResultsSection(Section):
    """What the result file keeps."""

    keep: list[str] | None = Field(default=None, description="recorded quantities whose traces are kept (default: all); features are always kept")


class ReportSection(Section):
    """What is computed from the results."""

    deciding: bool = Field(default=False, description="what every lesion and parameter set predicts, and how many donors tell them apart")
    targets: bool = Field(default=False, description="table of the published patterns and whether the simulation shows them")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SolverKeys(LabRecord):
    """How the equations are solved."""

    method: str = lab(Solver.method, "", "integrator (rosenbrock: the best compiled one; radau, bdf, lsoda: slow cross-checks)", kind="choice", choices=METHODS)
    rtol: float = lab(Solver.rtol, "1", "relative tolerance; the absolute one follows each state's scale", kind="number", minimum=1e-14, maximum=0.1)
    max_steps: float = lab(Solver.max_steps, "1", "steps after which a run is given up", kind="number", minimum=1)
    max_seconds: float = lab("0 s", "s", "wall time after which a run is given up (0: no bound)", minimum=0.0)
    max_steps_per_second: float = lab(
        Solver.max_steps_per_second,
        "1",
        "steps per simulated second beyond which a run is given up; 1000 more at a time are free, 0 is no bound",
        kind="number",
        minimum=0,
    )
    retry: bool = lab(Solver.retry, "", "try a run that failed numerically again with other settings, inside its budget", kind="flag")
    error_bars: bool = lab(Solver.error_bars, "", "repeat every run at a tighter tolerance and keep the difference beside each measure", kind="flag")
    tightening: float = lab(Solver.tightening, "1", "rtol over the tolerance of the repetition for error bars", kind="number", minimum=2.0, maximum=1e9)

    @classmethod
    def of(cls, solver: Solver) -> SolverKeys:
        """The keys that describe a solver."""
        return cls(**{name: getattr(solver, name) for name in cls.lab_fields()})

    def solver(self) -> Solver:
        """The solver that the keys describe."""
        keys = {name: getattr(self, name) for name in self.lab_fields()}
        return Solver(**{**keys, "max_steps": int(self.max_steps) if float(self.max_steps).is_integer() else self.max_steps})


def quantity_problem(value: Any, unit: str, minimum: float | None = None, maximum: float | None = None) -> str:
    """Say what was expected instead of ``value``; empty when it is good."""
    dimension = unit_info(unit)[0]
    wanted = describe_dimension(dimension).replace("'", '"')
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return f"expected {wanted}"
    if not isinstance(value, str) and dimension != DIMENSIONLESS:
        return f"expected a unit: {wanted}"
    try:
        number = parse(value, unit)
    except UnitError as error:
        return str(error) if str(error).startswith("unknown unit") else f"expected {wanted}"
    if not math.isfinite(number):
        return f"expected a finite number, {wanted}" if dimension != DIMENSIONLESS else "expected a finite number"
    low, high = minimum, maximum
    if (low is not None and number < low) or (high is not None and number > high):
        shown = "" if unit in ("", "1") else f" {unit}"
        if high is None:
            return f"expected a value of at least {low:g}{shown}"
        return f"expected a value of at most {high:g}{shown}" if low is None else f"expected a value from {low:g} to {high:g}{shown}"
    return ""


def _checked(problem: Any) -> BeforeValidator:
    """A validator that keeps the value as written and reports ``problem(value)``."""

    def validate(value: Any) -> Any:
        said = problem(value)
        if said:
            raise PydanticCustomError("lab_value", "{said}", {"said": said})
        return value

    return BeforeValidator(validate)


def _quantity_type(meta: Any) -> Any:
    unit, low, high = meta["unit"], meta["minimum"], meta["maximum"]
    schema: dict[str, Any] = {"type": "string", "pattern": r"^\s*[-+]?[0-9.]"}
    if unit_info(unit)[0] == DIMENSIONLESS:
        schema = {"type": ["number", "string"]}
        if low is not None:
            schema["minimum"] = low
        if high is not None:
            schema["maximum"] = high
    return Annotated[Any, _checked(lambda v: quantity_problem(v, unit, low, high)), WithJsonSchema(schema)]


def _field_type(meta: Any) -> Any:
    kind = meta["kind"]
    if kind == "flag":
        return bool
    if kind == "choice":
        return Literal[tuple(meta["choices"])]
    if kind == "list":
        item: Any = _quantity_type(meta)
        return Annotated[list[item], BeforeValidator(lambda v: v if isinstance(v, list) else [v])]
    return _quantity_type(meta)


def lab_text(value: Any, meta: Any) -> Any:
    """A field's value as it is written in a configuration, to the last bit."""
    if meta["kind"] in ("flag", "choice"):
        return value
    if meta["kind"] == "list":
        return [with_unit(v, meta["unit"]) for v in value]
    return with_unit(value, meta["unit"])


def with_unit(value: float, unit: str) -> str | float:
    """A number in ``unit`` as it is written in a configuration, to the last bit."""
    if unit_info(unit)[0] == DIMENSIONLESS and unit in ("", "1"):
        return int(value) if float(value).is_integer() and abs(value) < 1e15 else float(value)
    return f"{float(value)!r} {unit}"


def record_section(record: type[LabRecord], type_name: str = "") -> type[Section]:
    """The section of a record of laboratory fields (an experiment, an incubation, the solver)."""
    fields: dict[str, Any] = {}
    if type_name:
        fields["type"] = (Literal[type_name], Field(description="kind of experiment"))
    for name, field in record.lab_fields().items():
        meta = field.metadata
        unit = "" if meta["unit"] in ("", "1") else f" [{meta['unit']}]"
        note = f" ({meta['label']})" if meta["label"] else ""
        required = field.default is dataclasses.MISSING
        extra = {} if required else {"default": lab_text(record.default_of(name), meta)}
        default = ... if required else None
        fields[name] = (_field_type(meta), Field(default, description=meta["description"] + unit + note, json_schema_extra=extra, validate_default=False))
    model: type[Section] = create_model(record.__name__, __base__=Section, __doc__=(record.__doc__ or "").split("\n\n")[0], **fields)
    return model


def experiment_section(kind: str) -> type[Section]:
    """The section of a kind of experiment."""
    return record_section(EXPERIMENTS[kind], kind)


def treatment_section(key: str) -> type[Section]:
    """The keys of a condition's ``incubate`` and the like."""
    return record_section(TREATMENTS[TREATMENT_KEYS[key]])


def solver_section() -> type[Section]:
    """The keys of ``[solver]``."""
    return record_section(SolverKeys)


class File(Section):
    """The whole configuration."""

    title: str = Field(default="", description="one line for tables and figures")
    cell: CellSection = Field(default=CellSection())
    condition: list[ConditionSection] = Field(default=[], description="groups of cells; one healthy group when none is given")
    experiment: dict[str, dict[str, Any]] = Field(min_length=1, description="what is done to every cell")
    vary: list[VarySection] = Field(default=[], description="what is varied: axes of a grid, or keys of another design")
    design: DesignSection = Field(default=DesignSection(), description="which points the varied keys take together; by default a grid")
    point: list[PointSection] = Field(default=[], description="points of a design of kind list")
    seed: Whole = Field(default=0, ge=0, le=LARGEST_SEED, description="names the random numbers of cohorts, instruments and channels")
    cohort: dict[str, Any] | None = Field(default=None, description="donors in every group and cells of every donor")
    results: ResultsSection = Field(default=ResultsSection())
    solver: dict[str, Any] = Field(default={}, description="method and tolerances")
    statistics: dict[str, Any] | None = Field(default=None, description="comparisons of a cohort at both units of analysis")
    power: dict[str, Any] | None = Field(default=None, description="power of smaller and larger studies, resampled from this one")
    report: ReportSection = Field(default=ReportSection())
    execution: dict[str, Any] = Field(default={}, description="where the runs are done; never changes a result")
