/* Elementary functions for a block of lanes, written out here (not libm), so that every build gives the same bits.
 *
 * exp and e^x - 1: Cody-Waite reduction to |r| <= ln(2)/2 and a polynomial of degree 11 that interpolates (e^r - 1 - r)/r^2 at Chebyshev
 * points (4e-17 relative). log: the reduction and coefficients of fdlibm's e_log.c (Sun Microsystems 1993). All are tested against
 * 50-digit references: exp and log within 1 ulp, e^x - 1 and u/(e^u - 1) within 3. Powers with whole or half exponents n up to 8 are
 * products, within n ulp. */
#ifndef NK_ELEMENTARY_H
#define NK_ELEMENTARY_H

#include "lanes.h"

/* e^x - 1 = 2^n (e^r - 1) + (2^n - 1): ``half`` becomes 2^(n-1), which reaches 2^1023 and exact zero, and the result is e^r - 1 */
static inline vd nk_reduced_expm1(vd x, vd *half) {
  const double shift = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to a whole number */
  vd bounded = nk_max(nk_set(-708.6), nk_min(nk_set(709.79), x));
  vd rounded = nk_fma(bounded, nk_set(1.4426950408889634074), nk_set(shift));
  vi n = (vi)rounded - (vi)nk_set(shift);
  vd k = rounded - shift;
  vd r = nk_fnma(k, nk_set(6.93147180369123816490e-01), bounded);
  r = nk_fnma(k, nk_set(1.90821492927058770002e-10), r);
  vd s = nk_fma(nk_set(2.510038549551032e-08), r, nk_set(2.7620088445409746e-07));
  s = nk_fma(s, r, nk_set(2.7557268459997064e-06));
  s = nk_fma(s, r, nk_set(2.4801521295954376e-05));
  s = nk_fma(s, r, nk_set(0.00019841269863053618));
  s = nk_fma(s, r, nk_set(0.0013888888917213717));
  s = nk_fma(s, r, nk_set(0.008333333333330062));
  s = nk_fma(s, r, nk_set(0.04166666666662413));
  s = nk_fma(s, r, nk_set(0.16666666666666669));
  s = nk_fma(s, r, nk_set(0.5000000000000001));
  *half = (vd)((n + 1022) << 52);
  return nk_fma(s * r, r, r);
}

static inline vd nk_exp(vd x) {
  vd half, p = nk_reduced_expm1(x, &half);
  vd value = nk_fma(half, p, half);
  return value + value;
}

static inline vd nk_expm1(vd x) {
  vd half, p = nk_reduced_expm1(x, &half);
  vd value = nk_fma(half, p, half - 0.5);
  return value + value;
}

static inline vd nk_log(vd x) {
  vi tiny = x < nk_set(2.2250738585072014e-308);
  vd scaled = nk_select(tiny, x * 18014398509481984.0, x); /* 2^54 */
  vi bits = (vi)scaled;
  /* choose the exponent so that the mantissa lies in [sqrt(1/2), sqrt(2)) */
  vi offset = bits - nk_seti(0x3fe6a09e667f3bcd);
  vi e = offset >> 52;
  vd m = (vd)(bits - (e << 52));
  /* e is a small integer: e + 1.5 * 2^52 as a double, minus 1.5 * 2^52, is its value */
  vd k = (vd)(e + (vi)nk_set(6755399441055744.0)) - 6755399441055744.0;
  k = k - nk_select(tiny, nk_set(54.0), nk_set(0.0));
  vd f = m - 1.0;
  vd s = f / (2.0 + f);
  vd z = s * s;
  vd w = z * z;
  vd odd = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  vd even = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
  vd r = odd + even;
  vd h = 0.5 * f * f;
  vd value = k * 6.93147180369123816490e-01 - ((h - (s * (h + r) + k * 1.90821492927058770002e-10)) - f);
  value = nk_select(x == nk_set(0.0), nk_set(-INFINITY), value);
  value = nk_select(x < nk_set(0.0), nk_set(NAN), value);
  value = nk_select(x == nk_set(INFINITY), x, value);
  return nk_select(x == x, value, x);
}

/* u/(e^u - 1) from u and q = e^u - 1 */
static inline vd nk_exprelr_from(vd u, vd q) {
  vi still = q == nk_set(0.0);
  return nk_select(still, nk_set(1.0), u / nk_select(still, nk_set(1.0), q));
}

