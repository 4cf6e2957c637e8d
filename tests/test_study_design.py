"""A study that makes no sense is refused when it is described, not when it runs."""

from __future__ import annotations

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.errors import ConfigError, ParameterError
from nkcell_sim.experiments import CalciumImaging, Incubation, PatchClamp, Rest
from nkcell_sim.study import Case, Study, linspan, logspan, run


@pytest.fixture(scope="module")
def cell():
    return nk.primary_nk_cell()


@pytest.mark.parametrize("name", ["incubation", "provenance", "targets"])
def test_names_of_the_result_file_are_reserved(cell, name):
    with pytest.raises(ParameterError, match="the name is taken"):
        Study(cell, {name: Rest()})


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "", "  "])
def test_names_are_printable(cell, name):
    with pytest.raises(ParameterError, match="expected a text"):
        Study(cell, {name: Rest()})
    with pytest.raises(ParameterError, match="expected a text"):
        Case(name, cell)


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ({"imaging.pregs": []}, "without values"),
        ({"imaging.pregs": ["1 uM", "1000 nM"]}, "more than once"),
        ({"imaging.pregs": "1 uM"}, "list of values"),
        ({"imaging.pregs": ["1 uM", None]}, "expected numbers"),
        ({"imaging.pregs": [float("inf")]}, "finite"),
        ({"imaging.pregs": [1.0, -1.0]}, "from 0"),
        ({"patch.inward_at": [-94.0, -150.0]}, "within the ramp"),
    ],
)
def test_a_variation_that_could_not_run_is_refused(cell, vary, said):
    with pytest.raises(ParameterError, match=said) as caught:
        Study(cell, {"imaging": CalciumImaging(ntx_in_bath="kept"), "patch": PatchClamp(ntx_in_bath="kept")}, vary=vary)
    assert caught.value.name == next(iter(vary))


def test_values_that_fit_only_together_are_taken(cell):
    vary = {"patch.ramp_from": [-120.0, -110.0], "patch.inward_at": [-105.0]}
    assert len(Study(cell, {"patch": PatchClamp(ntx_in_bath="kept")}, vary=vary)) == 2


def test_spans_take_plain_numbers():
    assert list(logspan(1, 100, 3)) == pytest.approx([1.0, 10.0, 100.0])
    for make in (logspan, linspan):
        with pytest.raises(ParameterError, match="without the unit"):
            make("1 uM", "100 uM", 3)
        with pytest.raises(ParameterError, match="whole number"):
            make(1.0, 2.0, 0)
    with pytest.raises(ParameterError, match="above 0"):
        logspan(0.0, 1.0, 3)


def test_things_of_the_wrong_kind_are_named(cell):
    with pytest.raises(ParameterError, match="got a case named"):
        Case(cell, "a")
    with pytest.raises(ParameterError, match="expected a cell"):
        Case("a", "a")
    with pytest.raises(ParameterError, match="expected an Incubation"):
        Case("a", cell, "24 h")
    with pytest.raises(ParameterError, match="among the cases"):
        Study(["a"], Rest())
    with pytest.raises(ParameterError, match="expected an experiment"):
        Study(cell, "rest")
    with pytest.raises(ParameterError, match="expected a study"):
        run(cell, PatchClamp(ntx_in_bath="kept"))
    with pytest.raises(ParameterError, match="expected an experiment such as"):
        Study(cell, {"rest": Incubation})


def test_notes_say_what_the_incubation_and_the_temperature_rest_on(cell):
    warm = cell.at_temperature("37 degC")
    medium = Incubation(ntx="200 uM", duration="1 h", il2="20 IU/mL", temperature="37 degC", k_invivo=10.0, free_fraction=0.79)
    study = Study([Case("warm", warm), Case("ntx", cell, medium), Case("cold", cell, Incubation(duration="1 h"))], {"rest": Rest(duration="20 s")})
    notes = " | ".join(run(study)["rest"].notes)
    for text in (
        "at 37 degC the rates rest on recalled or assumed Q10 values and the resting constants were solved again: unchecked",
        "ntx: IL-2 20 IU/mL is recorded as a label: the model has no equation for it",
        "ntx: incubation at 37 degC ran the slow opioid chain only",
        "ntx: antagonists: free fraction 0.79, Ki multiplied by k_invivo 10",
        "cold: incubation at 23 degC",
    ):
        assert text in notes


def test_cells_at_23_degrees_need_no_note(cell):
    assert Study(cell, Rest()).notes("rest") == ()
    assert "at 30 degC" in Study(cell, Rest(), vary={"temperature": ["23 degC", "30 degC"]}).notes("rest")[0]


TREATED = """
[[condition]]
name = "untreated"
phenotype = "me_cfs"
[[condition]]
name = "LDN"
phenotype = "me_cfs"
ldn = { dose = "4.5 mg" }
[experiment.course]
type = "naltrexone_course"
doses = 2
conditions = ["untreated"]
[experiment.rest]
type = "rest"
duration = "10 s"
[[vary]]
key = "ldn.doses"
values = [1, 2, 3]
"""


def test_an_untreated_case_does_not_vary_with_a_treatment_and_an_experiment_may_be_done_on_some_cases():
    from nkcell_sim.config import parse_config

    config = parse_config(TREATED)
    runs = list(config.study.runs())
    assert [(r.experiment, r.case) for r in runs] == [("course", "untreated"), ("rest", "untreated"), *[("rest", "LDN")] * 3]
    assert len(config.study) == len(runs)
    assert [r.varied["ldn.doses"] for r in runs[2:]] == [1.0, 2.0, 3.0]
    assert np.isnan(runs[1].varied["ldn.doses"])
    assert parse_config(config.resolved).resolved == config.resolved


def test_an_experiment_on_an_unknown_case_is_refused():
    from nkcell_sim.config import parse_config

    with pytest.raises(ConfigError, match="did you mean 'untreated'"):
        parse_config(TREATED.replace('conditions = ["untreated"]', 'conditions = ["untreatd"]'))
    with pytest.raises(ConfigError, match="one treatment a condition"):
        parse_config(TREATED.replace('ldn = { dose = "4.5 mg" }', 'ldn = { dose = "4.5 mg" }\nincubate = { ntx = "1 uM" }'))
