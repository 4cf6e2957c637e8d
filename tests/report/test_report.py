"""The report: one page that needs nothing else, the same bytes twice, everything from the file escaped, numbers those of the file."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nkcell_sim as nk
from nkcell_sim import cli
from nkcell_sim.errors import ResultsError
from nkcell_sim.experiments import Rest
from nkcell_sim.plots.samples import sample_of
from nkcell_sim.report import report_html, write_report
from nkcell_sim.report.html import Html, element, number, table
from nkcell_sim.report.origins import parameters
from nkcell_sim.results import Results, open_results
from nkcell_sim.results.layout import Group
from nkcell_sim.solver import Solver

from .. import cohort_results as small

pytest.importorskip("matplotlib")

VOID = {"meta", "br", "hr"}


class Page(HTMLParser):
    """A page taken apart: which elements are open where, identifiers, references and text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.problems: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def values(self, attribute: str) -> list[str]:
        return [value for _, name, value in self.attributes if name == attribute]

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.text).split())


@cache
def cohort_page() -> str:
    return report_html(small.with_statistics(small.cohort_results()))


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(cohort_page())


def test_the_page_is_well_formed_and_its_identifiers_are_unique(page: Page) -> None:
    assert page.problems == []
    assert page.open == []
    identities = page.values("id")
    assert len(identities) == len(set(identities))
    for reference in (v[1:] for v in page.values("href")):
        assert reference in identities


