"""The joined cell against the reference values of the integration brief (sections 2-6, 8 and 9).

The references come from an independent implementation at rtol 1e-7 and are printed with the digits used here. Unless a line
says otherwise the tolerance is the brief's: 0.5 % for amplitudes, 0.1 s for half-times, 0.5 s for times of peaks, 1 % for
currents of the rig. Values printed with two or three digits are held to half a unit of their last digit plus the brief's tolerance.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.experiments import CalciumImaging, Incubation, PatchClamp, Rest, StoreOperatedEntry, run_experiment
from nkcell_sim.experiments.settling import settle
from nkcell_sim.model.cells import stub_nk_cell

LESIONS = {
    "default": ("healthy_default_lesion", "me_cfs_default_lesion"),
    "slow": ("healthy", "me_cfs"),
    "number 0.40": ("healthy_channel_number", "me_cfs_channel_number"),
    "number 0.49": ("healthy_channel_number", "me_cfs_surface_expression"),
}
NTX = Incubation(ntx="200 uM", duration="24 h")
IMAGING = CalciumImaging(ntx_in_bath="kept")
PATCH = PatchClamp(ntx_in_bath="kept")


@pytest.fixture(scope="module")
def healthy():
    """Healthy cell of the default lesion: the one the reference constants were calibrated on."""
    return nk.primary_nk_cell().with_phenotype("healthy_default_lesion")


@pytest.fixture(scope="module")
def groups():
    """HC, ME, ME + NTX and HC + NTX of every lesion, as they enter a recording."""
    found = {}
    for lesion, (well, ill) in LESIONS.items():
        hc = nk.primary_nk_cell().with_phenotype(well)
        me = hc.with_phenotype(ill)
        found[lesion] = [*settle([hc, me]), *NTX.apply_all([me, hc])]
    return found


def feature(result, name):
    return result.features[name].values


def test_calibrated_constants(healthy):
    # Printed with six digits: half a unit of the sixth digit is below 1e-5 relative for every one of them.
    wanted = {
        "SodiumBackground.permeability": 0.00657883, "CalciumBackground.permeability": 0.0286270, "NaKATPase.i_max": 1.43217, "NKCC.rate": 4.56601e-5,
        "ERLeak.rate": 0.143388, "NCLX.v_max": 8.86573, "IP3Metabolism.basal": 0.00102471,
    }  # fmt: skip
    assert healthy.calibrated_constants == pytest.approx(wanted, rel=1e-5)
    conservative = healthy.with_parameter_set("conservative").calibrated_constants
    wanted |= {"SodiumBackground.permeability": 0.00791341, "CalciumBackground.permeability": 0.00226301, "ERLeak.rate": 0.369205}
    assert conservative == pytest.approx(wanted, rel=1e-5)


def test_rest_holds_for_an_hour(healthy):
    result = run_experiment(healthy, Rest(duration="1 h"))
    assert feature(result, "v_drift")[0] < 1e-6
    assert feature(result, "ca_cyt_drift")[0] < 1e-9


@pytest.mark.parametrize(
    ("dose", "wanted"),
    [
        (50.0, {"ca_amplitude": 179.66, "ca_slope": 9.684, "f_amplitude": 1.2726, "na_end": 24.125, "ca_end": 224.42, "v_max": -52.644}),
        (100.0, {"ca_amplitude": 535.37, "ca_slope": 18.236, "f_amplitude": 2.4506, "na_end": 32.414, "ca_end": 405.88, "v_max": -51.189}),
    ],
)
def test_imaging_of_healthy_cells(healthy, dose, wanted):
    half_times = {50.0: (17.236, 11.986), 100.0: (26.851, 14.854)}[dose]
    result = run_experiment(settle([healthy]), replace(IMAGING, pregs=dose))
    for name, value in wanted.items():
        assert feature(result, name)[0] == pytest.approx(value, rel=5e-3), name
    assert feature(result, "ca_half_time")[0] == pytest.approx(half_times[0], abs=0.1)
    assert feature(result, "f_half_time")[0] == pytest.approx(half_times[1], abs=0.1)
    assert feature(result, "ca_time_to_peak")[0] == pytest.approx(95.5, abs=0.5)


def test_healthy_cells_survive_and_recover(healthy):
    for dose in (50.0, 100.0):
        result = run_experiment(settle([healthy]), replace(IMAGING, pregs=dose))
        assert result.warnings == [()]
        # The brief: back at 80-83 nM within 10 min of wash.
        assert 79.5 < feature(result, "ca_recovered")[0] * 80.0 < 83.0


# Section 4, first table: HC, ME, ME + NTX kept, HC + NTX kept; and ME + NTX washed.
PATCH_TABLE = {
    "default": ((5.80, 2.32, 6.29, 6.36), 3.08, (3.95, 1.58, 4.28), 2.09),
    "slow": ((5.67, 2.27, 6.19, 6.34), 5.13, (3.86, 1.54, 4.22), 3.48),
    "number 0.40": ((5.80, 2.44, 6.25, 6.36), 5.73, (3.95, 1.66, 4.26), 3.88),
    "number 0.49": ((5.80, 2.99, 6.27, 6.36), 5.79, (3.95, 2.03, 4.27), 3.92),
}


@pytest.mark.parametrize("lesion", LESIONS)
def test_current_of_every_group_kept_and_washed(groups, lesion):
    first, first_washed, second, second_washed = PATCH_TABLE[lesion]
    kept = run_experiment(groups[lesion], PATCH)
    washed = run_experiment(groups[lesion][2], replace(PATCH, ntx_in_bath="washed"))
    assert feature(kept, "pregs_1_outward_density") == pytest.approx(first, rel=0.01)
    assert feature(kept, "pregs_2_outward_density")[:3] == pytest.approx(second, rel=0.01)
    assert feature(washed, "pregs_1_outward_density")[0] == pytest.approx(first_washed, rel=0.01)
    assert feature(washed, "pregs_2_outward_density")[0] == pytest.approx(second_washed, rel=0.01)


@pytest.mark.parametrize(("lesion", "wanted", "washed"), [("default", (7.6, 3.1, 8.3, 8.4), 4.0), ("slow", (7.5, 3.0, 8.1, 8.3), 6.7)])
def test_ononetin_sensitive_current(groups, lesion, wanted, washed):
    # Printed with two digits: half a unit of the last one, 0.05 pA, plus rounding of the reference.
    assert feature(run_experiment(groups[lesion], PATCH), "ononetin_sensitive") == pytest.approx(wanted, abs=0.07)
    after = run_experiment(groups[lesion][2], replace(PATCH, ntx_in_bath="washed"))
    assert feature(after, "ononetin_sensitive")[0] == pytest.approx(washed, abs=0.07)


# Section 4: Ca2+ amplitude (nM), half-time on Ca2+ and on F/F0 (s): HC, ME, ME + NTX kept, HC + NTX kept; washed.
IMAGING_TABLE = {
    "default": ((180, 55, 202, 205), 77, (17.2, 9.6, 18.1, 18.2), 11.0, (12.0, 8.7, 12.3, 12.4), 9.3),
    "slow": ((174, 53, 197, 205), 151, (17.0, 9.5, 17.9, 18.2), 16.0, (11.9, 8.7, 12.3, 12.4), 11.5),
    "number 0.40": ((180, 58, 200, 205), 177, (17.2, 9.8, 18.0, 18.2), 17.1, None, None),
    "number 0.49": ((180, 74, 201, 205), 179, (17.2, 10.8, 18.0, 18.2), 17.2, None, None),
}


@pytest.mark.parametrize("lesion", LESIONS)
def test_calcium_of_every_group_kept_and_washed(groups, lesion):
    amplitude, amplitude_washed, half, half_washed, light, light_washed = IMAGING_TABLE[lesion]
    kept = run_experiment(groups[lesion], IMAGING)
    washed = run_experiment(groups[lesion][2], replace(IMAGING, ntx_in_bath="washed"))
    # Whole nM and tenths of a second are printed: half a unit of the last digit, plus the brief's 0.5 % and 0.1 s.
    assert feature(kept, "ca_amplitude") == pytest.approx(amplitude, rel=5e-3, abs=0.5)
    assert feature(washed, "ca_amplitude")[0] == pytest.approx(amplitude_washed, rel=5e-3, abs=0.5)
    assert feature(kept, "ca_half_time") == pytest.approx(half, abs=0.15)
    assert feature(washed, "ca_half_time")[0] == pytest.approx(half_washed, abs=0.15)
    if light is not None:
        assert feature(kept, "f_half_time") == pytest.approx(light, abs=0.15)
        assert feature(washed, "f_half_time")[0] == pytest.approx(light_washed, abs=0.15)


@pytest.mark.parametrize(("lesion", "wanted", "washed"), [("default", (9.7, 3.9, 10.5, 10.6), 5.2), ("slow", (9.5, 3.8, 10.3, 10.6), 8.6)])
def test_slope_of_every_group(groups, lesion, wanted, washed):
    # Tenths are printed: half a unit plus 0.5 %.
    assert feature(run_experiment(groups[lesion], IMAGING), "ca_slope") == pytest.approx(wanted, abs=0.06, rel=5e-3)
    after = run_experiment(groups[lesion][2], replace(IMAGING, ntx_in_bath="washed"))
    assert feature(after, "ca_slope")[0] == pytest.approx(washed, abs=0.06, rel=5e-3)


def test_imaging_at_100_um_of_the_slow_lesion(groups):
    result = run_experiment(groups["slow"], replace(IMAGING, pregs=100.0))
    assert feature(result, "ca_amplitude") == pytest.approx((502, 107, 657, 719), rel=5e-3, abs=0.5)
    assert feature(result, "ca_half_time") == pytest.approx((25.9, 11.5, 30.2, 31.9), abs=0.15)
    assert feature(result, "f_half_time") == pytest.approx((14.6, 9.2, 15.7, 16.0), abs=0.15)


# Section 9.5: time of the ramp's end (s), measured at +100 mV, at -94 mV, D, and TRPM3 alone (pA); None where not printed.
RAMPS = (
    (120, 12.712, -10.256, 1.000, 1.080),
    (130, 27.801, -12.244, 0.926, 16.207),
    (240, 20.195, -11.324, 0.488, 8.586),
    (360, 12.363, None, 0.677, 0.730),
    (370, 22.989, None, 0.650, 11.384),
    (480, 19.427, None, 0.444, 7.810),
    (490, 12.818, None, None, 1.182),
    (600, 11.785, None, None, 0.149),
)


def test_ramps_as_the_rig_sees_them(healthy):
    trace = run_experiment(settle([healthy]), PATCH).trace
    ends = PATCH.ramp_ends()
    out, into = PATCH.at_ramps(trace)[0], PATCH.at_ramps(trace, inward=True)[0]
    gate, alone, caesium = (PATCH.at_ramps(trace, key)[0] for key in ("TRPM3.d", "TRPM3.i", "cs_cyt"))
    for time, outward, inward, d, trpm3 in RAMPS:
        k = int(np.flatnonzero(ends == time)[0])
        assert out[k] == pytest.approx(outward, rel=0.01)
        # 0.0005 pA and 0.0005 are half a unit of the last printed digit.
        assert alone[k] == pytest.approx(trpm3, rel=0.01, abs=5e-4)
        if inward is not None:
            assert into[k] == pytest.approx(inward, rel=0.01)
        if d is not None:
            assert gate[k] == pytest.approx(d, abs=6e-4)
    assert caesium[0] == pytest.approx(63.2, rel=0.01)
    assert caesium[11] == pytest.approx(139.9, rel=0.01)


def test_rectification_and_block_of_the_healthy_current(healthy):
    features = run_experiment(settle([healthy]), PATCH).features
    # End of the first PregS: 2.9 pA/pF at +100 mV against -0.41 pA/pF at -94 mV; ononetin takes 114 %.
    assert features["pregs_1_end_outward"].values[0] / 2.6 == pytest.approx(2.9, abs=0.05)
    assert features["pregs_1_end_inward"].values[0] / 2.6 == pytest.approx(-0.41, abs=0.006)
    assert features["ononetin_block"].values[0] == pytest.approx(1.14, abs=0.006)


@pytest.mark.parametrize(("parameters", "light", "calcium"), [("saturating", 0.73, 0.56), ("conservative", 1.42, 1.33)])
def test_half_time_order_in_both_sets(healthy, parameters, light, calcium):
    hc = healthy.with_parameter_set(parameters)
    result = run_experiment(settle([hc, hc.with_phenotype("me_cfs_default_lesion")]), IMAGING)
    f, ca = feature(result, "f_half_time"), feature(result, "ca_half_time")
    # The brief: 0.73 and 1.42 on F/F0, each within 0.02. Both are held, so that a change of sign is noticed.
    assert f[1] / f[0] == pytest.approx(light, abs=0.02)
    assert ca[1] / ca[0] == pytest.approx(calcium, abs=0.02)


def test_conservative_set_in_all_groups(healthy):
    hc = healthy.with_parameter_set("conservative")
    me = hc.with_phenotype("me_cfs_default_lesion")
    treated = NTX.apply(me)
    kept = run_experiment([*settle([hc, me]), treated], IMAGING)
    washed = run_experiment(treated, replace(IMAGING, ntx_in_bath="washed"))
    # Whole nM and tenths of a second are printed.
    assert feature(kept, "ca_amplitude") == pytest.approx((161, 65, 173), rel=5e-3, abs=0.5)
    assert feature(kept, "ca_half_time") == pytest.approx((13.7, 18.3, 13.3), abs=0.15)
    assert feature(washed, "ca_amplitude")[0] == pytest.approx(87, rel=5e-3, abs=0.5)
    assert feature(washed, "ca_half_time")[0] == pytest.approx(17.2, abs=0.15)
    assert feature(kept, "na_end")[0] == pytest.approx(23.0, abs=0.5)


def test_definitions_of_the_half_time_disagree(healthy):
    """Section 5.5: one exponential calls both sets 'right', which is why it is no evidence."""
    hc = healthy.with_parameter_set("conservative")
    result = run_experiment(settle([hc, hc.with_phenotype("me_cfs_default_lesion")]), IMAGING)
    # Printed as 31 and 23 s, 36.5 and 65 s.
    assert feature(result, "ca_half_time_exp") == pytest.approx((31.0, 23.0), abs=0.6)
    assert feature(result, "ca_time_to_peak") == pytest.approx((36.5, 65.0), abs=0.5)


@pytest.mark.parametrize(
    ("lesion", "wanted"),
    [
        ("default", (1.08, 0.91, 0.77, 0.61, 0.55, 0.53, 0.53, 0.52, 0.51)),
        ("slow", (1.09, 1.07, 1.03, 0.97, 0.94, 0.92, 0.91, 0.88, 0.82)),
        ("number 0.40", (1.08, 1.07, 1.06, 1.04, 1.02, 1.01, 0.99, 0.95, 0.88)),
    ],
)
def test_wash_out_of_naltrexone(groups, lesion, wanted):
    minutes = np.array([0, 1, 2, 5, 10, 20, 30, 60, 120])
    hc, _, treated, _ = groups[lesion]
    reference = availability(hc, nk.Protocol("1 s"), [0.0])[0]
    after = availability(treated, nk.Protocol("2 h").step(0.0, ntx=0.0), 60.0 * minutes)
    assert after / reference == pytest.approx(wanted, abs=0.01)


def availability(cell, protocol, times):
    """Factor that the opioid chain leaves on the TRPM3 current: Gbg inhibition times channel number."""
    trace = nk.simulate(cell, protocol, record=("TRPM3.f_g", "channel_number"), times=times)
    return (trace["TRPM3.f_g"] * trace["channel_number"])[0]


@pytest.mark.parametrize(
    ("dose", "wanted"),
    [
        # NTX kinetics as in the correction of section 7: 0.526 at 1 nM and 5 min, not the 0.53 of the equilibrium form.
        ("1 nM", (0.526, 0.55, 0.57, 0.58, 0.59)),
        ("5 nM", (0.711, 0.730, 0.799, 0.842, 0.871)),
        ("200 nM", (0.81, 0.84, 0.96, 1.03, 1.08)),
        ("200 uM", (0.807, 0.838, 0.959, 1.033, 1.084)),
    ],
)
def test_incubation_table(healthy, dose, wanted):
    me = healthy.with_phenotype("me_cfs_default_lesion")
    reference = availability(settle([healthy])[0], nk.Protocol("1 s"), [0.0])[0]
    found = [availability(Incubation(ntx=dose, duration=f"{h} h").apply(me), nk.Protocol("1 s"), [0.0])[0] for h in (5 / 60, 1, 6, 12, 24)]
    assert np.array(found) / reference == pytest.approx(wanted, abs=0.01)


# Section 8 (thapsigargin, cell of the cell brief): release peak, its time, readdition peak, its time, plateau.
THAPSIGARGIN = (
    ({}, (163.3, 27.0), (989.6, 11.0), 437.3),
    ({"crac": 0.5}, None, (489.0, None), 281.8),
    ({"kca31": 0.0}, None, (681.7, None), 352.6),
)


@pytest.mark.parametrize(("changes", "release", "peak", "plateau"), THAPSIGARGIN)
@pytest.mark.parametrize("joined", [False, True])
def test_store_operated_entry(changes, release, peak, plateau, joined):
    """The 23-state cell, and the joined cell without TRPM3, which is the same cell."""
    cell = nk.primary_nk_cell().with_parameter_set("conservative").set({"TRPM3.density": 0.0}).recalibrated() if joined else stub_nk_cell()
    features = run_experiment(settle([cell]), StoreOperatedEntry(**changes)).features
    assert features["readdition_peak"].values[0] == pytest.approx(peak[0], rel=5e-3)
    assert features["plateau"].values[0] == pytest.approx(plateau, rel=5e-3)
    if release is not None:
        assert features["release_peak"].values[0] == pytest.approx(release[0], rel=5e-3)
        assert features["release_time"].values[0] == pytest.approx(release[1], abs=0.5)
        assert features["readdition_time"].values[0] == pytest.approx(peak[1], abs=0.5)


def test_price_of_the_saturating_set(healthy):
    """Section 5.4: release transient below rest, slower readdition peak."""
    features = run_experiment(settle([healthy]), StoreOperatedEntry()).features
    assert features["release_peak"].values[0] == pytest.approx(52.0, abs=0.6)
    assert features["readdition_peak"].values[0] == pytest.approx(820.0, rel=5e-3)
    assert features["readdition_time"].values[0] == pytest.approx(22.5, abs=0.5)
    assert features["plateau"].values[0] == pytest.approx(496.0, rel=5e-3)


# Section 3: channels per pF, Na+ after 5 and 10 min (mM), V max (mV), Ca2+ peak (nM) at 50 and at 100 uM.
SODIUM = (
    (0.4, (17, 19, -55, 136), (20, 24, -53, 193)),
    (0.7, (20, 25, -54, 191), (27, 34, -52, 335)),
    (1.0, (24, 31, -53, 260), (32, 44, -51, 615)),
    (1.3, (28, 37, -52, 346), (38, 55, -51, 2118)),
    (1.7, (32, 45, -51, 536), (46, 67, -50, 4700)),
)


@pytest.mark.parametrize(("density", "at_50", "at_100"), SODIUM)
def test_sodium_load_against_channel_density(healthy, density, at_50, at_100):
    cell = settle([healthy.set({"TRPM3.density": density}).recalibrated()])[0]
    for dose, (na_5, na_10, v_max, ca_peak) in ((50.0, at_50), (100.0, at_100)):
        setup = replace(IMAGING, pregs=dose, application=600.0)
        result = run_experiment(cell, setup)
        trace = result.trace
        # Whole mM, mV and nM are printed (the largest peak to two digits): half a unit plus 0.5 %.
        assert np.interp(setup.onset + 300.0, trace.time, trace["na_cyt"][0]) == pytest.approx(na_5, abs=0.55)
        assert feature(result, "na_end")[0] == pytest.approx(na_10, abs=0.55)
        assert feature(result, "v_max")[0] == pytest.approx(v_max, abs=0.55)
        assert 1e3 * np.max(trace["ca_cyt"][0]) == pytest.approx(ca_peak, rel=6e-3, abs=0.5)
        floods = na_10 >= 40 or ca_peak > 1500
        assert bool(result.warnings[0]) == floods


# Section 5.3: one change at a time from the saturating set; ratio ME/HC of the half-time on Ca2+ and on F/F0.
CLEARANCE = (
    ({"PMCA.k_free": 0.40, "PMCA.k_cam": 0.20}, 1.24, 1.46),
    ({"PMCA.k_free": 0.20, "PMCA.k_cam": 0.20}, 0.76, 0.93),
    ({"PMCA.gain": 1.0}, 0.44, 0.57),
    ({"PMCA.gain": 2.5}, 0.71, 0.88),
    ({"SERCA.k_ca": 0.10}, 0.92, 1.03),
    ({"SERCA.k_ca": 0.20}, 0.75, 0.86),
    ({"SERCA.v_max": 25.0}, 0.84, 0.92),
    ({"TRPM3.p_ca": 3.0}, 0.71, 0.83),
    ({"TRPM3.p_ca": 1.6}, 0.86, 0.91),
    ({"TRPM3.ca_dependent": 1.0}, 0.78, 0.96),
    ({"TRPM3.tau_on": 5.0}, 0.72, 0.84),
    ({"KCa31.g_max": 0.0}, 0.56, 0.73),
    ({"KCa31.g_max": 1.0}, 0.68, 0.86),
)


@pytest.mark.parametrize(("changes", "calcium", "light"), CLEARANCE)
def test_saturating_clearance_decides_the_order_of_half_times(healthy, changes, calcium, light):
    hc = healthy.set(changes).recalibrated()
    result = run_experiment(settle([hc, hc.with_phenotype("me_cfs_default_lesion")]), IMAGING)
    # Two decimals are printed; 0.01 covers the rounding of the printed ratio and of its two half-times.
    assert feature(result, "ca_half_time")[1] / feature(result, "ca_half_time")[0] == pytest.approx(calcium, abs=0.01)
    assert feature(result, "f_half_time")[1] / feature(result, "f_half_time")[0] == pytest.approx(light, abs=0.01)


def test_dose_separates_saturating_clearance(healthy):
    """Section 10: from 50 to 100 uM the ratio of half-times falls, Ca2+ 0.56 to 0.44 and F/F0 0.73 to 0.63."""
    cells = settle([healthy, healthy.with_phenotype("me_cfs_default_lesion")])
    result = run_experiment(cells, replace(IMAGING, pregs=100.0))
    assert feature(result, "ca_half_time")[1] / feature(result, "ca_half_time")[0] == pytest.approx(0.44, abs=0.01)
    assert feature(result, "f_half_time")[1] / feature(result, "f_half_time")[0] == pytest.approx(0.63, abs=0.01)
