"""What an engine costs for each task: rate of tasks that do nothing, share lost on tasks of a second, processor time and bytes of the scheduler.

Run by hand on a quiet machine, as root for Slurm: ``python -m benchmarks.engines [processes dask mpi slurm]``. Everything runs on loopback.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.cluster import mpi  # noqa: E402
from tests.cluster.dask_cluster import DaskCluster  # noqa: E402
from tests.cluster.engines import cpu_seconds, wait_until  # noqa: E402
from tests.cluster.slurm import Slurm  # noqa: E402

WORKERS = 2
RECIPE = {"folder": "/scratch/somebody/studies/" + "x" * 700 + ".runs", "study": "0" * 64, "positions": list(range(0, 400, 10))}  # about 1 kB
SUMMARY = {"shard": "4096-" + "0" * 24 + ".h5", "runs": 4096, "failed": 0, "seconds": 12.5}


def nothing(recipe: dict[str, Any], number: int) -> dict[str, Any]:
    """A chunk that takes no time."""
    return {**SUMMARY, "number": number}


def second(recipe: dict[str, Any], number: int) -> dict[str, Any]:
    """A chunk of one second that leaves the processor to others."""
    time.sleep(1.0)
    return {**SUMMARY, "number": number}


def report(engine: str, what: str, figure: str) -> None:
    print(f"{engine:<22}{what:<52}{figure}", flush=True)


def timed(pool: Executor, task: Callable[..., Any], count: int) -> float:
    """Seconds that ``count`` tasks take when all are submitted at once."""
    start = time.perf_counter()
    for future in [pool.submit(task, RECIPE, number) for number in range(count)]:
        future.result()
    return time.perf_counter() - start


def executor(engine: str, pool: Executor, count: int) -> None:
    """The figures that any concurrent.futures executor has."""
    timed(pool, nothing, 2 * WORKERS)  # workers have started
    rates = [count / timed(pool, nothing, count) for _ in range(3)]
    report(engine, f"tasks/s, {count} that do nothing (three times)", ", ".join(f"{r:.0f}" for r in rates))
    waves = 10
    lost = timed(pool, second, waves * WORKERS) - waves
    report(engine, f"lost per task of 1 s, {WORKERS} workers, {waves} each", f"{lost / waves * 1000:.1f} ms")


def processes() -> None:
    with ProcessPoolExecutor(WORKERS) as pool:
        executor("processes", pool, 10_000)


def bytes_of(pid: int) -> tuple[int, int]:
    """Bytes that the open connections of a process have received and sent."""
    rows = subprocess.run(["ss", "-tinpHO"], capture_output=True, text=True, check=True).stdout.splitlines()
    own = [row for row in rows if f"pid={pid}," in row]
    return sum(_number("bytes_received", row) for row in own), sum(_number("bytes_sent", row) for row in own)


def _number(name: str, row: str) -> int:
    found = re.search(rf"{name}:(\d+)", row)
    return int(found.group(1)) if found else 0


def dask() -> None:
    with tempfile.TemporaryDirectory() as folder, DaskCluster(Path(folder), workers=WORKERS) as cluster, cluster.client() as client:
        assert cluster.scheduler is not None
        pid = cluster.scheduler.pid
        executor("dask get_executor", client.get_executor(pure=False), 2000)
        for label, together in (("one by one", False), ("client.map of 1000", True)):
            count = 3000
            cpu, start, (got, sent) = cpu_seconds(pid), time.perf_counter(), bytes_of(pid)
            for done in _windows(client, count, together):
                assert done["runs"] == 4096
            spent, wall, (got2, sent2) = cpu_seconds(pid) - cpu, time.perf_counter() - start, bytes_of(pid)
            report("dask " + label, f"tasks/s, {count}, futures dropped", f"{count / wall:.0f}")
            report("dask " + label, "scheduler: processor time a task", f"{spent / count * 1000:.2f} ms")
            report("dask " + label, "scheduler: received, sent a task", f"{(got2 - got) / count:.0f} B, {(sent2 - sent) / count:.0f} B")


def _windows(client: Any, count: int, together: bool) -> Iterator[dict[str, Any]]:
    from distributed import as_completed

    for first in range(0, count, 1000):
        numbers = range(first, first + 1000)
        submitted = client.map(nothing, [RECIPE] * 1000, numbers, pure=False) if together else (client.submit(nothing, RECIPE, n, pure=False) for n in numbers)
        for future in as_completed(list(submitted), loop=client.loop):
            yield future.result()


def mpi_rank() -> None:
    """Runs on rank 0 of ``mpi4py.futures``."""
    from mpi4py.futures import MPIPoolExecutor

    with MPIPoolExecutor() as pool:
        executor("mpi4py.futures", pool, 5000)


def mpi_pool() -> None:
    print(mpi.futures(WORKERS, ["-m", "benchmarks.engines", "mpi-rank"], ROOT).stdout, end="")


@contextmanager
def array(slurm: Slurm, count: int, body: str) -> Iterator[Path]:
    """A folder with one file a task, named by number, whose content is when it started."""
    folder = Path(tempfile.mkdtemp(dir=slurm.folder))
    wrapped = f'date +%s.%N > {folder}/"$SLURM_ARRAY_TASK_ID"; {body}'
    slurm.run("sbatch", "--parsable", f"--array=0-{count - 1}", "--output=/dev/null", "--mem=10M", "--wrap", wrapped)
    wait_until(lambda: not slurm.run("squeue", "-h"), "the array", 300, 0.5)
    yield folder


def slurm() -> None:
    count = 200
    quick = "sched_interval=1,bf_interval=1,batch_sched_delay=0"
    for label, parameters in (("defaults", "bf_interval=30"), ("quick scheduler", quick)):
        with Slurm(cpus=64, settings={"SchedulerParameters": parameters}) as cluster:
            time.sleep(2)
            latencies = []
            for _ in range(5):
                asked = time.time()
                with array(cluster, 1, "true") as folder:
                    latencies.append(float((folder / "0").read_text(encoding="utf-8")) - asked)
            report("slurm " + label, "submit to start, median and worst of 5", f"{statistics.median(latencies):.2f} s, {max(latencies):.2f} s")
            for body, what in (("true", "do nothing"), ("sleep 1", "sleep 1 s")):
                cpu, asked = cpu_seconds(cluster.pid("slurmctld")), time.time()
                with array(cluster, count, body) as folder:
                    wall = time.time() - asked
                    starts = sorted(float(p.read_text(encoding="utf-8")) for p in folder.iterdir())
                spent = cpu_seconds(cluster.pid("slurmctld")) - cpu
                report("slurm " + label, f"array of {count} tasks that {what}: first, last start", f"{starts[0] - asked:.1f} s, {starts[-1] - asked:.1f} s")
                report("slurm " + label, "   start rate, wall", f"{count / (starts[-1] - starts[0]):.1f} /s, {wall:.1f} s")
                report("slurm " + label, "   slurmctld: processor time a task", f"{spent / count * 1000:.2f} ms")


ENGINES = {"processes": processes, "dask": dask, "mpi": mpi_pool, "slurm": slurm}


def main(wanted: list[str]) -> None:
    for name in wanted or list(ENGINES):
        if name == "mpi-rank":
            mpi_rank()
        else:
            print(f"# {name}: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
            ENGINES[name]()


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    from benchmarks.engines import main as imported  # tasks travel by the name of their module, as those of a package do

    imported(sys.argv[1:])
