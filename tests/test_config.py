"""What a configuration means: defaults, overrides, the resolved text, and the schema for editors."""

from __future__ import annotations

import tomllib

import jsonschema
import pytest

from nkcell_sim.config import config_schema, parse_config, schema_text, shipped_schema
from nkcell_sim.config.sections import lab_text, quantity_problem
from nkcell_sim.errors import ParameterError
from nkcell_sim.experiments import EXPERIMENTS, CalciumImaging

BASE = '[experiment.imaging]\ntype = "calcium_imaging"\nntx_in_bath = "kept"\n'
FULL = """
title = "everything"
[cell]
parameters = "conservative"
off = ["KCa31"]
[cell.set]
Kv13.g_max = "3 nS"
"TRPM3.d_max" = 0.5
[[condition]]
name = "ME/CFS \\"quoted\\" + NTX"
phenotype = "me_cfs"
incubate = { ntx = "200 uM", duration = "90 min" }
set = { CRAC.permeability = "0.25 fL/s" }
[experiment.imaging]
type = "calcium_imaging"
ntx_in_bath = "washed"
pregs = "70 uM"
[experiment.patch]
type = "patch_clamp"
ntx_in_bath = "kept"
pregs = ["100 uM", "0.05 mM"]
[[vary]]
key = "TRPM3.density"
values = ["0.4 1/pF", "1 1/pF"]
[[vary]]
key = "incubation.ntx"
start = "1 uM"
stop = "100 uM"
points = 3
[solver]
rtol = 1e-7
"""


def test_an_experiment_without_keys_has_the_defaults_of_its_class() -> None:
    study = parse_config(BASE).study
    assert study.experiments == {"imaging": CalciumImaging(ntx_in_bath="kept")}
    assert [case.name for case in study.cases] == ["healthy"]


def test_laboratory_units_are_converted_to_the_declared_one() -> None:
    study = parse_config(FULL).study
    assert study.experiments["patch"].pregs == (100.0, 50.0)  # type: ignore[attr-defined]
    cell = study.cases[0].cell
    assert cell.parameter("Kv13.g_max") == 3.0
    assert cell.parameter("TRPM3.d_max") == 0.5
    assert cell.parameter("CRAC.permeability") == 0.25
    assert cell.parameter("KCa31.switch") == 0.0
    assert study.cases[0].treatment is not None
    assert study.cases[0].treatment.duration == 1.5
    assert study.vary["incubation.ntx"] == pytest.approx([1.0, 10.0, 100.0], rel=1e-15)
    assert study.solver.rtol == 1e-7


@pytest.mark.parametrize("steps", ["1.5", "1e30"])
def test_a_budget_that_is_no_number_of_steps_is_refused_and_not_rounded(steps: str) -> None:
    with pytest.raises(ParameterError, match=r"got max_steps = 1.*; expected a whole number of steps"):
        parse_config(BASE + f"[solver]\nmax_steps = {steps}\n")


def test_the_grid_is_a_product_and_an_experiment_skips_the_keys_of_others() -> None:
    assert len(parse_config(FULL).study) == 2 * 2 * 3
    text = BASE + BASE.replace(".imaging", ".again") + '[[vary]]\nkey = "imaging.pregs"\nvalues = ["1 uM", "2 uM"]\n'
    runs = list(parse_config(text).study.runs())
    assert [run.experiment for run in runs] == ["imaging", "imaging", "again"]
    assert [run.varied for run in runs] == [{"imaging.pregs": 1.0}, {"imaging.pregs": 2.0}, {}]


def test_the_resolved_text_describes_the_same_runs() -> None:
    config = parse_config(FULL)
    again = parse_config(config.resolved, "resolved")
    assert [run.id for run in again.study.runs()] == [run.id for run in config.study.runs()]
    assert again.resolved == config.resolved
    written = tomllib.loads(config.resolved)["experiment"]["patch"]
    assert set(written) == {"type", *EXPERIMENTS["patch_clamp"].lab_fields()}


