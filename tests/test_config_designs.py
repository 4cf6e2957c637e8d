"""Designs in a configuration: what each kind means, errors with their line, and a resolved text that makes the same study again."""

from __future__ import annotations

import tomllib
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.config import config_schema, load_config, parse_config
from nkcell_sim.config.designs import MOST_INLINED
from nkcell_sim.errors import ConfigError
from nkcell_sim.show import config_text

BASE = '[experiment.imaging]\ntype = "calcium_imaging"\nntx_in_bath = "kept"\n'
LOG_NORMAL = '[[vary]]\nkey = "TRPM3.density"\ndistribution = "lognormal"\nmedian = "1 1/pF"\ncv = "30 %"\n'
UNIFORM = '[[vary]]\nkey = "imaging.pregs"\ndistribution = "uniform"\nlow = "10 uM"\nhigh = "0.05 mM"\n'
TREATED = '[[condition]]\nname = "a"\n[[condition]]\nname = "b"\nincubate = { ntx = "1 uM" }\n'
KINDS = {
    "grid": '[[vary]]\nkey = "imaging.pregs"\nvalues = ["10 uM", "0.02 mM"]\n',
    "zip": '[[vary]]\nkey = "imaging.pregs"\nvalues = ["10 uM", "10 uM"]\n[[vary]]\nkey = "cm"\nstart = "2 pF"\nstop = "3 pF"\npoints = 2\n',
    "list": '[[point]]\n[[point]]\nset = { TRPM3.density = "2 1/pF", "incubation.ntx" = "3 nM" }\n[[point]]\nset = { imaging.pregs = "20 uM" }\n',
    **dict.fromkeys(("latin_hypercube", "sobol", "halton", "monte_carlo"), LOG_NORMAL + UNIFORM),
}


def text(kind: str) -> str:
    samples = "samples = 6\n" if kind in ("latin_hypercube", "sobol", "halton", "monte_carlo") else ""
    return f'seed = 4\n[design]\nkind = "{kind}"\n{samples}{TREATED}{BASE}{KINDS[kind]}'


@pytest.mark.parametrize("kind", KINDS)
def test_the_resolved_text_describes_the_same_runs(kind: str) -> None:
    config = parse_config(text(kind))
    jsonschema.validate(tomllib.loads(text(kind)), config_schema())
    jsonschema.validate(tomllib.loads(config.resolved), config_schema())
    again = parse_config(config.resolved, "resolved")
    assert again.resolved == config.resolved
    assert [r.id for r in again.study.runs()] == [r.id for r in config.study.runs()]
    assert again.study.design.keys == config.study.design.keys
    assert np.array_equal(again.study.design.table, config.study.design.table, equal_nan=True)
    assert config.study.design.kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_design_is_shown_in_words(kind: str) -> None:
    shown = config_text(parse_config(text(kind)))
    assert f"  {kind.replace('_', ' ')}: " in shown
    assert "vary imaging.pregs: " in shown


def test_quantities_of_distributions_are_read_in_declared_units() -> None:
    design = parse_config(text("sobol")).study.design
    assert design == nk.Sobol({"TRPM3.density": nk.LogNormal(1.0, cv=0.3), "imaging.pregs": nk.Uniform(10.0, 50.0)}, samples=6, seed=4)


