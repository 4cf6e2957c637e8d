"""The course of oral naltrexone as a recording: features against their definitions, and its place among the experiments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.experiments import EXPERIMENTS, NaltrexoneCourse, run_experiment
from nkcell_sim.experiments.naltrexone_course import _time_above, healthy_current

HOUR = 3600.0


@pytest.fixture(scope="module")
def cells():
    return [nk.primary_nk_cell().with_phenotype(p) for p in ("healthy", "me_cfs", "me_cfs_channel_number")]


@pytest.fixture(scope="module")
def single(cells):
    return run_experiment(cells, NaltrexoneCourse(doses=1))


def test_a_course_is_an_experiment():
    assert EXPERIMENTS["naltrexone_course"] is NaltrexoneCourse


def test_features_of_one_dose_are_the_published_numbers(single):
    f = {name: feature.values[1] for name, feature in single.features.items()}
    assert f["ntx_peak"] == pytest.approx(3.5, abs=0.05)
    assert f["naltrexol_peak"] == pytest.approx(28.0, abs=0.5)
    assert f["ntx_peak_time"] == pytest.approx(1.0, abs=0.05)
    assert f["naltrexol_peak_time"] == pytest.approx(1.4, abs=0.05)
    assert f["hours_half_blocked"] == pytest.approx(5.0, abs=0.5)
    assert [f[f"occupancy_{h}h"] for h in (1, 3, 6, 12, 24)] == pytest.approx([0.57, 0.54, 0.49, 0.40, 0.25], abs=0.005)
    assert f["opioid_peak"] == pytest.approx(1.6, abs=0.05)


def test_shares_are_relative_to_the_healthy_cell_of_the_lesion(single):
    assert single.features["current_start"].values == pytest.approx([1.0, 0.40, 0.42], abs=0.005)


def test_engine_readings_equal_the_sampled_features(cells):
    course = NaltrexoneCourse(doses=2)
    found = run_experiment(cells[:1], course).features
    trace = nk.simulate(course.prepare_all(cells[:1]), course.protocol(), features=course.readings(), times=[])
    assert trace.features.keys() <= found.keys()
    for name, values in trace.features.items():
        # sampled every minute where the levels peak: 2e-5 of a peak that is flat over minutes
        assert values == pytest.approx(found[name].values, rel=1e-4)


def test_doses_and_reading_times_are_sampled():
    course = NaltrexoneCourse(dose_times=["0 h", "7.123 h"], hours_after="30 h")
    times = course.times()
    for hours in (0.0, 7.123, 1.0, 3.0, 6.0, 12.0, 24.0, 37.123):
        assert np.min(np.abs(times - hours * HOUR)) < 1e-6
    assert [label for *_, label in course.phases()] == ["4.5 mg", "4.5 mg"]


def test_the_healthy_reference_is_the_same_for_the_patient_and_the_healthy_cell(cells):
    healthy, patient, _ = NaltrexoneCourse().prepare_all(cells)
    assert healthy_current(patient) == healthy_current(healthy)


def test_time_above_a_level_is_linear_between_samples():
    t = np.array([0.0, 1.0, 2.0, 4.0])
    assert _time_above(t, np.array([0.0, 1.0, 1.0, 0.0]), 0.5) == pytest.approx(0.5 + 1.0 + 1.0)
    assert _time_above(t, np.zeros(4), 0.5) == 0.0
    assert _time_above(t, np.full(4, 0.5), 0.5) == 0.0
    assert np.isnan(_time_above(t, np.full(4, np.nan), 0.5))


def test_a_study_runs_courses_beside_each_other():
    cell = nk.primary_nk_cell().with_phenotype("me_cfs")
    results = nk.run(nk.Study([cell], {"week": NaltrexoneCourse(doses=7)}, vary={"week.dose": ["1.5 mg", "4.5 mg"]}))
    level = results["week"]["ntx_peak"]
    assert level[1] == pytest.approx(3.0 * level[0], rel=1e-4)


def test_a_cell_without_a_rest_costs_only_its_own_run():
    """30 channels per pF leave no reachable rest: that course is NaN with a reason, the other is kept."""
    cell = nk.primary_nk_cell()
    results = nk.run(nk.Study([cell], {"course": NaltrexoneCourse(doses=1)}, vary={"TRPM3.density": [1.0, 30.0]}))["course"]
    assert results.status == ["ok", "not_run"]
    for name in ("ntx_peak", "current_end"):
        kept, lost = results[name]
        assert np.isfinite(kept)
        assert np.isnan(lost)


def test_what_never_started_is_a_chain_in_a_body_too():
    course = NaltrexoneCourse(k_invivo=3.0)
    blank = course.stand_in(nk.primary_nk_cell())
    assert blank.composition.name == "opioid_chain_in_vivo"
    assert blank.parameter("MuOpioidReceptor.k_invivo") == 3.0


def test_the_page_prints_the_range_of_day_ten_when_all_tone_is_ambient_agonist():
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "naltrexone_in_the_body.md").read_text(encoding="utf-8")
    patient = nk.primary_nk_cell().with_phenotype("me_cfs")
    said = {"measured": "day ten is between {} and {} of healthy", "off": "({} to {} without a rebound", "claimed": "claimed size it is between {} and {}:"}
    for rebound, sentence in said.items():
        found = run_experiment(patient, NaltrexoneCourse(doses=10, agonist_share=1.0, rebound=rebound)).features
        ends = (f"{found[name].values[0]:.2f}" for name in ("current_least", "current_largest"))
        assert sentence.format(*ends) in page
