"""Studies on a real Slurm: submitted, watched, cancelled; controller and node killed meanwhile.

A shell script stands where Python does and writes down its tasks.
"""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nkcell_sim.errors import ClusterError, MissingPackageError
from nkcell_sim.executors import slurm_jobs
from nkcell_sim.executors.slurm_options import SlurmOptions

from .engines import wait_until
from .slurm import Slurm

pytestmark = pytest.mark.slurm

# called as: -m nkcell_sim.cli work FOLDER --task K --tasks N; waits for a file if there is one to wait for; asked to stop, it says so and ends well
WORKER = """#!/bin/bash
trap 'echo stopped > "$4/seen/$6.stopped"; exit 0' TERM
mkdir -p "$4/seen"
echo "$6 of $8 in $PWD, restart ${SLURM_RESTART_COUNT:-0}, threads $NKCELL_THREADS" >> "$4/seen/$6"
echo "log of $6"
while [ -e "$4/hold" ]; do sleep 0.1; done
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder whose name would break an unquoted script."""
    folder = tmp_path / 'it\'s a "study" of $HOME; ñ #1 &.runs'
    folder.mkdir()
    return folder


@pytest.fixture
def worker(tmp_path: Path) -> SlurmOptions:
    path = tmp_path / "stand in"
    path.write_text(WORKER, encoding="utf-8")
    path.chmod(0o755)
    return SlurmOptions(python=str(path), memory="50 MB")


def held(study: Path) -> Path:
    """Tasks wait as long as this file exists."""
    path = study / "hold"
    path.touch()
    return path


def seen(study: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (study / "seen").glob("*")}


def wait_for_state(jobs: tuple[str, ...], **wanted: int) -> None:
    wait_until(lambda: all(slurm_jobs.state(jobs).get(name, 0) == count for name, count in wanted.items()), f"{wanted}")


def wait_until_ended(jobs: tuple[str, ...]) -> None:
    wait_until(lambda: slurm_jobs.unfinished(slurm_jobs.state(jobs)) == 0, "the jobs to end", 90)


def wait_until_saved(slurm: Slurm, job: str) -> None:
    """Until the controller has written its jobs to disk, seconds after each change: what it took after that, a crash loses."""
    file, asked = slurm.folder / "state" / "job_state", time.time()
    slurm.run("scontrol", "update", f"JobId={job}", "Comment=saved")
    wait_until(lambda: file.exists() and file.stat().st_mtime > asked, "the controller's save", 30)


def test_every_task_runs_once_in_the_folder_of_the_study_whatever_its_name(slurm: Slurm, study: Path, worker: SlurmOptions) -> None:
    done = slurm_jobs.submit(study, worker, 5)
    wait_until_ended(done.jobs)
    assert slurm_jobs.state(done.jobs) == {"COMPLETED": 5}
    assert seen(study) == {f"{k}": f"{k} of 5 in {study}, restart 0, threads 1\n" for k in range(5)}
    assert {path.name: path.read_text(encoding="utf-8") for path in (study / "slurm" / "logs").iterdir()} == {
        f"{done.jobs[0]}_{k}.log": f"log of {k}\n" for k in range(5)
    }
    assert done.scripts == (study / "slurm" / "array-1.sh",)


def test_more_tasks_than_one_array_takes_become_several_arrays(slurm: Slurm, study: Path, worker: SlurmOptions) -> None:
    most = int(slurm.settings["MaxArraySize"])
    assert slurm_jobs.max_array_size() == most
    hold = held(study)
    done = slurm_jobs.submit(study, worker, most)  # Slurm itself takes the largest array
    assert len(done.jobs) == 1
    slurm_jobs.cancel(done.jobs)
    done = slurm_jobs.submit(study, worker, 2 * most + 1)
    assert [path.name for path in done.scripts] == ["array-2-1.sh", "array-2-2.sh", "array-2-3.sh"]
    assert sum(slurm_jobs.state(done.jobs).values()) == done.tasks == 2 * most + 1
    slurm_jobs.cancel(done.jobs)
    hold.unlink()
    wait_until_ended(done.jobs)


def test_a_part_of_several_arrays_runs_its_own_tasks(slurm: Slurm, study: Path, worker: SlurmOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_jobs, "max_array_size", lambda **_: 3)
    done = slurm_jobs.submit(study, worker, 7)
    assert len(done.jobs) == 3
    wait_until_ended(done.jobs)
    assert set(seen(study)) == {f"{k}" for k in range(7)}


