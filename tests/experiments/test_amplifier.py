"""The amplifier: what acts on the membrane, what acts on the current that is read, and that each artefact can be switched off."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import nkcell_sim as nk
from nkcell_sim.errors import NkcellError, ParameterError
from nkcell_sim.experiments import Amplifier, Camera, IVCurve, PatchClamp, Rest, run_experiment

from .noise_streams import streams

CURRENT = "Electrode.i_measured"
OFF = {"leak_subtraction": "none", "stray": 0.0, "corner": 0.0, "sampling": 0.0, "adc_step": 0.0, "noise": 0.0}
PLAIN = PatchClamp(ntx_in_bath="kept", pregs="100 uM", break_in="20 s", application="20 s", block="20 s")  # six ramps
STEPS = IVCurve(ntx_in_bath="kept", break_in="5 s", pregs_lead="5 s", interval="1 s")
PERFECT = Amplifier(**OFF)


def rig(setup=PLAIN, **settings):
    return replace(setup, instrument=Amplifier(**{**OFF, **settings}))


@pytest.fixture(scope="module")
def trace(cell):
    """Six ramps of one cell with all times that an amplifier asks for."""
    setup = rig()
    return nk.simulate(setup.prepare_all([cell]), setup.protocol(), record=setup.record, times=setup.times())


def repeated(trace, n, current=None):
    """The same run n times, or a current of one's own."""
    values = {name: np.repeat(table, n, axis=0) for name, table in trace.values.items()}
    if current is not None:
        values[CURRENT] = np.repeat(current[None, :], n, axis=0)
    return replace(trace, values=values, outcomes=trace.outcomes[np.zeros(n, int)], final=np.repeat(trace.final, n, axis=0), cells=[trace.cells[0]] * n)


def ramp_ends(setup, trace):
    return np.searchsorted(trace.time, setup.ramp_ends() - 1e-9)


# -- off, and ideal --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setup", [PLAIN, STEPS], ids=["ramps", "steps"])
def test_with_all_artefacts_off_the_observed_is_the_ideal_bit_for_bit(cell, setup):
    result = run_experiment([cell, cell], rig(setup))
    assert {name: f.values.tolist() for name, f in result.features.items()} == {name: f.values.tolist() for name, f in result.ideal.items()}
    where = np.isin(result.observed.time, result.trace.time)
    assert np.array_equal(result.observed[CURRENT][:, where], result.trace[CURRENT])


@pytest.mark.parametrize("setup", [PLAIN, STEPS], ids=["ramps", "steps"])
@pytest.mark.parametrize("instrument", [Amplifier(), Amplifier(series_resistance="60 MOhm", seal="1 nS", junction="ignored")], ids=["default", "bad"])
def test_the_ideal_is_the_experiment_without_the_instrument_bit_for_bit(cell, setup, instrument):
    alone = run_experiment(cell, setup)
    result = run_experiment(cell, replace(setup, instrument=instrument))
    assert {n: f.values.tolist() for n, f in result.ideal.items()} == {n: f.values.tolist() for n, f in alone.features.items()}
    assert np.array_equal(result.trace.time, alone.trace.time)
    assert all(np.array_equal(result.trace[name], alone.trace[name]) for name in alone.trace)


def test_an_experiment_without_an_instrument_has_nothing_observed(cell):
    result = run_experiment(cell, PLAIN)
    assert result.observed is None
    assert result.ideal == {}
    assert PLAIN.observed(result.trace, []) is None


def test_numerical_errors_are_those_of_the_ideal_recording(cell):
    """Noise has no tolerance of the integrator; the bars are those without the instrument, bit for bit."""
    alone = run_experiment(cell, PLAIN, error_bars=True)
    result = run_experiment(cell, replace(PLAIN, instrument=Amplifier()), error_bars=True)
    assert {n: e.tolist() for n, e in result.errors.items()} == {n: e.tolist() for n, e in alone.errors.items()}


def test_a_failed_run_stays_missing(trace):
    broken = repeated(trace, 2)
    broken[CURRENT][1] = np.nan
    setup = replace(PLAIN, instrument=Amplifier())
    seen = setup.observed(broken, streams(2))[CURRENT]
    assert np.isfinite(seen[0]).all()
    assert np.isnan(seen[1]).all()


