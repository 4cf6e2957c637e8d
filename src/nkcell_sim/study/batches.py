"""Runs of one experiment recorded together: prepared cells in, batches of traces and features out, one for each different setup."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..channels import StochasticChannels, counted_channels
from ..errors import NkcellError
from ..execution import Execution
from ..experiments.base import Experiment, ExperimentResult, Feature
from ..experiments.numerical_error import companion, measure_errors
from ..experiments.recording import Recording, at_times, record
from ..model.cell import Cell
from ..outcomes import STATUSES, Outcomes
from ..randomness import key, stream
from ..results import Batch
from ..simulate import simulate
from ..solver import Solver
from ..trace import Trace
from .specification import Run

if TYPE_CHECKING:
    from .design import Study

Ready = Cell | str  # a cell, or why there is none


def recorded(
    part: Sequence[int], runs: Sequence[Run], ready: Sequence[Ready], *, execution: Execution, solver: Solver, keep: tuple[str, ...] | None
) -> list[Batch]:
    """Record the runs at some positions of a study, which share their experiment and its times; every setup makes a batch of its own."""
    by_setup = [[part[k] for k in group] for group in grouped([runs[i] for i in part], lambda r: r.setup)]
    prepared: dict[int, Ready] = {}
    for positions in by_setup:
        prepared.update(_prepared(positions, runs[positions[0]].setup, ready))
    sound = _counted({p: c for positions in by_setup for p in positions if isinstance(c := prepared[p], Cell)}, runs)
    rigged = runs[part[0]].setup.instrument is not None
    made = (_seen if rigged else _together)(by_setup, runs, sound, execution, solver)
    batches = [_batch(mine, runs, recording, {}, errors, keep) for mine, recording, errors in made]
    for positions in by_setup:
        failed = {p: c for p in positions if isinstance(c := prepared[p], str)}
        if failed:
            empty = _not_run([runs[p].cell for p in failed], runs[positions[0]].setup.ideal)
            batches.append(_batch(list(failed), runs, Recording(empty, None), failed, {}, keep))
    return batches


Made = tuple[list[int], Recording, dict[str, np.ndarray]]


def _together(by_setup: Sequence[Sequence[int]], runs: Sequence[Run], sound: Mapping[int, Cell], execution: Execution, solver: Solver) -> list[Made]:
    """All runs in one call of the engine, each with its own protocol."""
    going = list(sound)
    if not going:
        return []
    first = runs[going[0]].setup
    protocol_of = {p: protocol for positions in by_setup for protocol in [runs[positions[0]].setup.protocol()] for p in positions}  # one object for a setup
    protocols = [protocol_of[p] for p in going]
    without = replace(solver, error_bars=False)
    drawn = _drawn_channels(going, runs)
    trace = simulate(list(sound.values()), protocols, record=first.record, times=first.times(), execution=execution, solver=without, channels=drawn)
    repeated = companion(trace, protocols, solver) if solver.error_bars else None
    found: list[Made] = []
    for positions in by_setup:
        mine = [p for p in positions if p in sound]
        if mine:
            rows = slice(going.index(mine[0]), going.index(mine[0]) + len(mine))
            part, setup = _rows(trace, rows), runs[mine[0]].setup
            errors = {} if repeated is None else measure_errors(setup, _features(setup, part), _rows(repeated, rows))
            found.append((mine, Recording(part, None), errors))
    return found


def _seen(by_setup: Sequence[Sequence[int]], runs: Sequence[Run], sound: Mapping[int, Cell], execution: Execution, solver: Solver) -> list[Made]:
    """Runs that an instrument looks at, setup by setup; the noise of a run comes from its own stream."""
    found: list[Made] = []
    for positions in by_setup:
        mine = [p for p in positions if p in sound]
        if not mine:
            continue
        setup, cells = runs[mine[0]].setup, [sound[p] for p in mine]
        streams = [stream(int(runs[p].chance[0]), "instrument", *runs[p].chance[1:]) for p in mine]
        drawn = _drawn_channels(mine, runs)
        recording = record(setup, cells, streams, solver=replace(solver, error_bars=False), execution=execution, channels=drawn)
        ideal = setup.ideal
        errors = {}
        if solver.error_bars:
            repeated = companion(recording.ideal, [ideal.protocol()] * len(mine), solver)
            errors = measure_errors(ideal, _features(ideal, recording.ideal), repeated)
        found.append((mine, recording, errors))
    return found


def _counted(cells: dict[int, Cell], runs: Sequence[Run]) -> dict[int, Cell]:
    """Cells as they are when the recording starts with a whole number of channels, where that was asked for."""
    if not cells or all(runs[p].channels == "mean" for p in cells):
        return cells
    return dict(zip(cells, counted_channels(list(cells.values()), _keys(list(cells), runs)).cells, strict=True))


def _drawn_channels(positions: Sequence[int], runs: Sequence[Run]) -> StochasticChannels | None:
    """Channels that open and close by chance, where that was asked for."""
    return StochasticChannels(_keys(positions, runs)) if runs[positions[0]].channels == "stochastic" else None


def _keys(positions: Sequence[int], runs: Sequence[Run]) -> list[tuple[int, int]]:
    return [key(int(runs[p].chance[0]), "channels", *runs[p].chance[1:]) for p in positions]


def _prepared(positions: Sequence[int], setup: Experiment, ready: Sequence[Ready]) -> dict[int, Ready]:
    """Cells as they are when the recording starts, or why there is none, by position in the study; the instrument comes later."""
    found: dict[int, Ready] = {p: c for p in positions if isinstance(c := ready[p], str)}
    sound = [p for p in positions if p not in found]
    found.update(zip(sound, treated_each(setup.ideal.prepare_all, [c for p in sound if isinstance(c := ready[p], Cell)]), strict=True))
    return found


def treated_each(treat: Callable[[Sequence[Cell]], Sequence[Cell | NkcellError]], cells: Sequence[Cell]) -> list[Ready]:
    """Treat all cells at once, so that a bad cell costs only itself and says why.

    ``treat`` returns the error of a bad cell in its place or raises it; then the cells are halved until it stands alone.
    """
    if not cells:
        return []
    try:
        return [str(cell) if isinstance(cell, NkcellError) else cell for cell in treat(cells)]
    except NkcellError as error:
        if len(cells) == 1:
            return [str(error)]
    half = len(cells) // 2
    return treated_each(treat, cells[:half]) + treated_each(treat, cells[half:])


def unstarted(runs: Sequence[Run], status: str, reason: str, keep: tuple[str, ...] | None) -> list[Batch]:
    """Batches of runs that have no result: NaN everywhere, with this status and, as a warning, the reason."""
    found = []
    for positions in grouped(runs, lambda r: r.setup):
        empty = _not_run([runs[p].cell for p in positions], runs[positions[0]].setup.ideal)
        empty = replace(empty, outcomes=replace(empty.outcomes, codes=np.full_like(empty.outcomes.codes, STATUSES.index(status))))
        found.append(_batch(positions, runs, Recording(empty, None), dict.fromkeys(positions, reason), {}, keep))
    return found


def _not_run(cells: Sequence[Cell], setup: Experiment) -> Trace:
    """The trace of runs that never started: NaN everywhere, outcome ``not_run``."""
    cells = [setup.stand_in(cell) for cell in cells]
    times, composition = setup.times(), cells[0].composition
    values = {name: np.full((len(cells), len(times)), np.nan) for name in setup.record}
    units = {name: composition.declarations[name].unit for name in setup.record}
    final = np.full((len(cells), len(composition.states)), np.nan)
    return Trace(times, values, units, Outcomes.waiting(len(cells), tuple(composition.states)), final, tuple(cells))


def feature_units(study: Study, experiment: str) -> dict[str, str]:
    """Unit of every feature that an experiment of a study gives, by name; nothing is simulated."""
    setup = study.experiments[experiment].ideal
    empty = _not_run([study.cases[0].cell], setup)
    return {name: feature.unit for name, feature in _features(setup, empty).items()}


def _rows(trace: Trace, rows: slice) -> Trace:
    """Some consecutive runs of a trace."""
    values = {name: table[rows] for name, table in trace.values.items()}
    return replace(trace, values=values, outcomes=trace.outcomes[rows], final=trace.final[rows], cells=trace.cells[rows])


def _features(setup: Experiment, trace: Trace) -> dict[str, Feature]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NaN rows of failed runs have no largest value
        return setup.features(trace)


def _blank(setup: Experiment, trace: Trace) -> dict[str, Feature]:
    """Features of runs that never gave a trace, also where the experiment's own code is why."""
    lost = trace.outcomes.counts().get("worker_lost", 0)  # that code may have killed the workers: it does not see these cells again
    with suppress(Exception):
        if not lost:
            return _features(setup, trace)
    nothing = np.full(len(trace.cells), np.nan)
    return {name: replace(feature, values=nothing) for name, feature in _features(setup, _rows(trace, slice(0, 0))).items()}


