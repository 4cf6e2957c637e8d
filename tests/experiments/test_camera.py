"""The camera: frames, bleaching, background and photons against closed forms, and that each artefact can be switched off."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import nkcell_sim as nk
from nkcell_sim.errors import NkcellError, ParameterError
from nkcell_sim.experiments import Amplifier, CalciumImaging, Camera, run_experiment

from .noise_streams import streams

OFF = {
    "frame_rate": 0.0, "exposure": 0.0, "bleaching": 0.0, "bleach_correction": "none", "background": 0.0, "background_subtraction": "none",
    "photon_noise": "none", "read_noise": 0.0, "f0_span": 0.0,
}  # fmt: skip
PLAIN = CalciumImaging(ntx_in_bath="kept", application="60 s", recovery="60 s")
RATIO = replace(PLAIN, readout="ratio")
FRAMES = {"frame_rate": 2.0, "exposure": 0.1}
SHARE = "Dye.fraction"


def rig(setup=PLAIN, **settings):
    return replace(setup, instrument=Camera(**{**OFF, **settings}))


@pytest.fixture(scope="module")
def trace(cell):
    """One cell with the times of frames and samples."""
    setup = rig(**FRAMES)
    return nk.simulate(setup.prepare_all([cell]), setup.protocol(), record=setup.record, times=setup.times())


def lit(trace, bound, n=1):
    """The trace with a course of the dye's bound share of one's own, n times."""
    values = {name: np.repeat(table, n, axis=0) for name, table in trace.values.items()}
    values[SHARE] = np.repeat(np.broadcast_to(bound, trace.time.shape)[None, :], n, axis=0)
    return replace(trace, values=values, outcomes=trace.outcomes[np.zeros(n, int)], final=np.repeat(trace.final, n, axis=0), cells=[trace.cells[0]] * n)


def at_frames(setup, trace, n=1):
    """Observed read-outs of every frame, (n, n_frames)."""
    where = np.searchsorted(trace.time, setup.instrument.frame_times(setup.duration) - 1e-9)
    return setup.fluorescence(setup.observed(trace, streams(n)))[:, where]


# -- off, and ideal --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setup", [PLAIN, RATIO], ids=["f_over_f0", "ratio"])
def test_with_all_artefacts_off_the_observed_is_the_ideal(cell, setup):
    result = run_experiment([cell, cell], rig(setup))
    # Photons multiply and divide what the ideal read-out has not: rounding.
    assert rig(setup).fluorescence(result.observed) == pytest.approx(setup.fluorescence(result.trace), rel=1e-12)
    for name, feature in result.ideal.items():
        assert result.features[name].values == pytest.approx(feature.values, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("setup", [PLAIN, RATIO], ids=["f_over_f0", "ratio"])
@pytest.mark.parametrize("instrument", [Camera(), Camera(frame_rate="0.3 1/s", exposure="2 s", dye_buffering="off")], ids=["default", "slow"])
def test_the_ideal_is_the_experiment_without_the_camera_bit_for_bit(cell, setup, instrument):
    alone, result = run_experiment(cell, setup), run_experiment(cell, replace(setup, instrument=instrument))
    assert {n: f.values.tolist() for n, f in result.ideal.items()} == {n: f.values.tolist() for n, f in alone.features.items()}
    assert np.array_equal(result.trace.time, alone.trace.time)
    assert all(np.array_equal(result.trace[name], alone.trace[name]) for name in alone.trace)
    name = "ratio_amplitude" if setup is RATIO else "f_amplitude"
    assert result.features[name].values[0] != alone.features[name].values[0]


def test_a_dye_that_does_not_buffer_is_that_of_an_experiment_with_none(cell):
    """The bound share follows Ca2+ with the indicator's own rates, whether there is indicator to bind Ca2+ away or not."""
    result = run_experiment(cell, rig(dye_buffering="off"))
    none = run_experiment(cell, replace(PLAIN, dye="0 uM"))
    for name in ("ca_cyt", SHARE, "v"):
        assert np.array_equal(result.observed[name], none.trace[name])
    assert result.features["ca_half_time"].values[0] < result.ideal["ca_half_time"].values[0]
    # Quasi-steady reporter: where Ca2+ hardly moves, the bound share is Ca/(Ca + Kd) with Kd = 0.39 uM.
    ca = none.trace["ca_cyt"][0, -1]
    assert none.trace[SHARE][0, -1] == pytest.approx(ca / (ca + 0.39), rel=1e-3)


def test_a_failed_run_stays_missing(trace):
    two = lit(trace, 0.3, 2)
    two[SHARE][1] = np.nan
    setup = replace(PLAIN, instrument=Camera())
    seen = setup.fluorescence(setup.observed(two, streams(2)))
    assert np.isfinite(seen[0]).all()
    assert np.isnan(seen[1]).all()