def test_states_are_counted_by_task_and_tell_why_tasks_wait(slurm: Slurm, study: Path, worker: SlurmOptions) -> None:
    hold = held(study)
    done = slurm_jobs.submit(study, SlurmOptions(python=worker.python, memory=worker.memory, max_concurrent=1), 4)
    wait_for_state(done.jobs, RUNNING=1, PENDING=3)
    wait_until(lambda: slurm_jobs.waiting_for(done.jobs) == {"JobArrayTaskLimit": 3}, "the reason")
    hold.unlink()
    wait_until_ended(done.jobs)
    assert len(seen(study)) == 4


def test_a_cancelled_task_is_asked_to_stop_and_a_forgotten_job_is_no_error(slurm: Slurm, study: Path, worker: SlurmOptions) -> None:
    held(study)
    done = slurm_jobs.submit(study, worker, 3)
    wait_until(lambda: len(seen(study)) == 2, "two tasks that run")
    slurm_jobs.cancel(done.jobs)
    wait_until_ended(done.jobs)
    assert slurm_jobs.state(done.jobs) == {"CANCELLED": 3}
    assert {name for name in seen(study) if "stopped" in name} == {"0.stopped", "1.stopped"}
    assert slurm_jobs.state(["999999"]) == {}
    slurm_jobs.cancel(["999999", *done.jobs])


def test_a_task_is_asked_to_stop_before_its_time_ends(slurm: Slurm, study: Path, worker: SlurmOptions) -> None:
    held(study)
    done = slurm_jobs.submit(study, SlurmOptions(python=worker.python, memory=worker.memory, time="2 min", stop_before="110 s"), 1)
    wait_until_ended(done.jobs)
    assert slurm_jobs.state(done.jobs) == {"COMPLETED": 1}  # not TIMEOUT
    assert "0.stopped" in seen(study)


def test_jobs_outlive_a_killed_controller_and_questions_wait_for_the_next_one(slurm: Slurm, study: Path, worker: SlurmOptions) -> None:
    hold = held(study)
    done = slurm_jobs.submit(study, worker, 3)
    wait_until(lambda: len(seen(study)) == 2, "two tasks that run")
    wait_until_saved(slurm, done.jobs[0])
    slurm.kill("slurmctld")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(slurm_jobs.state, done.jobs, patience=60)  # while nobody answers
        time.sleep(2)
        slurm.start_controller()
        assert asked.result() == {"PENDING": 1, "RUNNING": 2}
    hold.unlink()
    wait_until_ended(done.jobs)
    assert {text.rsplit(", threads", 1)[0] for text in seen(study).values()} == {f"{k} of 3 in {study}, restart 0" for k in range(3)}


