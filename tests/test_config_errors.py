"""A wrong configuration gets one readable error: file, line, key, what was given and expected, the near miss, and a caret."""

from __future__ import annotations

from pathlib import Path

import pytest

from nkcell_sim.config import load_config, parse_config
from nkcell_sim.errors import ConfigError, UnreachableRestError

BASE = '[experiment.imaging]\ntype = "calcium_imaging"\nntx_in_bath = "kept"\n'
PATCH = '[experiment.patch]\ntype = "patch_clamp"\nntx_in_bath = "kept"\n'
CONDITION = '[[condition]]\nname = "a"\n'

# text, line, text under the carets, words of the message
WRONG = {
    "unknown key": (BASE + 'pregz = "50 uM"\n', 4, "pregz", "did you mean 'pregs'?"),
    "unknown section": ('tittle = "x"\n' + BASE, 1, "tittle", "did you mean 'title'?"),
    "wrong dimension": ('[cell.set]\nKCa31.g_max = "0.9 mM"\n' + BASE, 2, "0.9 mM", 'expected a conductance (for example "0.9 nS")'),
    "missing unit": (BASE + "pregs = 50\n", 4, "50", 'expected a unit: a concentration (for example "100 uM")'),
    "unknown unit": (BASE + 'pregs = "5 uMM"\n', 4, "5 uMM", "did you mean 'uM'?"),
    "out of range": (BASE + 'pregs = "-5 uM"\n', 4, "-5 uM", "at least 0 uM"),
    "not a word": (BASE.replace("kept", "keep"), 3, "keep", "expected 'kept' or 'washed'"),
    "duplicate condition": (CONDITION + CONDITION + BASE, 4, "a", "line 2 has a condition of this name"),
    "duplicate key": (BASE + 'pregs = "1 uM"\npregs = "2 uM"\n', 5, None, "may be given once"),
    "duplicate parameter": ('[cell.set]\nKCa31.g_max = "1 nS"\n"KCa31.g_max" = "2 nS"\n' + BASE, 3, '"KCa31.g_max"', "set on line 2 already"),
    "syntax": ("[cell\n" + BASE, 1, None, "not valid TOML: expected ']'"),
    "no value": (BASE + "pregs = \n", 4, None, "not valid TOML: invalid value"),
    "unknown phenotype": (CONDITION + 'phenotype = "me_csf"\n' + BASE, 3, "me_csf", "did you mean 'me_cfs'?"),
    "unknown experiment type": ('[experiment.a]\ntype = "patch_clmp"\n', 2, "patch_clmp", "did you mean 'patch_clamp'?"),
    "no experiment type": ("[experiment.a]\n", 1, "[experiment.a]", "missing key 'type': one of 'patch_clamp'"),
    "required field": ('[experiment.a]\ntype = "patch_clamp"\n', 1, "[experiment.a]", "missing key 'ntx_in_bath'"),
    "reserved name": ('[experiment.incubation]\ntype = "rest"\n', 1, "[experiment.incubation]", "is taken"),
    "unnamed condition": ('[[condition]]\nphenotype = "healthy"\n' + BASE, 1, "[[condition]]", "missing key 'name'"),
    "incubation dimension": (CONDITION + 'incubate = { ntx = "200 mV" }\n' + BASE, 3, "200 mV", "expected a concentration"),
    "incubation key": (CONDITION + 'incubate = { nttx = "200 uM" }\n' + BASE, 3, "nttx", "did you mean 'ntx'?"),
    "unknown parameter": ('[cell.set]\nKCa31.gmax = "0.9 nS"\n' + BASE, 2, "KCa31.gmax", "did you mean 'KCa31.g_max'?"),
    "unknown cell": ('[cell]\nmodel = "primary_kn"\n' + BASE, 2, "primary_kn", "did you mean 'primary_nk'?"),
    "unknown set": ('[cell]\nparameters = "saturated"\n' + BASE, 2, "saturated", "did you mean 'saturating'?"),
    "unknown component": ('[cell]\noff = ["KCa31",\n  "TRPM33"]\n' + BASE, 3, "TRPM33", "did you mean 'TRPM3'"),
    "temperature": ('[cell]\ntemperature = "23 mV"\n' + BASE, 2, "23 mV", "expected a temperature"),
    "varied name": (BASE + '[[vary]]\nkey = "TRPM3.densty"\nvalues = ["1 1/pF"]\n', 5, "TRPM3.densty", "did you mean 'TRPM3.density'?"),
    "varied field": (BASE + '[[vary]]\nkey = "imaging.pergs"\nvalues = ["1 uM"]\n', 5, "imaging.pergs", "did you mean 'pregs'?"),
    "varied value": (BASE + '[[vary]]\nkey = "imaging.pregs"\nvalues = ["1 uM", 3]\n', 6, "3", "expected a unit"),
    "varied nothing": (BASE + '[[vary]]\nkey = "imaging.pregs"\n', 4, "[[vary]]", "missing key 'values'"),
    "varied from zero": (BASE + '[[vary]]\nkey = "imaging.pregs"\nstart = "0 uM"\nstop = "9 uM"\npoints = 3\n', 6, "0 uM", "above 0"),
    "varied twice": (BASE + 2 * '[[vary]]\nkey = "imaging.pregs"\nvalues = ["1 uM"]\n', 8, "imaging.pregs", "varied above"),
    "no incubation": (BASE + '[[vary]]\nkey = "incubation.ntx"\nvalues = ["1 uM"]\n', 5, "incubation.ntx", "no condition has 'incubate'; give one"),
    "nobody on naltrexone": (BASE + '[[vary]]\nkey = "ldn.dose"\nvalues = ["1 mg"]\n', 5, "ldn.dose", "no condition has 'ldn'; give one `ldn = {"),
    "wrong kind": ("title = 3\n" + BASE, 1, "3", "expected a string"),
    "not a table": ("cell = 3\n" + BASE, 1, "3", "expected a table"),
    "misspelt section of tables": ("[experiments.imaging]\n", 1, "[experiments.imaging]", "did you mean 'experiment'?"),
    "above the input's maximum": (BASE + 'pregs = "5000 M"\n', 4, "5000 M", "from 0 to 10000 uM"),
    "one of several above the maximum": (PATCH + 'pregs = ["1 uM",\n "5000 M"]\n', 5, "5000 M", "from 0 to 10000 uM"),
    "incubation above the maximum": (CONDITION + 'incubate = { ntx = "5000 M" }\n' + BASE, 3, "5000 M", "to 1e+09 nM"),
    "single vary": ('[vary]\nkey = "imaging.pregs"\n' + BASE, 1, "[vary]", "write [[vary]]"),
    "single condition": ('[condition]\nname = "a"\n' + BASE, 1, "[condition]", "write [[condition]]"),
    "array of experiments": ('[[experiment]]\nname = "a"\n', 1, "[[experiment]]", "write [experiment.NAME]"),
    "array of one experiment": ('[[experiment.a]]\ntype = "rest"\n', 1, "[[experiment.a]]", "write [experiment.a]"),
    "no experiment": ("[experiment]\n", 1, "[experiment]", "expected at least one, for example [experiment.rest]"),
    "control character": ('[[condition]]\nname = "a\\u0007"\n' + BASE, 2, "a\\u0007", "without control characters"),
    "control character of an experiment": ('[experiment."a\\tb"]\ntype = "rest"\n', 1, None, "without control characters"),
    "reserved for targets": ('[experiment.targets]\ntype = "rest"\n', 1, "[experiment.targets]", "is taken"),
    "reserved for provenance": ('[experiment.provenance]\ntype = "rest"\n', 1, "[experiment.provenance]", "is taken"),
    "same value twice": (BASE + '[[vary]]\nkey = "imaging.pregs"\nvalues = ["1 uM", "1000 nM"]\n', 6, "1000 nM", "given above already"),
    "varied above the maximum": (BASE + '[[vary]]\nkey = "imaging.pregs"\nvalues = ["1 uM", "9 M"]\n', 6, "9 M", "from 0 to 10000 uM"),
    "varied out of the ramp": (PATCH + '[[vary]]\nkey = "patch.inward_at"\nvalues = ["-150 mV"]\n', 4, "[[vary]]", "within the ramp"),
    "endless": (BASE + 'application = "inf s"\n', 4, "inf s", "finite number"),
    "age of the universe": (BASE + 'application = "1e30 s"\n', 4, "1e30 s", "at most a year"),
    "inward outside the ramp": (PATCH + 'inward_at = "-150 mV"\n', 4, "-150 mV", "within the ramp"),
    "too many samples": (BASE + 'sampling = "1 ms"\napplication = "9 h"\n', 4, "1 ms", "output times"),
    "solver": (BASE + '[solver]\nmethod = "radua"\n', 5, "radua", "did you mean 'radau'?"),
    "tolerance": (BASE + "[solver]\nrtol = 2.0\n", 5, "2.0", "from 1e-14 to 0.1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_configuration_is_shown_with_its_line(name: str) -> None:
    text, line, marked, words = WRONG[name]
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "wrong.toml")
    first, carets = str(caught.value).split("\n")
    assert caught.value.line == line
    assert first == f"wrong.toml, line {line}: {text.splitlines()[line - 1].strip()}"
    assert words in carets
    if marked is not None:
        start = carets.index("^")
        assert first[start : start + carets.count("^")] == marked


def test_the_first_of_several_errors_is_reported() -> None:
    with pytest.raises(ConfigError, match="line 4"):
        parse_config(BASE + 'pregz = "50 uM"\nsampling = 3\n', "wrong.toml")


def test_an_unreachable_rest_names_the_balance_and_the_line() -> None:
    """60 open-able channels per pF let in more cations at rest than the pumps export, whatever the backgrounds."""
    with pytest.raises(ConfigError) as caught:
        parse_config('[cell]\n[cell.set]\n"TRPM3.density" = "60 1/pF"\n' + BASE, "wrong.toml")
    assert caught.value.line == 2
    cause = caught.value.__cause__
    assert isinstance(cause, UnreachableRestError)
    assert cause.balance
    assert cause.constant in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p.write_text(""), "is empty"),
        (lambda p: p.write_text("# only a comment\n"), "is empty"),
        (lambda p: p.write_text('title = "no experiment"\n'), "missing key 'experiment'"),
        (lambda p: p.mkdir(), "is a folder"),
        (lambda p: p.write_bytes(b"\xff\xfe\x00"), "not text in UTF-8"),
        (lambda p: None, "there is no such file"),
    ],
)
def test_something_that_is_no_configuration_is_named(tmp_path: Path, make: object, words: str) -> None:
    file = tmp_path / "wrong.toml"
    make(file)  # type: ignore[operator]
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(file)
    assert "wrong.toml" in str(caught.value)


