"""Designs: which points there are, that samples are added without changing the earlier ones, and how evenly they lie."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

import nkcell_sim as nk
from nkcell_sim.errors import ParameterError
from nkcell_sim.study.sampled_designs import SAMPLED

SEQUENCES = ["monte_carlo", "sobol", "halton"]
KEYS = ("a", "b", "c")
UNIT = {key: nk.Uniform(0.0, 1.0) for key in KEYS}


def shares(kind: str, samples: int, seed: int = 0, keys: tuple[str, ...] = KEYS) -> np.ndarray:
    return SAMPLED[kind]({key: nk.Uniform(0.0, 1.0) for key in keys}, samples=samples, seed=seed).table


# -- extension -----------------------------------------------------------------------------------------------------------


@given(st.sampled_from(SEQUENCES), st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**40))
@settings(deadline=None)
def test_a_larger_sample_begins_with_the_smaller_one(kind: str, few: int, more: int, seed: int) -> None:
    design = SAMPLED[kind](UNIT, samples=few, seed=seed)
    assert np.array_equal(design.extended(few + more).table[:few], design.table)


@given(st.integers(1, 60), st.integers(1, 4), st.integers(0, 2**40))
@settings(deadline=None)
def test_a_doubled_latin_hypercube_begins_with_the_smaller_one(samples: int, doublings: int, seed: int) -> None:
    design = nk.LatinHypercube(UNIT, samples=samples, seed=seed)
    assert np.array_equal(design.extended(samples * 2**doublings).table[:samples], design.table)


@given(st.integers(1, 2000), st.integers(0, 2**40))
@settings(deadline=None)
def test_every_stratum_of_every_key_holds_one_sample_of_a_latin_hypercube_at_every_doubled_size(samples: int, seed: int) -> None:
    table = shares("latin_hypercube", samples, seed)
    size = samples
    while True:
        for column in table[:size].T:
            assert np.array_equal(np.sort(np.floor(column * size)), np.arange(size))
        if size % 2:
            return
        size //= 2


def test_strata_hold_one_sample_each_at_a_million() -> None:
    column = shares("latin_hypercube", 1_000_000, keys=("a",))[:, 0]
    for size in (1_000_000, 500_000, 15_625):
        assert np.array_equal(np.sort(np.floor(column[:size] * size)), np.arange(size))


@pytest.mark.parametrize("kind", ["monte_carlo", "latin_hypercube", "halton"])
def test_another_key_changes_no_column_before_it(kind: str) -> None:
    assert np.array_equal(shares(kind, 24, keys=(*KEYS, "d"))[:, :3], shares(kind, 24))


@pytest.mark.parametrize("kind", ["monte_carlo", "latin_hypercube"])
def test_a_key_has_the_same_samples_wherever_it_stands(kind: str) -> None:
    assert np.array_equal(shares(kind, 24, keys=("c", "a"))[:, 1], shares(kind, 24)[:, 0])


@pytest.mark.parametrize("kind", SAMPLED)
def test_seeds_give_other_samples_and_keys_are_independent(kind: str) -> None:
    one, two = shares(kind, 64, seed=1), shares(kind, 64, seed=2)
    assert not np.isin(one, two).any()
    # 64 pairs: a correlation of independent columns is within 0.5 but for one in ten thousand
    assert np.abs(np.corrcoef(one.T) - np.eye(3)).max() < 0.5
    assert np.array_equal(one, shares(kind, 64, seed=1))


# -- evenness ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sobol", "halton", "latin_hypercube"])
def test_points_lie_more_evenly_than_random_ones(kind: str) -> None:
    for seed in range(5):
        assert qmc.discrepancy(shares(kind, 256, seed)) < qmc.discrepancy(shares("monte_carlo", 256, seed))


def test_a_power_of_two_of_sobol_points_is_balanced_in_every_key() -> None:
    for column in shares("sobol", 128).T:
        assert np.array_equal(np.sort(np.floor(column * 128)), np.arange(128))


@pytest.mark.parametrize("samples", [1, 3, 100])
def test_a_size_that_is_no_power_of_two_gives_no_warning(samples: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert shares("sobol", samples).shape == (samples, 3)


@pytest.mark.parametrize("kind", SAMPLED)
def test_samples_have_the_distribution_that_was_asked_for(kind: str) -> None:
    design = SAMPLED[kind]({"a": nk.LogNormal(2.0, cv=0.4), "b": nk.Choice([1.0, 2.0])}, samples=4096)
    # quantiles of 4096 random samples are within some 2 % (5 standard errors of the median: 5 * 1.25 sigma / 64)
    assert np.median(design.table[:, 0]) == pytest.approx(2.0, rel=0.04)
    assert np.isfinite(design.table).all()
    assert (design.table[:, 1] == 1.0).mean() == pytest.approx(0.5, abs=0.04)


def test_an_unbounded_distribution_of_a_million_samples_is_finite() -> None:
    for kind in SAMPLED.values():
        assert np.isfinite(kind({"a": nk.Normal(0.0, 1.0)}, samples=1_000_000).table).all()


# -- written down --------------------------------------------------------------------------------------------------------


def test_a_grid_changes_its_last_key_fastest() -> None:
    assert nk.Grid({"a": [1.0, 2.0], "b": [5.0, 6.0, 7.0]}).table.tolist() == [[1, 5], [1, 6], [1, 7], [2, 5], [2, 6], [2, 7]]
    assert nk.Grid({}).table.shape == (1, 0)


def test_a_zip_takes_values_together() -> None:
    assert nk.Zip({"a": [1.0, 2.0], "b": [5.0, 6.0]}).table.tolist() == [[1, 5], [2, 6]]


def test_a_point_of_a_list_leaves_the_other_keys_as_in_the_base_case() -> None:
    table = nk.Listed([{}, {"a": 1.0}, {"b": 2.0, "a": 3.0}]).table
    assert np.array_equal(table, [[np.nan, np.nan], [1, np.nan], [3, 2]], equal_nan=True)
    assert nk.Listed([{"a": 1.0}], ["b", "a"]).keys == ("b", "a")


DESIGNS = [
    nk.Grid({"a": [1.0, 2.0]}),
    nk.Zip({"a": [1.0, 2.0], "b": [1.0, 2.0]}),
    nk.Listed([{"a": 1.0}]),
    nk.Table({"a": [1.0, 2.0]}),
    *(kind(UNIT, samples=8, seed=3) for kind in SAMPLED.values()),
]


@pytest.mark.parametrize("design", DESIGNS, ids=lambda d: d.kind)
def test_a_design_travels_as_its_recipe(design: nk.Grid) -> None:
    before = pickle.dumps(design)
    table = design.table
    assert not table.flags.writeable
    assert len(table) == len(design)
    assert pickle.dumps(design) == before
    assert len(before) < 3000
    again = pickle.loads(before)
    assert again == design
    assert np.array_equal(again.table, table)
    assert all(design != other for other in DESIGNS if other is not design)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nk.Grid([1.0]), "a dictionary of lists"),
        (lambda: nk.Grid({"a": "1 uM"}), "expected a list of values"),
        (lambda: nk.Grid({"a": []}), "without values"),
        (lambda: nk.Grid({"a": range(10**5), "b": range(10**5)}).table, "10,000,000,000 points and 2 keys; expected at most"),
        (lambda: nk.Zip({}), "a zip of nothing"),
        (lambda: nk.Zip({"a": [1.0], "b": [1.0, 2.0]}), "a has 1, b has 2"),
        (lambda: nk.Listed({"a": 1.0}), "a list of dictionaries"),
        (lambda: nk.Listed([]), "without points"),
        (lambda: nk.Listed([{}, 3.0]), r"point 1: got 3\.0"),
        (lambda: nk.Listed([{"a": 1.0}], ["b"]), "order of keys does not name"),
        (lambda: nk.Listed([{"a": "1 uM"}]).table, "no study has read"),
        (lambda: nk.Grid({"a": ["1 uM"]}).table, "no study has read"),
        (lambda: nk.Sobol({}, samples=4), "a sobol design; expected a dictionary"),
        (lambda: nk.Sobol({"a": [1.0, 2.0]}, samples=4), "expected a distribution such as"),
        (lambda: nk.Sobol(UNIT, samples=0), "whole number of at least 1"),
        (lambda: nk.Sobol(UNIT, samples=4.0), "whole number of at least 1"),
        (lambda: nk.Sobol(UNIT, samples=10**9), "expected at most 500,000,000 values"),
        (lambda: nk.MonteCarlo(UNIT, samples=4, seed=-1), "seed = -1"),
        (lambda: nk.MonteCarlo(UNIT, samples=4).extended(3), "expected at least as many"),
        (lambda: nk.LatinHypercube(UNIT, samples=6).extended(18), "extends by doubling: 12, 24, 48"),
        (lambda: nk.Sobol({"a": nk.Uniform("1 uM", "2 uM")}, samples=4).bound(lambda key: "mV"), "^a: uniform distribution, low: .*expected a voltage"),
    ],
)
def test_what_makes_no_design_is_refused(make: object, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        make()  # type: ignore[operator]
