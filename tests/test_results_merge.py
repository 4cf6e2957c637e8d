"""Results put together from shards are the same to the last bit and attribute, however the runs were divided among them."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import xarray
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nkcell_sim as nk
from nkcell_sim.errors import ResultsError
from nkcell_sim.experiments import Rest, run_experiment
from nkcell_sim.experiments.base import Experiment
from nkcell_sim.experiments.recording import at_times
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import stub_nk_cell
from nkcell_sim.outcomes import Outcomes
from nkcell_sim.provenance import collect as provenance_of
from nkcell_sim.results import Batch, assemble, open_results
from nkcell_sim.results.collect import Rows, save_collected
from nkcell_sim.results.layout import Group
from nkcell_sim.results.merge import Merge, merged
from nkcell_sim.results.shards import check_shard, read_shard_keys, write_shard
from nkcell_sim.results.sources import Source

CELL = nk.primary_nk_cell()
SICK = CELL.with_phenotype("me_cfs").set({"KCa31.g_max": "0.5 nS"})
INCUBATED = CELL.set_inputs({"ntx": "200 uM", "pregs": "1 uM"})
IMAGING = nk.CalciumImaging(ntx_in_bath="kept", baseline="5 s", application="20 s", recovery="10 s", sampling="1 s")
PROVENANCE = provenance_of(models={}, solver={}, runs=1, elapsed=0.0, threads=1)
NAME = "imaging"


def batch(position: int, cell: Cell, setup: Experiment, *, keep: bool = True, label: str | None = None, started: bool = True, **solver: object) -> Batch:
    """One run, as the study hands it over."""
    result = run_experiment(cell, setup, seed=position, **solver)
    if result.observed is not None:
        result = replace(result, observed=at_times(result.observed, result.trace.time))
    if not started:
        empty = {name: np.full_like(values, np.nan) for name, values in result.trace.values.items()}
        waiting = Outcomes.waiting(1, result.trace.outcomes.names)
        nothing = {name: replace(f, values=np.full(1, np.nan)) for name, f in result.features.items()}
        trace = replace(result.trace, values=empty, outcomes=waiting, final=np.full_like(result.trace.final, np.nan))
        result = replace(result, trace=trace, features=nothing, warnings=[("not run: no rest",)], errors={}, observed=None)
    if not keep:
        result = replace(result, trace=replace(result.trace, values={}), observed=None if result.observed is None else replace(result.observed, values={}))
    varied = ({"imaging.pregs": float(getattr(setup, "pregs", 0.0))},)
    labels = () if label is None else ({"group": label, "donor": f"{label} {position % 3}", "cell": float(position)},)
    return Batch(result, (position,), (f"id{position}",), ("healthy" if cell is CELL else "other",), varied, ("a note",), labels, (10**17 + position,))


def tree_of(batches: Sequence[Batch]) -> Group:
    """The tree of a chunk of runs."""
    base = {NAME: ALL_SETUPS[0]}
    root = assemble("study", {NAME: batches}, units={"imaging.pregs": "uM"}, provenance=PROVENANCE, base=base).root
    return Group({}, {NAME: root.groups[NAME]}, root.attributes)


DOSES = [replace(IMAGING, pregs=pregs, recovery=recovery) for pregs, recovery in itertools.product((20.0, 50.0), (10.0, 0.0))]
ALL_SETUPS = [*DOSES, replace(IMAGING, application=12.0)]


def plain_runs() -> list[Batch]:
    """Times in common, several protocols, a bath that differs between cases, a failed run, one that never started."""
    one = [(CELL, DOSES[0]), (SICK, DOSES[2]), (INCUBATED, DOSES[0]), (CELL, DOSES[0]), (SICK, DOSES[0]), (INCUBATED, DOSES[2])]
    made = [batch(i, cell, setup) for i, (cell, setup) in enumerate(one)]
    return [*made, batch(6, CELL, DOSES[2], max_steps=5), batch(7, CELL, DOSES[0], started=False)]


def mixed_runs() -> list[Batch]:
    """Times of their own, features that only some have, and a cell of another composition."""
    cells = (CELL, SICK, stub_nk_cell())
    return [batch(i, cells[i % 2], setup, error_bars=i % 2 == 0) for i, setup in enumerate(ALL_SETUPS)]


def flooded_runs() -> list[Batch]:
    """Runs of a cohort, some with several warnings; no trace is kept although times differ."""
    flood = CELL.set({"TRPM3.density": 2.725})
    strong = replace(IMAGING, pregs=100.0, application=200.0)
    made = [batch(0, CELL, IMAGING, keep=False, label="healthy"), batch(1, flood, strong, keep=False, label="healthy")]
    return [
        *made,
        batch(2, CELL, strong, keep=False, label="sick"),
        batch(3, flood, strong, keep=False, label="sick"),
        batch(4, CELL, IMAGING, keep=False, label="sick"),
    ]


def observed_runs() -> list[Batch]:
    """Runs that a camera looks at."""
    seen = [replace(IMAGING, pregs=pregs, instrument=nk.Camera()) for pregs in (20.0, 50.0)]
    return [batch(0, CELL, seen[0]), batch(1, CELL, seen[1]), batch(2, SICK, seen[0], started=False), batch(3, SICK, seen[1])]


def two_models() -> list[Batch]:
    """Cells of two compositions."""
    return [batch(i, (CELL, stub_nk_cell())[i % 2], Rest(duration="10 s", sampling="1 s")) for i in range(4)]


STUDIES = {make.__name__: cache(make) for make in (plain_runs, mixed_runs, flooded_runs, observed_runs, two_models)}


def assert_same(a: Group, b: Group) -> None:
    """The same groups, variables in order, attributes in order, types, and bits."""
    for (path, x), (other, y) in zip(a.walk(), b.walk(), strict=True):
        assert path == other
        assert list(x.variables) == list(y.variables), path
        assert list(x.attributes.items()) == list(y.attributes.items()), path
        for name, v in x.variables.items():
            w = y.variables[name]
            assert (v.dims, v.dtype, v.shape) == (w.dims, w.dtype, w.shape), (path, name)
            assert dict(v.attributes) == dict(w.attributes), (path, name)
            assert v.values.tolist() == w.values.tolist() if v.is_text else v.values.tobytes() == w.values.tobytes(), (path, name)


@st.composite
def divisions(draw: st.DrawFn, size: int) -> list[list[int]]:
    """Positions of runs divided among shards in any way."""
    parts = draw(st.integers(1, size))
    where = draw(st.lists(st.integers(0, parts - 1), min_size=size, max_size=size))
    order = draw(st.permutations(range(size)))
    found = [[i for i in order if where[i] == part] for part in range(parts)]
    return draw(st.permutations([part for part in found if part]))


def rows_of(division: Sequence[Sequence[int]], *, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Which source and which of its rows each run is; a shard holds its runs in the order of the study."""
    source, row = np.zeros(size, int), np.zeros(size, int)
    for number, part in enumerate(division):
        for k, position in enumerate(sorted(part)):
            source[position], row[position] = number, k
    return source, row


