"""Whole numbers of channels, and what drawn channels refuse."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import nkcell_sim as nk
from nkcell_sim.channels import StochasticChannels, counted_channels, key_words
from nkcell_sim.errors import ModelError, NkcellError, ParameterError, ProtocolError
from nkcell_sim.model.cell import Cell
from nkcell_sim.model.cells import COMPOSITIONS, primary_nk_cell, stub_nk_cell
from nkcell_sim.model.component import Component
from nkcell_sim.model.composition import Composition
from nkcell_sim.model.quantities import Input, Observable, State
from nkcell_sim.model.scheme import Gate, Scheme, Transition
from nkcell_sim.protocol import Protocol
from nkcell_sim.simulate import simulate

TWO = "TwoStateChannel"
SHORT = Protocol("10 ms")


def channel(**values: float) -> Cell:
    return Cell(COMPOSITIONS["two_state_channel"]()).set({f"{TWO}.{key}": value for key, value in values.items()})


# -- numbers -------------------------------------------------------------------------------------------------------------


def test_pools_are_poisson_and_surface_channels_a_binomial_part_of_them() -> None:
    n, mean, share = 10_000, 2.6, 0.4
    counted = counted_channels([channel(channels=mean, present=share)] * n, range(n))
    pool, surface = (table[f"{TWO}.scheme"] for table in (counted.pools, counted.numbers))
    for numbers, expected in ((pool, mean), (surface, mean * share)):
        classes = np.append(stats.poisson.pmf(np.arange(6), expected), stats.poisson.sf(5, expected))
        seen = np.bincount(np.minimum(numbers, 6), minlength=7)
        assert stats.chisquare(seen, n * classes).pvalue > 0.003  # as |Z| < 3
    assert np.all(surface <= pool)
    # of the pool's channels a binomial share: mean and variance among the cells with three
    three = surface[pool == 3]
    assert abs(three.mean() - 3 * share) < 3.0 * np.sqrt(3 * share * (1 - share) / len(three))
    assert abs(three.var() / (3 * share * (1 - share)) - 1.0) < 5.0 * np.sqrt(2.0 / len(three))


def test_cells_without_any_channel_are_as_many_as_the_integration_brief_says() -> None:
    # integration brief, section 4: 7 % of healthy cells, 35 % of cells with 0.40 of the channels, at 2.6 channels a cell
    n = 10_000
    for share, without in ((1.0, 0.07), (0.4, 0.35)):
        numbers = counted_channels([channel(channels=2.6, present=share)] * n, range(n)).numbers[f"{TWO}.scheme"]
        assert np.mean(numbers == 0) == pytest.approx(without, abs=0.005 + 3.0 * np.sqrt(without / n))


@pytest.mark.parametrize(
    ("phenotype", "surface", "without"),
    # 2.6 n0 N_rel with N_rel = 1 - rho G/(G + K_N) and G = 1500 eps/(eps + 0.3) nM (TRPM3 brief, section 6.2), and exp(-surface): what the page prints
    [("healthy_channel_number", 2.479, "8 %"), ("me_cfs_channel_number", 1.04, "35 %")],
)
def test_the_tone_keeps_some_channels_off_the_surface_of_healthy_cells_too(phenotype: str, surface: float, without: str) -> None:
    n = 4000
    numbers = counted_channels([primary_nk_cell().with_phenotype(phenotype)] * n, range(n)).numbers["TRPM3.gates"]
    empty = np.exp(-surface)
    assert f"{100 * empty:.0f} %" == without
    assert abs(numbers.mean() - surface) < 3.0 * np.sqrt(surface / n)
    assert abs(np.mean(numbers == 0) - empty) < 3.0 * np.sqrt(empty * (1.0 - empty) / n)


def test_arms_with_the_same_keys_share_their_pools_and_channels_only_go_missing() -> None:
    keys = [(7, i) for i in range(200)]
    healthy, lesioned = (counted_channels([primary_nk_cell().with_phenotype(p)] * 200, keys) for p in ("healthy_channel_number", "me_cfs_channel_number"))
    name = "TRPM3.gates"
    assert np.array_equal(healthy.pools[name], lesioned.pools[name])
    assert np.all(lesioned.numbers[name] <= healthy.numbers[name])
    assert 0.2 < lesioned.numbers[name].sum() / healthy.numbers[name].sum() < 0.7


def test_a_counted_cell_has_that_number_on_average_and_nothing_else_is_changed() -> None:
    cell = primary_nk_cell()
    counted = counted_channels([cell] * 30, range(30))
    for number, one in zip(counted.numbers["TRPM3.gates"], counted.cells, strict=True):
        assert one.parameter("TRPM3.density") * one.parameter("cm") * one.state_value("ChannelNumber.n_rel") == pytest.approx(number, rel=1e-12)
        assert one.set({"TRPM3.density": cell.parameter("TRPM3.density")}).values == cell.set({"TRPM3.density": cell.parameter("TRPM3.density")}).values
        assert one.initial_state().tobytes() == cell.initial_state().tobytes()
        assert one.history[-1].startswith(f"{number} of ")


def test_numbers_depend_on_the_key_alone() -> None:
    cells = [channel(channels=5.0), channel(channels=9.0)]
    forth = counted_channels(cells, [3, 4])
    back = counted_channels(cells[::-1], [4, 3])
    assert forth.numbers[f"{TWO}.scheme"].tolist() == back.numbers[f"{TWO}.scheme"].tolist()[::-1]
    assert key_words([2**64 + 5]).tolist() == key_words([(5, 1)]).tolist() == [[5, 1]]


def test_no_channels_on_average_are_none() -> None:
    counted = counted_channels([channel(channels=0.0), channel(channels=4.0, present=0.0)], [1, 2])
    assert counted.numbers[f"{TWO}.scheme"].tolist() == [0, 0]
    assert simulate(counted.cells, SHORT, times=[], channels=StochasticChannels([1, 2])).status == ["ok", "ok"]


# -- what is refused -----------------------------------------------------------------------------------------------------


def refused(match: str, kind: type[NkcellError] = ParameterError) -> Any:
    return pytest.raises(kind, match=match)


@given(tick=st.one_of(st.floats(max_value=0.0), st.just(float("nan")), st.just(float("inf")), st.booleans(), st.none(), st.lists(st.integers())))
def test_a_tick_that_is_no_time_above_0_is_refused(tick: Any) -> None:
    with refused(r"got tick = .*expected a time above 0"):
        StochasticChannels([1], tick)


@given(text=st.text(max_size=8))
def test_a_tick_in_words_is_a_time_or_refused(text: str) -> None:
    try:
        tick = StochasticChannels([1], text).tick_ms
    except ParameterError as error:
        tick = float(error.name == "tick")
    assert 0.0 < tick < np.inf


bad_words = st.one_of(st.integers(max_value=-1), st.integers(min_value=2**64), st.floats(), st.text(max_size=3), st.none(), st.booleans())
bad_keys = st.one_of(
    st.integers(max_value=-1), st.integers(min_value=2**128), st.floats(), st.none(), st.booleans(), st.text(max_size=3), st.just(()),
    st.tuples(st.integers(0, 5), bad_words), st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)),
)  # fmt: skip


@given(good=st.lists(st.integers(0, 2**128 - 1), max_size=3), bad=bad_keys)
def test_a_key_that_is_no_whole_number_is_refused_with_its_place(good: list[int], bad: Any) -> None:
    with refused(rf"as the key of run {len(good)}; expected a whole number from 0"):
        StochasticChannels([*good, bad])


@pytest.mark.parametrize("keys", [5, "keys", b"keys", {1: 2}, None])
def test_keys_that_are_no_list_are_refused(keys: Any) -> None:
    with refused("expected a list of one key a run"):
        StochasticChannels(keys)


@settings(max_examples=20)
@given(runs=st.integers(1, 5), keys=st.integers(0, 6))
def test_as_many_keys_as_runs_are_needed(runs: int, keys: int) -> None:
    cells = [channel()] * runs
    if runs == keys:
        assert simulate(cells, SHORT, times=[], channels=StochasticChannels(range(keys))).status == ["ok"] * runs
        return
    with refused(f"got {keys} keys for {runs} runs"):
        simulate(cells, SHORT, channels=StochasticChannels(range(keys)))
    with refused(f"got {keys} keys for {runs} cells"):
        counted_channels(cells, range(keys))


@pytest.mark.parametrize("number", [0.5, 2.47, -0.0 + 3.001, 2e6])
def test_a_mean_number_that_is_not_whole_is_refused_with_the_way_to_draw_one(number: float) -> None:
    with refused(rf"run 1 has {TWO}.at_surface = .*counted_channels"):
        simulate([channel(), channel(channels=number)], SHORT, channels=StochasticChannels([1, 2]))


@pytest.mark.parametrize("method", ["radau", "bdf", "lsoda"])
def test_scipy_does_not_draw_channels(method: str) -> None:
    with refused("only the compiled methods draw them"):
        simulate(channel(), SHORT, channels=StochasticChannels([1]), method=method)


def test_error_bars_of_drawn_channels_are_refused() -> None:
    with refused("takes other decisions"):
        simulate(channel(), SHORT, channels=StochasticChannels([1]), error_bars=True)


def test_channels_are_not_a_word() -> None:
    with refused("expected StochasticChannels"):
        simulate(channel(), SHORT, channels="stochastic")  # type: ignore[arg-type]


def test_a_cell_without_schemes_has_nothing_to_draw() -> None:
    for call in (lambda: simulate(stub_nk_cell(), SHORT, channels=StochasticChannels([1])), lambda: counted_channels([stub_nk_cell()], [1])):
        with refused("no component declares a Scheme", ModelError):
            call()
    with refused("no scheme names its pool", ModelError):
        counted_channels([Cell(Composition("three", [COMPOSITIONS["channel_pair"]().components[1]]))], [1])


def test_a_protocol_cannot_drive_what_the_channels_drive() -> None:
    with refused(f"drives '{TWO}.drawn', which the channels", ProtocolError):
        simulate(channel(), SHORT.step(0.0, **{f"{TWO}.drawn": 1.0}), channels=StochasticChannels([1]))
    with refused(f"has no input '{TWO}.drawn'", ProtocolError):
        simulate(channel(), SHORT.step(0.0, **{f"{TWO}.drawn": 1.0}))


@pytest.mark.parametrize("cells", [[], "cells", [1], channel()])
def test_only_lists_of_cells_are_counted(cells: Any) -> None:
    with refused("expected a list of at least one cell"):
        counted_channels(cells, [1])


# -- declarations --------------------------------------------------------------------------------------------------------


def scheme(**changes: Any) -> Scheme:
    parts = {"states": ("C", "O"), "transitions": (Transition("C", "O", "up"), Transition("O", "C", "down")), "drives": {"n": {"O": 1.0}}, "number": "count"}
    return Scheme(**{**parts, **changes})


def composition(declared: Scheme) -> Composition:
    class Channel(Component):
        essential = True
        y = State("1", "state", scale=1.0)
        n = Input(0.0, "1", "open", drawn=True)
        free = Input(0.0, "1", "driven by a protocol")
        up = Observable("1/ms", "rate", drawn=True)
        down = Observable("1/ms", "rate", drawn=True)
        count = Observable("1", "number", drawn=True)
        gates = declared

    return Composition("a_cell", [Channel()])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"states": ("C",)}, "at least two different"),
        ({"states": ("C", "C")}, "at least two different"),
        ({"transitions": ()}, "expected at least one of both"),
        ({"drives": {}}, "expected at least one of both"),
        ({"transitions": (Transition("C", "X", "up"),)}, "got the state 'X' in transition C -> X"),
        ({"transitions": (Transition("C", "C", "up"),)}, "from 'C' to itself"),
        ({"drives": {"n": {"X": 1.0}}}, "got the state 'X' in drives 'n'"),
        ({"drives": {"n": {"O": float("nan")}}}, "expected a finite number"),
        ({"start": {"C": ("up",)}}, "expected one of each of C, O"),
    ],
)
def test_a_scheme_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with refused(re.escape(message), ModelError):
        scheme(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transitions": (Transition("C", "O", "upp"),)}, "scheme Channel.gates: Channel declares no observable 'upp'; did you mean 'up'?"),
        ({"transitions": (Transition("C", "O", "y"),)}, "no observable 'y'"),
        ({"transitions": (Transition("C", "O", "count"),)}, "'count', the rate of C -> O, is declared in 1; expected a rate"),
        ({"drives": {"m": {"O": 1.0}}}, "no input 'm'"),
        ({"drives": {"free": {"O": 1.0}}}, "not declared with drawn=True"),
        ({"number": "counts"}, "no observable 'counts'; did you mean 'count'?"),
        ({"density": "count"}, "no parameter 'count'"),
        ({"start": {"C": ("up",), "O": ("nothing",)}}, "no observable 'nothing'"),
    ],
)
def test_a_scheme_that_names_what_its_component_does_not_declare_is_refused(changes: dict[str, Any], message: str) -> None:
    with refused(re.escape(message), ModelError):
        _ = composition(scheme(**changes)).schemes


@given(rate=st.text(min_size=1, max_size=6))
def test_any_unknown_rate_is_refused(rate: str) -> None:
    if rate in ("up", "down", "count", "n", "y", "free"):
        return
    with refused("declares no observable", ModelError):
        _ = composition(scheme(transitions=(Transition("C", "O", rate),))).schemes


def test_independent_gates_make_all_their_combinations() -> None:
    gates = {"a": Gate("up", "down"), "b": Gate("on", "off", "share", "rest")}
    found = Scheme.of_gates(gates, drives={"n": ("a", "b")}, number="count")
    assert found.states == ("none", "b", "a", "a+b")
    assert len(found.transitions) == 8
    assert Transition("a", "a+b", "on") in found.transitions
    assert found.drives == {"n": {"a+b": 1.0}}
    assert found.start is not None
    assert found.start["a"] == ("up", "rest")


def test_the_drawn_form_has_the_states_and_parameters_of_the_cell_and_its_inputs_first() -> None:
    one = primary_nk_cell().composition
    drawn = one.drawn
    assert list(drawn.states) == list(one.states)
    assert list(drawn.parameters) == list(one.parameters)
    assert list(drawn.inputs) == [*one.inputs, "TRPM3.drawn"]
    assert list(drawn.outputs)[: len(one.outputs)] == list(one.outputs)
    assert drawn.drawn is drawn


def test_the_names_are_public() -> None:
    assert (nk.StochasticChannels, nk.counted_channels) == (StochasticChannels, counted_channels)
