"""Power figures: units and n on every panel, one line a design, the same file every time."""

from __future__ import annotations

import io

import numpy as np
import pytest

from nkcell_sim.analysis.cell_table import CellTable
from nkcell_sim.analysis.hierarchy import Bank, Design
from nkcell_sim.analysis.power import BOTH_UNITS, Analysis, power_curve
from nkcell_sim.plots.power import UNIT_COLOURS, design_text, draw_false_positives, draw_power, power_figure

DESIGN = Design(donors=8, cells=6, ratio=0.49, donor_cv=0.5, cell_cv=0.5)
CURVE = power_curve(DESIGN, donors=(4, 8), cells=(2, 6), seed=1, experiments=50)


def lines(ax) -> dict[str, np.ndarray]:
    return {c.get_label(): c.lines[0].get_ydata() for c in ax.containers}


def test_lines_are_the_simulated_rates_in_percent() -> None:
    power, level = power_figure(CURVE).axes
    for ax, what in ((power, "power"), (level, "false_positives")):
        drawn = lines(ax)
        assert len(drawn) == 4
        for analysis in BOTH_UNITS:
            for m in (2, 6):
                rates = [getattr(r, what).value for r in CURVE.over_donors(analysis, cells=m)]
                assert drawn[f"{analysis.name}, {m} cells a donor"] == pytest.approx(100 * np.array(rates))


def test_panels_carry_units_and_n() -> None:
    drawn = power_figure(CURVE)
    for ax in drawn.axes:
        assert "(% of experiments)" in ax.get_ylabel()
        assert ax.get_xlabel() == "donors in each group"
        assert any("n = 50 simulated experiments a point" in t.get_text() for t in ax.texts)
    foot = " ".join(t.get_text() for t in drawn.texts)
    assert "not a laboratory result" in foot
    assert "donors 50 %, cells 50 %" in foot


def test_cells_and_donors_keep_their_colours_on_given_axes() -> None:
    from matplotlib.figure import Figure

    left, right = Figure().subplots(1, 2)
    draw_power(left, CURVE, cells=[6])
    draw_false_positives(right, CURVE, cells=[6], analyses=[BOTH_UNITS[1]])
    assert [c.lines[0].get_color() for c in left.containers] == [UNIT_COLOURS["cell"], UNIT_COLOURS["donor"]]
    assert [c.lines[0].get_color() for c in right.containers] == [UNIT_COLOURS["donor"]]


def test_two_tests_of_one_unit_are_told_apart() -> None:
    curve = power_curve(DESIGN, donors=(4, 8), cells=(2,), seed=1, experiments=20, analyses=[*BOTH_UNITS, Analysis("welch_t", "donor")])
    colours = {c.lines[0].get_color() for c in power_figure(curve).axes[0].containers}
    assert len(colours) == 3


def test_a_bank_is_named_at_the_foot() -> None:
    rng = np.random.default_rng(1)
    table = CellTable.nested(rng.lognormal(size=40), np.repeat(["HC", "ME"], 20), list(np.repeat(range(5), 4)) * 2)
    curve = power_curve(Bank.of(table, donors=2, cells=2), donors=(3, 4), cells=(2,), seed=1, experiments=20)
    assert "bank of simulated donors: HC against ME" in design_text(curve)
    assert power_figure(curve).axes[0].get_title(loc="left") == "Power", "a bank has no ratio to name"


def test_the_file_is_the_same_every_time() -> None:
    files = []
    for _ in range(2):
        target = io.BytesIO()
        power_figure(CURVE).savefig(target, format="png", metadata={"Software": None})
        files.append(target.getvalue())
    assert files[0] == files[1]
