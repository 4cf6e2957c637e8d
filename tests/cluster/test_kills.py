"""Workers, drivers, ranks, schedulers, nodes and controllers are killed at random moments: the result is that of the study that nobody touched."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import nkcell_sim
from nkcell_sim.results import compare, open_results
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.journal import positions_of

from . import mpi as mpi_programs
from .dask_cluster import DaskCluster
from .slurm import Slurm

SOURCE = str(Path(nkcell_sim.__file__).parents[1])
RUNS = 1500
CONFIG = f"""title = "many"
[[condition]]
name = "healthy"
[experiment.imaging]
type = "calcium_imaging"
pregs = "50 uM"
ntx_in_bath = "kept"
[design]
kind = "monte_carlo"
samples = {RUNS}
[[vary]]
key = "TRPM3.density"
distribution = "lognormal"
median = "1 1/pF"
cv = 0.4
[[vary]]
key = "KCa31.g_max"
distribution = "uniform"
low = "0.1 nS"
high = "0.5 nS"
[results]
keep = ["ca_cyt"]
"""  # traces that stay in the shards keep the folder with its journals, which are counted
# small chunks, so that some are finished between two kills
PROGRAM = "import sys; from nkcell_sim.study import driver; driver.TARGET, driver.FIRST = 0.5, 48; from nkcell_sim import cli; sys.exit(cli.main(sys.argv[1:]))"
ARGUMENTS = ["-c", PROGRAM, "run", "many.toml", "--no-figure", "--quiet", "--virtual"]
STARTS = 40  # of one study at most
LONGEST = 240.0  # s for one study


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    (folder / "many.toml").write_text(CONFIG, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "nkcell_sim.cli", *ARGUMENTS[2:-1]], cwd=folder, env=environment(), check=True)
    return folder / "many.h5"


def environment() -> dict[str, str]:
    return {**os.environ, **mpi_programs.ENVIRONMENT, "PYTHONPATH": SOURCE}


@dataclass
class Killer:
    """Runs a command until it ends by itself, and kills something at random moments on the way."""

    folder: Path
    command: list[str]
    seed: int
    kills: int
    targets: dict[str, Callable[[subprocess.Popen[Any]], bool]]  # what may be killed, by name; False when it was not there
    done: list[str] = field(default_factory=list)
    soonest: float = 0.3  # s between two kills
    latest: float = 2.0
    tend: Callable[[], object] = bool  # what an administrator does meanwhile

    def run(self) -> None:
        (self.folder / "many.toml").write_text(CONFIG, encoding="utf-8")
        choice, started = random.Random(self.seed), time.monotonic()
        for starts in range(1, STARTS + 1):
            with (self.folder / "log").open("ab") as log:
                streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
                process = subprocess.Popen(self.command, cwd=self.folder, env=environment(), start_new_session=True, **streams)
            try:
                self._watch(process, choice, started)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.returncode == 0:
                assert self.done, "nothing was killed: the study is too short for this machine"
                print(f"seed {self.seed}: {len(self.done)} kills ({', '.join(self.done)}), {starts} starts, {time.monotonic() - started:.0f} s")
                return
        pytest.fail(f"not finished after {STARTS} starts; {self.said()}")

    def _watch(self, process: subprocess.Popen[Any], choice: random.Random, started: float) -> None:
        """Until the command ends; kills only fall once there is something to lose."""
        since = time.time()
        while process.poll() is None:
            wait = choice.uniform(self.soonest, self.latest)
            with suppress(subprocess.TimeoutExpired):
                process.wait(wait)
            self.tend()
            if time.monotonic() - started > LONGEST:
                pytest.fail(f"not finished after {LONGEST:g} s; {self.said()}")
            if process.poll() is None and len(self.done) < self.kills and self._begun(since):
                name = choice.choice(list(self.targets))
                if self.targets[name](process):
                    self.done.append(name)

    def _begun(self, since: float) -> bool:
        """Whether a worker has written since the command was started."""
        return any(path.stat().st_mtime >= since for path in (self.folder / "many.h5.runs" / "journal").glob("*.jsonl"))

    def said(self) -> str:
        return f"kills: {self.done}\n{(self.folder / 'log').read_text(encoding='utf-8', errors='replace')[-3000:]}"


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [each for child in map(int, found) for each in (child, *children(child))]


def kill_child(marks: tuple[str, ...], choice: random.Random) -> Callable[[subprocess.Popen[Any]], bool]:
    """A kill of one of the command's descendants whose command line has one of the marks."""

    def kill(process: subprocess.Popen[Any]) -> bool:
        able = []
        for pid in children(process.pid):
            with suppress(OSError):
                said = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
                if any(mark in said for mark in marks):
                    able.append(pid)
        if not able:
            return False
        with suppress(ProcessLookupError):
            os.kill(choice.choice(able), signal.SIGKILL)
            return True
        return False

    return kill


