"""Work against precision: time a run over the error it reached, one labelled line an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .summary import GOAL

# Okabe and Ito's colours: told apart with any common colour vision; the marker tells the same once more
COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#000000", "#D55E00", "#CC79A7", "#E69F00", "#7A5195", "#8A6D3B", "#999999", "#444444", "#B8860B")
MARKERS = "osD^vP*Xhd<>"


def plot(result: dict[str, Any], path: Path) -> None:
    """Write the figure (SVG or PNG by the file's ending)."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "race", "svg.fonttype": "path", "font.size": 10})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9.5, 6.0), layout="constrained")
    lines = [_line(axes, entry, i) for i, entry in enumerate(_shown(result))]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.invert_xaxis()
    axes.axvline(GOAL, color="#bbbbbb", linewidth=1.0, zorder=0)
    axes.set_xlabel("largest error reached, |y - reference| / (|reference| + scale)   (better →)")
    axes.set_ylabel("time a run of 300 s, one thread unless said [µs]   (better ↓)")
    axes.grid(which="major", color="#e6e6e6", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    _labels(axes, [line for line in lines if line])
    axes.set_title(f"{result['machine']['cpu']}, {result['machine']['date'][:10]}", fontsize=9, loc="left")
    figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)


def _shown(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [e for e in result["engines"].values() if any(r["error"] for r in e["ladder"])]


def _line(axes: Any, entry: dict[str, Any], i: int) -> tuple[float, float, str, str]:
    points = sorted((r["error"], r["us"], r["us_min"], r["us_max"]) for r in entry["ladder"] if r["error"])
    colour, ours = COLOURS[i % len(COLOURS)], entry["title"].startswith("nkcell")
    x, y, low, high = zip(*points, strict=True)
    axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.plot(x, y, color=colour, marker=MARKERS[i % len(MARKERS)], markersize=5, linewidth=2.2 if ours else 1.3, linestyle="-")
    return x[0], y[0], entry["title"], colour


def _labels(axes: Any, ends: list[tuple[float, float, str, str]], gap: float = 1.3) -> None:
    """Names beside the right ends of the lines, pushed apart where they would overlap."""
    ends.sort(key=lambda e: e[1])
    right, last = min(e[0] for e in ends), 0.0
    for x, y, title, colour in ends:
        last = max(y, last * gap)
        axes.annotate(title, (x, y), (right / 2.0, last), textcoords="data", color=colour, va="center", fontsize=8.5, annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5})  # fmt: skip
