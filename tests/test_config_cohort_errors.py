"""A wrong cohort, comparison or power plan is one readable error before anything is simulated: file, line, key, what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from nkcell_sim.config import load_config, parse_config
from nkcell_sim.errors import ConfigError

COHORT = "[cohort]\ndonors = 3\ncells = 2\n"
SPREAD = '[[cohort.spread]]\nkey = "TRPM3.density"\ndonors = "30 %"\n'
CORRELATED = SPREAD + '[[cohort.spread]]\nkey = "cm"\ncells = "10 %"\n[[cohort.correlation]]\nkeys = ["TRPM3.density", "cm"]\nr = 0.5\n'
CONDITIONS = '[[condition]]\nname = "healthy"\n[[condition]]\nname = "ME/CFS"\nphenotype = "me_cfs"\n'
PATCH = '[experiment.patch]\ntype = "patch_clamp"\nntx_in_bath = "kept"\n'
BASE = COHORT + CONDITIONS + PATCH
COMPARE = BASE + '[statistics]\n[[statistics.compare]]\nfeature = "patch.pregs_1_outward"\n'
DONOR = '[[cohort.donor]]\ngroup = "healthy"\nname = "d"\n'
VARIED = '[[vary]]\nkey = "patch.pregs"\nvalues = ["10 uM", "100 uM"]\n'
ONE = PATCH + 'conditions = ["healthy"]\n'
STOCHASTIC = BASE.replace("cells = 2", 'cells = 2\nchannels = "stochastic"')
POWER = BASE + '[power]\nfeature = "patch.pregs_1_outward"\nconditions = ["healthy", "ME/CFS"]\n'

# text, the line it is shown at (its text as written), text under the carets, words of the message
WRONG = {
    "a spread without a key": (BASE + '[[cohort.spread]]\ndonors = "30 %"\n', "[[cohort.spread]]", "[[cohort.spread]]", "missing key 'key'"),
    "a misspelt key of a spread": (BASE + SPREAD + 'cell = "10 %"\n', 'cell = "10 %"', "cell", "did you mean 'cells'?"),
    "a misspelt key of a comparison": (COMPARE + 'detection = "5 pA"\n', 'detection = "5 pA"', "detection", "did you mean 'detection_limit'?"),
    "one key of a correlation": (BASE + CORRELATED.replace(', "cm"]', "]"), 'keys = ["TRPM3.density"]', '["TRPM3.density"]', "at least 2 entries, got 1"),
    "true cells": (BASE.replace("cells = 2", "cells = true"), "cells = true", "true", "a whole number"),
    "cells as text": (BASE.replace("cells = 2", 'cells = "2"'), 'cells = "2"', "2", "a whole number"),
    "half a cell": (BASE.replace("cells = 2", "cells = 2.5"), "cells = 2.5", "2.5", "a whole number"),
    "a true seed": ("seed = true\n" + BASE, "seed = true", "true", "a whole number"),
    "contradicting correlations": (
        BASE + CORRELATED + CORRELATED[CORRELATED.rindex("[[") :].replace("0.5", "0.9"),
        "[[cohort.correlation]]",
        "[[cohort.correlation]]",
        "two correlations",
    ),
    "one table of spreads": (BASE + SPREAD.replace("[[", "[").replace("]]", "]"), "[cohort.spread]", "[cohort.spread]", "write [[cohort.spread]]"),
    "one table of comparisons": (
        COMPARE.replace("[[statistics.compare]]", "[statistics.compare]"),
        "[statistics.compare]",
        "[statistics.compare]",
        "write [[statistics.compare]]",
    ),
    "several cohorts": (BASE.replace("[cohort]", "[[cohort]]"), "[[cohort]]", "[[cohort]]", "write [cohort]"),
    "an unknown group of a spread": (BASE + SPREAD + 'groups = ["patients"]\n', 'groups = ["patients"]', '"patients"', "the study has 'healthy', 'me_cfs'"),
    "an unknown group of donors": (
        BASE.replace("donors = 3", "donors = { healthy = 3, me_cfs = 3, x = 1 }"),
        "donors = { healthy = 3, me_cfs = 3, x = 1 }",
        "x",
        "a group 'x'",
    ),
    "a group without a number": (
        BASE.replace("donors = 3", "donors = { healthy = 3 }"),
        "donors = { healthy = 3 }",
        "{ healthy = 3 }",
        "for the group 'me_cfs'",
    ),
    "an unknown group of a donor": (BASE + DONOR.replace('"healthy"', '"x"'), 'group = "x"', "x", "a group 'x'"),
    "a donor named like a numbered one": (BASE + DONOR.replace('"d"', '"healthy 2"'), 'name = "healthy 2"', "healthy 2", "give it another name"),
    "a donor whose name no file can hold": (BASE + DONOR.replace('"d"', '"a\\u0000"'), 'name = "a\\u0000"', "a\\u0000", "control characters"),
    "a misspelt parameter of a donor": (
        BASE + DONOR + "set = { TRPM3.densty = 3 }\n",
        "set = { TRPM3.densty = 3 }",
        "TRPM3.densty",
        "did you mean 'TRPM3.density'?",
    ),
    "a spread of ages": (BASE.replace("cells = 2", "cells = 2\nage_sd = -1"), "age_sd = -1", "-1", "at least 0"),
    "a blank group": (BASE.replace('name = "healthy"', 'name = "healthy"\ngroup = " "'), 'group = " "', " ", "not empty"),
    "a title no file can hold": ('title = "a\\u0000"\n' + BASE, 'title = "a\\u0000"', "a\\u0000", "control characters"),
    "error bars by chance": (STOCHASTIC + "[solver]\nerror_bars = true\n", "error_bars = true", "true", "switch error_bars off"),
    "a method that draws nothing": (STOCHASTIC + '[solver]\nmethod = "radau"\n', 'method = "radau"', "radau", "'rosenbrock'"),
    "a comparison within one condition": (COMPARE.replace(PATCH, ONE), 'feature = "patch.pregs_1_outward"', "patch.pregs_1_outward", "needs two or more"),
    "power of a condition not recorded": (
        POWER.replace(PATCH, ONE),
        'conditions = ["healthy", "ME/CFS"]',
        '"ME/CFS"',
        "the experiment 'patch' is not done on this condition",
    ),
    "a comparison over a grid": (COMPARE + VARIED, 'feature = "patch.pregs_1_outward"', "patch.pregs_1_outward", "2 values of 'patch.pregs'"),
    "power over a grid": (POWER + VARIED, 'feature = "patch.pregs_1_outward"', "patch.pregs_1_outward", "2 values of 'patch.pregs'"),
    "power from one donor": (POWER.replace("donors = 3", "donors = 1"), 'conditions = ["healthy", "ME/CFS"]', '"healthy"', "has 1 donor"),
    "pairs of different donors": (POWER + "paired = true\n", "paired = true", "true", "different donors"),
    "more donors than memory": (POWER + "donors = [100000000]\n", "donors = [100000000]", "[100000000]", "from 2 to 10,000"),
    "endless experiments": (POWER + "experiments = 10000000000\n", "experiments = 10000000000", "10000000000", "from 100 to 1,000,000"),
    "a mixed model of one cell": (POWER + "cells = [1, 3]\nmixed_experiments = 9\n", "cells = [1, 3]", "[1, 3]", "leave 1 out"),
    "a true level": (POWER + "alpha = true\n", "alpha = true", "true", "expected a number"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_cohort_or_question_is_shown_with_its_line(name: str) -> None:
    text, shown, marked, words = WRONG[name]
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "wrong.toml")
    first, carets = str(caught.value).split("\n")
    assert caught.value.line in [i for i, line in enumerate(text.splitlines(), 1) if line == shown]
    assert first == f"wrong.toml, line {caught.value.line}: {shown}"
    assert words in carets
    start = carets.index("^")
    assert first[start : start + carets.count("^")].strip('"') == marked.strip('"')


def test_a_table_of_donors_that_is_no_text_says_how_to_save_it(tmp_path: Path) -> None:
    (tmp_path / "donors.csv").write_bytes(b"\xff\xfeg\x00r\x00")  # UTF-16, as some spreadsheets save
    (tmp_path / "study.toml").write_text(BASE.replace("cells = 2", 'cells = 2\ntable = "donors.csv"'))
    with pytest.raises(ConfigError, match="CSV in UTF-8"):
        load_config(tmp_path / "study.toml")


def test_parameters_of_a_donor_need_no_quotes() -> None:
    cohort = parse_config(BASE + DONOR + 'set = { TRPM3.density = "3 1/pF" }\n').study.cohort
    assert cohort is not None
    assert cohort.table == {"healthy": {"d": {"TRPM3.density": 3.0}}}
