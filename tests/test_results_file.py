"""A result file is complete or absent, opens everywhere with names, coordinates and units, and says what is wrong with a bad one."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

from nkcell_sim.errors import ResultsError
from nkcell_sim.results import Results, compare, open_results
from nkcell_sim.results.layout import SCHEMA, Group, Variable, index, numbers, text
from nkcell_sim.results.reader import read
from nkcell_sim.results.writer import write

ENGINES = ("h5netcdf", "netcdf4")


def tree() -> Group:
    """A small result with every kind of variable: text, NaN, integers, a scalar, a child that uses its parent's dimension."""
    rng = np.random.default_rng(7)
    experiment = Group(
        {
            "run": index("run", 3, "number of the run"),
            "time": numbers(("time",), np.linspace(0.0, 1.0, 5), "s", "time"),
            "case": text(("run",), ["a", "ME/CFS", "µ ü"], "condition"),
            "run_id": text(("run",), ["0", "1", "2"], "identity"),
            "status": text(("run",), ["ok"] * 3, "outcome"),
            "TRPM3.i": numbers(("run", "time"), rng.normal(size=(3, 5)), "pA", "current", evidence="A"),
            "v": numbers(("run", "time"), np.full((3, 5), np.nan), "mV", "membrane potential"),
            "single": numbers(("run",), np.array([1, 2, 3], dtype="<f4"), "1", "single precision"),
            "steps": numbers(("run",), np.array([1, 2, 2**40], dtype="<i8"), "1", "steps"),
        },
        {
            "parameters": Group(
                {
                    "parameter": text(("parameter",), ["KCa31.g_max", "CRAC.permeability"], "name"),
                    "value": numbers(("run", "parameter"), rng.normal(size=(3, 2)), "1", "value"),
                }
            ),
            "protocol": Group({"protocol": index("protocol", 1, "number of the protocol")}),
        },
        {"experiment": "patch_clamp"},
    )
    sections = {name: text((), "{}", name) for name in ("software", "parameters", "environment", "resources")}
    provenance = Group({**sections, "config": text((), "title = 'x'\n" * 9000, "longer than an HDF5 attribute may be")}, {}, {"created": "now"})
    return Group({}, {"patch": experiment, "provenance": provenance}, {"nkcell_schema": SCHEMA, "title": "µ"})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return write(tree(), tmp_path / "results.h5")


def test_every_value_and_attribute_survives_the_file(saved: Path) -> None:
    back = read(saved)
    assert compare(tree(), back).equal
    assert back.attributes == tree().attributes
    for (path, before), (_, after) in zip(tree().walk(), read(saved).walk(), strict=True):
        for name, variable in before.variables.items():
            assert after.variables[name].dims == variable.dims, (path, name)
            assert after.variables[name].attributes == variable.attributes
            assert after.variables[name].values.dtype == variable.values.dtype


