"""Protocols: what is written is what the cell sees, at every edge."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nkcell_sim.errors import ProtocolError
from nkcell_sim.model.cells import primary_nk
from nkcell_sim.protocol import Protocol

CELL = primary_nk()
INDEX = {k: i for i, k in enumerate(CELL.inputs)}


def seen(protocol: Protocol, name: str, t_ms: float) -> float:
    """The value the integrator sees at a time (kernel unit), left limit at edges."""
    compiled = protocol.compile(CELL)
    segment = int(compiled.locate(np.array([t_ms]))[0])
    return float(compiled.inputs(segment, t_ms - compiled.edges[segment])[INDEX[name]])


def test_a_step_is_seen_after_its_edge_and_not_before() -> None:
    p = Protocol("10 s").step("4 s", pregs="50 uM")
    assert seen(p, "pregs", 4000.0) == 0.0
    assert seen(p, "pregs", 4000.1) == 50.0


def test_a_ramp_is_linear_and_then_holds() -> None:
    p = Protocol("10 s").ramp("2 s", "100 ms", v_cmd=("-100 mV", "100 mV"))
    assert [seen(p, "v_cmd", t) for t in (2025.0, 2050.0, 2100.0, 5000.0)] == pytest.approx([-50.0, 0.0, 100.0, 100.0])


def test_an_exchange_relaxes_from_the_present_value() -> None:
    p = Protocol("60 s").exchange("10 s", "2 s", pregs="100 uM").exchange("12 s", "5 s", pregs="0 uM")
    peak = 100.0 * (1.0 - math.exp(-1.0))
    assert seen(p, "pregs", 12_000.0) == pytest.approx(peak)
    assert seen(p, "pregs", 17_000.0) == pytest.approx(peak * math.exp(-1.0))


def test_a_pulse_returns_to_what_would_have_been() -> None:
    p = Protocol("60 s").exchange("0 s", "10 s", pregs="100 uM").pulse("20 s", "5 s", pregs="0 uM")
    assert seen(p, "pregs", 22_000.0) == 0.0
    assert seen(p, "pregs", 30_000.0) == pytest.approx(100.0 * (1.0 - math.exp(-3.0)))


def test_a_pulse_keeps_its_width_to_the_last_bit_however_late_it_starts() -> None:
    compiled = Protocol(1e6).pulse(123_456.789, 1e-6, i_cmd=1.0).compile(CELL)
    assert 1e-6 * 1e3 in compiled.lengths.tolist()


def test_value_reads_back_what_was_written() -> None:
    p = Protocol("10 s").step("4 s", pregs="50 uM")
    assert (p.value("pregs", 3.0, unit="uM"), p.value("pregs", 4.0, unit="uM")) == (0.0, 50.0)


def test_protocols_follow_one_another() -> None:
    p = Protocol(5.0).step(1.0, pregs=10.0).then(Protocol(5.0).step(0.0, pregs=20.0))
    assert (p.duration, seen(p, "pregs", 4000.0), seen(p, "pregs", 6000.0)) == (10.0, 10.0, 20.0)


@given(st.lists(st.tuples(st.floats(0.0, 9.99), st.floats(0.0, 1000.0)), min_size=1, max_size=20))
def test_the_last_of_any_steps_before_a_time_is_what_the_cell_sees(steps: list[tuple[float, float]]) -> None:
    p = Protocol(10.0)
    for at, value in steps:
        p = p.step(at, pregs=value)
    at_end = sorted(enumerate(steps), key=lambda s: (s[1][0], s[0]))[-1][1][1]
    assert seen(p, "pregs", 10_000.0) == at_end
    compiled = p.compile(CELL)
    assert np.all(compiled.lengths > 0.0)
    assert compiled.edges[-1] == 10_000.0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Protocol("-1 s"), "lasts longer than 0 s"),
        (lambda: Protocol(10.0).step("12 s", pregs="1 uM"), "before the protocol's end"),
        (lambda: Protocol(10.0).step("1 mV", pregs="1 uM"), "expected a time"),
        (lambda: Protocol(10.0).ramp(1.0, 0.0, v_cmd=(0.0, 1.0)), "use step"),
        (lambda: Protocol(10.0).step(1.0, pregss="1 uM").compile(CELL), "did you mean 'pregs'"),
        (lambda: Protocol(10.0).step(1.0, pregs="1 mV").compile(CELL), "expected a concentration"),
        (lambda: Protocol(10.0).step(1.0, pregs=-5.0).compile(CELL), "got pregs = -5.0 at 1 s; expected"),
        (lambda: Protocol(10.0).step(1.0, pregs=math.nan).compile(CELL), "got pregs = nan"),
    ],
)
def test_a_wrong_instruction_says_what_was_expected(build: object, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        build()  # type: ignore[operator]


def test_overlapping_pulses_show_the_last_one_started_and_end_at_the_base() -> None:
    p = Protocol("30 s").pulse("1 s", "10 s", pregs="100 uM").pulse("5 s", "10 s", pregs="50 uM")
    assert [seen(p, "pregs", t * 1e3) for t in (0.5, 3.0, 8.0, 13.0, 16.0, 29.0)] == [0.0, 100.0, 50.0, 50.0, 0.0, 0.0]


def test_a_pulse_inside_a_pulse_gives_way_to_the_outer_one() -> None:
    p = Protocol("30 s").pulse("1 s", "10 s", pregs="100 uM").pulse("3 s", "2 s", pregs="50 uM")
    assert [seen(p, "pregs", t * 1e3) for t in (2.0, 4.0, 6.0, 12.0)] == [100.0, 50.0, 100.0, 0.0]


def test_a_step_below_a_pulse_is_seen_when_the_pulse_ends() -> None:
    p = Protocol("30 s").pulse("1 s", "10 s", pregs="100 uM").step("5 s", pregs="20 uM")
    assert [seen(p, "pregs", t * 1e3) for t in (4.0, 8.0, 12.0)] == [100.0, 100.0, 20.0]


def test_a_pulse_may_start_when_a_ramp_ends_or_while_it_runs() -> None:
    ramp = Protocol("30 s").ramp("0 s", "10 s", v_cmd=(0.0, 100.0))
    after = ramp.pulse("10 s", "5 s", v_cmd=-50.0)
    assert [seen(after, "v_cmd", t * 1e3) for t in (5.0, 12.0, 16.0)] == [50.0, -50.0, 100.0]
    within = ramp.pulse("2 s", "1 s", v_cmd=-50.0)
    assert [seen(within, "v_cmd", t * 1e3) for t in (1.0, 2.5, 5.0, 12.0)] == pytest.approx([10.0, -50.0, 50.0, 100.0])
