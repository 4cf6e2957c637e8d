"""The look of figures: colours safe for colour-blind readers, line styles, titles, footnotes and drug bars."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import MissingPackageError
from ..experiments import TREATMENTS
from .causes import by_cause

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..results import ExperimentRuns, Results

# Okabe & Ito's palette, ordered so that neighbours differ in lightness too.
COLOURS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLES = ("-", "-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (3, 1)), (0, (8, 2)))
MARKERS = "osD^vPX"
RULES: Any = {
    "font.size": 8.5, "axes.titlesize": 9.5, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.linewidth": 0.8, "lines.linewidth": 1.4, "legend.frameon": False, "legend.fontsize": 8,
    "font.family": "DejaVu Sans", "svg.hashsalt": "nkcell_sim", "figure.dpi": 100, "savefig.dpi": 200, "mathtext.default": "regular",
    "text.parse_math": False,  # a condition may be called anything
}  # fmt: skip


@contextmanager
def style() -> Iterator[None]:
    """Drawing rules for the time of a figure; says which package is missing."""
    try:
        import matplotlib
    except ImportError as error:
        raise MissingPackageError("figures need matplotlib: pip install matplotlib") from error
    with matplotlib.rc_context(RULES):
        yield


def look_of(i: int) -> dict[str, Any]:
    """Colour and line style of the i-th condition."""
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": STYLES[i % len(STYLES)]}


def new_figure(results: Results, runs: Sequence[ExperimentRuns], width: float, height: float, *, heading: str = "", caption: str = "") -> Figure:
    """An empty figure with its title and, at the foot, how to read it, what it is and what is unconfirmed."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = ConstrainedLayoutEngine(w_pad=0.07, h_pad=0.07)
    drawn = Figure(figsize=(width, height), layout=engine)
    notes = [*_notes(runs), *_warnings(runs)]
    said = [*([caption] if caption else []), "Model output, not a laboratory result.", *dict.fromkeys(_sentence(n) for n in notes)]
    text = pretty(" ".join(said))
    lines = textwrap.wrap(text, int(width * 19.5))
    room = (0.125 * len(lines) + 0.1) / height
    engine.set(rect=(0.0, room, 1.0, 1.0 - room))
    drawn.text(0.008, 0.05 / height, "\n".join(lines), fontsize=6.5, color="#444444", va="bottom")
    drawn.suptitle(pretty(heading or results.title or "nkcell_sim"), fontsize=12, fontweight="bold", x=0.008, ha="left")
    return drawn


def _notes(runs: Sequence[ExperimentRuns], most: int = 3) -> list[str]:
    """Remarks of the runs; one that is made of several conditions is said once."""
    found: dict[str, list[str]] = {}
    for r in runs:
        cases = getattr(r, "cases", ())
        for note in r.notes:
            case = next((c for c in cases if note.startswith(f"{c}: ")), "")
            of = found.setdefault(note.removeprefix(f"{case}: ") if case else note, [])
            of += [case] if case and case not in of else []
    return [f"{', '.join(of) if len(of) <= most else f'{len(of)} conditions'}: {text}" if of else text for text, of in found.items()]


def _warnings(runs: Sequence[ExperimentRuns], most: int = 4) -> list[str]:
    """What a reader must know before using the numbers, by cause, the first few of it."""
    found = list(dict.fromkeys(f"warning, {r.name}, {r.cases[cause.runs[0]]}: {cause}" for r in runs for cause in by_cause(r.warnings)))
    more = [f"and {len(found) - most} more kinds of warning in the result file"] if len(found) > most else []
    return found[:most] + more


def _sentence(note: str) -> str:
    """A note as a sentence."""
    return note[0].upper() + note[1:] + ("" if note.endswith(".") else ".")


BAR_ROOM = 0.19  # inches of a bar and its text
CROWD = 5  # conditions from which on a legend and bars get room of their own
LONG = 22  # characters of a condition that do not fit between the lines of a panel


def is_crowded(names: Sequence[str]) -> bool:
    """Whether the names of conditions need more room than a panel has."""
    return len(names) >= CROWD or any(len(n) > LONG for n in names)


def place_legend(ax: Axes, names: Sequence[str], **inside: Any) -> None:
    """A legend inside the panel, or beside it where many or long names would cover the data."""
    if is_crowded(names):
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=7.5)
    else:
        ax.legend(**inside)


def panel_title(ax: Axes, heading: str, counts: str, *, width: int = 60) -> None:
    """Heading of a panel in lines of ``width`` characters, and on a line of its own below it the numbers of cells and donors."""
    ax.set_title(f"{textwrap.fill(heading, width)}\n", loc="left")
    ax.set_title(counts, loc="right", fontsize=7, fontweight="normal", color="#444444")


def part_title(part: Any, heading: str) -> None:
    """Heading over a row of panels."""
    part.suptitle(heading, fontsize=9.5, fontweight="bold", x=0.008, ha="left")


def said_instead(part: Any, text: str) -> str:
    """A sentence in place of a panel that cannot be drawn; returns it."""
    ax = part.subplots()
    ax.set_axis_off()
    ax.text(0.0, 0.5, textwrap.fill(text, 90), va="center", transform=ax.transAxes)
    return text


def drug_bars(ax: Axes, phases: Sequence[tuple[float, float, str]], scale: float, *, room: float = 1.0) -> None:
    """Bars for what is in the bath, in extra room at the top of the panel (``room`` = 0: the room is there already)."""
    levels: list[float] = []
    low, high = ax.get_ylim()
    step = max(0.075, BAR_ROOM * ax.get_figure().dpi / ax.get_window_extent().height)  # type: ignore[union-attr]
    for start, end, text in phases:
        level = next((k for k, busy in enumerate(levels) if start >= busy - 1e-9), len(levels))
        levels[level : level + 1] = [end]
        y = 0.985 - step * level
        ax.plot([start / scale, end / scale], [y, y], transform=ax.get_xaxis_transform(), color="#333333", lw=3, solid_capstyle="butt", clip_on=False)
        ax.text(0.5 * (start + end) / scale, y - 0.015, text, transform=ax.get_xaxis_transform(), ha="center", va="top", fontsize=7.5)
    ax.set_ylim(low, high + room * (high - low) * (0.06 + step * len(levels)) / (1.0 - step * len(levels)))


def say_n(ax: Axes, said: str = "n = 1 cell a condition") -> None:
    """How many cells a panel shows, in its corner."""
    ax.annotate(said, (1.0, 1.01), xycoords="axes fraction", ha="right", va="bottom", fontsize=6.0, color="#666666")


WORDS = {
    "pregs": "PregS", "ntx": "naltrexone", "duration": "incubation", "half_crac": "half CRAC", "kca31_blocked": "KCa3.1 blocked",
    "ldn.dose": "oral dose", "ldn.doses": "doses taken", "ldn.hours_after": "hours after the last dose",
}  # fmt: skip


def in_words(key: str) -> str:
    """A key as words for an axis."""
    if key in WORDS:
        return WORDS[key]
    owner, _, last = key.rpartition(".")
    return WORDS.get(last, key if owner and owner not in TREATMENTS else last.replace("_", " "))


def unit_text(unit: str) -> str:
    return "-" if unit == "1" else unit.replace("uM", "µM")


def shortened(description: str) -> str:
    """The beginning of a description, for an axis."""
    return description.partition(",")[0].partition(" (")[0]


def pretty(text: str) -> str:
    """Plain text with the signs that a figure can show."""
    return str(text).replace("Ca2+", "Ca²⁺").replace(" uM", " µM").replace("CO2", "CO₂")
