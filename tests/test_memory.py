"""Memory is flat: a long ensemble of which only features are kept needs what its first blocks need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the resident memory from /proc")

# A half-time keeps stretches of its rise in memory of its own, and an output is watched through buffers of its own: both have to be given back.
# Small blocks come and go more often, so that one that keeps something shows.
# The draws are filled before the first look, so that their pages are resident from the start; a look follows the last run of each block.
PROBE = """
import json, os, sys
import numpy as np
import nkcell_sim as nk
from nkcell_sim.execution import Execution
from nkcell_sim.model.cells import COMPOSITIONS

runs, block, page, seen = int(sys.argv[2]), 1024, os.sysconf("SC_PAGE_SIZE"), {}
draws = nk.Draws(nk.Cell(COMPOSITIONS["oscillator"]()), {"Oscillator.rate": np.random.default_rng(3).uniform(0.5, 2.0, runs)})
protocol = nk.Protocol(1.0).step(0.4, gain=2.0)
features = {
    "rise": nk.HalfTime("x", start=0.1), "peak": nk.Peak("seen", start=0.2, above="start"), "area": nk.Area("square"),
    "passed": nk.Crossing("y", 0.9, direction="falling"),
}

def look(finished):
    if finished % block == 0 and finished not in seen:
        with open("/proc/self/statm") as statm:
            seen[finished] = int(statm.read().split()[1]) * page / 2**20

kept = nk.simulate_to_file(draws, protocol, sys.argv[1], times=[], features=features, rtol=1e-4, execution=Execution(block=block, on_progress=look))
assert kept.complete and kept.status_counts() == {"ok": runs} and kept.features == list(features) and not kept.recorded
assert all(np.isfinite(kept.rows(name, runs - block, runs)).all() for name in features)
with open("/proc/self/status") as status:  # the high-water mark of this program; rusage would inherit that of the process which started it
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
print(json.dumps({"runs": list(seen), "resident": list(seen.values()), "peak": peak}))
"""


def measured(path: Path, runs: int) -> dict:
    """Resident memory [MB] after every block of an ensemble in a process of its own, and its largest."""
    ended = subprocess.run([sys.executable, "-c", PROBE, str(path), str(runs)], capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


def test_memory_does_not_grow_over_a_hundred_thousand_runs(tmp_path: Path) -> None:
    found = measured(tmp_path / "runs.h5", 125_000)
    runs, resident = np.array(found["runs"]), np.array(found["resident"])
    # the first blocks load modules and fill the allocator's pools; the hundred thousand runs after them count
    warm = runs > 25_000
    assert np.sum(warm) >= 20
    slope = np.polyfit(runs[warm], resident[warm], 1)[0]
    # a straight line through all looks, not the difference of two: single pages that the allocator takes or returns weigh little
    assert abs(slope) * 100_000 < 1.0, f"{slope * 100_000:.2f} MB per 100 000 runs"


@pytest.mark.slow
def test_a_million_runs_stay_below_300_megabytes(tmp_path: Path) -> None:
    assert measured(tmp_path / "runs.h5", 1_000_000)["peak"] < 300.0
