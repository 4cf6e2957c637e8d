"""The page of the documentation, written from the stored result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .summary import GOAL, OWN, power, summary, waited
from .table import ladder_markdown, markdown, settings_markdown

COMMAND = "python benchmarks/peers.py --publish"

CAUTION = """
!!! warning "Measured on a busy machine"
    Other work took the processors during this measurement: times are too long, and two threads had no second processor to themselves. Because
    engines took turns, ratios hold roughly; errors do not depend on it. Processor time leaves out waiting, but not what sharing a processor costs.
"""

TEXT = """# Speed beside other engines

<!-- Written by `{command}` from benchmarks/results/peers.json; do not edit. -->

The same cell, the same {duration:g} s of TRPM3 stimulus and the same {draws} random cells, integrated by this engine and by others. Engines are compared at
the error they **reach**, not at the tolerance they are given.
{caution}
![Time a run against the error reached, one line an engine]({picture})

{table}

{sentence}

*Import* is a fresh interpreter importing the engine's packages. *First run* is from the equations to the first result: compiling, where an engine compiles,
and one run. The time of a run is the median of {rounds} passes over all draws (fewer for engines that need more than 20 s), interpolated between
tolerances at error {goal}; the engines take turns, pass by pass.

## What is timed

From the table of parameter values in memory to the states at the output times, for all draws: setting the parameters and the start, integrating, and
storing {states} states at {times} s. Every engine does this in the fastest way its interface offers. Making the random table is nobody's time. This
engine gets {many} draws a pass, because its lanes and its call overhead are shared by a batch; the others get {draws}, and their cost a run does not depend on
how many there are. Everything runs on one thread unless the row says otherwise.

## What is integrated

The reference cell `{model}` ({states} states) from its rest, TRPM3 conductance 0.05 nS, stimulus from 0 to {duration:g} s, {drawn} parameters of every draw
multiplied by log-normal factors (standard deviation of the logarithm {spread:g}, seed {seed}). The error of a draw is the largest, over states and output
times, of |y - reference| / (|reference| + scale of the state); the error of an engine is that of its worst draw. Reference: {reference}.

All engines that accept one have the absolute tolerance rtol x scale for every state; for those with one absolute tolerance the states are divided by their
scales, which is the same. The protocol has no edge within the run, so that no engine has to be told of one.

## How each engine is set up

{settings}

The compiled right-hand sides that peers get are this engine's own equations for one lane: parameter-only work hoisted, common terms shared, whole
Hill exponents as products. numbalsoda runs a second time with the equations as the model states them, which shows what that form is worth.
libRoadRunner and Myokit compile the model from its SBML and text form themselves.

## Every tolerance

{ladder}

## Machine

{machine}

## Measure again

    apt-get install -y libsundials-dev gcc g++ gfortran cmake
    pip install "nkcell_sim[peers]"
    {command}

writes the result, the picture and this page. `python benchmarks/peers.py --help` lists engines and options; an engine that is not installed is a
row that says how to install it.
"""


def page(result: dict[str, Any], picture: str) -> str:
    """Markdown of the page."""
    task = result["task"]
    return TEXT.format(
        command=COMMAND,
        duration=task["duration_s"],
        draws=task["draws"],
        many=task["draws_of_this_engine"],
        picture=picture,
        caution=CAUTION if any(waited(e) for e in result["engines"].values()) else "",
        table=markdown(result),
        sentence=_sentence(result),
        rounds=task["rounds"],
        goal=power(GOAL),
        states=task["states"],
        times=", ".join(f"{t:g}" for t in task["output_times_s"]),
        model=task["model"],
        drawn=task["drawn_parameters"],
        spread=task["spread"],
        seed=task["seed"],
        reference=task["reference"],
        settings=settings_markdown(result),
        ladder=ladder_markdown(result),
        machine=_machine(result),
    )


def _sentence(result: dict[str, Any]) -> str:
    """The comparison in words, from the numbers."""
    rows = {r["name"]: r for r in summary(result) if r["us"]}
    own = next((rows[n] for n in OWN if n in rows), None)
    peers = sorted((r for n, r in rows.items() if not n.startswith("nkcell")), key=lambda r: r["us"])
    if not own or not peers:
        return ""
    fastest = f"At error {power(GOAL)} the fastest peer, {peers[0]['title']}, needs {peers[0]['ratio']:.3g} times the time of {own['title']} on one thread"
    other = next((r for r in peers if r["name"] == "roadrunner"), None)
    tail = "" if other in (None, peers[0]) else f"; {other['title']} needs {other['ratio']:.3g} times"
    double = rows.get(f"{own['name']}-2t")
    return f"{fastest}{tail}." + (f" Two threads are {own['us'] / double['us']:.3g} times as fast as one." if double else "")


def _machine(result: dict[str, Any]) -> str:
    m = result["machine"]
    lines = [
        f"- {m['cpu']}, {m['cores']} cores, instruction sets {', '.join(m['instruction_sets'])}; {m['system']}, load when it began {m['load']:.2f}",
        f"- {m['date']}, nkcell_sim at {m['commit']}, Python {m['python']}, {m['compiler']}",
    ]
    return "\n".join(lines)


def write_page(result: dict[str, Any], path: Path, picture: str) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(result, picture), encoding="utf-8")
