"""Incubation: full cell at 23 degC, slow chain at 37 degC, washing, free and effective concentrations."""

from __future__ import annotations

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.experiments import CalciumImaging, Incubation, run_experiment
from nkcell_sim.experiments.settling import settle
from nkcell_sim.experiments.washing import ligands_present, wash_off

CHAIN = ("MuOpioidReceptor.b", "g_bg", "ChannelNumber.n_rel", "MuOpioidReceptor.density")


@pytest.fixture(scope="module")
def me():
    return nk.primary_nk_cell().with_phenotype("me_cfs")


def states(cell):
    return np.array([cell.state_value(key) for key in CHAIN])


def test_incubation_leaves_the_drug_in_the_medium(me):
    after = Incubation(ntx="200 uM").apply(me)
    assert ligands_present(after) == {"ntx": 200e3}
    assert after.state_value("ChannelNumber.n_rel") > 0.9 > me.state_value("ChannelNumber.n_rel")


def test_no_drug_and_no_time_change_nothing(me):
    rested = settle([me])[0]
    for incubation in (Incubation(duration="24 h"), Incubation(duration="0 h")):
        # 1e-6: integration tolerance over a day at a steady state
        assert incubation.apply(me).initial_state() == pytest.approx(rested.initial_state(), rel=1e-6, abs=1e-9)


def test_warm_incubation_runs_the_chain_only_and_says_so(me):
    cold, warm = Incubation(ntx="50 nM", duration="6 h"), Incubation(ntx="50 nM", duration="6 h", temperature="37 degC")
    assert warm.chain_only
    assert not cold.chain_only
    assert any("chain only" in note for note in warm.notes())
    a, b = cold.apply(me), warm.apply(me)
    # The chain's Q10 is 1 in the reference values, so both temperatures agree (1e-5: two runs at rtol 1e-6).
    assert states(a) == pytest.approx(states(b), rel=1e-5, abs=1e-8)
    # The rest of the cell has followed the new channel number: it is as calm as after the full run.
    assert a.state_value("ca_cyt") == pytest.approx(b.state_value("ca_cyt"), rel=2e-3)


def test_free_fraction_and_in_vivo_affinity(me):
    """Steady occupancy of a plasma level: x/(1 + x) with x the sum of free concentrations over effective Ki."""
    ldn = Incubation(duration="240 h", ntx="3.5 nM", naltrexol="28 nM", free_fraction=0.79, k_invivo=10.0)
    after = ldn.apply(me)
    x = 0.79 * (3.5 / 10.0 + 28.0 / 21.2)
    assert after.state_value("MuOpioidReceptor.b") + after.state_value("MuOpioidReceptor.m") == pytest.approx(x / (1.0 + x), rel=1e-4)
    assert after.parameter("MuOpioidReceptor.k_invivo") == 10.0
    assert any("k_invivo 10" in note for note in ldn.notes())


def test_washing_frees_the_receptor_and_keeps_other_cells(me):
    treated = Incubation(ntx="200 uM").apply(me)
    rested = settle([me])[0]
    washed, untouched = wash_off([treated, rested], 1800.0)
    assert untouched is rested
    assert ligands_present(washed) == {}
    # exp(-0.3/min x 30 min)
    assert washed.state_value("MuOpioidReceptor.b") == pytest.approx(np.exp(-9.0), rel=1e-2)
    assert Incubation(ntx="200 uM", wash_out="30 min").apply(me).initial_state() == pytest.approx(washed.initial_state(), rel=1e-6, abs=1e-9)


def test_an_agonist_makes_the_current_smaller():
    cell = nk.primary_nk_cell()
    exposed = Incubation(agonist="damgo", agonist_concentration="1 uM", duration="1 h").apply(cell)
    assert exposed.state_value("g_bg") > 10.0 * cell.state_value("g_bg")


def test_incubation_is_an_experiment_too(me):
    for temperature in ("23 degC", "37 degC"):
        result = run_experiment(me, Incubation(ntx="200 uM", temperature=temperature))
        assert result.features["occupancy_end"].values[0] == pytest.approx(1.0, abs=1e-4)
        assert result.features["n_rel_end"].values[0] > 0.9


def test_dye_loading_does_not_disturb_the_rest():
    quiet = CalciumImaging(ntx_in_bath="kept", pregs="0 uM")
    trace = run_experiment(settle([nk.primary_nk_cell()]), quiet).trace
    # nothing is added, so Ca2+ and F/F0 stay to within the solver's tolerance
    assert np.ptp(trace["ca_cyt"][0]) < 1e-6
    assert quiet.fluorescence(trace)[0] == pytest.approx(1.0, abs=1e-5)


def test_ratio_dye_reads_the_bound_share():
    ratio = CalciumImaging(ntx_in_bath="kept", readout="ratio")
    result = run_experiment(settle([nk.primary_nk_cell()]), ratio)
    b = result.trace["Dye.fraction"]
    assert ratio.fluorescence(result.trace) == pytest.approx(0.3 + 5.7 * b / (b + 5.0 * (1.0 - b)))
    assert result.features["ratio_amplitude"].values[0] > 0.0


def test_ononetin_brings_calcium_down():
    blocked = CalciumImaging(ntx_in_bath="kept", ononetin="10 uM", recovery="60 s")
    result = run_experiment(settle([nk.primary_nk_cell()]), blocked)
    trace = result.trace
    before, after = (np.interp(t, trace.time, trace["ca_cyt"][0]) for t in (blocked.offset, blocked.offset + blocked.block))
    assert after < 0.5 * before
