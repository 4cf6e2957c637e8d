"""Features read inside the kernel: closed forms, the same numbers by SciPy, and steps that nobody changes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nkcell_sim as nk
from nkcell_sim import _kernels
from nkcell_sim.analysis import features as sampled
from nkcell_sim.errors import ParameterError
from nkcell_sim.execution import Execution
from nkcell_sim.features import Area, Crossing, DecayHalfTime, HalfTime, Mean, Peak, Reading, TimeOfPeak, ValueAt, ValueWhen
from nkcell_sim.model.cells import primary_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate

from .problems import problem

RTOL = 1e-9
# A state is good to some 10 rtol at the ends of its steps and its dense output, one order lower, to about 1e-8 between them.
GATE = 5e-8
LASTING = 10.0  # s, of the oscillator: x = sin t, y = cos t
STILL = Protocol(LASTING)
WINDOWS = st.tuples(st.floats(0.0, LASTING), st.floats(0.0, LASTING)).map(sorted).filter(lambda w: w[1] - w[0] > 1e-3)


def read(cell: str, protocol: Protocol, features: dict[str, Reading], **options: object) -> dict[str, float]:
    """Features of one run."""
    trace = simulate(problem(cell), protocol, features=features, rtol=RTOL, **options)  # type: ignore[arg-type]
    return {name: float(values[0]) for name, values in trace.features.items()}


def largest_sine(a: float, b: float) -> tuple[float, float]:
    """Largest value of the sine on [a, b] and where it is."""
    tops = [math.pi / 2 + 2.0 * math.pi * k for k in range(3)]
    where = max([a, b, *(t for t in tops if a < t < b)], key=math.sin)
    return math.sin(where), where


# -- closed forms ----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(window=WINDOWS)
def test_extremes_areas_and_means_of_a_sine_equal_their_closed_forms_in_any_window(window: list[float]) -> None:
    a, b = window
    where = {"start": a, "end": b}
    got = read("oscillator", STILL, {
        "peak": Peak("x", **where), "low": Peak("x", **where, kind="minimum"), "height": Peak("x", **where, above="start"),
        "when": TimeOfPeak("x", **where), "area": Area("x", **where), "above": Area("x", **where, above=0.25), "mean": Mean("x", **where),
        "square": Mean("square", **where), "at": ValueAt("x", b),
    })  # fmt: skip
    top, when = largest_sine(a, b)
    area = math.cos(a) - math.cos(b)
    assert got["peak"] == pytest.approx(top, abs=GATE)
    assert got["low"] == pytest.approx(-largest_sine(a + math.pi, b + math.pi)[0], abs=GATE)
    assert got["height"] == pytest.approx(top - math.sin(a), abs=GATE)
    assert got["area"] == pytest.approx(area, abs=GATE * LASTING)
    assert got["above"] == pytest.approx(area - 0.25 * (b - a), abs=GATE * LASTING)
    assert got["mean"] == pytest.approx(area / (b - a), abs=GATE)
    assert got["square"] == pytest.approx(0.5 - (math.sin(2.0 * b) - math.sin(2.0 * a)) / (4.0 * (b - a)), abs=GATE)
    assert got["at"] == pytest.approx(math.sin(b), abs=GATE)
    # flat at the top: a value error of GATE moves the time by sqrt(2 GATE), and a window's two ends may tie
    assert math.sin(a + got["when"]) == pytest.approx(top, abs=2.0 * GATE)
    assert got["when"] == pytest.approx(when - a, abs=10.0 * math.sqrt(2.0 * GATE)) or abs(math.sin(a) - math.sin(b)) < GATE


@settings(max_examples=60, deadline=None)
@given(level=st.floats(-0.9, 0.9), start=st.floats(0.0, 6.0))
def test_passages_of_a_sine_happen_where_they_must(level: float, start: float) -> None:
    up, down = math.asin(level), math.pi - math.asin(level)
    rising = sorted(t for k in range(3) if start < (t := up + 2.0 * math.pi * k) < LASTING)
    falling = sorted(t for k in range(-1, 3) if start < (t := down + 2.0 * math.pi * k) < LASTING)
    if min([1.0, *(abs(t - e) for t in rising + falling for e in (start, LASTING))]) < 1e-6:
        return  # a passage on the very end of the window may count or not
    got = read("oscillator", STILL, {
        "up": Crossing("x", level, start=start), "down": Crossing("x", level, start=start, direction="falling"),
        "again": Crossing("x", level, start=start, nth=2), "any2": Crossing("x", level, start=start, direction="any", nth=2),
        "y_up": ValueWhen("y", level, trigger="x", start=start, direction="rising"),
        "square": ValueWhen("square", level, trigger="x", start=start, direction="falling"),
    })  # fmt: skip
    both = sorted(rising + falling)
    gate = GATE / math.sqrt(1.0 - level**2)  # a value error over the slope at the level
    for name, times, n in (("up", rising, 1), ("down", falling, 1), ("again", rising, 2), ("any2", both, 2)):
        expected = times[n - 1] - start if len(times) >= n else math.nan
        assert got[name] == pytest.approx(expected, abs=gate, nan_ok=True), name
    assert got["y_up"] == pytest.approx(math.sqrt(1.0 - level**2) if rising else math.nan, abs=5.0 * gate, nan_ok=True)
    assert got["square"] == pytest.approx(level**2 if falling else math.nan, abs=gate, nan_ok=True)


def test_half_times_of_exponentials_are_tau_ln_2_of_what_the_window_sees() -> None:
    tau, span = 0.005, 0.04
    protocol = Protocol(0.1).step(0.01, v_cmd="60 mV").step(0.01 + span, v_cmd="-80 mV")
    back = 0.01 + span
    got = read("hodgkin_huxley_gate", protocol, {
        "rise": HalfTime("n", start=0.01, end=back), "decay": DecayHalfTime("n", ValueAt("n", 0.01), start=back),
        "fall": HalfTime("n", start=back, kind="minimum"), "no rise": HalfTime("n", start=back),
        "floor": DecayHalfTime("n", 2.0, start=back),
    })  # fmt: skip
    # from the value at onset to half of what is reached at the window's end, not of the steady value
    assert got["rise"] == pytest.approx(-tau * math.log(1.0 - 0.5 * -math.expm1(-span / tau)), rel=1e-6)
    # towards n_inf(-80 mV) = w from n1; half-way to the value n0 at 10 ms
    w, top = 1.0 / (1.0 + math.exp(5.0)), 1.0 / (1.0 + math.exp(-12.5))
    n0 = w * -math.expm1(-0.01 / tau)
    n1 = top + (n0 - top) * math.exp(-span / tau)
    assert got["decay"] == pytest.approx(tau * math.log((n1 - w) / (0.5 * (n1 + n0) - w)), rel=1e-6)
    n2 = w + (n1 - w) * math.exp(-0.05 / tau)
    assert got["fall"] == pytest.approx(tau * math.log((n1 - w) / (0.5 * (n1 + n2) - w)), rel=1e-6)
    assert math.isnan(got["no rise"])
    assert math.isnan(got["floor"])


@pytest.mark.parametrize("steps", [10, 100, 3000])
def test_a_half_time_needs_no_more_than_the_upper_half_of_the_rise_in_memory(steps: int) -> None:
    """One rise in many steps: stretches are forgotten when the half has risen past them, and the answer stays."""
    protocol = Protocol(0.05).step(0.0, v_cmd="60 mV")
    got = read("hodgkin_huxley_gate", protocol, {"half": HalfTime("n")}, fixed_step=0.05 / steps)
    # the dense output of order 4 at the largest step, h = tau
    assert got["half"] == pytest.approx(-0.005 * math.log(1.0 - 0.5 * -math.expm1(-10.0)), rel=2e-3 if steps == 10 else 1e-6)


def test_a_membrane_that_charges_reaches_a_voltage_when_its_time_constant_says_so() -> None:
    protocol = Protocol("1 ms").step(0.0, v_clamp=1.0, v_cmd="100 mV")
    access, leak = 1.0 / 0.015, 0.1
    final, tau = 100.0 * access / (access + leak), 2.6 / (access + leak) * 1e-3
    got = read("passive_membrane", protocol, {"t50": Crossing("v", "50 mV"), "area": Area("v"), "never": Crossing("v", "0.1 V")})
    assert got["t50"] == pytest.approx(-tau * math.log(1.0 - 50.0 / final), rel=1e-6)
    assert got["area"] == pytest.approx(final * (1e-3 - tau), rel=1e-7)  # mV s
    assert math.isnan(got["never"])


# -- edges -----------------------------------------------------------------------------------------------------------------


def test_a_value_at_an_edge_is_the_one_before_it_and_a_window_sees_what_comes_after() -> None:
    jump = Protocol(2.0).step(0.5, gain=3.0).step(1.0, gain=1.0)
    sine = math.sin
    got = read("oscillator", jump, {
        "before": ValueAt("seen", 0.5), "first": Peak("seen", start=0.5, end=1.0, kind="minimum"), "height": Peak("seen", start=0.5, end=1.0, above="start"),
        "until": Peak("seen", end=0.5), "across": Peak("seen", start=0.2, end=1.8), "area": Area("seen", start=0.25, end=1.25),
        "at once": Crossing("seen", 1.0, start=0.5), "inside": Crossing("seen", 1.0, start=0.2), "falls": Crossing("seen", 2.0, start=0.6, direction="falling"),
        "half": HalfTime("seen", start=0.5, end=1.0),
    })  # fmt: skip
    assert got["before"] == pytest.approx(sine(0.5), abs=GATE)
    assert got["first"] == pytest.approx(3.0 * sine(0.5), abs=3.0 * GATE)
    assert got["height"] == pytest.approx(3.0 * sine(1.0) - sine(0.5), abs=4.0 * GATE)
    assert got["until"] == pytest.approx(sine(0.5), abs=GATE)
    assert got["across"] == pytest.approx(3.0 * sine(1.0), abs=3.0 * GATE)
    pieces = ((0.25, 0.5, 1.0), (0.5, 1.0, 3.0), (1.0, 1.25, 1.0))
    assert got["area"] == pytest.approx(sum(g * (math.cos(a) - math.cos(b)) for a, b, g in pieces), abs=4.0 * GATE)
    assert got["at once"] == 0.0
    assert got["inside"] == pytest.approx(0.3, abs=1e-12)
    assert got["falls"] == pytest.approx(0.4, abs=1e-12)
    # half of the rise from 0.479 to 2.52 is 1.502, reached after the jump to 1.44
    assert got["half"] == pytest.approx(math.asin((sine(0.5) + 3.0 * sine(1.0)) / 6.0) - 0.5, abs=GATE)


def test_an_amplitude_at_a_voltage_is_read_on_the_ramp_and_not_at_its_jumps() -> None:
    ramp = Protocol(2.0).step(0.0, gain=0.0).ramp(0.5, 1.0, gain=("-100", "100")).step(1.5, gain=0.0)
    got = read("oscillator", ramp, {
        "inside": ValueWhen("x", -50.0, trigger="gain"), "first": ValueWhen("x", -100.0, trigger="gain"), "last": ValueWhen("x", 100.0, trigger="gain"),
        "up": ValueWhen("x", 100.0, trigger="gain", direction="rising"), "down": ValueWhen("x", 50.0, trigger="gain", direction="falling"),
        "held": ValueWhen("x", 0.0, trigger="gain"), "later": ValueWhen("x", 0.0, trigger="gain", start=0.6),
        "above": ValueWhen("x", 50.0, trigger="gain", above=ValueAt("x", 0.0)),
    })  # fmt: skip
    for name, when in (("inside", 0.75), ("first", 0.5), ("last", 1.5), ("up", 1.5), ("held", 0.0), ("later", 1.0), ("above", 1.25)):
        assert got[name] == pytest.approx(math.sin(when), abs=GATE), name
    assert math.isnan(got["down"])  # the jump back from 100 to 0 is no course through 50


def test_a_window_that_begins_or_ends_within_rounding_of_an_edge_begins_or_ends_at_it() -> None:
    protocol = Protocol(1.0).step(0.3, gain=0.0)
    got = read("oscillator", protocol, {"peak": Peak("seen", start="0.005 min", end=1.0), "near": Peak("seen", start=0.1 + 0.2, end=1.0)})
    assert got == {"peak": 0.0, "near": 0.0}


def test_relaxing_inputs_are_read_like_any_other_quantity() -> None:
    protocol = Protocol(4.0).exchange(1.0, 0.5, gain=2.0)
    got = read("oscillator", protocol, {"half": HalfTime("gain", start=1.0), "area": Area("gain", start=1.0), "at": ValueAt("seen", 2.0)}, fixed_step=0.02)
    # gain = 2 - exp(-(t - 1)/0.5): the polynomial through five points of a step of 0.04 tau
    assert got["half"] == pytest.approx(-0.5 * math.log(1.0 - 0.5 * -math.expm1(-6.0)), abs=1e-9)
    assert got["area"] == pytest.approx(6.0 + 0.5 * math.expm1(-6.0), abs=1e-9)
    assert got["at"] == pytest.approx((2.0 - math.exp(-2.0)) * math.sin(2.0), abs=4.0 * GATE)


# -- the same by another route ---------------------------------------------------------------------------------------------


@settings(max_examples=6, deadline=None, derandomize=True)
@given(window=WINDOWS, edges=st.lists(st.floats(0.01, 9.9), min_size=1, max_size=3, unique=True), gain=st.floats(-2.0, 2.0), level=st.floats(-0.8, 0.8))
def test_scipys_dense_output_gives_the_same_features(window: list[float], edges: list[float], gain: float, level: float) -> None:
    protocol = STILL
    for i, edge in enumerate(sorted(edges)):
        protocol = protocol.step(edge, gain=gain + i)
    where = {"start": window[0], "end": window[1]}
    features: dict[str, Reading] = {
        "peak": Peak("seen", **where, above="start"), "area": Area("seen", **where), "mean": Mean("square", **where), "at": ValueAt("seen", window[1]),
        "cross": Crossing("seen", level, **where, direction="any"), "half": HalfTime("x", **where), "decay": DecayHalfTime("x", -1.0, **where),
        "when": ValueWhen("y", level, trigger="x", **where),
    }  # fmt: skip
    ours = read("oscillator", protocol, features)
    theirs = read("oscillator", protocol, features, method="radau")
    for name in features:
        # Radau reaches some 100 rtol; a time or a value at a time is a value over a slope of at least 0.1 unless a course only touches its level
        assert ours[name] == pytest.approx(theirs[name], abs=2e-5, nan_ok=True), name


def test_features_are_the_limit_of_measures_on_fine_samples() -> None:
    """Bounds by bracketing: a sampled crossing lies within one interval of the true one, a sampled peak misses at most slope times half an interval."""
    start, end, step = 30.0, 120.0, 0.01
    protocol = Protocol(180.0).step(start, pregs="50 uM").step(end, pregs=0.0)
    times = np.linspace(0.0, 180.0, round(180.0 / step) + 1)
    where = {"start": start, "end": end}
    trace = simulate(primary_nk_cell(), protocol, record=["ca_cyt", "TRPM3.i"], times=times, rtol=1e-8, features={
        f"{key} {name}": feature for key in ("ca_cyt", "TRPM3.i") for name, feature in {
            "peak": Peak(key, **where, above="start"), "trough": Peak(key, **where, kind="minimum"), "area": Area(key, **where, above="start"),
            "half": HalfTime(key, **where), "decay": DecayHalfTime(key, ValueAt(key, start), start=end),
        }.items()
    })  # fmt: skip
    for key in ("ca_cyt", "TRPM3.i"):
        y = trace[key][0]
        got = {name: trace.features[f"{key} {name}"][0] for name in ("peak", "trough", "area", "half", "decay")}
        base, inside = sampled.value_at(times, y, start), (times > start) & (times < end)
        steepest = np.max(np.abs(np.diff(y[inside]))) / step
        top = sampled.peak(times, y, start, end).height
        assert 0.0 <= got["peak"] - top + 1e-12 <= 0.5 * step * steepest + 1e-12
        assert abs(got["trough"] - np.min(y[inside])) <= max(step * steepest, 1e-9 * abs(got["trough"]))
        assert got["area"] == pytest.approx(sampled.area_above(times, y, start, end, base), abs=step * steepest * step * 100 + 1e-6 * (end - start) * top)
        if top > 1e-9:
            assert got["half"] == pytest.approx(sampled.half_time_onset_to_half(times, y, start, end), abs=step)
        decay = sampled.decay_half_time(times, y, end, 180.0, base)
        assert got["decay"] == pytest.approx(decay, abs=step, nan_ok=True)


# -- promises of the engine ------------------------------------------------------------------------------------------------

KEYS = ("ca_cyt", "v", "TRPM3.i")
PROTOCOL = Protocol(60.0).exchange(5.0, 2.0, pregs="50 uM").step(40.0, pregs=0.0)
MANY = {
    f"{name} {key}": feature
    for key in KEYS
    for name, feature in {
        "peak": Peak(key, start=5, end=40, above="start"), "low": Peak(key, start=5, end=43.3, kind="minimum"), "when": TimeOfPeak(key, start=7.7),
        "area": Area(key, start=5), "mean": Mean(key, start=1.1, end=50.3), "at": ValueAt(key, 12.3), "half": HalfTime(key, start=5, end=40),
        "decay": DecayHalfTime(key, -70.0, start=40), "cross": Crossing(key, 0.1, start=5), "with pregs": ValueWhen(key, 20.0, trigger="pregs"),
    }.items()
}  # fmt: skip


def group(count: int) -> list[nk.Cell]:
    """Cells that differ in channel density, so that lanes fall out of step."""
    cell = primary_nk_cell()
    start = cell.with_state(cell.initial_state())
    return [start.set({"TRPM3.density": 0.2 + 0.07 * i}) for i in range(count)]


def bits(trace: nk.simulate, row: int) -> bytes:  # type: ignore[valid-type]
    return b"".join(trace.features[name][row].tobytes() for name in MANY)  # type: ignore[attr-defined]


_ALONE: list[bytes] = []


def alone() -> list[bytes]:
    if not _ALONE:
        _ALONE.extend(bits(simulate(c, PROTOCOL, features=MANY), 0) for c in group(11))
    return _ALONE


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(list(range(11))), count=st.integers(1, 11))
def test_features_have_the_same_bits_in_any_order_lane_and_batch(order: list[int], count: int) -> None:
    cells = group(11)
    trace = simulate([cells[i] for i in order[:count]], PROTOCOL, features=MANY)
    assert [bits(trace, row) for row in range(count)] == [alone()[i] for i in order[:count]]


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("isa", [e["name"] for e in _kernels.engines() if e["runs"]])
def test_features_have_the_same_bits_on_any_instruction_set_and_number_of_threads(isa: str, threads: int) -> None:
    trace = simulate(group(11), PROTOCOL, features=MANY, execution=Execution(threads=threads, isa=isa))
    assert [bits(trace, row) for row in range(11)] == alone()


def test_neighbours_with_other_protocols_change_no_bit() -> None:
    other = Protocol(60.0).ramp(10.0, 20.0, pregs=("0 uM", "80 uM")).step(33.0, pregs=0.0)
    cells = group(3)
    mixed = simulate([cells[0], cells[1], cells[2], cells[1]], [PROTOCOL, other, PROTOCOL, other], features=MANY)
    assert [bits(mixed, row) for row in (0, 2)] == [alone()[0], alone()[2]]


def test_features_and_records_change_neither_a_step_nor_each_other() -> None:
    cells, times = group(5), np.linspace(0.0, 60.0, 31)
    plain = simulate(cells, PROTOCOL)
    read_only = simulate(cells, PROTOCOL, features=MANY)
    both = simulate(cells, PROTOCOL, features=MANY, record=KEYS, times=times)
    recorded = simulate(cells, PROTOCOL, record=KEYS, times=times)
    for other in (read_only, both, recorded):
        assert other.final.tobytes() == plain.final.tobytes()
        assert [repr(o) for o in other.outcomes] == [repr(o) for o in plain.outcomes]
    assert [bits(both, i) for i in range(5)] == [bits(read_only, i) for i in range(5)]
    assert all(both[k].tobytes() == recorded[k].tobytes() for k in KEYS)


def test_the_value_at_a_time_is_the_recorded_one_for_a_state() -> None:
    times = np.linspace(0.0, 60.0, 13)
    trace = simulate(group(2), PROTOCOL, record=["ca_cyt", "v"], times=times, features={f"{k} {t:g}": ValueAt(k, t) for k in ("ca_cyt", "v") for t in times})
    for i, t in enumerate(times):
        for key in ("ca_cyt", "v"):
            # the same polynomial, summed by powers instead of nested
            assert trace.features[f"{key} {t:g}"] == pytest.approx(trace[key][:, i], rel=1e-12)


@pytest.mark.parametrize("key", ["TRPM3.i", "KCa31.i"])
def test_the_value_of_an_output_within_a_step_is_lagranges_through_its_values_at_five_points(key: str) -> None:
    step, count = 0.1, 20
    start = 5.0 + step * count  # a step of known length, counted from the edge at 5 s
    nodes, within = np.arange(5) / 4.0, (0.1, 0.4, 0.9)
    trace = simulate(
        group(2), PROTOCOL, record=[key], times=start + step * nodes, fixed_step=step, features={f"{q}": ValueAt(key, start + step * q) for q in within}
    )
    for q in within:
        weights = [np.prod([(q - other) / (node - other) for other in nodes if other != node]) for node in nodes]
        # weights of size 1 and values that differ little: some roundings of the value
        assert trace.features[f"{q}"] == pytest.approx(trace[key] @ weights, rel=1e-13)


@pytest.mark.parametrize("rtol", [1e-4, 1e-6])
def test_reading_an_output_between_steps_adds_little_to_the_error_of_the_integration(rtol: float) -> None:
    """The interpolation is off by h^5, a step's states by as much times larger factors: a tenth of the run's own error is a bound with room."""
    times = np.linspace(5.25, 59.75, 110)
    features = {f"{k} {t}": ValueAt(k, t) for k in ("TRPM3.i", "KCa31.i") for t in times}
    trace = simulate(group(1), PROTOCOL, record=["TRPM3.i", "KCa31.i"], times=times, rtol=rtol, features=features)
    true = simulate(group(1), PROTOCOL, record=["TRPM3.i", "KCa31.i"], times=times, rtol=1e-11)
    for key in ("TRPM3.i", "KCa31.i"):
        added = np.array([trace.features[f"{key} {t}"][0] for t in times]) - trace[key][0]
        assert np.max(np.abs(added)) <= 0.1 * np.max(np.abs(trace[key][0] - true[key][0]))


def test_a_run_that_fails_has_no_features_and_its_neighbour_has_all() -> None:
    cells = [problem("blow_up"), problem("blow_up").with_state({"y": 0.1})]
    trace = simulate(cells, Protocol(2.0), features={"early": ValueAt("y", 0.5), "peak": Peak("y", end=0.9), "area": Area("y"), "half": HalfTime("y")})
    assert trace.status[0] != "ok"
    assert trace.status[1] == "ok"
    assert all(np.isnan(v[0]) and np.isfinite(v[1]) for v in trace.features.values())
    # y' = y^2 from 0.1: y = 1/(10 - t)
    assert trace.features["early"][1] == pytest.approx(1.0 / 9.5, rel=1e-5)


def test_a_feature_of_a_state_stays_in_the_states_range() -> None:
    """Between two steps a polynomial may fall below a concentration of 0 by a fraction of the tolerance."""
    trace = simulate(group(4), PROTOCOL, rtol=1e-4, features={k: Peak(k, kind="minimum") for k in ("ca_cyt", "TRPM3.d", "Dye.fraction")})
    assert all(np.all(v >= 0.0) for v in trace.features.values())


# -- units and mistakes ----------------------------------------------------------------------------------------------------


def test_features_come_in_declared_units() -> None:
    cell, protocol = primary_nk_cell(), Protocol("10 s").step("2 s", pregs="50 uM")
    trace = simulate(cell, protocol, features={
        "ca": Peak("ca_cyt"), "rise": Peak("ca_cyt", above="start"), "area": Area("TRPM3.i", start="2 s"), "half": HalfTime("ca_cyt", start="2 s"),
        "level": Crossing("ca_cyt", "100 nM"), "same": Crossing("ca_cyt", 0.1), "zero": Area("v", above="-0.06 V"), "mean": Mean("v"),
    })  # fmt: skip
    unit = cell.composition.declarations["ca_cyt"].unit
    assert trace.feature_units == {"ca": unit, "rise": unit, "area": "pA s", "half": "s", "level": "s", "same": "s", "zero": "mV s", "mean": "mV"}
    assert np.array_equal(trace.features["level"], trace.features["same"], equal_nan=True)
    assert trace.features["zero"][0] == pytest.approx((trace.features["mean"][0] + 60.0) * 10.0, rel=1e-9)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Peak("x", start=3, end=2), r"Peak of 'x' starts at 3 s and ends at 2 s; expected start < end"),
    (lambda: Peak("x", kind="largest"), r"Peak of 'x' has kind = 'largest'; expected 'maximum', 'minimum'"),
    (lambda: Peak("x", start="3 mV"), r"Peak of 'x' has start = '3 mV'; expected a time in s or text such as '30 s'"),
    (lambda: Crossing("x", 1.0, direction="up"), r"Crossing of 'x' has direction = 'up'; expected 'rising', 'falling', 'any'"),
    (lambda: Crossing("x", 1.0, nth=0), r"Crossing of 'x' has nth = 0; expected a whole number from 1"),
    (lambda: Area("x", start=1, above=ValueAt("x", 2)), r"Area of 'x' is measured from the value at 2 s; expected a time up to the window's start, 1 s"),
    (lambda: Area("x", start=1, above=ValueAt("y", 0)), r"Area of 'x' is measured from a value of 'y'; expected one of 'x'"),
])  # fmt: skip
def test_settings_that_make_no_sense_are_refused_at_once(make: object, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(("feature", "message"), [
    (Peak("squar"), r"feature 'f': cell 'oscillator' has no quantity 'squar'; did you mean 'square'\?"),
    (ValueWhen("x", 1.0, trigger="gin"), r"no quantity 'gin'; did you mean 'gain'\?"),
    (Peak("x", start=5, end=11), r"feature 'f' is read from 5 s to 11 s; the protocol lasts from 0 to 10 s"),
    (Peak("x", start=10), r"feature 'f' is read from 10 s to the end; the protocol lasts from 0 to 10 s"),
    (ValueAt("x", 10.5), r"feature 'f' is read at 10.5 s; the protocol lasts from 0 to 10 s"),
    (Crossing("x", "1 mV"), r"feature 'f': got the level '1 mV'; expected a number in 1 or text with a unit"),
    (Crossing("x", math.inf), r"feature 'f': got the level inf; expected a finite number"),
    ("x", r"feature 'f' is 'x'; expected one of nkcell_sim.features, for example Peak\('ca_cyt'\)"),
])  # fmt: skip
def test_a_feature_that_does_not_fit_cell_or_protocol_is_refused_by_name(feature: Reading, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        simulate(problem("oscillator"), STILL, features={"f": feature})
