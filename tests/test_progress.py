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


def test_long_work_prints_plain_lines_with_the_time_left(clock: list[float]) -> None:
    out = io.StringIO()
    with ProgressBar(stream=out) as report:
        for done in range(0, 11):
            clock[0] += 3.0
            report(done, 10, "patch")
    lines = out.getvalue().splitlines()
    assert lines[0] == "patch: 1 of 10 runs after 6 s, about 54 s left"
    assert lines[-1] == "patch: 10 of 10 runs after 33 s"
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
