"""The page: its sections in order, with a table of contents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..plots.stored import conditions
from ..plots.style import pretty
from .drawings import figures
from .html import Html, element, joined, slug
from .measures import measures
from .methods import methods
from .origins import parameters, provenance
from .problems import problems
from .stylesheet import CSS
from .verdicts import computed_tables, targets

if TYPE_CHECKING:
    from ..results import Results

DISCLAIMER = (
    "Model output, not a laboratory result: every number on this page was computed by a mathematical model. "
    "Protocol values and parameters marked unconfirmed or assumed have not been checked against the papers. Not medical advice."
)
# Nothing may be loaded and no script may run, whatever the file holds.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report_html(results: Results) -> str:
    """The report of results as one HTML page; the same text for the same results."""
    sections = [(heading, content) for heading, make in SECTIONS if (content := make(results))]
    title = pretty(results.title or "nkcell_sim results")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("title", f"{title} (model output)"),
        element("style", Html(f"\n{CSS}\n")),
    )
    body = element(
        "body", element("a", "Skip to the content", href="#content", class_="skip"), _header(results, title, sections), _main(sections), _footer(results)
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _header(results: Results, title: str, sections: Sequence[tuple[str, Html]]) -> Html:
    links = (element("li", element("a", heading, href=f"#{slug(heading)}")) for heading, _ in sections)
    contents = element("nav", element("ul", *links), aria_label="Contents")
    return element("header", element("h1", title), element("p", DISCLAIMER, class_="disclaimer", role="note"), element("p", summary(results)), contents)


def _main(sections: Sequence[tuple[str, Html]]) -> Html:
    parts = (element("section", element("h2", heading, id=slug(heading)), content) for heading, content in sections)
    return element("main", joined(parts, by="\n"), id="content")


def _footer(results: Results) -> Html:
    said = f"Drawn from a result file of nkcell_sim {results.provenance['software']['nkcell_sim']}. {DISCLAIMER}"
    return element("footer", element("p", said, class_="soft"))


def summary(results: Results) -> str:
    """The results in one sentence or two."""
    runs = list(results.experiments.values())
    names = list(dict.fromkeys(name for r in runs for name in conditions(r)))
    total = sum(len(r.status) for r in runs)
    what = ", ".join(dict.fromkeys(f"{r.name} ({r.title})" for r in runs))
    people = len({str(donor) for r in runs for donor in r.labels.get("donor", [])})
    cohort = f" of {people} virtual donors" if people else ""
    failed = f" {len(results.failed)} of them failed or never started." if results.failed else ""
    return pretty(f"{total} run{'s' if total != 1 else ''}{cohort} under {len(names)} condition{'s' if len(names) != 1 else ''}: {what}.{failed}")


def _figures(results: Results) -> Html:
    return joined(figures(results), by="\n")


def _measures(results: Results) -> Html:
    return joined(part for runs in results.experiments.values() for part in (element("h3", f"{runs.name}: {pretty(runs.title)}"), measures(runs)))


def _targets(results: Results) -> Html:
    return targets(results) if results.targets else Html("")


SECTIONS: tuple[tuple[str, Callable[[Results], Html]], ...] = (
    ("What was done", methods),
    ("Figures", _figures),
    ("Measures", _measures),
    ("Statistics", computed_tables),
    ("Published patterns", _targets),
    ("Failures and warnings", problems),
    ("Parameters and their evidence", parameters),
    ("How it was computed", provenance),
)
