"""nkcell validate: the whole table of targets, with the cohort behind T14."""

from __future__ import annotations

from importlib.resources import files

import pytest

from nkcell_sim.analysis.power import inflated_level
from nkcell_sim.analysis.questions import cells_of
from nkcell_sim.analysis.targets import MISSED, NOT_TESTABLE, PASS
from nkcell_sim.analysis.validation import Validation, power_of_cohort, validate
from nkcell_sim.analysis.variance import variance_components
from nkcell_sim.config import parse_config
from nkcell_sim.errors import ParameterError


@pytest.fixture(scope="module")
def study():
    return parse_config(files("nkcell_sim").joinpath("ntx_restoration.toml").read_text()).study


@pytest.fixture(scope="module")
def judged(study) -> Validation:
    return validate(study, donors=8)


def test_every_target_has_a_value_a_band_evidence_and_a_verdict(judged):
    assert {t.id.split()[0] for t in judged.targets} == {f"T{i}" for i in range(1, 15)}
    for target in judged.targets:
        assert target.verdict in (PASS, MISSED, NOT_TESTABLE)
        assert target.band
        assert target.evidence
        assert target.verdict == NOT_TESTABLE or target.value != "-"
        assert target.verdict == PASS or len(target.remark.split()) > 5, f"{target.id} is {target.verdict} without a sentence of why"


def test_the_published_design_finds_the_lesion_and_the_rescue_and_cells_find_what_is_not_there(judged):
    found = next(t for t in judged.targets if t.id == "T14")
    assert found.verdict == PASS
    assert "8 + 8 donors" in found.remark
    answer = power_of_cohort(judged.cohort, {"T3": ("healthy", "ME/CFS")})
    # donors are independent: the level of an exact rank-sum test of 8 + 8 is at most 5 %; 2000 experiments, four standard errors
    assert answer.false["donor"] <= 0.05 + 4 * (0.05 * 0.95 / 2000) ** 0.5
    split = variance_components(cells_of(judged.cohort, "patch.pregs_1_outward", ("healthy",)))
    # cells are not: their level follows the design effect 1 + 5 ICC of a z test; a rank test of skewed values is near it, within a factor of 1.5
    assert inflated_level(split.icc, 6) / 1.5 < answer.false["cell"] < 1.5 * inflated_level(split.icc, 6)


@pytest.mark.slow
def test_the_cohort_does_not_depend_on_its_size_for_the_donors_it_has(study, judged):
    more = validate(study, donors=9).cohort["patch"]
    less = judged.cohort["patch"]
    where = {key: i for i, key in enumerate(zip(more.cases, more.labels["donor"], more.labels["cell"], strict=True))}
    rows = [where[key] for key in zip(less.cases, less.labels["donor"], less.labels["cell"], strict=True)]
    assert (more["pregs_1_outward"][rows] == less["pregs_1_outward"]).all()


def test_without_a_cohort_its_target_says_what_would_answer_it(study):
    found = validate(study, donors=0)
    assert found.cohort is None
    last = next(t for t in found.targets if t.id == "T14")
    assert last.verdict == NOT_TESTABLE
    assert "nkcell validate" in last.remark


@pytest.mark.parametrize("donors", [-1, 1, 2.5, True])
def test_a_cohort_of_no_size_is_refused(study, donors):
    with pytest.raises(ParameterError, match="donors"):
        validate(study, donors=donors)
