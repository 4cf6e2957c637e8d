"""Speed of the parts (pytest-benchmark): right-hand side, Jacobian with LU, one step, the main protocols, import and --help.

    python -m pytest benchmarks --benchmark-columns=min,median,ops

Absolute times belong to a machine; compare ratios within one run. Nothing here asserts a time.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim import _kernels
from nkcell_sim.model.cells import primary_nk_cell, stub_nk_cell
from nkcell_sim.simulate import simulate

BLOCKS = 2000
CELLS = {"primary_nk": primary_nk_cell, "stub_nk": stub_nk_cell}
IMAGING = nk.Protocol(600.0).step(60.0, pregs="50 uM").step(360.0, pregs=0.0)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("part", ["rhs", "jacobian", "solve"])
def test_part_of_a_step(benchmark, name: str, part: str) -> None:
    cell = CELLS[name]()
    arguments = (name, part, BLOCKS, cell.initial_state(), cell.input_defaults(), cell.parameter_vector())
    benchmark.extra_info["evaluations_per_round"] = BLOCKS * max(e["lanes"] for e in _kernels.engines() if e["runs"])
    benchmark(_kernels.repeat, *arguments)


def settled(count: int) -> list[nk.Cell]:
    cell = primary_nk_cell()
    start = cell.with_state(cell.initial_state())
    return [start.set({"TRPM3.density": 0.6 + 0.01 * i}) for i in range(count)]


def test_a_thousand_fixed_steps_of_a_full_block(benchmark) -> None:
    cells = settled(max(e["lanes"] for e in _kernels.engines() if e["runs"]))
    protocol = nk.Protocol(1.0).step(0.0, pregs="50 uM")
    benchmark.extra_info["steps_per_round"] = 1000 * max(e["lanes"] for e in _kernels.engines() if e["runs"])
    benchmark(simulate, cells, protocol, times=[], fixed_step=1e-3)


def test_imaging_protocol_of_a_batch(benchmark) -> None:
    cells = settled(64)
    trace = benchmark(simulate, cells, IMAGING, record=["ca_cyt"], times=np.linspace(0.0, 600.0, 101))
    benchmark.extra_info["steps_per_run"] = float(np.mean([o.steps for o in trace.outcomes]))
    benchmark.extra_info["runs_per_round"] = len(cells)


def test_main_patch_clamp_run(benchmark) -> None:
    rig = nk.PatchClamp(ntx_in_bath="kept")
    cell = rig.prepare(settled(1)[0])
    trace = benchmark(simulate, cell, rig.protocol(), record=rig.record, times=rig.times())
    benchmark.extra_info["steps_per_run"] = trace.outcomes[0].steps


@pytest.mark.parametrize("method", ["rosenbrock", "bdf", "lsoda"])
def test_the_same_imaging_run_by_each_method(benchmark, method: str) -> None:
    cell = settled(1)[0]
    benchmark.pedantic(simulate, (cell, IMAGING), {"record": ["ca_cyt"], "times": [600.0], "method": method}, rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("command", [["-c", "import nkcell_sim"], ["-m", "nkcell_sim.cli", "--help"]], ids=["import", "help"])
def test_start_up(benchmark, command: list[str]) -> None:
    benchmark.pedantic(lambda: subprocess.run([sys.executable, *command], check=True, capture_output=True), rounds=5, warmup_rounds=1)
