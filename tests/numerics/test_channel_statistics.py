"""Drawn channels against closed forms: matrix exponentials, binomial numbers, exponential dwell times.

Means and variances are judged as the SBML stochastic test suite does (Evans, Gillespie and Wilkinson 2008, 10.1093/bioinformatics/btm566):
|Z| < 3 for Z = sqrt(n) (mean - mu)/sigma and |Y| < 5 for Y = sqrt(n/2) (variance/sigma^2 - 1), with n = 10 000 runs.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg, stats

from nkcell_sim import _kernels
from nkcell_sim.channels import StochasticChannels
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import COMPOSITIONS
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate
from nkcell_sim.trace import Trace

RUNS = 10_000
TWO, THREE = "TwoStateChannel", "ThreeStateChannel"
FORTH, BACK, LOSS, RECOVERY = 0.8, 0.3, 0.05, 0.02  # 1/ms, as declared
TIMES = np.linspace(0.0, 20.0, 21)  # ms
STEP, AFTER = 10.0, 0.1  # ms, drive after the step
WEIGHTS = np.array([0.0, 1.0, 0.1])  # what C, O and I conduct


def cell(name: str = "two_state_channel", **values: float) -> Cell:
    return Cell(COMPOSITIONS[name]()).set({key.replace("__", "."): value for key, value in values.items()})


def drawn(one: Cell, protocol: Protocol, record: list[str], times: np.ndarray, runs: int = RUNS, **options: object) -> Trace:
    """Many runs of one cell with keys of their own; times in ms."""
    channels = StochasticChannels(range(runs), options.pop("tick", "5 ms"))  # type: ignore[arg-type]
    return simulate([one] * runs, protocol, record=record, times=times * 1e-3, channels=channels, **options).raise_for_status()


def generator(drive: float, states: int) -> np.ndarray:
    """Rates between the states of one channel [1/ms], rows leave."""
    q = np.zeros((states, states))
    q[0, 1], q[1, 0] = drive * FORTH, BACK
    if states == 3:
        q[1, 2], q[2, 1] = LOSS, RECOVERY
    return q - np.diag(q.sum(axis=1))


def stationary(q: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(np.vstack([q.T, np.ones(len(q))]), np.append(np.zeros(len(q)), 1.0), rcond=None)[0]


def occupation(states: int) -> np.ndarray:
    """Shares of the states (n_times, n_states): stationary at full drive, then the drive falls."""
    start, later = stationary(generator(1.0, states)), generator(AFTER, states)
    return np.array([start @ linalg.expm(later * max(0.0, t - STEP)) for t in TIMES])


def judge(values: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> None:
    n = len(values)
    z = np.sqrt(n) * (values.mean(axis=0) - mean) / np.sqrt(variance)
    y = np.sqrt(0.5 * n) * (values.var(axis=0, ddof=1) / variance - 1.0)
    assert np.abs(z).max() < 3.0
    assert np.abs(y).max() < 5.0


@pytest.fixture(scope="module")
def pair() -> Trace:
    """Five two-state and seven three-state channels in one cell; the drive of both falls after 10 ms."""
    both = cell("channel_pair", TwoStateChannel__channels=5, ThreeStateChannel__channels=7)
    protocol = Protocol("20 ms").step(f"{STEP} ms", **{f"{TWO}.drive": AFTER, f"{THREE}.drive": AFTER})
    return drawn(both, protocol, [f"{TWO}.conducting", f"{THREE}.conducting", f"{THREE}.idle"], TIMES)


def test_two_state_channels_follow_the_matrix_exponential_in_mean_and_variance(pair: Trace) -> None:
    p = occupation(2)[:, 1]
    judge(pair[f"{TWO}.conducting"], 5 * p, 5 * p * (1.0 - p))


def test_three_state_channels_follow_the_matrix_exponential_in_mean_and_variance(pair: Trace) -> None:
    p = occupation(3)
    mean = p @ WEIGHTS
    judge(pair[f"{THREE}.conducting"], 7 * mean, 7 * (p @ WEIGHTS**2 - mean**2))
    judge(pair[f"{THREE}.idle"], 7 * p[:, 2], 7 * p[:, 2] * (1.0 - p[:, 2]))


def test_two_kinds_of_channels_in_one_cell_know_nothing_of_each_other(pair: Trace) -> None:
    for i in range(0, len(TIMES), 5):
        r = np.corrcoef(pair[f"{TWO}.conducting"][:, i], pair[f"{THREE}.conducting"][:, i])[0, 1]
        assert abs(r) * np.sqrt(RUNS) < 3.0


def test_the_number_of_open_channels_is_binomial_at_the_start_and_later() -> None:
    trace = drawn(cell(TwoStateChannel__channels=11), Protocol("30 ms"), [f"{TWO}.conducting"], np.array([0.0, 30.0]))
    expected = RUNS * stats.binom.pmf(np.arange(12), 11, FORTH / (FORTH + BACK))
    for column in trace[f"{TWO}.conducting"].T:
        # classes with fewer than 5 expected runs are joined
        seen = np.bincount(column.astype(int), minlength=12)
        few = expected < 5.0
        joined = [np.append(x[~few], x[few].sum()) for x in (seen, expected)]
        assert stats.chisquare(*joined).pvalue > 0.003  # as |Z| < 3


def test_stationary_autocovariance_is_the_sum_of_exponentials() -> None:
    lags = np.array([0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0])
    one = cell("channel_pair", TwoStateChannel__channels=0, ThreeStateChannel__channels=1)
    x = drawn(one, Protocol("20 ms"), [f"{THREE}.conducting"], lags)[f"{THREE}.conducting"]
    q = generator(1.0, 3)
    pi = stationary(q)
    mean = pi @ WEIGHTS
    products = (x[:, :1] - mean) * (x - mean)
    expected = [WEIGHTS @ np.diag(pi) @ linalg.expm(q * lag) @ WEIGHTS - mean**2 for lag in lags]
    z = np.sqrt(RUNS) * (products.mean(axis=0) - expected) / products.std(axis=0)
    assert np.abs(z).max() < 3.0


def test_dwell_times_are_exponential() -> None:
    # one channel watched every 5 us for 10 s: dwell times are known to 0.2 % of the shorter mean, far below what this number of them resolves
    grid = 0.005
    trace = drawn(cell(), Protocol("10 s"), [f"{TWO}.conducting"], np.arange(0.0, 10_000.0, grid), runs=1)
    x = trace[f"{TWO}.conducting"][0]
    changes = np.flatnonzero(np.diff(x))
    dwell, state = np.diff(changes) * grid, x[changes[:-1] + 1]
    assert len(dwell) > 4000
    # a visit that begins and ends between two looks is not seen; both kinds of dwell times are then longer by a share of about grid times the other rate
    for now, rate in ((1.0, BACK), (0.0, FORTH)):
        assert stats.kstest(dwell[state == now], stats.expon(scale=1.0 / rate).cdf).pvalue > 0.003


def test_channels_that_help_each_other_reach_the_birth_death_distribution() -> None:
    # the rate of opening follows what the channels themselves drive: pi_n ~ prod (N - k) forth drive (1 + help k)/((k + 1) back)
    n, h, drive = 6, 0.5, 0.1
    weight = np.cumprod([1.0, *((n - k) * FORTH * drive * (1.0 + h * k) / ((k + 1) * BACK) for k in range(n))])
    # the slowest mode decays with about 0.2 1/ms: e^-16 of the start is left
    one = cell(TwoStateChannel__channels=n, TwoStateChannel__help=h).set_inputs({f"{TWO}.drive": drive})
    trace = drawn(one, Protocol("80 ms"), [f"{TWO}.conducting"], np.array([80.0]))
    seen = np.bincount(trace[f"{TWO}.conducting"][:, 0].astype(int), minlength=n + 1)
    assert stats.chisquare(seen, RUNS * weight / weight.sum()).pvalue > 0.003


def test_what_channels_drive_is_integrated_exactly_between_transitions() -> None:
    # the integral of a piecewise constant number against the sum over a fine record: each of the transitions is misplaced by half a grid at most
    grid = 0.001
    trace = drawn(cell(TwoStateChannel__channels=3), Protocol("50 ms"), [f"{TWO}.conducting", f"{TWO}.area"], np.arange(0.0, 50.0 + grid / 2, grid), runs=5)
    x, area = trace[f"{TWO}.conducting"], trace[f"{TWO}.area"][:, -1]
    assert trace.transitions is not None
    assert np.abs(x[:, 1:].sum(axis=1) * grid - area) == pytest.approx(0.0, abs=grid * trace.transitions.max())


def test_the_error_of_following_a_moving_rate_falls_with_the_square_of_the_tick() -> None:
    # A drive that relaxes with 2 ms opens channels that never close: 1 - exp(-forth 2 ms (1 - e^-4)) of them are open after 8 ms. Fixed steps as long as
    # the tick, so that the rate is looked at no oftener. Runs of different ticks share their keys: only those between the two shares differ.
    one = cell(TwoStateChannel__channels=1, TwoStateChannel__forth=0.5, TwoStateChannel__back=0.0)
    protocol = Protocol("9 ms").step(0.0, **{f"{TWO}.drive": 0.0}).step("1 ms", **{f"{TWO}.drive": 1.0}).exchange("1 ms", "2 ms", **{f"{TWO}.drive": 0.0})
    exact = 1.0 - np.exp(-0.5 * 2.0 * (1.0 - np.exp(-4.0)))

    def share(tick: float) -> float:
        options = {"tick": tick, "fixed_step": tick * 1e-3, "runs": 40_000}
        return float(drawn(one, protocol, [f"{TWO}.conducting"], np.array([9.0]), **options)[f"{TWO}.conducting"].mean())

    fine = share(0.125)
    assert abs(fine - exact) < 3.0 * np.sqrt(exact * (1.0 - exact) / 40_000)
    errors = [share(tick) - fine for tick in (2.0, 1.0, 0.5)]
    # of the trapezoid over one tick, h^2/12 times the change of the slope, times what is still closed (5 % for higher orders); the smallest is 80 runs
    bounds = [1.05 * (1.0 - exact) * 0.5 * tick**2 / 12.0 * 0.5 for tick in (2.0, 1.0, 0.5)]
    assert all(0.0 < error < bound + 3.0 * np.sqrt(bound / 40_000) for error, bound in zip(errors, bounds, strict=True))
    assert errors[0] > 3.0 * errors[1] > 9.0 * errors[2]


def test_the_random_words_are_those_of_numpy() -> None:
    # NumPy's generator counts up before it gives its first block
    for key in ((0, 0), (1, 2), (2**64 - 1, 12345)):
        for index, purpose in ((1, 0), (77, 3), (2**64 - 1, 2**63)):
            theirs = np.random.Philox(key=np.array(key, dtype=np.uint64), counter=np.array([index - 1, purpose, 0, 0], dtype=np.uint64)).random_raw(4)
            for engine in (e["name"] for e in _kernels.engines() if e["runs"]):
                assert np.array_equal(_kernels.random_words(key, index, purpose, engine), theirs)
