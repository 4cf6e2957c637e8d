"""Where and with what the race was run."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Processor, instruction sets, load, versions, date."""
    from nkcell_sim import _kernels

    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "instruction_sets": [e["name"] for e in _kernels.engines() if e["runs"]],
        "load": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "compiler": _first_line("gcc", "--version"),
        "commit": _first_line("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    fields = dict(line.split("\t: ", 1) if "\t: " in line else (line.split("\t")[0], "") for line in text.split("\n\n")[0].splitlines())
    fields = {k.strip(): v for k, v in fields.items()}
    name = fields.get("model name", platform.processor())
    return f"{name} (family {fields['cpu family']}, model {fields['model']})" if "cpu family" in fields else name


def _first_line(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"