# -- what acts on the membrane -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("resistance", "compensation"), [(15.0, 0.0), (40.0, 0.0), (40.0, 70.0)])
def test_membrane_charges_with_the_uncompensated_resistance(cell, resistance, compensation):
    """tau = R C/(1 + R g) with R = (1 - c) R_s; g, the cell's slope conductance, is below 1 nS, so that R g is below 4 %."""
    patched = Amplifier(series_resistance=resistance, compensation=compensation).prepare_all([cell])[0]
    times = 1.0 + np.arange(0.0, 3e-4, 1e-6)
    protocol = nk.Protocol(1.01).step(0.0, whole_cell=1.0, v_clamp=1.0).step(0.0, v_cmd="-60 mV").step(1.0, v_cmd="-70 mV")
    at = nk.simulate(patched, protocol, record=["v"], times=[*times, 1.0095]).raise_for_status()
    left = at["v"][0, :-1] - at["v"][0, -1]
    far = (left < 0.9 * left[0]) & (left > 0.1 * left[0])
    rate = -np.polyfit(times[far] * 1e3, np.log(left[far]), 1)[0]
    wanted = resistance * (1.0 - compensation / 100.0) * cell.parameter("cm") * 1e-3  # MOhm pF = us
    assert wanted * 0.96 < 1.0 / rate < wanted * 1.001


@pytest.mark.parametrize(("resistance", "compensation"), [(30.0, 0.0), (60.0, 80.0)])
def test_voltage_error_is_current_times_uncompensated_resistance(cell, resistance, compensation):
    result = run_experiment(cell, rig(series_resistance=resistance, compensation=compensation))
    trace = result.observed
    at = ramp_ends(PLAIN, trace)
    error = 100.0 - trace["v"][0, at]
    assert error == pytest.approx(trace[CURRENT][0, at] * resistance * (1.0 - compensation / 100.0) * 1e-3, rel=1e-9)
    # A resistance that is not that of the cell's pipette (15 MOhm) changes what is read; the ideal recording keeps the pipette.
    assert result.features["baseline_outward"].values != result.ideal["baseline_outward"].values


def test_resistance_that_is_switched_off_leaves_the_smallest_of_the_electrode(cell):
    for off in (Amplifier(series_resistance="0 MOhm"), Amplifier(compensation="100 %")):
        assert off.prepare_all([cell])[0].parameter("Electrode.r_series") == 0.1
    assert Amplifier(seal="0 nS").prepare_all([cell])[0].parameter("Electrode.g_seal") == 0.0


def test_pipettes_of_the_cells_are_kept_when_the_amplifier_names_none(cell):
    spread = [cell, cell.set({"Electrode.r_series": 22.0, "Electrode.g_seal": 0.3})]
    assert [a is b for a, b in zip(Amplifier().prepare_all(spread), spread, strict=True)] == [True, True]
    half = Amplifier(compensation="50 %").prepare_all(spread)
    assert [c.parameter("Electrode.r_series") for c in half] == [7.5, 11.0]


def test_an_ignored_junction_potential_shifts_the_membrane_and_the_reversal_by_exactly_itself(cell):
    """Asking for V and getting V - 10 mV is the recording at V - 10 mV with 10 mV added to its axis."""
    ignored = run_experiment(cell, rig(junction="ignored", junction_potential="-10 mV"))
    shifted = run_experiment(cell, replace(PLAIN, holding=-10.0, ramp_from=-110.0, ramp_to=90.0, inward_at=-104.0))
    where = np.isin(ignored.observed.time, shifted.trace.time)
    assert np.array_equal(ignored.observed[CURRENT][:, where], shifted.trace[CURRENT])
    seen, true = (r.features["evoked_reversal"].values[0] for r in (ignored, shifted))
    assert seen == pytest.approx(true + 10.0, abs=1e-9)  # rounding of the voltage axis
    corrected = run_experiment(cell, rig(junction="corrected", junction_potential="-10 mV"))
    assert np.array_equal(corrected.observed[CURRENT][:, where], corrected.trace[CURRENT])


