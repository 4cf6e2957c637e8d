"""Variance components against the balanced analysis of variance and a published data set."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nkcell_sim.analysis.cell_table import CellTable
from nkcell_sim.analysis.variance import variance_components
from nkcell_sim.errors import ParameterError

# Davies & Goldsmith 1972, table 6.3 (Dyestuff of R's lme4): yield of five samples from each of six batches. lme4's documentation prints the REML
# variances 1764 (batch) and 2451 (residual).
DYESTUFF = np.array(
    [
        [1545, 1440, 1440, 1520, 1580],
        [1540, 1555, 1490, 1560, 1495],
        [1595, 1550, 1605, 1510, 1560],
        [1445, 1440, 1595, 1465, 1545],
        [1595, 1630, 1515, 1635, 1625],
        [1520, 1455, 1450, 1480, 1445],
    ],
    dtype=float,
)


def nested(*groups: np.ndarray) -> CellTable:
    rows = [(f"g{k}", d, v) for k, matrix in enumerate(groups) for d, row in enumerate(matrix) for v in row]
    group, donor, value = zip(*rows, strict=True)
    return CellTable.nested(value, group, donor)


@pytest.mark.parametrize("method", ["moments", "reml"])
def test_dyestuff_has_the_published_components(method: str) -> None:
    found = variance_components(nested(DYESTUFF), method=method)
    assert found.donor == pytest.approx(1764, abs=0.5)
    assert found.cell == pytest.approx(2451, abs=0.5)
    assert math.isnan(found.measurement)
    assert found.icc == pytest.approx(1764 / (1764 + 2451), abs=2e-4)


def test_components_of_three_donors_worked_by_hand() -> None:
    # Means 1, 3, 8 of two cells each, every cell 1 from its mean: MS_cell = 6 / 3 = 2; MS_donor = 2 (9 + 1 + 16) / 2 = 26; donor (26 - 2) / 2.
    found = variance_components(nested(np.array([[0.0, 2.0], [2.0, 4.0], [7.0, 9.0]])))
    assert (found.donor, found.cell, found.cells) == pytest.approx((12.0, 2.0, 2.0))
    assert found.icc == pytest.approx(12 / 14)
    assert found.design_effect() == pytest.approx(1 + 12 / 14)
    assert found.design_effect(10) == pytest.approx(1 + 9 * 12 / 14)


def test_unbalanced_components_worked_by_hand() -> None:
    # Donors of 1 and 3 cells, means 0 and 4 (3, 4, 5), grand mean 3: MS_cell = 2 / 2; MS_donor = 9 + 3 = 12; n0 = 4 - 10 / 4 = 1.5; donor 11 / 1.5.
    found = variance_components(CellTable([0.0, 3.0, 4.0, 5.0], ["g"] * 4, ["p", "q", "q", "q"]))
    assert (found.cell, found.cells, found.donor) == pytest.approx((1.0, 1.5, 11 / 1.5))


def test_a_difference_between_groups_is_not_donor_variance() -> None:
    shifted = variance_components(nested(DYESTUFF[:3], DYESTUFF[3:] + 1000.0))
    plain = variance_components(nested(DYESTUFF[:3], DYESTUFF[3:]))
    assert shifted.donor == pytest.approx(plain.donor)
    # pooled over the groups: the mean of both groups' own components, which are balanced alike
    one, two = (variance_components(nested(part)) for part in (DYESTUFF[:3], DYESTUFF[3:]))
    assert plain.donor_raw == pytest.approx((one.donor_raw + two.donor_raw) / 2)


def test_the_three_parts_of_simulated_cells_are_found_again() -> None:
    """Lognormal donors (sd 0.5), cells (0.3) and rig (0.2): within three standard errors of the moment estimates."""
    rng = np.random.default_rng(8)
    donors, cells = 200, 6
    ideal = np.exp(0.5 * rng.normal(size=(donors, 1)) + 0.3 * rng.normal(size=(donors, cells)))
    observed = ideal * np.exp(0.2 * rng.normal(size=ideal.shape))
    found = variance_components(nested(observed), ideal=ideal.ravel(), scale="log")
    # Var(s^2) = 2 s^4 / df; the donor component adds that of the cells / 6
    for value, true, error in (
        (found.measurement, 0.04, 0.04 * math.sqrt(2 / 1199)),
        (found.cell, 0.09, 0.09 * math.sqrt(2 / 1000)),
        (found.donor, 0.25, (0.25 + 0.09 / 6) * math.sqrt(2 / 199)),
    ):
        assert abs(value - true) < 3 * error
    assert abs(found.bias) < 3 * 0.2 / math.sqrt(1200)
    assert found.cvs()[0] == pytest.approx(math.sqrt(math.expm1(found.donor)))
    lumped = variance_components(nested(observed), scale="log")
    assert lumped.cell == pytest.approx(found.cell + found.measurement, rel=0.1)


def test_donors_that_differ_by_less_than_chance_have_no_variance_and_a_note() -> None:
    found = variance_components(nested(np.array([[0.0, 2.0], [2.0, 0.0], [0.0, 2.0]])))
    assert (found.donor, found.donor_raw) == (0.0, -1.0)
    assert "negative" in " ".join(found.notes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: variance_components(CellTable([1.0, 2.0], ["g", "g"])), "no donor labels"),
        (lambda: variance_components(CellTable([1.0, 2.0], ["g", "g"], ["p", "p"])), "got 1 donors in 1 groups"),
        (lambda: variance_components(CellTable([1.0, 2.0], ["g", "g"], ["p", "q"])), "a donor with at least two cells"),
        (lambda: variance_components(nested(DYESTUFF), ideal=[1.0]), "got 1 ideal values for 30 cells"),
        (lambda: variance_components(nested(DYESTUFF - 1500), scale="log"), "have no logarithm"),
        (lambda: variance_components(nested(DYESTUFF), method="guess"), "expected one of moments, reml"),
        (lambda: variance_components(nested(DYESTUFF)).design_effect(0.5), "got cells = 0.5; expected a number from 1"),
        (lambda: variance_components(nested(DYESTUFF)).cvs(), "scale = 'log'"),
        (lambda: variance_components(nested(DYESTUFF * math.nan)), "none of the 30 cells"),
    ],
)
def test_bad_input_is_refused(call, message) -> None:
    with pytest.raises(ParameterError, match=message):
        call()