def test_the_page_needs_nothing_else(page: Page) -> None:
    assert "script" not in page.tags
    assert not {"img", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert page.values("src") == []
    assert all(value.startswith("#") for value in page.values("href"))
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert not [value for _, _, value in page.attributes if re.search(r"\w+://", value)]
    assert re.findall(r"@import|url\((?!#)", cohort_page()) == []
    assert any(value.startswith("default-src 'none'") for value in page.values("content"))


@pytest.mark.slow
def test_the_same_results_give_the_same_bytes_in_memory_and_from_the_file(tmp_path: Path) -> None:
    results = small.with_statistics(small.cohort_results())
    results.save(tmp_path / "r.h5")
    assert write_report(open_results(tmp_path / "r.h5"), tmp_path / "page.html").read_bytes() == cohort_page().encode()


def test_one_experiment_gives_the_same_bytes_in_memory_and_from_the_file(tmp_path: Path) -> None:
    results = small.with_statistics(nk.run(nk.Study(small.cases()[:2], {"imaging": small.IMAGING}, title="One", cohort=small.cohort(), keep=["ca_cyt"])))
    results.save(tmp_path / "r.h5")
    assert write_report(open_results(tmp_path / "r.h5"), tmp_path / "page.html").read_bytes() == report_html(results).encode()


def test_no_path_of_this_machine_and_no_user_is_on_the_page() -> None:
    assert str(Path.home()) not in cohort_page()
    assert str(Path.cwd()) not in cohort_page()


def test_a_reader_who_cannot_see_the_figures_gets_their_numbers_in_words(page: Page) -> None:
    assert [v for t, n, v in page.attributes if t == "html" and n == "lang"] == ["en"]
    drawings = page.tags.count("svg")
    assert drawings == page.tags.count("figcaption") >= 8
    identities = page.values("id")
    for attribute in ("aria-labelledby", "aria-describedby"):
        told = [v for t, n, v in page.attributes if t == "svg" and n == attribute]
        assert len(told) == drawings
        assert set(told) <= set(identities)
    mean = sample_of(small.cohort_results()["patch"], "pregs_1_outward_density", [0, 1, 2, 3], "healthy").mean
    assert f"healthy {mean:.3g} ±" in page.said


def test_headings_go_down_one_level_at_a_time(page: Page) -> None:
    levels = [int(t[1]) for t in page.tags if re.fullmatch(r"h[1-6]", t)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_says_what_it_is_who_was_recorded_and_how_it_was_computed(page: Page) -> None:
    for text in (
        "Model output, not a laboratory result", "A small cohort", "24 runs of 4 virtual donors under 3 conditions", "unconfirmed", "matched pairs",
        "Mann-Whitney", "0.032", "0.43", "set by the user", "seeds", "made by a script",
    ):  # fmt: skip
        assert text in page.said, text


def test_the_table_of_measures_holds_means_and_standard_errors_of_the_file(page: Page) -> None:
    runs = small.cohort_results()["imaging"]
    for case in small.CASES:
        sample = sample_of(runs, "f_amplitude", runs.of_case(case), case)
        assert f"{number(sample.mean)} ± {number(float(f'{sample.sem:.2g}'))}" in page.said


NASTY = "<script>alert(1)</script> & \"quoted\" 'x' $\\frac{"


def test_everything_from_the_file_is_escaped() -> None:
    study = nk.Study([nk.Case(NASTY, nk.primary_nk_cell())], {"<b>": Rest(duration="20 s")}, title=f"</title>{NASTY}")
    source = nk.run(study, config=f'# {NASTY}\ntitle = "x"\n')
    group = source["<b>"].group
    poisoned = Group(group.variables, group.groups, {**group.attributes, "title": NASTY, "notes": NASTY, f"setting_{NASTY}": NASTY})
    rows = [{"id": NASTY, "statement": NASTY, "value": NASTY, "band": NASTY, "evidence": NASTY, "verdict": NASTY, "remark": NASTY}]
    compared = [
        {"feature": f"x.{NASTY}", "groups": NASTY, "test": NASTY, "unit": "cell", "n": NASTY, "p": 0.5, "corrected_p": 0.5, "notes": NASTY, NASTY: NASTY}
    ]
    results = Results(source.root.with_group("<b>", poisoned)).with_targets(rows).with_table("statistics", compared)
    text = report_html(results)
    found = Page(text)
    assert "<script" not in text
    assert found.problems == []
    assert not {"script", "b"} & set(found.tags)
    assert NASTY in "".join(found.text)


@given(st.text())
def test_text_becomes_text_again(text: str) -> None:
    shown = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\ufffd", text).replace("\r\n", "\n").replace("\r", "\n")
    taken_apart = Page(element("p", text, title=text))
    assert "".join(taken_apart.text).replace("\r\n", "\n").replace("\r", "\n") == shown
    assert taken_apart.tags == ["p"]


def test_html_is_not_escaped_twice() -> None:
    assert element("p", Html("<b>x</b>"), "<") == "<p><b>x</b>&lt;</p>"
    assert "<td>1</td>" in table("t", ["a", "b"], [["x", 1]])


@pytest.mark.parametrize(("value", "shown"), [(float("nan"), "–"), (-0.5, "−0.5"), (12345.6, "12,350"), (1e9, "1e+09"), (3, "3"), ("x", "x")])
def test_numbers_are_short(value: object, shown: str) -> None:
    assert number(value) == shown


def test_failed_runs_and_warnings_are_listed_by_cause() -> None:
    cell = nk.primary_nk_cell()
    study = nk.Study([nk.Case("good", cell), nk.Case("bad", cell)], {"imaging": small.IMAGING}, solver=Solver(max_steps=3, retry=False))
    said = Page(report_html(nk.run(study))).said
    assert "2 of 2 runs failed or never started" in said
    assert "step_limit" in said
    assert "good, bad" in said


def test_parameters_name_their_evidence_and_only_those_that_differ() -> None:
    cell = nk.primary_nk_cell().set({"CRAC.permeability": "0.123 fL/s"})
    results = nk.run(nk.Study([nk.Case("changed", cell), nk.Case("usual", nk.primary_nk_cell())], {"rest": Rest(duration="20 s")}))
    rows = {row.split("<br>")[0]: row for row in re.findall(r'<th scope="row">(.*?)</tr>', parameters(results), re.DOTALL)}
    assert "0.123" in rows["CRAC.permeability"]
    assert "set by the user" in rows["CRAC.permeability"]
    declared = nk.primary_nk_cell().composition.parameters
    same = next(key for key in declared if cell.parameter(key) == declared[key].default)
    assert same not in rows


def test_a_file_of_other_equations_says_that_declarations_changed() -> None:
    results = nk.run(nk.Study([nk.Case("x", nk.primary_nk_cell())], {"rest": Rest(duration="20 s")}))
    group = results.root.groups["provenance"]
    section = group.variables["parameters"]
    other = replace(section, values=np.array(section.values.item().replace(nk.primary_nk_cell().composition.hash, "0" * 16), dtype=object))
    changed = Results(results.root.with_group("provenance", Group({**group.variables, "parameters": other}, group.groups, group.attributes)))
    assert "declarations have changed" in parameters(changed)
    assert "declarations have changed" not in parameters(results)


# -- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    nk.run(nk.Study([nk.Case("healthy", nk.primary_nk_cell())], {"rest": Rest(duration="20 s")}, title="Rest"), save="rest.h5")
    return tmp_path


def test_the_command_writes_the_page_beside_the_result_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "rest.h5"]) == 0
    assert capsys.readouterr().out == "wrote rest.html\n"
    assert (here / "rest.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert cli.main(["report", "rest.h5", "-o", "other.html"]) == 0
    assert (here / "other.html").read_bytes() == (here / "rest.html").read_bytes()
    assert {p.name for p in here.iterdir()} == {"rest.h5", "rest.html", "other.html"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.h5"], "there is no result file"),
        (["rest.h5", "-o", "page.pdf"], "expected a name ending in .html"),
        (["rest.h5", "-o", "rest.h5"], "which is the file to read"),
        (["rest.h5", "-o", "nowhere/page.html"], "there is no folder"),
        (["text.h5"], "is not an HDF5 file"),
        (["many.h5"], "holds an ensemble of runs"),
    ],
)
def test_wrong_files_are_one_message_and_leave_nothing(here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    (here / "text.h5").write_text("no")
    if "many.h5" in arguments:
        draws = nk.Draws(nk.primary_nk_cell(), {"TRPM3.density": [0.5, 1.0]})
        nk.simulate_to_file(draws, nk.Protocol(1.0), "many.h5", features={"peak": nk.Peak("ca_cyt")})
    before = {p.name for p in here.iterdir()}
    assert cli.main(["report", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert {p.name for p in here.iterdir()} == before


def test_a_page_that_cannot_be_made_leaves_the_old_one(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "page.html").write_text("old")

    def fails(results: Results) -> str:
        raise ResultsError("no")

    monkeypatch.setattr("nkcell_sim.report.report_html", fails)
    with pytest.raises(ResultsError):
        write_report(open_results("rest.h5"), "page.html")
    assert (here / "page.html").read_text() == "old"
    assert {p.name for p in here.iterdir()} == {"rest.h5", "page.html"}
