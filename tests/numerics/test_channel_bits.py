"""Drawn channels and the promises of the engine: same bits everywhere, budgets, outcomes, features, and cells without drawn channels left alone."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from nkcell_sim import _kernels
from nkcell_sim.channels import StochasticChannels, counted_channels
from nkcell_sim.engine import Jobs
from nkcell_sim.execution import Execution
from nkcell_sim.features import Area, Crossing, Mean, Peak, ValueAt, ValueWhen
from nkcell_sim.gating import Gating
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import COMPOSITIONS, primary_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate, simulate_blocks
from nkcell_sim.trace import Trace

KEYS = [(i, 1000 + i) for i in range(11)]
PROTOCOL = Protocol("2 s").exchange("0.2 s", "0.1 s", pregs="50 uM").ramp("1 s", "0.1 s", k_out=("5 mM", "20 mM"))
RECORD = ["v", "ca_cyt", "TRPM3.i", "TRPM3.conducting"]
TIMES = np.linspace(0.0, 2.0, 201)
FEATURES = {"peak": Peak("v"), "area": Area("TRPM3.conducting"), "first": Crossing("TRPM3.drawn", "0.5")}
ENGINES = [e["name"] for e in _kernels.engines() if e["runs"]]
TWO = "TwoStateChannel"


@cache
def cells() -> tuple[Cell, ...]:
    start = primary_nk_cell()
    return tuple(counted_channels([start] * 11, KEYS).cells)


def run(chosen: list[int], **options: object) -> Trace:
    channels = StochasticChannels([KEYS[i] for i in chosen])
    return simulate([cells()[i] for i in chosen], PROTOCOL, record=RECORD, times=TIMES, features=FEATURES, channels=channels, **options)  # type: ignore[arg-type]


def bits(trace: Trace, row: int) -> bytes:
    values = b"".join(trace[k][row].tobytes() for k in RECORD) + b"".join(x[row].tobytes() for x in trace.features.values())
    assert trace.transitions is not None
    return values + trace.final[row].tobytes() + repr(trace.outcomes[row]).encode() + trace.transitions[row].tobytes()


@cache
def alone() -> list[bytes]:
    return [bits(run([i]), 0) for i in range(11)]


def test_runs_with_different_keys_differ_and_with_the_same_key_do_not() -> None:
    assert len(set(alone())) == 11
    assert bits(run([3, 3, 3]), 2) == alone()[3]


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("isa", ENGINES)
def test_any_instruction_set_and_number_of_threads_gives_the_same_bits(isa: str, threads: int) -> None:
    trace = run(list(range(11)), execution=Execution(threads=threads, isa=isa))
    assert [bits(trace, row) for row in range(11)] == alone()


def test_any_order_and_block_gives_the_same_bits() -> None:
    order = np.random.default_rng(5).permutation(11).tolist()
    trace = run(order, execution=Execution(block=4))
    assert [bits(trace, row) for row in range(11)] == [alone()[i] for i in order]
    options = {"record": RECORD, "times": TIMES, "features": FEATURES, "channels": StochasticChannels([KEYS[i] for i in order])}
    blocks = simulate_blocks([cells()[i] for i in order], PROTOCOL, execution=Execution(block=4), **options)
    assert [bits(block, row) for block in blocks for row in range(len(block.outcomes))] == [alone()[i] for i in order]


def test_recording_and_features_change_no_run() -> None:
    silent = simulate(list(cells()), PROTOCOL, times=[], channels=StochasticChannels(KEYS))
    seen = run(list(range(11)))
    assert silent.final.tobytes() == seen.final.tobytes()
    assert np.array_equal(silent.transitions, seen.transitions)  # type: ignore[arg-type]


def channel(**values: float) -> Cell:
    return Cell(COMPOSITIONS["two_state_channel"]()).set({f"{TWO}.{key}": value for key, value in values.items()})


def test_steps_that_transitions_cost_do_not_use_up_the_budget() -> None:
    busy = channel(channels=50)
    options = {"times": [], "channels": StochasticChannels([1])}
    trace = simulate(busy, Protocol("1 s"), max_steps=1000, max_steps_per_second=1.0, **options)
    assert trace.status == ["ok"]
    assert trace.transitions is not None
    assert trace.outcomes[0].steps > trace.transitions[0] > 10_000
    # without transitions there is nothing on top of the budget
    assert simulate(channel(channels=0), Protocol("1 s"), max_steps=10, fixed_step=1e-3, **options).status == ["step_limit"]


def test_a_scheme_that_never_ends_uses_up_its_budget() -> None:
    # 1e9 transitions a second for an hour: steps for a hundred times as many as max_steps are granted, and no more
    trace = simulate(channel(channels=1000, forth=1000.0, back=1000.0), Protocol("1 h"), times=[], max_steps=100, channels=StochasticChannels([1]))
    assert trace.status == ["step_limit"]
    assert trace.transitions is not None
    assert 100 * 100 <= trace.transitions[0] < 64 * (100 * 100 + 33 * 100)  # so many that several are due at once


def test_wall_time_is_a_budget_too() -> None:
    trace = simulate(channel(channels=1000), Protocol("1 h"), times=[], max_seconds=0.2, channels=StochasticChannels([1]))
    assert trace.status == ["time_limit"]


def test_a_rate_that_is_no_number_ends_its_own_run_only() -> None:
    protocol = Protocol("10 ms").step("5 ms", **{f"{TWO}.drive": 1e308})
    trace = simulate([channel(channels=2, forth=1e3), channel(channels=2, forth=0.0)], protocol, times=[], channels=StochasticChannels([1, 2]))
    assert trace.status == ["non_finite_rhs", "ok"]
    assert trace.outcomes[0].time_reached == pytest.approx(0.005)


def test_no_channels_cost_no_steps_and_drive_nothing() -> None:
    trace = simulate(channel(channels=0), Protocol("100 s"), record=[f"{TWO}.conducting"], channels=StochasticChannels([1]))
    assert trace.outcomes[0].steps < 50
    assert not trace[f"{TWO}.conducting"].any()
    assert trace.transitions is not None
    assert trace.transitions.tolist() == [0]


def test_features_of_drawn_channels_agree_with_a_fine_record() -> None:
    grid = 0.01  # ms
    times = np.arange(0.0, 100.0 + grid / 2, grid) * 1e-3
    features = {
        "mean": Mean(f"{TWO}.conducting"),
        "most": Peak(f"{TWO}.drawn"),
        "third": Crossing(f"{TWO}.drawn", "2.5", nth=3),
        "at": ValueAt(f"{TWO}.conducting", "50.005 ms"),
        "when": ValueWhen(f"{TWO}.area", 3.0, trigger=f"{TWO}.drawn"),
        "over": ValueWhen(f"{TWO}.area", 2.5, trigger=f"{TWO}.drawn"),
    }
    names = [f"{TWO}.conducting", f"{TWO}.area"]
    cells, channels = [channel(channels=5, forth=0.2)] * 20, StochasticChannels(range(20))
    trace = simulate(cells, Protocol("100 ms"), record=names, times=times, features=features, channels=channels)
    count, area = trace[names[0]], trace[names[1]]
    assert trace.features["mean"] * 100.0 == pytest.approx(area[:, -1], abs=1e-9)
    assert (trace.features["most"] >= count.max(axis=1)).all()
    for row in range(20):
        rises = np.flatnonzero((count[row, :-1] < 2.5) & (count[row, 1:] > 2.5))
        assert trace.features["when"][row] == pytest.approx(area[row, np.argmax(count[row] == 3.0)], abs=5 * grid)
        assert np.isnan(trace.features["over"][row])  # channels jump over the level and are never on it
        # a rise and fall between two looks is seen by the feature only
        assert trace.features["third"][row] * 1e3 <= (rises[2] + 1) * grid + 1e-9
    assert np.mean(trace.features["at"] == count[:, 5001]) > 0.9


def test_some_of_the_runs_keep_their_keys_and_numbers() -> None:
    composition = COMPOSITIONS["two_state_channel"]().drawn
    gating = Gating.of(composition, np.arange(4)[:, None], np.arange(8, dtype=np.uint64).reshape(4, 2), 5.0)
    jobs = Jobs(np.zeros((4, 2)), np.zeros((4, 1)), np.zeros(4, dtype=int), (), [channel()] * 4, gating=gating)
    chosen = jobs.rows(np.array([2, 0])).gating
    assert chosen is not None
    assert (chosen.numbers[:, 0].tolist(), chosen.keys.tolist()) == ([2, 0], [[4, 5], [0, 1]])