@pytest.mark.parametrize("dim", [{"saturation": 1.0}, {"photons": 1.0, "read_noise": 200.0}], ids=["saturated", "lost in the noise"])
def test_a_camera_that_sees_no_light_before_the_stimulus_has_no_read_out_and_stops_nothing(trace, dim):
    """Without light above the background there is no bleaching to fit; whether the mean of the noise is above it is chance, about one in two."""
    setup = replace(PLAIN, instrument=Camera(**dim))
    seen = setup.fluorescence(setup.observed(lit(trace, 0.3, 12), streams(12)))
    missing = np.isnan(seen).all(axis=1)
    assert missing.any()
    assert np.isfinite(seen[~missing]).all()


# -- frames and bleaching --------------------------------------------------------------------------------------------------


def test_frame_of_a_linear_rise_is_its_value_in_the_middle_of_the_exposure(trace):
    setup = rig(frame_rate=2.0, exposure=0.4)
    time = np.unique(np.concatenate([trace.time, setup.times()]))
    table = {name: np.zeros((1, len(time))) for name in trace}
    table[SHARE] = (0.1 + 1e-3 * time)[None, :]
    seen = at_frames(setup, replace(trace, time=time, values=table))[0]
    light = 1.0 + 99.0 * (0.1 + 1e-3 * (np.arange(len(seen)) * 0.5 + 0.2))
    # F0 is the frame course at onset, between the frames around it.
    assert seen == pytest.approx(light / (1.0 + 99.0 * 0.16), rel=1e-9)


def test_frame_is_the_mean_over_its_exposure_where_light_bends(trace):
    setup = rig(frame_rate=0.25, exposure=4.0)
    time = np.unique(np.concatenate([trace.time, setup.times()]))
    bound = np.maximum(0.1, 0.1 + 0.01 * (time - 70.0))  # bends in the middle of the frame from 68 to 72 s
    seen = at_frames(setup, replace(trace, time=time, values={SHARE: bound[None, :]}))[0]
    # From 70 to 72 s the bound share rises by 0.02, its mean over 4 s by 0.02/4.
    assert seen[17] == pytest.approx((1.0 + 99.0 * 0.105) / (1.0 + 99.0 * 0.1), rel=1e-9)


def test_dye_bleaches_exponentially_with_exposed_time_only(trace):
    setup = rig(**FRAMES, bleaching="50 s")
    seen = at_frames(setup, lit(trace, 0.3))[0]
    # 0.1 s of exposure every 0.5 s: by frame k the dye has been exposed for 0.1 k s.
    assert seen / seen[0] == pytest.approx(np.exp(-0.1 * np.arange(len(seen)) / 50.0), rel=1e-12)


@pytest.mark.parametrize("setup", [PLAIN, RATIO], ids=["f_over_f0", "ratio"])
def test_fitted_exponential_takes_bleaching_back(trace, setup):
    one = rig(setup, **FRAMES, bleaching="50 s", bleach_correction="baseline")
    light = lit(trace, 0.3)
    assert at_frames(one, light)[0] == pytest.approx(setup.fluorescence(light)[0, 0], rel=1e-6)  # tolerance of the fit


def test_correction_of_noisy_bleaching_is_right_on_average(trace):
    """Over 200 cells the corrected end of the recording is 1 within three standard errors of what is seen; it is not without."""
    n = 200
    noisy = {**FRAMES, "bleaching": 50.0, "photon_noise": "poisson", "photons": 20_000.0, "f0_span": 30.0}
    end = np.mean(at_frames(rig(**noisy, bleach_correction="baseline"), lit(trace, 0.3, n), n)[:, -40:], axis=1)
    # The rate's error e enters as exp(e): a bias of e^2/2 is left, below a tenth of what one cell scatters.
    assert abs(np.mean(end) - 1.0 - np.var(end) / 2.0) < 3.0 * np.std(end) / np.sqrt(n)
    plain = np.mean(at_frames(rig(**noisy), lit(trace, 0.3, n), n)[:, -40:], axis=1)
    assert np.mean(plain) < 0.9


# -- light and detector ----------------------------------------------------------------------------------------------------


def test_background_dilutes_the_read_out_and_its_subtraction_restores_it(trace):
    bound = np.where(trace.time > PLAIN.onset, 0.6, 0.2)
    light = 1.0 + 99.0 * bound
    ideal = light / light[0]
    left = rig(background=0.5)
    assert left.fluorescence(left.observed(lit(trace, bound), streams(1)))[0] == pytest.approx((ideal + 0.5) / 1.5, rel=1e-12)
    gone = rig(background=0.5, background_subtraction="region", offset=900.0)
    assert gone.fluorescence(gone.observed(lit(trace, bound), streams(1)))[0] == pytest.approx(ideal, rel=1e-12)


def test_offset_and_saturation_act_on_the_detector(trace):
    bound = np.where(trace.time > PLAIN.onset, 0.6, 0.2)
    ideal = (1.0 + 99.0 * bound) / (1.0 + 99.0 * 0.2)
    setup = rig(photons=1000.0, offset=200.0, saturation=2000.0)
    assert setup.fluorescence(setup.observed(lit(trace, bound), streams(1)))[0] == pytest.approx(np.minimum(1000.0 * ideal + 200.0, 2000.0) / 1200.0, rel=1e-12)


