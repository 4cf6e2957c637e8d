"""The study of methods: errors are measured as tolerances are, work for an error is read from the ladder, the page holds every method."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.methods import LABELS, Curve, Rung, errors, outputs, replaced
from benchmarks.workloads import stimulus
from nkcell_sim import _kernels
from nkcell_sim.solver import COMPILED_METHODS

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "methods.md"


def test_work_for_an_error_on_a_perfect_ladder_is_the_power_law_of_the_order() -> None:
    # a method of order 5: ten times the steps for 1e-5 of the error
    rungs = [Rung(rtol, rtol, 3.0 * rtol, 100.0 * rtol**-0.2, 0.0, 0.0) for rtol in 10.0 ** -np.arange(1.0, 9.0, 0.25)]
    curve = Curve("rodas5p", rungs, 0.0)
    assert curve.at(1e-5) == pytest.approx(1000.0, rel=1e-9)
    assert curve.at(3e-5, worst=True) == pytest.approx(1000.0, rel=1e-9)
    assert np.isnan(curve.at(1e-12))
    assert curve.rtol_for(2e-6) == pytest.approx(10.0**-5.75)


def test_an_error_of_one_tolerance_counts_one_rtol_for_large_values_and_for_small_ones() -> None:
    work = stimulus(1)
    reference = np.zeros((1, 2, len(work.scale)))
    reference[0, 1] = 1e3 * work.scale
    wrong = reference + 1e-6 * (np.abs(reference) + work.scale)
    assert errors(work, wrong, reference) == pytest.approx([1e-6], rel=1e-6)


def test_the_error_of_the_default_method_falls_with_the_tolerance() -> None:
    work = stimulus(2)
    reference, _ = outputs(work, "rodas4p2", 1e-10)
    found = [errors(work, outputs(work, "rodas5p", rtol)[0], reference).max() for rtol in (1e-3, 1e-5, 1e-7)]
    assert found[0] > 10.0 * found[1] > 100.0 * found[2]


def test_the_page_names_every_method_of_the_engine_in_every_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert set(LABELS) == set(_kernels.methods())
    assert all(f'`"{name}"`' in page for name in COMPILED_METHODS[1:])
    for region in page.split("<!-- table ")[1:]:
        assert all(label in region.split("<!-- end -->")[0] for label in LABELS.values())


def test_a_page_without_the_region_is_refused_by_name() -> None:
    assert replaced("a\n<!-- x -->\nold\n<!-- end -->\nb", "x", "new") == "a\n<!-- x -->\n\nnew\n\n<!-- end -->\nb"
    with pytest.raises(ValueError, match="no region 'y'"):
        replaced("a", "y", "new")
