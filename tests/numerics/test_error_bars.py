"""Error bars: the difference to a tighter companion is the error that a much tighter run confirms, and a lost companion loses nothing."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim.error_bars import error_bars
from nkcell_sim.errors import ParameterError
from nkcell_sim.execution import Execution
from nkcell_sim.ladder import climb
from nkcell_sim.model.cells import primary_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate, simulate_blocks
from nkcell_sim.solver import Solver

from .problems import STIFF, problem
from .test_ladder import PLAN, ended, jobs, scripted

TIMES = np.linspace(0.0, 60.0, 121)
PROTOCOL = Protocol(60.0).step(10.0, pregs="50 uM")


def cells(count: int) -> list:
    cell = primary_nk_cell()
    start = cell.with_state(cell.initial_state())
    return [start.set({"TRPM3.density": 0.5 + 0.1 * i}) for i in range(count)]


@pytest.mark.parametrize("rtol", [1e-4, 1e-6])
def test_the_error_bar_of_a_trace_is_its_distance_from_the_true_one(rtol: float) -> None:
    record = ["v", "ca_cyt", "na_cyt"]
    trace = simulate(cells(3), PROTOCOL, record=record, times=TIMES, rtol=rtol, error_bars=True).raise_for_status()
    true = simulate(cells(3), PROTOCOL, record=record, times=TIMES, rtol=1e-11).raise_for_status()
    for name in record:
        distance = np.abs(trace[name] - true[name]).max(axis=1)
        # the companion at rtol/100 is itself wrong by some per cent of the difference, more where errors fall slower than the tolerance
        assert trace.record_errors[name] == pytest.approx(distance, rel=0.3)
        assert np.all(trace.record_errors[name] > 0.0)


def test_the_error_bar_of_a_stiff_problem_contains_its_published_end_value() -> None:
    stiff = STIFF["HIRES"]
    cell = problem(stiff.cell)
    names = list(cell.composition.states)
    trace = simulate(cell, Protocol(stiff.end), record=names, times=[stiff.end], rtol=1e-6, error_bars=True)
    for name, reference in zip(names, stiff.reference, strict=True):
        assert abs(trace[name][0, 0] - reference) <= 1.3 * trace.record_errors[name][0] + 1e-15


def test_error_bars_change_no_bit_of_the_run_and_no_counter() -> None:
    plain = simulate(cells(3), PROTOCOL, record=["v"], times=TIMES)
    barred = simulate(cells(3), PROTOCOL, record=["v"], times=TIMES, error_bars=True)
    assert plain["v"].tobytes() == barred["v"].tobytes()
    assert list(plain.outcomes) == list(barred.outcomes)
    assert plain.record_errors == {}


def test_error_bars_of_blocks_are_those_of_the_whole() -> None:
    whole = simulate(cells(9), PROTOCOL, record=["v", "ca_cyt"], times=TIMES, error_bars=True)
    parts = list(simulate_blocks(cells(9), PROTOCOL, record=["v", "ca_cyt"], times=TIMES, error_bars=True, execution=Execution(block=2)))
    for name in ("v", "ca_cyt"):
        assert np.concatenate([p.record_errors[name] for p in parts]).tobytes() == whole.record_errors[name].tobytes()


def test_a_failed_run_has_no_error_bar_and_its_neighbours_have_theirs() -> None:
    good, doomed = problem("blow_up").with_state({"y": 0.1}), problem("blow_up")
    trace = simulate([good, doomed, good], Protocol(2.0), record=["y"], times=[1.0, 2.0], error_bars=True)
    errors = trace.record_errors["y"]
    assert np.isnan(errors[1])
    assert errors[0] == errors[2] > 0.0


def test_a_failed_companion_costs_its_error_bar_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, lambda run, s, spent: ended("ok") if run == 0 or s.rtol == 1e-6 else ended("step_limit"))
    solver = Solver()
    block = climb(PLAN, jobs(2), solver, Execution())
    errors = error_bars(PLAN, jobs(2), block, solver, Execution())
    assert block.outcomes.status == ["ok", "ok"]
    assert errors.records[0, 0] == pytest.approx(1e-6 - 1e-8)
    assert np.isnan(errors.records[1, 0])


def test_a_run_that_a_tighter_rung_cured_is_compared_with_a_still_tighter_one(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, lambda run, s, spent: ended("ok") if s.rtol < 1e-7 else ended("non_finite_rhs"))
    solver = Solver()
    block = climb(PLAN, jobs(1), solver, Execution())
    assert block.outcomes[0].rung == 2
    # without this the companion at rtol/100 would be the same run, and the error bar 0
    assert error_bars(PLAN, jobs(1), block, solver, Execution()).records[0, 0] == pytest.approx(1e-8 - 1e-10)


@pytest.mark.parametrize("options", [{"rtol": 1e-13}, {"rtol": 1e-14}, {"fixed_step": 0.01}])
def test_an_error_bar_that_no_tighter_run_could_give_is_refused(options: dict[str, float]) -> None:
    # the companion would be the same run (or a looser one), and the error bar 0
    with pytest.raises(ParameterError, match="tighter tolerance"):
        Solver(error_bars=True, **options)  # type: ignore[arg-type]


def test_a_run_cured_at_the_tightest_tolerance_has_no_error_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, lambda run, s, spent: ended("ok") if s.rtol < 1e-12 else ended("non_finite_rhs"))
    solver = Solver(rtol=1e-11, error_bars=True)
    block = climb(PLAN, jobs(1), solver, Execution())
    assert block.outcomes[0].rung == 2
    assert np.isnan(error_bars(PLAN, jobs(1), block, solver, Execution()).records[0, 0])


def test_nothing_recorded_is_nothing_to_compare() -> None:
    trace = simulate(cells(1), Protocol(1.0), times=[], error_bars=True)
    assert trace.record_errors == {}
