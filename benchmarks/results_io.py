"""Writes shards of a study without traces, collects them into one file, opens, reads and checks it: time, memory and size.

    python benchmarks/results_io.py [RUNS] [--per-shard 512] [--folder FOLDER]

The rows are those of a real small study, repeated, with eighteen parameters, the features and the final states of every run its own, as in a Monte
Carlo study. Memory is the largest resident size of a process of its own for each step.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import nkcell_sim as nk
from nkcell_sim.results import open_results
from nkcell_sim.results.collect import Rows, save_collected
from nkcell_sim.results.layout import Group, Variable
from nkcell_sim.results.merge import Merge
from nkcell_sim.results.reader import read
from nkcell_sim.results.shards import check_shard, write_shard
from nkcell_sim.results.sources import Source
from nkcell_sim.results.verify import check
from nkcell_sim.results.writer import write

OWN_PARAMETERS = 18


def small_study() -> Group:
    """Calcium imaging of some cells, no trace kept."""
    cell = nk.primary_nk_cell()
    setup = nk.CalciumImaging(ntx_in_bath="kept", baseline="5 s", application="20 s", recovery="10 s")
    cases = [nk.Case("healthy", cell), nk.Case("ME/CFS", cell.with_phenotype("me_cfs"))]
    return nk.run(nk.Study(cases, {"imaging": setup}, vary={"imaging.pregs": ["20 uM", "50 uM"]}, keep=())).root


def chunk(base: Group, runs: int, number: int) -> Group:
    """A tree of that many runs."""
    rng = np.random.default_rng(number)
    source = Source.of(base, "imaging")
    made = Merge([source], np.zeros(runs, int), np.sort(rng.integers(0, source.runs, runs))).in_memory()
    top = {name: _own(v, rng) if v.attributes.get("role") in ("feature", "varied") else v for name, v in made.variables.items()}
    top["run_id"] = Variable(("run",), np.array([f"{h:016x}" for h in rng.integers(0, 2**63, runs)], dtype=object), top["run_id"].attributes)
    top["run_key"] = Variable(("run",), rng.integers(0, 2**63, runs), {"units": "1", "long_name": "short hash of the run's recipe"})
    groups = dict(made.groups)
    for name, columns in (("parameters", OWN_PARAMETERS), ("final_state", None)):
        value = groups[name].variables["value"]
        groups[name] = Group({**groups[name].variables, "value": _own(value, rng, columns)}, {}, groups[name].attributes)
    return Group({}, {"imaging": Group(top, groups, made.attributes)}, dict(base.attributes))


def _own(variable: Variable, rng: np.random.Generator, columns: int | None = None) -> Variable:
    values = variable.values.copy()
    part = values if columns is None else values[:, :columns]
    part *= rng.lognormal(0.0, 0.1, part.shape)
    return Variable(variable.dims, values, variable.attributes)


def shards_of(folder: Path) -> list[Path]:
    """Shards in the order of the runs."""
    return [folder / name for name in (folder / "order.txt").read_text(encoding="utf-8").split()]


def step_shards(folder: Path, runs: int, per_shard: int) -> dict[str, float]:
    base = small_study()
    write(base, folder / "base.h5")
    names, spent = [], 0.0
    for number, start in enumerate(range(0, runs, per_shard)):
        tree = chunk(base, min(per_shard, runs - start), number)
        before = time.perf_counter()
        names.append(write_shard(tree, folder).name)
        spent += time.perf_counter() - before
    (folder / "order.txt").write_text("\n".join(names), encoding="utf-8")
    return {"us_per_run": 1e6 * spent / runs, "ms_per_shard": 1e3 * spent / len(names), "MB": sum((folder / n).stat().st_size for n in names) / 1e6}


def _collect(folder: Path, target: Path, *, shuffled: bool = False) -> None:
    sources = [Source.of(path, "imaging") for path in shards_of(folder)]
    sizes = [int(path.name.partition("-")[0]) for path in shards_of(folder)]
    source_of, row_of = np.repeat(np.arange(len(sizes)), sizes), np.concatenate([np.arange(n) for n in sizes])
    if shuffled:
        order = np.random.default_rng(0).permutation(len(source_of))
        source_of, row_of = source_of[order], row_of[order]
    base = read(folder / "base.h5")
    save_collected(target, base.attributes, {"imaging": Rows(sources, source_of, row_of)}, {"provenance": base.groups["provenance"]})


def step_collect(folder: Path) -> dict[str, float]:
    _collect(folder, folder / "all.h5")
    return {"MB": (folder / "all.h5").stat().st_size / 1e6}


def step_shuffled(folder: Path) -> dict[str, float]:
    _collect(folder, folder / "shuffled.h5", shuffled=True)
    (folder / "shuffled.h5").unlink()
    return {}


def step_open(folder: Path) -> dict[str, float]:
    open_results(folder / "all.h5")
    return {}


def step_counts(folder: Path) -> dict[str, float]:
    results = open_results(folder / "all.h5")
    return {"runs": float(sum(results.status_counts()["imaging"].values()))}


def step_column(folder: Path) -> dict[str, float]:
    runs = open_results(folder / "all.h5")["imaging"]
    return {"mean": float(runs.parameter("KCa31.g_max").mean()), "mean_feature": float(np.nanmean(runs["ca_amplitude"]))}


def step_xarray(folder: Path) -> dict[str, float]:
    tree = open_results(folder / "all.h5").to_xarray()
    return {"mean": float(tree["imaging"]["ca_amplitude"].mean())}


def step_save(folder: Path) -> dict[str, float]:
    open_results(folder / "all.h5").save(folder / "copy.h5")
    (folder / "copy.h5").unlink()
    return {}


def step_check(folder: Path) -> dict[str, float]:
    report = check(folder / "all.h5")
    return {"sound": float(report.sound)}


def step_check_shards(folder: Path) -> dict[str, float]:
    return {"damaged": float(sum(bool(check_shard(path)) for path in shards_of(folder)))}


STEPS: tuple[Callable[..., dict[str, float]], ...] = (step_collect, step_shuffled, step_open, step_counts, step_column, step_xarray, step_save, step_check)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="?", type=int, default=50_000)
    parser.add_argument("--per-shard", type=int, default=512)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--step")
    asked = parser.parse_args()
    if asked.step:
        before = time.perf_counter()
        more = (asked.runs, asked.per_shard) if asked.step == "step_shards" else ()
        found = globals()[asked.step](asked.folder, *more)
        found["s"] = time.perf_counter() - before
        print(json.dumps({**found, "peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}))
        return
    folder = asked.folder or Path(tempfile.mkdtemp())
    try:
        for step in (step_shards, step_check_shards, *STEPS):
            if asked.only and asked.only not in step.__name__:
                continue
            command = [sys.executable, __file__, str(asked.runs), "--per-shard", str(asked.per_shard), "--folder", str(folder), "--step", step.__name__]
            said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(f"{step.__name__.removeprefix('step_'):14}" + "  ".join(f"{key} {value:.5g}" for key, value in said.items()), flush=True)
    finally:
        if asked.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
