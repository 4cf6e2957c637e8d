"""Figures of cohorts: what is drawn is what the file holds, n is on every panel, and p-values come from the results' own table."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.experiments import IVCurve
from nkcell_sim.plots import make_figure, pictures, plot_results, style
from nkcell_sim.plots.bands import thinned
from nkcell_sim.plots.causes import by_cause
from nkcell_sim.plots.comparisons import brackets_of, p_text
from nkcell_sim.plots.gallery import Picture
from nkcell_sim.plots.hill_interval import hill_interval
from nkcell_sim.plots.power_table import stored_curve
from nkcell_sim.plots.samples import Sample, count_text, mean_and_sem, samples_of
from nkcell_sim.randomness import stream
from nkcell_sim.results import Results

from .. import cohort_results as small

matplotlib = pytest.importorskip("matplotlib")


SOURCES = {"cohort": small.cohort_results, "rig": small.rigged_results, "doses": small.dose_results}


def drawn(results: Results) -> list[Picture]:
    with style():
        return list(pictures(results))


@cache
def drawn_once(name: str) -> list[Picture]:
    """Pictures of shared results, drawn and laid out once for all tests that only look at them; a warning fails each of these."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = drawn(SOURCES[name]())
        with style():
            for picture in found:
                picture.figure.draw_without_rendering()
    return found


def picture_of(name: str, key: str) -> Picture:
    return next(p for p in drawn_once(name) if p.key == key)


def texts(figure: object) -> str:
    return " ".join(" ".join(t.get_text() for t in figure.findobj(matplotlib.text.Text)).split())  # type: ignore[attr-defined]


def axes_with_content(figure: object) -> Iterator[object]:
    yield from (ax for ax in figure.get_axes() if ax.axison)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", SOURCES)
def test_every_panel_says_how_many_cells_and_donors_it_shows_and_has_units(name: str) -> None:
    found = drawn_once(name)
    assert found
    for picture in found:
        assert "Model output, not a laboratory result" in texts(picture.figure), picture.key
        for ax in axes_with_content(picture.figure):
            said = " ".join(t.get_text() for t in ax.findobj(matplotlib.text.Text))  # type: ignore[attr-defined]
            assert "n = " in said, f"{picture.key}: {said}"
            labels = [a.get_label_text() for a in (ax.xaxis, ax.yaxis) if a.get_label_text() and not a.get_label_text().startswith("p: ")]  # type: ignore[attr-defined]
            assert all("(" in label for label in labels), labels


