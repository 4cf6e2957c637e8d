"""Virtual cohorts: draws that depend on names alone, variances at their own level, paired treatments, and clear refusals."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nkcell_sim as nk
from nkcell_sim.config import parse_config
from nkcell_sim.errors import ConfigError, ParameterError
from nkcell_sim.results import Results

DENSITY = "TRPM3.density"
CONFIG = """
seed = 5
[cohort]
donors = 2
cells = 2
[[cohort.spread]]
key = "TRPM3.density"
donors = "30 %"
cells = "20 %"
[[condition]]
name = "healthy"
[[condition]]
name = "ME/CFS"
phenotype = "me_cfs"
[[condition]]
name = "ME/CFS + NTX"
phenotype = "me_cfs"
incubate = { ntx = "200 uM", duration = "24 h" }
[experiment.patch]
type = "patch_clamp"
ntx_in_bath = "kept"
pregs = ["100 uM"]
ononetin = "0 uM"
break_in = "20 s"
application = "20 s"
"""


@pytest.fixture(scope="module")
def healthy() -> nk.Cell:
    return nk.primary_nk_cell()


@pytest.fixture(scope="module")
def study() -> nk.Study:
    return parse_config(CONFIG).study


@pytest.fixture(scope="module")
def results(study: nk.Study) -> Results:
    return nk.run(study)


def drawn(cohort: nk.Cohort, cell: nk.Cell, key: str = DENSITY, group: str = "healthy") -> np.ndarray:
    """Values of a parameter, (donors, cells)."""
    values = [m.changed[key] for m in cohort.members(group, cell, "case", "patch")]
    return np.array(values).reshape(-1, cohort.cells)


def test_threads_that_share_a_cohort_draw_the_numbers_of_one_alone(healthy: nk.Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn_by(cohort: nk.Cohort, indices: range) -> list[tuple[float, object]]:
        found = (cohort.member("healthy", healthy, i, "case", "patch") for i in indices)
        return [(m.changed[DENSITY], dict(m.labels)) for m in found]

    monkeypatch.setattr("nkcell_sim.study.cohort.REMEMBERED", 8)  # so that threads also empty what others remember
    cohort = nk.Cohort(donors=40, cells=4, spread=(nk.Spread(key=DENSITY, donors=0.5, cells=0.2),), seed=3)
    alone = drawn_by(cohort, range(160))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(10):
                shared = replace(cohort)  # remembers nothing yet
                parts = list(pool.map(lambda k: drawn_by(shared, range(40 * k, 40 * k + 40)), range(4)))  # noqa: B023 (map is done here)
                assert [each for part in parts for each in part] == alone
    finally:
        sys.setswitchinterval(before)


def test_variances_between_donors_and_between_cells_are_the_declared_ones(healthy: nk.Cell) -> None:
    cohort = nk.Cohort(donors=1500, cells=4, spread=(nk.Spread(key=DENSITY, donors=0.4, cells=0.25),))
    logs = np.log(drawn(cohort, healthy))
    within = logs.var(axis=1, ddof=1).mean()
    between = logs.mean(axis=1).var(ddof=1) - within / 4
    # lognormal: s^2 = ln(1 + cv^2); relative standard errors sqrt(2/4500) and about sqrt(2/1500); five of them
    assert within == pytest.approx(np.log1p(0.25**2), rel=5 * np.sqrt(2 / 4500))
    assert between == pytest.approx(np.log1p(0.4**2), rel=5 * 1.2 * np.sqrt(2 / 1500))
    assert np.median(np.exp(logs)) == pytest.approx(1.0, abs=5 * 1.25 * 0.45 / np.sqrt(1500))


def test_a_correlation_holds_between_donors_and_between_cells(healthy: nk.Cell) -> None:
    spread = (nk.Spread(key=DENSITY, donors=0.3, cells=0.3), nk.Spread(key="cm", donors=0.2, cells=0.2))
    cohort = nk.Cohort(donors=1500, cells=2, spread=spread, correlations=((DENSITY, "cm", 0.7),))
    a, b = np.log(drawn(cohort, healthy)), np.log(drawn(cohort, healthy, "cm"))
    # standard error of a correlation (1 - r^2)/sqrt(n) = 0.013; four of them
    assert np.corrcoef(a.mean(axis=1), b.mean(axis=1))[0, 1] == pytest.approx(0.7, abs=0.055)
    assert np.corrcoef(np.diff(a, axis=1).ravel(), np.diff(b, axis=1).ravel())[0, 1] == pytest.approx(0.7, abs=0.055)


def test_a_truncated_spread_keeps_its_cuts_and_has_the_truncated_mean(healthy: nk.Cell) -> None:
    from scipy.stats import truncnorm

    cohort = nk.Cohort(donors=2000, cells=1, spread=(nk.Spread(key=DENSITY, donors=0.8, distribution="truncated", low=0.5, high=2.5),))
    values = drawn(cohort, healthy)
    assert values.min() >= 0.5
    assert values.max() <= 2.5
    expected = truncnorm(-0.5 / 0.8, 1.5 / 0.8, loc=1.0, scale=0.8)
    assert values.mean() == pytest.approx(expected.mean(), abs=4 * expected.std() / np.sqrt(2000))


def test_more_donors_cells_or_spreads_change_no_earlier_draw(healthy: nk.Cell) -> None:
    small = nk.Cohort(donors=3, cells=2, spread=(nk.Spread(key=DENSITY, donors=0.4, cells=0.25),))
    large = replace(small, donors=6, cells=5, spread=(*small.spread, nk.Spread(key="cm", donors=0.1)))
    assert np.array_equal(drawn(large, healthy)[:3, :2], drawn(small, healthy))
    assert not np.array_equal(drawn(replace(small, seed=1), healthy), drawn(small, healthy))


@given(st.floats(0.0, 1.5), st.floats(0.0, 1.5), st.integers(0, 2**40))
@settings(max_examples=25, deadline=None)
def test_a_lognormal_draw_is_positive_whatever_the_variance(donors: float, cells: float, seed: int) -> None:
    cell = nk.primary_nk_cell()
    cohort = nk.Cohort(donors=3, cells=3, spread=(nk.Spread(key=DENSITY, donors=donors, cells=cells),), seed=seed)
    assert (drawn(cohort, cell) > 0.0).all()


def test_conditions_of_a_group_share_donors_and_not_cells(study: nk.Study) -> None:
    runs = list(study.runs())
    assert len(runs) == len(study) == 12
    by_case = {name: [r for r in runs if r.case == name] for name in ("ME/CFS", "ME/CFS + NTX")}
    assert [r.labels["donor"] for r in by_case["ME/CFS"]] == [r.labels["donor"] for r in by_case["ME/CFS + NTX"]]
    density = {name: [r.cell.parameter(DENSITY) for r in rows] for name, rows in by_case.items()}
    assert not set(density["ME/CFS"]) & set(density["ME/CFS + NTX"])


def test_matched_donors_are_a_pair_of_one_sex_and_about_one_age(study: nk.Study) -> None:
    labels = {(r.labels["group"], r.labels["donor"]): r.labels for r in study.runs()}
    pairs: dict[object, list[dict[str, str | float]]] = {}
    for each in labels.values():
        pairs.setdefault(each["pair"], []).append(each)
    assert all(len(p) == 2 and p[0]["sex"] == p[1]["sex"] and abs(float(p[0]["age"]) - float(p[1]["age"])) <= 2.0 for p in pairs.values())


def test_a_run_alone_has_the_numbers_it_has_in_the_cohort(study: nk.Study, results: Results) -> None:
    run = list(study.runs())[7]
    assert run.treatment is None
    alone = nk.run(nk.Study(nk.Case("one", run.cell), {"patch": run.setup}, solver=run.solver))
    assert alone["patch"]["pregs_1_outward"][0] == results["patch"]["pregs_1_outward"][7]


def test_one_and_two_threads_give_the_same_cohort(study: nk.Study, results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    from nkcell_sim.results import compare

    monkeypatch.setenv("NKCELL_THREADS", "2")
    two = nk.run(study)
    monkeypatch.setenv("NKCELL_THREADS", "1")
    assert compare(two.root, nk.run(study).root).equal


def test_labels_survive_the_file_and_the_configuration_inside_repeats_it(tmp_path: Path, results: Results) -> None:
    path = results.save(tmp_path / "cohort.h5")
    kept = nk.open_results(path)["patch"]
    assert kept.labels == results["patch"].labels
    assert set(kept.labels) == {"group", "donor", "cell", "age", "sex", "pair"}
    resolved = parse_config(CONFIG).resolved
    assert parse_config(resolved).resolved == resolved
    assert [r.id for r in parse_config(resolved).study.runs()] == [r.id for r in parse_config(CONFIG).study.runs()]


def test_donors_of_a_table_have_their_values(tmp_path: Path) -> None:
    (tmp_path / "donors.csv").write_text("group,donor,TRPM3.density [1/pF]\nhealthy,A,1.5\nhealthy,B,0.5\n")
    config = tmp_path / "c.toml"
    config.write_text(CONFIG.replace("donors = 2", 'donors = 2\ntable = "donors.csv"').replace('key = "TRPM3.density"', 'key = "cm"'))
    from nkcell_sim.config import load_config

    loaded = load_config(config)
    found = {r.labels["donor"]: r.cell.parameter(DENSITY) for r in loaded.study.runs() if r.labels["group"] == "healthy"}
    assert found == {"A": 1.5, "B": 0.5}
    again = parse_config(loaded.resolved)  # the table is inside: the file is not needed any more
    assert [r.id for r in again.study.runs()] == [r.id for r in loaded.study.runs()]


def test_a_draw_without_a_rest_is_a_run_that_says_why() -> None:
    cell = nk.primary_nk_cell()
    cohort = nk.Cohort(donors=1, cells=1, table={"healthy": {"leaky": {"PMCA.v_max": 0.05}}})
    found = nk.run(nk.Study(nk.Case("healthy", cell), nk.CalciumImaging(ntx_in_bath="kept"), cohort=cohort))["calcium_imaging"]
    assert found.status == ["not_run"]
    assert "PMCA" in found.failure(0) or "rest" in found.failure(0)


WRONG = {
    "zero cells": ("cells = 2", "cells = 0", "whole number from 1"),
    "negative donors": ("donors = 2", "donors = -1", "whole number from 1"),
    "a fraction of a donor": ("donors = 2", "donors = 1.5", "donors"),
    "negative variance": ('donors = "30 %"', 'donors = "-30 %"', "coefficient of variation"),
    "a variance that breaks positivity": ('donors = "30 %"', 'donors = "30 %"\ndistribution = "normal"', "leaves its range"),
    "unknown parameter": ('key = "TRPM3.density"', 'key = "TRPM3.densiti"', "did you mean"),
    "unknown key": ("cells = 2", "cels = 2", "did you mean"),
    "a spread named twice": ("[[condition]]\nname = \"healthy\"", '[[cohort.spread]]\nkey = "TRPM3.density"\n[[condition]]\nname = "healthy"', "two spreads"),
    "a group that is not there": ("donors = 2", "donors = { controls = 3 }", "'controls'"),
    "a condition named twice": ('name = "ME/CFS + NTX"', 'name = "ME/CFS"', "duplicate name"),
    "cuts in the wrong order": ('donors = "30 %"', 'donors = "30 %"\ndistribution = "truncated"\nlow = "2 1/pF"\nhigh = "1 1/pF"', "low < high"),
    "seed": ("seed = 5", "seed = -5", "seed"),
    "no such table": ("donors = 2", 'donors = 2\ntable = "nowhere.csv"', "cannot read this table"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_cohort_is_one_clear_error_at_its_line(case: str) -> None:
    old, new, said = WRONG[case]
    assert old in CONFIG
    with pytest.raises(ConfigError, match=said) as caught:
        parse_config(CONFIG.replace(old, new, 1), "cohort.toml")
    assert caught.value.line, str(caught.value)


def test_correlations_that_cannot_hold_together_are_refused() -> None:
    keys = (DENSITY, "cm", "PMCA.v_max")
    spread = tuple(nk.Spread(key=k, donors=0.1) for k in keys)
    with pytest.raises(ParameterError, match="positive definite"):
        nk.Cohort(spread=spread, correlations=((keys[0], keys[1], 0.9), (keys[1], keys[2], 0.9), (keys[0], keys[2], -0.9)))


def test_a_course_of_a_cell_without_a_rest_costs_only_its_own_run() -> None:
    cell = nk.primary_nk_cell()
    cohort = nk.Cohort(donors=2, cells=1, table={"healthy": {"leaky": {"PMCA.v_max": 0.05}}})
    found = nk.run(nk.Study(nk.Case("healthy", cell), nk.NaltrexoneCourse(doses=1), cohort=cohort))["naltrexone_course"]
    assert found.status == ["not_run", "ok"]
    assert np.isfinite(found["current_end"][1])


def test_a_key_is_varied_or_given_to_donors_but_not_both() -> None:
    cohort = nk.Cohort(donors=2, cells=1, table={"healthy": {"D1": {DENSITY: 0.3}}})
    with pytest.raises(ParameterError, match=r"D1.*vary it or give it, not both"):
        nk.Study(nk.Case("healthy", nk.primary_nk_cell()), nk.NaltrexoneCourse(doses=1), vary={DENSITY: [0.1, 0.2]}, cohort=cohort)


def test_a_varied_value_out_of_bounds_costs_only_the_runs_of_its_point() -> None:
    cohort = nk.Cohort(donors=2, cells=1, spread=(nk.Spread(key=DENSITY, donors=0.1),))
    found = nk.run(nk.Study(nk.Case("healthy", nk.primary_nk_cell()), nk.NaltrexoneCourse(doses=1), vary={"PMCA.v_max": [-1.0, 8.0]}, cohort=cohort))
    outcomes = found["naltrexone_course"].status
    assert outcomes[:2] == ["not_run", "not_run"], outcomes
    assert outcomes[2:] == ["ok", "ok"], outcomes
