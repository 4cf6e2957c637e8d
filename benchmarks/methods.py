"""Work against error of every method of the engine on the main protocols: the study behind the choice of the default.

    python -m benchmarks.methods                 print the tables
    python -m benchmarks.methods --write         also renew the tables and the plot of docs/explanation/methods.md
    python -m benchmarks.methods --draws 8       fewer draws (quicker, rougher)

Work is counted, not timed: attempted steps, right-hand sides and Jacobians of the engine's own counters, and instructions (steps
times the instructions of one step under callgrind, AVX2). Ratios of processor times are medians of interleaved repetitions in one run.
"""

from __future__ import annotations

import argparse
import platform
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from nkcell_sim import __version__, _kernels
from nkcell_sim.errors import SimulationError
from nkcell_sim.execution import Execution
from nkcell_sim.plots.style import MARKERS, look_of, style
from nkcell_sim.simulate import simulate

from .instructions import available, per_attempt, per_part
from .workloads import WORKLOADS, Workload

DOCS = Path(__file__).parent.parent / "docs"
ERRORS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8)
EXPONENTS = np.arange(1.0, 10.01, 0.25)
TIGHT = ("rodas5p", 1e-12)
CHECK = ("rodas4p2", 1e-11)
TIMED = (1e-3, 1e-6)
REPEATS = 7
TIMED_STEPS = 100_000
MOST_STEPS = 60_000  # of one run; a method that needs more is far from the others
LABELS = {"rodas5p": "Rodas5P", "rodas4": "Rodas4", "rodas4p2": "Rodas4P2", "rodas3p": "Rodas3P", "ros34pw2": "ROS34PW2"}


@dataclass(frozen=True)
class Rung:
    """All draws at one tolerance: error of the middle and of the worst draw, and the work of one run on average."""

    rtol: float
    error: float
    worst: float
    steps: float
    rejected: float
    rhs: float

    @property
    def attempts(self) -> float:
        """Steps tried, kept or not: each costs a Jacobian, a factorisation and the right-hand sides of the method."""
        return self.steps + self.rejected


@dataclass(frozen=True)
class Curve:
    """One method on one workload, tolerance by tolerance, and the instructions of one attempted step (0: not counted)."""

    method: str
    rungs: list[Rung]
    instructions: float

    def at(self, error: float, worst: bool = False) -> float:
        """Attempted steps of a run for this error, read from a parabola through the neighbouring rungs (log-log); nan outside the ladder."""
        x = np.log([r.worst if worst else r.error for r in self.rungs]) - np.log(error)
        near = np.abs(x) < 2.5
        if near.sum() < 4 or not x.min() <= 0.0 <= x.max():
            return float("nan")
        return float(np.exp(np.polyval(np.polyfit(x[near], np.log([r.attempts for r in self.rungs])[near], 2), 0.0)))

    def rtol_for(self, error: float) -> float:
        """The largest tolerance of the ladder that reaches this error."""
        return max((r.rtol for r in self.rungs if r.error <= error), default=float("nan"))

    def at_tolerance(self, rtol: float) -> Rung:
        """The rung of a tolerance."""
        return min(self.rungs, key=lambda r: abs(np.log(r.rtol / rtol)))


def outputs(work: Workload, method: str, rtol: float) -> tuple[np.ndarray, np.ndarray]:
    """All states at all output times, (n_runs, n_times, n_states), and the counters (n_runs, 4)."""
    trace = simulate(work.cells, work.protocol, record=work.states, times=work.times, rtol=rtol, method=method, max_steps=MOST_STEPS if rtol > 1e-11 else 10**7)
    trace.raise_for_status()
    return np.stack([trace[name] for name in work.states], axis=-1), np.asarray(trace.outcomes.counters, dtype=float)