@pytest.mark.parametrize("name", ["cohort", *(pytest.param(n, marks=pytest.mark.slow) for n in ("rig", "doses"))])
def test_the_sheet_is_drawn_without_a_warning(name: str) -> None:
    results = SOURCES[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with style():
            make_figure(results).draw_without_rendering()


@pytest.mark.parametrize("name", SOURCES)
def test_every_picture_is_drawn_without_a_warning(name: str) -> None:
    assert drawn_once(name)


def test_bars_are_means_and_error_bars_standard_errors_over_cells() -> None:
    runs = small.cohort_results()["patch"]
    for sample in samples_of(runs, "pregs_1_outward_density"):
        values = runs["pregs_1_outward_density"][runs.of_case(sample.name)]
        assert sample.mean == pytest.approx(values.mean(), rel=1e-14)
        assert sample.sem == pytest.approx(values.std(ddof=1) / 2.0, rel=1e-14)  # the square root of 4 cells
        assert count_text([sample]) == "n = 4 cells, N = 2 donors"
    bars = picture_of("cohort", "patch-successive").figure.get_axes()[0]
    heights = sorted({round(patch.get_height(), 9) for patch in bars.patches})
    means = sorted({round(s.mean, 9) for f in ("pregs_1_outward_density", "pregs_2_outward_density") for s in samples_of(runs, f)})
    assert heights == means


def test_every_cell_is_a_point_of_the_bar_figure_and_every_donor_a_diamond() -> None:
    runs = small.cohort_results()["patch"]
    bars = picture_of("cohort", "patch-successive").figure.get_axes()[0]
    shown = np.sort(np.concatenate([np.asarray(c.get_offsets())[:, 1] for c in bars.collections if len(np.asarray(c.get_offsets())) == 2]))
    cells = np.sort(np.concatenate([runs[f] for f in ("pregs_1_outward_density", "pregs_2_outward_density")]))
    np.testing.assert_allclose(shown, cells, rtol=1e-12)


def test_a_cell_without_a_value_is_left_out_of_the_mean_and_counted() -> None:
    sample = Sample("x", np.array([1.0, 3.0]), ("a", "b"), 1)
    assert str(sample) == "x 2 ± 1 (n = 2 cells, N = 2 donors; 1 without a value)"
    one = Sample("y", np.array([1.0]), ("a",), 0)
    assert math.isnan(one.sem)


def test_mean_and_band_leave_failed_runs_out() -> None:
    values = np.array([[1.0, 2.0], [3.0, 6.0], [np.nan, np.nan]])
    mean, sem = mean_and_sem(values)
    np.testing.assert_allclose(mean, [2.0, 4.0], rtol=1e-15)
    np.testing.assert_allclose(sem, [1.0, 2.0], rtol=1e-15)  # differences 2 and 4 of two values: s / sqrt(2) is half of them


def test_p_values_are_those_of_the_results_own_table_and_none_without_it() -> None:
    results = small.with_statistics(small.cohort_results())
    (bracket,) = brackets_of(results, "patch", "pregs_1_outward_density", small.CASES)
    assert (bracket.first, bracket.second, bracket.cell, bracket.donor) == ("healthy", "ME/CFS", 0.0321, 0.4321)
    said = texts(next(p for p in drawn(results) if p.key == "patch-successive").figure)
    assert "cells p = 0.032, donors p = 0.43" in said
    assert "Mann-Whitney" in said
    assert "p = " not in texts(picture_of("cohort", "patch-successive").figure)
    assert p_text(1e-9) == "p < 0.0001"


def test_a_paired_test_is_shown_where_arms_share_donors() -> None:
    rows = [
        {"feature": "patch.x", "groups": "a / b", "test": test, "unit": "donor", "p": p, "corrected_p": 2 * p}
        for test, p in (("mann_whitney", 0.4), ("wilcoxon", 0.1))
    ]
    (bracket,) = brackets_of(small.cohort_results().with_table("statistics", rows), "patch", "x", ("a", "b"))
    assert (bracket.donor, bracket.corrected) == (0.2, True)
    assert math.isnan(bracket.cell)


def test_without_kept_traces_a_picture_says_so_and_the_sheet_leaves_it_out() -> None:
    study = nk.Study(small.cases()[:1], {"patch": small.PATCH}, title="No traces", cohort=small.cohort(), keep=["ca_cyt"])
    results = nk.run(study)
    family = next(p for p in drawn(results) if p.key == "patch-iv")
    assert "Electrode.i_measured were not kept" in texts(family.figure)
    with style():
        assert "not kept" not in texts(make_figure(results))


def test_the_hill_interval_holds_the_curve_and_is_the_same_twice() -> None:
    runs = small.dose_results()["patch"]
    rows = runs.of_case("healthy")
    first, second = (hill_interval(runs, rows, "patch.pregs", "pregs_1_outward_density", rng=stream(1, "hill"), resamples=60) for _ in range(2))
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.low, second.low)
    # cells differ by their number of channels alone, which scales the curve: the mean lies between, EC50 hardly moves
    means = np.array([runs["pregs_1_outward_density"][rows][runs.varied["patch.pregs"][rows] == d].mean() for d in (20.0, 60.0)])
    assert (np.interp([20.0, 60.0], first.dose, first.low) <= means).all()
    assert (np.interp([20.0, 60.0], first.dose, first.high) >= means).all()
    assert first.ec50[0] <= first.ec50[1] < 1.1 * first.ec50[0]


