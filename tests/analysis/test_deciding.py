"""The deciding experiments reproduce the numbers of the integration brief, and say what tells which hypotheses apart."""

from __future__ import annotations

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.analysis.deciding import Decision, decisions, predictions
from nkcell_sim.analysis.hypotheses import PATIENTS, Arm, Hypothesis, arms
from nkcell_sim.results import Results

from .. import shipped

MINUTES = (0, 1, 2, 5, 10, 20, 30, 60, 120)
# Integration brief, section 6: current relative to untreated healthy cells against minutes after transfer to naltrexone-free bath.
WASHED = {
    "me_cfs_default_lesion": (1.08, 0.91, 0.77, 0.61, 0.55, 0.53, 0.53, 0.52, 0.51),
    "me_cfs": (1.09, 1.07, 1.03, 0.97, 0.94, 0.92, 0.91, 0.88, 0.82),
    "me_cfs_channel_number": (1.08, 1.07, 1.06, 1.04, 1.02, 1.01, 0.99, 0.95, 0.88),
}


def finished(name: str) -> Results:
    return shipped.finished(f"decide_{name}.toml")


def decision(name: str, key: str = "") -> Decision:
    return next(d for d in decisions(finished(name)) if d.key == (key or name))


def shown(found: Decision, phenotype: str, parameter_set: str = "saturating") -> np.ndarray:
    return np.array(next(c.shown for c in found.curves if c.hypothesis == Hypothesis(phenotype, parameter_set)))


@pytest.mark.parametrize("parameter_set", ["saturating", "conservative"])
@pytest.mark.parametrize("phenotype", WASHED)
def test_current_after_wash_out_is_that_of_the_brief(phenotype, parameter_set):
    found = decision("bath")
    assert found.curves[0].x == MINUTES
    # The brief prints two digits; its own tolerance is 0.01. The chain of a lesion is the same in both sets.
    assert shown(found, phenotype, parameter_set) == pytest.approx(WASHED[phenotype], abs=0.01)


def test_current_only_falls_while_naltrexone_washes_off():
    for curve in decision("bath").curves:
        assert (np.diff(curve.shown) < 0).all(), curve.hypothesis


def test_longer_incubation_brings_back_more_current():
    found = decision("time")
    for curve in found.curves:
        assert (np.diff(curve.shown) > 0).all(), curve.hypothesis
    # Section 8: 0.807, 0.838, 0.959 and 1.084 of healthy in the default lesion, 0.470 and 1.091 in the slow-dominant one, to 0.01.
    assert shown(found, "me_cfs_default_lesion") == pytest.approx((0.807, 0.838, 0.959, 1.084), abs=0.01)
    assert shown(found, "me_cfs")[[0, 3]] == pytest.approx((0.470, 1.091), abs=0.01)


def test_half_time_ratio_falls_with_dose_when_clearance_saturates_and_rises_when_not():
    # Section 10 (F/F0 0.73 -> 0.63, Ca2+ 0.56 -> 0.44) and section 9, item 6: +-0.02; conservative 1.42 at 50 uM.
    light, calcium = decision("dose", "dose_f"), decision("dose", "dose_ca")
    assert shown(light, "me_cfs_default_lesion") == pytest.approx((0.73, 0.63), abs=0.02)
    assert shown(calcium, "me_cfs_default_lesion") == pytest.approx((0.56, 0.44), abs=0.02)
    assert shown(light, "me_cfs_default_lesion", "conservative")[0] == pytest.approx(1.42, abs=0.02)
    for found in (light, calcium):
        for curve in found.curves:
            falls = curve.shown[1] < curve.shown[0] < 1.0
            rises = curve.shown[1] > curve.shown[0] > 1.0
            assert falls if curve.hypothesis.parameter_set == "saturating" else rises, curve.hypothesis


def test_threshold_plc_is_quoted_and_not_told_from_saturating_clearance_at_one_dose():
    sides = decision("dose", "dose_f").members(50.0)
    assert min(sides["saturating"]) < sides["threshold PLC"][0] < max(sides["saturating"])
    assert decision("dose", "dose_ca").members(100.0)["threshold PLC"][0] > 1.0