def errors(work: Workload, got: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Error of every run: the largest over states and output times, relative to |value| + scale as tolerances are."""
    return np.asarray((np.abs(got - reference) / (np.abs(reference) + work.scale)).max(axis=(1, 2)))


def curve(work: Workload, method: str, reference: np.ndarray, instructions: float) -> Curve:
    """Walk down the tolerances until the step budget ends."""
    rungs = []
    for rtol in 10.0**-EXPONENTS:
        try:
            got, counters = outputs(work, method, rtol)
        except SimulationError:
            break
        error, mean = errors(work, got, reference), counters.mean(axis=0)
        rungs.append(Rung(float(rtol), float(np.median(error)), float(error.max()), mean[0], mean[1], mean[2]))
    return Curve(method, rungs, instructions)


def time_ratios(work: Workload, curves: Sequence[Curve], error: float) -> dict[str, float]:
    """Processor time of each method at the tolerance that reaches the error, over that of the default: medians of interleaved repetitions."""
    settings = {c.method: c.rtol_for(error) for c in curves}
    steps = curves[0].at_tolerance(settings[curves[0].method]).attempts * len(work.cells)
    cells = work.cells * max(1, round(TIMED_STEPS / steps))  # long enough for the clock, and for what happens once to vanish
    seconds: dict[str, list[float]] = {m: [] for m, rtol in settings.items() if np.isfinite(rtol)}
    for _ in range(REPEATS):
        for method in seconds:
            start = time.process_time()
            simulate(cells, work.protocol, times=[], rtol=settings[method], method=method, execution=Execution(threads=1))
            seconds[method].append(time.process_time() - start)
    base = statistics.median(seconds[curves[0].method])
    return {method: statistics.median(values) / base for method, values in seconds.items()}


@dataclass(frozen=True)
class Study:
    """All methods on one workload."""

    work: Workload
    curves: list[Curve]
    times: dict[float, dict[str, float]]
    agreement: float

    @classmethod
    def run(cls, work: Workload, instructions: dict[str, float], timed: bool) -> Study:
        """Measure; the reference is the default method at a tight tolerance, checked against another method."""
        reference, _ = outputs(work, *TIGHT)
        agreement = float(errors(work, outputs(work, *CHECK)[0], reference).max())
        curves = [curve(work, method, reference, instructions.get(method, 0.0)) for method in _kernels.methods()]
        return cls(work, curves, {e: time_ratios(work, curves, e) for e in TIMED} if timed else {}, agreement)

    def report(self) -> str:
        """All tables, for the terminal."""
        title = f"{self.work.title} ({self.work.cell}); reference checked to {self.agreement:.1e}"
        worst = f"the same for the worst of the draws\n\n{self.table(worst=True)}"
        return f"\n{title}\n\n{self.table()}\n\n{worst}\n\n{self.steps_table()}"

    def table(self, worst: bool = False) -> str:
        """Work at given errors: kilo-instructions of one run (or attempted steps where nothing counts instructions), best in bold."""
        header = ["Method", *(_power(e) for e in ERRORS)]
        counted = all(c.instructions for c in self.curves)
        work = np.array([[c.at(e, worst) * (c.instructions * 1e-3 if counted else 1.0) for e in ERRORS] for c in self.curves])
        rows = []
        for i, c in enumerate(self.curves):
            cells = [_cell(value, value == np.nanmin(work[:, k])) for k, value in enumerate(work[i])]
            rows.append([LABELS[c.method], *cells])
        return markdown(header, rows)

    def time_table(self) -> str:
        """Time of a batch at the tolerance that reaches an error, relative to the default method."""
        rows = [[LABELS[c.method], *(f"{ratios.get(c.method, float('nan')):.2f}" for ratios in self.times.values())] for c in self.curves]
        return markdown(["Method", *(f"error {_power(e)}" for e in self.times)], rows)

    def steps_table(self) -> str:
        """What one run takes at the default tolerance, and what it reaches."""
        header = ["Method", "steps", "rejected", "right-hand sides", "Jacobians", "error, middle draw", "error, worst draw"]
        rows = []
        for c in self.curves:
            r = c.at_tolerance(1e-6)
            rows.append([LABELS[c.method], f"{r.steps:.0f}", f"{r.rejected:.0f}", f"{r.rhs:.0f}", f"{r.attempts:.0f}", f"{r.error:.1e}", f"{r.worst:.1e}"])
        return markdown(header, rows)


def _power(error: float) -> str:
    """A power of ten as text: 1e-6."""
    return f"1e{round(np.log10(error))}"


def _cell(value: float, best: bool) -> str:
    if not np.isfinite(value):
        return "–"
    text = f"{value:,.0f}".replace(",", " ")
    return f"**{text}**" if best else text


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns line up in plain text too."""
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
    rule = ["-" * w if k == 0 else "-" * (w - 1) + ":" for k, w in enumerate(widths)]
    lines = []
    for row in [header, rule, *rows]:
        cells = [text.ljust(w) if k == 0 else text.rjust(w) for k, (text, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(studies: Sequence[Study], path: Path) -> None:
    """Instructions of a run against the error reached, one panel a workload."""
    from matplotlib.figure import Figure

    with style():
        drawn = Figure(figsize=(8.2, 6.6), layout="constrained")
        for axes, study in zip(drawn.subplots(2, 2).flat, studies, strict=True):
            for i, c in enumerate(study.curves):
                unit = (c.instructions or 1.0) * 1e-6
                axes.loglog(
                    [r.error for r in c.rungs], [r.attempts * unit for r in c.rungs], **look_of(i), marker=MARKERS[i], markersize=3.2, label=LABELS[c.method]
                )
            axes.set_title(study.work.title)
            axes.set_xlim(3e-2, 1e-9)
            axes.grid(True, which="major", color="#dddddd", linewidth=0.6)
            axes.set_xlabel("error reached (middle of the draws)")
            axes.set_ylabel("10⁶ instructions a run (AVX2)")
        drawn.axes[0].legend()
        drawn.savefig(path, metadata={"Software": None})


def replaced(page: str, name: str, text: str) -> str:
    """The page with what stands between the markers of that name renewed."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
    if not re.search(pattern, page, re.DOTALL):
        raise ValueError(f"the page has no region {name!r}; expected <!-- {name} --> and <!-- end -->")
    return re.sub(pattern, lambda m: f"{m[1]}\n{text}\n\n{m[2]}", page, count=1, flags=re.DOTALL)


def write(studies: dict[str, Study], instructions: dict[str, dict[str, float]], draws: int, seconds: float) -> None:
    """Renew the tables and the plot of the page."""
    path = DOCS / "explanation" / "methods.md"
    page = path.read_text(encoding="utf-8")
    for name, study in studies.items():
        page = replaced(page, f"table {name}", study.table())
        page = replaced(page, f"worst {name}", study.table(worst=True))
        page = replaced(page, f"steps {name}", study.steps_table())
        page = replaced(page, f"times {name}", study.time_table()) if study.times else page
    page = replaced(page, "instructions", instructions_table(instructions))
    page = replaced(page, "parts", parts_table({cell: per_part(cell) for cell in instructions}))
    page = replaced(page, "provenance", provenance(studies, draws, seconds))
    path.write_text(page, encoding="utf-8")
    plot(list(studies.values()), DOCS / "img" / "methods.png")


def instructions_table(instructions: dict[str, dict[str, float]]) -> str:
    """Instructions of one attempted step of one run in a full block."""
    header = ["Method", "stages", "right-hand sides", *(f"{cell}, instructions a step" for cell in instructions)]
    rows = []
    for method in _kernels.methods():
        counts = [f"{table[method]:,.0f}".replace(",", " ") for table in instructions.values()]
        t = _kernels.tableau(method)
        rows.append([LABELS[method], str(len(t["c"])), str(t["evaluations"]), *counts])
    return markdown(header, rows)


def parts_table(parts: dict[str, dict[str, float]]) -> str:
    """Instructions of the parts of a step, and how much each is in right-hand sides."""
    rows = []
    for name, text in {"rhs": "right-hand side", "jacobian": "right-hand side, Jacobian and factorisation", "solve": "solution of one stage"}.items():
        rows.append([text, *(f"{table[name]:.0f} ({table[name] / table['rhs']:.2f})" for table in parts.values())])
    return markdown(["Part (in right-hand sides)", *parts], rows)


def provenance(studies: dict[str, Study], draws: int, seconds: float) -> str:
    """Where, when and how the numbers came about."""
    worst = max(s.agreement for s in studies.values())
    return (
        f"nkcell_sim {__version__}, {date.today().isoformat()}, {processor()}, Python {platform.python_version()}, {draws} draws, {seconds:.0f} s. "
        f"References: {LABELS[TIGHT[0]]} at rtol {TIGHT[1]:.0e}; {LABELS[CHECK[0]]} at {CHECK[1]:.0e} differs from them by at most {worst:.0e}."
    )


def processor() -> str:
    """Name of the processor."""
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def main() -> None:
    """Run the study."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--draws", type=int, default=32)
    options.add_argument("--only", choices=list(WORKLOADS), nargs="*", default=list(WORKLOADS))
    options.add_argument("--no-times", action="store_true", help="leave the ratios of times out (on a busy machine)")
    options.add_argument("--write", action="store_true", help="renew the page of the documentation (needs valgrind)")
    chosen = options.parse_args()
    start = time.perf_counter()
    kinds = ("stub_nk", "primary_nk")
    instructions = {cell: per_attempt(cell, _kernels.methods()) for cell in kinds} if available() else {}
    studies = {}
    for name in chosen.only:
        work = WORKLOADS[name](chosen.draws)
        studies[name] = Study.run(work, instructions.get(work.cell, {}), not chosen.no_times)
        print(studies[name].report(), flush=True)
    if chosen.write:
        write(studies, instructions, chosen.draws, time.perf_counter() - start)


if __name__ == "__main__":
    main()