def test_an_ignored_junction_potential_moves_steps_too():
    setup = rig(STEPS, junction="ignored", junction_potential="-7 mV")
    protocol, plain = setup.protocol(), STEPS.protocol()
    for time in (0.0, 10.1, 11.1, 13.0, 20.3):
        assert protocol.value("v_cmd", time, unit="mV") == pytest.approx(plain.value("v_cmd", time, unit="mV") - 7.0, abs=1e-9)


# -- leak ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", [0.0, 1e-4])
def test_linear_subtraction_removes_a_pure_seal_exactly(trace, sampling):
    """I = g V + Cm dV/dt on the ramps and g V_hold between: nothing is left once Cm dV/dt is off."""
    setup = rig(replace(PLAIN, holding=-40.0), leak_subtraction="linear", sampling=sampling)
    sweeps, current = setup.sweeps(), np.full(len(trace.time), 0.37 * -40.0)
    where = sweeps.positions(trace.time)
    current[where[:, 1:]] = 0.37 * sweeps.voltage[:, 1:] + 2.6 * 2.0
    seen = replace(trace, values={**trace.values, CURRENT: current[None, :]})
    observed = setup.observed(seen, streams(1))
    outside = np.setdiff1d(np.arange(len(trace.time)), where)
    assert observed[CURRENT][0, outside] == pytest.approx(0.0, abs=1e-10)
    readings = np.searchsorted(trace.time, (sweeps.starts[:, None] + setup.ramp_grid()[None, :]).ravel() - 1e-8)
    assert setup.corrected(observed)[0, readings] == pytest.approx(0.0, abs=1e-10)


def test_subtraction_takes_basal_conductances_with_the_seal(cell):
    """With no seal at all the fitted line still takes something off: the cell's own inward conductance."""
    result = run_experiment(cell, rig(leak_subtraction="linear", seal="0 nS"))
    plain = run_experiment(cell, rig(seal="0 nS"))
    taken = plain.features["baseline_inward"].values[0] - result.features["baseline_inward"].values[0]
    assert taken < -0.01
    # Evoked values are differences of ramps, from which one line cancels.
    assert result.features["pregs_1_outward"].values == pytest.approx(plain.features["pregs_1_outward"].values, abs=1e-9)


def test_steps_lose_their_seal_too(cell):
    """Two cells that differ in their seal only, fitted below the range of Kv1.3, which ten seconds of dialysis have not silenced."""
    setup = rig(STEPS, leak_subtraction="linear", leak_from="-105 mV", leak_to="-75 mV")
    seals = [cell.set({"Electrode.g_seal": g}) for g in (0.0, 1.0)]
    tight, leaky = run_experiment(seals, setup).features["steady_+100_mV"].values
    # 1 nS is 100 pA. It also loads the series resistance, 15 MOhm 1 nS = 1.5 % of 100 mV and of the membrane's 3.5 pA; with its 0.05 nS there, 0.13 pA.
    assert abs(leaky - tight) < 0.15


# -- pipette, filter, clock --------------------------------------------------------------------------------------------------


def test_stray_capacitance_carries_its_charge_and_offsets_the_ramp(trace):
    """Charge at the step (1 - c) C dV, offset on the ramp (1 - c) C dV/dt."""
    setup = rig(stray="4 pF", stray_compensation="75 %", stray_tau="50 us")
    extra = (setup.observed(trace, streams(1))[CURRENT] - trace[CURRENT])[0]
    start = setup.ramp_ends()[0] - setup.ramp_duration
    during = (trace.time >= start + 5e-10) & (trace.time <= start + 2e-3 + 1e-9)
    time, current = (trace.time[during] - start) * 1e3, extra[during]
    carried = np.trapezoid(current, time)
    # Jump of -100 mV from 0 mV, then 2 mV/ms for 2 ms less one time constant. Trapezoids of a growth of 12 % are 0.1 % too large (12 %^2/12).
    assert carried == pytest.approx(1.0 * -100.0 + 1.0 * 2.0 * (2.0 - 0.05), rel=3e-3)
    assert extra[ramp_ends(setup, trace)] == pytest.approx(1.0 * 2.0, abs=1e-9)