@pytest.mark.parametrize("name", STUDIES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_division_of_the_runs_changes_the_result(name: str, data: st.DataObject) -> None:
    runs = STUDIES[name]()
    whole = tree_of(runs).groups[NAME]
    division = data.draw(divisions(len(runs)))
    trees = [tree_of([runs[i] for i in part]) for part in division]
    source, row = rows_of(division, size=len(runs))
    assert_same(whole, Merge([Source.of(t, NAME) for t in trees], source, row).in_memory())


@pytest.mark.parametrize("name", STUDIES)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_file_collected_from_shards_and_an_earlier_file_is_that_of_the_whole(name: str, data: st.DataObject) -> None:
    runs = STUDIES[name]()
    whole = tree_of(runs)
    division = data.draw(divisions(len(runs)))
    source, row = rows_of(division, size=len(runs))
    with tempfile.TemporaryDirectory() as folder:
        shards = [write_shard(tree_of([runs[i] for i in part]), folder) for part in division]
        assert [check_shard(path) for path in shards] == [""] * len(shards)
        for path, part in zip(shards, division, strict=True):
            experiment, keys = read_shard_keys(path)
            assert (experiment, keys.tolist()) == (NAME, [10**17 + i for i in sorted(part)])
        rows = Rows([Source.of(path, NAME) for path in shards], source, row)
        provenance = {"provenance": assemble("x", {}, units={}, provenance=PROVENANCE).root.groups["provenance"]}
        file = save_collected(Path(folder) / "all.h5", whole.attributes, {NAME: rows}, provenance)
        assert_same(whole.groups[NAME], open_results(file).root.groups[NAME])
        # half of the runs from that file, half from shards
        odd = np.arange(len(runs)) % 2 == 1
        again = [*rows.sources, Source.of(file, NAME)]
        halves = Merge(again, np.where(odd, len(shards), source), np.where(odd, np.arange(len(runs)), row)).in_memory()
        assert_same(whole.groups[NAME], halves)


def test_merging_what_is_merged_changes_nothing() -> None:
    for make in STUDIES.values():
        runs = make()
        whole = tree_of(runs)
        assert_same(whole, merged([whole]))
        assert_same(whole, merged([tree_of(runs[:2]), tree_of(runs[2:])]))


def test_the_studies_of_these_tests_are_as_varied_as_they_should_be() -> None:
    groups = {name: tree_of(make()).groups[NAME] for name, make in STUDIES.items()}
    plain, mixed, flooded, observed, two = groups.values()
    status = plain.variables["status"].values.tolist()
    assert {"ok", "step_limit", "not_run"} == set(status)
    protocols = plain.groups["protocol"].variables
    assert protocols["protocol_of_run"].values.tolist() == [0, 1, 2, 0, 0, 3, 1, 0], "a bath that the protocol changes from another level is another protocol"
    assert mixed.variables["time"].dims == ("run", "sample")
    assert "ca_recovered" in mixed.variables
    assert np.isnan(mixed.variables["ca_recovered"].values).any()
    assert np.isnan(mixed.variables["ca_amplitude_numerical_error"].values).tolist() == [False, True] * 2 + [False]
    assert len(flooded.groups["warnings"].variables["warning_run"].values) > len(set(flooded.groups["warnings"].variables["warning_run"].values.tolist()))
    assert flooded.variables["time"].shape == (5, 0)
    assert flooded.variables["group"].values.tolist() == ["healthy"] * 2 + ["sick"] * 3
    assert any(v.attributes.get("role") == "observed" for v in observed.variables.values())
    assert any(v.attributes.get("role") == "ideal_feature" for v in observed.variables.values())
    origins = two.groups["parameters"].variables
    assert "not a parameter of this cell" in origins["source"].values.tolist()
    assert np.isnan(origins["value"].values).any()


def test_driven_inputs_are_kept_only_beside_traces() -> None:
    kept = tree_of(plain_runs()[:2]).groups[NAME].groups["protocol"].variables
    bare = tree_of(flooded_runs()[:2]).groups[NAME].groups["protocol"].variables
    assert [v.dims for v in kept.values() if v.attributes.get("role") == "input"] == [("protocol", "time")]
    assert not [name for name, v in bare.items() if v.attributes.get("role") == "input"]
    assert {"event_text", "phase_text", "duration"} <= bare.keys()


def test_settings_are_those_of_the_first_point_whatever_run_is_first_in_a_chunk() -> None:
    runs = plain_runs()
    last = tree_of(runs[5:6]).groups[NAME].attributes
    first = tree_of(runs[:1]).groups[NAME].attributes
    assert {k: v for k, v in last.items() if k.startswith("setting_")} == {k: v for k, v in first.items() if k.startswith("setting_")}


def test_a_file_without_times_in_common_or_traces_opens_everywhere(tmp_path: Path) -> None:
    root = assemble("s", {NAME: flooded_runs()}, units={"imaging.pregs": "uM"}, provenance=PROVENANCE)
    path = root.save(tmp_path / "bare.h5")
    for engine in ("h5netcdf", "netcdf4"):
        with xarray.open_dataset(path, group=NAME, engine=engine) as data:
            assert data["time"].shape == (5, 0)
            assert np.array_equal(data["ca_amplitude"].values, root[NAME]["ca_amplitude"], equal_nan=True)


def test_rows_of_an_older_file_without_keys_fit_to_new_ones() -> None:
    runs = plain_runs()
    old = tree_of([replace(b, keys=()) for b in runs[:3]])
    assert "run_key" not in old.groups[NAME].variables
    both = merged([old, tree_of(runs[3:])]).groups[NAME]
    assert both.variables["run_key"].values.tolist() == [0, 0, 0, *(10**17 + i for i in range(3, 8))]
    assert both.variables["run_id"].values.tolist() == [f"id{i}" for i in range(8)]


def test_what_cannot_be_put_together_is_named(tmp_path: Path) -> None:
    tree = tree_of(plain_runs()[:2])
    with pytest.raises(ResultsError, match="got row 2 of results in memory, which has 2 runs"):
        Merge([Source.of(tree, NAME)], [0], [2])
    with pytest.raises(ResultsError, match=r"without an experiment 'patch'; they have imaging"):
        Source.of(tree, "patch")
    with pytest.raises(ResultsError, match="at least one run"):
        Merge([Source.of(tree, NAME)], [], [])
    shard = write_shard(tree, tmp_path)
    with pytest.raises(ResultsError, match="has no experiment 'patch'; it has imaging"):
        Merge([Source.of(shard, "patch")], [0], [0])
    content = bytearray(shard.read_bytes())
    shard.write_bytes(bytes(content[: len(content) // 2]))
    with pytest.raises(ResultsError, match=rf"{shard.name}' is truncated or damaged"):
        Merge([Source.of(shard, NAME)], [0], [0])
    with pytest.raises(ResultsError, match="expected exactly one"):
        write_shard(Group({}, {"a": tree.groups[NAME], "b": tree.groups[NAME]}), tmp_path)
