"""Answers of Slurm that none gives when it is asked to: whatever it says, jobs that may still run stay known, and their folder stays."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim import cli
from nkcell_sim.errors import ClusterError
from nkcell_sim.executors import Slurm, slurm_jobs
from nkcell_sim.experiments import Rest
from nkcell_sim.study import arrays
from nkcell_sim.study.folder import StudyFolder
from nkcell_sim.study.status import status_text
from nkcell_sim.terminal import ended, received

from ..cluster.engines import wait_until
from ..small_config import SMALL
from .fake_slurm import TAKEN, FakeSlurm, fake_slurm

__all__ = ["fake_slurm"]
SOURCE = Path(nk.__file__).parents[1]
UNHEARD_OF = "Protocol authentication error"
AWAY = "Unable to contact slurm controller (connect failure)"


def study(runs: int = 40) -> nk.Study:
    return nk.Study(nk.primary_nk_cell(), {"rest": Rest(duration="20 s")}, vary={"KCa31.g_max": np.linspace(0.1, 0.5, runs)})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small configuration, in which commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))
    (tmp_path / "small.toml").write_text(SMALL, encoding="utf-8")
    return tmp_path


def submitting() -> subprocess.Popen[str]:
    """Another process that submits the small configuration."""
    command = [sys.executable, "-m", "nkcell_sim.cli", "submit", "small.toml"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_failure_of_squeue_that_passes_is_no_error(fake_slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_jobs, "DOUBT", 20.0)
    fake_slurm.says(UNHEARD_OF)
    (fake_slurm.folder / "queue").write_text("7|x\n", encoding="utf-8")
    threading.Timer(1.0, fake_slurm.says, [""]).start()
    told: list[str] = []
    assert slurm_jobs.state(["7"], told=told.append) == {"RUNNING": 1}
    assert told[0] == f"squeue: error: {UNHEARD_OF}", "whoever waits can say why"


def test_a_failure_of_squeue_that_stays_is_an_error_and_one_that_says_the_job_is_gone_is_none(fake_slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_jobs, "DOUBT", 0.5)
    fake_slurm.says(UNHEARD_OF)
    with pytest.raises(ClusterError, match=rf"Slurm does not tell the state of 7, asked for 0\.5 s: .*{UNHEARD_OF}"):
        slurm_jobs.state(["7"])
    assert fake_slurm.calls("squeue") > 1
    fake_slurm.says("Invalid job id specified")
    assert slurm_jobs.state(["7"]) == {}


@pytest.mark.parametrize("said", [UNHEARD_OF, AWAY])
def test_waiting_that_ends_with_an_error_leaves_the_jobs_and_their_folder_and_says_what_to_do(
    place: Path, fake_slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr(slurm_jobs, "DOUBT", 0.5)
    monkeypatch.setattr(arrays, "state", partial(slurm_jobs.state, patience=0.5))
    fake_slurm.sbatch(f"{TAKEN}; echo 'squeue: error: {said}' > $here/said")
    with pytest.raises(ClusterError) as caught:
        nk.run(study(), "x.h5", on=Slurm(2))
    message = str(caught.value)
    assert said in message
    for part in (
        "Job 1001 of Slurm may go on",
        "`nkcell status x.h5.runs`",
        "`nkcell resume x.h5.runs --on slurm`",
        "(scancel 1001)",
        "0 of 40 runs are finished and kept in x.h5.runs",
    ):
        assert part in message
    folder = StudyFolder.beside("x.h5")
    assert folder.exists
    assert arrays.jobs_of(folder) == ["1001"]
    assert fake_slurm.calls("scancel") == 0


def test_progress_says_that_slurm_does_not_answer(place: Path, fake_slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_jobs, "DOUBT", 0.5)
    fake_slurm.sbatch(f"{TAKEN}; echo 'squeue: error: {UNHEARD_OF}' > $here/said")
    seen: list[str] = []
    with pytest.raises(ClusterError):
        nk.run(study(), "x.h5", on=Slurm(2), progress=lambda done, total, what: seen.append(what))
    assert any(re.search(rf"job 1001, of which Slurm tells nothing now \(.*{UNHEARD_OF}\)", what) for what in seen)


@pytest.mark.parametrize("body", ["", "echo 'scancel: error: Access/permission denied' >&2; exit 1"], ids=["cancelled", "not cancelled"])
def test_an_interrupt_cancels_the_jobs_or_says_that_they_may_go_on(place: Path, fake_slurm: FakeSlurm, body: str) -> None:
    fake_slurm.command("scancel", body)

    def interrupt(done: int, total: int, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(ClusterError if body else KeyboardInterrupt) as caught:
        nk.run(study(), "x.h5", on=Slurm(2), progress=interrupt)
    assert fake_slurm.calls("scancel") == 1
    assert StudyFolder.beside("x.h5").exists, "tasks that are told to stop write into it"
    if body:
        assert re.search(r"interrupted, and Slurm did not cancel 1001: .*denied\. Job 1001 of Slurm may go on: .*scancel 1001", str(caught.value))


def test_a_study_that_is_submitted_twice_at_once_is_submitted_once(place: Path, fake_slurm: FakeSlurm) -> None:
    fake_slurm.sbatch(f"sleep 4; {TAKEN}")
    both = [submitting()]
    wait_until(lambda: fake_slurm.calls("sbatch") > 0, "the first to submit")
    both.append(submitting())
    said = [process.communicate()[0] for process in both]
    assert sorted(process.returncode for process in both) == [0, 2], said
    assert fake_slurm.calls("sbatch") == 1
    refused = said[0] if both[0].returncode else said[1]
    assert "runs this study" in refused or "jobs 1001 of Slurm still work on this study" in refused
    assert arrays.jobs_of(StudyFolder.beside("small.h5")) == ["1001"]


@pytest.mark.parametrize("body", ["queued; kill -9 $PPID", "kill -9 $PPID; sleep 2; queued"], ids=["answer lost", "taken later"])
def test_a_job_whose_submitting_process_was_killed_is_found_by_its_name(place: Path, fake_slurm: FakeSlurm, body: str) -> None:
    fake_slurm.sbatch(body)
    killed = submitting()
    killed.communicate()
    assert killed.returncode == -9
    fake_slurm.sbatch(TAKEN)
    second = submitting()
    said, _ = second.communicate()
    assert second.returncode == 2
    assert "jobs 1001 of Slurm still work on this study" in said
    assert fake_slurm.calls("sbatch") == 1
    fake_slurm.ends()
    long_ago = time.time() - arrays.ON_ITS_WAY  # as if the first had been killed a while ago
    os.utime(StudyFolder.beside("small.h5").path / arrays.JOBS, (long_ago, long_ago))
    assert cli.main(["submit", "small.toml"]) == 0
    assert arrays.jobs_of(StudyFolder.beside("small.h5")) == ["1002"]


def test_a_refused_submission_leaves_nothing_unless_slurm_does_not_say_that_nothing_is_left(
    place: Path, fake_slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TAKING_BACK", "DOUBT"):
        monkeypatch.setattr(slurm_jobs, name, 0.5)
    fake_slurm.sbatch("echo 'sbatch: error: Batch job submission failed: Unspecified error' >&2; exit 1")
    assert cli.main(["submit", "small.toml"]) == 2
    assert not StudyFolder.beside("small.h5").path.exists()
    fake_slurm.says(UNHEARD_OF)
    assert cli.main(["submit", "small.toml"]) == 2
    (name,) = json.loads((StudyFolder.beside("small.h5").path / arrays.JOBS).read_text(encoding="utf-8"))["names"]
    assert name.startswith("nkcell-small.h5-")


def test_arrays_that_are_submitted_already_are_cancelled_though_squeue_says_nothing(
    place: Path, fake_slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a study that needs several arrays, of which Slurm takes the first only."""
    for name in ("TAKING_BACK", "DOUBT"):
        monkeypatch.setattr(slurm_jobs, name, 0.5)
    fake_slurm.command("scontrol", "echo 'MaxArraySize = 3'")
    fake_slurm.says(UNHEARD_OF)
    refused = "echo 'sbatch: error: Batch job submission failed: Unspecified error' >&2; exit 1"
    fake_slurm.sbatch(f"if [ $number -gt 1001 ]; then {refused}; fi; {TAKEN}")
    with pytest.raises(ClusterError, match="Unspecified error"):
        nk.run(study(), "x.h5", on=Slurm(5))
    assert "scancel 1001" in (fake_slurm.folder / "calls").read_text(encoding="utf-8").splitlines()


