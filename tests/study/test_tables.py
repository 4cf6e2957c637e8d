"""Designs from tables: the same points from every kind of table, empty cells, units, and errors that name the place."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.errors import MissingPackageError, ParameterError

UNITS = {"cm": "pF", "pregs": "uM", "d_max": "1"}
WANTED = [[2.0, 50.0, 0.3], [np.nan, 1000.0, 0.5], [3.0, np.nan, np.nan]]
CSV = "cm,pregs [mM],d_max\n2,0.05,0.3\n\n,1,50 %\n3e0,,\n"


def points(table: Any) -> np.ndarray:
    return nk.Table(table).bound(UNITS.__getitem__).table


def as_csv(folder: Path) -> Any:
    (folder / "points.csv").write_text(CSV, encoding="utf-8-sig")
    return folder / "points.csv"


def as_parquet(folder: Path) -> Any:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"cm": [2, None, 3], "pregs [mM]": [0.05, 1.0, float("nan")], "d_max": ["0.3", "50 %", None]}
    pq.write_table(pa.table(columns), folder / "points.parquet")
    return folder / "points.parquet"


def as_hdf5(folder: Path) -> Any:
    with h5py.File(folder / "points.h5", "w", track_order=True) as file:
        file["cm"] = [2.0, np.nan, 3.0]
        file["pregs"] = [0.05, 1.0, np.nan]
        file["pregs"].attrs["units"] = "mM"
        file["d_max"] = ["0.3", "50 %", ""]
    return folder / "points.h5"


def as_compound(folder: Path) -> Any:
    rows = [(2.0, 0.05, 0.3), (np.nan, 1.0, 0.5), (3.0, np.nan, np.nan)]
    with h5py.File(folder / "compound.h5", "w") as file:
        file["table"] = np.array(rows, dtype=[("cm", float), ("pregs [mM]", float), ("d_max", float)])
    return folder / "compound.h5"


def as_frame(folder: Path) -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({"cm": [2, None, 3], "pregs [mM]": [0.05, 1, None], "d_max": [0.3, 0.5, None]})


def as_array(folder: Path) -> Any:
    return np.array([(2.0, 50.0, 0.3), (np.nan, 1000.0, 0.5), (3.0, np.nan, np.nan)], dtype=[("cm", float), ("pregs", float), ("d_max", float)])


def as_mapping(folder: Path) -> Any:
    return {"cm": [2.0, None, "3 pF"], "pregs [mM]": np.ma.masked_invalid([0.05, 1.0, np.nan]), "d_max": [0.3, "50 %", ""]}


@pytest.mark.parametrize("make", [as_csv, as_parquet, as_hdf5, as_compound, as_frame, as_array, as_mapping])
def test_every_kind_of_table_gives_the_same_points(make: Any, tmp_path: Path) -> None:
    # 0.05 mM is 50 uM to the last bit but one
    np.testing.assert_allclose(points(make(tmp_path)), WANTED, rtol=1e-15)


def test_a_row_of_empty_cells_is_the_base_case_and_an_empty_line_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("cm,d_max\n1,0.5\n,\n\n")
    assert np.array_equal(points(tmp_path / "a.csv"), [[1.0, 0.5], [np.nan, np.nan]], equal_nan=True)


def test_temperatures_are_converted_with_their_zero_point() -> None:
    assert nk.Table({"temperature [degC]": [23.0, 37.0]}).bound(lambda key: "K").table[:, 0] == pytest.approx([296.15, 310.15], rel=1e-15)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cm,d_max\n1,0.5\n2,\n3,abc\n", r"points\.csv, line 4, column 'd_max': got 'abc'"),
        ("cm,d_max\n1,0.5\n\n3,inf\n", r"points\.csv, line 4, column 'd_max': got 'inf'; expected a finite number"),
        ("cm,d_max\n1,0.5\nnan,1\n", r"points\.csv, line 3, column 'cm': got 'nan'; expected a finite number"),
        ("cm,d_max\n1,0.5,7\n", r"points\.csv, line 2: 3 values for 2 columns"),
        ("cm,pregs\n1,5 mV\n", r"points\.csv, line 2, column 'pregs': got '5 mV'; expected a concentration"),
        ("cm [mV],pregs\n1,5\n", r"points\.csv, column 'cm' in 'mV': .*expected a capacitance"),
        ("cm [pFF],pregs\n1,5\n", r"points\.csv, column 'cm' in 'pFF': unknown unit"),
        ("cm,cm\n1,5\n", r"points\.csv, line 1: two columns headed 'cm'"),
        ("cm,cm [pF]\n1,5\n", r"points\.csv: got two columns of 'cm'"),
        ("cm,pregs\n", r"points\.csv: got a table without rows"),
        ("", r"points\.csv: no header"),
    ],
)
def test_an_error_of_a_file_names_file_line_and_column(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text(text)
    with pytest.raises(ParameterError, match=said):
        points(tmp_path / "points.csv")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"cm": [1.0, [2.0]]}, "rows of different lengths"),
        ({"cm": [[1.0], [2.0]]}, "got 2 axes"),
        ({"cm": [1.0], "d_max": [1.0, 2.0]}, "differ in length: cm has 1, d_max has 2"),
        ({"cm": [1.0, "x"]}, "table, row 1, column 'cm': got 'x'"),
        ({"cm": np.array([1.0, np.inf])}, "table, row 1, column 'cm': got inf"),
        ({"cm": [True, False]}, "of type bool"),
        ({}, "without columns"),
        (3.0, "of type float"),
        ("points.xlsx", r"ends in \.csv, \.parquet, \.h5"),
        ("absent.csv", "there is no such file"),
    ],
)
def test_an_error_of_a_table_names_row_and_column(table: Any, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        points(table)


@pytest.mark.parametrize("name", ["broken.parquet", "broken.h5"])
def test_a_file_of_another_kind_is_named(name: str, tmp_path: Path) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_text("neither")
    with pytest.raises(ParameterError, match=f"{name}: cannot read this as"):
        nk.Table(tmp_path / name)


def test_a_parquet_file_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def hidden(name: str, *rest: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "pyarrow":
            raise ImportError(name)
        return real(name, *rest, **options)

    (tmp_path / "points.parquet").write_bytes(b"")
    monkeypatch.setattr(builtins, "__import__", hidden)
    with pytest.raises(MissingPackageError, match=r"points\.parquet: .*nkcell_sim\[tables\]"):
        nk.Table(tmp_path / "points.parquet")
