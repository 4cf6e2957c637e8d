"""Samples are drawn as points against every key; grids keep their own figures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

import nkcell_sim as nk
from nkcell_sim.plots import gallery, scattered

CELL = nk.primary_nk_cell()
IMAGING = nk.CalciumImaging(ntx_in_bath="kept", baseline="5 s", application="10 s", recovery="0 s")


def runs(design: object) -> object:
    cases = [nk.Case("healthy", CELL), nk.Case("ME/CFS", CELL.with_phenotype("me_cfs"))]
    return nk.run(nk.Study(cases, {"imaging": IMAGING}, design=design))["imaging"]  # type: ignore[arg-type]


def test_only_what_is_no_grid_is_drawn_as_points() -> None:
    values = {"TRPM3.density": [0.5, 2.0], "imaging.pregs": [10.0, 50.0]}
    assert not scattered.is_scattered(runs(nk.Grid(values)))  # type: ignore[arg-type]
    assert scattered.is_scattered(runs(nk.Zip(values)))  # type: ignore[arg-type]
    assert not scattered.is_scattered(runs(nk.Sobol({"cm": nk.Uniform(2.0, 3.0)}, samples=4)))  # type: ignore[arg-type]


def test_the_figure_of_samples_has_a_point_for_every_run_in_a_panel_for_every_key() -> None:
    design = nk.Sobol(
        {key: nk.LogUniform(0.9 * CELL.parameter(key), 1.1 * CELL.parameter(key)) for key in ("cm", "TRPM3.density", "CRAC.permeability")}, samples=8
    )
    cases = [nk.Case("healthy", CELL), nk.Case("ME/CFS", CELL.with_phenotype("me_cfs"))]
    results = nk.run(nk.Study(cases, {"imaging": IMAGING}, design=design))
    picture = next(gallery.pictures(results))
    drawn = [ax for ax in picture.figure.get_axes() if ax.lines]
    assert len(drawn) == 3
    table = design.table
    for j, ax in enumerate(drawn):
        assert [np.sort(line.get_xdata()).tolist() for line in ax.lines] == [np.sort(table[:, j]).tolist()] * 2
    assert picture.words.count("8 runs") == 2
    plt.close("all")
