"""What features cost: a run of which they are read, over the same run of which only the end is kept. The table of the page on features.

    python -m benchmarks.features              (from the root of a checkout)

Instructions of the engine are counted under valgrind where it is installed, one full block of lanes; processor time is the least of many turns, each
of which runs all cases one after the other.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import nkcell_sim as nk
from benchmarks import instructions
from benchmarks.workloads import Workload, stimulus
from nkcell_sim.execution import Execution
from nkcell_sim.features import Reading

CASES: dict[str, dict[str, Reading]] = {
    "end state only": {},
    "amplitude of one state": {"ca": nk.Peak("ca_cyt", above="start")},
    "amplitude of one state in a window of 1 s": {"ca": nk.Peak("ca_cyt", start=200.0, end=201.0, above="start")},
    "three features of states": {"ca": nk.Peak("ca_cyt", above="start"), "half": nk.HalfTime("ca_cyt"), "v": nk.Mean("v")},
    "largest of one current": {"CRAC": nk.Peak("CRAC.i", kind="minimum")},
    "largest of one current in a window of 1 s": {"CRAC": nk.Peak("CRAC.i", kind="minimum", start=200.0, end=201.0)},
    "three features of currents": {"CRAC": nk.Peak("CRAC.i", kind="minimum"), "TRPM3": nk.Area("TRPM3Stub.i"), "KCa": nk.HalfTime("KCa31.i")},
}
RUNS, TURNS = 128, 21
PROGRAM = "import sys; from benchmarks.features import one_block; one_block(*sys.argv[1:])"


def run(work: Workload, case: str, isa: str) -> nk.Trace:
    """The workload on one thread, with the features of a case."""
    return nk.simulate(work.cells, work.protocol, times=[], features=CASES[case], execution=Execution(threads=1, isa=isa)).raise_for_status()


def one_block(case: str, isa: str) -> None:
    """As many runs as an instruction set has lanes."""
    run(stimulus(Execution(isa=isa).lanes()), case, isa)


def counted() -> list[float]:
    """Instructions of each case over those of the first."""
    found = [instructions.inside("nk_engine_integrate*", PROGRAM, case, instructions.ISA) for case in CASES]
    return [count / found[0] for count in found]


def timed(isa: str) -> list[float]:
    """Processor time of each case over that of the first."""
    work, least = stimulus(RUNS), dict.fromkeys(CASES, float("inf"))
    for _ in range(TURNS):
        for case in CASES:
            before = time.process_time()
            run(work, case, isa)
            least[case] = min(least[case], time.process_time() - before)
    return [seconds / least["end state only"] for seconds in least.values()]


def table(isas: Sequence[str]) -> str:
    """Costs by case, as a table in Markdown."""
    columns = {f"processor time, {isa}": timed(isa) for isa in isas}
    if instructions.available():
        columns = {f"instructions, {instructions.ISA}": counted(), **columns}
    lines = ["| read | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    lines += [f"| {case} | " + " | ".join(f"{values[i]:.2f}" for values in columns.values()) + " |" for i, case in enumerate(CASES)]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(sys.argv[1:] or ["avx2"]))
