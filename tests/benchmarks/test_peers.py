"""The race against other engines: same equations for everybody, errors that follow the tolerance, a table that never breaks."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _race_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def test_more_draws_begin_with_the_same_draws() -> None:
    from race.task import Task

    assert np.array_equal(Task.make(5, seed=3).factors[:2], Task.make(2, seed=3).factors)


def test_every_engine_gets_the_parameters_that_this_engine_draws() -> None:
    from race.task import Task

    import nkcell_sim as nk

    task = Task.make(3, seed=3)
    block = nk.Draws(task.cell, task.columns).block(0, 3)
    # the same product rounded in another unit: a few units in the last place
    np.testing.assert_allclose(block.parameters, task.parameters, rtol=1e-15)
    assert np.array_equal(block.states[0], task.start)


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_the_compiled_equations_of_peers_are_the_models_equations() -> None:
    pytest.importorskip("sympy")
    from race.native.build import build
    from race.task import Task

    from nkcell_sim.model.twin import Twin

    task = Task.make(1, seed=3)
    equations, twin, rng = build(task), Twin(task.cell), np.random.default_rng(4)
    equations.begin(task.cell.parameter_vector(), task.inputs)
    for _ in range(20):
        y = task.start * rng.uniform(0.7, 1.3, len(task.start))
        # terms of both signs cancel in a rate: compare with the largest rate of the state's own scale
        rates, jacobian = twin.rhs(y, task.inputs), twin.jacobian(y, task.inputs)
        np.testing.assert_allclose(equations.rhs(0.0, y), rates, rtol=1e-11, atol=1e-12 * np.abs(rates).max())
        np.testing.assert_allclose(equations.jacobian(0.0, y), jacobian, rtol=1e-9, atol=1e-11 * np.abs(jacobian).max())
        assert np.all(equations.pattern()[equations.jacobian(0.0, y) != 0.0] == 1.0)


def test_the_plain_equations_are_the_models_equations() -> None:
    pytest.importorskip("sympy")
    from race.plain import plain_source
    from race.task import Task

    from nkcell_sim.model.twin import Twin

    task = Task.make(1, seed=3)
    scope: dict[str, Any] = {"math": math}
    exec(plain_source(task), scope)
    y, rates = task.start * np.random.default_rng(5).uniform(0.7, 1.3, len(task.start)), np.empty(len(task.start))
    scope["rhs"](0.0, y / task.scale, rates, [*task.cell.parameter_vector(), *task.inputs])
    expected = Twin(task.cell).rhs(y, task.inputs)
    # terms of both signs cancel in a rate: compare with the largest rate too
    np.testing.assert_allclose(rates * task.scale, expected, rtol=1e-11, atol=1e-12 * np.abs(expected).max())


def ladder(order: float) -> list[dict[str, float]]:
    """An ideal method: error = rtol, time = error^(-1/order)."""
    return [{"rtol": e, "error": e, "us": e ** (-1.0 / order)} for e in (1e-4, 1e-5, 1e-7, 1e-8)]


def test_time_at_an_error_follows_the_power_law_between_tolerances() -> None:
    from race.summary import time_at

    assert time_at(ladder(4.0), 1e-6) == pytest.approx(1e-6 ** (-0.25), rel=1e-12)


def test_no_time_is_made_up_beyond_the_tolerances_that_were_run() -> None:
    from race.summary import time_at

    assert time_at(ladder(4.0), 1e-9) is None
    assert time_at([], 1e-6) is None


def test_the_published_page_and_table_are_made_from_the_stored_result() -> None:
    from race.page import page

    result = json.loads((ROOT / "benchmarks/results/peers.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs/explanation/peers.md").read_text(encoding="utf-8") == page(result, "../img/peers.svg")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "peers.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)


def test_an_unknown_engine_is_answered_with_the_known_ones() -> None:
    done = run("--engines", "cvode")
    assert done.returncode != 0
    assert "got engine 'cvode'; expected one of nkcell-avx512" in done.stderr


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_quick_race_reaches_errors_near_the_tolerances_and_names_what_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("sympy")
    stored, picture = tmp_path / "peers.json", tmp_path / "peers.svg"
    done = run("--quick", "--engines", "nkcell-portable,scipy-lsoda,numbalsoda", "--json", str(stored), "--plot", str(picture))
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8"))
    assert len(done.stdout.splitlines()) == 2 + 3  # head, rule, one row an engine
    for name in ("nkcell-portable", "scipy-lsoda"):
        steps = result["engines"][name]["ladder"]
        assert [r["passes"] for r in steps] == [1, 1, 1]
        # the error at the end is at most some hundred times the tolerance of a step, and falls with it
        assert all(r["error"] < 1e3 * r["rtol"] for r in steps)
        assert steps[0]["error"] > steps[-1]["error"]
    third = result["engines"]["numbalsoda"]
    assert third["ladder"] or third["problem"]["kind"] == "not installed"
    assert {"cpu", "cores", "instruction_sets", "date"} <= result["machine"].keys()
    assert picture.read_text(encoding="utf-8").startswith("<?xml")
