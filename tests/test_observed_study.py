"""Instruments in a study: what they show stands beside the ideal recording, and their noise belongs to the run alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.config import parse_config
from nkcell_sim.errors import ConfigError
from nkcell_sim.results import Results, compare

PLAIN = """
seed = 5
[cohort]
donors = 2
cells = 2
[[cohort.spread]]
key = "TRPM3.density"
donors = "30 %"
[[condition]]
name = "healthy"
[experiment.patch]
type = "patch_clamp"
ntx_in_bath = "kept"
pregs = ["100 uM"]
ononetin = "0 uM"
break_in = "20 s"
application = "20 s"
[experiment.imaging]
type = "calcium_imaging"
ntx_in_bath = "kept"
application = "30 s"
recovery = "0 s"
"""
RIGGED = PLAIN.replace("application = \"20 s\"\n", 'application = "20 s"\n[experiment.patch.amplifier]\nnoise = "3 pA"\n') + "[experiment.imaging.camera]\n"


@pytest.fixture(scope="module")
def plain() -> Results:
    return nk.run(parse_config(PLAIN).study)


@pytest.fixture(scope="module")
def rigged() -> Results:
    return nk.run(parse_config(RIGGED).study)


def test_the_ideal_recording_is_the_one_without_an_instrument_bit_for_bit(plain: Results, rigged: Results) -> None:
    for name in ("patch", "imaging"):
        for trace in plain[name].recorded:
            assert np.array_equal(plain[name][trace], rigged[name][trace]), trace
        for feature in plain[name].features:
            assert np.array_equal(plain[name][feature], rigged[name][f"ideal_{feature}"], equal_nan=True), feature


def test_features_are_read_from_what_the_instrument_shows(plain: Results, rigged: Results) -> None:
    change = rigged["patch"]["pregs_1_outward"] - plain["patch"]["pregs_1_outward"]
    assert (change != 0.0).all()
    # the largest of two ramps minus one baseline ramp, each with 3 pA RMS: a few pA, not tens
    assert np.abs(change).max() < 6 * 3.0 * np.sqrt(2.0)
    assert rigged["patch"].observed == ["observed.Electrode.i_measured"]
    assert len(rigged["imaging"].observed) == 1


def test_the_noise_of_a_run_does_not_depend_on_the_other_runs(rigged: Results) -> None:
    more = nk.run(parse_config(RIGGED.replace("donors = 2", "donors = 3").replace("cells = 2", "cells = 3")).study)
    for name in ("patch", "imaging"):
        where = {(d, c): i for i, (d, c) in enumerate(zip(more[name].labels["donor"], more[name].labels["cell"], strict=True))}
        rows = [where[key] for key in zip(rigged[name].labels["donor"], rigged[name].labels["cell"], strict=True)]
        for trace in rigged[name].observed:
            assert np.array_equal(more[name][trace][rows], rigged[name][trace])


def test_another_seed_gives_another_noise_and_the_same_seed_the_same(rigged: Results) -> None:
    assert compare(rigged.root, nk.run(parse_config(RIGGED).study).root).equal
    other = nk.run(parse_config(RIGGED.replace("seed = 5", "seed = 6").replace('donors = "30 %"', 'donors = "0 %"')).study)
    noise = [r["patch"]["observed.Electrode.i_measured"] - r["patch"]["Electrode.i_measured"] for r in (rigged, other)]
    assert not np.array_equal(*noise)


def test_the_file_keeps_instrument_settings_and_repeats(tmp_path: Path, rigged: Results) -> None:
    kept = nk.open_results(rigged.save(tmp_path / "r.h5"))["patch"]
    assert kept.group.attributes["instrument"] == "amplifier"
    assert kept.group.attributes["instrument_noise"] == "3 pA"
    resolved = parse_config(RIGGED).resolved
    assert parse_config(resolved).resolved == resolved
    assert "[experiment.patch.amplifier]" in resolved


def test_a_run_that_never_started_showed_nothing() -> None:
    text = RIGGED.replace("donors = 2", 'donors = 2\ndonor = [{ group = "healthy", name = "leaky", set = { "PMCA.v_max" = "0.05 uM/s" } }]')
    patch = nk.run(parse_config(text).study)["patch"]
    lost = [i for i, donor in enumerate(patch.labels["donor"]) if donor == "leaky"]
    assert [patch.status[i] for i in lost] == ["not_run"] * 2
    assert np.isnan(patch["observed.Electrode.i_measured"][lost]).all()
    assert np.isnan(patch["ideal_pregs_1_outward"][lost]).all()
    assert np.isfinite(np.delete(patch["pregs_1_outward"], lost)).all()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('noise = "3 pA"', 'noise = "-3 pA"', "at least 0 pA"),
        ('noise = "3 pA"', 'nois = "3 pA"', "did you mean 'noise'"),
        ("[experiment.patch.amplifier]", "[experiment.patch.camera]", "unknown key 'camera'"),
        ('noise = "3 pA"', 'compensation = "120 percent"', "0 to 100"),
    ],
)
def test_a_wrong_instrument_is_one_error_at_its_line(old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        parse_config(RIGGED.replace(old, new), "rig.toml")
    assert caught.value.line
