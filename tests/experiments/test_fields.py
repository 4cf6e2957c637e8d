"""Fields of experiments: laboratory text in, declared units inside, errors that name the field."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from nkcell_sim.errors import ParameterError, UnitError
from nkcell_sim.experiments import EXPERIMENTS, INSTRUMENTS, CalciumImaging, Incubation, PatchClamp
from nkcell_sim.experiments.fields import KINDS, LABELS

RECORDS = {**EXPERIMENTS, **INSTRUMENTS}


def made(kind):
    cls = RECORDS[kind]
    return cls(**({"ntx_in_bath": "kept"} if "ntx_in_bath" in cls.lab_fields() else {}))


@pytest.mark.parametrize("kind", RECORDS)
def test_every_field_says_unit_meaning_and_label(kind):
    fields = RECORDS[kind].lab_fields()
    assert set(fields) == {f.name for f in dataclasses.fields(RECORDS[kind])} - {"instrument"}
    for field in fields.values():
        assert field.metadata["description"]
        assert field.metadata["kind"] in KINDS
        assert field.metadata["label"] in LABELS


@pytest.mark.parametrize("kind", RECORDS)
def test_settings_make_the_same_experiment_again(kind):
    experiment = made(kind)
    assert type(experiment).from_settings(experiment.settings()) == experiment


def test_text_and_numbers_in_the_declared_unit_agree():
    written = PatchClamp(ntx_in_bath="kept", pregs=["0.1 mM", "50 uM"], wash_time="0.5 h", ramp_duration="100 ms")
    assert written.pregs == (100.0, 50.0)
    assert written.wash_time == 1800.0
    assert written == PatchClamp(ntx_in_bath="kept", pregs=(100.0, 50.0), wash_time=1800.0)
    assert PatchClamp(ntx_in_bath="kept", pregs="20 uM").pregs == (20.0,)


def test_recording_bath_is_required():
    with pytest.raises(TypeError, match="ntx_in_bath"):
        PatchClamp()
    with pytest.raises(TypeError, match="ntx_in_bath"):
        CalciumImaging()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("ononetin", "10 mV", "patch_clamp.ononetin"),
        ("ononetin", "10", "without a unit"),
        ("ononetin", -1.0, "expected a value from 0"),
        ("bath", "cesium", "did you mean 'caesium'"),
        ("ntx_in_bath", "washd", "did you mean 'washed'"),
        ("holding", True, "expected a quantity in mV"),
    ],
)
def test_wrong_values_are_refused_by_name(field, value, said):
    with pytest.raises((ParameterError, UnitError), match=said):
        PatchClamp(**{"ntx_in_bath": "kept", field: value})


def test_unconfirmed_values_are_said_until_they_are_set():
    experiment = PatchClamp(ntx_in_bath="kept")
    assert experiment.labelled("unconfirmed")["ononetin"] == "10 uM"
    assert "ononetin = 10 uM" in experiment.notes()[0]
    assert "ononetin" not in PatchClamp(ntx_in_bath="kept", ononetin="3 uM").labelled("unconfirmed")
    assert "unconfirmed" in repr(experiment)


def test_il2_is_a_label_without_an_equation():
    assert any("no equation" in note for note in Incubation(il2="20 IU/mL").notes())


@pytest.mark.parametrize(
    ("settings", "field", "said"),
    [
        ({"inward_at": "-150 mV"}, "inward_at", "within the ramp"),
        ({"inward_at": "-100 mV"}, "inward_at", "within the ramp"),
        ({"inward_at": "101 mV"}, "inward_at", "within the ramp"),
        ({"ramp_to": "-100 mV"}, "ramp_to", "above ramp_from"),
        ({"ramp_duration": "0.5 ms"}, "ramp_duration", "at least 1 ms"),
        ({"ramp_duration": "2 ms"}, "inward_at", "capacitive artefact"),
        ({"application": "5 s"}, "application", "no ramp falls into it"),
        ({"block": "5 s"}, "block", "no ramp falls into it"),
        ({"break_in": "0 s"}, "break_in", "at least one ramp_interval"),
        ({"ramp_interval": "100 ms"}, "ramp_interval", "more than ramp_duration"),
        ({"pregs": []}, "pregs", "at least one"),
        ({"application": "inf s"}, "application", "finite"),
        ({"pregs": "nan uM"}, "pregs", "finite"),
        ({"application": "1e30 s"}, "application", "at most a year"),
        ({"application": "300 d"}, "application", "output times"),
        ({"ramp_sampling": "10 us", "ramp_duration": "9 s"}, "ramp_sampling", "output times"),
    ],
)
def test_patch_clamp_settings_without_a_sense_are_refused(settings, field, said):
    with pytest.raises(ParameterError, match=said) as caught:
        PatchClamp(ntx_in_bath="kept", **settings)
    assert caught.value.name == field


@pytest.mark.parametrize("kind", EXPERIMENTS)
def test_no_experiment_takes_endless_or_absurdly_many_samples(kind):
    for name, field in EXPERIMENTS[kind].lab_fields().items():
        unit = field.metadata["unit"]
        if unit in ("s", "min", "h"):
            for text in ("inf s", "nan s", "1e30 s"):
                with pytest.raises(ParameterError) as caught:
                    dataclasses.replace(made(kind), **{name: text})
                assert caught.value.name == name


def test_too_many_frames_name_the_stretch_that_was_changed():
    with pytest.raises(ParameterError, match="output times") as caught:
        CalciumImaging(ntx_in_bath="kept", application="300 d")
    assert caught.value.name == "application"


def test_a_misspelt_setting_names_the_near_miss():
    with pytest.raises(ParameterError, match="PatchClamp has no setting 'preg'; did you mean 'pregs'"):
        PatchClamp(ntx_in_bath="kept", preg="50 uM")
    with pytest.raises(ParameterError, match="has no setting 'xyz'; expected one of"):
        Incubation(xyz=1)
    kept = PatchClamp(ntx_in_bath="kept", pregs="5 uM")
    assert pickle.loads(pickle.dumps(kept)) == copy.deepcopy(kept) == kept
