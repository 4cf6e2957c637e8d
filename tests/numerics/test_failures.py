"""Runs that must fail well: fast, each with its own outcome, NaN outputs, and no harm to their neighbours."""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from nkcell_sim import _kernels
from nkcell_sim.batch import run_batch
from nkcell_sim.errors import SimulationError
from nkcell_sim.execution import Execution
from nkcell_sim.model.cells import primary_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate
from nkcell_sim.solver import StateScales

from .problems import problem

DRIVEN = Protocol(2.0).ramp(0.0, 2.0, x=(0.0, 2.0))
# name, protocol, outcome, the time [s] at which it must end
CASES = {
    "finite-time blow-up": ("blow_up", Protocol(2.0), "diverged", 1.0),
    "pole in time": ("singular_in_time", DRIVEN, "step_underflow", 1.0),
    "not a number from 0.5 s": ("undefined_late", DRIVEN, "non_finite_rhs", 0.5),
    # y' = -1 - sqrt(y) from 1 reaches 0 after 2 - 2 ln 2 s
    "root of a negative number": ("root_through_zero", Protocol(2.0), "out_of_range", 2.0 - 2.0 * np.log(2.0)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_cannot_end_says_why_and_where(case: str) -> None:
    name, protocol, outcome, when = CASES[case]
    trace = simulate(problem(name), protocol, record=["y"], times=[0.1, 2.0], rtol=1e-6)
    result = trace.outcomes[0]
    assert result.status == outcome
    assert result.worst == "y"
    # the singularity is met to the accuracy of the run: some tolerances of the solution's size
    assert result.time_reached == pytest.approx(when, abs=1e-4)
    assert np.all(np.isnan(trace["y"]))
    assert np.all(np.isfinite(trace.final))


def test_each_kind_of_failure_has_its_own_name() -> None:
    assert len({outcome for _, _, outcome, _ in CASES.values()}) == len(CASES)


@pytest.mark.parametrize("case", CASES)
def test_a_failure_costs_less_than_a_tenth_of_a_second(case: str) -> None:
    name, protocol, _, _ = CASES[case]
    cell = problem(name)
    simulate(cell, protocol, times=[])
    # work is the machine-independent promise, of all attempts together: a step takes about 1 us here, so this is a twentieth of 0.1 s
    work = simulate(cell, protocol, times=[]).outcomes[0]
    assert work.steps + work.rejected < 5000
    best = min(_seconds(cell, protocol) for _ in range(5))
    assert best < 0.1


def _seconds(cell: object, protocol: Protocol) -> float:
    start = time.perf_counter()
    simulate(cell, protocol, times=[])  # type: ignore[arg-type]
    return time.perf_counter() - start


def test_step_limit_ends_a_run_with_its_own_outcome() -> None:
    trace = simulate(problem("oregonator"), Protocol(360.0), times=[], max_steps=50)
    assert trace.status == ["step_limit"]
    assert 0.0 < trace.outcomes[0].time_reached < 360.0
    assert trace.outcomes[0].steps + trace.outcomes[0].rejected == 50


def test_wall_time_limit_ends_a_run_with_its_own_outcome() -> None:
    # 1e9 fixed steps would take minutes
    trace = simulate(problem("oregonator"), Protocol(360.0), times=[], fixed_step=3.6e-7, max_seconds=0.05, max_steps=10**12)
    assert trace.status == ["time_limit"]


def test_a_failing_neighbour_changes_no_bit_of_a_healthy_run() -> None:
    healthy = problem("blow_up").with_state({"y": 0.1})
    doomed = problem("blow_up")
    alone = simulate(healthy, Protocol(2.0), record=["y"]).raise_for_status()
    mixed = simulate([doomed, healthy, doomed, doomed, healthy, doomed], Protocol(2.0), record=["y"])
    assert mixed.status == ["diverged", "ok", "diverged", "diverged", "ok", "diverged"]
    for row in (1, 4):
        assert np.array_equal(mixed["y"][row], alone["y"][0])
        assert mixed.outcomes[row] == alone.outcomes[0]


def test_failures_can_be_raised_on_request_with_their_causes() -> None:
    with pytest.raises(SimulationError, match=r"1 of 1 runs failed.*\n.*diverged.*worst component y"):
        simulate(problem("blow_up"), Protocol(2.0), times=[]).raise_for_status()


@pytest.fixture
def listening() -> Iterator[None]:
    """Python listens for SIGINT even where the test run was started with it ignored (in the background)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening")
def test_ctrl_c_is_answered_at_once_and_keeps_what_is_finished() -> None:
    # a long fixed-step run is interrupted from a timer; the short run beside it is finished by then
    quick, endless = Protocol(1e-3), Protocol(360.0)
    started = time.perf_counter()
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    trace = simulate(
        [problem("oregonator")] * 2, [quick, endless], times=[], fixed_step=1e-7, max_steps=10**12, max_seconds=60.0,
        execution=Execution(threads=1, keep_interrupted=True),
    )  # fmt: skip
    # the run would take hours and its own budget is 60 s: anything near the timer's 0.3 s is the interrupt's doing
    assert time.perf_counter() - started < 10.0
    assert trace.status == ["ok", "cancelled"]


@pytest.mark.usefixtures("listening")
def test_ctrl_c_raises_unless_the_finished_runs_are_asked_for() -> None:
    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        simulate(problem("oregonator"), Protocol(360.0), times=[], fixed_step=1e-7, max_steps=10**12, max_seconds=60.0)


def test_not_one_step_is_taken_once_a_batch_is_cancelled() -> None:
    # the engine looks before every step of its block, so an interrupt waits for one step at most: some microseconds
    cell = primary_nk_cell()
    composition, protocol = cell.composition, Protocol(1e6)
    compiled = protocol.compile(composition, dict(zip(composition.inputs, cell.input_defaults(), strict=True)))
    scales = StateScales.of(composition)
    states, parameters = np.array([cell.initial_state()] * 20), np.array([cell.parameter_vector()] * 20)
    batch = _kernels.Batch(
        composition.name, states, parameters, [0] * 20, [(compiled, np.empty(0), np.empty(0))], [], [],
        rtol=1e-6, atol=1e-6 * scales.scale, lower=scales.lower, upper=scales.upper, diverged=1e12 * scales.scale, max_steps=10**9, fixed_step=1e-3,
    )  # fmt: skip
    batch.cancel()
    batch.work()
    assert int(batch.counters.sum()) == 0
    lanes = Execution().lanes()
    ends = [_kernels.STATUS[code] for code in batch.status]
    assert ends == ["cancelled"] * min(lanes, 20) + ["not_run"] * max(0, 20 - lanes)


@pytest.mark.usefixtures("listening")
def test_a_signal_is_answered_within_a_fifth_of_a_second() -> None:
    # the best of five, since a busy machine may keep any thread waiting; the runs themselves would take an hour
    waits = []
    for _ in range(5):
        sent: list[float] = []

        def send(sent: list[float] = sent) -> None:
            sent.append(time.perf_counter())
            os.kill(os.getpid(), signal.SIGINT)

        threading.Timer(0.1, send).start()
        trace = simulate(
            [problem("oregonator")] * 64, Protocol(1e9), times=[], max_steps=10**13, error_bars=True,
            execution=Execution(threads=2, keep_interrupted=True),
        )  # fmt: skip
        waits.append(time.perf_counter() - sent[0])
        assert set(trace.status) <= {"cancelled", "not_run"}
    assert min(waits) < 0.2


class Interrupted(threading.Semaphore):
    """A semaphore whose first permit is taken just when Ctrl-C arrives."""

    def acquire(self, *args: object, **options: object) -> bool:
        taken = super().acquire(*args, **options)  # type: ignore[arg-type]
        if taken and not self.__dict__.setdefault("_interrupted", False):
            self.__dict__["_interrupted"] = True
            raise KeyboardInterrupt
        return taken


def test_an_interrupt_between_the_end_of_a_thread_and_its_count_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Batch:
        finished, cancelled, started = 0, False, 0

        def work(self) -> None:
            self.started += 1
            while self.started == 2 and not self.cancelled:  # the first thread ends at once
                time.sleep(0.001)

        def cancel(self) -> None:
            self.cancelled = True

    monkeypatch.setattr(threading, "Semaphore", Interrupted)
    batch = Batch()
    ended: list[bool] = []
    caller = threading.Thread(target=lambda: ended.append(run_batch(batch, 2)), daemon=True)
    caller.start()
    caller.join(10.0)
    assert ended == [False]


@pytest.mark.parametrize("threads", [1, 3])
def test_the_last_report_of_progress_counts_every_run_however_short(threads: int) -> None:
    for _ in range(20):
        seen: list[int] = []
        simulate([problem("passive_membrane")] * 30, Protocol(1e-6), times=[], execution=Execution(threads=threads, on_progress=seen.append))
        assert seen[-1] == 30


def test_an_error_in_a_progress_callback_stops_the_runs_and_is_raised() -> None:
    def broken(done: int) -> None:
        raise RuntimeError("no terminal")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="no terminal"):
        simulate([problem("oregonator")] * 16, Protocol(1e9), times=[], max_steps=10**13, execution=Execution(threads=2, on_progress=broken))
    # the runs would take an hour; a step takes microseconds
    for _ in range(500):
        if threading.active_count() == before:
            break
        time.sleep(0.01)
    assert threading.active_count() == before


def test_an_infinite_slope_fails_a_run_instead_of_freezing_its_state() -> None:
    # y' = 1 + sqrt(y) rises from 0, where the slope of the root is infinite
    cell = problem("root_through_zero").set({"RootThroughZero.rate": -1.0}).with_state({"y": 0.0})
    result = simulate(cell, Protocol(1.0), times=[]).outcomes[0]
    assert (result.status, result.worst, result.time_reached) == ("non_finite_rhs", "y", 0.0)


def test_a_state_pressed_against_its_bound_ends_the_run_instead_of_creeping() -> None:
    # y' = -1 - sqrt(y) from its bound: the first step already shows that the range is left
    trace = simulate(problem("root_through_zero").with_state({"y": 0.0}), Protocol(2.0), times=[])
    assert trace.status == ["out_of_range"]
    assert trace.outcomes[0].steps + trace.outcomes[0].rejected < 5


def test_the_state_whose_equation_broke_is_named_and_not_the_last_one() -> None:
    cell = primary_nk_cell()
    start = cell.with_state(cell.initial_state())
    no_potassium = simulate(start, Protocol(1.0).step(0.5, k_out=0.0), times=[]).outcomes[0]
    # without K+ (or Cs+) outside, E_K is minus infinity: the first equation that uses it is the membrane's
    assert (no_potassium.status, no_potassium.worst, no_potassium.time_reached) == ("non_finite_rhs", "v", 0.5)


@pytest.mark.parametrize("key", ["ca_cyt", "ca_er", "ca_mit", "CRAC.stim", "ip3", "g_bg", "na_cyt"])
def test_an_empty_store_or_cytosol_is_a_state_like_any_other(key: str) -> None:
    trace = simulate(primary_nk_cell().with_state({key: 0.0}), Protocol(10.0), record=[key], times=[10.0])
    assert trace.status == ["ok"]
    assert trace[key][0, 0] > 0.0


def test_an_extreme_but_legal_shape_of_a_gate_does_not_break_the_jacobian() -> None:
    cell = primary_nk_cell()
    cell = cell.with_state(cell.initial_state()).set({"Kv13.k_tau_n": 0.1})
    protocol = Protocol(1.0).step(0.0, whole_cell=1.0, v_clamp=1.0, v_cmd="100 mV", cs_out="10 mM")
    assert simulate(cell, protocol, times=[]).status == ["ok"]


def test_the_pump_stands_still_beyond_its_reversal_instead_of_passing_a_pole() -> None:
    cell = primary_nk_cell()
    protocol = Protocol(5.0).step(0.0, whole_cell=1.0, v_clamp=1.0, v_cmd="-250 mV")
    trace = simulate(cell, protocol, record=["NaKATPase.i", "v"], times=[1.0, 5.0])
    assert trace.status == ["ok"]
    assert trace["v"][0, 0] < -200.0
    assert trace["NaKATPase.i"][0].tolist() == [0.0, 0.0]


def test_a_failed_run_hands_on_no_cell() -> None:
    trace = simulate(problem("blow_up"), Protocol(2.0), times=[])
    with pytest.raises(SimulationError, match="run 0 of cell 'blow_up' has no end state"):
        trace.final_cell(0)


SCIPY = ["radau", "bdf", "lsoda"]


@pytest.mark.parametrize("method", SCIPY)
@pytest.mark.parametrize("case", CASES)
def test_the_scipy_route_ends_hopeless_runs_inside_its_budget_too(case: str, method: str) -> None:
    name, protocol, _, _ = CASES[case]
    started = time.perf_counter()
    outcome = simulate(problem(name), protocol, record=["y"], times=[0.1, 2.0], method=method, max_seconds=0.5).outcomes[0]
    # SciPy may step over a pole without noticing, which is why it is the cross-check and not the engine; it must end all the same
    failures = {"diverged", "step_underflow", "non_finite_rhs", "out_of_range", "time_limit", "step_limit"}
    assert outcome.status in failures | ({"ok"} if "pole" in case else set())
    assert time.perf_counter() - started < 5.0


@pytest.mark.parametrize("method", SCIPY)
def test_the_scipy_route_keeps_to_the_step_limit(method: str) -> None:
    outcome = simulate(problem("oregonator"), Protocol(360.0), times=[], method=method, max_steps=20).outcomes[0]
    assert (outcome.status, outcome.steps) == ("step_limit", 20)


def test_one_broken_cell_does_not_lose_the_batch_of_the_scipy_route() -> None:
    trace = simulate([problem("blow_up"), problem("blow_up").with_state({"y": 0.1})], Protocol(2.0), record=["y"], times=[2.0], method="radau")
    assert trace.status[1] == "ok"
    assert trace.status[0] != "ok"
    assert trace["y"][1, 0] == pytest.approx(0.125, rel=1e-4)


def test_dense_output_between_two_steps_stays_in_the_range_of_its_state() -> None:
    # the rise of the agonist gate ends at its bound of 1 and its fall at 0: the interpolating polynomial oscillates about both by less than the tolerance
    cell = primary_nk_cell()
    cell = cell.with_state(cell.initial_state()).set({"TRPM3.tau_on": 0.002, "TRPM3.tau_off": 0.008, "TRPM3.k_ps": "0.03 uM"})
    protocol = Protocol(60.0).step(10.0, pregs="50 uM").step(30.0, pregs=0.0)
    trace = simulate(cell, protocol, record=["TRPM3.theta", "ip3"], times=np.linspace(0.0, 60.0, 20_001)).raise_for_status()
    assert trace["TRPM3.theta"].min() >= 0.0
    assert trace["TRPM3.theta"].max() <= 1.0
    assert trace["ip3"].min() >= 0.0


@pytest.mark.parametrize("fixed_step", [0.0, 1e-3])
def test_a_start_outside_its_range_is_out_of_range_at_once(fixed_step: float) -> None:
    cell = primary_nk_cell()
    start = cell.initial_state()
    index = cell.composition.state_index["ca_cyt"]
    start[index] = -0.05
    outcome = simulate(cell.with_state(start), Protocol(1.0), times=[], fixed_step=fixed_step).outcomes[0]
    assert (outcome.status, outcome.worst, outcome.time_reached, outcome.steps) == ("out_of_range", "ca_cyt", 0.0, 0)


def test_fixed_steps_do_not_hide_a_state_that_leaves_its_range() -> None:
    # y' = -1 - sqrt(y) reaches 0 after 2 - 2 ln 2 s, in the middle of a step of 0.1 s
    outcome = simulate(problem("root_through_zero"), Protocol(2.0), times=[], fixed_step=0.1).outcomes[0]
    assert outcome.status == "out_of_range"
    assert outcome.time_reached == pytest.approx(2.0 - 2.0 * np.log(2.0), abs=0.1)
