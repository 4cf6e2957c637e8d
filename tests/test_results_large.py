"""Large results: read when they are used, kept in shards or packed, checked to the last byte."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st

import nkcell_sim as nk
from nkcell_sim.errors import ResultsError
from nkcell_sim.results import Results, compare, open_results
from nkcell_sim.results.collect import Rows, save_collected
from nkcell_sim.results.layout import Group, Variable
from nkcell_sim.results.merge import Merge
from nkcell_sim.results.pack import pack
from nkcell_sim.results.reader import read
from nkcell_sim.results.shards import check_shard, write_shard
from nkcell_sim.results.sources import Source
from nkcell_sim.results.verify import check
from nkcell_sim.results.writer import write

NAME = "imaging"
SIZES = (3, 1, 2)


@pytest.fixture(scope="module")
def whole() -> Group:
    """Six runs with traces and a failed one."""
    setup = nk.CalciumImaging(ntx_in_bath="kept", baseline="5 s", application="20 s", recovery="10 s", sampling="0.1 s")
    cell = nk.primary_nk_cell()
    cases = (nk.Case("healthy", cell), nk.Case("ME/CFS", cell.with_phenotype("me_cfs")))
    return nk.run(nk.Study(cases, {NAME: setup}, vary={"TRPM3.density": [1.0, 0.5, 60.0]})).root


def shards_of(whole: Group, folder: Path) -> list[Path]:
    """The runs in three shards, not in order."""
    folder.mkdir(parents=True, exist_ok=True)
    source, found = Source.of(whole, NAME), []
    for number in range(3):
        rows = np.flatnonzero(number == WHERE)
        found.append(write_shard(Group({}, {NAME: Merge([source], np.zeros(len(rows), int), rows).in_memory()}), folder))
    return found


WHERE = np.array([0, 2, 0, 0, 1, 2])
ROW = np.array([0, 0, 1, 2, 0, 1])


def collected(whole: Group, folder: Path, *, virtual: bool) -> Path:
    """The result in a file whose shards are in a folder beside it."""
    rows = Rows([Source.of(path, NAME) for path in shards_of(whole, folder / "r.runs" / "shards")], WHERE, ROW)
    rest = {name: group for name, group in whole.groups.items() if name != NAME}
    return save_collected(folder / "r.h5", whole.attributes, {NAME: rows}, rest, virtual=virtual)


def assert_same(a: Group, b: Group) -> None:
    assert compare(a, b).equal, str(compare(a, b))
    for (path, x), (other, y) in zip(a.walk(), b.walk(), strict=True):
        assert (path, list(x.variables), list(x.attributes.items())) == (other, list(y.variables), list(y.attributes.items()))
        assert all(dict(v.attributes) == dict(y.variables[n].attributes) for n, v in x.variables.items())


@pytest.fixture
def packed(whole: Group, tmp_path: Path) -> Path:
    return collected(whole, tmp_path, virtual=False)


@pytest.fixture
def virtual(whole: Group, tmp_path: Path) -> Path:
    return collected(whole, tmp_path, virtual=True)


# -- reading what is used -------------------------------------------------------------------------------------------


def stored(root: Group) -> Iterator[Variable]:
    return (v for _, group in root.walk() for v in group.variables.values() if type(v).__name__ == "Stored")


def test_a_large_file_is_read_as_its_values_are_used(whole: Group, packed: Path) -> None:
    root = read(packed, eager=0)
    assert any(v._values is None for v in stored(root)), "nothing is read by opening"  # type: ignore[attr-defined]
    later = Results(root)[NAME]
    assert later.parameter("TRPM3.density").tolist() == [1.0, 0.5, 60.0] * 2
    assert later.status == Results(whole)[NAME].status
    part = root.groups[NAME].variables["ca_cyt"].part((slice(2, 4), 5))
    assert np.array_equal(part, whole.groups[NAME].variables["ca_cyt"].values[2:4, 5], equal_nan=True)
    assert repr(root.groups[NAME].variables["ca_cyt"]) == f"ca_cyt over run x time {part_shape(whole)}, in {packed}"
    assert sum(v._values is None for v in stored(root)) == len(list(stored(root))), "a part that is read is not kept"  # type: ignore[attr-defined]
    assert_same(whole, root)


def test_labelled_arrays_of_a_large_file_are_those_of_a_small_one(whole: Group, packed: Path) -> None:
    tree = Results(read(packed, eager=0)).to_xarray()
    expected = Results(whole).to_xarray()
    xarray.testing.assert_equal(tree, expected)
    picked = tree[NAME]["ca_cyt"].isel(run=[4, 0], time=slice(10, 30, 5))
    assert np.array_equal(picked.values, expected[NAME]["ca_cyt"].values[[4, 0], 10:30:5], equal_nan=True)


def test_a_large_result_is_saved_part_by_part_and_even_over_itself(whole: Group, packed: Path, tmp_path: Path) -> None:
    assert_same(whole, read(Results(read(packed, eager=0)).save(tmp_path / "copy.h5")))
    assert_same(whole, read(write(read(packed, eager=0), packed)))


def test_a_file_that_is_gone_or_another_while_it_is_used_is_named(packed: Path, tmp_path: Path) -> None:
    root = read(packed, eager=0)
    shutil.copy(packed, tmp_path / "other.h5")
    (tmp_path / "other.h5").replace(packed)
    with pytest.raises(ResultsError, match=r"r.h5' was replaced or changed while its results were in use; open it again"):
        root.groups[NAME].variables["ca_cyt"].values  # noqa: B018
    root = read(packed, eager=0)
    packed.unlink()
    with pytest.raises(ResultsError, match=r"r.h5' was deleted or moved"):
        root.groups[NAME].variables["ca_cyt"].part(slice(1))


def test_damage_that_is_met_later_is_named_with_the_file(packed: Path) -> None:
    with h5py.File(packed) as file:
        place = file[f"{NAME}/ca_cyt"].id.get_chunk_info(0).byte_offset
    content = bytearray(packed.read_bytes())
    content[place + 5] ^= 1
    packed.write_bytes(bytes(content))
    root = read(packed, eager=0)
    with pytest.raises(ResultsError, match=r"r.h5' is truncated or damaged"):
        root.groups[NAME].variables["ca_cyt"].values  # noqa: B018


def part_shape(whole: Group) -> tuple[int, ...]:
    return whole.groups[NAME].variables["ca_cyt"].shape


# -- shards -----------------------------------------------------------------------------------------------------------


def test_a_shard_is_named_by_its_bytes_which_are_those_of_its_tree(whole: Group, tmp_path: Path) -> None:
    first, again = shards_of(whole, tmp_path / "a"), shards_of(whole, tmp_path / "b")
    assert [p.name for p in first] == [p.name for p in again]
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]
    assert [int(p.name.partition("-")[0]) for p in first] == [3, 1, 2]
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(p.name for p in first), "nothing else is left"


def test_a_shard_that_was_changed_cut_off_renamed_or_lost_is_named(whole: Group, tmp_path: Path) -> None:
    shard = shards_of(whole, tmp_path)[0]
    content = shard.read_bytes()
    assert check_shard(shard) == ""
    shard.write_bytes(content[:-1])
    assert "truncated or was changed" in check_shard(shard)
    shard.write_bytes(content[:999] + bytes([content[999] ^ 4]) + content[1000:])
    assert "truncated or was changed" in check_shard(shard)
    assert "not named as a shard" in check_shard(shard.rename(tmp_path / "mine.h5"))
    assert "there is no file" in check_shard(shard)


# -- virtual files ------------------------------------------------------------------------------------------------------


def test_a_virtual_file_holds_what_the_packed_one_does(whole: Group, virtual: Path) -> None:
    assert_same(whole, open_results(virtual).root)
    with h5py.File(virtual) as file:
        assert file[f"{NAME}/ca_cyt"].is_virtual
        assert not file[f"{NAME}/parameters/value"].is_virtual
        listed = file[NAME].attrs["nkcell_shards"].splitlines()
    assert len(listed) == 3
    assert all((virtual.parent / name).is_file() and not name.startswith("/") for name in listed)


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
@pytest.mark.parametrize("kind", ["packed", "virtual"])
def test_other_programs_open_packed_and_virtual_files(whole: Group, tmp_path: Path, kind: str, engine: str) -> None:
    path = collected(whole, tmp_path, virtual=kind == "virtual")
    expected = whole.groups[NAME].variables["ca_cyt"].values
    with xarray.open_dataset(path, group=NAME, engine=engine) as data:
        assert np.array_equal(data["ca_cyt"].values, expected, equal_nan=True)
        assert list(data["case"].values) == ["healthy"] * 3 + ["ME/CFS"] * 3
        assert {"case", "run_id"} <= set(data.coords)
    with xarray.open_datatree(path, engine=engine) as tree:
        xarray.testing.assert_equal(tree.load(), Results(whole).to_xarray())
    with netCDF4.Dataset(path) as file:
        assert np.array_equal(np.asarray(file[NAME]["ca_cyt"][:].filled(np.nan)), expected, equal_nan=True)
        assert file[NAME]["ca_cyt"].dimensions == ("run", "time")
    with h5py.File(path) as file:
        assert np.array_equal(file[f"{NAME}/ca_cyt"][()], expected, equal_nan=True)


def test_a_virtual_file_moves_with_its_folder_but_not_without(whole: Group, virtual: Path, tmp_path: Path) -> None:
    together = tmp_path / "moved"
    together.mkdir()
    shutil.move(virtual.parent / "r.runs", together / "r.runs")
    with pytest.raises(ResultsError, match=r"keeps the traces of 'imaging' in 3 other files, and 3 of them are not there.*r\.runs.*nkcell pack"):
        open_results(virtual)
    shutil.move(virtual, together / "r.h5")
    assert_same(whole, open_results(together / "r.h5").root)


def test_packing_gives_the_file_that_collecting_gives_and_needs_no_shard(whole: Group, virtual: Path, tmp_path: Path) -> None:
    target = pack(virtual, tmp_path / "packed.h5")
    direct = collected(whole, tmp_path / "direct", virtual=False)
    pack(virtual)
    shutil.rmtree(tmp_path / "r.runs")
    for path in (target, virtual):
        assert_same(read(direct), open_results(path).root)
        assert check(path).sound
        with h5py.File(path) as file, h5py.File(direct) as other:
            assert "nkcell_shards" not in file[NAME].attrs
            assert not file[f"{NAME}/ca_cyt"].is_virtual
            assert file[f"{NAME}/ca_cyt"].dims[0][0].name == other[f"{NAME}/ca_cyt"].dims[0][0].name == f"/{NAME}/run"
            assert file[f"{NAME}/ca_cyt"].chunks == other[f"{NAME}/ca_cyt"].chunks


def test_thousands_of_shards_fit_into_the_list(whole: Group, virtual: Path) -> None:
    """An attribute of HDF5 is at most 64 kB in its usual place; the list is a text on the heap, which has no such bound."""
    names = "\n".join(f"r.runs/shards/512-{i:024x}.h5" for i in range(20_000))
    with h5py.File(virtual, "a") as file:
        file[NAME].attrs["nkcell_shards"] = names
    with pytest.raises(ResultsError, match="in 20000 other files, and 20000 of them are not there"):
        open_results(virtual)


# -- checking --------------------------------------------------------------------------------------------------------------


def test_a_sound_file_is_found_sound(packed: Path) -> None:
    report = check(packed)
    assert report.problems == ()
    assert report.complete
    assert report.runs == {NAME: 6}
    assert "sound" in str(report)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_changed_byte_escapes(contents: tuple[Path, bytes], data: st.DataObject) -> None:
    path, content = contents
    place = data.draw(st.integers(0, len(content) - 1))
    flipped = content[place] ^ data.draw(st.integers(1, 255))
    path.write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
    try:
        sound = check(path).sound
    except ResultsError:  # so damaged that it is no file of ours any more
        sound = False
    assert not sound


@pytest.fixture(scope="module")
def contents(whole: Group, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = collected(whole, tmp_path_factory.mktemp("flip"), virtual=False)
    return path, path.read_bytes()


@pytest.mark.parametrize("variable", ["ca_cyt", "parameters/value", "parameters/origin_of_value", "final_state/value", "inputs/value"])
def test_a_changed_byte_in_a_chunk_is_blamed_on_its_variable(packed: Path, variable: str) -> None:
    content = packed.read_bytes()
    rng = np.random.default_rng(3)
    with h5py.File(packed) as file:
        chunks = [file[f"{NAME}/{variable}"].id.get_chunk_info(i) for i in range(file[f"{NAME}/{variable}"].id.get_num_chunks())]
    for chunk in chunks[:3]:
        changed = bytearray(content)
        changed[chunk.byte_offset + int(rng.integers(chunk.size))] ^= 16
        packed.write_bytes(bytes(changed))
        assert any(f"/{NAME}/{variable}" in problem for problem in check(packed).problems)


@pytest.mark.parametrize("keep", [0.2, 0.7, 0.999])
def test_a_file_that_was_cut_off_is_found(packed: Path, keep: float) -> None:
    content = packed.read_bytes()
    packed.write_bytes(content[: int(len(content) * keep)])
    assert not check(packed).sound


def test_a_shard_that_is_missing_or_wrong_is_found(whole: Group, virtual: Path) -> None:
    assert check(virtual).sound
    assert check(virtual).shards == 3
    folder = virtual.parent / "r.runs" / "shards"
    shards = sorted(folder.iterdir())
    first = shards[0].read_bytes()
    shards[0].write_bytes(shards[1].read_bytes())
    assert any(shards[0].name in problem and "digest" in problem for problem in check(virtual).problems)
    shards[0].write_bytes(first)
    assert check(virtual).sound
    shards[0].unlink()
    assert any(shards[0].name in problem and "no file" in problem for problem in check(virtual).problems)


def test_runs_that_are_missing_or_unfinished_are_named(whole: Group, tmp_path: Path) -> None:
    short = Merge([Source.of(whole, NAME)], np.zeros(4, int), np.arange(4), runs=6).in_memory()
    assert any("imaging has 4 runs; the study asks for 6" in p for p in check(write(whole.with_group(NAME, short), tmp_path / "short.h5")).problems)
    report = check(write(waiting(whole), tmp_path / "waiting.h5"))
    assert report.sound
    assert not report.complete
    assert report.unfinished == {NAME: 2}
    assert "2 runs are not finished; the command that made the file goes on with them" in str(report)


def waiting(whole: Group, said: str = "") -> Group:
    """Two runs that never started, one with a warning that says why, or says so without a reason."""
    group = whole.groups[NAME]
    status = group.variables["status"]
    changed = Variable(status.dims, np.array([*status.values[:3], "not_run", "cancelled", status.values[5]], dtype=object), status.attributes)
    groups = dict(group.groups)
    if said:
        warnings = groups["warnings"].variables
        known = [*zip(warnings["warning_run"].values.tolist(), warnings["warning_text"].values.tolist(), strict=True), (3, said)]
        runs, texts = [run for run, _ in known], [text for _, text in known]
        values = {"warning": np.arange(len(known), dtype="<i4"), "warning_run": np.array(runs, dtype="<i4"), "warning_text": np.array(texts, dtype=object)}
        groups["warnings"] = Group({n: Variable(("warning",), v, warnings[n].attributes) for n, v in values.items()})
    return whole.with_group(NAME, Group({**group.variables, "status": changed}, groups, group.attributes))


@pytest.mark.parametrize(("said", "left"), [("", 2), ("not run: ", 2), ("not run: no such cell", 1), ("not run: unfinished", 1), ("check the seal", 2)])
def test_the_check_of_a_file_and_its_results_agree_on_which_runs_wait_to_be_done(whole: Group, tmp_path: Path, said: str, left: int) -> None:
    path = write(waiting(whole, said), tmp_path / "waiting.h5")
    assert check(path).unfinished == {NAME: left}
    assert open_results(path)[NAME].unfinished.sum() == left


# -- counting --------------------------------------------------------------------------------------------------------------


def test_failures_are_counted_by_status_and_by_cause(whole: Group) -> None:
    results = Results(whole)
    counts = results.status_counts()
    assert counts == {NAME: {"ok": 4, "not_run": 2}}
    causes = results.failures_by_cause()
    assert sum(causes.values()) == 2
    assert all(cause.startswith("not_run: ") for cause in causes)
    assert sorted(causes.values(), reverse=True) == list(causes.values())
    assert results[NAME].failure(2) in causes
    assert results[NAME].failure(0) == ""
