"""What went wrong or must be known: failed runs, runs that never started, and warnings, each by cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plots.causes import Cause, by_cause
from ..plots.style import pretty
from .html import Html, element, joined, table

if TYPE_CHECKING:
    from ..results import ExperimentRuns, Results


def problems(results: Results) -> Html:
    """Failures and warnings of every experiment by cause; says so when there are none."""
    rows = [row for runs in results.experiments.values() for row in (*_failures(runs), *_warnings(runs))]
    if not rows:
        return element("p", "Every run ended as it should, and none has a warning.")
    total = sum(len(runs.status) for runs in results.experiments.values())
    failed = len(results.failed)
    said = (
        f"{failed} of {total} runs failed or never started; their numbers are left out of every mean." if failed else f"All {total} runs ended as they should."
    )
    head = ["experiment", "kind", "what", "runs", "conditions"]
    return joined([element("p", said), table("Failures and warnings by cause", head, rows, numeric=(3,), wordy=(2, 4))])


def _failures(runs: ExperimentRuns) -> list[list[object]]:
    bad = [(i, runs.failure(i)) for i, status in enumerate(runs.status) if status != "ok"]
    return [_row(runs, "not run" if cause.text.startswith("not_run") else "failed", cause) for cause in by_cause(bad)]


def _warnings(runs: ExperimentRuns) -> list[list[object]]:
    """Warnings that say more than that a run failed, which has a row of its own."""
    status = runs.status
    told = [(i, text) for i, text in runs.warnings if not (status[i] != "ok" and text.startswith(("not run: ", f"the run ended as {status[i]}")))]
    return [_row(runs, "warning", cause) for cause in by_cause(told)]


def _row(runs: ExperimentRuns, kind: str, cause: Cause) -> list[object]:
    touched = list(dict.fromkeys(cause.runs))
    cases = runs.cases
    example = "for example: " if len(touched) > 1 else ""
    return [runs.name, kind, f"{example}{pretty(cause.text)}", len(touched), ", ".join(dict.fromkeys(cases[i] for i in touched))]
