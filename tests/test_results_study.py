"""From a study to its file and back: runs, grids, failed runs, warnings, and the repeat that must be equal to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray

import nkcell_sim as nk
from nkcell_sim.config import parse_config
from nkcell_sim.errors import ParameterError, ResultsError
from nkcell_sim.experiments import Rest, run_experiment
from nkcell_sim.results import Results, compare, open_results
from nkcell_sim.solver import Solver

SHORT = nk.CalciumImaging(ntx_in_bath="kept", baseline="5 s", application="20 s", recovery="10 s")
CELL = nk.primary_nk_cell()
CASES = (nk.Case("healthy", CELL), nk.Case("ME/CFS", CELL.with_phenotype("me_cfs")))


@pytest.fixture(scope="module")
def results() -> Results:
    return nk.run(nk.Study(CASES, {"imaging": SHORT, "rest": Rest(duration="30 s")}, vary={"imaging.pregs": ["20 uM", "50 uM"]}, title="short"))


def test_a_study_has_the_numbers_of_its_experiments(results: Results) -> None:
    from nkcell_sim.experiments.settling import settle

    alone = run_experiment(settle([CELL]), nk.CalciumImaging(ntx_in_bath="kept", pregs="50 uM", baseline="5 s", application="20 s", recovery="10 s"))
    imaging = results["imaging"]
    assert imaging.cases == ["healthy", "healthy", "ME/CFS", "ME/CFS"]
    assert imaging.varied["imaging.pregs"].tolist() == [20.0, 50.0, 20.0, 50.0]
    # neighbours in a batch must not change a run: same bits
    assert np.array_equal(imaging["ca_cyt"][1], alone.trace["ca_cyt"][0])
    assert imaging["ca_amplitude"][1] == alone.features["ca_amplitude"].values[0]
    assert len(results["rest"].status) == 2
    assert results["rest"].varied == {}


def test_a_file_holds_what_is_needed_to_understand_it(results: Results, tmp_path: Path) -> None:
    back = open_results(results.save(tmp_path / "short.h5"))
    assert compare(results.root, back.root).equal
    imaging = back["imaging"]
    assert imaging.status == ["ok"] * 4
    assert len(set(imaging.run_ids)) == 4
    assert imaging.units["ca_cyt"] == "uM"
    assert imaging.units["imaging.pregs"] == "uM"
    assert imaging.parameter("Dye.total").tolist() == [20.0] * 4, "parameters are those of the cell as it was recorded, dye included"
    assert imaging.settings["application"] == "20 s"
    assert "pregs" not in imaging.settings
    protocol = imaging.group.groups["protocol"].variables
    assert protocol["protocol_of_run"].values.tolist() == [0, 1, 0, 1]
    assert protocol["pregs"].values.max(axis=1).tolist() == [20.0, 50.0]
    at_onset = np.flatnonzero(imaging.time == 5.0)[0]
    assert protocol["pregs"].values[0, at_onset : at_onset + 2].tolist() == [0.0, 20.0], "at an edge the value before it, as in the traces"
    assert imaging.phases[0][:2] == (5.0, 25.0)
    assert back.provenance["resources"]["runs"] == 6
    assert repr(back).startswith("Results 'short' (model output)")


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_a_real_file_opens_in_xarray(results: Results, tmp_path: Path, engine: str) -> None:
    with xarray.open_datatree(results.save(tmp_path / "short.h5"), engine=engine) as opened:
        xarray.testing.assert_equal(opened.load(), results.to_xarray())
        value = opened["imaging/parameters"]["value"].sel(parameter="TRPM3.density")
        assert value.values.tolist() == [1.0] * 4


def test_different_sampling_keeps_every_run_on_its_own_times() -> None:
    results = nk.run(nk.Study(CELL, {"rest": Rest(sampling="5 s")}, vary={"rest.duration": ["10 s", "20 s"]}))
    rest = results["rest"]
    assert rest.time.shape == rest["v"].shape == (2, 5)
    assert np.isnan(rest.time[0, 3:]).all()
    assert rest.time[1].tolist() == [0.0, 5.0, 10.0, 15.0, 20.0]


def test_a_varied_parameter_is_part_of_the_calibrated_rest() -> None:
    study = nk.Study(CELL, {"rest": Rest(duration="10 s")}, vary={"TRPM3.density": [0.4, 1.0]})
    low, same = (run.cell for run in study.runs())
    assert low.parameter("CalciumBackground.permeability") > same.parameter("CalciumBackground.permeability")
    # the same density again solves the same linear system; its rounding is a few units in the last place
    assert same.parameter("CalciumBackground.permeability") == pytest.approx(CELL.parameter("CalciumBackground.permeability"), rel=1e-12)


def test_every_value_carries_its_own_evidence() -> None:
    sick = CELL.with_phenotype("me_cfs")
    changed = nk.Case("changed", sick.set({"KCa31.g_max": "0.5 nS"}))
    rest = nk.run(nk.Study([nk.Case("healthy", CELL), changed], {"rest": Rest(duration="10 s")}))["rest"]
    for key in CELL.composition.parameters:
        assert rest.origin(key) == [CELL.origin(key), changed.cell.origin(key)], key
    assert rest.origin("KCa31.g_max")[0] != rest.origin("KCa31.g_max")[1] == ("A", "set by the user")
    with pytest.raises(ResultsError, match=r"did you mean 'KCa31.g_max'"):
        rest.parameter("KCa31.gmax")


def test_an_incubated_case_is_the_cell_after_its_incubation() -> None:
    sick = CELL.with_phenotype("me_cfs")
    incubation = nk.Incubation(ntx="200 uM", duration="24 h")
    results = nk.run(nk.Study([nk.Case("kept", sick, incubation), nk.Case("bare", sick)], {"imaging": SHORT}))
    alone = run_experiment(incubation.apply(sick), SHORT)
    assert np.array_equal(results["imaging"]["ca_cyt"][0], alone.trace["ca_cyt"][0])
    inputs = results["imaging"].group.groups["inputs"].variables
    assert inputs["value"].values[:, list(inputs["input"].values).index("ntx")].tolist() == [2e5, 0.0], "nM left in the bath"
    assert results["imaging"]["ca_amplitude"][0] > results["imaging"]["ca_amplitude"][1]


def test_a_failed_run_is_kept_as_nan_with_its_status(tmp_path: Path) -> None:
    results = nk.run(nk.Study(CELL, {"imaging": SHORT}, solver=Solver(max_steps=5)), save=tmp_path / "failed.h5")
    back = open_results(tmp_path / "failed.h5")
    assert back["imaging"].status == ["step_limit"]
    assert np.isnan(back["imaging"]["ca_cyt"]).all()
    assert back.failed == results.failed == [("imaging", 0, "step_limit")]
    reached = back["imaging"].group.variables["time_reached"].values[0]
    assert 0.0 <= reached < SHORT.protocol().duration


def test_a_driven_input_has_the_evidence_of_its_value(results: Results) -> None:
    protocol = results["imaging"].group.groups["protocol"].variables
    assert protocol["pregs"].attributes["evidence"] == "A"
    for name, variable in protocol.items():
        if variable.attributes.get("role") == "input":
            declared = CELL.composition.inputs[name]
            usual = np.allclose(variable.values, float(declared.default), rtol=1e-9, atol=0.0)
            assert variable.attributes["evidence"] == (declared.evidence if usual else "A"), name
            assert usual or variable.attributes["source"] == "set by the protocol, unconfirmed"


def test_condition_and_varied_values_are_coordinates(results: Results, tmp_path: Path) -> None:
    path = results.save(tmp_path / "c.h5")
    for engine in ("h5netcdf", "netcdf4"):
        with xarray.open_dataset(path, group="imaging", engine=engine) as data:
            assert {"case", "run_id", "vary.imaging.pregs"} <= set(data.coords)
            assert data["ca_cyt"].swap_dims(run="case").sel(case="ME/CFS").shape[0] == 2


def test_an_experiment_cannot_take_the_name_of_a_reserved_group(results: Results) -> None:
    from nkcell_sim.results import assemble

    for name in ("provenance", "targets"):
        with pytest.raises(ResultsError, match=f"an experiment named '{name}'"):
            assemble("x", {name: []}, units={}, provenance={})


def test_progress_ends_at_the_total() -> None:
    calls: list[tuple[int, int]] = []
    nk.run(nk.Study(CELL, {"rest": Rest(duration="10 s")}, vary={"rest.duration": ["5 s", "10 s", "15 s"]}), progress=lambda d, t, w: calls.append((d, t)))
    assert calls[0] == (0, 3)
    assert calls[-1] == (3, 3)
    assert calls == sorted(calls)


def test_the_configuration_inside_a_file_repeats_it_to_the_bit(tmp_path: Path) -> None:
    text = '[[condition]]\nname = "ME/CFS"\nphenotype = "me_cfs"\n[experiment.imaging]\ntype = "calcium_imaging"\nntx_in_bath = "kept"\nrecovery = "7 s"\n'
    config = parse_config(text)
    nk.run(config.study, save=tmp_path / "a.h5", config=config.resolved)
    before = open_results(tmp_path / "a.h5")
    again = parse_config(before.config)
    assert compare(before.root, nk.run(again.study, config=again.resolved).root).equal


def test_targets_travel_with_the_results(results: Results, tmp_path: Path) -> None:
    rows = [{"id": "T1", "value": 1.5, "verdict": "pass"}, {"id": "T2", "value": float("nan"), "verdict": "not testable"}]
    back = open_results(results.with_targets(rows).save(tmp_path / "t.h5"))
    assert [{k: row[k] for k in ("id", "verdict")} for row in back.targets] == [{k: row[k] for k in ("id", "verdict")} for row in rows]
    assert back.targets[0]["value"] == 1.5
    assert np.isnan(back.targets[1]["value"])
    assert list(back.experiments) == ["imaging", "rest"]
    assert results.targets == []


def test_a_study_refuses_what_it_cannot_name(results: Results) -> None:
    with pytest.raises(ParameterError, match="several cases named 'healthy'"):
        nk.Study([CASES[0], CASES[0]], SHORT)
    with pytest.raises(ParameterError, match="at least one"):
        nk.Study([], SHORT)
    with pytest.raises(ParameterError, match=r"without '.' and '/'"):
        nk.Study(CELL, {"a/b": SHORT})
    with pytest.raises(ParameterError, match=r"did you mean 'TRPM3.density'"):
        nk.Study(CELL, SHORT, vary={"TRPM3.densty": [1.0]})
    with pytest.raises(ResultsError, match="no experiment 'patch'"):
        results["patch"]
    with pytest.raises(ResultsError, match=r"it has .*ca_amplitude"):
        results["imaging"]["ca_amplitud"]


def test_points_of_a_grid_that_cannot_start_or_end_cost_only_themselves() -> None:
    # 2.725 channels per pF flood the cell under 100 uM; 60 per pF leave no reachable rest
    imaging = nk.CalciumImaging(ntx_in_bath="kept", pregs="100 uM", application="600 s")
    study = nk.Study(nk.primary_nk_cell(), imaging, vary={"TRPM3.density": [1.0, 2.725, 60.0, 0.5]})
    runs = nk.run(study).experiments["calcium_imaging"]
    assert list(runs.status) == ["ok", "out_of_range", "not_run", "ok"]
    amplitudes = runs["ca_amplitude"]
    assert np.isfinite(amplitudes[[0, 3]]).all()
    assert np.isnan(amplitudes[[1, 2]]).all()
    said = {i: text for i, text in runs.warnings if i in (1, 2)}
    assert "out_of_range" in said[1]
    assert "the wanted rest cannot be reached" in said[2]
    alone = nk.run(nk.Study(nk.primary_nk_cell(), imaging, vary={"TRPM3.density": [0.5]})).experiments["calcium_imaging"]
    assert alone["ca_amplitude"][0] == amplitudes[3]
