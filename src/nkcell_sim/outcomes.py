"""How runs ended: a closed list of statuses, one run as an object, many runs as columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

OUTCOMES = {
    "ok": "reached the end of the protocol",
    "step_limit": "used up its steps",
    "time_limit": "used up its wall time",
    "non_finite_rhs": "an equation stopped being a finite number",
    "step_underflow": "the step became too small for the clock",
    "out_of_range": "a state left its physical range",
    "diverged": "a state grew without bound",
    "cancelled": "was interrupted",
    "not_run": "was not started",
    "step_rate_limit": "needed more steps per simulated second than its budget allows",
    "worker_lost": "its worker died with it every time",
}
STATUSES = tuple(OUTCOMES)  # the position of a status is its code in the engine and in files
COUNTERS = ("steps", "rejected", "rhs", "jacobians")
RUNGS = ("as asked", "small first steps", "tighter tolerance", "another method")  # of the retry ladder
_CODE = {status: code for code, status in enumerate(STATUSES)}


@dataclass(frozen=True)
class Outcome:
    """How one run ended: status, time reached [s], the worst component and the work done.

    ``rung`` is the position in :data:`RUNGS` of the attempt that is reported (0: the run as it was asked for) and ``attempts`` holds the status of
    every attempt of a run that was tried again; the work is that of all attempts. A run that no retry cured is reported as it failed first.
    """

    status: str
    time_reached: float
    worst: str = ""
    steps: int = 0
    rejected: int = 0
    rhs: int = 0
    jacobians: int = 0
    rung: int = 0
    attempts: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when the run reached the end of its protocol."""
        return self.status == "ok"

    def __str__(self) -> str:
        text = f"{self.status}: {OUTCOMES[self.status]} (t = {self.time_reached:.6g} s, {self.steps} steps, {self.rejected} rejected"
        text += f", worst component {self.worst})" if self.worst else ")"
        if not self.attempts:
            return text
        return text + "; " + ", ".join(f"{name}: {status}" for name, status in zip(RUNGS, self.attempts, strict=False))


@dataclass(frozen=True, eq=False)
class Outcomes(Sequence[Outcome]):
    """How many runs ended, as columns: ``outcomes[i]`` is an :class:`Outcome`, built when it is asked for.

    ``codes`` (n_runs,) counts in :data:`STATUSES`, ``time_reached`` (n_runs,) is in s, ``worst`` (n_runs,) counts in ``names`` (-1: none),
    ``counters`` (n_runs, 4) holds the steps, rejected steps, right-hand sides and Jacobians, ``rung`` (n_runs,) counts
    in :data:`RUNGS`, and ``attempts`` (n_runs, 4) holds the codes of the attempts of runs that were tried again (-1: none).
    """

    codes: np.ndarray
    time_reached: np.ndarray
    worst: np.ndarray
    counters: np.ndarray
    rung: np.ndarray
    names: tuple[str, ...] = ()
    attempts: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.attempts is None:
            object.__setattr__(self, "attempts", np.full((len(self.codes), len(RUNGS)), -1, dtype=np.int8))

    @classmethod
    def of(cls, outcomes: Iterable[Outcome], names: Sequence[str] = ()) -> Outcomes:
        """The same outcomes as columns; ``names`` are those that components are looked up in."""
        listed = list(outcomes)
        names = tuple(names) or tuple(dict.fromkeys(o.worst for o in listed if o.worst))
        return cls(
            np.array([_CODE[o.status] for o in listed], dtype=np.int8),
            np.array([o.time_reached for o in listed], dtype=float),
            np.array([names.index(o.worst) if o.worst else -1 for o in listed], dtype=np.int32),
            np.array([[getattr(o, name) for name in COUNTERS] for o in listed], dtype=np.int64).reshape(len(listed), len(COUNTERS)),
            np.array([o.rung for o in listed], dtype=np.int8),
            names,
            np.array([[*map(_CODE.__getitem__, o.attempts), *[-1] * (len(RUNGS) - len(o.attempts))] for o in listed], dtype=np.int8).reshape(-1, len(RUNGS)),
        )

    @classmethod
    def waiting(cls, count: int, names: Sequence[str] = ()) -> Outcomes:
        """Runs that were not started, to be filled with :meth:`put`."""
        codes = np.full(count, _CODE["not_run"], dtype=np.int8)
        counters = np.zeros((count, len(COUNTERS)), dtype=np.int64)
        return cls(codes, np.zeros(count), np.full(count, -1, dtype=np.int32), counters, np.zeros(count, dtype=np.int8), tuple(names))

    def put(self, rows: slice | np.ndarray, other: Outcomes) -> None:
        """Replace the outcomes of some runs in place; both sides count their worst components in the same names."""
        if other.names != self.names:
            raise ValueError(f"got outcomes that name {other.names[:3]}, expected {self.names[:3]}")
        for mine, theirs in zip(self._columns(), other._columns(), strict=True):
            mine[rows] = theirs

    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.codes, self.time_reached, self.worst, self.counters, self.rung, np.asarray(self.attempts)

    @property
    def ok(self) -> np.ndarray:
        """Which runs reached the end of their protocol (n_runs,)."""
        return np.asarray(self.codes == _CODE["ok"])

    @property
    def status(self) -> list[str]:
        """Name of each run's end."""
        return [STATUSES[code] for code in self.codes]

    def counts(self) -> dict[str, int]:
        """Number of runs by status, in the order in which they first occur."""
        found, first, number = np.unique(self.codes, return_index=True, return_counts=True)
        return {STATUSES[found[i]]: int(number[i]) for i in np.argsort(first)}

    def column(self, name: str) -> np.ndarray:
        """One counter of all runs: ``steps``, ``rejected``, ``rhs`` or ``jacobians`` (n_runs,)."""
        return self.counters[:, COUNTERS.index(name)]

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, index: int) -> Outcome: ...

    @overload
    def __getitem__(self, index: slice | np.ndarray) -> Outcomes: ...

    def __getitem__(self, index: int | slice | np.ndarray) -> Outcome | Outcomes:
        if isinstance(index, slice | np.ndarray):
            codes, reached, component, counters, rung, attempts = (column[index] for column in self._columns())
            return Outcomes(codes, reached, component, counters, rung, self.names, attempts)
        worst = int(self.worst[index])
        name = self.names[worst] if worst >= 0 else ""
        steps, rejected, rhs, jacobians = map(int, self.counters[index])
        tried = tuple(STATUSES[code] for code in np.asarray(self.attempts)[index] if code >= 0)
        return Outcome(STATUSES[self.codes[index]], float(self.time_reached[index]), name, steps, rejected, rhs, jacobians, int(self.rung[index]), tried)

    def __repr__(self) -> str:
        return f"Outcomes of {len(self)} run(s): {self.summary()}"

    def summary(self) -> str:
        """Number of runs by status in words, and how many needed a retry."""
        cured = int(np.count_nonzero(self.rung))
        text = ", ".join(f"{n} {status}" for status, n in self.counts().items())
        return text + (f" ({cured} of them on a higher rung of the retry ladder)" if cured else "")
