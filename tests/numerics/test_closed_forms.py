"""Closed forms, gate at 10 times the tolerance of a step (verification plan, section 1)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm

from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate

from .problems import problem

RTOL = 1e-8
GATE = 10.0 * RTOL


def n_inf(v: float) -> float:
    return 1.0 / (1.0 + np.exp((-40.0 - v) / 8.0))


def test_gate_under_a_voltage_step_relaxes_exponentially() -> None:
    t = np.linspace(0.0, 0.05, 101)
    trace = simulate(problem("hodgkin_huxley_gate"), Protocol(0.05).step(0.0, v_cmd=0.0), record=["n"], times=t, rtol=RTOL)
    exact = n_inf(0.0) * (1.0 - np.exp(-t / 0.005))
    assert np.max(np.abs(trace["n"][0] - exact)) < GATE


def test_gate_under_a_voltage_ramp_equals_its_quadrature() -> None:
    t = np.linspace(0.0, 0.1, 21)
    protocol = Protocol(0.1).ramp(0.0, 0.1, v_cmd=("-100 mV", "100 mV"))
    got = simulate(problem("hodgkin_huxley_gate"), protocol, record=["n"], times=t, rtol=RTOL)["n"][0]
    # n(t) = integral of n_inf(v(s)) exp(-(t - s)/tau)/tau, in ms
    exact = [quad(lambda s, x=x: n_inf(-100.0 + 2.0 * s) * np.exp(-(x - s) / 5.0) / 5.0, 0.0, x, epsabs=1e-13, limit=200)[0] for x in t * 1e3]
    assert np.max(np.abs(got - exact)) < GATE


@pytest.mark.parametrize("drive", [0.0, 0.4, 1.0])
def test_three_state_channel_under_a_step_equals_the_matrix_exponential(drive: float) -> None:
    a, b, i, r = 0.8 * drive, 0.3, 0.05, 0.02
    q = np.array([[-a, b, 0.0], [a, -b - i, r], [0.0, i, -r]])
    t = np.linspace(0.0, 30.0, 31)
    trace = simulate(problem("markov_scheme"), Protocol(30.0).step(0.0, drive=drive), record=["closed", "opened", "inactivated"], times=t, rtol=RTOL)
    exact = np.array([expm(q * x) @ [1.0, 0.0, 0.0] for x in t]).T
    for row, key in enumerate(("closed", "opened", "inactivated")):
        assert np.max(np.abs(trace[key][0] - exact[row])) < GATE


def test_two_state_channel_under_a_step_equals_its_exponential() -> None:
    cell = problem("markov_scheme").set({"MarkovScheme.inactivation": 0.0})
    t = np.linspace(0.0, 10.0, 41)
    got = simulate(cell, Protocol(10.0).step(0.0, drive=1.0), record=["opened"], times=t, rtol=RTOL)["opened"][0]
    assert np.max(np.abs(got - 0.8 / 1.1 * (1.0 - np.exp(-1.1 * t)))) < GATE


def test_clamped_membrane_charges_through_its_series_resistance() -> None:
    # 15 MOhm and 2.6 pF: tau = C/(1/R + g) = 0.0389 ms towards V_cmd (1/R)/(1/R + g)
    protocol = Protocol(0.001).step(0.0, v_clamp=1.0, v_cmd="100 mV")
    t = np.linspace(0.0, 0.001, 101)
    got = simulate(problem("passive_membrane"), protocol, record=["v"], times=t, rtol=RTOL)["v"][0]
    access, leak = 1.0 / 0.015, 0.1
    exact = 100.0 * access / (access + leak) * (1.0 - np.exp(-t * 1e3 * (access + leak) / 2.6))
    assert np.max(np.abs(got - exact)) < GATE * 100.0


def test_clamped_membrane_lags_a_ramp_by_its_time_constant() -> None:
    protocol = Protocol(0.1).step(0.0, v_clamp=1.0).ramp(0.0, 0.1, v_cmd=("-100 mV", "100 mV"))
    t = np.linspace(0.0, 0.1, 51)
    cell = problem("passive_membrane").set({"PassiveMembrane.g_leak": 0.0}).with_state({"v": -100.0})
    got = simulate(cell, protocol, record=["v"], times=t, rtol=RTOL)["v"][0]
    tau = 0.015 * 2.6
    ms = t * 1e3
    exact = -100.0 + 2.0 * (ms - tau * (1.0 - np.exp(-ms / tau)))
    assert np.max(np.abs(got - exact)) < GATE * 100.0


def test_buffer_relaxes_as_its_second_order_reaction_does() -> None:
    # df/dt = -k_on f (B - (f0 - f)) + k_off (f0 - f): a Riccati equation with roots r1 > 0 > r2
    k_on, k_off, sites, start = 10.0, 5.0, 20.0, 10.0
    t = np.linspace(0.0, 0.1, 51)
    got = simulate(problem("buffer_relaxation"), Protocol(0.1), record=["free", "bound"], times=t, rtol=RTOL)
    b, c = k_on * (sites - start) + k_off, -k_off * start
    root = np.sqrt(b * b - 4.0 * k_on * c)
    r1, r2 = (-b + root) / (2.0 * k_on), (-b - root) / (2.0 * k_on)
    shape = (start - r1) / (start - r2) * np.exp(-root * t)
    exact = (r1 - r2 * shape) / (1.0 - shape)
    assert np.max(np.abs(got["free"][0] - exact)) < GATE * start
    # the sum is a linear invariant, which a Rosenbrock method with the exact Jacobian keeps to rounding
    assert np.max(np.abs(got["free"][0] + got["bound"][0] - start)) < 1e-10 * start
