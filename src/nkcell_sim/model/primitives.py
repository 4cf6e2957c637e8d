"""Delicate arithmetic, named once: each works on numbers, NumPy arrays, complex steps and symbols.

The formulas below are the ones the generated C uses, so that the slow twin and the kernel agree to rounding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# |u| below which exprelr is summed as a series: at 0.5 the last term kept is 2e-18 relative.
SERIES_LIMIT = 0.5
# Bernoulli numbers B_2k/(2k)! of (u/2) coth(u/2) = sum_k B_2k u^2k/(2k)!
BERNOULLI = (
    1.0,
    1.0 / 12.0,
    -1.0 / 720.0,
    1.0 / 30240.0,
    -1.0 / 1209600.0,
    1.0 / 47900160.0,
    -691.0 / 1307674368000.0,
    1.0 / 74724249600.0,
)


def _symbolic(*args: Any) -> Any:
    """Return the module of symbolic twins when any argument is a symbol, else None."""
    if any(hasattr(a, "free_symbols") for a in args):
        from . import symbolic

        return symbolic
    return None


def exp(x: Any) -> Any:
    """Exponential of a dimensionless quantity."""
    if isinstance(x, float):
        return math.exp(x) if x < 709.0 else np.exp(x)
    s = _symbolic(x)
    return s.exp(x) if s else np.exp(x)


def log(x: Any) -> Any:
    """Natural logarithm; log(0) is -inf without a warning, so that an absent drug has no effect."""
    if isinstance(x, float) and x > 0.0:
        return math.log(x)
    s = _symbolic(x)
    if s:
        return s.log(x)
    with np.errstate(divide="ignore"):
        return np.log(x)


def sqrt(x: Any) -> Any:
    """Square root."""
    s = _symbolic(x)
    return s.sqrt(x) if s else np.sqrt(x)


def power(x: Any, a: Any) -> Any:
    """x^a = exp(a log x) for x >= 0 and any real exponent a; 0 for x <= 0."""
    s = _symbolic(x, a)
    if s:
        return s.power(x, a)
    return exp(a * log(positive_part(x)))


def sech(x: Any) -> Any:
    """1/cosh(x) = 2 e^-|x|/(1 + e^-2|x|): no overflow however large x is."""
    s = _symbolic(x)
    if s:
        return s.sech(x)
    wane = exp(-positive_part(x) - positive_part(-x))
    return 2.0 * wane / (1.0 + wane * wane)


def hill(x: Any, k: Any, n: Any) -> Any:
    """Hill function x^n/(x^n + k^n), written 1/(1 + exp(n (log k - log x))): exact 0 for x <= 0."""
    if isinstance(x, float) and isinstance(k, float) and isinstance(n, float):
        return 1.0 / (1.0 + exp(n * (log(positive_part(k)) - math.log(x)))) if x > 0.0 else 0.0
    s = _symbolic(x, k, n)
    if s:
        return s.hill(x, k, n)
    present = np.real(x) > 0.0
    with np.errstate(over="ignore"):
        value = 1.0 / (1.0 + np.exp(n * (log(positive_part(k)) - log(np.where(present, x, 1.0)))))
    return np.where(present, value, 0.0)[()]


def boltzmann(v: Any, v_half: Any, slope: Any) -> Any:
    """Boltzmann function 1/(1 + exp((v_half - v)/slope)); falls with v when slope is negative."""
    if isinstance(v, float) and isinstance(v_half, float) and isinstance(slope, float):
        return 1.0 / (1.0 + exp((v_half - v) / slope))
    s = _symbolic(v, v_half, slope)
    if s:
        return s.boltzmann(v, v_half, slope)
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp((v_half - v) / slope))


def exprelr(u: Any) -> Any:
    """u/(e^u - 1), with its series near u = 0, where it is 1."""
    if isinstance(u, float) and abs(u) >= SERIES_LIMIT:
        return u / (exp(u) - 1.0)
    s = _symbolic(u)
    if s:
        return s.exprelr(u)
    u = np.asarray(u)
    small = np.abs(u.real) < SERIES_LIMIT
    safe = np.where(small, 1.0, u)
    with np.errstate(over="ignore"):
        direct = safe / (np.exp(safe) - 1.0)
    u2 = u * u
    even = np.full_like(u2, BERNOULLI[-1])
    for coefficient in BERNOULLI[-2::-1]:
        even = even * u2 + coefficient
    return np.where(small, even - 0.5 * u, direct)[()]


def ghk(z: int, u: Any, c_in: Any, c_out: Any) -> Any:
    """Goldman-Hodgkin-Katz term z w (c_in - c_out e^-w)/(1 - e^-w), w = z u, u = V F/RT [concentration].

    Multiply by F and a permeability for the current of an ion of valence z. Written with
    ``exprelr`` it has no singular point: u/(1 - e^-u) = exprelr(u) + u.
    """
    w = z * u
    e = exprelr(w)
    return z * (c_in * (e + w) - c_out * e)


def where_gt(a: Any, b: Any, if_greater: Any, otherwise: Any) -> Any:
    """``if_greater`` where a > b, else ``otherwise`` (compares real parts)."""
    if isinstance(a, float) and isinstance(b, float):
        return if_greater if a > b else otherwise
    s = _symbolic(a, b, if_greater, otherwise)
    if s:
        return s.where_gt(a, b, if_greater, otherwise)
    return np.where(np.real(a) > np.real(b), if_greater, otherwise)[()]


def positive_part(x: Any) -> Any:
    """max(x, 0) of a quantity of any unit."""
    if isinstance(x, float):
        return x if x > 0.0 else 0.0 * x
    s = _symbolic(x)
    if s:
        return s.positive_part(x)
    return np.where(np.real(x) > 0.0, x, 0.0 * x)[()]


def q10_factor(q10: Any, temperature: Any, reference: float = 296.15) -> Any:
    """Rate factor q10^((T - T_ref)/10 K); exactly 1 at the reference temperature of 23 degC."""
    s = _symbolic(q10, temperature)
    tens = (temperature - reference) / 10.0
    if s:
        return s.q10_factor(q10, temperature, reference)
    return np.exp(tens * np.log(q10))
