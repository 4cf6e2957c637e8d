"""Figures inside the page: SVG without links, dates or names of programs, each with its own identifiers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..plots import METADATA, pictures, protocol_picture, style
from ..plots.style import pretty
from .html import Html, element

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..plots import Picture
    from ..results import ExperimentRuns, Results

# What matplotlib writes around and into the drawing that a page does not need: the file's own header, names of vocabularies, comments.
_HEADER = re.compile(r"^.*?(?=<svg\b)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_NAMESPACE = re.compile(r'\s+xmlns(?::\w+)?="[^"]*"')


def figures(results: Results) -> Iterator[Html]:
    """Every picture of the results as a figure element."""
    with style():
        for number, picture in enumerate(pictures(results), start=1):
            yield _figure(picture, f"fig{number}")


def protocol_figure(results: Results, runs: ExperimentRuns, number: int) -> Html:
    """The protocol of an experiment as a figure element."""
    with style():
        return _figure(protocol_picture(results, runs), f"protocol{number}")


def _figure(picture: Picture, identity: str) -> Html:
    """A picture with its words below, which are also what a screen reader says of it."""
    heading, words = pretty(picture.heading), picture.words[:1].upper() + picture.words[1:]
    drawing = inline_svg(picture.figure, identity, heading)
    caption = element("figcaption", element("strong", f"{heading}. "), words, id=f"{identity}-words")
    return element("figure", drawing, caption, id=identity)


def inline_svg(figure: Figure, identity: str, title: str) -> Html:
    """A figure as SVG to stand inside HTML, named by ``title`` and described by the element ``identity``-words; its identifiers start with ``identity``."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=METADATA[".svg"])
    drawn = _HEADER.sub("", buffer.getvalue(), count=1)
    for pattern in (_METADATA, _COMMENT, _NAMESPACE):
        drawn = pattern.sub("", drawn)
    drawn = drawn.replace("xlink:href=", "href=").replace(' id="', f' id="{identity}-')
    drawn = drawn.replace('href="#', f'href="#{identity}-').replace("url(#", f"url(#{identity}-")
    opening = drawn.index(">")
    names = f'role="img" aria-labelledby="{identity}-title" aria-describedby="{identity}-words"'
    return Html(f"{drawn[:opening]} {names}>{element('title', title, id=f'{identity}-title')}{drawn[opening + 1 :].strip()}")
