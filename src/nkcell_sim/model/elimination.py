"""Gaussian elimination of many small systems at once, in plain elementwise arithmetic.

Every operation is one IEEE addition, multiplication or division of the same system's numbers in a fixed order, so that a system has the same
bits alone, in any batch and on any machine; a call of LAPACK promises neither.
"""

from __future__ import annotations

import numpy as np


def solve_each(matrices: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solutions (n, n_systems) of the systems ``matrices`` (n, n, n_systems) with ``right`` (n, n_systems), by partial pivoting.

    The second array (n_systems,) is the smallest pivot of each system over its largest: 0 (or NaN) where it is singular and its solution means nothing.
    """
    a, b = np.array(matrices, dtype=float, order="C"), np.array(right, dtype=float, order="C")
    n, systems = b.shape
    if not n:
        return b, np.ones(systems)
    smallest, largest = np.full(systems, np.inf), np.zeros(systems)
    with np.errstate(all="ignore"):
        for k in range(n):
            _swap(a, b, k, np.argmax(np.abs(a[k:, k]), axis=0) + k)
            pivot = np.abs(a[k, k])
            smallest, largest = np.minimum(smallest, pivot), np.maximum(largest, pivot)
            factors = a[k + 1 :, k] / a[k, k]
            rows = np.flatnonzero((factors != 0.0).any(axis=1))  # most are zero: a gate that no other gate turns
            if len(rows):
                a[rows + k + 1, k + 1 :] -= factors[rows, None] * a[k, None, k + 1 :]
                b[rows + k + 1] -= factors[rows] * b[k]
        for k in range(n - 1, -1, -1):
            b[k] = b[k] / a[k, k]
            rows = np.flatnonzero((a[:k, k] != 0.0).any(axis=1))
            if len(rows):
                b[rows] -= a[rows, k] * b[k]
        return b + 0.0, smallest / largest  # + 0.0: one zero, whichever rows were left out


def _swap(a: np.ndarray, b: np.ndarray, k: int, row: np.ndarray) -> None:
    """Bring row ``row`` of each system to place k."""
    moved = np.flatnonzero(row != k)
    if len(moved):
        other = row[moved]
        a[k, :, moved], a[other, :, moved] = a[other, :, moved], a[k, :, moved].copy()
        b[k, moved], b[other, moved] = b[other, moved], b[k, moved].copy()
