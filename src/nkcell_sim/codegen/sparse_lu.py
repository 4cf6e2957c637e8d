"""Sparse LU of d I - J in a fixed order without run-time pivoting: fill and operations are known when C is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SparseLU:
    """Elimination order and pattern; ``slot`` maps each non-zero (row, column) of the factors to its storage."""

    n: int
    order: tuple[int, ...]
    slot: dict[tuple[int, int], int]
    jacobian: tuple[tuple[int, int], ...]  # non-zeros of J with the full diagonal, in storage order

    @property
    def fill(self) -> int:
        """Non-zeros of the factors."""
        return len(self.slot)

    def factor_lines(self) -> list[str]:
        """C statements that overwrite ``w`` with the factors; diagonal slots hold the inverse pivots.

        The inverse of an infinite pivot is made not a number: 0 would freeze its state, without an error that anybody sees.
        """
        lines = []
        done: set[int] = set()
        for k in self.order:
            done.add(k)
            pivot = self.slot[k, k]
            lines.append(f"w[{pivot}] = nk_fma(w[{pivot}], nk_set(0.0), 1.0 / w[{pivot}]);")
            later = [i for i in self.order if i not in done]
            row = [j for j in later if (k, j) in self.slot]
            for i in later:
                if (i, k) not in self.slot:
                    continue
                factor = self.slot[i, k]
                lines.append(f"w[{factor}] *= w[{pivot}];")
                lines += [f"w[{s}] = nk_fnma(w[{factor}], w[{self.slot[k, j]}], w[{s}]);" for j in row for s in (self.slot[i, j],)]
        return lines

    def solve_lines(self) -> list[str]:
        """C statements that overwrite ``b`` with the solution."""
        lines = []
        position = {k: p for p, k in enumerate(self.order)}
        for k in self.order:
            lines += [f"b[{i}] = nk_fnma(w[{self.slot[i, k]}], b[{k}], b[{i}]);" for i in self.order if position[i] > position[k] and (i, k) in self.slot]
        for k in reversed(self.order):
            lines += [f"b[{k}] = nk_fnma(w[{self.slot[k, j]}], b[{j}], b[{k}]);" for j in self.order if position[j] > position[k] and (k, j) in self.slot]
            lines.append(f"b[{k}] *= w[{self.slot[k, k]}];")
        return lines


def symbolic_lu(n: int, nonzeros: set[tuple[int, int]]) -> SparseLU:
    """Order the pivots down the diagonal by Markowitz' count and record the fill."""
    pattern = nonzeros | {(i, i) for i in range(n)}
    entries = tuple(sorted(pattern))
    filled = set(pattern)
    left = set(range(n))
    order: list[int] = []
    while left:
        rows = {k: [j for j in left if j != k and (k, j) in filled] for k in left}
        columns = {k: [i for i in left if i != k and (i, k) in filled] for k in left}
        pivot = min(left, key=lambda k: (len(rows[k]) * len(columns[k]), k))
        filled |= {(i, j) for i in columns[pivot] for j in rows[pivot]}
        left.remove(pivot)
        order.append(pivot)
    return SparseLU(n, tuple(order), {ij: s for s, ij in enumerate(sorted(filled))}, entries)
