"""Compile the cell's equations into an extension module for engines that call back."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np

from ..missing import Missing
from ..task import MODEL, Task

HERE = Path(__file__).parent
SOURCE = HERE.parents[2] / "src" / "nkcell_sim"
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-ffp-contract=fast", "-fPIC", "-shared", "-Wno-unused-function", "-Werror=implicit-function-declaration")


def compiler() -> str:
    """Path of the C compiler."""
    found = shutil.which("gcc") or shutil.which("cc")
    if not found:
        raise Missing("no C compiler (gcc or cc) on the path", "apt-get install gcc")
    return found


def header(task: Task, folder: Path) -> Path:
    """The folder with the cell's generated header: the checkout's if it is of this model, else a fresh one."""
    ready = SOURCE / "_generated" / f"{MODEL}.h"
    if ready.exists() and task.cell.composition.hash in ready.read_text(encoding="utf-8"):
        return ready.parent
    from nkcell_sim.codegen.c_header import CellHeader

    (folder / ready.name).write_text(CellHeader(task.cell.composition).text(), encoding="utf-8")
    return folder


def build(task: Task) -> ModuleType:
    """Compile and load the equations with the task's scales; every process builds its own."""
    with tempfile.TemporaryDirectory(prefix="race-") as name:
        folder = Path(name)
        target = folder / f"equations{sysconfig.get_config_var('EXT_SUFFIX')}"
        includes = (HERE, SOURCE / "_kernel", header(task, folder), np.get_include(), sysconfig.get_paths()["include"])
        names = (f'-DRACE_HEADER="{MODEL}.h"', f"-DRACE_MODEL={MODEL}_model")
        command = [compiler(), *FLAGS, *names, *(f"-I{f}" for f in includes), str(HERE / "equations.c"), "-o", str(target), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError("the equations did not compile: " + next((line for line in done.stderr.splitlines() if "error:" in line), done.stderr))
        return _load(target, task)  # the loaded library stays mapped when its file is removed


def _load(path: Path, task: Task) -> ModuleType:
    spec = importlib.util.spec_from_file_location("equations", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.set_scale(task.scale)
    return module
