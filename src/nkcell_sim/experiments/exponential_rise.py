"""One exponential fitted to many rises at once: v = A (1 - exp(-t/tau)), least squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LANES = 8  # samples are padded to a multiple of this, so that the tail of a vector loop works on none
MOST = 80  # iterations
SETTLED = 1e-9  # a step of ln tau after which the fit has ended
LONGEST = 1000.0  # tau over the length of the rise: one that bends less than this is a straight line, or bends the other way


def fitted_rises(t: Array, v: Array, used: NDArray[np.bool_]) -> Array:
    """Time constants (n_rises,) of rises ``v`` (n_rises, n_times) at times ``t`` (n_times,) from their start, on their ``used`` samples (n_rises, n_times).

    The best A follows from tau, so that one number is looked for by Levenberg's iteration: every rise until its own step is small, so that it has the same
    bits alone and among others. A rise that does not settle so is left to SciPy; one without a time constant of its own (:data:`LONGEST`) is NaN.
    """
    last = np.array([t[mine].max() for mine in used])
    begin, pad = np.log(last / 3.0), (0, -len(t) % LANES)
    tau = _levenberg(np.pad(t, pad), np.pad(v, ((0, 0), pad)), np.pad(used.astype(float), ((0, 0), pad)), begin)
    for i in np.flatnonzero(np.isnan(tau)):
        tau[i] = _with_scipy(t[used[i]], v[i, used[i]], float(begin[i]))
    return np.where(tau < LONGEST * last, tau, np.nan)


def _levenberg(t: Array, v: Array, used: Array, log_tau: Array) -> Array:
    """Time constants from starts of their logarithms; infinite where they run away, NaN where they have not settled."""
    tau, going, damping = np.full(len(v), np.nan), np.arange(len(v)), np.full(len(v), 1e-3)
    most = np.log(LONGEST * 3.0) + log_tau
    cost, step = _reduced(t, v, used, log_tau)
    for _ in range(MOST):
        trial = log_tau + step / (1.0 + damping)
        small = np.abs(trial - log_tau) < SETTLED
        its_cost, its_step = _reduced(t, v, used, trial)
        better = its_cost <= cost
        log_tau, cost, step = np.where(better, trial, log_tau), np.where(better, its_cost, cost), np.where(better, its_step, step)
        damping = np.where(better, damping * 0.1, np.maximum(damping * 10.0, 1.0))
        tau[going[small]] = np.exp(log_tau[small])
        tau[going[log_tau > most]] = np.inf
        on = ~small & (log_tau <= most) & np.isfinite(step)
        if not on.any():
            break
        if not on.all():
            going, v, used, log_tau, damping, most, cost, step = (each[on] for each in (going, v, used, log_tau, damping, most, cost, step))
    return tau


def _reduced(t: Array, v: Array, used: Array, log_tau: Array) -> tuple[Array, Array]:
    """Sum of squares with the best A, and the Gauss-Newton step of ln tau, (n_rises,) each."""
    with np.errstate(all="ignore"):
        x = t * np.exp(-log_tau)[:, None]
        rise = -np.expm1(-x) * used
        square = (rise * rise).sum(axis=1)
        size = (rise * v).sum(axis=1) / square
        rest = v - size[:, None] * rise
        turn = size[:, None] * x * (rise - used)  # d(A rise)/d(ln tau) at constant A
        turn -= ((rise * turn).sum(axis=1) / square)[:, None] * rise
        return (rest * rest).sum(axis=1), (turn * rest).sum(axis=1) / (turn * turn).sum(axis=1)


def _with_scipy(t: Array, v: Array, begin: float) -> float:
    """Time constant of one rise by a trust-region method."""
    from scipy.optimize import least_squares

    fit = least_squares(lambda p: p[0] * -np.expm1(-t / np.exp(p[1])) - v, x0=(1.0, begin))
    return float(np.exp(fit.x[1])) if fit.success else float("nan")
