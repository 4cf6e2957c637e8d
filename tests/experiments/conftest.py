"""A settled cell for the tests of instruments."""

from __future__ import annotations

import pytest

import nkcell_sim as nk
from nkcell_sim.experiments.settling import settle


@pytest.fixture(scope="package")
def cell():
    return settle([nk.primary_nk_cell()])[0]