def test_the_seed_of_the_design_is_that_of_the_file_unless_it_has_its_own() -> None:
    assert parse_config(text("sobol").replace("samples = 6", "samples = 6\nseed = 9")).study.design.seed == 9  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("vary", "made"),
    [
        ('key = "cm"\ndistribution = "normal"\nmean = "2.6 pF"\nsd = "200 fF"\nlow = "2 pF"\n', nk.Normal(2.6, 0.2, 2.0)),
        ('key = "cm"\ndistribution = "triangular"\nlow = "2 pF"\nmode = "2.5 pF"\nhigh = "4 pF"\n', nk.Triangular(2.0, 2.5, 4.0)),
        ('key = "cm"\ndistribution = "choice"\nvalues = ["2 pF", "3 pF"]\n', nk.Choice([2.0, 3.0])),
        ('key = "cm"\ndistribution = "lognormal"\nmedian = "2 pF"\nsigma = 0.2\n', nk.LogNormal(2.0, sigma=0.2)),
        ('key = "cm"\ndistribution = "loguniform"\nlow = "2 pF"\nhigh = "4 pF"\n', nk.LogUniform(2.0, 4.0)),
        ('key = "temperature"\ndistribution = "normal"\nmean = "310 K"\nsd = "1 degC"\n', nk.Normal(310.0, 1.0)),
    ],
)
def test_every_distribution_is_written_with_units_and_resolved(vary: str, made: object) -> None:
    config = parse_config(f'[design]\nkind = "monte_carlo"\nsamples = 3\n{BASE}[[vary]]\n{vary}')
    assert list(config.study.design.distributions.values()) == [made]  # type: ignore[attr-defined]
    assert parse_config(config.resolved).study.design == config.study.design


# -- tables --------------------------------------------------------------------------------------------------------------


def with_table(folder: Path, rows: int, header: str = "TRPM3.density,imaging.pregs [mM]") -> Path:
    lines = [header, ",0.01", *(f"{1.0 + 1e-4 * i!r},{0.02 + 1e-6 * i!r}" for i in range(rows - 1))]
    (folder / "points.csv").write_text("\n".join(lines) + "\n")
    (folder / "study.toml").write_text(f'[design]\nkind = "table"\ntable = "points.csv"\n{BASE}')
    return folder / "study.toml"


def test_a_small_table_is_resolved_into_points_that_need_no_file(tmp_path: Path) -> None:
    config = load_config(with_table(tmp_path, 5))
    again = parse_config(config.resolved, "elsewhere.toml")
    assert again.study.design.keys == config.study.design.keys == ("TRPM3.density", "imaging.pregs")
    assert [r.id for r in again.study.runs()] == [r.id for r in config.study.runs()]
    assert again.resolved == config.resolved


def test_a_large_table_is_resolved_to_its_name_and_digest_and_refused_when_it_has_changed(tmp_path: Path) -> None:
    config = load_config(with_table(tmp_path, MOST_INLINED + 1))
    resolved = tmp_path / "resolved.toml"
    resolved.write_text(config.resolved)
    assert len(config.resolved) < 3000
    assert load_config(resolved).resolved == config.resolved
    with (tmp_path / "points.csv").open("a") as file:
        file.write("1.5,0.03\n")
    with pytest.raises(ConfigError, match="this table has changed: its SHA-256 begins with") as caught:
        load_config(resolved)
    assert caught.value.line == config.resolved.splitlines().index('table = "points.csv"') + 1


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("TRPM3.densty,imaging.pregs [mM]", "did you mean 'TRPM3.density'"),
        ("TRPM3.density,imaging.pregs [mV]", "points.csv, column 'imaging.pregs' in 'mV'"),
        ("TRPM3.density,imaging.pregs [M]", "imaging.pregs reaches 20099: expected a value from 0 to 10000 uM"),
    ],
)
def test_an_error_of_a_table_stands_at_its_name(header: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(with_table(tmp_path, 101, header))
    assert caught.value.line == 3
    assert said in str(caught.value)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = with_table(tmp_path, 3)
    (tmp_path / "points.csv").unlink()
    with pytest.raises(ConfigError, match="there is no such file"):
        load_config(file)


@pytest.mark.parametrize("place", ["as it was", "beside the result", "here", "below here"])
def test_the_configuration_inside_a_result_finds_its_large_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    resolved, table = resolved_elsewhere(tmp_path)
    home = tmp_path / {"as it was": "out/tables", "beside the result": "out", "here": "here", "below here": "here/tables"}[place]
    home.mkdir(parents=True, exist_ok=True)
    (home / "points.csv").write_bytes(table)
    (tmp_path / "here").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / "here")
    again = parse_config(resolved, "../out/t.h5 (configuration inside)")
    assert len(again.study) == MOST_INLINED + 1
    assert again.resolved == resolved


