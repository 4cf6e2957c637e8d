"""Drawn channels as the engine takes them: the schemes of a cell as arrays, and what belongs to each run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .errors import ParameterError

if TYPE_CHECKING:
    from .draws import Table
    from .model.composition import Composition

WHOLE = 1e-6  # a mean number of channels this close to a whole number, relative, is one
CALM = 10.0  # times as long a tick while no input moves: then the rates follow states alone, whose steps the tolerance bounds
MOST_CHANNELS = 1_000_000  # every transition of every channel is a step of the engine


@dataclass(frozen=True)
class Gating:
    """Arrays of ``nk_channels`` (``_kernel/engine_api.h``); ``numbers`` (n_runs, n_schemes) and ``keys`` (n_runs, 2) belong to the runs, ``tick`` is in ms."""

    first_state: list[int]
    source: list[int]
    target: list[int]
    rate: list[int]
    driven: list[int]
    weight: np.ndarray
    start_first: list[int]
    start_output: list[int]
    numbers: np.ndarray
    keys: np.ndarray
    tick: float

    @classmethod
    def of(cls, composition: Composition, numbers: np.ndarray, keys: np.ndarray, tick: float) -> Gating:
        """The schemes of a cell whose channels are drawn (the ``drawn`` form of a composition), all in one row."""
        output = {key: i for i, key in enumerate(composition.outputs)}
        first, source, target, rate, driven, start_first, start_output = [0], [], [], [], [], [0], []
        weights: list[Mapping[int, float]] = []
        for scheme in composition.schemes.values():
            place = {state: first[-1] + i for i, state in enumerate(scheme.states)}
            first.append(first[-1] + len(place))
            for t in scheme.transitions:
                source.append(place[t.source])
                target.append(place[t.target])
                rate.append(output[t.rate])
            for key, share in scheme.drives.items():
                driven.append(composition.input_index[key])
                weights.append({place[state]: value for state, value in share.items()})
            for state in scheme.states:
                start_output += [output[name] for name in (scheme.start[state] if scheme.start else ())]
                start_first.append(len(start_output))
        weight = np.array([[share.get(s, 0.0) for s in range(first[-1])] for share in weights])
        return cls(first, source, target, rate, driven, weight, start_first, start_output, numbers, keys, tick)

    @property
    def calm_tick(self) -> float:
        """The tick while no input moves [ms]."""
        return CALM * self.tick

    def rows(self, chosen: np.ndarray) -> Gating:
        """The same for some of the runs (positions)."""
        return replace(self, numbers=self.numbers[chosen], keys=self.keys[chosen])


def resting_inputs(composition: Composition, inputs: np.ndarray) -> np.ndarray:
    """Resting inputs (n, n_inputs) of a cell's ``drawn`` form from those of the cell itself: drawn inputs stand behind the others and rest at 0."""
    return np.pad(inputs, ((0, 0), (0, len(composition.inputs) - inputs.shape[1])))


def observed_at_start(composition: Composition, table: Table, names: list[str]) -> np.ndarray:
    """Observables (n_runs, n_names) of a cell's ``drawn`` form where its runs start, kernel units."""
    from . import _kernels

    inputs = resting_inputs(composition, table.inputs[table.inputs_of])
    outputs = list(composition.outputs)
    return np.asarray(_kernels.evaluate(composition.name, table.states, inputs, table.parameters)[2][:, [outputs.index(name) for name in names]])


def whole_numbers(composition: Composition, table: Table, first: int = 0) -> np.ndarray:
    """Numbers of channels (n_runs, n_schemes) at the start; raises :class:`ParameterError` where the mean number is not whole. ``first`` counts the runs."""
    schemes = composition.schemes
    means = observed_at_start(composition, table, [scheme.number for scheme in schemes.values()])
    numbers = np.rint(means)
    wrong = ~(np.abs(means - numbers) <= WHOLE * np.maximum(1.0, np.abs(means))) | (numbers < 0.0) | (numbers > MOST_CHANNELS)
    if wrong.any():
        run, scheme = np.argwhere(wrong)[0]
        key = list(schemes.values())[scheme].number
        raise ParameterError(
            f"run {first + run} has {key} = {means[run, scheme]:.6g}; channels that are drawn are a whole number from 0 to {MOST_CHANNELS:,}: "
            "draw it with counted_channels(cells, keys) after the last preparation of the cell, or set the density of the channel",
            name=key,
        )
    return numbers.astype(np.int64)