def test_the_filter_delays_the_transient_and_leaves_the_readings(trace):
    """At 5 kHz the step's artefact is over before the inward current is read; at 200 Hz it is not."""
    ideal = PLAIN.at_ramps(trace, inward=True)
    fast, slow = (PLAIN.at_ramps(rig(corner=corner).observed(trace, streams(1)), inward=True) for corner in (5000.0, 200.0))
    # The filter lags 67 us (0.34/f_c) behind a ramp of at most 0.5 nS 2 mV/ms.
    assert np.max(np.abs(fast - ideal)) < 67e-3 * 0.5 * 2.0
    assert np.min(np.abs(slow - ideal)) > 5.0


def test_the_clock_holds_the_last_conversion(trace):
    setup = rig(sampling="700 us")
    seen = setup.observed(trace, streams(1))[CURRENT][0]
    sweeps = setup.sweeps()
    where = sweeps.positions(trace.time)[2]
    wanted = np.interp(np.floor((sweeps.grid + 1e-9) / 7e-4) * 7e-4, sweeps.grid, trace[CURRENT][0][where])
    assert seen[where] == pytest.approx(wanted, rel=1e-9)


def test_converter_gives_whole_steps_at_most_half_a_step_away(trace):
    seen = rig(adc_step="0.5 pA").observed(trace, streams(1))[CURRENT]
    assert np.max(np.abs(seen / 0.5 - np.round(seen / 0.5))) < 1e-9
    assert np.max(np.abs(seen - trace[CURRENT])) <= 0.25 + 1e-9


# -- noise ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("corner", "poles"), [(5000.0, "4-pole"), (1250.0, "4-pole"), pytest.param(5000.0, "8-pole", marks=pytest.mark.slow), (0.0, "4-pole")])
def test_noise_has_the_stated_rms_and_goes_with_the_root_of_the_corner(trace, corner, poles):
    n = 60
    noisy, still = rig(corner=corner, filter=poles, noise="2 pA"), rig(corner=corner, filter=poles)
    one = still.observed(trace, streams(1))[CURRENT]
    at = np.concatenate([ramp_ends(PLAIN, trace), np.flatnonzero(np.abs(trace.time % 10.0 - 4.0) < 1e-6)])
    noise = (noisy.observed(repeated(trace, n), streams(n))[CURRENT] - one)[:, at]
    rms = 2.0 * np.sqrt(corner / 5000.0) if corner else 2.0
    assert noisy.instrument.noise_rms == pytest.approx(rms)
    assert abs(np.mean(noise)) * np.sqrt(noise.size) / rms < 3.0
    assert abs(np.var(noise) / rms**2 - 1.0) * np.sqrt(noise.size / 2.0) < 5.0


def test_density_times_noise_bandwidth_is_the_variance():
    amplifier = Amplifier(corner="2 kHz", noise="3 pA", noise_bandwidth="10 kHz")
    assert amplifier.noise_density * amplifier.low_pass.noise_bandwidth == pytest.approx(amplifier.noise_rms**2)
    assert amplifier.noise_rms == pytest.approx(3.0 * np.sqrt(0.2))


def test_drift_is_a_random_walk_of_the_stated_size(trace):
    n = 400
    drift = rig(drift="3 pA").observed(repeated(trace, n), streams(n))[CURRENT] - trace[CURRENT]
    assert np.all(drift[:, 0] == 0.0)
    for when in (10.0, 60.0):
        there = drift[:, np.searchsorted(trace.time, when - 1e-9)]
        assert abs(np.var(there) / (9.0 * when / 60.0) - 1.0) * np.sqrt(n / 2.0) < 5.0


def test_noise_of_a_run_is_the_same_alone_and_in_any_batch(trace):
    setup = replace(PLAIN, instrument=Amplifier(drift="1 pA"))
    batch = setup.observed(repeated(trace, 3), streams(3))[CURRENT]
    for i in range(3):
        assert np.array_equal(setup.observed(trace, [streams(3)[i]])[CURRENT][0], batch[i])
    assert not np.array_equal(batch[0], batch[1])