def resolved_elsewhere(folder: Path) -> tuple[str, bytes]:
    """The resolved text of a study that named its table in another folder, and the table, which is gone from there."""
    file = with_table(folder, MOST_INLINED + 1)
    (folder / "tables").mkdir()
    moved = (folder / "points.csv").rename(folder / "tables" / "points.csv")
    file.write_text(file.read_text().replace('"points.csv"', '"tables/points.csv"'))
    resolved, table = load_config(file).resolved, moved.read_bytes()
    moved.unlink()
    return resolved, table


def test_another_table_of_that_name_is_passed_over_for_the_one_with_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved, table = resolved_elsewhere(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "points.csv").write_text("TRPM3.density\n1.0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="this table has changed"):
        parse_config(resolved, "out/t.h5 (configuration inside)")
    Path("points.csv").write_bytes(table)
    assert parse_config(resolved, "out/t.h5 (configuration inside)").resolved == resolved


def test_an_error_says_every_place_where_a_table_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved, _ = resolved_elsewhere(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        parse_config(resolved, "out/t.h5 (configuration inside)")
    for place in ("out/tables/points.csv", "out/points.csv", "tables/points.csv", "points.csv"):
        assert repr(str(Path(place))) in str(caught.value)


def test_a_table_with_an_absolute_path_is_kept_by_its_name(tmp_path: Path) -> None:
    file = with_table(tmp_path, MOST_INLINED + 1)
    file.write_text(file.read_text().replace('"points.csv"', f"'{tmp_path / 'points.csv'}'"))
    resolved = load_config(file).resolved
    assert str(tmp_path) not in resolved
    assert parse_config(resolved, str(tmp_path / "t.h5 (configuration inside)")).resolved == resolved


# -- errors --------------------------------------------------------------------------------------------------------------

SOBOL = '[design]\nkind = "sobol"\nsamples = 4\n' + BASE
ZIP = '[design]\nkind = "zip"\n' + BASE
LIST = '[design]\nkind = "list"\n' + BASE
WRONG = {
    "unknown kind": ('[design]\nkind = "sobel"\n' + BASE, 2, "sobel", "did you mean 'sobol'?"),
    "unknown key": ('[design]\nkinds = "sobol"\n' + BASE, 2, "kinds", "did you mean 'kind'?"),
    "tables of designs": ('[[design]]\nkind = "sobol"\n' + BASE, 1, "[[design]]", "write [design]"),
    "one point": ('[point]\nset = { cm = "2 pF" }\n' + BASE, 1, "[point]", "write [[point]]"),
    "no samples": ('[design]\nkind = "sobol"\n' + BASE + LOG_NORMAL, 1, "[design]", "missing key 'samples'"),
    "zero samples": ('[design]\nkind = "sobol"\nsamples = 0\n' + BASE + LOG_NORMAL, 3, "0", "greater than or equal to 1"),
    "too many samples": ('[design]\nkind = "sobol"\nsamples = 9000000000\n' + BASE + LOG_NORMAL, 3, "9000000000", "expected at most 500,000,000 values"),
    "samples of a grid": ('[design]\nsamples = 4\n' + BASE, 2, "samples", "a design of kind 'grid' has no 'samples'; it belongs to 'latin_hypercube'"),
    "digest of a list": ('[design]\nkind = "list"\nsha256 = "0"\n' + BASE, 3, "sha256", "it belongs to 'table'"),
    "nothing sampled": (SOBOL, 1, "[design]", "needs [[vary]] tables"),
    "no points": (LIST, 1, "[design]", "needs [[point]] tables"),
    "no table": ('[design]\nkind = "table"\n' + BASE, 1, "[design]", 'table = "points.csv"'),
    "points of a grid": (BASE + '[[point]]\nset = { cm = "2 pF" }\n', 4, "[[point]]", 'write [design] kind = "list"'),
    "axes of a list": (LIST + '[[point]]\n' + LOG_NORMAL, 7, "[[vary]]", "its keys stand in the [[point]] tables"),
    "values of a sample": (SOBOL + '[[vary]]\nkey = "cm"\nvalues = ["2 pF"]\n', 7, "[[vary]]", "missing key 'distribution'"),
    "distribution of a grid": (BASE + LOG_NORMAL, 6, "distribution", 'write [design] kind = "sobol"'),
    "limits of a grid": (BASE + '[[vary]]\nkey = "cm"\nlow = "2 pF"\n', 6, "low", "takes values, not distributions"),
    "unknown distribution": (SOBOL + '[[vary]]\nkey = "cm"\ndistribution = "unifrom"\n', 9, "unifrom", "did you mean 'uniform'?"),
    "foreign quantity": (SOBOL + UNIFORM + 'sd = "1 uM"\n', 12, "sd", "a uniform distribution has no 'sd'; it has low, high"),
    "missing quantity": (SOBOL + UNIFORM.replace('high = "0.05 mM"\n', ""), 7, "[[vary]]", "missing key 'high'"),
    "unit of a quantity": (SOBOL + UNIFORM.replace("10 uM", "10 mV"), 10, "10 mV", "expected a concentration"),
    "no unit of a quantity": (SOBOL + UNIFORM.replace('"10 uM"', "10"), 10, "10", "expected a unit"),
    "unit of a ratio": (SOBOL + LOG_NORMAL.replace("30 %", "30 mV"), 11, "30 mV", "expected a dimensionless number"),
    "unit of a width": (SOBOL + '[[vary]]\nkey = "cm"\ndistribution = "normal"\nmean = "2 pF"\nsd = "1 mV"\n', 11, "1 mV", "expected a capacitance"),
    "no spread": (SOBOL + LOG_NORMAL.replace('cv = "30 %"\n', ""), 7, "[[vary]]", "expected one of the two"),
    "two spreads": (SOBOL + LOG_NORMAL + "sigma = 0.1\n", 11, "30 %", "expected one of the two"),
    "limits in the wrong order": (SOBOL + UNIFORM.replace("10 uM", "60 uM"), 10, "60 uM", "a value below high"),
    "below the parameter's range": (SOBOL + LOG_NORMAL.replace("1 1/pF", "-1 1/pF"), 10, "-1 1/pF", "at least 0"),
    "above the input's maximum": (SOBOL + UNIFORM.replace("0.05 mM", "5 M"), 11, "5 M", "from 0 to 10000 uM"),
    "draws outside the field": (SOBOL + '[[vary]]\nkey = "imaging.recovery"\ndistribution = "normal"\nmean = "1 s"\nsd = "9 s"\n', 7, "[[vary]]", "from 0 to"),
    "unknown sampled key": (SOBOL + UNIFORM.replace("pregs", "pergs"), 8, "imaging.pergs", "did you mean 'pregs'?"),
    "sampled twice": (SOBOL + UNIFORM + UNIFORM, 13, "imaging.pregs", "varied above"),
    "unequal lists": (ZIP + '[[vary]]\nkey = "cm"\nvalues = ["2 pF"]\n[[vary]]\nkey = "imaging.pregs"\nvalues = ["1 uM", "2 uM"]\n',
                      9, "[[vary]]", "cm has 1, imaging.pregs has 2"),
    "unit in a point": (LIST + '[[point]]\nset = { cm = "2 mV" }\n', 7, "2 mV", "expected a capacitance"),
    "unknown key in a point": (LIST + '[[point]]\nset = { cmm = "2 pF" }\n', 7, "2 pF", "did you mean 'cm'?"),
    "twice in a point": (LIST + '[[point]]\nset = { TRPM3.density = "1 1/pF", "TRPM3.density" = "2 1/pF" }\n', 7, '"TRPM3.density"', "in this point already"),
    "no order of a key": (LIST.replace("[exp", 'keys = ["cm"]\n[exp') + '[[point]]\nset = { imaging.pregs = "1 uM" }\n', 8, None, "does not name"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_design_is_shown_with_its_line(name: str) -> None:
    given, line, marked, words = WRONG[name]
    with pytest.raises(ConfigError) as caught:
        parse_config(given, "wrong.toml")
    first, carets = str(caught.value).split("\n")
    assert (caught.value.line, first) == (line, f"wrong.toml, line {line}: {given.splitlines()[line - 1].strip()}")
    assert words in carets
    if marked is not None:
        start = carets.index("^")
        assert first[start : start + carets.count("^")] == marked
