"""Ononetin as an absolute change: the brief's numbers, closed forms of counted channels, and Fisher's test."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.analysis.hypotheses import Hypothesis
from nkcell_sim.analysis.responders import Group, Recording, block_power, fisher_cells, groups, ononetin_predictions, share
from nkcell_sim.errors import ParameterError
from nkcell_sim.experiments import Incubation, PatchClamp

LESIONS = {"healthy_default_lesion": "me_cfs_default_lesion", "healthy": "me_cfs"}


@cache
def study() -> nk.Results:
    base, cases = nk.primary_nk_cell(), []
    for healthy, sick in LESIONS.items():
        cells = (base.with_phenotype(healthy), base.with_phenotype(sick))
        cases += [nk.Case(healthy, cells[0]), nk.Case(sick, cells[1]), nk.Case(f"{sick} NTX", cells[1], Incubation(ntx="200 uM"))]
    return nk.run(nk.Study(cases, {"patch": PatchClamp(ntx_in_bath="kept")}))


def made(ideal: float = 6.0, channels: float = 2.6, *, cells: int = 4, counted: bool = False) -> Group:
    ones = np.ones(cells)
    donors = tuple(f"d{i}" for i in range(cells))
    return Group(Hypothesis("me_cfs", "saturating"), "ME/CFS", ideal * ones, 1.14 * ones, channels * ones, donors, counted)


def test_ononetin_removes_what_the_brief_says():
    """Section 4: 7.6 / 3.1 / 8.3 pA (default) and 7.5 / 3.0 / 8.1 pA (slow-dominant); 114 % of the evoked current in all."""
    rows = ononetin_predictions(study(), draws=10)
    means = {(r.lesion, r.quantity.partition(":")[0]): r.value for r in rows if "mean change" in r.quantity}
    # Printed to one digit after the point.
    assert [means["default", role] for role in ("HC", "ME/CFS", "ME/CFS + NTX")] == pytest.approx((7.6, 3.1, 8.3), abs=0.06)
    assert [means["slow-dominant", role] for role in ("HC", "ME/CFS", "ME/CFS + NTX")] == pytest.approx((7.5, 3.0, 8.1), abs=0.06)
    assert [r.value for r in rows if "fraction" in r.quantity] == pytest.approx([1.14] * 6, abs=0.005)


def test_healthy_cells_have_the_channels_of_the_brief_and_patients_fewer_if_number_is_lost():
    found = {(g.hypothesis.name, g.role): g.channels[0] for g in groups(study())}
    # 2.6 open-able channels in 2.6 pF, times the share that the tone of a healthy cell leaves (0.98-0.9).
    assert 2.2 < found["slow-dominant", "HC"] <= 2.6
    assert found["slow-dominant", "ME/CFS"] < 0.5 * found["slow-dominant", "HC"]
    assert found["default", "ME/CFS"] > 0.7 * found["default", "HC"]


def test_counting_and_gating_leave_the_mean_as_it_is():
    recording, draws = Recording(noise=2.0), 20_000
    seen = made().observed(recording, draws, seed=1)
    z = (seen.mean() - 6.0) / (seen.std() / math.sqrt(seen.size))
    assert abs(z) < 3.0


def test_share_of_silent_cells_is_that_of_thinned_poisson_numbers():
    """A channel is seen if it is open in one of s sweeps: the number seen is Poisson with mean n (1 - (1 - p)^s)."""
    recording, draws = Recording(noise=0.0, sweeps=3), 20_000
    p = 6.0 / (2.6 * recording.single)
    silent = math.exp(-2.6 * (1.0 - (1.0 - p) ** 3))
    seen = made().observed(recording, draws, seed=2)
    z = ((seen == 0.0).mean() - silent) / math.sqrt(silent * (1.0 - silent) / seen.size)
    assert abs(z) < 3.0


def test_detection_limit_passes_the_stated_share_of_cells_without_channels():
    recording = Recording(noise=2.0, samples=4)
    assert recording.change_noise == pytest.approx(2.0 / math.sqrt(2.0))
    silent = made(ideal=0.0).observed(recording, 20_000, seed=3)
    passed = float(share(silent, [recording.limit()])[0])
    assert abs(passed - 0.025) < 3.0 * math.sqrt(0.025 * 0.975 / silent.size)


def test_share_of_responders_falls_with_the_limit_and_with_the_current():
    recording = Recording()
    limits = np.linspace(0.0, 20.0, 21)
    healthy, sick = (share(made(ideal).observed(recording, 5000, seed=4), limits) for ideal in (7.6, 3.1))
    assert (np.diff(healthy) <= 0.0).all()
    assert (sick < healthy).all()


def test_cells_that_were_counted_already_are_not_counted_again():
    seen = made(counted=True).observed(Recording(noise=0.0), 5, seed=5)
    assert (seen == 6.0).all()


@pytest.mark.parametrize(("first", "second"), [(0.5, 0.1), (0.6, 0.3)])
def test_cells_for_fishers_test_agree_with_the_formula_of_casagrande(first, second):
    """Casagrande, Pike & Smith 1978 (DOI 10.2307/2346945), an approximation for the exact test, within some per cent."""
    mean, d = 0.5 * (first + second), first - second
    a = (1.960 * math.sqrt(2.0 * mean * (1.0 - mean)) + 0.842 * math.sqrt(first * (1.0 - first) + second * (1.0 - second))) ** 2
    formula = a * (1.0 + math.sqrt(1.0 + 4.0 * d / a)) ** 2 / (4.0 * d**2)
    # 500 simulated experiments leave +-1.8 % of power, about 6 % of the number.
    assert fisher_cells(first, second) == pytest.approx(formula, rel=0.12)


def test_equal_shares_are_never_told_apart():
    assert fisher_cells(0.4, 0.4) is None


def test_power_to_see_a_block_rises_with_donors_and_falls_with_noise():
    group = made(3.0, cells=12)
    few, many = (block_power(group, donors=n, cells=6, experiments=300).value for n in (6, 12))
    noisy = block_power(group, donors=6, cells=6, recording=Recording(noise=20.0), experiments=300).value
    assert noisy < few <= many


def test_bad_input_says_what_was_expected():
    with pytest.raises(ParameterError, match="noise"):
        Recording(noise=-1.0)
    with pytest.raises(ParameterError, match="sweeps"):
        Recording(sweeps=0)
    with pytest.raises(ParameterError, match="0 to 1"):
        fisher_cells(1.2, 0.3)
