"""Dose-response curves: Hill function and its least-squares fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class HillFit:
    """Fitted curve bottom + (top - bottom) x^n/(x^n + ec50^n); ``rms`` is the residual in units of y."""

    bottom: float
    top: float
    ec50: float
    n: float
    rms: float
    ok: bool

    def __call__(self, dose: ArrayLike) -> NDArray[np.float64]:
        """The fitted curve at ``dose`` (unit of the fitted doses)."""
        return hill_curve(dose, self.bottom, self.top, self.ec50, self.n)


def hill_curve(dose: ArrayLike, bottom: float, top: float, ec50: float, n: float) -> NDArray[np.float64]:
    """Hill function of dose; exactly ``bottom`` at dose 0."""
    return bottom + (top - bottom) * _fraction(np.asarray(dose, float), ec50, n)


def _fraction(x: NDArray[np.float64], ec50: float, n: float) -> NDArray[np.float64]:
    """x^n/(x^n + ec50^n), 0 at dose 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(n * (np.log(ec50) - np.log(x)))))


def hill_slopes(x: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Derivatives (n_doses, 4) of the Hill function by bottom, top, ln EC50 and ln n."""
    bottom, top, log_ec50, log_n = p
    n = np.exp(log_n)
    f = _fraction(x, np.exp(log_ec50), n)
    steep = (top - bottom) * f * (1.0 - f) * n
    distance = np.log(np.where(x > 0.0, x, 1.0)) - log_ec50  # at dose 0 f is 0 and nothing depends on it
    return np.stack([1.0 - f, f, -steep, steep * distance], axis=-1)


def fit_hill(dose: ArrayLike, y: ArrayLike) -> HillFit:
    """Fit bottom, top, EC50 (> 0) and Hill coefficient (> 0) by least squares; needs five finite points, else ``ok`` is False."""
    from scipy.optimize import least_squares

    x, v = np.asarray(dose, float), np.asarray(y, float)
    keep = np.isfinite(x) & np.isfinite(v) & (x >= 0.0)
    x, v = x[keep], v[keep]
    span = float(np.ptp(v)) if len(v) else 0.0
    if len(np.unique(x)) < 5 or span == 0.0:
        return HillFit(np.nan, np.nan, np.nan, np.nan, np.nan, False)
    positive = x[x > 0.0]
    rising = v[np.argmax(x)] >= v[np.argmin(x)]
    start = (v.min() if rising else v.max(), v.max() if rising else v.min(), np.log(np.median(positive)), np.log(1.5))
    scale = (span, span, 1.0, 1.0)
    fit = least_squares(
        lambda p: (hill_curve(x, p[0], p[1], np.exp(p[2]), np.exp(p[3])) - v) / span,
        start,
        jac=lambda p: hill_slopes(x, p) / span,
        x_scale=scale,
        bounds=([-np.inf, -np.inf, np.log(positive.min()) - 7.0, np.log(0.2)], [np.inf, np.inf, np.log(positive.max()) + 7.0, np.log(12.0)]),
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
    )
    bottom, top, log_ec50, log_n = fit.x
    rms = float(np.sqrt(np.mean(fit.fun**2)) * span)
    return HillFit(float(bottom), float(top), float(np.exp(log_ec50)), float(np.exp(log_n)), rms, bool(fit.success))