def test_run_ids_follow_content_and_not_names() -> None:
    def ids(text: str) -> list[str]:
        return [run.id for run in parse_config(text).study.runs()]

    assert ids(BASE) == ids(BASE.replace("imaging]", "other]"))
    assert ids(BASE) == ids(BASE + 'pregs = "0.05 mM"\n')
    assert ids(BASE) != ids(BASE + 'pregs = "51 uM"\n')
    assert ids(BASE) != ids("[solver]\nrtol = 1e-7\n" + BASE)
    assert ids(BASE) != ids('[cell]\nset = { KCa31.g_max = "0.5 nS" }\n' + BASE)


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("experiment.imaging.pregs=70 uM", lambda s: s.experiments["imaging"].pregs == 70.0),
        ('experiment.imaging.pregs="70 uM"', lambda s: s.experiments["imaging"].pregs == 70.0),
        ("experiment.imaging.brightness=50", lambda s: s.experiments["imaging"].brightness == 50.0),
        ("cell.set.KCa31.g_max=0.5 nS", lambda s: s.cases[0].cell.parameter("KCa31.g_max") == 0.5),
        ("cell.parameters=conservative", lambda s: s.cases[0].cell.parameter_set == "conservative"),
        ("condition.sick one.phenotype=me_cfs", lambda s: s.cases[0].cell.phenotype == "me_cfs"),
        ("condition.0.phenotype=me_cfs", lambda s: s.cases[0].cell.phenotype == "me_cfs"),
        ("solver.rtol=1e-8", lambda s: s.solver.rtol == 1e-8),
        ("cell.off=['Kv13']", lambda s: s.cases[0].cell.parameter("Kv13.switch") == 0.0),
    ],
)
@pytest.mark.parametrize("quoted", [True, False])
def test_overrides_reach_every_kind_of_key(override: str, read: object, quoted: bool) -> None:
    key = '"KCa31.g_max"' if quoted else "KCa31.g_max"
    text = f'[cell.set]\n{key} = "0.3 nS"\n[[condition]]\nname = "sick one"\n' + BASE
    assert read(parse_config(text, "x.toml", [override]).study)  # type: ignore[operator]


def test_the_shipped_schema_is_the_generated_one() -> None:
    assert shipped_schema() == schema_text(), "run: nkcell schema > src/nkcell_sim/config_schema.json"


def test_the_schema_accepts_what_is_right_and_refuses_what_is_wrong() -> None:
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(tomllib.loads(FULL), schema)
    jsonschema.validate(tomllib.loads(parse_config(FULL).resolved), schema)
    for wrong in (BASE + "pregz = 1\n", BASE + "pregs = 50\n", BASE.replace("kept", "keep"), "x = 1\n" + BASE, "[cell.set]\nKCa31.gmax = 1\n" + BASE):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(tomllib.loads(wrong), schema)


@pytest.mark.parametrize("kind", EXPERIMENTS)
def test_every_field_of_every_experiment_reads_back_from_its_own_text(kind: str) -> None:
    for name, field in EXPERIMENTS[kind].lab_fields().items():
        default = EXPERIMENTS[kind].default_of(name)
        if default is not None and field.metadata["kind"] in ("quantity", "number"):
            text = lab_text(default, field.metadata)
            assert quantity_problem(text, field.metadata["unit"], field.metadata["minimum"], field.metadata["maximum"]) == ""


def test_conditions_may_differ_in_their_parameter_set() -> None:
    text = '[[condition]]\nname = "a"\n[[condition]]\nname = "b"\nparameters = "conservative"\n[experiment.x]\ntype = "rest"\n'
    a, b = (case.cell for case in parse_config(text).study.cases)
    assert (a.parameter("PMCA.v_max"), b.parameter("PMCA.v_max")) == (8.0, 9.0)  # integration brief, section 2
    assert b.parameter("ERLeak.rate") == pytest.approx(0.369205, rel=1e-5)
    resolved = parse_config(text).resolved
    assert parse_config(resolved).resolved == resolved
