"""Stand-ins for Slurm's commands, for answers that a healthy Slurm cannot be made to give: small scripts, first on PATH, that share a folder.

The folder holds ``calls`` (a line for each command that was run), ``queue`` (a line NUMBER|NAME for each job) and, as long as squeue has no answer, ``said``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# as Slurm has them: what sbatch was told is in the script
SBATCH = """
number=$((1000 + $(grep -c ^sbatch "$here/calls")))
queued() { sed -n "s/^#SBATCH --job-name=/$number|/p" "$script" >> "$here/queue"; }
"""
TAKEN = "queued; echo $number"
SQUEUE = """
if [ -e "$here/said" ]; then cat "$here/said" >&2; exit 1; fi
for argument in "$@"; do
  case "$argument" in
    --name=*) while IFS='|' read -r number name; do case ",${argument#--name=}," in *",$name,"*) echo "$number|$number";; esac; done < "$here/queue"; exit;;
    --jobs=*) while IFS='|' read -r number name; do case ",${argument#--jobs=}," in *",$number,"*) echo "RUNNING|None";; esac; done < "$here/queue"; exit;;
  esac
done
"""


class FakeSlurm:
    """Commands that answer as they are told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        for name in ("calls", "queue"):
            (folder / name).touch()
        self.command("scontrol", "echo 'MaxArraySize = 1001'")
        self.command("squeue", SQUEUE)
        self.command("scancel", "")
        self.sbatch(TAKEN)
        monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def command(self, name: str, body: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f'#!/bin/bash\nhere="{self.folder}"\necho "{name} $*" >> "$here/calls"\n{body}\n', encoding="utf-8")
        path.chmod(0o755)

    def sbatch(self, body: str) -> None:
        """What it does: ``queued`` puts the job into the queue, whose ``$number`` is the answer; the array script is ``$script``."""
        self.command("sbatch", f'script="${{@: -1}}"{SBATCH}{body}')

    def calls(self, name: str) -> int:
        """How often a command was run."""
        return sum(line.split()[0] == name for line in (self.folder / "calls").read_text(encoding="utf-8").splitlines())

    def says(self, text: str) -> None:
        """Instead of an answer of squeue; an empty text lets it answer again."""
        (self.folder / "said").unlink(missing_ok=True)
        if text:
            (self.folder / "said").write_text(f"squeue: error: {text}\n", encoding="utf-8")

    def ends(self) -> None:
        """All jobs leave the queue."""
        (self.folder / "queue").write_text("", encoding="utf-8")


@pytest.fixture
def fake_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    return FakeSlurm(tmp_path / "slurm", monkeypatch)
