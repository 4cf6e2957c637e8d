"""Progress: a bar with the remaining time in a terminal, plain lines elsewhere, nothing for work that is quick or quiet."""

from __future__ import annotations

import io

import pytest

from nkcell_sim import progress
from nkcell_sim.progress import ProgressBar


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_long_work_prints_plain_lines_with_the_rate_and_the_time_left(clock: list[float]) -> None:
    out = io.StringIO()
    with ProgressBar(stream=out) as report:
        for done in range(0, 11):
            clock[0] += 3.0
            report(done, 10, "patch")
    lines = out.getvalue().splitlines()
    assert lines[0] == "patch: 1 of 10 runs after 6 s, 0.167 runs/s, about 54 s left"
    assert lines[-1] == "patch: 10 of 10 runs after 33 s, 0.333 runs/s"
    assert len(lines) < 8, "a line every few seconds, not one a run"


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_quick_work_and_quiet_work_print_nothing(clock: list[float], stream: type[io.StringIO]) -> None:
    quick, quiet = stream(), stream()
    with ProgressBar(stream=quick) as report:
        for done in range(3):
            report(done, 2, "patch")
    with ProgressBar(stream=quiet, quiet=True) as report:
        for done in range(3):
            clock[0] += 60.0
            report(done, 2, "patch")
    assert quick.getvalue() == quiet.getvalue() == ""


def test_a_terminal_gets_a_bar_once_the_work_is_long(clock: list[float]) -> None:
    out = Terminal()
    with ProgressBar(stream=out) as report:
        report(0, 4, "patch")
        assert out.getvalue() == ""
        clock[0] += 1.5
        report(1, 4, "patch")
        clock[0] += 1.5
        report(2, 4, "imaging")
    assert "imaging" in out.getvalue()
    assert "2/4" in out.getvalue()
    assert "0.667 runs/s, about 3 s left" in " ".join(out.getvalue().split()), "two runs in 3 s, two to go"


def test_runs_that_were_finished_before_the_start_do_not_count_for_the_rate(clock: list[float]) -> None:
    out = io.StringIO()
    with ProgressBar(stream=out) as report:
        report(900, 1000, "patch")
        clock[0] += 10.0
        report(910, 1000, "patch")
        clock[0] += 10.0
        report(930, 1000, "patch")
    assert out.getvalue().splitlines() == [
        "patch: 910 of 1000 runs after 10 s, 1 runs/s, about 90 s left",
        "patch: 930 of 1000 runs after 20 s, 2 runs/s, about 35 s left",
    ]


def test_nothing_is_said_of_the_time_left_before_anything_is_done(clock: list[float]) -> None:
    out = io.StringIO()
    with ProgressBar(stream=out) as report:
        report(5, 10, "patch")
        clock[0] += 10.0
        report(5, 10, "patch")
    assert out.getvalue() == "patch: 5 of 10 runs after 10 s\n"


def test_work_that_stands_still_prints_a_line_every_minute(clock: list[float]) -> None:
    out = io.StringIO()
    with ProgressBar(stream=out) as report:
        for _ in range(200):
            clock[0] += 1.0
            report(5, 10, "patch")
    lines = out.getvalue().splitlines()
    assert len(lines) == 4, "one when it is known to be slow, then one a minute"
    assert lines[0] == "patch: 5 of 10 runs after 6 s"
    assert lines[-1].startswith("patch: 5 of 10 runs after ")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (119.6, "120 s"), (120.4, "2 min"), (3540.0, "59 min"), (3599.0, "1 h 0 min"), (9000.0, "2 h 30 min")]
)
def test_long_durations_are_in_minutes_and_hours(seconds: float, said: str) -> None:
    assert progress.duration(seconds) == said
