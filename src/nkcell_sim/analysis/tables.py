"""The tables that a configuration asks for beside its runs: verdicts, comparisons, variances and power; one that fails never costs the runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import NkcellError
from .packages import needed
from .power_plan import PowerPlan, curve_of, power_rows
from .questions import Statistics, answer

if TYPE_CHECKING:
    from ..results import Results
    from ..study import Study


@dataclass(frozen=True)
class Asked:
    """What is computed from the runs of a study."""

    targets: bool = False
    statistics: Statistics | None = None
    power: PowerPlan | None = None
    deciding: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tables, as results keep them."""
        wanted = {"targets": self.targets, "statistics": self.statistics, "power": self.power, "predictions": self.deciding, "deciding": self.deciding}
        return tuple(name for name, asked in wanted.items() if asked)

    def check_packages(self) -> None:
        """Find out before the work that an optional package is missing; raises :class:`~nkcell_sim.errors.MissingPackageError`."""
        if self.statistics is not None or self.power is not None:
            needed("statsmodels", "the statistics of a cohort")
            needed("scikit_posthocs", "the statistics of a cohort")


def with_tables(results: Results, study: Study, asked: Asked) -> tuple[Results, list[str]]:
    """The results with every table that was asked for, and for each that could not be computed the reason."""
    problems: list[str] = []

    def tried(what: str, make: object) -> None:
        nonlocal results
        try:
            results = make(results)  # type: ignore[operator]
        except NkcellError as error:
            problems.append(f"{what}: {error}")
        except Exception as error:
            problems.append(f"{what}: {type(error).__name__}: {error}")

    if asked.statistics is not None:
        statistics = asked.statistics
        tried("statistics", lambda r: answer(r, statistics).kept_in(r))
    if asked.power is not None:
        plan = asked.power
        tried("power", lambda r: r.with_table("power", power_rows(curve_of(r, plan), plan)))
    if asked.deciding:
        from .decided import prediction_rows, separation_rows

        tried("predictions", lambda r: r.with_table("predictions", prediction_rows(r)))
        tried("deciding", lambda r: r.with_table("deciding", separation_rows(r)))
    if asked.targets:
        from .targets import rows, target_table

        tried("targets", lambda r: r.with_targets(rows(target_table(study, r))))
    return results, problems
