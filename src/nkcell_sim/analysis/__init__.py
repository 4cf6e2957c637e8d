"""What is read from results: dose-responses, statistics of cohorts, power, verdicts on the published patterns, and what would decide between hypotheses.

    from nkcell_sim.analysis import Question, Statistics, answer

    answers = answer(results, Statistics(questions=(Question(feature="patch.pregs_1_outward"),)))

Names are loaded when they are first used. The modules hold more: the pieces of each computation, and what its tests need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import loader

if TYPE_CHECKING:
    from .cell_table import CellTable
    from .comparisons import comparison_table
    from .deciding import decisions, predictions
    from .deductions import possible_at_donor_level
    from .dose_response import fit_hill
    from .effects import Bootstrap
    from .hierarchy import Bank, Design
    from .power import Analysis, donors_needed, power_curve, resampled_power
    from .power_plan import PowerPlan, curve_of
    from .questions import Question, Statistics, answer, cells_of
    from .separation import resolvable, separations
    from .statistics import compare
    from .targets import target_table
    from .validation import validate
    from .variance import variance_components

_HOMES = {
    "Analysis": ".power",
    "Bank": ".hierarchy",
    "Bootstrap": ".effects",
    "CellTable": ".cell_table",
    "Design": ".hierarchy",
    "PowerPlan": ".power_plan",
    "Question": ".questions",
    "Statistics": ".questions",
    "answer": ".questions",
    "cells_of": ".questions",
    "compare": ".statistics",
    "comparison_table": ".comparisons",
    "curve_of": ".power_plan",
    "decisions": ".deciding",
    "donors_needed": ".power",
    "fit_hill": ".dose_response",
    "possible_at_donor_level": ".deductions",
    "power_curve": ".power",
    "predictions": ".deciding",
    "resampled_power": ".power",
    "resolvable": ".separation",
    "separations": ".separation",
    "target_table": ".targets",
    "validate": ".validation",
    "variance_components": ".variance",
}

__all__ = [
    "Analysis",
    "Bank",
    "Bootstrap",
    "CellTable",
    "Design",
    "PowerPlan",
    "Question",
    "Statistics",
    "answer",
    "cells_of",
    "compare",
    "comparison_table",
    "curve_of",
    "decisions",
    "donors_needed",
    "fit_hill",
    "possible_at_donor_level",
    "power_curve",
    "predictions",
    "resampled_power",
    "resolvable",
    "separations",
    "target_table",
    "validate",
    "variance_components",
]

__getattr__ = loader(__name__, _HOMES, globals())


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