def test_a_single_cell_has_no_interval() -> None:
    runs = small.dose_results()["patch"]
    rows = np.array([i for i in runs.of_case("healthy") if runs.labels["donor"][i].endswith("1") and runs.labels["cell"][i] == 1])
    assert hill_interval(runs, rows, "patch.pregs", "pregs_1_outward_density", rng=stream(1, "hill")) is None


def test_what_an_instrument_showed_stands_beside_the_ideal() -> None:
    picture = picture_of("rig", "patch-observed")
    said = texts(picture.figure)
    assert "observed" in said
    assert "ideal" in said
    family = texts(picture_of("rig", "patch-iv").figure)
    assert "leak subtracted" in family


@pytest.mark.parametrize("cohort", [True, False])
def test_a_course_of_days_is_drawn_from_the_names_in_the_file(cohort: bool) -> None:
    source = nk.run(nk.Study(small.cases()[:2], {"course": small.IMAGING}, cohort=small.cohort() if cohort else None))
    (picture,) = drawn(small.as_kind(source, "naltrexone_course", "A week", stretched=86400.0 / 10.0))
    said = texts(picture.figure)
    assert "time (d)" in said
    assert "doses (1)" in said
    assert "1 dose." in picture.words
    assert "free Ca²⁺ in the cytosol" in " ".join(said.split())


@pytest.mark.parametrize("cohort", [True, False])
def test_nk_function_is_bars_of_whatever_features_the_file_has(cohort: bool) -> None:
    source = nk.run(nk.Study(small.cases()[:2], {"kill": small.IMAGING}, cohort=small.cohort() if cohort else None))
    (picture,) = drawn(small.as_kind(source, "nk_function", "Function"))
    assert "n = 4 cells, N = 2 donors each" in texts(picture.figure) if cohort else "n = 1 cell each" in texts(picture.figure)


def test_a_power_table_is_the_curve_it_came_from() -> None:
    from nkcell_sim.analysis.hierarchy import Design
    from nkcell_sim.analysis.power import power_curve

    curve = power_curve(Design(donors=3, cells=2, ratio=0.4, donor_cv=0.3, cell_cv=0.3), donors=(3, 5), cells=(1, 2), seed=1, experiments=100)
    rows = [{**row, "feature": "patch.x", "conditions": "a / b", "wanted": 0.8} for row in curve.rows()]
    again = stored_curve(small.cohort_results().with_table("power", rows).table("power"))
    assert again.rows() == curve.rows()


@pytest.mark.parametrize("suffix", [".svg", *(pytest.param(s, marks=pytest.mark.slow) for s in (".png", ".pdf"))])
def test_the_same_cohort_gives_the_same_file(tmp_path, suffix: str) -> None:
    first, second = (plot_results(small.dose_results(), tmp_path / f"{name}{suffix}").read_bytes() for name in "ab")
    assert first == second


def test_a_condition_may_be_called_anything() -> None:
    names = ["$x^2$ & \\frac{", "_hidden <b>"]
    results = nk.run(nk.Study([nk.Case(n, nk.primary_nk_cell()) for n in names], {"imaging": small.IMAGING}, cohort=small.cohort()))
    for picture in drawn(results):
        with style():
            picture.figure.draw_without_rendering()


def test_causes_are_texts_that_differ_in_their_numbers_only() -> None:
    found = by_cause([(0, "Na+ reaches 41.3 mM (bound 40 mM)"), (4, "Na+ reaches 52 mM (bound 40 mM)"), (4, "TRPM3 is off")])
    assert [(c.runs, str(c)) for c in found] == [((0, 4), "Na+ reaches 41.3 mM (bound 40 mM) (and 1 more run alike)"), ((4,), "TRPM3 is off")]


def test_long_traces_are_thinned_with_both_ends_kept() -> None:
    pick = thinned(100_000)
    assert (pick[0], pick[-1]) == (0, 99_999)
    assert len(pick) <= 1500
    np.testing.assert_array_equal(thinned(5), np.arange(5))


