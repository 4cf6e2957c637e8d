"""Instructions of the engine under valgrind's callgrind: the same number on every run, whatever else the machine is doing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ISA = "avx2"  # valgrind knows no AVX-512
STEPS = (100, 200)
TIMES = (1000, 2000)
PARTS = ("rhs", "jacobian", "solve")  # the second is a right-hand side with Jacobian and factorisation, in one
START = """
import sys
from nkcell_sim.execution import Execution
from nkcell_sim.model.cells import primary_nk_cell, stub_nk_cell

cell = {"stub_nk": stub_nk_cell, "primary_nk": primary_nk_cell}[sys.argv[1]]()
execution = Execution(threads=1, isa=sys.argv[2])
counts, names = [int(n) for n in sys.argv[3].split(",")], sys.argv[4:]
print(execution.lanes())
"""
STEPPING = """
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate

block = [cell.with_state(cell.initial_state())] * execution.lanes()
for name in names:
    for steps in counts:
        simulate(block, Protocol(1e-3 * steps), times=[], fixed_step=1e-3, method=name, execution=execution)
"""
REPEATING = """
from nkcell_sim import _kernels

for name in names:
    for times in counts:
        _kernels.repeat(cell.composition.name, name, times, cell.initial_state(), cell.input_defaults(), cell.parameter_vector(), engine=execution.isa)
"""


def available() -> bool:
    """Valgrind is installed."""
    return shutil.which("valgrind") is not None


def per_attempt(cell: str, methods: Sequence[str]) -> dict[str, float]:
    """Instructions that one attempted step costs one run in a full block, by method."""
    return _differences(STEPPING, "nk_engine_integrate", cell, STEPS, methods)


def per_part(cell: str) -> dict[str, float]:
    """Instructions that each part of a step costs one run in a full block."""
    return _differences(REPEATING, "nk_engine_repeat", cell, TIMES, PARTS)


def inside(function: str, program: str, *arguments: str) -> int:
    """Instructions inside functions of that name (``*`` stands for any ending) while a program runs."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        options = ["--tool=callgrind", "--collect-atstart=no", f"--toggle-collect={function}", f"--callgrind-out-file={out}"]
        command = ["valgrind", "-q", *options, sys.executable, "-c", program, *arguments]
        subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        return _total(out)


def _differences(program: str, function: str, cell: str, counts: tuple[int, int], names: Sequence[str]) -> dict[str, float]:
    """Instructions inside a function of the engine for one repetition and one run: two lengths, so that what happens once cancels."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        options = ["--tool=callgrind", f"--toggle-collect={function}", f"--dump-after={function}", f"--callgrind-out-file={out}"]
        command = ["valgrind", "-q", *options, sys.executable, "-c", START + program, cell, ISA, ",".join(map(str, counts)), *names]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        totals = [_total(out.with_name(f"out.{i + 1}")) for i in range(2 * len(names))]
    share = (counts[1] - counts[0]) * int(done.stdout.split()[0])
    return {name: (totals[2 * i + 1] - totals[2 * i]) / share for i, name in enumerate(names)}


def _total(dump: Path) -> int:
    found = re.search(r"^totals: (\d+)", dump.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"callgrind wrote no total into {dump.name}")
    return int(found[1])
