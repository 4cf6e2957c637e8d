"""A scheduler of Dask that has no workers is no silent wait: the progress says what is missing, and the study goes on when there are some."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.executors import Dask
from nkcell_sim.experiments import Rest

from .dask_cluster import DaskCluster, need_dask

pytestmark = pytest.mark.dask
SOURCE = Path(nk.__file__).parents[1]
NONE = "waiting for workers: the scheduler has none"


def test_a_scheduler_without_workers_is_told_until_one_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_dask()
    monkeypatch.setenv("PYTHONPATH", f"{SOURCE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    seen: list[str] = []
    with DaskCluster(tmp_path / "dask", workers=0) as cluster:

        def see(done: int, total: int, what: str) -> None:
            seen.append(what)
            if seen.count(what) == 3 and what.endswith(NONE):
                cluster.add_worker()
            assert len(seen) < 120, "nobody is told why nothing happens"

        study = nk.Study(nk.primary_nk_cell(), {"rest": Rest(duration="20 s")}, vary={"KCa31.g_max": np.linspace(0.1, 0.5, 40)})
        found = nk.run(study, tmp_path / "x.h5", on=Dask(scheduler=cluster.address), progress=see)
    assert found["rest"].status == ["ok"] * 40
    assert sum(what.endswith(NONE) for what in seen) >= 3
    assert [what for what in seen if what.startswith("rest")][-1] == "rest", "it is not said any more once there is one"
