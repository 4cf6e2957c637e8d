"""The result of a run does not depend on its lane, its neighbours, the batch or the order of jobs: same bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nkcell_sim import _kernels
from nkcell_sim.errors import ParameterError
from nkcell_sim.execution import Execution
from nkcell_sim.model.cells import primary_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate

PROTOCOL = Protocol(60.0).exchange(5.0, 2.0, pregs="50 uM").step(40.0, pregs=0.0)
SILENT = Protocol(60.0)
KEYS = ["v", "ca_cyt", "TRPM3.i"]
TIMES = np.linspace(0.0, 60.0, 61)


def cells(count: int) -> list:
    """Cells that differ in channel density, so that lanes fall out of step."""
    cell = primary_nk_cell()
    start = cell.with_state(cell.initial_state())
    return [start.set({"TRPM3.density": 0.2 + 0.07 * i}) for i in range(count)]


def bits(trace: object, row: int) -> bytes:
    values = b"".join(trace[k][row].tobytes() for k in KEYS)  # type: ignore[index]
    return values + trace.final[row].tobytes() + repr(trace.outcomes[row]).encode()  # type: ignore[attr-defined]


def test_a_run_repeated_after_another_gives_the_same_bits() -> None:
    a, b = cells(2)
    runs = [simulate(c, PROTOCOL, record=KEYS, times=TIMES) for c in (a, b, a)]
    assert bits(runs[0], 0) == bits(runs[2], 0) != bits(runs[1], 0)


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(list(range(11))), count=st.integers(1, 11))
def test_any_order_any_lane_any_batch_gives_the_same_bits(order: list[int], count: int) -> None:
    group = cells(11)
    alone = _alone(group)
    chosen = order[:count]
    trace = simulate([group[i] for i in chosen], PROTOCOL, record=KEYS, times=TIMES)
    assert [bits(trace, row) for row in range(count)] == [alone[i] for i in chosen]


_CACHE: dict[int, list[bytes]] = {}


def _alone(group: list) -> list[bytes]:
    if len(group) not in _CACHE:
        _CACHE[len(group)] = [bits(simulate(c, PROTOCOL, record=KEYS, times=TIMES), 0) for c in group]
    return _CACHE[len(group)]


def test_a_neighbour_with_moving_inputs_changes_no_bit_of_a_constant_one() -> None:
    a, b = cells(2)
    alone = simulate(a, SILENT, record=KEYS, times=TIMES)
    beside = simulate([a, b, b, b], [SILENT, PROTOCOL, PROTOCOL, PROTOCOL], record=KEYS, times=TIMES)
    assert bits(alone, 0) == bits(beside, 0)


def test_a_cell_in_a_batch_of_a_thousand_equals_the_cell_alone() -> None:
    group = cells(5)
    short = Protocol(5.0).step(0.0, pregs="50 uM")
    alone = [simulate(c, short, record=KEYS, times=[5.0]) for c in group]
    batch = simulate([group[i % 5] for i in range(1000)], short, record=KEYS, times=[5.0])
    assert all(bits(batch, i) == bits(alone[i % 5], 0) for i in range(1000))


ENGINES = [e["name"] for e in _kernels.engines() if e["runs"]]


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("isa", ENGINES)
def test_any_instruction_set_and_number_of_threads_gives_the_same_bits(isa: str, threads: int) -> None:
    group = cells(11)
    trace = simulate(group, PROTOCOL, record=KEYS, times=TIMES, execution=Execution(threads=threads, isa=isa))
    assert [bits(trace, row) for row in range(11)] == _alone(group)


@pytest.mark.parametrize("threads", [1, 8])
def test_a_random_order_in_blocks_of_any_size_gives_the_same_bits_with_error_bars(threads: int) -> None:
    group = cells(11)
    order = np.random.default_rng(3).permutation(11)
    straight = simulate(group, PROTOCOL, record=KEYS, times=TIMES, error_bars=True)
    for block in (1, 3, 4096):
        execution = Execution(threads=threads, block=block)
        shuffled = simulate([group[i] for i in order], PROTOCOL, record=KEYS, times=TIMES, error_bars=True, execution=execution)
        assert [bits(shuffled, row) for row in range(11)] == [_alone(group)[i] for i in order]
        for key in KEYS:
            assert shuffled.record_errors[key].tobytes() == straight.record_errors[key][order].tobytes()


@pytest.mark.parametrize("method", _kernels.methods()[1:])
@pytest.mark.parametrize("isa", ENGINES)
def test_every_method_gives_the_same_bits_on_any_instruction_set_and_on_two_threads(isa: str, method: str) -> None:
    group = cells(11)
    alone = [bits(simulate(c, PROTOCOL, record=KEYS, times=TIMES, method=method, execution=Execution(isa="portable")), 0) for c in group[:3]]
    trace = simulate(group, PROTOCOL, record=KEYS, times=TIMES, method=method, execution=Execution(threads=2, isa=isa))
    assert [bits(trace, row) for row in range(3)] == alone


def test_the_instruction_set_can_be_chosen_from_outside_and_an_unknown_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NKCELL_ISA", "portable")
    assert Execution().engine() == "portable"
    monkeypatch.setenv("NKCELL_ISA", "avx1024")
    with pytest.raises(ParameterError, match=r"got instruction set 'avx1024'; this machine runs portable"):
        simulate(cells(1), SILENT, times=[])
