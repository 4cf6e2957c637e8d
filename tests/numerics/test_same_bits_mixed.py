"""One batch of everything at once: unlike exponents, protocols, failures, recordings and features leave no run a bit different from the run alone."""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim import _kernels
from nkcell_sim.draws import Draws
from nkcell_sim.execution import Execution
from nkcell_sim.features import Area, Crossing, HalfTime, Mean, Peak, Reading, TimeOfPeak, ValueAt, ValueWhen
from nkcell_sim.model.cells import primary_nk_cell
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate
from nkcell_sim.trace import Trace

RUNS = 26  # more than three blocks of the widest engine, so that lanes change their run in the middle of others
END = 40.0
EXPONENTS = ("TRPM3.n_ps", "KCa31.n_ca", "PMCA.n_ca", "SERCA.n_ca", "MCU.n_ca", "NFAT.n_ca")
CLAMPED = Protocol(END).step(0.0, whole_cell=1, v_clamp=1, v_cmd="-70 mV")
PROTOCOLS = (
    Protocol(END),
    Protocol(END).step(5.0, pregs="50 uM").step(30.0, pregs=0.0),
    Protocol(END).ramp(3.0, 20.0, pregs=(0.0, "60 uM")).ramp(10.0, 15.0, k_out=("4.5 mM", "30 mM")),
    Protocol(END).exchange(5.0, 2.0, pregs="50 uM").exchange(20.0, 4.0, k_out="20 mM").exchange(21.0, 1.0, pregs=0.0),
    CLAMPED.step(10.0, v_cmd="40 mV").step(20.0, v_cmd="-70 mV"),
    CLAMPED.exchange(2.0, 1.0, pregs="50 uM").ramp(15.0, 5.0, v_cmd=("-100 mV", "100 mV")),
    Protocol(END).exchange(5.0, 2.0, pregs="50 uM").step(12.0, k_out=0.0),  # minus infinity for E_K: fails, and is tried again
)
RECORD = ("v", "ca_cyt", "TRPM3.i", "Electrode.i_measured", "k_out", "pregs")  # states, outputs and inputs
TIMES = np.array([0.0, 0.5, 3.0, 4.9, 5.0, 5.1, 10.0, 15.0, 17.3, 20.0, 25.5, 39.9, END])
FEATURES: dict[str, Reading] = {
    "peak": Peak("ca_cyt", start=5.0, above="start"), "when": TimeOfPeak("TRPM3.i", start=4.0, kind="minimum"), "area": Area("TRPM3.i", start=1.0, end=33.0),
    "mean": Mean("v"), "passage": Crossing("v", "-55 mV", direction="any"), "half": HalfTime("ca_cyt", start=5.0), "last": ValueAt("KCa31.i", 17.3),
    "ramp": ValueWhen("Electrode.i_measured", "50 mV", trigger="v_cmd"),
}  # fmt: skip
# attempted steps that about a quarter of the runs exceed
SOME_END_EARLY = {"rodas5p": 265, "rodas4": 465, "rodas4p2": 375, "rodas3p": 900, "ros34pw2": 932}


def everything(seed: int) -> Draws:
    """Draws in which some runs have exponents of their own, some cannot go on, and each follows one of the protocols."""
    rng = np.random.default_rng(seed)
    cell = primary_nk_cell()
    columns: dict[str, object] = {"TRPM3.density": 10.0 ** rng.uniform(-1.0, 0.7, RUNS), "protocol": rng.integers(len(PROTOCOLS), size=RUNS)}
    for key in EXPONENTS:
        declared = cell.parameter(key)
        unlike = rng.choice([0.7, 1.0, 1.5, 2.0, 2.7, 3.0, 4.0], RUNS)
        columns[key] = np.where(rng.random(RUNS) < 0.1, unlike, declared)
    return Draws(cell, columns)


def bits(trace: Trace, row: int) -> bytes:
    values = [*(trace[key][row] for key in RECORD), *(trace.features[name][row] for name in FEATURES), trace.final[row]]
    return b"".join(np.asarray(v).tobytes() for v in values) + repr(trace.outcomes[row]).encode()


def run(cells: object, protocol: object, method: str, execution: Execution) -> Trace:
    options = {"record": RECORD, "times": TIMES, "features": FEATURES, "max_steps": SOME_END_EARLY[method]}
    return simulate(cells, protocol, method=method, execution=execution, **options)  # type: ignore[arg-type]


_ALONE: dict[tuple[int, str], list[bytes]] = {}


def alone(seed: int, method: str) -> list[bytes]:
    """Every run by itself, in the portable engine."""
    if (seed, method) not in _ALONE:
        draws, by_itself = everything(seed), Execution(threads=1, isa="portable")
        assert draws.protocol_of is not None
        pairs = zip(draws, draws.protocol_of, strict=True)
        _ALONE[seed, method] = [bits(run(cell, PROTOCOLS[p], method, by_itself), 0) for cell, p in pairs]
    return _ALONE[seed, method]


def shuffled(draws: Draws, order: np.ndarray) -> Draws:
    assert draws.protocol_of is not None
    return Draws(draws.cell, {**{key: values[order] for key, values in draws.columns.items()}, "protocol": draws.protocol_of[order]})


ENGINES = [e["name"] for e in _kernels.engines() if e["runs"]]


@pytest.mark.parametrize("isa", ENGINES)
@pytest.mark.parametrize("method", _kernels.methods())
def test_a_run_in_a_mixed_batch_has_the_bits_of_the_run_alone(method: str, isa: str) -> None:
    seed = 1
    draws, expected = everything(seed), alone(seed, method)
    rng = np.random.default_rng(seed)
    for threads, block in ((1, RUNS), (8, 17)):
        order = rng.permutation(RUNS)
        trace = run(shuffled(draws, order), PROTOCOLS, method, Execution(threads=threads, block=block, isa=isa))
        differing = [int(i) for row, i in enumerate(order) if bits(trace, row) != expected[i]]
        assert not differing, f"{threads} threads, blocks of {block}: runs {differing} differ from themselves alone"


def test_the_mixed_batch_holds_what_it_claims_to_mix() -> None:
    draws = everything(1)
    trace = run(draws, PROTOCOLS, _kernels.methods()[0], Execution())
    declared = {key: draws.cell.parameter(key) for key in EXPONENTS}
    unlike = np.any([draws.columns[key] != value for key, value in declared.items()], axis=0)
    assert 0.2 < unlike.mean() < 0.8
    assert set(np.asarray(draws.protocol_of)) == set(range(len(PROTOCOLS)))
    assert set(trace.status) == {"ok", "step_limit", "non_finite_rhs"}
    assert trace.outcomes.ok.mean() > 0.4
    assert all(np.isfinite(trace.features[name][trace.outcomes.ok]).any() for name in FEATURES)
