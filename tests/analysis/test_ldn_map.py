"""The map of what rescues target T9: against the full cell, against the integration brief, and its own bookkeeping."""

from __future__ import annotations

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.analysis.ldn_map import AXES, LdnMap, ldn_map
from nkcell_sim.errors import ParameterError
from nkcell_sim.experiments import LowDoseNaltrexone, PatchClamp, run_experiment
from nkcell_sim.experiments.settling import settle

HEALTHY = {"me_cfs_default_lesion": "healthy_default_lesion", "me_cfs": "healthy", "me_cfs_channel_number": "healthy_channel_number"}


@pytest.fixture(scope="module")
def cell():
    return nk.primary_nk_cell()


@pytest.fixture(scope="module")
def chart(cell) -> LdnMap:
    return ldn_map(cell)


def test_every_axis_has_its_place(chart):
    assert tuple(chart.axes) == AXES
    assert chart.current.shape == tuple(len(v) for v in chart.axes.values())
    assert np.isfinite(chart.current).all()
    assert len(list(chart.rows())) == chart.current.size
    row = next(r for r in chart.rows() if r["lesion"] == "me_cfs" and r["k_invivo"] == 10.0 and r["bath"] == "washed")
    at = chart.at(**{name: row[name] for name in AXES})
    assert at == row["current"]


def test_untreated_patients_have_their_lesion(chart):
    assert chart.untreated == pytest.approx([0.40, 0.40, 0.42], abs=0.005)  # by construction, integration brief section 4


@pytest.mark.parametrize("lesion", HEALTHY)
@pytest.mark.parametrize("bath", ["kept", "washed"])
def test_the_map_is_what_a_patch_clamp_of_drawn_cells_shows(cell, chart, lesion, bath):
    """Independent path: the whole cell is drawn, washed and clamped; the evoked density follows the map within 1 %."""
    readings = {"k_invivo": 3.0, "naltrexol_tone": 1.0, "agonist_share": 1.0, "rebound": "measured"}
    healthy = settle([cell.with_phenotype(HEALTHY[lesion])])[0]
    drawn = LowDoseNaltrexone(**readings).apply(cell.with_phenotype(lesion))
    evoked = run_experiment([healthy, drawn], PatchClamp(ntx_in_bath=bath)).features["pregs_1_outward_density"].values
    assert evoked[1] / evoked[0] == pytest.approx(chart.at(lesion=lesion, bath=bath, **readings), rel=0.01)


def test_t9_needs_the_affinity_of_the_dish_and_a_naltrexol_that_suppresses_the_tone(chart):
    """Integration brief, section 4, for the two tone lesions without ambient agonist; printed to two digits at various hours."""
    for lesion in ("me_cfs_default_lesion", "me_cfs"):
        constitutive = {"lesion": lesion, "agonist_share": 0.0, "rebound": "measured", "bath": "kept"}
        assert np.all(chart.at(naltrexol_tone=0.0, **constitutive) < 0.455)
        assert 0.505 < chart.at(naltrexol_tone=1.0, k_invivo=10.0, **constitutive) < 0.655
        assert 0.875 < chart.at(naltrexol_tone=1.0, k_invivo=1.0, **constitutive) < 0.995
    washed = {"k_invivo": 1.0, "naltrexol_tone": 1.0, "agonist_share": 0.0, "rebound": "measured", "bath": "washed"}
    assert chart.at(lesion="me_cfs_default_lesion", **washed) == pytest.approx(0.5, abs=0.05)
    assert chart.at(lesion="me_cfs", **washed) == pytest.approx(0.8, abs=0.05)


def test_a_stronger_loss_of_affinity_never_helps(chart):
    along = np.diff(chart.at(bath="kept", rebound="off"), axis=1)
    assert np.all(along < 0.0)


def test_rebound_only_ever_lowers_the_current_and_only_through_ambient_agonist(chart):
    off, measured, claimed = (chart.at(agonist_share=1.0, rebound=r) for r in ("off", "measured", "claimed"))
    # a wash of 30 min ends the rebound at the receptor, but N_rel remembers it; the channel-number lesion has no such memory
    tone = slice(0, 2)
    assert np.all(measured[tone] < off[tone])
    assert np.all(claimed[tone] < measured[tone])
    none = [chart.at(agonist_share=0.0, rebound=r) for r in ("off", "measured", "claimed")]
    assert none[1] == pytest.approx(none[0], rel=1e-6)
    assert none[2] == pytest.approx(none[0], rel=1e-6)


def test_ambient_agonist_is_displaced_by_a_neutral_naltrexol_as_a_suppressed_tone_is(chart):
    """Without a rebound the two readings are one: everything that is bound takes its share of the tone away."""
    ambient = chart.at(agonist_share=1.0, naltrexol_tone=0.0, rebound="off")
    suppressed = chart.at(agonist_share=0.0, naltrexol_tone=1.0, rebound="off")
    assert ambient == pytest.approx(suppressed, rel=1e-6)


def test_restored_is_the_band_of_the_target(chart):
    assert np.array_equal(chart.restored(), (chart.current >= 0.8) & (chart.current <= 1.2))
    assert "me_cfs" in repr(chart)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"k_invivo": ()}, "k_invivo"),
        ({"k_invivo": (1.0, 1.0)}, "k_invivo"),
        ({"k_invivo": (-1.0,)}, "k_invivo"),
        ({"rebound": "off"}, "rebound"),
        ({"rebound": ("huge",)}, "rebound"),
        ({"lesions": ("me_csf",)}, "me_csf"),
        ({"wash": "0 s"}, "wash"),
    ],
)
def test_settings_without_a_sense_are_refused(cell, settings, name):
    with pytest.raises(ParameterError) as caught:
        ldn_map(cell, **settings)
    assert caught.value.name == name


def test_a_value_that_is_not_on_the_map_is_refused(chart):
    with pytest.raises(ParameterError, match="expected one of"):
        chart.at(k_invivo=4.0)
    with pytest.raises(ParameterError, match="no axis"):
        chart.at(dose=4.5)
