"""An exported cell: exact numbers, plain names, coherent units, the same equations and the same protocol."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nkcell_sim as nk
from nkcell_sim.cli import main
from nkcell_sim.errors import MissingPackageError, ModelError
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import COMPOSITIONS
from nkcell_sim.model.cells.stub_nk import stub_nk_cell
from nkcell_sim.model.twin import Twin
from nkcell_sim.protocol import Protocol
from nkcell_sim.units import unit_info

from .evaluator import File

pytest.importorskip("sympy")
libsbml = pytest.importorskip("libsbml")

from nkcell_sim.codegen.sbml import SbmlWriter, _Identifiers, problems  # noqa: E402

CELLS: dict[str, Callable[[], Cell]] = {"stub_nk": stub_nk_cell, "primary_nk": nk.primary_nk_cell}
SYMBOLS = {
    "second": "s", "volt": "V", "ampere": "A", "siemens": "S", "ohm": "ohm", "farad": "F", "coulomb": "C", "mole": "mol",
    "metre": "m", "litre": "L", "joule": "J", "kelvin": "K",
}  # fmt: skip


def busy() -> Protocol:
    """A step, a pulse, a ramp and a bath exchange that later ones interrupt."""
    p = Protocol("300 s").step("10 s", plc_drive=0.4).pulse("20 s", "1 ms", k_out="40 mM").ramp("30 s", "7 s", mg_out=("1 mM", "3 mM"))
    return p.exchange("60 s", "5 s", ca_out="1 uM").exchange("70 s", "3 s", ca_out="2 mM").step("200 s", plc_drive=0.0)


@pytest.fixture(scope="module", params=CELLS)
def exported(request: pytest.FixtureRequest) -> tuple[Cell, File, str]:
    cell = CELLS[request.param]()
    text = nk.to_sbml(cell, busy(), check=False)
    return cell, File(text), text


@pytest.mark.parametrize("protocol", [None, busy()], ids=["rest", "protocol"])
@pytest.mark.parametrize("name", ["stub_nk", "primary_nk", "opioid_chain", "robertson"])
def test_libsbml_has_no_objection_to_units_equations_or_practice(name: str, protocol: Protocol | None) -> None:
    cell = CELLS[name]() if name in CELLS else Cell(COMPOSITIONS[name]())
    suits = protocol is None or set(protocol.inputs) <= set(cell.composition.inputs)
    assert problems(nk.to_sbml(cell, protocol if suits else None, check=False)) == []


def test_a_wrong_unit_does_not_pass_the_check(exported: tuple[Cell, File, str]) -> None:
    text = exported[2]
    spoiled = re.sub(r'(<parameter id="cm" [^>]*units=)"pF"', r'\1"nS"', text)
    assert spoiled != text
    assert problems(spoiled)


def test_every_number_is_the_bits_that_the_engine_uses(exported: tuple[Cell, File, str]) -> None:
    cell, file, _ = exported
    c = cell.composition
    expected = dict(zip(c.parameters, cell.parameter_vector(), strict=True)) | dict(zip(c.states, cell.initial_state(), strict=True))
    assert {k: file.numbers[file.ids[k]] for k in expected} == expected


def test_identifiers_are_the_models_names_with_underscores_for_dots(exported: tuple[Cell, File, str]) -> None:
    cell, file, _ = exported
    assert {k: file.ids[k] for k in cell.composition.declarations} == {k: k.replace(".", "_") for k in cell.composition.declarations}


@given(st.lists(st.text(min_size=1, max_size=8), max_size=30))
def test_identifiers_are_plain_and_each_is_given_once(keys: list[str]) -> None:
    ids = _Identifiers()
    found = [ids.take(k) for k in keys]
    assert len(set(found)) == len(found)
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", i) for i in found)


def test_every_quantity_has_a_unit_and_every_unit_is_the_engines_own(exported: tuple[Cell, File, str]) -> None:
    cell, file, _ = exported
    for parts in file.units.values():
        size = np.prod([(unit_info(SYMBOLS[kind])[1] * 10.0**scale) ** exponent for kind, exponent, scale in parts])
        assert size == pytest.approx(1.0, rel=1e-12)  # a unit of the kernel is 1 in the kernel
    for key, declared in cell.composition.declarations.items():
        used = file.parameters[file.ids[key]].get("units", "")
        parts = {"kelvin": [("kelvin", 1, 0)], "dimensionless": []}.get(used) or file.units.get(used, [])
        dimension = sum((np.array(unit_info(SYMBOLS[kind])[0]) * exponent for kind, exponent, _ in parts), np.zeros(7))
        assert tuple(dimension) == unit_info(declared.unit)[0], key


def test_equations_of_the_file_are_those_of_the_model(exported: tuple[Cell, File, str]) -> None:
    """At rest and at 30 random states near it; the order of sums differs, so that a small difference of large currents may differ by rounding."""
    cell, file, _ = exported
    twin, rng = Twin(cell), np.random.default_rng(5)
    names = [file.ids[k] for k in cell.composition.states]
    for _ in range(30):
        y = cell.initial_state() * rng.lognormal(sigma=0.3, size=len(names))
        of = file.at(0.0, dict(zip(names, y, strict=True)))
        rates, known = np.array([file.rates[n](of, 0.0) for n in names]), twin.observe(y)
        np.testing.assert_allclose(rates, twin.rhs(y), rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose([of(file.ids[k]) for k in known], list(known.values()), rtol=1e-9, atol=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.floats(0.0, 300e3))
def test_events_of_the_file_drive_the_inputs_as_the_protocol_does(time: float) -> None:
    cell, file = _driven()
    compiled = busy().compile(cell.composition, dict(zip(cell.composition.inputs, cell.input_defaults(), strict=True)))
    segment = int(np.clip(np.searchsorted(compiled.edges, time, side="right") - 1, 0, len(compiled.lengths) - 1))
    expected = compiled.inputs(segment, time - compiled.edges[segment])
    of = file.at(time)
    np.testing.assert_allclose([of(file.ids[k]) for k in cell.composition.inputs], expected, rtol=1e-12, atol=1e-12)


@cache
def _driven() -> tuple[Cell, File]:
    cell = stub_nk_cell()
    return cell, File(nk.to_sbml(cell, busy(), check=False))


def test_a_cell_without_a_protocol_has_no_events_and_constant_inputs() -> None:
    file = File(nk.to_sbml(stub_nk_cell().set_inputs({"ca_out": "1 mM"}), check=False))
    assert not file.events
    assert file.numbers[file.ids["ca_out"]] == 1000.0
    assert file.parameters[file.ids["ca_out"]].get("constant") == "true"


def test_edges_that_only_rounding_keeps_apart_are_one_event_with_the_later_value() -> None:
    """0.1 s + 0.2 s is not 0.3 s: two events there would run in an order of the engine's choice."""
    protocol = Protocol("1 s").ramp("100 ms", "200 ms", mg_out=("1 mM", "3 mM")).step("0.30000000000000004 s", mg_out="2 mM")
    file = File(nk.to_sbml(stub_nk_cell(), protocol, check=False))
    assert len(file.events) == 2
    assert file.at(400.0)(file.ids["mg_out"]) == 2000.0