def kill_self(process: subprocess.Popen[Any]) -> bool:
    """A kill of the process that hands out the work, which leaves its workers to themselves."""
    process.kill()
    process.wait()
    return True


def check(folder: Path, unbroken: Path) -> None:
    """The file is that of the unbroken study, every run is in it once, and none that was finished was done again."""
    result = open_results(folder / "many.h5")
    found = compare(result.root, open_results(unbroken).root)
    assert found.equal, str(found)
    study = StudyFolder.beside(folder / "many.h5")
    assert sum(int(path.name.partition("-")[0]) for path in study.files()) == RUNS, "a finished run was done again, or is not there"
    lines = [json.loads(line) for path in study.journals.glob("*.jsonl") for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    simulated = sorted(position for line in lines if line.get("seconds") for position in positions_of(line["end"]))
    assert len(simulated) == len(set(simulated)), "a finished run was simulated again"
    ended = {position for entry in study.history().finished.values() for position in positions_of(entry["end"])}
    assert ended == set(range(RUNS)), "the journals tell of every run"
    statuses = set(result["imaging"].status)
    assert "worker_lost" not in statuses, "random kills are no run's fault"


def local(on: str, *more: str) -> list[str]:
    return [sys.executable, *ARGUMENTS, "--on", on, *more]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_threads(tmp_path: Path, unbroken: Path, seed: int) -> None:
    Killer(tmp_path, local("threads", "--workers", "2"), seed, 5, {"process": kill_self}).run()
    check(tmp_path, unbroken)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_processes(tmp_path: Path, unbroken: Path, seed: int) -> None:
    worker = kill_child(("spawn_main",), random.Random(seed))
    Killer(tmp_path, local("processes", "--workers", "2"), seed, 5, {"worker": worker, "driver": kill_self}).run()
    check(tmp_path, unbroken)


@pytest.mark.dask
@pytest.mark.parametrize("seed", [1])
def test_workers_of_dask_on_this_machine(tmp_path: Path, unbroken: Path, seed: int) -> None:
    worker = kill_child(("spawn_main",), random.Random(seed))
    Killer(tmp_path, local("dask", "--workers", "2"), seed, 4, {"worker or nanny": worker, "driver": kill_self}, soonest=1.0, latest=3.0).run()
    check(tmp_path, unbroken)


@pytest.mark.dask
@pytest.mark.parametrize("seed", [1])
def test_a_scheduler_of_dask_and_its_workers(tmp_path: Path, unbroken: Path, seed: int) -> None:
    with fixed_dask(tmp_path / "dask") as cluster:
        choice = random.Random(seed)

        def worker(_: Any) -> bool:
            alive = [number for number, process in cluster.workers.items() if process.poll() is None]
            if not alive:
                return False
            cluster.kill_worker(choice.choice(alive))
            cluster.add_worker()
            return True

        def scheduler(_: Any) -> bool:
            cluster.restart_scheduler()
            return True

        command = [sys.executable, *ARGUMENTS, "--scheduler", cluster.address, "--workers", "2"]
        Killer(tmp_path, command, seed, 5, {"worker": worker, "scheduler": scheduler, "driver": kill_self}, soonest=1.0, latest=3.0).run()
    check(tmp_path, unbroken)


class FixedDask(DaskCluster):
    """A scheduler whose address outlives it; workers look for it again."""

    port = 0

    def start_scheduler(self) -> None:
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        super().start_scheduler()

    def restart_scheduler(self) -> None:
        """The end of the scheduler; workers without one end as well, new ones are started with the new one."""
        self.kill_scheduler()
        self.start_scheduler()
        for process in self.workers.values():
            process.poll()
        for _ in range(2):
            self.add_worker()

    def _started(self, kind: str, options: list[str], log: str = "") -> Any:
        options = [str(self.port) if before == "--port" else each for before, each in zip(["", *options], options, strict=False)]
        return super()._started(kind, options, log)


@contextmanager
def fixed_dask(folder: Path) -> Iterator[FixedDask]:
    from .dask_cluster import need_dask

    need_dask()
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = SOURCE
    try:
        with FixedDask(folder) as cluster:
            yield cluster
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.__setitem__("PYTHONPATH", before)


@pytest.mark.mpi
@pytest.mark.parametrize("seed", [1])
def test_ranks_of_mpi(mpi: None, tmp_path: Path, unbroken: Path, seed: int) -> None:
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    command = ["mpiexec", "-n", "3", *root, "--oversubscribe", sys.executable, *ARGUMENTS, "--on", "mpi"]
    Killer(tmp_path, command, seed, 4, {"rank": kill_child((PROGRAM[:20],), random.Random(seed)), "mpiexec": kill_self}).run()
    check(tmp_path, unbroken)


@pytest.mark.slurm
@pytest.mark.parametrize("seed", [1])
def test_tasks_nodes_and_controllers_of_slurm(slurm: Slurm, tmp_path: Path, unbroken: Path, seed: int) -> None:
    choice = random.Random(seed)

    def processes(mark: str) -> list[int]:
        found = subprocess.run(["pgrep", "-f", mark], capture_output=True, text=True, check=False).stdout.split()
        return [pid for pid in map(int, found) if pid != os.getpid()]

    def task(_: Any) -> bool:
        able = processes(f"work {tmp_path}/many.h5.runs")
        if able:
            with suppress(ProcessLookupError):
                os.kill(choice.choice(able), signal.SIGKILL)
        return bool(able)

    def worker(_: Any) -> bool:
        able = [child for pid in processes(f"work {tmp_path}/many.h5.runs") for child in children(pid)]
        if able:
            with suppress(ProcessLookupError):
                os.kill(choice.choice(able), signal.SIGKILL)
        return bool(able)

    def node(_: Any) -> bool:
        slurm.lose_node()
        slurm.start_node()
        return True

    def controller(_: Any) -> bool:
        slurm.kill("slurmctld")
        slurm.start_controller()
        return True

    def administrator() -> None:
        """A controller that was killed before it had written down which tasks it started starts them again, and drains the node that has them already."""
        if slurm.node_state().startswith("drain"):
            slurm.run("scontrol", "update", f"nodename={socket.gethostname().split('.')[0]}", "state=resume", check=False)
        for line in slurm.run("squeue", "--noheader", "--states=PENDING", "--format=%A|%r", check=False).split():
            if line.endswith("|BeginTime"):  # tasks of a lost node wait for two minutes
                slurm.run("scontrol", "update", f"jobid={line.partition('|')[0]}", "StartTime=now", check=False)

    targets: dict[str, Callable[[subprocess.Popen[Any]], bool]] = {"task": task, "worker": worker, "node": node, "controller": controller, "driver": kill_self}
    Killer(tmp_path, local("slurm", "--workers", "4"), seed, 6, targets, soonest=1.0, latest=4.0, tend=administrator).run()
    administrator()
    check(tmp_path, unbroken)
