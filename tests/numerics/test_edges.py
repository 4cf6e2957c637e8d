"""Edges: a short pulse is never stepped over, whatever its width and place (verification plan, section 4)."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate

from .problems import problem


@pytest.mark.parametrize("width", [1e-6, 1e-3, 0.1])
def test_charge_of_a_unit_pulse_is_exact_at_a_thousand_random_times(width: float) -> None:
    starts = np.random.default_rng(2024).uniform(0.0, 10.0 - width, 1000)
    amplitude = 1.0 / width  # pA: 1 pA s = 1000 fC
    protocols = [Protocol(10.0).pulse(start, width, i_cmd=amplitude) for start in starts]
    cell = problem("passive_membrane")
    trace = simulate([cell] * len(protocols), protocols, record=["charge"], times=[10.0])
    assert trace.status == ["ok"] * len(protocols)
    assert np.max(np.abs(trace["charge"][:, 0] / 1000.0 - 1.0)) < 1e-9


def test_many_pulses_in_one_protocol_all_arrive() -> None:
    starts = np.sort(np.random.default_rng(7).choice(9_999, 1000, replace=False)) * 1e-3
    protocol = Protocol(10.0)
    for start in starts:
        protocol = protocol.pulse(start, 1e-6, i_cmd=1e6)
    trace = simulate(problem("passive_membrane"), protocol, record=["charge"], times=[10.0])
    assert trace["charge"][0, 0] == pytest.approx(1e6, rel=1e-9)


def test_output_at_an_edge_is_the_value_just_before_it() -> None:
    protocol = Protocol(1.0).step(0.5, i_cmd=100.0)
    trace = simulate(problem("passive_membrane"), protocol, record=["i_cmd", "charge"], times=[0.5, 0.5 + 1e-9, 1.0])
    assert trace["i_cmd"][0].tolist() == [0.0, 100.0, 100.0]
    assert trace["charge"][0, 0] == 0.0


def test_relaxing_input_delivers_its_analytic_charge() -> None:
    protocol = Protocol(10.0).exchange(1.0, 2.0, i_cmd=50.0)
    trace = simulate(problem("passive_membrane"), protocol, record=["charge"], times=[10.0], rtol=1e-9)
    # integral of 50 (1 - exp(-t/2)) over 9 s, in pA s
    assert trace["charge"][0, 0] / 1000.0 == pytest.approx(50.0 * (9.0 - 2.0 * (1.0 - np.exp(-4.5))), rel=1e-8)
