"""How far a study is, in words: what is finished counts wherever it is."""

from __future__ import annotations

from pathlib import Path

import pytest

import nkcell_sim as nk
from nkcell_sim.executors import Threads
from nkcell_sim.experiments import Rest
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.status import status_text


def study(runs: int) -> nk.Study:
    return nk.Study(nk.primary_nk_cell(), {"rest": Rest(duration="20 s")}, vary={"KCa31.g_max": [0.1 + 0.01 * i for i in range(runs)]})


def before_it_is_collected(done: int, total: int, what: str) -> None:
    if what == "results":
        raise KeyboardInterrupt


def test_the_status_of_a_study_that_extends_a_file_counts_the_rows_in_it(tmp_path: Path) -> None:
    target = tmp_path / "many.h5"
    nk.run(study(30), target, on=Threads(1))
    with pytest.raises(KeyboardInterrupt):
        nk.run(study(40), target, on=Threads(1), progress=before_it_is_collected)
    said = status_text(str(StudyFolder.beside(target).path))
    assert "40 of 40 runs finished (100.0 %)" in said
    assert "30 of them by an earlier study with the same runs" in said
    assert "every run is finished" in said