def test_every_axis_has_a_dimension_scale_and_numbers_a_checksum(saved: Path) -> None:
    seen = []

    def check(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            seen.append(name)
            assert item.is_scale or all(len(axis) == 1 for axis in item.dims), name
            numeric = item.dtype.kind in "fi"
            assert h5py.check_string_dtype(item.dtype) or item.dtype.str in ("<f8", "<f4", "<i8", "<i4"), name
            table = name.rpartition("/")[2] == "value"
            assert item.compression == ("gzip" if table else None), "only tables that repeat themselves, with a filter that every HDF5 has"
            assert not numeric or not item.shape or (item.fletcher32 and item.chunks), name
            assert "long_name" in item.attrs, name
            assert not numeric or "units" in item.attrs, name

    with h5py.File(saved) as file:
        file.visititems(check)
    assert len(seen) == 17


@pytest.mark.parametrize("engine", ENGINES)
def test_xarray_opens_names_coordinates_and_units(saved: Path, engine: str) -> None:
    with xarray.open_datatree(saved, engine=engine) as opened:
        opened.load()
    expected = Results(tree()).to_xarray()
    xarray.testing.assert_equal(opened, expected)
    for node in expected.subtree:
        for name, array in node.data_vars.items():
            assert dict(opened[node.path][name].attrs) == dict(array.attrs)
    with xarray.open_dataset(saved, group="patch", engine=engine) as patch:
        assert patch["TRPM3.i"].dims == ("run", "time")
        assert patch["TRPM3.i"].attrs["units"] == "pA"
        assert patch["time"].attrs["units"] == "s"
        assert patch["time"].dtype == np.float64
        assert list(patch["case"].values) == ["a", "ME/CFS", "µ ü"]
    with xarray.open_dataset(saved, group="patch/parameters", engine=engine) as parameters:
        assert parameters["value"].sel(parameter="CRAC.permeability").shape == (3,)


def test_a_failed_write_leaves_nothing_behind_and_spares_the_old_file(tmp_path: Path) -> None:
    target = write(tree(), tmp_path / "results.h5")
    before = target.read_bytes()
    broken = Group({"v": numbers(("nowhere",), [1.0], "mV", "no such dimension")}, {}, {"nkcell_schema": SCHEMA})
    with pytest.raises(ResultsError, match="nowhere"):
        write(broken, target)
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["results.h5"]


def test_a_wrong_target_is_named_before_writing(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="is a folder"):
        write(tree(), tmp_path)
    with pytest.raises(ResultsError, match="no folder"):
        write(tree(), tmp_path / "none" / "results.h5")


def test_half_precision_is_refused_because_netcdf_cannot_hold_it() -> None:
    with pytest.raises(ResultsError, match="float16"):
        Variable(("x",), np.zeros(3, "f2"))


def _change(path: Path, **attributes: object) -> Path:
    with h5py.File(path, "a") as file:
        for name, value in attributes.items():
            if value is None:
                del file.attrs[name]
            else:
                file.attrs[name] = value
    return path


def test_a_newer_file_is_refused_politely_and_an_older_one_read(saved: Path) -> None:
    with pytest.raises(ResultsError, match=rf"version {SCHEMA + 1}.*reads up to {SCHEMA}.*please update"):
        open_results(_change(saved, nkcell_schema=SCHEMA + 1))
    assert open_results(_change(saved, nkcell_schema=SCHEMA - 1)).title == "µ"


def test_a_version_that_is_no_number_is_damage(saved: Path) -> None:
    with pytest.raises(ResultsError, match=r"'nkcell_schema' is 'abc'"):
        open_results(_change(saved, nkcell_schema="abc"))


@pytest.mark.parametrize("lost", ["patch/status", "patch/case", "patch/parameters", "patch/time", "provenance", "provenance/config", "patch"])
def test_what_is_missing_is_named(saved: Path, lost: str) -> None:
    with h5py.File(saved, "a") as file:
        del file[lost]
    with pytest.raises(ResultsError, match=r"results.h5' is .*(damaged|lacks).*"):
        open_results(saved)


def test_a_file_of_somebody_else_is_named(saved: Path) -> None:
    with pytest.raises(ResultsError, match="not one of nkcell_sim"):
        open_results(_change(saved, nkcell_schema=None))


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.95])
def test_a_truncated_file_is_named(saved: Path, keep: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(ResultsError, match=r"truncated|is not an HDF5 file"):
        open_results(saved)


def test_a_flipped_bit_is_found_by_the_checksum(saved: Path) -> None:
    with h5py.File(saved) as file:
        info = file["patch/TRPM3.i"].id.get_chunk_info(0)
    content = bytearray(saved.read_bytes())
    content[info.byte_offset + 3] ^= 1
    saved.write_bytes(bytes(content))
    with pytest.raises(ResultsError, match="damaged"):
        open_results(saved)


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: p.write_text("title = 'x'")])
def test_something_that_is_no_result_file_is_named(tmp_path: Path, make: object) -> None:
    file = tmp_path / "results.h5"
    make(file)  # type: ignore[operator]
    with pytest.raises(ResultsError, match=r"there is no result file|is not an HDF5 file"):
        open_results(file)


def test_comparison_sees_one_changed_bit_shape_and_name() -> None:
    a, b = tree(), tree()
    values = b.groups["patch"].variables["TRPM3.i"].values
    values[1, 2] = np.nextafter(values[1, 2], np.inf)
    assert "1 of 15 values differ" in str(compare(a, b))
    b.groups["patch"].variables["case"].values[0] = "other"
    del b.groups["patch"].variables["v"]
    found = compare(a, b)
    assert not found.equal
    assert len(found.differences) == 3
    assert "/patch/v: only in the first" in found.differences
    values[...] = np.nan
    assert "15 of 15 values differ" in str(compare(a, b))


def test_comparison_ignores_provenance_only() -> None:
    other = tree()
    other.groups["provenance"].variables["config"].values[...] = "changed"
    assert compare(tree(), other).equal
