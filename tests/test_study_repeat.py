"""Runs of a result file that are computed again: what is compared, and what is said when nothing can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.experiments import Rest
from nkcell_sim.results import Group, Results, open_results
from nkcell_sim.results.layout import Variable
from nkcell_sim.study.repeat import NOT_REPEATED, Repeated, repeat_sample

STUDY = nk.Study(nk.primary_nk_cell(), {"rest": Rest(duration="20 s")}, vary={"KCa31.g_max": [0.2, 0.3, 0.4]})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("repeat") / "r.h5"
    nk.run(STUDY, path, on="threads", config="seed = 1")
    return path


def repeated(path: Path) -> Repeated:
    return repeat_sample(str(path), 16, 0, lambda text, name: STUDY)


def test_every_run_of_a_small_file_is_computed_again_and_is_the_same(file: Path) -> None:
    found = repeated(file)
    assert found.runs == 3
    assert found.equal
    assert str(found) == "3 runs computed again: every number is the same, bit for bit"


@pytest.mark.parametrize("status", NOT_REPEATED)
def test_a_file_without_a_run_that_can_be_repeated_is_not_called_the_same(file: Path, tmp_path: Path, status: str) -> None:
    root = open_results(file).root
    group = root.groups["rest"]
    ended = group.variables["status"]
    changed = Variable(ended.dims, np.array([status] * 3, dtype=object), ended.attributes)
    path = tmp_path / "lost.h5"
    Results(root.with_group("rest", Group({**group.variables, "status": changed}, group.groups, group.attributes))).save(path)
    found = repeated(path)
    assert found.runs == 0
    assert "no run could be repeated" in str(found)
    assert "the same" not in str(found)
