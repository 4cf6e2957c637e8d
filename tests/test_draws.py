"""Draws: a base cell and a table of what differs behave like the cells that they stand for."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.errors import NkcellError, ParameterError, ProtocolError
from nkcell_sim.execution import Execution
from nkcell_sim.model.cells import stub_nk_cell
from nkcell_sim.simulate import simulate_blocks
from nkcell_sim.solver import Solver

PROTOCOL = nk.Protocol(20.0).step(5.0, t3_drive=1.0)
KEYS = ("v", "ca_cyt")
RNG = np.random.default_rng(20)


@pytest.fixture(scope="module")
def cell() -> nk.Cell:
    return stub_nk_cell()


def table(count: int) -> dict:
    return {
        "Kv13.g_max": RNG.uniform(0.5, 2.0, count),
        "KCa31.g_max": RNG.uniform(0.1, 0.4, count),
        "k_out": RNG.uniform(3.0, 8.0, count),
        "ca_er": RNG.uniform(300.0, 600.0, count),
    }


def bits(trace: nk.Trace, row: int) -> bytes:
    return b"".join(trace[key][row].tobytes() for key in KEYS) + trace.final[row].tobytes() + repr(trace.outcomes[row]).encode()


def test_a_run_of_a_table_has_the_bits_of_its_cell_alone(cell: nk.Cell) -> None:
    draws = nk.Draws(cell, table(9))
    together = nk.simulate(draws, PROTOCOL, record=KEYS, execution=Execution(block=4))
    listed = nk.simulate(list(draws), PROTOCOL, record=KEYS)
    for row in (0, 3, 4, 8):
        alone = nk.simulate(draws[row], PROTOCOL, record=KEYS)
        assert bits(together, row) == bits(alone, 0) == bits(listed, row)
    assert len({bits(together, row) for row in range(9)}) == 9


def test_a_drawn_cell_is_the_base_cell_with_the_values_of_its_row(cell: nk.Cell) -> None:
    columns = table(4)
    drawn = nk.Draws(cell, columns)[2]
    assert drawn.parameter("Kv13.g_max") == columns["Kv13.g_max"][2]
    assert drawn.inputs["k_out"] == columns["k_out"][2]
    assert drawn.state_value("ca_er") == pytest.approx(columns["ca_er"][2], rel=1e-15)
    assert drawn.state_value("v") == cell.state_value("v")
    assert drawn.parameter("TRPM4.g_max") == cell.parameter("TRPM4.g_max")


def test_every_run_starts_like_the_base_cell_unless_it_is_asked_for_its_own_rest() -> None:
    cell = nk.primary_nk_cell()
    columns = {"TRPM3.density": [0.5, 1.0, 1.5]}
    base, own = nk.Draws(cell, columns), nk.Draws(cell, columns, start="rest")
    assert np.array_equal(base.block(0, 3).states, np.tile(cell.initial_state(), (3, 1)))
    expected = [cell.set({"TRPM3.density": v}).initial_state() for v in columns["TRPM3.density"]]
    assert np.array_equal(own.block(0, 3).states, expected)
    assert np.array_equal(own[1].initial_state(), expected[1])


def test_blocks_of_any_size_give_the_same_bits(cell: nk.Cell) -> None:
    draws = nk.Draws(cell, table(11))
    whole = nk.simulate(draws, PROTOCOL, record=KEYS)
    for size in (1, 3, 11):
        parts = list(simulate_blocks(draws, PROTOCOL, record=KEYS, execution=Execution(block=size)))
        assert [len(p.outcomes) for p in parts] == [min(size, 11 - k) for k in range(0, 11, size)]
        assert [bits(p, row) for p in parts for row in range(len(p.outcomes))] == [bits(whole, row) for row in range(11)]
        assert np.array_equal(np.concatenate([p.parameters["start.k_out"] for p in parts]), draws.columns["k_out"])


def test_a_drawn_resting_input_that_the_protocol_drives_is_where_the_drive_begins(cell: nk.Cell) -> None:
    rest = [4.0, 5.0, 6.0, 5.0]
    protocol = nk.Protocol(10.0).exchange(5.0, 1.0, k_out=40.0).step(8.0, ca_out=0.0)
    trace = nk.simulate(nk.Draws(cell, {"k_out": rest, "na_out": [140.0, 140.0, 150.0, 130.0]}), protocol, record=["k_out", "na_out"], times=[5.0, 6.0])
    expected = 40.0 + (np.array(rest) - 40.0) * np.exp(-1.0)
    # to rounding: the closed form of an exponential relaxation
    np.testing.assert_allclose(trace["k_out"][:, 0], rest, rtol=1e-14)
    np.testing.assert_allclose(trace["k_out"][:, 1], expected, rtol=1e-12)
    np.testing.assert_allclose(trace["na_out"][:, 1], [140.0, 140.0, 150.0, 130.0], rtol=1e-14)


def test_each_run_follows_the_protocol_that_its_row_names(cell: nk.Cell) -> None:
    weak, strong = nk.Protocol(20.0).step(5.0, t3_drive=0.1), nk.Protocol(20.0).step(5.0, t3_drive=1.0)
    chosen = [1, 0, 0, 1]
    trace = nk.simulate(nk.Draws(cell, {"protocol": chosen, "Kv13.g_max": 1.0}), [weak, strong], record=KEYS)
    listed = nk.simulate([cell.set({"Kv13.g_max": 1.0})] * 4, [[weak, strong][c] for c in chosen], record=KEYS)
    assert [bits(trace, row) for row in range(4)] == [bits(listed, row) for row in range(4)]
    assert np.ptp(trace["ca_cyt"][:, -1]) > 0.0
    with pytest.raises(ProtocolError, match="row 0 of the draws follows protocol 1; 1 were given"):
        nk.simulate(nk.Draws(cell, {"protocol": chosen}), [weak])


def test_tables_of_every_kind_say_the_same(cell: nk.Cell, tmp_path: object) -> None:
    import h5py
    import pandas

    plain = {"Kv13.g_max": np.array([0.5, 1.0, 2.0]), "k_out": np.array([4.0, 5.0, 6.0])}
    records = np.rec.fromarrays(list(plain.values()), names=list(plain))
    with h5py.File(f"{tmp_path}/draws.h5", "w") as file:
        for key, values in plain.items():
            file[key] = values
        file["k_out"][...] = plain["k_out"] * 1e3
        file["k_out"].attrs["units"] = "uM"
        kinds = [
            nk.Draws(cell, plain),
            nk.Draws(cell, records),
            nk.Draws(cell, pandas.DataFrame(plain)),
            nk.Draws(cell, file),
            nk.Draws(cell, {"Kv13.g_max": ["500 pS", "1 nS", 2.0], "k_out": ([4000.0, 5000.0, 6000.0], "uM")}),
        ]
    for draws in kinds:
        assert len(draws) == 3
        for key, values in plain.items():
            np.testing.assert_allclose(draws.columns[key], values, rtol=1e-15)


def test_a_single_value_holds_for_all_runs(cell: nk.Cell) -> None:
    draws = nk.Draws(cell, {"Kv13.g_max": [0.5, 1.0], "k_out": "5 mM", "KCa31.switch": 0.0})
    assert draws.columns["k_out"].tolist() == [5.0, 5.0]
    assert draws[1].parameter("KCa31.switch") == 0.0


def test_the_table_prints_its_columns_with_unit_and_spread(cell: nk.Cell) -> None:
    shown = repr(nk.Draws(cell, {"Kv13.g_max": [0.5, 1.0, 3.0], "k_out": 5.0, "protocol": [0, 1, 1]}))
    assert "3 runs" in shown
    assert "all from the start of the base cell" in shown
    line = next(text for text in shown.splitlines() if "Kv13.g_max" in text).split()
    assert line[1:5] == ["nS", "0.5", "1", "3"]
    assert float(line[5]) == cell.parameter("Kv13.g_max")


BAD = {
    "negative": ({"Kv13.g_max": [1.0, -1.0, -2.0]}, r"row 1 of the draws: got Kv13.g_max = -1 nS; expected a number of at least 0 nS.*2 of 3 rows"),
    "not a number": ({"Kv13.g_max": [1.0, 2.0, np.nan]}, r"row 2 of the draws: got Kv13.g_max = nan nS"),
    "a switch half on": ({"KCa31.switch": [0.0, 1.0, 0.5]}, r"row 2 of the draws: got KCa31.switch = 0.5; expected 0 or 1"),
    "a start below its range": ({"ca_er": [1.0, -2.0]}, r"row 1 of the draws: got ca_er = -2 uM; expected a number between 0 and"),
    "a wrong unit": ({"Kv13.g_max": ["1 nS", "2 mV"]}, r"row 1 of the draws: Kv13.g_max: got '2 mV'; expected a conductance"),
    "a column of a wrong unit": ({"Kv13.g_max": ([1.0, 2.0], "mV")}, r"column 'Kv13.g_max' of the draws is in mV; expected a unit like nS"),
    "an unknown name": ({"Kv13.gmax": [1.0]}, r"has no parameter, input or state 'Kv13.gmax'; did you mean 'Kv13.g_max'"),
    "columns of two lengths": ({"Kv13.g_max": [1.0, 2.0], "k_out": [4.0, 5.0, 6.0]}, r"differ in length: Kv13.g_max has 2, k_out has 3"),
    "no rows": ({"Kv13.g_max": []}, "without rows"),
    "no columns": ({}, "without columns"),
    "two axes": ({"Kv13.g_max": np.ones((2, 2))}, "has 2 axes"),
    "truth values": ({"Kv13.g_max": np.array([True, False])}, "holds bool"),
    "half a protocol": ({"protocol": [0.5]}, r"holds float64 \(0.5 first\); expected .* a whole number from 0"),
    "a protocol before the first": ({"protocol": [0, -1]}, "row 1 of the draws: got protocol = -1; expected"),
    "a protocol beyond all integers": ({"protocol": np.array([0, 2**64 - 1], dtype="u8")}, "row 1 of the draws: got protocol = 18446744073709551615"),
    "a number beyond all doubles": ({"Kv13.g_max": [1, 10**400]}, "row 1 of the draws: got Kv13.g_max = inf nS"),
    "a hole": ({"Kv13.g_max": np.ma.array([1.0, 2.0], mask=[False, True])}, "row 1 of the draws: Kv13.g_max is masked"),
    "rows of two lengths": ({"Kv13.g_max": [[1.0], [1.0, 2.0]]}, "column 'Kv13.g_max' of the draws has rows of different lengths"),
    "an unknown unit": ({"Kv13.g_max": ([1.0], "blah")}, "column 'Kv13.g_max' of the draws: unknown unit 'blah'"),
    "text in another encoding": ({"Kv13.g_max": np.array([b"\xff"])}, "row 0 of the draws: Kv13.g_max: got"),
    "one name twice": ({1: [1.0], "1": [2.0]}, "two columns named '1'"),
    "no table": ([1.0, 2.0], "got a table of draws of type list"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_table_is_refused_with_the_row_and_what_was_expected(cell: nk.Cell, case: str) -> None:
    given, message = BAD[case]
    with pytest.raises(ParameterError, match=message):
        nk.Draws(cell, given)


@pytest.mark.parametrize("base", [None, "primary_nk", [stub_nk_cell()]])
def test_a_base_that_is_no_cell_is_refused(base: object) -> None:
    with pytest.raises(ParameterError, match="as the base cell of the draws; expected a cell"):
        nk.Draws(base, {"k_out": [5.0]})


@pytest.mark.parametrize("kind", ["<f8", ">f8", "f4", "longdouble", "i2", "object"])
def test_numbers_of_any_kind_and_layout_are_read(cell: nk.Cell, kind: str) -> None:
    spaced = np.array([1, 9, 2, 9, 3, 9], dtype=kind)[::2]
    assert nk.Draws(cell, {"Kv13.g_max": spaced}).columns["Kv13.g_max"].tolist() == [1.0, 2.0, 3.0]


def test_an_empty_part_of_a_table_prints(cell: nk.Cell) -> None:
    assert "0 runs" in repr(nk.Draws(cell, {"k_out": [5.0]})[1:])


WRONG = {
    "no cell": (lambda cell: nk.simulate("primary_nk", PROTOCOL), "got str; expected a cell, a list of cells, or Draws"),
    "a list with a hole": (lambda cell: nk.simulate([cell, None], PROTOCOL), "got NoneType as cell 1"),
    "no protocol": (lambda cell: nk.simulate(cell, "60 s"), "got '60 s' as the protocol; expected a Protocol"),
    "a name instead of names": (lambda cell: nk.simulate(cell, PROTOCOL, record="v"), r"got record = 'v'; expected a list of names"),
    "a list of features": (lambda cell: nk.simulate(cell, PROTOCOL, features=[nk.Peak("v")]), "got features = .*; expected a dict of names"),
    "times with units": (lambda cell: nk.simulate(cell, PROTOCOL, record=KEYS, times=["1 s"]), r"got output times \['1 s'\]; expected numbers in s"),
    "a misspelt option": (lambda cell: nk.simulate(cell, PROTOCOL, rtoll=1e-6), "option 'rtoll', which no solver has; did you mean 'rtol'"),
    "settings twice": (lambda cell: nk.simulate(cell, PROTOCOL, solver=Solver(), rtol=1e-3), "got a solver and rtol beside it"),
    "settings as a dict": (lambda cell: nk.simulate(cell, PROTOCOL, solver={"rtol": 1e-3}), "expected a Solver"),
    "a place as a dict": (lambda cell: nk.simulate(cell, PROTOCOL, execution={"threads": 2}), "expected an Execution"),
    "a tolerance as text": (lambda cell: Solver(rtol="1e-6"), "got rtol = '1e-6'; expected a number"),
    "half a step": (lambda cell: Solver(max_steps=1.5), "got max_steps = 1.5; expected a whole number"),
    "endless steps": (lambda cell: Solver(max_steps=10**30), "expected a whole number of steps"),
    "a flag as text": (lambda cell: Solver(retry="no"), "got retry = 'no'; expected True or False"),
    "progress to nobody": (lambda cell: Execution(on_progress=3), "got on_progress = 3; expected a function"),
    "no threads": (lambda cell: nk.simulate(cell, PROTOCOL, execution=Execution(threads=0)), "got 0 threads; expected a whole number from 1"),
    "an unknown instruction set": (lambda cell: nk.simulate(cell, PROTOCOL, execution=Execution(isa="foo")), "got instruction set 'foo'; this machine runs"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_argument_is_refused_with_what_was_expected(cell: nk.Cell, case: str) -> None:
    call, message = WRONG[case]
    with pytest.raises(NkcellError, match=message):
        call(cell)


def test_an_error_of_the_progress_report_stops_the_work(cell: nk.Cell) -> None:
    def broken(done: int) -> None:
        raise RuntimeError("the report")

    threads = threading.active_count()
    endless = Solver(fixed_step=1e-6, max_steps=10**12, max_seconds=60.0)
    with pytest.raises(RuntimeError, match="the report"):
        nk.simulate(cell, nk.Protocol(1e5), times=[], solver=endless, execution=Execution(on_progress=broken))
    ended = time.monotonic() + 10.0  # far below the 60 s that the run would take
    while threading.active_count() > threads and time.monotonic() < ended:
        time.sleep(0.01)
    assert threading.active_count() <= threads


def test_the_scipy_route_takes_draws_too(cell: nk.Cell) -> None:
    draws = nk.Draws(cell, {"Kv13.g_max": [0.8, 1.2]})
    ours = nk.simulate(draws, PROTOCOL, record=KEYS, times=[20.0])
    theirs = nk.simulate(draws, PROTOCOL, record=KEYS, times=[20.0], method="bdf", rtol=1e-8)
    # two methods at 1e-6 and 1e-8, errors up to some tens of tolerances
    np.testing.assert_allclose(ours["ca_cyt"], theirs["ca_cyt"], rtol=1e-4)


def test_simulating_a_table_builds_no_cell(cell: nk.Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = nk.Draws(cell, table(50))
    monkeypatch.setattr(nk.Draws, "_drawn", lambda *_: pytest.fail("a cell was built"))
    assert nk.simulate(draws, PROTOCOL, record=KEYS).outcomes.counts() == {"ok": 50}


def test_a_trace_of_draws_is_a_labelled_table(cell: nk.Cell) -> None:
    columns = table(3)
    trace = nk.simulate(nk.Draws(cell, columns), PROTOCOL, record=["ca_cyt", "ca_er"], times=[1.0, 20.0])
    data = trace.to_xarray()
    assert dict(data.sizes) == {"run": 3, "time": 2}
    assert data["ca_cyt"].attrs["units"] == "uM"
    assert data["time"].attrs["units"] == "s"
    assert data["Kv13.g_max"].attrs["units"] == "nS"
    assert np.array_equal(data["start.ca_er"], columns["ca_er"])
    assert np.array_equal(data["ca_er"], trace["ca_er"])
    assert data["status"].values.tolist() == ["ok"] * 3
    low = data.where(data["Kv13.g_max"] < 1.0, drop=True)
    assert low.sizes["run"] == np.sum(columns["Kv13.g_max"] < 1.0)