/* its derivative from u, q and e = u/q: (1 - e - u)/q away from 0 and the differentiated Bernoulli series below |u| = 0.5 */
static inline vd nk_exprelr_slope_from(vd u, vd q, vd e) {
  vi small = nk_abs(u) < nk_set(0.5);
  vd direct = (1.0 - e - u) / nk_select(small, nk_set(1.0), q);
  vd z = u * u;
  vd odd = nk_set(14.0 / 74724249600.0);
  odd = nk_fma(odd, z, nk_set(12.0 * -691.0 / 1307674368000.0));
  odd = nk_fma(odd, z, nk_set(10.0 / 47900160.0));
  odd = nk_fma(odd, z, nk_set(-8.0 / 1209600.0));
  odd = nk_fma(odd, z, nk_set(6.0 / 30240.0));
  odd = nk_fma(odd, z, nk_set(-4.0 / 720.0));
  odd = nk_fma(odd, z, nk_set(2.0 / 12.0));
  return nk_select(small, nk_fma(odd, u, nk_set(-0.5)), direct);
}

/* ---- powers of a number that is not negative --------------------------------------------------------------------- */

/* powers stop here, so that a share r/(1 + r) is 1 and its slope, a rate times r/(1 + r)^2, is 0: neither is ever infinity over infinity */
#define NK_LARGEST 1e120

static inline vd nk_cap(vd x) { return nk_min(nk_set(NK_LARGEST), x); }

/* x^(twice/2) for a constant 0 <= twice <= 16, by squaring from the lowest bit: the order that nk_power follows too */
static inline __attribute__((always_inline)) vd nk_power_chain(vd x, int twice) {
  vd r = twice & 1 ? nk_sqrt(x) : nk_set(1.0), p = x;
  for (int whole = twice >> 1; whole; whole >>= 1) {
    if (whole & 1) r = r * p;
    if (whole > 1) p = p * p;
  }
  return nk_cap(r);
}

/* x^a = exp(a log x); 0^a is 0 for a < 0 too, where the equations that need it have a slope that no tolerance sees. */
static inline vd nk_power_log(vd x, vd a) { return nk_select(x > nk_set(0.0), nk_exp(a * nk_log(x)), 0.0 * x); }

/* x^a for any exponent of each lane: products for whole and half exponents from 0 to 8, else logarithms. Kept out of line: it is called only when a run changes an exponent. */
static __attribute__((noinline)) vd nk_power(vd x, vd a) {
  vd doubled = a + a, shifted = doubled + 6755399441055744.0;
  vi twice = (vi)shifted - (vi)nk_set(6755399441055744.0);
  vi exact = (shifted - 6755399441055744.0 == doubled) & (doubled >= nk_set(0.0)) & (doubled <= nk_set(16.0));
  vd r = nk_select((twice & 1) == 1, nk_sqrt(x), nk_set(1.0)), p = x;
  for (int bit = 1; bit < 5; bit++) {
    r = nk_select(((twice >> bit) & 1) == 1, r * p, r);
    p = p * p;
  }
  int general = 0;
  for (int l = 0; l < NK_LANES; l++) general |= !exact[l];
  return nk_cap(general ? nk_select(exact, r, nk_power_log(x, a)) : r);
}

/* ``usual`` is whether every lane of the block has the declared exponent, half of ``twice`` (negative: neither whole nor half, or above 8) */
static inline __attribute__((always_inline)) vd nk_power_at(vd x, vd a, int twice, int usual) {
  if (!usual) return nk_power(x, a);
  return twice >= 0 ? nk_power_chain(x, twice) : nk_cap(nk_power_log(x, a));
}

/* The same functions for one number: used once a run for parameter-only work. */
static inline double nk_exp_1(double x) { return nk_exp(nk_set(x))[0]; }
static inline double nk_log_1(double x) { return nk_log(nk_set(x))[0]; }
static inline double nk_sqrt_1(double x) { return sqrt(x); }
static inline double nk_abs_1(double x) { return fabs(x); }
static inline double nk_cap_1(double x) { return nk_cap(nk_set(x))[0]; }
static inline double nk_expm1_1(double x) { return nk_expm1(nk_set(x))[0]; }
static inline double nk_exprelr_from_1(double u, double q) { return nk_exprelr_from(nk_set(u), nk_set(q))[0]; }
static inline double nk_exprelr_slope_from_1(double u, double q, double e) { return nk_exprelr_slope_from(nk_set(u), nk_set(q), nk_set(e))[0]; }
static inline double nk_power_1(double x, double a) { return nk_power(nk_set(x), nk_set(a))[0]; }
static inline double nk_positive_part_1(double x) { return 0.0 > x ? 0.0 : x; }
static inline double nk_where_gt_1(double a, double b, double x, double y) { return a > b ? x : y; }

#endif
