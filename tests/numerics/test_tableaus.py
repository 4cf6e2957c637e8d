"""The coefficients in the engine fulfil the order conditions and the stability that their authors claim.

Coefficients are printed to 14 to 17 digits and reach 100, so that a fulfilled condition is left with some 1e-13; a violated one is
at least 1e-3 in every method here. Rooted trees: 1, 1, 2, 4, 9 with 1 to 5 vertices.
"""

from __future__ import annotations

import numpy as np
import pytest

from nkcell_sim import _kernels

from .rosenbrock_theory import Method, trees

ROUNDING, VIOLATED = 2e-13, 1e-3
METHODS = _kernels.methods()


def test_there_are_as_many_rooted_trees_as_counted_by_cayley() -> None:
    assert [len(trees(n)) for n in range(1, 7)] == [1, 1, 2, 4, 9, 20]


@pytest.mark.parametrize("name", METHODS)
class TestEveryMethod:
    def test_the_result_fulfils_all_order_conditions_up_to_its_order_and_no_further(self, name: str) -> None:
        method = Method.compiled(name)
        defects = [method.defect(method.weights(), n) for n in range(1, method.order + 2)]
        assert max(defects[:-1]) < ROUNDING
        assert defects[-1] > VIOLATED

    def test_the_error_estimate_compares_with_a_result_one_order_lower(self, name: str) -> None:
        method = Method.compiled(name)
        defects = [method.defect(method.embedded_weights(), n) for n in range(1, method.order + 1)]
        assert max(defects[:-1]) < ROUNDING
        assert defects[-1] > VIOLATED

    @pytest.mark.parametrize("theta", [0.1, 0.25, 0.5, 0.75, 0.9])
    def test_the_dense_output_has_its_order_everywhere_in_the_step(self, name: str, theta: float) -> None:
        method = Method.compiled(name)
        assert max(method.defect(method.dense_weights(theta), n, theta) for n in range(1, method.dense_order + 1)) < ROUNDING

    def test_the_times_of_the_stages_and_the_weights_of_the_time_derivative_are_row_sums(self, name: str) -> None:
        method = Method.compiled(name)
        assert np.max(np.abs(method.alpha.sum(axis=1) - method.transformed["c"])) < ROUNDING
        assert np.max(np.abs(method.gamma.sum(axis=1) - method.transformed["d"])) < ROUNDING

    def test_the_method_is_stiffly_accurate(self, name: str) -> None:
        """The weights of the result are the last stage's own, so that the stiffest component lands on its equilibrium."""
        method = Method.compiled(name)
        assert np.max(np.abs(method.weights() - method.beta[-1])) < ROUNDING

    def test_the_method_is_a_stable_and_damps_the_stiffest_component_in_one_step(self, name: str) -> None:
        method = Method.compiled(name)
        assert abs(method.at_infinity(method.weights())) < ROUNDING
        # A-stability: |R| <= 1 on the imaginary axis and no pole on the left (1/gamma is on the right)
        axis = np.concatenate([[0.0], np.logspace(-3, 4, 2000)])
        assert max(abs(method.stability(1j * y, method.weights())) for y in axis) < 1.0 + ROUNDING
        assert method.transformed["gamma"] > 0.0