def test_the_command_line_says_that_jobs_go_on_which_an_interrupt_did_not_end(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(**_: object) -> None:
        received.append(signal.SIGINT)
        raise ClusterError("interrupted, and Slurm did not cancel 1001: denied. Job 1001 of Slurm may go on: cancel it (scancel 1001)")

    assert ended(interrupted, ["run"]) == 128 + signal.SIGINT
    assert capsys.readouterr().err == "nkcell: interrupted; Slurm did not cancel 1001: denied. Job 1001 of Slurm may go on: cancel it (scancel 1001)\n"


def test_the_status_is_told_though_squeue_does_not_say_which_jobs_there_are(place: Path, fake_slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_slurm.sbatch("queued; kill -9 $PPID")
    submitting().communicate()
    fake_slurm.says(UNHEARD_OF)
    monkeypatch.setattr(slurm_jobs, "DOUBT", 0.5)
    said = status_text("small.h5")
    assert "0 of 1 runs finished" in said
    assert "jobs of Slurm: Slurm does not tell whether there are jobs nkcell-small.h5-" in said
    assert UNHEARD_OF in said


DEADLY = """
study=$(sed -n 's/.*"study": "\\(.*\\)",/\\1/p' study.json)
for k in {which}; do
  first='{{"host": "'$(uname -n)'", "pid": 4194305, "age": "1"}}'
  printf '%s\\n{{"start": [[%d, %d]], "attempt": "attempt-%s"}}\\n' "$first" $k $((k + {size})) $number-$k > "journal/$study-dead-$number-$k.jsonl"
done
if [ $number -gt 1012 ]; then echo "sbatch: error: submitted for ever" >&2; exit 1; fi
echo $number
"""


@pytest.mark.parametrize("which", ["0", "0 8 16 24 32"], ids=["one", "many"])
def test_arrays_whose_workers_die_with_the_same_chunks_are_not_submitted_for_ever(place: Path, fake_slurm: FakeSlurm, which: str) -> None:
    fake_slurm.sbatch(DEADLY.format(which=which, size=8))
    with pytest.raises(ClusterError, match=r"\d arrays of Slurm ended without a finished run"):
        nk.run(study(), "x.h5", on=Slurm(2))


def test_arrays_whose_workers_die_with_other_chunks_each_time_are_not_submitted_for_ever(
    place: Path, fake_slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "ROUNDS_OF_DEATHS", 6)
    fake_slurm.sbatch(DEADLY.format(which="$((number - 1000))", size=1))
    with pytest.raises(ClusterError, match="6 arrays of Slurm ended without a finished run"):
        nk.run(study(), "x.h5", on=Slurm(2))
