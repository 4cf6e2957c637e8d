"""From timed passes to time at equal error."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

OWN = ("nkcell-avx512", "nkcell-avx2", "nkcell-portable")  # widest first
GOAL = 1e-6  # the error reached at which engines are compared


def power(value: float) -> str:
    """A small number as people write it: 1e-6, 2.5e-11."""
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def waited(entry: dict[str, Any]) -> bool:
    """Whether some pass of an engine on one thread had the processor for less than nine tenths of its time."""
    return any(r["cpu_us"] < 0.9 * r["us"] for r in entry["ladder"])


def ladder_row(row: dict[str, Any]) -> dict[str, Any]:
    """Median, least and largest time a run [us] of one tolerance, and the share of the wall time that the process really ran."""
    wall = np.array([p["wall"] / p["draws"] for p in row["passes"]]) * 1e6
    cpu = np.array([p["cpu"] / p["draws"] for p in row["passes"]]) * 1e6
    facts = {"us": float(np.median(wall)), "us_min": float(wall.min()), "us_max": float(wall.max()), "cpu_us": float(np.median(cpu)), "passes": len(wall)}
    return {**{k: v for k, v in row.items() if k != "passes"}, **facts}


def time_at(ladder: list[dict[str, Any]], error: float = GOAL, *, key: str = "us") -> float | None:
    """Least time a run [us] at which an error is reached, log-log between neighbouring tolerances; None when the ladder does not span it."""
    points = sorted((r["rtol"], r["error"], r[key]) for r in ladder if r["error"])
    found = [_between(a, b, error) for a, b in pairwise(points) if min(a[1], b[1]) <= error <= max(a[1], b[1])]
    return min(found) if found else None


def _between(a: tuple[float, float, float], b: tuple[float, float, float], error: float) -> float:
    (_, e1, t1), (_, e2, t2) = a, b
    share = 0.0 if e1 == e2 else math.log(error / e1) / math.log(e2 / e1)
    return t1 * (t2 / t1) ** share


def summary(result: dict[str, Any]) -> list[dict[str, Any]]:
    """One row an engine: import, first run, time at the goal with its spread, ratio to the fastest of this engine on one thread."""
    rows = []
    for name, entry in result["engines"].items():
        times = {k: time_at(entry["ladder"], key=k) for k in ("us", "us_min", "us_max", "cpu_us")}
        rows.append({"name": name, **{k: entry.get(k) for k in ("title", "version", "import_s", "first_run_s", "settings", "problem")}, **times})
    ours = base_time(rows)
    for row in rows:
        row["ratio"] = row["us"] / ours if ours and row["us"] else None
    return rows


def base_time(rows: list[dict[str, Any]]) -> float | None:
    """Time of this engine on one thread with the widest instructions that took part."""
    times = {r["name"]: r["us"] for r in rows}
    return next((times[n] for n in OWN if times.get(n)), None)
