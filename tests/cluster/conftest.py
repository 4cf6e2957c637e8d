"""Fixtures of the engines. A test marked slurm, dask or mpi is slow as well, and tests of one engine run one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .dask_cluster import DaskCluster, need_dask
from .mpi import need_mpi
from .slurm import Slurm, need_slurm

ENGINES = ("slurm", "dask", "mpi")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for engine in ENGINES:
            if item.get_closest_marker(engine):
                item.add_marker(pytest.mark.slow)  # so that -m "not slow" needs no engine
                item.add_marker(pytest.mark.xdist_group(engine))  # with --dist loadgroup one worker starts it, once
                break


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed:
        for engine in ("slurm", "dask_cluster"):
            running = getattr(item, "funcargs", {}).get(engine)
            if running is not None:
                report.sections.append((f"{engine} logs", running.logs()))
    return report


@pytest.fixture(scope="session")
def slurm_session() -> Iterator[Slurm]:
    need_slurm()
    with Slurm() as slurm:
        yield slurm


@pytest.fixture
def slurm(slurm_session: Slurm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    """The session's Slurm with an idle node, which commands in this test find; what the test kills is started again afterwards."""
    slurm_session.ensure()
    for name in [n for n in slurm_session.foreign() if n != "SLURM_CONF"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLURM_CONF", str(slurm_session.conf))
    yield slurm_session
    slurm_session.ensure()


@pytest.fixture
def dask_cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    """A scheduler and two workers with one thread each, all processes that a test may kill."""
    need_dask()
    with DaskCluster(tmp_path / "dask") as cluster:
        yield cluster


@pytest.fixture
def local_cluster() -> Iterator[object]:
    """Dask's own LocalCluster of two worker processes under nannies, which start a killed worker again."""
    need_dask()
    from .dask_cluster import local_cluster

    with local_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def mpi() -> None:
    """Asks for an MPI; programs are run with :func:`tests.cluster.mpi.run`."""
    need_mpi()
