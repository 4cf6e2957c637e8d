"""Named streams: they depend on seed and labels, and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nkcell_sim.errors import ParameterError
from nkcell_sim.randomness import key, stream

LABELS = st.lists(st.one_of(st.text(max_size=8), st.integers(-(2**40), 2**40)), max_size=4)


@given(LABELS, LABELS, st.integers(0, 2**63 - 1))
@settings(max_examples=50, deadline=None)
def test_equal_names_give_equal_numbers_and_different_names_different_ones(a: list[str | int], b: list[str | int], seed: int) -> None:
    same = [(type(x), x) for x in a] == [(type(x), x) for x in b]
    assert (key(seed, *a) == key(seed, *b)) == same
    assert np.array_equal(stream(seed, *a).random(4), stream(seed, *b).random(4)) == same


def test_a_stream_does_not_depend_on_what_was_drawn_from_others() -> None:
    alone = stream(7, "donor", 3).normal(size=5)
    for i in range(3):
        stream(7, "donor", i).normal(size=100)
    assert np.array_equal(stream(7, "donor", 3).normal(size=5), alone)


def test_neighbouring_names_are_uncorrelated() -> None:
    first = np.array([stream(0, "cell", i).random() for i in range(4000)])
    # 4000 independent uniforms: mean 1/2 +- 1/sqrt(12 n), lag-one correlation 0 +- 1/sqrt(n); four standard errors
    assert abs(first.mean() - 0.5) < 4.0 / np.sqrt(12.0 * 4000)
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 4.0 / np.sqrt(4000)


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True, None, 2**63])
def test_a_seed_that_no_file_can_hold_is_refused(seed: object) -> None:
    with pytest.raises(ParameterError, match="whole number from 0"):
        stream(seed)  # type: ignore[arg-type]