def test_a_study_is_submitted_once_although_the_controller_was_away(slurm: Slurm, study: Path, worker: SlurmOptions) -> None:
    with ThreadPoolExecutor(1) as pool:
        slurm.kill("slurmctld")
        asked = pool.submit(slurm_jobs.submit, study, worker, 2, patience=60)
        time.sleep(2)
        slurm.start_controller()
        done = asked.result()
    wait_until_ended(done.jobs)
    (name,) = re.findall(r"^#SBATCH --job-name=(.*)$", done.scripts[0].read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert slurm.run("squeue", "-h", "--states=all", f"--name={name}", "--format=%F").split() == [done.jobs[0]] * 2


def test_jobs_are_found_by_names_that_are_told_before_they_are_submitted(
    slurm: Slurm, study: Path, worker: SlurmOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_jobs, "max_array_size", lambda **_: 3)
    told: list[str] = []
    first, second = (slurm_jobs.submit(study, worker, 5, intend=told.extend) for _ in range(2))
    assert len(set(told)) == 4, "no other submission has them"
    assert tuple(slurm_jobs.jobs_named(told[:2])) == first.jobs
    assert tuple(slurm_jobs.jobs_named(told[2:])) == second.jobs
    assert slurm_jobs.jobs_named(["nkcell-none"]) == []
    slurm_jobs.cancel([*first.jobs, *second.jobs])


def test_a_controller_that_stays_away_is_an_error_that_says_so(slurm: Slurm, study: Path, worker: SlurmOptions) -> None:
    slurm.kill("slurmctld")
    with pytest.raises(ClusterError, match=r"controller did not answer `squeue` for 1 s .*check `scontrol ping`"):
        slurm_jobs.state(["1"], patience=1.0)


def test_a_task_outlives_a_killed_slurmd(slurm: Slurm, study: Path, worker: SlurmOptions) -> None:
    hold = held(study)
    done = slurm_jobs.submit(study, worker, 1)
    wait_until(lambda: len(seen(study)) == 1, "a task that runs")
    slurm.kill("slurmd")
    slurm.start_node()
    hold.unlink()
    wait_until_ended(done.jobs)
    assert slurm_jobs.state(done.jobs) == {"COMPLETED": 1}
    assert len(seen(study)["0"].splitlines()) == 1


def test_tasks_of_a_lost_node_start_again_and_append_to_their_logs(slurm: Slurm, study: Path, worker: SlurmOptions) -> None:
    hold = held(study)
    done = slurm_jobs.submit(study, worker, 1)
    wait_until(lambda: len(seen(study)) == 1, "a task that runs")
    slurm.lose_node()
    wait_until(lambda: slurm.node_state() == "down", "Slurm to notice", 90)
    slurm.start_node()
    assert slurm_jobs.unfinished(slurm_jobs.state(done.jobs)) == 1
    # Slurm waits two minutes before it tries again, since its order to end the lost task may still reach the node; here that takes a second
    slurm.run("scontrol", "update", f"JobId={done.jobs[0]}", "StartTime=now+15")
    wait_until(lambda: len(seen(study)["0"].splitlines()) == 2, "the second start")
    hold.unlink()
    wait_until_ended(done.jobs)
    assert "restart 1" in seen(study)["0"].splitlines()[1]
    assert (study / "slurm" / "logs" / f"{done.jobs[0]}_0.log").read_text(encoding="utf-8").count("log of 0\n") == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (SlurmOptions(partition="nope"), r"invalid partition specified: nope.*set partition to one of: debug \(at most infinite, nodes of 2 cores .*short"),
        (SlurmOptions(memory="900 TB"), "Memory specification can not be satisfied.*ask for less memory"),
        (SlurmOptions(extra=("--constraint=moon",)), "Invalid feature specification.*sinfo"),
        (SlurmOptions(extra=("--no-such-option",)), "unrecognized option.*sbatch --help"),
    ],
    ids=["partition", "memory", "feature", "option"],
)
def test_what_slurm_refuses_is_told_with_what_to_do(slurm: Slurm, study: Path, options: SlurmOptions, said: str) -> None:
    with pytest.raises(ClusterError, match=f"(?s)Slurm refused .*array-1.sh: .*{said}") as caught:
        slurm_jobs.submit(study, options, 2)
    assert caught.value.command == "sbatch"
    assert not slurm.run("squeue", "-h").strip()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (SlurmOptions(cpus_per_task=64), "2 tasks wait for PartitionConfig, which does not pass by itself; ask for less time, fewer cpus_per_task"),
        (SlurmOptions(partition="short", time="2 h"), "2 tasks wait for PartitionConfig, which does not pass by itself; ask for less time"),
    ],
    ids=["cores", "time"],
)
def test_what_slurm_takes_but_will_never_run_is_told(slurm: Slurm, study: Path, options: SlurmOptions, said: str) -> None:
    done = slurm_jobs.submit(study, options, 2)
    wait_until(lambda: slurm_jobs.stuck(done.jobs) != "", "the reason")
    assert said in slurm_jobs.stuck(done.jobs)
    slurm_jobs.cancel(done.jobs)
    assert slurm_jobs.stuck(done.jobs) == ""


def test_when_a_later_array_is_refused_the_earlier_ones_are_cancelled(slurm: Slurm, study: Path, worker: SlurmOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    held(study)
    monkeypatch.setattr(slurm_jobs, "max_array_size", lambda **_: 10)
    monkeypatch.setattr(slurm_jobs, "array_scripts", _second_broken(slurm_jobs.array_scripts))
    with pytest.raises(ClusterError, match="invalid partition"):
        slurm_jobs.submit(study, worker, 20)
    slurm.wait_idle()


def _second_broken(original):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    def scripts(*arguments, **named):  # type: ignore[no-untyped-def]
        first, second = original(*arguments, **named)
        return [first, replace(second, text=second.text.replace("#SBATCH --job-name", "#SBATCH --partition=gone\n#SBATCH --job-name"))]

    return scripts


def test_a_users_defaults_for_slurm_do_not_win_over_the_options(slurm: Slurm, study: Path, worker: SlurmOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = {"SBATCH_PARTITION": "nope", "SBATCH_WAIT": "1", "SBATCH_ARRAY_INX": "5-9", "SQUEUE_STATES": "RUNNING", "SQUEUE_USERS": "nobody"}
    for name, value in defaults.items():
        monkeypatch.setenv(name, value)
    done = slurm_jobs.submit(study, SlurmOptions(python=worker.python, partition="short"), 2)
    assert sum(slurm_jobs.state(done.jobs).values()) == 2
    wait_until_ended(done.jobs)
    assert set(seen(study)) == {"0", "1"}


def test_a_machine_without_slurm_is_told_so(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(MissingPackageError, match=r"scontrol was not found.*login node"):
        slurm_jobs.submit(study, SlurmOptions(), 1)
