"""Effect sizes where they say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim.analysis.effects import Bootstrap, effects_of


@pytest.mark.parametrize("paired", [False, True])
def test_a_ratio_of_medians_exists_above_zero_only_and_its_interval_never_runs_to_infinity(paired: bool) -> None:
    rng = np.random.default_rng(1)
    near_zero, far = rng.normal(0.2, 1.0, 9), rng.normal(5.0, 1.0, 9)
    found = {e.name: e for e in effects_of(near_zero - np.median(near_zero) - 0.1, far, paired=paired, unit="pA", rng=rng, bootstrap=Bootstrap(resamples=200))}
    assert np.isnan(found["ratio_of_medians"].value)
    found = {e.name: e for e in effects_of(near_zero - np.median(near_zero) + 0.1, far, paired=paired, unit="pA", rng=rng, bootstrap=Bootstrap(resamples=200))}
    assert found["ratio_of_medians"].value == pytest.approx(np.median(far) / 0.1, rel=1e-12)
    assert np.isnan(found["ratio_of_medians"].low), "some resamples have no ratio, so there is no interval"
    assert np.isfinite(found["shift"].low)
