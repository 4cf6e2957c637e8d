"""Error bars of measures: what an experiment reads from its trace, read once more from a tighter one."""

from __future__ import annotations

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.config import parse_config
from nkcell_sim.experiments import run_experiment
from nkcell_sim.results import open_results
from nkcell_sim.show import results_text
from nkcell_sim.solver import Solver

CELL = nk.primary_nk_cell()
SHORT = nk.CalciumImaging(ntx_in_bath="kept", baseline="5 s", application="20 s", recovery="10 s")


def test_the_error_of_a_measure_is_its_distance_from_the_true_one() -> None:
    loose = run_experiment(CELL, SHORT, rtol=1e-4, error_bars=True)
    true = run_experiment(CELL, SHORT, rtol=1e-11)
    for name in ("ca_amplitude", "ca_half_time", "f_area", "na_end", "v_max"):
        distance = np.abs(loose.features[name].values - true.features[name].values)
        # the companion at rtol/100 is itself wrong by some per cent of the difference
        assert loose.errors[name] == pytest.approx(distance, rel=0.3)
    assert "numerical error" in repr(loose)


def test_without_error_bars_there_are_none() -> None:
    assert run_experiment(CELL, SHORT).errors == {}


@pytest.fixture(scope="module")
def study() -> nk.Study:
    doomed = nk.Case("doomed", CELL.set({"Electrode.r_series": "0.1 Mohm"}))
    return nk.Study([nk.Case("cell", CELL), doomed], SHORT, vary={"TRPM3.density": [0.5, 1.0]}, solver=Solver(error_bars=True))


def test_every_measure_of_a_study_has_its_error_beside_it_in_the_file(study: nk.Study, tmp_path) -> None:
    results = nk.run(study, save=tmp_path / "study.h5")
    runs = open_results(tmp_path / "study.h5")["calcium_imaging"]
    assert runs.numerical_errors.keys() == set(runs.features)
    variable = runs.group.variables["ca_amplitude_numerical_error"]
    assert (variable.attributes["units"], variable.attributes["role"]) == ("nM", "numerical_error")
    assert np.all(runs.numerical_errors["ca_amplitude"] > 0.0)
    assert np.all(runs.numerical_errors["ca_amplitude"] < 1e-4 * runs["ca_amplitude"])
    for name, values in results["calcium_imaging"].numerical_errors.items():
        assert np.array_equal(values, runs.numerical_errors[name], equal_nan=True)
    assert "numerical error" in results_text(open_results(tmp_path / "study.h5"))


def test_error_bars_change_neither_the_numbers_nor_the_identity_of_a_run(study: nk.Study) -> None:
    plain = nk.Study(study.cases, study.experiments, vary=study.vary)
    assert [r.id for r in plain.runs()] == [r.id for r in study.runs()]
    a, b = nk.run(plain)["calcium_imaging"], nk.run(study)["calcium_imaging"]
    assert all(np.array_equal(a[name], b[name], equal_nan=True) for name in a.features)


def test_a_failed_companion_gives_an_unknown_error_and_keeps_the_result() -> None:
    # the run itself fits into its steps, the tighter one does not
    steps = run_experiment(CELL, SHORT).trace.outcomes[0].steps
    result = run_experiment(CELL, SHORT, error_bars=True, max_steps=steps + 40)
    assert result.trace.status == ["ok"]
    assert np.isfinite(result.features["ca_amplitude"].values[0])
    assert np.isnan(result.errors["ca_amplitude"][0])


def test_a_configuration_asks_for_error_bars_and_retries_by_name() -> None:
    text = '[experiment.rest]\ntype = "rest"\nduration = "60 s"\n[solver]\nerror_bars = true\ntightening = 1000\nretry = false\nmax_steps_per_second = 1e4\n'
    config = parse_config(text)
    assert config.study.solver == Solver(error_bars=True, tightening=1000.0, retry=False, max_steps_per_second=1e4)
    assert parse_config(config.resolved).study.solver == config.study.solver
