"""The published patterns T1-T14 and whether the simulation shows them.

Every number is computed from simulated features; where the study lacks what a target needs (acute naltrexone, a low-dose
patient, the other recording bath, the other parameter set), :func:`target_table` simulates it with the study's own
protocols and cells. The bands are modelling choices unless the evidence says otherwise: the papers support directions, not
amplitudes. Model output is never a laboratory result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .target_measures import LDN, CohortPower, Measured, measure, role_of
from .target_rules import MISSED, NOT_TESTABLE, PASS, RESTORED, RULES, SATURATING_REMARK, Judge, NotThere, joined

if TYPE_CHECKING:
    from ..results import Results
    from ..study import Study

DISCLAIMER = "Model output, not a laboratory result; bands marked * are modelling choices."


@dataclass(frozen=True)
class Target:
    """One published pattern and its verdict; ``number`` is what the verdict was read from (NaN where nothing was)."""

    id: str
    statement: str
    value: str
    band: str
    evidence: str
    verdict: str
    remark: str
    number: float = math.nan

    def row(self) -> dict[str, Any]:
        """Columns for a table or a result file."""
        return {name: getattr(self, name) for name in ("id", "statement", "value", "number", "band", "evidence", "verdict", "remark")}


def evaluate(m: Measured) -> list[Target]:
    """Verdict of every target from measured features; a missing ingredient makes a target not testable, with the reason."""
    judge = Judge(m)
    found: list[Target] = []
    for name, statement, band, evidence, rule in RULES:
        try:
            verdicts = rule(judge)
            caveats = judge.caveats()
            for suffix, value, number, verdict, remark in verdicts:
                said = remark if verdict == NOT_TESTABLE else joined(remark, caveats)
                found.append(Target(name + suffix, statement, value, band, evidence, verdict, said, number))
        except NotThere as reason:
            judge.caveats()
            found.append(Target(name, statement, "-", band, evidence, NOT_TESTABLE, str(reason)))
    return found


def target_table(study: Study, results: Results, *, companions: bool = True, cohort: CohortPower | None = None) -> list[Target]:
    """Verdicts of T1-T14 for a finished study; ``cohort`` answers T14."""
    return evaluate(replace(measure(study, results, companions=companions), cohort=cohort))


def rows(targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Targets as rows for :meth:`nkcell_sim.results.Results.with_targets`."""
    return [t.row() for t in targets]


def as_text(targets: Sequence[Target], *, width: int = 110) -> str:
    """The table as plain text, with what it is and is not."""
    import textwrap

    indent = " " * 4
    lines = []
    for t in targets:
        lines.append(f"{t.id:<18}{t.verdict:<14}{t.value}")
        text = f"{t.statement} [expected {t.band}; evidence {t.evidence}]" + (f": {t.remark}" if t.remark else "")
        lines += textwrap.wrap(text, width=width, initial_indent=indent, subsequent_indent=indent)
    counts = {verdict: sum(t.verdict == verdict for t in targets) for verdict in (PASS, MISSED, NOT_TESTABLE)}
    summary = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    return "\n".join([*lines, f"{summary}. {DISCLAIMER}"])


__all__ = [
    "LDN", "MISSED", "NOT_TESTABLE", "PASS", "RESTORED", "SATURATING_REMARK", "CohortPower", "Measured", "Target", "as_text", "evaluate", "measure",
    "role_of", "rows", "target_table",
]  # fmt: skip