def test_naltrexone_raises_the_current_of_healthy_cells_as_far_as_they_have_a_tone():
    found = decision("healthy_ntx")
    for curve in found.curves:
        assert curve.shown[0] == pytest.approx(1.0, abs=1e-6), "without tone there is nothing to block"
        assert (np.diff(curve.shown) > 0).all()
    # Section 4, first line of each lesion: 6.36/5.80 and 6.34/5.67; each printed to three digits.
    own = {c.hypothesis.phenotype: c.at(np.nan) for c in found.curves}
    assert own["healthy_default_lesion"] == pytest.approx(6.36 / 5.80, rel=3e-3)
    assert own["healthy"] == pytest.approx(6.34 / 5.67, rel=3e-3)
    assert all(1.06 <= ratio <= 1.12 for ratio in own.values())


def test_every_lesion_and_set_is_predicted_with_what_the_alternatives_say():
    rows = predictions(finished("bath"))
    assert len(rows) == len(PATIENTS) * len(MINUTES)
    row = next(r for r in rows if r.lesion == "default" and r.parameter_set == "saturating" and "20 min" in r.quantity)
    assert row.value == pytest.approx(0.53, abs=0.01)
    assert "slow-dominant: 0.92" in row.alternatives
    assert "channel-number 0.40: 1.0" in row.alternatives


def test_arms_are_read_from_the_file_and_not_from_names():
    results = finished("bath")
    found = arms(results, results["patch"])
    assert set(found) == {Arm(h, True) for h in PATIENTS} | {Arm(h.healthy, False) for h in PATIENTS}


def test_other_files_hold_no_deciding_experiment():
    cell = nk.primary_nk_cell()
    study = nk.Study([nk.Case("a", cell)], nk.experiments.PatchClamp(ntx_in_bath="kept", pregs="100 uM", ononetin="0 uM", application="10 s"))
    assert decisions(nk.run(study)) == ()
    assert predictions(nk.run(study)) == []


@pytest.mark.slow
def test_the_table_of_the_page_is_what_the_configurations_give():
    from nkcell_sim.analysis.separation import separations

    def donors(name: str, key: str, first: str, second: str, *, most: int = 60) -> tuple[int | None, int | None]:
        (found,) = separations(decision(name, key), camps=(first, second), most=most)
        return found.donors, found.same_cells

    assert donors("bath", "bath", "default", "slow-dominant") == (10, 6)
    assert donors("bath", "bath", "default", "channel-number") == (8, 6)
    assert donors("bath", "bath", "slow-dominant", "channel-number", most=400) == (195, 47)
    assert donors("time", "time", "default", "slow-dominant") == (15, 6)
    assert donors("time", "time", "default", "channel-number") == (13, 6)
    assert donors("dose", "dose_f", "saturating", "conservative")[0] == 4
    assert donors("dose", "dose_ca", "saturating", "threshold PLC")[0] == 4
    assert donors("dose", "dose_change_f", "saturating", "conservative")[0] == 35
    assert donors("healthy_ntx", "healthy_ntx", "default", "no tone", most=400)[0] == 267
    assert donors("healthy_ntx", "healthy_ntx", "slow-dominant", "no tone", most=400)[0] == 172


def test_a_configuration_that_asks_for_it_keeps_predictions_and_donors_in_the_file(tmp_path) -> None:
    from nkcell_sim.results import open_results
    from nkcell_sim.show import results_text

    kept = open_results(shipped.finished("decide_bath.toml").save(tmp_path / "d.h5"))
    row = next(r for r in kept.table("deciding") if {r["first"], r["second"]} == {"slow-dominant", "default"})
    # washed for 20 min: 0.92 against 0.53 of healthy, both within 0.01 (integration brief, section 6)
    assert row["x"] == 20.0
    assert row["ratio"] == pytest.approx(0.92 / 0.53, rel=0.01 / 0.53 + 0.01 / 0.92)
    assert {r["lesion"] for r in kept.table("predictions")} == {"slow-dominant", "default", "channel-number 0.40", "channel-number 0.49"}
    assert "What would decide" in results_text(kept)
