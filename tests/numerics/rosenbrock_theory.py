"""Rosenbrock theory for tests: order conditions on rooted trees and the stability function, from a method's coefficients.

After Hairer & Wanner II, section IV.7: a vertex with one child stands for beta = alpha + gamma, one with more children for alpha,
and a method has order p when b . Phi(tree) = 1 / density(tree) for every tree of up to p vertices.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nkcell_sim import _kernels

Tree = tuple["Tree", ...]


@dataclass(frozen=True)
class Method:
    """A method in the symbols of the theory, (n_stages, n_stages) and (n_stages,), with its claims."""

    order: int
    dense_order: int
    alpha: np.ndarray
    gamma: np.ndarray
    transformed: dict[str, np.ndarray]

    @classmethod
    def compiled(cls, name: str) -> Method:
        """The coefficients that the engine holds, brought back from the form without matrix products: U = gamma k."""
        t = _kernels.tableau(name)
        gamma = np.linalg.inv(np.eye(len(t["c"])) / t["gamma"] - t["C"])
        return cls(t["order"], t["dense_order"], t["a"] @ gamma, gamma, t)

    @property
    def beta(self) -> np.ndarray:
        """Sums of both coefficient matrices."""
        return self.alpha + self.gamma

    def weights(self) -> np.ndarray:
        """Weights of the result."""
        return np.asarray(self.transformed["m"] @ self.gamma)

    def embedded_weights(self) -> np.ndarray:
        """Weights of the result that the error estimate compares with."""
        return np.asarray((self.transformed["m"] - self.transformed["e"]) @ self.gamma)

    def dense_weights(self, theta: float) -> np.ndarray:
        """Weights of the dense output at a fraction theta of the step."""
        inner = sum((row * theta**k for k, row in enumerate(self.transformed["h"])), np.zeros(len(self.alpha)))
        return np.asarray((theta * self.transformed["m"] + theta * (1.0 - theta) * inner) @ self.gamma)

    def stability(self, z: complex, weights: np.ndarray) -> complex:
        """R(z): what one step makes of y' = z y."""
        one = np.ones(len(self.alpha))
        return complex(1.0 + z * (weights @ np.linalg.solve(np.eye(len(one)) - z * self.beta, one)))

    def at_infinity(self, weights: np.ndarray) -> float:
        """R(infinity): 0 for a method that damps the stiffest component in one step."""
        return float(1.0 - weights @ np.linalg.solve(self.beta, np.ones(len(weights))))

    def defect(self, weights: np.ndarray, vertices: int, theta: float = 1.0) -> float:
        """Largest violation of an order condition with that many vertices."""
        return max(abs(float(weights @ self._phi(tree)) - theta**vertices / density(tree)) for tree in trees(vertices))

    def _phi(self, tree: Tree) -> np.ndarray:
        if len(tree) == 1:
            return np.asarray(self.beta @ self._phi(tree[0]))
        value = np.ones(len(self.alpha))
        for child in tree:
            value = value * (self.alpha @ self._phi(child))
        return value


@functools.cache
def trees(vertices: int) -> tuple[Tree, ...]:
    """All rooted trees with that many vertices; a tree is the sorted tuple of its branches."""
    found: set[Tree] = set()
    for sizes in _partitions(vertices - 1, vertices - 1):
        found.update(tuple(sorted(branches)) for branches in itertools.product(*map(trees, sizes)))
    return tuple(sorted(found))


def _partitions(total: int, largest: int) -> Iterator[list[int]]:
    if total == 0:
        yield []
    for first in range(min(total, largest), 0, -1):
        yield from ([first, *rest] for rest in _partitions(total - first, first))


def size(tree: Tree) -> int:
    """Number of vertices."""
    return 1 + sum(map(size, tree))


def density(tree: Tree) -> int:
    """Product of the sizes of all subtrees."""
    product = size(tree)
    for branch in tree:
        product *= density(branch)
    return product