def counts(camera, trace, n):
    """Detected photons of frames of constant light, (n frames of all cells,); F0 of the whole baseline gives back the scale to 1/sqrt(n)."""
    setup = rig(**FRAMES, photon_noise="poisson", f0_span=60.0, **camera)
    seen = at_frames(setup, lit(trace, 0.3, n), n)
    return seen


def test_photons_have_a_variance_equal_to_their_mean(trace):
    n, photons = 60, 800.0
    seen = counts({"photons": photons}, trace, n) * photons
    # F0 is the mean of 120 frames: it adds 1/120 to the variance of the frames after the baseline.
    after = seen[:, 125:]
    assert abs(np.mean(after) / photons - 1.0) < 3.0 / np.sqrt(photons) * np.sqrt(1.0 / after.size + 1.0 / (120 * n))
    assert abs(np.var(after) / photons / (1.0 + 1.0 / 120.0) - 1.0) * np.sqrt(after.size / 2.0) < 5.0


def test_read_noise_and_background_add_their_variances(trace):
    n, photons = 60, 800.0
    camera = {"photons": photons, "read_noise": 30.0, "background": 0.5, "background_subtraction": "region", "background_area": 4.0}
    after = (counts(camera, trace, n) * photons)[:, 125:]
    # Cell and background: 1.5 N + 900; the region, four times as large: (0.5 N + 900)/4; F0 of 120 frames adds 1/120.
    wanted = (1.5 * photons + 900.0 + (0.5 * photons + 900.0) / 4.0) * (1.0 + 1.0 / 120.0)
    assert abs(np.var(after) / wanted - 1.0) * np.sqrt(after.size / 2.0) < 5.0


def test_both_wavelengths_of_a_ratio_bring_their_own_noise(trace):
    """(sigma_R/R)^2 = 1/N1 + 1/N2 with N1 + N2 = 2 N at rest; at 20 000 photons the next order is 1e-4 of it."""
    n, photons = 60, 20_000.0
    setup = rig(RATIO, **FRAMES, photon_noise="poisson", photons=photons)
    seen = at_frames(setup, lit(trace, 0.3, n), n)
    first, second = 6.0 * 0.3 + 0.3 * 0.7 * 5.0, 0.3 + 0.7 * 5.0
    shares = photons * 2.0 * np.array([first, second]) / (first + second)
    assert abs(np.var(seen) / (first / second) ** 2 / np.sum(1.0 / shares) - 1.0) * np.sqrt(seen.size / 2.0) < 5.0


def test_noise_of_a_run_is_the_same_alone_and_in_any_batch(trace):
    setup = replace(PLAIN, instrument=Camera())
    three = lit(trace, trace[SHARE][0], 3)
    batch = setup.fluorescence(setup.observed(three, streams(3)))
    for i in range(3):
        assert np.array_equal(setup.fluorescence(setup.observed(trace, [streams(3)[i]]))[0], batch[i])
    assert not np.array_equal(batch[0], batch[1])


def test_seed_names_the_noise(cell):
    first, again, other = (run_experiment(cell, replace(PLAIN, instrument=Camera()), seed=seed).observed["Dye.f_f0"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


# -- refusals ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: replace(PLAIN, instrument=Amplifier()), "got the instrument 'amplifier' of calcium_imaging; expected 'camera'"),
        (lambda: replace(PLAIN, instrument="camera"), "got str as instrument of calcium_imaging; expected 'camera'"),
        (lambda: Camera(frame_rate="2 1/s", exposure="600 ms"), "expected at most the time of a frame, 0.5 s"),
        (lambda: Camera(frame_rate=0.0), "no frames to expose"),
        (lambda: Camera(exposure="0 s"), "dye bleaches only while it is exposed"),
        (lambda: Camera(bleaching="10 ms"), "nothing would be left after a frame"),
        (lambda: Camera(photons=0.0), "camera.photons"),
        (lambda: Camera(background=-0.1), "camera.background"),
        (lambda: Camera(exposure="100 mV"), "camera.exposure"),
        (lambda: replace(PLAIN, baseline="1 s", instrument=Camera()), "frames fall before the stimulus at 1 s; expected at least 3"),
        (lambda: replace(PLAIN, instrument=Camera(frame_rate="10000 1/s", exposure="50 us"), recovery="2000 s"), "output times"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_was_expected(build, said):
    with pytest.raises(NkcellError, match=said):
        build()


numbers = st.floats(allow_nan=True, allow_infinity=True).map(lambda x: x + 0.0)  # -0 is written as 0


@given(name=st.sampled_from([n for n, f in Camera.lab_fields().items() if f.metadata["kind"] in ("quantity", "number")]), value=numbers)
def test_any_number_makes_a_camera_or_a_clear_error(name, value):
    try:
        made = Camera(**{name: value})
    except ParameterError as error:
        named = error.name
    else:
        named = name
        assert Camera.from_settings(made.settings()).settings() == made.settings()
        assert np.isfinite(made.unbleached(3)).all()
    assert named in (name, "exposure", "bleaching")
