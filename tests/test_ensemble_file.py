"""A file of many runs holds what simulate returns, opens everywhere with names and units, and is complete or says that it is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

import nkcell_sim as nk
from nkcell_sim.errors import ParameterError, ResultsError
from nkcell_sim.execution import Execution
from nkcell_sim.model.cells import stub_nk_cell
from nkcell_sim.outcomes import RUNGS, STATUSES
from nkcell_sim.solver import Solver

RUNS = 150
PROTOCOL = nk.Protocol(20.0).step(5.0, t3_drive=1.0)
RECORD = ("v", "ca_cyt")
BLOCKS = Execution(block=40)


def draws(runs: int = RUNS) -> nk.Draws:
    rng = np.random.default_rng(8)
    columns = {"Kv13.g_max": rng.uniform(0.5, 2.0, runs), "ca_er": rng.uniform(300.0, 600.0, runs), "k_out": 5.0}
    return nk.Draws(stub_nk_cell(), columns)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ensemble") / "runs.h5"
    nk.simulate_to_file(draws(), PROTOCOL, path, record=RECORD, times=[1.0, 10.0, 20.0], final_state=True, title="two channels", execution=BLOCKS)
    return path


def test_a_file_holds_the_bits_that_simulate_returns(saved: Path) -> None:
    trace = nk.simulate(draws(), PROTOCOL, record=RECORD, times=[1.0, 10.0, 20.0])
    kept = nk.open_ensemble(saved)
    assert len(kept) == RUNS
    assert kept.complete
    assert kept.recorded == list(RECORD)
    assert np.array_equal(kept.time, trace.time)
    for name in RECORD:
        assert np.array_equal(kept[name], trace[name])
        assert np.array_equal(kept.rows(name, 70, 90), trace[name][70:90])
    assert list(kept.outcomes) == list(trace.outcomes)
    assert kept.status_counts() == {"ok": RUNS}
    for name, values in trace.parameters.items():
        assert np.array_equal(kept[name], values)
    with h5py.File(saved) as file:
        names = list(file["final_state/state"].asstr())
        assert np.array_equal(file["final_state/value"][:, names.index("v")], trace.final[:, names.index("v")])


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray_opens_an_ensemble_with_names_and_units(saved: Path, engine: str) -> None:
    with xarray.open_dataset(saved, engine=engine) as data:
        assert data["ca_cyt"].dims == ("run", "time")
        assert data["ca_cyt"].attrs["units"] == "uM"
        assert data["Kv13.g_max"].dims == ("run",)
        assert data["Kv13.g_max"].attrs["units"] == "nS"
        assert data["time"].attrs["units"] == "s"
        assert data["status"].attrs["flag_meanings"].split() == list(STATUSES)
        assert int(data["status"].sum()) == STATUSES.index("ok") * RUNS
        assert data.attrs["complete"] == 1
    with xarray.open_dataset(saved, group="base_cell/parameters", engine=engine) as base:
        assert float(base["value"].sel(parameter="TRPM4.g_max")) == stub_nk_cell().parameter("TRPM4.g_max")
    with xarray.open_dataset(saved, group="provenance", engine=engine) as origin:
        assert "rosenbrock" in str(origin["parameters"].values)


def test_labelled_arrays_are_read_only_when_they_are_used(saved: Path) -> None:
    with nk.open_ensemble(saved).to_xarray() as data:
        assert not data["ca_cyt"].variable._in_memory
        assert set(data.coords) == {"run", "time", "attempt", "status", "Kv13.g_max", "start.ca_er", "start.k_out"}
        assert data["ca_cyt"].isel(run=3, time=-1).item() == nk.open_ensemble(saved)["ca_cyt"][3, -1]


def test_an_ensemble_prints_its_columns(saved: Path) -> None:
    shown = repr(nk.open_ensemble(saved))
    assert f"Ensemble of {RUNS} runs 'two channels': {RUNS} ok" in shown
    assert "start.ca_er" in shown
    assert "recorded at 3 times: v [mV], ca_cyt [uM]" in shown


def test_every_column_has_a_scale_a_checksum_a_meaning_and_a_unit(saved: Path) -> None:
    def check(name: str, item: object) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        assert "long_name" in item.attrs, name
        assert item.is_scale or all(len(axis) == 1 for axis in item.dims), name
        if item.dtype.kind in "fi" and item.shape:
            assert item.fletcher32, name
            assert "units" in item.attrs, name

    with h5py.File(saved) as file:
        file.visititems(check)


def test_failed_runs_are_marked_and_their_outputs_are_nan(tmp_path: Path) -> None:
    kept = nk.simulate_to_file(draws(20), PROTOCOL, tmp_path / "x.h5", record=["v"], times=[20.0], max_steps=3)
    assert kept.complete
    assert kept.status_counts() == {"step_limit": 20}
    assert np.isnan(kept["v"]).all()


def test_error_bars_and_attempts_are_kept_beside_what_they_belong_to(tmp_path: Path) -> None:
    solver = Solver(error_bars=True)
    nk.simulate_to_file(draws(10), PROTOCOL, tmp_path / "runs.h5", record=RECORD, times=[10.0, 20.0], solver=solver, execution=Execution(block=4))
    trace = nk.simulate(draws(10), PROTOCOL, record=RECORD, times=[10.0, 20.0], solver=solver)
    kept = nk.open_ensemble(tmp_path / "runs.h5")
    for name in RECORD:
        assert np.array_equal(kept[f"{name}.error"], trace.record_errors[name])
        assert np.all(trace.record_errors[name] > 0.0)
    with h5py.File(tmp_path / "runs.h5") as file:
        assert file["attempts"].shape == (10, len(RUNGS))
        assert np.all(file["attempts"][...] == -1)


def test_the_protocol_of_each_run_is_kept(tmp_path: Path) -> None:
    doses = [nk.Protocol(5.0).step(1.0, t3_drive=dose) for dose in (0.1, 0.5, 1.0)]
    chosen = np.array([2, 0, 1, 1])
    nk.simulate_to_file(nk.Draws(stub_nk_cell(), {"protocol": chosen}), doses, tmp_path / "x.h5")
    with xarray.open_dataset(tmp_path / "x.h5", group="protocol", engine="h5netcdf") as protocol:
        assert protocol["protocol_of_run"].values.tolist() == chosen.tolist()
        assert "t3_drive = 0.5" in protocol["event_text"].values.tolist()


def interrupting(after: int) -> Execution:
    """Ctrl-C as soon as that many runs are finished."""

    def look(finished: int) -> None:
        if finished >= after:
            raise KeyboardInterrupt

    return Execution(block=40, threads=1, on_progress=look)


def test_ctrl_c_keeps_the_finished_runs_in_a_file_that_says_it_is_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "runs.h5"
    path.write_bytes(b"an older file")
    with pytest.raises(KeyboardInterrupt, match=r"interrupted after \d+ of 150 runs; they are kept in '.*runs.h5.part', a result file marked incomplete"):
        nk.simulate_to_file(draws(), PROTOCOL, path, record=RECORD, times=[20.0], execution=interrupting(80))
    assert path.read_bytes() == b"an older file"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs.h5", "runs.h5.part"]
    part = nk.open_ensemble(f"{path}.part")
    assert not part.complete
    assert "INCOMPLETE" in repr(part)
    whole = nk.simulate(draws(), PROTOCOL, record=RECORD, times=[20.0])
    ended = part.outcomes.ok
    assert 80 <= ended.sum() < RUNS
    assert ended[:80].all()
    assert np.array_equal(part["ca_cyt"][ended], whole["ca_cyt"][ended])
    assert np.isnan(part["ca_cyt"][~ended]).all()
    assert set(part.status_counts()) <= {"ok", "cancelled", "not_run"}


def test_ctrl_c_returns_the_incomplete_file_when_that_is_asked_for(tmp_path: Path) -> None:
    execution = interrupting(80)
    kept = nk.simulate_to_file(draws(), PROTOCOL, tmp_path / "x.h5", execution=Execution(**{**vars(execution), "keep_interrupted": True}))
    assert not kept.complete
    assert Path(kept.path).name == "x.h5.part"


def test_ctrl_c_before_the_first_run_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        nk.simulate_to_file(draws(), nk.Protocol(1e5), tmp_path / "x.h5", execution=interrupting(0), fixed_step=1e-6, max_steps=10**12, max_seconds=60.0)
    assert not list(tmp_path.iterdir())


def test_a_bad_place_is_named_before_any_work(tmp_path: Path) -> None:
    untouchable = Execution(on_progress=lambda _: pytest.fail("work was done"))
    with pytest.raises(ResultsError, match="there is no folder"):
        nk.simulate_to_file(draws(), PROTOCOL, tmp_path / "none" / "x.h5", execution=untouchable)
    with pytest.raises(ResultsError, match="is a folder"):
        nk.simulate_to_file(draws(), PROTOCOL, tmp_path, execution=untouchable)
    with pytest.raises(ParameterError, match="no quantity 'ca' to record"):
        nk.simulate_to_file(draws(), PROTOCOL, tmp_path / "x.h5", record=["ca"], execution=untouchable)
    with pytest.raises(ParameterError, match="got list; simulate_to_file takes Draws"):
        nk.simulate_to_file([stub_nk_cell()], PROTOCOL, tmp_path / "x.h5")  # type: ignore[arg-type]
    for name in (3, None, "x" * 300, "a\0b"):
        with pytest.raises(ResultsError, match=r"cannot write|as the file to write; expected a name"):
            nk.simulate_to_file(draws(), PROTOCOL, name, execution=untouchable)
        with pytest.raises(ResultsError, match=r"there is no result file|as the file to read; expected the name"):
            nk.open_ensemble(name)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named_at_once_and_nothing_is_left(tmp_path: Path) -> None:
    code = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]); import nkcell_sim as nk; from tests.test_ensemble_file import *\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))\n"
        "seen = []\n"
        "try: nk.simulate_to_file(draws(4000), nk.Protocol(0.01), sys.argv[2], execution=Execution(block=400, on_progress=seen.append))\n"
        "except nk.errors.ResultsError as error: print(error, max(seen))"
    )
    said = subprocess.run([sys.executable, "-c", code, str(Path(__file__).parents[1]), str(tmp_path / "x.h5")], capture_output=True, text=True, check=True)
    assert "cannot write" in said.stdout
    assert "File too large" in said.stdout
    assert int(said.stdout.split()[-1]) < 4000
    assert not list(tmp_path.iterdir())


def test_each_kind_of_file_names_the_function_that_opens_it(saved: Path) -> None:
    with pytest.raises(ResultsError, match="open it with"):
        nk.open_results(saved)
    with pytest.raises(ResultsError, match="there is no result file"):
        nk.open_ensemble(saved.with_name("none.h5"))
    with pytest.raises(ParameterError, match=r"holds no .ca.; it has .*Kv13"):
        nk.open_ensemble(saved)["ca"]


def test_a_damaged_ensemble_is_named(saved: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.h5"
    copy.write_bytes(saved.read_bytes()[:-3000])
    with pytest.raises(ResultsError, match="truncated or damaged"):
        nk.open_ensemble(copy)
