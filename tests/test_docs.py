"""The documentation: it builds without a warning, its code runs, its configurations are valid, and it names everything that is public."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.dom import minidom

import pytest

import nkcell_sim
import nkcell_sim.analysis

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(p.relative_to(DOCS) for p in DOCS.rglob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    """Code blocks of one language on a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def pages_with(language: str) -> list[Path]:
    return [p for p in PAGES if blocks(p, language)]


@pytest.fixture(scope="module")
def primary() -> Any:
    pytest.importorskip("sympy")
    from nkcell_sim.codegen.tables import CellTables

    cell = nkcell_sim.primary_nk_cell()
    return CellTables(cell.composition, cell)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs")
    target = tmp_path_factory.mktemp("site")
    path = os.pathsep.join(filter(None, [str(Path(nkcell_sim.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(target)]
    environment = {**os.environ, "PYTHONPATH": path, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


# -- what is written by hand ---------------------------------------------------------------------------------------------


# A block of Python, and the text below it that it prints, where the page shows one.
SHOWN = re.compile(r"^```python\n((?:(?!^```).*\n)*)^```\n(?:\n```text\n((?:(?!^```).*\n)*)^```)?", flags=re.MULTILINE)
# Pages that simulate tens of thousands of experiments.
DEAR = {"explanation/statistics.md"}


def test_pages_of_numbers_show_what_their_code_prints() -> None:
    shown = {str(p): sum(bool(text) for _, text in SHOWN.findall((DOCS / p).read_text(encoding="utf-8"))) for p in pages_with("python")}
    assert shown["explanation/statistics.md"] >= 8
    assert shown["explanation/what_would_decide.md"] >= 1


@pytest.mark.parametrize("page", [pytest.param(p, marks=pytest.mark.slow) if str(p) in DEAR else p for p in pages_with("python")], ids=str)
def test_python_on_a_page_runs_and_prints_what_is_shown(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if "xarray" in "".join(blocks(page, "python")):
        pytest.importorskip("h5netcdf")
        pytest.importorskip("xarray")
    if "to_sbml" in "".join(blocks(page, "python")):
        pytest.importorskip("libsbml")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    found = SHOWN.findall((DOCS / page).read_text(encoding="utf-8"))
    assert [block for block, _ in found] == blocks(page, "python")
    for i, (block, text) in enumerate(found):
        script = tmp_path / f"block_{i}.py"  # a file, so that a component's source can be found
        script.write_text(block, encoding="utf-8")
        capsys.readouterr()
        exec(compile(block, str(script), "exec"), names)
        if text:
            assert capsys.readouterr().out == text


@pytest.mark.parametrize("page", pages_with("toml"), ids=str)
def test_configurations_on_a_page_are_valid(page: Path) -> None:
    from nkcell_sim.config import parse_config

    for block in blocks(page, "toml"):
        assert len(parse_config(block, str(page)).study) > 0


def test_pages_name_no_place_outside_the_project() -> None:
    for page in PAGES:
        text = (DOCS / page).read_text(encoding="utf-8")
        links = re.findall(r"https?://([^/\s)\"]+)", text)
        assert set(links) <= {"doi.org"}, page
        assert not re.search(r"(?<![\w.])/(?:home|work|tmp|usr|opt)/", text), page


# -- what is public ------------------------------------------------------------------------------------------------------


def public() -> Iterator[tuple[str, Any]]:
    for package in (nkcell_sim, nkcell_sim.analysis):
        for name in package.__all__:
            if not name.startswith("__"):
                yield name, getattr(package, name)


@pytest.mark.parametrize(("name", "thing"), list(public()))
def test_a_public_name_is_documented(name: str, thing: Any) -> None:
    assert inspect.getdoc(thing), f"{name} has no docstring"
    listed = re.findall(r"^::: (\S+)", (DOCS / "reference" / "api.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert any(entry.rpartition(".")[2] == name for entry in listed), f"{name} is not on the API page"


@pytest.mark.parametrize(("name", "thing"), [(n, t) for n, t in public() if inspect.isclass(t)])
def test_public_methods_are_documented(name: str, thing: Any) -> None:
    bare = [m for m, f in vars(thing).items() if not m.startswith("_") and inspect.isfunction(f) and not inspect.getdoc(getattr(thing, m))]
    assert not bare, f"{name} has methods without a docstring: {bare}"


# -- what is generated ---------------------------------------------------------------------------------------------------


def test_every_parameter_stands_in_a_table_with_value_unit_and_evidence(primary: Any) -> None:
    from nkcell_sim.model.quantities import EVIDENCE_CODES

    rows = {}
    for component in primary.composition.components:
        for _, name, value, unit, evidence, meaning, _ in primary.parameter_rows(component):
            rows[re.sub(r"<.*?>", "", name)] = (float(value.partition("<")[0]), unit, evidence, meaning)
    expected = {k: p for k, p in primary.composition.parameters.items() if not k.endswith(".switch")}
    assert rows.keys() == expected.keys()
    for key, (value, unit, evidence, meaning) in rows.items():
        assert unit == expected[key].unit
        assert evidence in EVIDENCE_CODES
        assert value == pytest.approx(primary.cell.parameter(key), rel=1e-5)
        assert meaning


def test_a_value_from_a_parameter_set_shows_the_evidence_of_the_set(primary: Any) -> None:
    trpm3 = next(c for c in primary.composition.components if c.name == "TRPM3")
    row = next(r for r in primary.parameter_rows(trpm3) if "TRPM3.p_ca" in r[1])
    assert row[4] == "I"
    assert "declared 1.6 (V)" in row[2]
    assert "parameter set saturating" in row[6]


def test_every_state_input_and_output_stands_in_a_table(primary: Any) -> None:
    page = primary.page()
    for key in (*primary.composition.states, *primary.composition.inputs, *primary.composition.outputs):
        assert f"<code>{key}</code>" in page


def test_every_registered_cell_has_a_page_of_well_formed_equations() -> None:
    pytest.importorskip("sympy")
    from nkcell_sim.codegen.tables import CellTables
    from nkcell_sim.model.cells import COMPOSITIONS

    for name, make in COMPOSITIONS.items():
        page = CellTables(make()).page()
        equations = re.findall(r"<math.*?</math>", page)
        assert len(equations) >= len(make().states), name
        for equation in equations:
            minidom.parseString(equation)


def test_the_current_of_trpm3_is_written_with_the_ghk_term(primary: Any) -> None:
    trpm3 = next(c for c in primary.composition.components if c.name == "TRPM3")
    text = primary.equations(trpm3)
    assert text.count("GHK") == 5
    assert "φ" not in text


def test_every_outcome_has_a_next_step() -> None:
    pytest.importorskip("sympy")
    from nkcell_sim.outcomes import OUTCOMES

    sys.path.insert(0, str(DOCS))
    try:
        import reference_pages
    finally:
        sys.path.pop(0)
    assert reference_pages.NEXT_STEP.keys() == OUTCOMES.keys()


@pytest.mark.slow
def test_the_site_builds_without_a_warning(site: Path) -> None:
    for page in ("index", "tutorial/index", "reference/cells/primary_nk/index", "reference/config/index", "reference/targets/index"):
        assert (site / f"{page}.html").is_file()


@pytest.mark.slow
def test_pages_load_nothing_from_other_places(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r"<(?:script|img|iframe)[^>]+src=\"https?://|<link[^>]+rel=\"(?:stylesheet|preconnect)\"[^>]+https?://", text), page


@pytest.mark.slow
def test_the_api_page_shows_every_public_name(site: Path) -> None:
    text = (site / "reference" / "api" / "index.html").read_text(encoding="utf-8")
    for name, _ in public():
        assert re.search(rf'id="nkcell_sim[\w.]*\.{name}"', text), name
