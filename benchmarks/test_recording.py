"""What recording costs: five quantities at a hundred times against the end state alone, in one run, turn by turn.

    python -m pytest benchmarks/test_recording.py -s
"""

from __future__ import annotations

import time

import numpy as np
import pytest

import nkcell_sim as nk
from nkcell_sim.execution import Execution
from nkcell_sim.model.cells import stub_nk_cell

RUNS, ROUNDS = 1024, 25
STIMULUS = nk.Protocol(300.0).step(10.0, t3_drive=1.0)
TIMES = np.linspace(0.0, 300.0, 100)
# what is recorded, and the most that it may cost: states are read from the step, currents are equations evaluated once more at every output time
RECORDS = {
    "five states": (("v", "ca_cyt", "ca_er", "ca_mit", "na_cyt"), 1.15),
    "three states and two currents": (("v", "ca_cyt", "ca_er", "TRPM3Stub.i", "KCa31.i"), 1.25),
}


def draws() -> nk.Draws:
    rng = np.random.default_rng(1)
    return nk.Draws(stub_nk_cell(), {"Kv13.g_max": rng.uniform(0.5, 2.0, RUNS), "KCa31.g_max": rng.uniform(0.1, 0.5, RUNS)})


def seconds(table: nk.Draws, record: tuple[str, ...]) -> float:
    started = time.process_time()  # of the processor: what else runs on the machine weighs less
    nk.simulate(table, STIMULUS, record=record, times=TIMES if record else [], execution=Execution(threads=1)).raise_for_status()
    return time.process_time() - started


@pytest.mark.parametrize("what", RECORDS)
def test_five_quantities_at_a_hundred_times_cost_a_small_share_of_a_run(what: str) -> None:
    table, (record, limit) = draws(), RECORDS[what]
    pairs = np.array([(seconds(table, ()), seconds(table, record)) for _ in range(ROUNDS)])
    bare, recorded = pairs.min(axis=0)
    print(f"\n{what}: {bare / RUNS * 1e6:.1f} us a run without, {recorded / RUNS * 1e6:.1f} us with: {recorded / bare - 1.0:+.1%}")
    assert recorded / bare < limit
