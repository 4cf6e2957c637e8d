"""The race as tables: plain text for the terminal, Markdown for the page."""

from __future__ import annotations

from typing import Any

from .summary import GOAL, power, summary

HEAD = ("engine", "import [s]", "first run [s]", f"run at error {power(GOAL)} [µs]", "fastest to slowest pass", "processor time [µs]", "times ours")


def table(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Rows of texts in the order of HEAD; engines that took no part have their reason in the last column."""
    rows = []
    for row in summary(result):
        title = f"{row['title']} {row['version'] or ''}".strip()
        if row["problem"]:
            rows.append((title, *("–",) * 5, f"{row['problem']['kind']}: {row['problem']['reason']} ({row['problem']['remedy']})"))
            continue
        spread = f"{_number(row['us_min'])} … {_number(row['us_max'])}" if row["us"] else "–"
        ratio = _number(row["ratio"]) if row["us"] else "not reached"
        rows.append((title, _number(row["import_s"]), _number(row["first_run_s"]), _number(row["us"]), spread, _number(row["cpu_us"]), ratio))
    return rows


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def plain(result: dict[str, Any]) -> str:
    """The table in columns."""
    rows = [HEAD, *table(result)]
    widths = [max(len(r[i]) for r in rows) for i in range(len(HEAD) - 1)]
    lines = ["  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:-1], widths[1:], strict=True)), row[-1]]) for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def markdown(result: dict[str, Any]) -> str:
    """The table for the page."""
    rows = ["| " + " | ".join(r) + " |" for r in (HEAD, ("---", *("--:",) * 5, "--:"), *table(result))]
    return "\n".join(rows)


def ladder_markdown(result: dict[str, Any]) -> str:
    """Every tolerance of every engine: error reached and time a run."""
    head = ("engine", "rtol", "largest error", "median error", "time a run [µs]", "fastest to slowest pass", "passes")
    rows = ["| " + " | ".join(r) + " |" for r in (head, ("---", *("--:",) * 6))]
    for entry in result["engines"].values():
        for r in entry["ladder"]:
            error = (power(r["error"]), power(r["median_error"])) if r["error"] else (f"{r['failed']} runs failed", "–")
            spread = f"{_number(r['us_min'])} … {_number(r['us_max'])}"
            rows.append(f"| {entry['title']} | {power(r['rtol'])} | {error[0]} | {error[1]} | {_number(r['us'])} | {spread} | {r['passes']} |")
    return "\n".join(rows)


def settings_markdown(result: dict[str, Any]) -> str:
    """How every engine was set up."""
    return "\n".join(f"- **{e['title']}**: {e['settings']}." for e in result["engines"].values())