def test_notes_say_evidence_and_source_of_a_value_and_of_one_set_by_hand() -> None:
    text = nk.to_sbml(nk.primary_nk_cell().set({"cm": "3 pF"}), check=False)
    assert "evidence A (assumed): set by the user" in text
    assert re.search(r"evidence I \(.*?\): parameter set saturating: SERCA2b 0.27 \(R\)", text)


def test_a_writer_refuses_a_cell_with_other_equations() -> None:
    with pytest.raises(ModelError, match="this writer has the equations of 'stub_nk'"):
        SbmlWriter(COMPOSITIONS["stub_nk"]()).text(Cell(COMPOSITIONS["opioid_chain"]()))


@pytest.mark.parametrize(("package", "needs"), [("libsbml", "python-libsbml"), ("sympy", "sympy")])
def test_without_a_package_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch, package: str, needs: str) -> None:
    for module in [m for m in sys.modules if m.startswith("nkcell_sim.codegen.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    from nkcell_sim.codegen.sbml import to_sbml

    with pytest.raises(MissingPackageError, match=rf"{needs}.*nkcell_sim\[interop\]"):
        to_sbml(Cell(COMPOSITIONS["robertson"]()))


# -- the command ----------------------------------------------------------------------------------------------------------


def test_the_command_writes_a_named_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", "sbml", "primary_nk", "--condition", "me_cfs", "--set", "cell.set.cm=3 pF"]) == 0
    assert "wrote primary_nk.xml" in capsys.readouterr().out
    file = File((tmp_path / "primary_nk.xml").read_text(encoding="utf-8"))
    assert file.numbers[file.ids["cm"]] == 3.0
    assert file.numbers[file.ids["MuOpioidReceptor.eps"]] == 0.0135


def test_the_command_writes_the_protocol_of_a_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Path(__file__).parents[2] / "configs" / "soce.toml"
    assert main(["export", "sbml", str(config), "-o", str(tmp_path / "entry.xml")]) == 0
    assert "condition 'healthy' in experiment" in capsys.readouterr().out
    assert File((tmp_path / "entry.xml").read_text(encoding="utf-8")).events


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stub_nc"], "did you mean 'stub_nk'"),
        (["stub_nk", "--experiment", "imaging"], "experiments belong to configurations"),
        (["primary_nk", "--condition", "me_csf"], "did you mean 'me_cfs'"),
    ],
)
def test_the_command_explains_what_it_cannot_export(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "sbml", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_disk_that_fills_up_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    target = tmp_path / "cell.xml"
    target.write_text("what was there")
    code = (
        "import resource, sys; from nkcell_sim.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "sys.exit(main(['export', 'sbml', 'stub_nk', '-o', sys.argv[1]]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert [p.read_text() for p in tmp_path.iterdir()] == ["what was there"]
