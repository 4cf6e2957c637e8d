"""Drawn TRPM3 channels in the whole cell: means, limits of few and many channels, and what one opening does to the membrane potential."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nkcell_sim.channels import StochasticChannels
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import primary_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate

OPEN, CURRENT = "TRPM3.conducting", "TRPM3.i"


def with_channels(number: int, **start: float) -> Cell:
    """The healthy cell with a whole number of surface channels and some values at the start."""
    cell = primary_nk_cell()
    cell = cell.with_state(cell.initial_state()).with_state({key.replace("__", "."): value for key, value in start.items()})
    return cell.set({"TRPM3.density": number / (cell.parameter("cm") * cell.state_value("ChannelNumber.n_rel"))})


def clamped(volts: float, **inputs: str) -> Protocol:
    return Protocol("1 s").step(0.0, whole_cell=1.0, v_clamp=1.0, v_cmd=f"{volts} mV", **inputs)


@pytest.mark.parametrize("volts", [60.0, *(pytest.param(v, marks=pytest.mark.slow) for v in (-80.0, 0.0, 100.0))])
def test_the_mean_of_many_drawn_cells_is_the_deterministic_current_in_voltage_clamp(volts: float) -> None:
    # ten channels half desensitised and partly blocked: all three gates matter. From 50 ms on, ten times the lag of the opening gate.
    cell = with_channels(10, TRPM3__theta=0.8, TRPM3__d=0.6, TRPM3__q=0.3)
    protocol, times, runs = clamped(volts, pregs="100 uM", ononetin="0.1 uM"), np.linspace(0.05, 1.0, 40), 1000
    mean = simulate(cell, protocol, record=[OPEN, CURRENT], times=times)
    drawn = simulate([cell] * runs, protocol, record=[OPEN, CURRENT], times=times, channels=StochasticChannels(range(runs))).raise_for_status()
    for name in (OPEN, CURRENT):
        of_runs = drawn[name].mean(axis=1)
        assert abs(of_runs.mean() - mean[name].mean()) < 3.0 * of_runs.std() / np.sqrt(runs)


def test_channels_start_where_the_cell_says_they_are() -> None:
    cell, runs = with_channels(10, TRPM3__theta=0.8, TRPM3__d=0.6, TRPM3__q=0.3, v=60.0), 4000
    first = {"record": [OPEN], "times": [0.0]}
    mean = float(simulate(cell, Protocol("1 ms"), **first)[OPEN][0, 0])
    drawn = simulate([cell] * runs, Protocol("1 ms"), channels=StochasticChannels(range(runs)), **first)[OPEN][:, 0]
    assert mean > 0.5
    assert abs(drawn.mean() - mean) < 3.0 * np.sqrt(mean * (1.0 - mean / 10) / runs)
    assert abs(drawn.var() / (mean * (1.0 - mean / 10)) - 1.0) < 5.0 * np.sqrt(2.0 / runs)


def test_a_cell_without_channels_has_no_current_whatever_the_agonist() -> None:
    protocol = Protocol("20 s").step(0.0, pregs="100 uM")
    bare = with_channels(0)
    drawn = simulate(bare, protocol, record=[OPEN, CURRENT, "v"], channels=StochasticChannels([1]))
    assert not drawn[OPEN].any()
    assert not drawn[CURRENT].any()
    # the same cell by its deterministic form: two ways through the same equations
    assert drawn["v"] == pytest.approx(simulate(bare, protocol, record=["v"])["v"], abs=1e-3)


def test_many_channels_of_little_permeability_are_the_deterministic_cell() -> None:
    # as much permeability in all, shared by ever more channels: noise falls with the root of their number
    protocol, times, runs = Protocol("0.4 s").step(0.0, pregs="100 uM"), np.linspace(0.1, 0.4, 31), 24
    base = with_channels(4, TRPM3__theta=0.8).parameter("TRPM3.p_single")

    def deviation(number: int) -> float:
        cell = with_channels(number, TRPM3__theta=0.8).set({"TRPM3.p_single": base * 4 / number})
        mean = simulate(cell, protocol, record=["v"], times=times)["v"]
        drawn = simulate([cell] * runs, protocol, record=["v"], times=times, channels=StochasticChannels(range(runs)))["v"]
        return float(np.sqrt(np.mean((drawn - mean) ** 2)))

    few, some, many = deviation(16), deviation(64), deviation(256)
    # halves each time the number is four times as large, give or take the spread of 24 runs with a few independent times each
    assert few / some == pytest.approx(2.0, rel=0.35)
    assert some / many == pytest.approx(2.0, rel=0.35)


def test_one_opening_depolarises_the_cell_as_the_same_input_does_in_the_deterministic_engine() -> None:
    cell = with_channels(1, TRPM3__theta=0.8)
    grid = 0.02  # ms
    times = np.arange(0.0, 400.0 + grid / 2, grid) * 1e-3
    trace = simulate([cell] * 8, Protocol("0.4 s").step(0.0, pregs="100 uM"), record=[OPEN, "v"], times=times, channels=StochasticChannels(range(8)))
    row = int(np.argmax((np.diff(trace[OPEN]) != 0.0).sum(axis=1)))
    count, v = trace[OPEN][row], trace["v"][row]
    changes = np.flatnonzero(np.diff(count))
    assert len(changes) >= 2
    # the course of the channel as inputs of the drawn form, without any drawing; a transition is known to half a grid
    protocol = Protocol("0.4 s").step(0.0, pregs="100 uM", **{"TRPM3.drawn": float(count[0])})
    for i in changes:
        protocol = protocol.step(f"{(i + 0.5) * grid} ms", **{"TRPM3.drawn": float(count[i + 1])})
    start = replace(cell, composition=cell.composition.drawn, state=cell.initial_state())
    again = simulate(start, protocol, record=["v"], times=times)["v"][0]
    slope = np.abs(np.diff(v)).max() / grid
    assert np.abs(again - v).max() < slope * grid
    # and an opening depolarises: just before it, and at the end of the dwell
    opened = [i for i in changes[:-1] if count[i + 1] > count[i]]
    assert opened
    for i in opened:
        assert v[changes[changes > i][0]] > v[i]


def test_an_opening_relaxes_the_membrane_exponentially_at_first() -> None:
    # C dV/dt = -I: over the first 50 us, far shorter than the time constant of the membrane, V moves with the current of one channel
    cell = with_channels(1)
    start = replace(cell, composition=cell.composition.drawn, state=cell.initial_state())
    trace = simulate(start, Protocol("20 ms").step("10 ms", **{"TRPM3.drawn": 1.0}), record=["v", CURRENT, "i_ion"], times=[9.9e-3, 10.01e-3, 10.06e-3])
    v, i = trace["v"][0], trace[CURRENT][0]
    assert i[0] == 0.0
    assert (v[2] - v[1]) / 0.05 == pytest.approx(-i[1] / cell.parameter("cm"), rel=0.02)
