"""Instructions of the engine under valgrind's callgrind: the same number on every run, whatever else the machine is doing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ISA = "avx2"  # valgrind knows no AVX-512
STEPS = (100, 200)
FUNCTION = "nk_engine_integrate"
PROGRAM = """
import sys
from nkcell_sim.execution import Execution
from nkcell_sim.model.cells import primary_nk_cell, stub_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate

cell = {"stub_nk": stub_nk_cell, "primary_nk": primary_nk_cell}[sys.argv[1]]()
execution = Execution(threads=1, isa=sys.argv[2])
block = [cell.with_state(cell.initial_state())] * execution.lanes()
print(len(block))
for method in sys.argv[4:]:
    for steps in map(int, sys.argv[3].split(",")):
        simulate(block, Protocol(1e-3 * steps), times=[], fixed_step=1e-3, method=method, execution=execution)
"""


def available() -> bool:
    """Valgrind is installed."""
    return shutil.which("valgrind") is not None


def per_attempt(cell: str, methods: list[str]) -> dict[str, float]:
    """Instructions that one attempted step costs one run in a full block, by method: the difference of two lengths of fixed steps."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        options = ["--tool=callgrind", f"--toggle-collect={FUNCTION}", f"--dump-after={FUNCTION}", f"--callgrind-out-file={out}"]
        command = ["valgrind", "-q", *options, sys.executable, "-c", PROGRAM, cell, ISA, ",".join(map(str, STEPS)), *methods]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        lanes = int(done.stdout.split()[0])
        totals = [_total(out.with_name(f"out.{i + 1}")) for i in range(len(STEPS) * len(methods))]
    per_block = [(totals[2 * i + 1] - totals[2 * i]) / (STEPS[1] - STEPS[0]) for i in range(len(methods))]
    return {method: value / lanes for method, value in zip(methods, per_block, strict=True)}


def _total(dump: Path) -> int:
    found = re.search(r"^totals: (\d+)", dump.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"callgrind wrote no total into {dump.name}")
    return int(found[1])