def test_a_misspelt_file_name_gets_its_near_miss(tmp_path: Path) -> None:
    (tmp_path / "soce.toml").write_text(BASE)
    with pytest.raises(ConfigError, match=r"did you mean .*soce.toml"):
        load_config(tmp_path / "socee.toml")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("experiment.imaging.pregs=50", "expected a unit"),
        ("experiment.imagng.pregs=50 uM", "there is no 'imagng'; did you mean 'imaging'?"),
        ("experiment.imaging.pergs=50 uM", "did you mean 'pregs'?"),
        ("cell.set.KCa31.g_max=0.9 mM", "expected a conductance"),
        ("condition.a.phenotype=foo", "unknown phenotype 'foo'"),
        ("condition.b.phenotype=me_cfs", "expected a name or a number"),
        ("title.y=3", "is not a table"),
        ("pregs", "expected KEY=VALUE"),
    ],
)
def test_a_wrong_override_is_named(override: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config('title = "x"\n' + CONDITION + BASE, "right.toml", [override])
    assert words in str(caught.value)
    assert f"--set {override}" in str(caught.value).replace("'", "")


def test_an_override_of_an_unknown_experiment_names_the_near_miss() -> None:
    with pytest.raises(ConfigError, match="did you mean 'imaging'"):
        parse_config(BASE, "wrong.toml", ["experiment.imging.pregs=1 uM"])
    assert set(parse_config(BASE, "ok.toml", ["experiment.extra.type=rest"]).study.experiments) == {"imaging", "extra"}


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "bom.toml"
    path.write_text(BASE, encoding="utf-8-sig")
    assert list(load_config(path).study.experiments) == ["imaging"]
