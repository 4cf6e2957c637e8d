"""HTML from Python values: text is escaped, what is HTML already says so by its type."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence

VOID = ("meta", "br", "hr")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # characters that no HTML document may hold


class Html(str):
    """Text that is HTML already and is not escaped again."""

    __slots__ = ()


def escaped(value: object) -> Html:
    """A value as HTML: escaped unless it is :class:`Html`."""
    return value if isinstance(value, Html) else Html(html.escape(_CONTROL.sub("\ufffd", str(value)), quote=True))


def element(tag: str, *children: object, **attributes: str | None) -> Html:
    """An element with its children; ``class_`` is the attribute class, an underscore within a name is a hyphen, None leaves an attribute out."""
    named = "".join(f' {name.rstrip("_").replace("_", "-")}="{escaped(value)}"' for name, value in attributes.items() if value is not None)
    if tag in VOID:
        return Html(f"<{tag}{named}>")
    return Html(f"<{tag}{named}>{joined(children)}</{tag}>")


def joined(parts: Iterable[object], *, by: str = "") -> Html:
    """Parts one after the other, each escaped unless it is HTML."""
    return Html(by.join(escaped(part) for part in parts))


def paragraphs(texts: Iterable[object]) -> Html:
    """A paragraph for each text."""
    return joined(element("p", text) for text in texts)


def listed(texts: Iterable[object]) -> Html:
    """A list with an item for each text; empty without any."""
    items = [element("li", text) for text in texts]
    return element("ul", *items) if items else Html("")


def folded(summary: str, *children: object) -> Html:
    """Something that a reader unfolds."""
    return element("details", element("summary", summary), *children)


def slug(text: str) -> str:
    """A text as an identifier within the page."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def table(caption: str, head: Sequence[object], rows: Iterable[Sequence[object]], *, numeric: Sequence[int] = (), wordy: Sequence[int] = ()) -> Html:
    """A table whose first column names its rows; ``numeric`` and ``wordy`` are the positions of columns of numbers and of sentences."""
    classes = {**dict.fromkeys(wordy, "wordy"), **dict.fromkeys(numeric, "number")}
    titles = element("tr", *(element("th", cell, scope="col", class_=classes.get(i)) for i, cell in enumerate(head)))
    body = joined((_row(row, classes) for row in rows), by="\n")
    content = element("table", element("caption", caption), element("thead", titles), element("tbody", body))
    return element("div", content, class_="wide", role="region", tabindex="0", aria_label=caption)


def _row(row: Sequence[object], classes: Mapping[int, str]) -> Html:
    first, *rest = row
    cells = (element("td", cell, class_=classes.get(i)) for i, cell in enumerate(rest, start=1))
    return element("tr", element("th", first, scope="row"), *cells)


def number(value: object) -> str:
    """A number with four digits, thousands apart, a dash where there is none; other values as they are."""
    if not isinstance(value, float):
        return str(value)
    if value != value:
        return "–"
    shown = f"{float(f'{value:.4g}'):,.0f}" if 1e4 <= abs(value) < 1e7 else f"{value:.4g}"
    return shown.replace("-", "−")
