"""check-tolerance: a tolerance is judged by the differences that a study asks about, and a loose one is found out."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim import cli
from nkcell_sim.analysis.tolerances import FITS, LOOSE, SHARE, TIGHT, Measure, check_tolerance
from nkcell_sim.experiments import Rest, run_experiment
from nkcell_sim.show import tolerance_text
from nkcell_sim.solver import Solver

CELL = nk.primary_nk_cell()
SHORT = nk.CalciumImaging(ntx_in_bath="kept", baseline="5 s", application="20 s", recovery="10 s")
NTX = Path(__file__).parents[2] / "configs" / "ntx_restoration.toml"


def study(rtol: float, densities: tuple[float, ...] = (0.5, 1.0, 1.5)) -> nk.Study:
    return nk.Study(nk.Case("cell", CELL), SHORT, vary={"TRPM3.density": densities}, solver=Solver(rtol=rtol))


def measured(report, name: str) -> Measure:
    return next(m for m in report.measures if m.name == name)


def test_the_error_it_reports_is_the_distance_from_the_true_measure() -> None:
    report = check_tolerance(study(1e-4), ladder=(1e-8,))
    cells = [CELL.set({"TRPM3.density": d}).recalibrated() for d in (0.5, 1.0, 1.5)]
    loose, true = (run_experiment(cells, SHORT, rtol=rtol).features["ca_amplitude"].values for rtol in (1e-4, 1e-12))
    found = measured(report, "ca_amplitude")
    # the comparison run at 1e-10 is exact to some 1e-6 of this error
    assert found.error == pytest.approx(np.abs(loose - true).max(), rel=1e-3)
    assert found.difference == pytest.approx(np.abs(np.diff(true)).min(), rel=1e-6)
    assert found.between in ("cell density 0.5 / cell density 1", "cell density 1 / cell density 1.5")


def test_a_finer_question_needs_a_tighter_tolerance() -> None:
    coarse, fine = (check_tolerance(study(1e-3, d), ladder=(1e-2, 1e-3, 1e-8)) for d in ((0.5, 1.5), (1.0, 1.03)))
    a, b = measured(coarse, "ca_amplitude"), measured(fine, "ca_amplitude")
    # 3 % more channels instead of three times as many: the difference is about 30 times smaller, the error is of the same kind
    assert b.difference < 0.05 * a.difference
    assert b.share > a.share


def test_verdicts_follow_from_the_share_of_the_smallest_difference() -> None:
    def judged(error: float, loosest: float) -> str:
        return Measure("e", "m", "1", 1.0, error, 1.0, "a / b", loosest).verdict(1e-6)

    assert judged(SHARE * 1.01, np.nan) == LOOSE
    assert judged(SHARE * 0.99, 1e-6) == FITS
    assert judged(1e-6, 1e-5) == FITS
    assert judged(1e-6, 1e-4) == TIGHT
    assert judged(np.nan, np.nan) == "unknown"


def test_a_tighter_tolerance_takes_more_steps_and_makes_smaller_errors() -> None:
    report = check_tolerance(study(1e-6), ladder=(1e-2, 1e-4, 1e-8))
    assert [r.rtol for r in report.ladder] == [1e-2, 1e-4, 1e-6, 1e-8]
    assert np.all(np.diff([r.steps for r in report.ladder]) > 0)
    assert report.ladder[-1].share < report.ladder[0].share
    assert report.fits


def test_a_deliberately_loose_configuration_is_refused_with_what_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "loose.toml"
    config.write_text(
        'title = "a loose study"\n[experiment.imaging]\ntype = "calcium_imaging"\nntx_in_bath = "kept"\n[[condition]]\nname = "healthy"\n'
        '[[condition]]\nname = "ME/CFS"\nphenotype = "me_cfs"\n[solver]\nrtol = 0.1\n'
    )
    assert cli.main(["check-tolerance", str(config), "-q"]) == 1
    assert cli.main(["check-tolerance", str(config), "--set", "solver.rtol=1e-6"]) == 0
    said = capsys.readouterr().out
    assert "rtol = 1e-06 FITS" in said
    assert re.search(r"The\s+loosest\s+tolerance\s+that\s+fits\s+as\s+well\s+is\s+0\.01", said)


def test_a_study_whose_runs_fail_does_not_fit() -> None:
    doomed = nk.Study(nk.Case("cell", CELL), SHORT, solver=Solver(max_steps=20))
    report = check_tolerance(doomed, ladder=(1e-8,))
    assert not report.fits
    assert "DOES NOT FIT: 1 run failed; `nkcell run` says how they ended" in " ".join(tolerance_text(report).split())


def test_a_drift_that_is_zero_within_rounding_asks_for_no_tolerance() -> None:
    cells = [nk.Case("healthy", CELL), nk.Case("patient", CELL.with_phenotype("me_cfs"))]
    report = check_tolerance(nk.Study(cells, Rest(duration="5 min")), ladder=(1e-4, 1e-8))
    drift = next(m for m in report.measures if m.name == "v_drift")
    assert abs(drift.value) < 1e-11  # mV, of a cell that starts at its own rest near -60 mV
    assert drift.between == "none: rounding of such numbers"
    assert report.fits


@pytest.mark.slow
def test_the_shipped_study_of_naltrexone_fits_with_room(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check-tolerance", str(NTX), "--all"]) == 0
    said = capsys.readouterr().out
    assert "patch.second_over_first" in said
    assert "tighter than needed" in said
    assert "more measures" not in said
