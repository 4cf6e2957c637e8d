"""Simulates some runs of a study: cells are made and treated together, recorded in batches, and put into one tree."""

from __future__ import annotations

import errno
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..errors import NkcellError
from ..execution import Execution
from ..experiments.settling import settle_each
from ..results import Batch, Group, chunk_tree, merged
from .batches import Ready, grouped, recorded, treated_each, unstarted
from .plan import Plan
from .specification import Run

BATCH_RUNS = 512  # simulated in one call at most: enough to fill lanes and threads
BATCH_NUMBERS = 2**23  # recorded in one call at most (64 MB)
REMEMBERED = 2048  # treated cells that are kept: grids over an experiment's settings meet the same cells again
Report = Callable[[int], None]
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
NETWORK = (errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH)
MACHINE = (*DISK, *NETWORK)  # no run's fault: the next ones would meet them, too


class Treated:
    """Cells as their treatments left them, or why there is none; equal cells with equal treatments are treated once while they are remembered."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Ready] = OrderedDict()

    def cells(self, runs: Sequence[Run]) -> list[Ready]:
        """The cell of every run as it enters its experiment."""
        firsts: dict[Hashable, Run] = {}
        for each in runs:
            firsts.setdefault((each.recipe, each.treatment), each)
        found: dict[Hashable, Ready] = {key: self._kept[key] for key in firsts if key in self._kept}
        found.update({key: each.failure for key, each in firsts.items() if each.failure})
        able = [key for key in firsts if key not in found]
        for group in grouped([firsts[key] for key in able], lambda r: r.treatment):
            keys = [able[g] for g in group]
            treatment = firsts[keys[0]].treatment
            found.update(zip(keys, treated_each(settle_each if treatment is None else treatment.apply_all, [firsts[key].cell for key in keys]), strict=True))
        for key in firsts:
            self._kept[key] = found[key]
            self._kept.move_to_end(key)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return [found[each.recipe, each.treatment] for each in runs]


class EveryRunRaised(Exception):
    """Not one of the runs came through: most likely the mistake is not theirs. ``error`` is that of the first."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def simulated(
    plan: Plan, positions: Sequence[int], treated: Treated, *, execution: Execution | None = None, report: Report | None = None, patient: bool = True
) -> Group:
    """The tree of some runs of one experiment.

    A run that raises an error of Python costs only itself: it is found by halving and marked ``not_run`` with the error. When every run raises, so does this
    (:class:`EveryRunRaised`), unless it is ``patient`` because other runs of the study came through.
    """
    problems: dict[int, Exception] = {}
    trees = list(_halved(plan, list(positions), treated, execution or Execution(), report or (lambda done: None), problems))
    if len(problems) == len(positions) and not patient:
        raise EveryRunRaised(next(iter(problems.values())))
    return merged(trees)


def _halved(
    plan: Plan, positions: list[int], treated: Treated, execution: Execution, report: Report, problems: dict[int, Exception], before: int = 0
) -> Iterator[Group]:
    try:
        yield _simulated(plan, positions, treated, execution, lambda done: report(before + done))
        return
    except Exception as error:
        if isinstance(error, OSError) and error.errno in MACHINE:
            raise
        problem = error
    if len(positions) == 1:
        problems[positions[0]] = problem
        said = str(problem) if isinstance(problem, NkcellError) else f"{type(problem).__name__}: {problem}"
        yield unsimulated(plan, positions, "not_run", said)
        return
    middle = len(positions) // 2
    yield from _halved(plan, positions[:middle], treated, execution, report, problems, before)
    yield from _halved(plan, positions[middle:], treated, execution, report, problems, before + middle)


def _simulated(plan: Plan, positions: list[int], treated: Treated, execution: Execution, report: Report) -> Group:
    study = plan.study
    runs = plan.runs(positions)
    ready = treated.cells(runs)
    name, done = runs[0].experiment, 0
    batches: list[Batch] = []
    for part in _parts(runs):
        going = replace(execution, on_progress=lambda finished, before=done: report(before + finished))  # type: ignore[misc]
        batches += recorded(part, runs, ready, execution=going, solver=study.solver, keep=study.keep)
        done += len(part)
    report(done)
    return _tree(plan, name, positions, batches)


def unsimulated(plan: Plan, positions: Sequence[int], status: str, reason: str) -> Group:
    """The tree of runs that have no result: their outputs are NaN, and they say why."""
    runs = plan.runs(positions)
    return _tree(plan, runs[0].experiment, positions, unstarted(runs, status, reason, plan.study.keep))


def _tree(plan: Plan, name: str, positions: Sequence[int], batches: Sequence[Batch]) -> Group:
    study = plan.study
    keys = plan.keys_of(positions).tolist()
    notes = study.notes(name)
    labelled = [replace(b, notes=notes, keys=tuple(keys[p] for p in b.positions)) for b in batches]
    units: Mapping[str, str] = {key: study.unit_of(key) for key in study.design.keys}
    return chunk_tree(name, labelled, units=units, base=plan.base(name))


def _parts(runs: Sequence[Run]) -> Iterator[list[int]]:
    """Positions of the runs that are simulated in one call: sampled alike, and no more than fit."""
    times: dict[Hashable, bytes] = {}
    for each in runs:
        if each.setup not in times:
            times[each.setup] = each.setup.times().tobytes()
    for group in grouped(runs, lambda r: (r.cell.composition.name, r.setup.record, times[r.setup])):
        first = runs[group[0]].setup
        wide = max(1, len(times[first]) // 8 * len(first.record))
        most = max(64, min(BATCH_RUNS, BATCH_NUMBERS // wide))
        for start in range(0, len(group), most):
            yield group[start : start + most]
