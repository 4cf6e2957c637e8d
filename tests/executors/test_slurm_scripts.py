"""What a study asks Slurm for, as text: options are checked where they are given, and scripts cover every task once."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nkcell_sim.errors import ParameterError
from nkcell_sim.executors.slurm_options import SlurmOptions
from nkcell_sim.executors.slurm_scripts import array_scripts, job_name, next_round


def directives(text: str) -> list[str]:
    return re.findall(r"^#SBATCH (.*)$", text, re.MULTILINE)


def test_a_script_asks_for_what_the_options_say(tmp_path: Path) -> None:
    options = SlurmOptions(partition="cpu", account="lab", time="90 min", memory="4 GB", cpus_per_task=8, max_concurrent=20, extra=("--constraint=avx512",))
    (script,) = array_scripts(tmp_path, options, 100)
    wanted = {"--partition=cpu", "--account=lab", "--time=0-01:30:00", "--mem=4G", "--cpus-per-task=8", "--array=0-99%20", "--constraint=avx512"}
    assert wanted <= set(directives(script.text))
    assert {"--requeue", "--open-mode=append", "--signal=B:TERM@60", "--output=slurm/logs/%A_%a.log"} <= set(directives(script.text))
    assert not any(d.startswith("--qos") for d in directives(script.text))


@pytest.mark.parametrize(("given", "seconds"), [("4 h", 14400), ("30min", 1800), ("1-12:00:00", 129600), ("2:00:00", 7200), ("", 0)])
def test_times_are_those_of_the_laboratory_or_of_slurm(given: str, seconds: int) -> None:
    assert SlurmOptions(time=given).time_seconds == seconds


@pytest.mark.parametrize(("given", "text"), [("4 GB", "4G"), ("500MB", "500M"), ("2g", "2G"), ("1 TiB", "1T")])
def test_memory_is_written_as_slurm_reads_it(given: str, text: str) -> None:
    assert f"--mem={text}" in SlurmOptions(memory=given).directives()


@pytest.mark.parametrize(("tasks", "most", "limit", "ran"), [(7, 3, 0, 7), (10, 10, 4, 10), (11, 10, 3, 11), (5000, 1000, 2, 2000), (1, 1, 1, 1)])
def test_every_task_is_in_one_array_and_the_arrays_keep_the_limit_together(tmp_path: Path, tasks: int, most: int, limit: int, ran: int) -> None:
    scripts = array_scripts(tmp_path, SlurmOptions(max_concurrent=limit), tasks, max_array_size=most)
    assert [k for s in scripts for k in range(s.first, s.first + s.size)] == list(range(ran))
    assert all(1 <= s.size <= most for s in scripts)
    arrays = [next(d for d in directives(s.text) if d.startswith("--array")) for s in scripts]
    assert [int(a.split("-")[-1].split("%")[0]) for a in arrays] == [s.size - 1 for s in scripts]
    assert sum(int(a.split("%")[1]) for a in arrays if "%" in a) == limit
    assert len({s.name for s in scripts}) == len({s.file for s in scripts}) == len(scripts)


@pytest.mark.parametrize(("first", "size"), [(0, 3), (3, 4)])
def test_a_script_calls_the_worker_with_its_task_whatever_the_names(tmp_path: Path, first: int, size: int) -> None:
    folder = tmp_path / 'it\'s $HOME; "x".runs'
    python = tmp_path / "my python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@" "$NKCELL_THREADS" "$NOTE"\n', encoding="utf-8")
    python.chmod(0o755)
    options = SlurmOptions(python=str(python), prologue=("export NOTE='from the prologue'",))
    script = array_scripts(folder, options, 7, max_array_size=4)[first > 0]
    assert (script.first, script.size) == (first, size)
    environment = {"SLURM_ARRAY_TASK_ID": "2", "SLURM_CPUS_PER_TASK": "4", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash"], input=script.text, env=environment, capture_output=True, text=True, check=True)
    # a process a core, each with one thread
    wanted = ["-m", "nkcell_sim.cli", "work", str(folder), "--task", str(first + 2), "--tasks", "7", "1", "from the prologue"]
    assert done.stdout.splitlines() == wanted


def test_a_module_that_does_not_load_ends_the_task_before_python_starts(tmp_path: Path) -> None:
    (script,) = array_scripts(tmp_path, SlurmOptions(python="/bin/echo", modules=("no-such/1.0",)), 1)
    done = subprocess.run(["bash"], input=script.text, env={"SLURM_ARRAY_TASK_ID": "0", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nkcell_sim.cli" not in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"time": "30"}, "time = '30'; expected \"4 h\""),
        ({"time": "30 mM"}, "time = '30 mM'"),
        ({"time": "60 s"}, "time longer than stop_before"),
        ({"time": 30}, "time = 30"),
        ({"stop_before": "0 s"}, "stop_before"),
        ({"stop_before": "2 d"}, "stop_before"),
        ({"memory": "4"}, "memory = '4'; expected a whole number and a unit"),
        ({"memory": "1.5 GB"}, "memory"),
        ({"cpus_per_task": 0}, "cpus_per_task = 0; expected a whole number of cores from 1"),
        ({"cpus_per_task": True}, "cpus_per_task = True"),
        ({"tasks": -1}, "tasks = -1"),
        ({"max_concurrent": 1.5}, "max_concurrent = 1.5"),
        ({"partition": "a b"}, "partition = 'a b'"),
        ({"account": "x\n#SBATCH --wrap"}, "account"),
        ({"extra": "--mem=2G"}, "extra = '--mem=2G'; expected a list of texts"),
        ({"extra": ("--array=0-5",)}, "which the script decides itself; set tasks and max_concurrent"),
        ({"extra": ("-p cpu",)}, "set partition"),
        ({"extra": ("constraint=x",)}, "expected options of sbatch"),
        ({"prologue": ("a\nb",)}, "one line each"),
        ({"python": "a\nb"}, "python"),
    ],
    ids=str,
)
def test_an_option_that_slurm_would_misread_is_refused_by_name(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(said)) as caught:
        SlurmOptions(**options)
    assert caught.value.name in options


@pytest.mark.parametrize("name", ["100%a.runs", "back\\slash.runs", "two\nlines.runs"])
def test_a_folder_that_slurm_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParameterError, match="which Slurm reads otherwise"):
        array_scripts(tmp_path / name, SlurmOptions(), 1)


def test_rounds_are_counted_by_the_scripts_that_are_there(tmp_path: Path) -> None:
    assert next_round(tmp_path) == 1
    (tmp_path / "slurm").mkdir()
    for name in ("array-1.sh", "array-2-1.sh", "array-10-3.sh", "notes.sh"):
        (tmp_path / "slurm" / name).touch()
    assert next_round(tmp_path) == 11


def test_studies_of_one_name_in_two_places_have_two_job_names(tmp_path: Path) -> None:
    names = {job_name(tmp_path / place / "a b.runs", "1") for place in ("x", "y")}
    assert len(names) == 2
    assert all(re.fullmatch(r"nkcell-a-b-[0-9a-f]{8}-r1", name) for name in names)