# -- files that the ordinary figures have no room for ---------------------------------------------------------------


def outside(figure: object) -> list[str]:
    """Texts of a figure that is laid out that leave its page; numbers at ticks are left out, since those beyond an axis exist but are not drawn."""
    page = figure.bbox.padded(2)  # type: ignore[attr-defined]
    ticks = {id(t) for ax in figure.get_axes() for axis in (ax.xaxis, ax.yaxis) for t in axis.get_ticklabels(which="both")}  # type: ignore[attr-defined]
    texts = [t for t in figure.findobj(matplotlib.text.Text) if t.get_visible() and t.get_text().strip() and id(t) not in ticks]  # type: ignore[attr-defined]
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts]
    return [text for text, box in boxes if not (page.contains(box.x0, box.y0) and page.contains(box.x1, box.y1))]


@pytest.mark.parametrize("name", SOURCES)
def test_no_text_leaves_the_page(name: str) -> None:
    for picture in drawn_once(name):
        assert outside(picture.figure) == [], picture.key


LONG = [f"condition number {i} with quite a long name" for i in range(9)]


@pytest.mark.parametrize(("number", "donors"), [(5, False), (9, False), pytest.param(9, True, marks=pytest.mark.slow)])
def test_many_conditions_with_long_names_stay_on_the_page(number: int, donors: bool) -> None:
    cell = nk.primary_nk_cell()
    study = nk.Study([nk.Case(n, cell) for n in LONG[:number]], {"patch": small.PATCH, "imaging": small.IMAGING}, cohort=small.cohort() if donors else None)
    found = drawn(nk.run(study))
    for picture in found:
        with style():
            picture.figure.draw_without_rendering()
        assert outside(picture.figure) == [], picture.key
        assert all(any(n in " ".join(t.get_text().split()) for t in picture.figure.findobj(matplotlib.text.Text)) for n in LONG[:number])


def test_single_cells_without_kept_traces_are_drawn_from_their_features() -> None:
    experiments = {"patch": small.PATCH, "imaging": small.IMAGING, "steps": IVCurve(ntx_in_bath="kept", increment="100 mV", break_in="1 s")}
    results = nk.run(nk.Study(small.cases()[:2], experiments, keep=[]))
    assert [p.key for p in drawn(results)] == ["patch-features", "imaging-features", "steps-features"]
    with style():
        make_figure(results).draw_without_rendering()


def test_conditions_in_which_nothing_was_varied_are_level_lines_of_a_grid() -> None:
    healthy, sick, treated = small.cases()
    short = replace(small.PATCH, pregs=(100.0,), ononetin=0.0)
    results = nk.run(nk.Study([healthy, sick, treated], {"patch": short}, vary={"incubation.ntx": ["1 uM", "200 uM"]}))
    (picture,) = drawn(results)
    runs = results["patch"]
    levels = {float(line.get_ydata()[0]) for line in picture.figure.get_axes()[0].lines if len(set(line.get_ydata())) == 1 and line.get_label() in small.CASES}
    assert levels == {float(runs["pregs_1_outward_density"][runs.of_case(c)][0]) for c in small.CASES[:2]}
    assert "(not varied)" in picture.words


def test_voltage_steps_of_a_cohort_have_mean_and_error_bars() -> None:
    steps = IVCurve(ntx_in_bath="kept", increment="100 mV", break_in="1 s")
    results = nk.run(nk.Study(small.cases()[:2], {"steps": steps}, cohort=small.cohort()))
    (picture,) = drawn(results)
    runs = results["steps"]
    line = next(c for c in picture.figure.get_axes()[1].containers if c.get_label() == "healthy").lines[0]
    densities = [(runs[f"steady_{v:+g}_mV"] / runs.parameter("cm"))[runs.of_case("healthy")].mean() for v in (-100, 0, 100)]
    np.testing.assert_allclose(line.get_ydata(), densities, rtol=1e-12)
