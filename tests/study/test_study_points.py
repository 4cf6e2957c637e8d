"""Designs in a study: every case in every experiment at every point, each once, and a bad value costs what it should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nkcell_sim as nk
from nkcell_sim.errors import ParameterError
from nkcell_sim.study.plan import Plan
from nkcell_sim.study.points import distinct_rows

CELL = nk.primary_nk_cell()
IMAGING = nk.CalciumImaging(ntx_in_bath="kept", baseline="5 s", application="10 s", recovery="0 s")
PATCH = nk.PatchClamp(ntx_in_bath="kept")
TREATED = [nk.Case("plain", CELL), nk.Case("treated", CELL, nk.Incubation(ntx="1 uM", duration="1 h"))]
MIXED = [{"TRPM3.density": "0.5 1/pF"}, {"imaging.pregs": "10 uM"}, {"imaging.pregs": "20 uM"}, {"incubation.ntx": "5 uM"}]


def test_a_grid_by_either_name_is_the_same_study() -> None:
    values = {"TRPM3.density": ["0.5 1/pF", 2.0], "imaging.pregs": ["10 uM", "0.02 mM"]}
    first, second = nk.Study(CELL, {"imaging": IMAGING}, vary=values), nk.Study(CELL, {"imaging": IMAGING}, design=nk.Grid(values))
    assert [r.id for r in first.runs()] == [r.id for r in second.runs()]
    assert first.design == second.design
    assert dict(first.vary) == {"TRPM3.density": [0.5, 2.0], "imaging.pregs": [10.0, 20.0]}
    assert first.grid == first.points("imaging") == [r.varied for r in first.runs()]


def test_a_missing_key_is_the_value_of_the_base_case() -> None:
    study = nk.Study(CELL, {"imaging": IMAGING}, design=nk.Listed([{}, {"TRPM3.density": 2.0}, {"imaging.pregs": "7 uM"}]))
    base, density, dose = study.runs()
    plain, *_ = nk.Study(CELL, {"imaging": IMAGING}).runs()
    assert base.id == plain.id
    assert density.cell.parameter("TRPM3.density") == 2.0
    assert density.setup == IMAGING
    assert dose.cell is base.cell
    assert dose.setup.pregs == 7.0  # type: ignore[attr-defined]
    assert np.isnan(base.varied["imaging.pregs"])
    assert study.vary["imaging.pregs"] == [7.0]


def test_an_experiment_sees_its_own_keys_and_every_point_once() -> None:
    study = nk.Study(TREATED, {"imaging": IMAGING, "patch": PATCH}, design=nk.Listed(MIXED))
    keys, values = study.points_table("patch", TREATED[0])
    assert keys == ("TRPM3.density", "incubation.ntx")
    assert np.array_equal(values, [[0.5, np.nan], [np.nan, np.nan]], equal_nan=True)
    counted = {(e, c.name): len(study.points_table(e, c)[1]) for e in study.experiments for c in study.cases}
    assert counted == {("imaging", "plain"): 4, ("imaging", "treated"): 4, ("patch", "plain"): 2, ("patch", "treated"): 3}
    assert len(study) == len(list(study.runs())) == 13


@pytest.mark.parametrize("cohort", [None, nk.Cohort(donors=2, cells=3)])
def test_samples_go_with_conditions_experiments_and_cohorts(cohort: nk.Cohort | None) -> None:
    design = nk.Sobol({"TRPM3.density": nk.LogNormal("1 1/pF", cv="30 %"), "imaging.pregs": nk.Uniform("10 uM", "50 uM")}, samples=3)
    study = nk.Study(TREATED, {"imaging": IMAGING, "patch": PATCH}, design=design, cohort=cohort)
    runs = list(study.runs())
    assert len(runs) == len(study) == 2 * 2 * 3 * (1 if cohort is None else 6)
    assert {r.varied["TRPM3.density"] for r in runs} == set(study.vary["TRPM3.density"])
    assert "sobol: 3 samples, seed 0" in repr(study)


@pytest.mark.parametrize("kind", [nk.Sobol, nk.Halton, nk.LatinHypercube, nk.MonteCarlo])
def test_a_study_with_more_samples_has_the_runs_of_the_smaller_one(kind: type[nk.Sobol]) -> None:
    design = kind({"TRPM3.density": nk.LogUniform("0.5 1/pF", "2 1/pF")}, samples=3, seed=5)
    few, many = (nk.Study(CELL, {"imaging": IMAGING}, design=d) for d in (design, design.extended(6)))
    assert [r.id for r in many.runs()][:3] == [r.id for r in few.runs()]


def test_a_parameter_out_of_range_costs_its_own_run() -> None:
    study = nk.Study(CELL, {"imaging": IMAGING}, design=nk.Listed([{"TRPM3.density": 1.0}, {"TRPM3.density": -1.0}]))
    good, bad = study.runs()
    assert not good.failure
    assert "expected at least 0" in bad.failure
    assert nk.run(study)["imaging"].status == ["ok", "not_run"]


def test_a_value_out_of_the_bounds_of_a_field_is_refused_at_once_in_a_million_samples() -> None:
    with pytest.raises(ParameterError, match=r"variation of imaging\.pregs: got calcium_imaging\.pregs = -") as caught:
        nk.Study(CELL, {"imaging": IMAGING}, design=nk.MonteCarlo({"imaging.pregs": nk.Normal("50 uM", "20 uM")}, samples=1_000_000))
    assert caught.value.name == "imaging.pregs"


def test_settings_that_do_not_fit_together_cost_their_own_runs_beyond_those_that_are_tried() -> None:
    fits = {"patch.ramp_from": -120.0, "patch.inward_at": -100.0}
    rows = [{**fits, "patch.wash": 10.0 + 0.01 * i} for i in range(2500)]
    rows[2400] = {"patch.ramp_from": -100.0, "patch.inward_at": -110.0, "patch.wash": 20.0}
    rows[5] = {"patch.ramp_from": -120.0, "patch.inward_at": -115.0, "patch.wash": 10.0}  # so that the extremes of each field are other points
    rows[6] = {"patch.ramp_from": -90.0, "patch.inward_at": -80.0, "patch.wash": 10.0}
    study = nk.Study(CELL, {"patch": PATCH}, design=nk.Listed(rows))
    failed = {i: r.failure for i, r in enumerate(study.runs()) if r.failure}
    assert list(failed) == [2400]
    assert "within the ramp" in failed[2400]


def test_a_million_samples_cost_a_study_flat_arrays() -> None:
    study = nk.Study(TREATED, {"imaging": IMAGING}, design=nk.Sobol({"TRPM3.density": nk.Uniform(0.5, 2.0), "cm": nk.Uniform(2.0, 3.0)}, samples=1_000_000))
    assert len(study) == 2_000_000
    _, first = study.points_table("imaging", TREATED[0])
    _, second = study.points_table("imaging", TREATED[1])
    assert first is second, "cases that see the same points share them"
    assert first.nbytes == 16_000_000


@given(st.lists(st.tuples(*[st.sampled_from([0.0, -0.0, 1.0, float("nan"), 5e-324])] * 2), min_size=1, max_size=40))
@settings(deadline=None)
def test_different_rows_are_those_that_print_differently_in_order_of_appearance_once_zero_has_no_sign(rows: list[tuple[float, float]]) -> None:
    wanted = list({tuple(repr(value + 0.0) for value in row): tuple(value + 0.0 for value in row) for row in rows}.values())
    assert list(map(repr, map(tuple, distinct_rows(np.array(rows)).tolist()))) == list(map(repr, wanted))


def test_zeros_of_both_signs_are_one_point_so_that_no_two_runs_have_one_key() -> None:
    plan = Plan(nk.Study(CELL, {"imaging": IMAGING}, design=nk.Table({"TRPM3.d_max": [-0.0, 0.0, 0.5]})))
    assert len(plan) == 2
    assert len(set(plan.keys.tolist())) == len(plan)
    assert str(plan.study.points("imaging")[0]["TRPM3.d_max"]) == "0.0"


def test_many_temperatures_get_two_notes() -> None:
    def notes(samples: int) -> int:
        design = nk.Halton({"temperature": nk.Uniform("30 degC", "37 degC")}, samples=samples)
        return len(nk.Study(CELL, {"imaging": IMAGING}, design=design).notes("imaging"))

    assert (notes(5), notes(500)) == (5, 2)


@pytest.mark.parametrize(
    ("options", "said", "name"),
    [
        ({"vary": {"cm": [2.0]}, "design": nk.Grid({})}, "give one of them", "design"),
        ({"design": {"cm": [2.0]}}, "expected a design such as", "design"),
        ({"design": nk.Sobol({"TRPM3.densty": nk.Uniform(1.0, 2.0)}, samples=2)}, "did you mean", "TRPM3.densty"),
        ({"design": nk.Sobol({"imaging.pergs": nk.Uniform(1.0, 2.0)}, samples=2)}, "CalciumImaging has", "imaging.pergs"),
        ({"design": nk.Zip({"cm": ["2 mV"]})}, "expected a capacitance", "cm"),
        ({"design": nk.Listed([{}, {"cm": None}])}, "point 1: got a variation of 'cm' with None; expected numbers in pF", "cm"),
        ({"design": nk.Table({"cm [mV]": [2.0]})}, "expected a capacitance", "cm"),
    ],
)
def test_a_design_that_does_not_fit_a_study_is_refused(options: dict[str, object], said: str, name: str) -> None:
    with pytest.raises(ParameterError, match=said) as caught:
        nk.Study(CELL, {"imaging": IMAGING}, **options)  # type: ignore[arg-type]
    assert caught.value.name == name


def test_a_donor_of_a_table_is_not_sampled_as_well() -> None:
    cohort = nk.Cohort(donors=1, cells=1, table={"primary_nk": {"D1": {"cm": 2.0}}})
    with pytest.raises(ParameterError, match="vary it or give it"):
        nk.Study(nk.Case("c", CELL, group="primary_nk"), {"imaging": IMAGING}, cohort=cohort, design=nk.Sobol({"cm": nk.Uniform(2.0, 3.0)}, samples=2))