def _batch(
    positions: list[int],
    runs: Sequence[Run],
    recording: Recording,
    failures: Mapping[int, str],
    errors: dict[str, np.ndarray],
    keep: tuple[str, ...] | None,
) -> Batch:
    """Features, warnings and kept traces of runs that share a setup; with an instrument, of what it shows and of the ideal recording."""
    mine = [runs[i] for i in positions]
    setup, ideal, observed = mine[0].setup, recording.ideal, recording.observed
    wanted = _blank(setup.ideal, ideal) if failures else _features(setup.ideal, ideal)
    rigged = setup.instrument is not None
    features = wanted if observed is None else _features(setup, observed)
    said: list[tuple[str, ...]] = setup.warnings(observed or ideal, features) if not failures else []
    said += [(f"not run: {failures[p]}",) if failures[p] else () for p in positions if failures]
    shown = None if observed is None else _kept(at_times(observed, ideal.time), keep, only=_changed(ideal, observed))
    result = ExperimentResult(setup, _kept(ideal, keep), features, said, errors, shown, wanted if rigged else {})
    labels = tuple(r.labels for r in mine)
    return Batch(result, tuple(positions), tuple(r.id for r in mine), tuple(r.case for r in mine), tuple(r.varied for r in mine), labels=labels)


def _changed(ideal: Trace, observed: Trace) -> set[str]:
    """Quantities that the instrument shows otherwise than they are."""
    same = at_times(observed, ideal.time)
    return {name for name, table in same.values.items() if name not in ideal.values or not np.array_equal(table, ideal.values[name], equal_nan=True)}


def _kept(trace: Trace, keep: tuple[str, ...] | None, *, only: set[str] | None = None) -> Trace:
    """The trace with the quantities that the study keeps."""
    return replace(trace, values={n: v for n, v in trace.values.items() if (keep is None or n in keep) and (only is None or n in only)})


def grouped(runs: Sequence[Run], key: Callable[[Run], Hashable]) -> Iterable[list[int]]:
    """Positions of the runs that share a key, in order of first appearance."""
    found: dict[Hashable, list[int]] = {}
    for i, each in enumerate(runs):
        found.setdefault(key(each), []).append(i)
    return found.values()
