"""Figures: drawn for every kind of result file, with units on every axis and the same bytes twice."""

from __future__ import annotations

import pytest

import nkcell_sim as nk
from nkcell_sim.analysis.targets import rows, target_table
from nkcell_sim.errors import ResultsError
from nkcell_sim.experiments import CalciumImaging, Incubation, IVCurve, PatchClamp, Rest, StoreOperatedEntry
from nkcell_sim.plots import make_figure, plot_results
from nkcell_sim.results import open_results
from nkcell_sim.study import Case, Study, run

matplotlib = pytest.importorskip("matplotlib")

SHORT = PatchClamp(ntx_in_bath="kept", pregs="100 uM", ononetin="0 uM")
STUDIES = {
    "main": lambda c, m: Study([c, m], {"patch": PatchClamp(ntx_in_bath="kept"), "imaging": CalciumImaging(ntx_in_bath="kept")}, title="Main"),
    "dose": lambda c, m: Study([c, m], {"patch": SHORT}, vary={"patch.pregs": ["1 uM", "10 uM", "30 uM", "60 uM", "100 uM", "200 uM"]}),
    "dose and time": lambda c, m: Study(
        [Case("ME + NTX", m.cell, Incubation(ntx="1 uM"))], {"patch": SHORT}, vary={"incubation.ntx": ["0 uM", "1 uM"], "incubation.duration": ["1 h", "24 h"]}
    ),
    "parameter": lambda c, m: Study([c], {"imaging": CalciumImaging(ntx_in_bath="kept")}, vary={"TRPM3.density": [0.4, 0.7, 1.0]}),
    "entry": lambda c, m: Study([c], {"control": StoreOperatedEntry(), "half": StoreOperatedEntry(crac=0.5)}),
    "rest": lambda c, m: Study([c, m], Rest(duration="10 min")),
    "steps": lambda c, m: Study([c, m], IVCurve(ntx_in_bath="kept", pregs="50 uM", increment="50 mV")),
    "patch alone": lambda c, m: Study([c, m], {"patch": PatchClamp(ntx_in_bath="kept")}),
    "imaging alone": lambda c, m: Study([c, m], {"imaging": CalciumImaging(ntx_in_bath="kept", readout="ratio")}),
    "incubation alone": lambda c, m: Study([m], {"medium": Incubation(ntx="1 uM")}),
}


@pytest.fixture(scope="module")
def cases():
    cell = nk.primary_nk_cell()
    return Case("healthy", cell), Case("ME/CFS", cell.with_phenotype("me_cfs"))


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n == "main" else n for n in STUDIES])
def test_every_kind_of_file_has_a_figure(cases, name, tmp_path):
    study = STUDIES[name](*cases)
    results = run(study)
    if name == "main":
        results = results.with_targets(rows(target_table(study, results)))
    results.save(tmp_path / "r.h5")
    stored = open_results(tmp_path / "r.h5")
    drawn = make_figure(stored)
    texts = " ".join(t.get_text() for t in drawn.findobj(matplotlib.text.Text))
    assert "Model output, not a laboratory result" in texts
    if "patch" in study.experiments:
        assert "unconfirmed" in texts
    for ax in drawn.axes:
        if ax.axison and not ax.get_title(loc="left").endswith(")"):
            labels = [a.get_label_text() for a in (ax.xaxis, ax.yaxis) if a.get_label_text()]
            assert all("(" in label or label.startswith(("F/F0", "dye ratio", "relative")) for label in labels), labels
    target = plot_results(stored, tmp_path / "figure.png")
    assert target.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("suffix", [".svg", *(pytest.param(s, marks=pytest.mark.slow) for s in (".png", ".pdf"))])
def test_the_same_results_give_the_same_file(cases, tmp_path, suffix):
    results = run(STUDIES["rest"](*cases))
    first = plot_results(results, tmp_path / f"a{suffix}").read_bytes()
    assert first == plot_results(results, tmp_path / f"b{suffix}").read_bytes()


def test_an_unknown_suffix_is_refused(cases, tmp_path):
    with pytest.raises(ResultsError, match=r"\.png"):
        plot_results(run(STUDIES["rest"](*cases)), tmp_path / "figure.gif")