def test_seed_names_the_noise(cell):
    setup = rig(noise="2 pA")
    first, again, other = (run_experiment(cell, setup, seed=seed).observed[CURRENT] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_smallest_ononetin_sensitive_change_that_is_seen_is_three_times_root_two_the_noise(trace):
    """A change is the difference of two conversions, so that its error is sqrt(2) RMS whatever the current; three of them are a detection limit."""
    n = 250
    setup = rig(noise="2 pA", corner="1 kHz")
    change = setup.features(setup.observed(repeated(trace, n), streams(n)))["ononetin_sensitive"].values
    still = rig(corner="1 kHz")
    true = still.features(still.observed(trace, streams(1)))["ononetin_sensitive"].values[0]
    error = np.sqrt(2.0) * setup.instrument.noise_rms
    assert setup.instrument.smallest_change == pytest.approx(3.0 * error)
    assert abs(np.mean(change) - true) / error * np.sqrt(n) < 3.0
    assert abs(np.var(change) / error**2 - 1.0) * np.sqrt(n / 2.0) < 5.0
    # By this rule a cell passes for ononetin-sensitive with the share of a normal distribution above the limit.
    from scipy.stats import norm

    share = norm.sf((3.0 * error - true) / error)
    assert abs(np.mean(change > 3.0 * error) - share) < 4.0 * np.sqrt(share * (1.0 - share) / n)


# -- refusals ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: replace(PLAIN, instrument=Camera()), "got the instrument 'camera' of patch_clamp; expected 'amplifier'"),
        (lambda: replace(PLAIN, instrument="amplifier"), "got str as instrument of patch_clamp; expected 'amplifier'"),
        (lambda: Rest(instrument=Amplifier()), "no instrument can record this experiment"),
        (lambda: Amplifier(corner="-1 Hz"), "amplifier.corner"),
        (lambda: Amplifier(corner="5 kOhm"), "amplifier.corner"),
        (lambda: Amplifier(filter="3-pole"), "4-pole"),
        (lambda: Amplifier(compensation="110 %"), "from 0 to 100 percent"),
        (lambda: Amplifier(series_resistance=["1 MOhm", "2 MOhm"]), "expected one value"),
        (lambda: Amplifier(leak_from="-50 mV", leak_to="-50 mV"), "expected a voltage above leak_from"),
        (lambda: Amplifier(sampling="1 ns"), "expected at least 1 us"),
        (lambda: replace(PLAIN, instrument=Amplifier(leak_from="120 mV", leak_to="150 mV")), "fewer than two voltages"),
        (lambda: replace(STEPS, instrument=Amplifier(leak_from="-70 mV", leak_to="-50 mV")), "fewer than two voltages"),
        (lambda: replace(PLAIN, instrument=Amplifier(sampling="20 ms")), "expected at least 10 conversions in 0.1 s"),
        (lambda: replace(PLAIN, instrument=Amplifier(sampling="10 ms", leak_from="-85 mV", leak_to="-75 mV")), "fewer than two voltages"),
        (lambda: Amplifier(nois="2 pA"), "did you mean 'noise'"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_was_expected(build, said):
    with pytest.raises(NkcellError, match=said.replace("(", r"\(")):
        build()


def test_a_trace_needs_one_stream_for_every_run(trace):
    with pytest.raises(ParameterError, match="got 1 random streams for 3 runs"):
        replace(PLAIN, instrument=Amplifier()).observed(repeated(trace, 3), streams(1))


def test_a_trace_without_the_times_of_the_sweeps_is_refused(cell):
    coarse = run_experiment(cell, PLAIN).trace
    with pytest.raises(ValueError, match=r"simulate with times=experiment\.times"):
        replace(PLAIN, instrument=Amplifier()).observed(coarse, streams(1))


numbers = st.floats(allow_nan=True, allow_infinity=True).map(lambda x: x + 0.0)  # -0 is written as 0


@given(name=st.sampled_from([n for n, f in Amplifier.lab_fields().items() if f.metadata["kind"] in ("quantity", "list")]), value=numbers)
def test_any_number_makes_an_amplifier_or_a_clear_error(name, value):
    try:
        made = Amplifier(**{name: value})
    except ParameterError as error:
        named = error.name
    else:
        named = name
        assert Amplifier.from_settings(made.settings()).settings() == made.settings()
        assert np.isfinite(made.noise_rms)
    assert named in (name, "leak_to")
