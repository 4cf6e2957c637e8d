"""A file of many runs, read column by column: opening it reads only names, units and sizes."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..errors import MissingPackageError, ParameterError, ResultsError
from ..outcomes import COUNTERS, STATUSES, Outcomes
from .layout import ENSEMBLE
from .reader import opened

if TYPE_CHECKING:
    import xarray

READ_AT_ONCE = 2**18  # runs read at once where a whole column is not needed


class Ensemble:
    """Many runs in one file: ``ensemble["ca_peak"]`` is (n_runs,) in the unit ``ensemble.units["ca_peak"]``.

    ``features`` are the numbers read from each run, ``drawn`` the columns of the draws ("start.ca_er" for a drawn start), ``recorded`` the
    quantities kept over time, ``ensemble[name]`` (n_runs, n_times). A column is read from the file when it is asked for; ``rows`` takes a part of
    it and :meth:`to_xarray` opens everything as labelled arrays that are read lazily. ``complete`` is False for a file that was interrupted.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with opened(path) as file:
            self.path = os.fspath(path)
            if file.attrs.get("nkcell_kind") != ENSEMBLE:
                raise ResultsError(f"{self.path!r} holds the results of a study, not of simulate_to_file; open it with nkcell_sim.open_results")
            missing = [name for name in ("run", "status", "time_reached", "complete") if name not in file and name not in file.attrs]
            if missing:
                raise ResultsError(f"{self.path!r} is damaged or was changed: it lacks {', '.join(missing)}; restore it from a copy or repeat the run")
            self.title = str(file.attrs.get("title", ""))
            self.complete = bool(file.attrs["complete"])
            self._runs = len(file["run"])
            about = {name: dict(item.attrs) for name, item in file.items() if hasattr(item, "dims") and name != "run"}
        self.units = {name: str(attributes["units"]) for name, attributes in about.items() if "units" in attributes}
        self.descriptions = {name: str(attributes.get("long_name", "")) for name, attributes in about.items()}
        self._roles = {name: str(attributes.get("role", "")) for name, attributes in about.items()}

    def _of_role(self, role: str) -> list[str]:
        return [name for name, found in self._roles.items() if found == role]

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        return self._of_role("feature")

    @property
    def drawn(self) -> list[str]:
        """Names of the columns that were drawn."""
        return self._of_role("drawn")

    @property
    def recorded(self) -> list[str]:
        """Names of the quantities that were kept over time."""
        return self._of_role("trace")

    @cached_property
    def time(self) -> np.ndarray:
        """Output times [s], empty when nothing was recorded."""
        return self.rows("time") if "time" in self.units else np.empty(0)

    @cached_property
    def outcomes(self) -> Outcomes:
        """How every run ended."""
        with opened(self.path) as file:
            names = tuple(str(file["worst_component"].attrs["flag_meanings"]).split())
            counters = np.column_stack([file[name][...] for name in COUNTERS])
            codes, worst, rung = file["status"][...].astype(np.int8), file["worst_component"][...], file["rung"][...].astype(np.int8)
            attempts = file["attempts"][...].astype(np.int8) if "attempts" in file else None
            return Outcomes(codes, file["time_reached"][...], worst, counters, rung, names, attempts)

    def status_counts(self) -> dict[str, int]:
        """Number of runs by status, the commonest first; reads the file in parts."""
        total = np.zeros(len(STATUSES), dtype=int)
        for start in range(0, len(self), READ_AT_ONCE):
            total += np.bincount(self.rows("status", start, start + READ_AT_ONCE), minlength=len(STATUSES))
        return {STATUSES[i]: int(total[i]) for i in np.argsort(-total, kind="stable") if total[i]}

    def rows(self, name: str, start: int = 0, end: int | None = None) -> np.ndarray:
        """One column, or its runs from ``start`` to before ``end``."""
        if name not in self.descriptions:
            raise ParameterError(f"{self.path!r} holds no {name!r}; it has {', '.join(self.features + self.drawn + self.recorded + ['status'])}", name=name)
        with opened(self.path) as file:
            return np.asarray(file[name][start:end])

    def __getitem__(self, name: str) -> np.ndarray:
        return self.rows(name)

    def __len__(self) -> int:
        return self._runs

    def to_xarray(self) -> xarray.Dataset:
        """Everything as an :class:`xarray.Dataset` over ``run`` (and ``time``) that reads from the file when values are used; close it after use."""
        try:
            import xarray
        except ImportError as error:
            raise MissingPackageError("to_xarray() needs xarray: pip install 'nkcell_sim[xarray]'") from error
        found = xarray.open_dataset(self.path, engine="h5netcdf")
        return found.set_coords([name for name in ("status", *self.drawn) if name in found])

    def __repr__(self) -> str:
        ends = ", ".join(f"{n} {status}" for status, n in self.status_counts().items())
        head = f"Ensemble of {len(self)} runs{f' {self.title!r}' if self.title else ''}: {ends}"
        lines = [head if self.complete else f"{head}; INCOMPLETE, it was interrupted"]
        lines.append(f"  {'column':<28}{'unit':<10}{'minimum':>12}{'median':>12}{'maximum':>12}")
        for name in (*self.drawn, *self.features):
            values = self[name]
            known = values[np.isfinite(values)]
            of = "".join(f"{f(known):>12.5g}" for f in (np.min, np.median, np.max)) if len(known) else f"{'none':>12}"
            lines.append(f"  {name:<28}{self.units[name]:<10}{of}")
        if self.recorded:
            lines.append(f"  recorded at {len(self.time)} times: {', '.join(f'{name} [{self.units[name]}]' for name in self.recorded)}")
        return "\n".join(lines)


def open_ensemble(path: str | os.PathLike[str]) -> Ensemble:
    """Open a file of :func:`~nkcell_sim.results.streaming.simulate_to_file`; :class:`~nkcell_sim.errors.ResultsError` says what is wrong with a bad one."""
    return Ensemble(path)
