"""Figures of the deciding experiments: recognised by content, with units, n and the assumptions on them."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from nkcell_sim.plots.deciding import deciding_figure
from nkcell_sim.plots.style import style

from .test_deciding import finished
from .test_responders import study


def texts(figure) -> str:
    axes = [t.get_text() for ax in figure.axes for t in (*ax.texts, ax.xaxis.label, ax.yaxis.label)]
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    return " ".join([*axes, *titles, *(t.get_text() for t in figure.texts)]).replace("\n", " ")


@pytest.mark.parametrize("name", ["healthy_ntx", *(pytest.param(name, marks=pytest.mark.slow) for name in ("bath", "time", "dose"))])
def test_a_figure_says_what_it_assumes_and_how_many_donors_it_takes(name):
    with style():
        figure = deciding_figure(finished(name))
    said = texts(figure)
    for wanted in ("Model output", "assumed variation", "n = 1 simulated cell", "Donors for 80 % power", "(ratio)", "unconfirmed"):
        assert wanted.lower() in said.lower(), wanted


@pytest.mark.slow
def test_the_ononetin_figure_counts_responders_against_the_detection_limit():
    with style():
        figure = deciding_figure(finished("ononetin"))
    said = texts(figure)
    for wanted in ("detection limit (pA)", "n = 16 cells", "assumptions", "Fisher", "pA RMS"):
        assert wanted in said, wanted
    lines = [line.get_ydata() for ax in figure.axes[1:3] for line in ax.lines]
    assert lines
    assert all((line[1:] <= line[:-1]).all() for line in lines), "fewer cells pass a higher limit"


def test_a_study_without_a_cohort_or_a_varied_key_has_no_such_figure():
    assert deciding_figure(study()) is None
