"""A study on a disk that is full or may not be written: what is finished is kept, the message says so, and the study goes on once there is room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import nkcell_sim as nk
from nkcell_sim.study.folder import StudyFolder

pytestmark = pytest.mark.slow  # it starts many processes
SOURCE = Path(nk.__file__).parents[1]
RUNS = 160  # two chunks at least: the first has 64 runs
CONFIG = f"""title = "many"
[[condition]]
name = "healthy"
[experiment.rest]
type = "rest"
duration = "20 s"
[design]
kind = "monte_carlo"
samples = {RUNS}
[[vary]]
key = "KCa31.g_max"
distribution = "uniform"
low = "0.1 nS"
high = "0.5 nS"
"""
STOPPED = """
import sys
from nkcell_sim import run
from nkcell_sim.config import load_config
config = load_config("many.toml")
def progress(done, total, what):
    if done > 64:
        raise KeyboardInterrupt
try:
    run(config.study, "many.h5", progress=progress, config=config.resolved, asked=config.asked, on="threads", workers=1)
except KeyboardInterrupt:
    pass
"""


def python(folder: Path, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "NKCELL_THREADS": "1", "HOME": str(folder)}
    return subprocess.run([*before, sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)


RUN = ("-m", "nkcell_sim.cli", "run", "many.toml", "--no-figure", "--quiet")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that was stopped when 64 of its runs were kept."""
    folder = tmp_path_factory.mktemp("stopped")
    (folder / "many.toml").write_text(CONFIG, encoding="utf-8")
    ended = python(folder, "-c", STOPPED)
    assert ended.returncode == 0, ended.stderr
    assert len(list((folder / "many.h5.runs" / "shards").glob("64-*.h5"))) == 1
    return folder


@pytest.fixture
def unprivileged() -> Iterator[tuple[Path, tuple[str, ...]]]:
    """A folder, and what goes before a command so that permissions count for it."""
    with tempfile.TemporaryDirectory(prefix="nkcell-", dir="/tmp") as name:
        folder = Path(name)
        if os.geteuid() != 0:
            yield folder, ()
            return
        before = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        folder.chmod(0o755)
        if not shutil.which("setpriv") or python(folder, "-c", f"open({nk.__file__!r})", before=before).returncode:
            pytest.skip("root ignores permissions, and here nobody else can run this package")
        yield folder, before


def test_a_folder_that_became_read_only_says_what_is_kept_and_what_to_do(stopped: Path, unprivileged: tuple[Path, tuple[str, ...]]) -> None:
    folder, before = unprivileged
    shutil.copytree(stopped, folder, dirs_exist_ok=True)
    folder.chmod(0o755)
    inside = folder / "many.h5.runs"
    everything = [folder, inside, *inside.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    said = python(folder, *RUN, before=before)
    assert said.returncode == 2
    assert "permission denied; choose another place with -o" in said.stderr
    folder.chmod(0o777)
    said = python(folder, *RUN, before=before)
    assert said.returncode == 2
    assert "cannot write into 'many.h5.runs', where the finished runs of the study are to be kept: Permission denied" in said.stderr
    assert "64 of 160 runs are finished and kept in many.h5.runs; the same command goes on from there" in said.stderr
    for path in everything:
        path.chmod(0o777 if path.is_dir() else 0o666)
    done = python(folder, *RUN, before=before)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(os.listdir(folder)) >= {"many.toml", "many.h5"}
    assert not inside.exists()


LIMITED = "import resource, sys; from nkcell_sim import cli; resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000)); sys.exit(cli.main(sys.argv[1:]))"


def test_files_that_may_not_grow_stop_the_study_with_what_is_kept(stopped: Path, tmp_path: Path) -> None:
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    said = python(tmp_path, "-c", LIMITED, *RUN[2:])
    assert said.returncode == 2
    assert "File too large" in said.stderr
    assert "64 of 160 runs are finished and kept in many.h5.runs; the same command goes on from there" in said.stderr
    assert not list((tmp_path / "many.h5.runs").rglob("*.tmp")), "nothing half-written is left"
    assert python(tmp_path, *RUN).returncode == 0
    assert set(os.listdir(tmp_path)) == {"many.toml", "many.h5"}


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small file system here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_stops_the_study_with_what_is_kept_and_it_goes_on_once_there_is_room(stopped: Path, full_disk: Path) -> None:
    shutil.copytree(stopped, full_disk, dirs_exist_ok=True)
    filler = full_disk / "filler"
    for room in (0, 120_000):  # not even for the recipe; not for a shard
        free = os.statvfs(full_disk)
        filler.write_bytes(bytes(free.f_bavail * free.f_frsize + (filler.stat().st_size if filler.exists() else 0) - room))
        said = python(full_disk, *RUN)
        assert said.returncode == 2
        assert "No space left on device" in said.stderr
        assert "64 of 160 runs are finished and kept in many.h5.runs; the same command goes on from there" in said.stderr
    filler.unlink()
    done = python(full_disk, *RUN)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(os.listdir(full_disk)) == {"many.toml", "many.h5"}


AT_ANY_BYTE = """
import resource, signal
from pathlib import Path
from nkcell_sim.config import load_config
from nkcell_sim.errors import ResultsError
from nkcell_sim.results import write_shard
from nkcell_sim.study.chunk import Treated, simulated
from nkcell_sim.study.plan import Plan

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
tree = simulated(Plan(load_config("many.toml").study), range(8), Treated())
folder = Path("shards")
folder.mkdir()
size = write_shard(tree, folder).stat().st_size
for limit in range(1, size, 1009):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_shard(tree, folder)
        print("no error", limit)
    except ResultsError as error:
        assert "File too large" in str(error), error
print(len(list(folder.iterdir())))
"""


def test_a_disk_that_is_full_at_any_byte_of_a_shard_is_an_error_and_never_the_end_of_the_process(tmp_path: Path) -> None:
    """HDF5 reads its heaps again: where they found no room it once took the process with it, and the run counted as one that kills its worker."""
    (tmp_path / "many.toml").write_text(CONFIG, encoding="utf-8")
    ended = python(tmp_path, "-c", AT_ANY_BYTE)
    assert (ended.returncode, ended.stdout) == (0, "1\n"), ended.stderr


def test_keys_are_the_same_in_another_process(stopped: Path) -> None:
    code = "from nkcell_sim.config import load_config; from nkcell_sim.study.plan import Plan; print(Plan(load_config('many.toml').study).identity)"
    said = python(stopped, "-c", code, before=("env", "PYTHONHASHSEED=7")).stdout.strip()
    assert said == StudyFolder.of(stopped / "many.h5").about["study"]
