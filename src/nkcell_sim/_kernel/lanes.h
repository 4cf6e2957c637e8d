/* A block of lanes: one vector of doubles holds the same quantity of NK_LANES cells.
 *
 * Every operation is elementwise, so a lane's bits never depend on its neighbours. The elementary functions are
 * polynomials written out here (not libm), compiled without contraction, so that every build gives the same bits.
 * exp: Cody-Waite reduction and a degree-13 Taylor polynomial. log: the reduction and coefficients of fdlibm's
 * e_log.c (Sun Microsystems 1993), below 1 ulp. Both are tested against 50-digit references. */
#ifndef NK_LANES_H
#define NK_LANES_H

#include <math.h>
#include <stdint.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

#ifndef NK_LANES
#define NK_LANES 4
#endif

typedef double vd __attribute__((vector_size(8 * NK_LANES)));
typedef int64_t vi __attribute__((vector_size(8 * NK_LANES)));

static inline vd nk_set(double x) { vd zero = {0}; return zero + x; }
static inline vi nk_seti(int64_t x) { vi zero = {0}; return zero + x; }
static inline vd nk_select(vi mask, vd a, vd b) { return (vd)((mask & (vi)a) | (~mask & (vi)b)); }
static inline vd nk_abs(vd x) { return (vd)((vi)x & nk_seti(INT64_MAX)); }
static inline vi nk_selecti(vi mask, vi a, vi b) { return (mask & a) | (~mask & b); }
static inline vd nk_max(vd a, vd b) { return nk_select(a > b, a, b); }
static inline vd nk_min(vd a, vd b) { return nk_select(a < b, a, b); }
static inline vi nk_finite(vd x) { return nk_abs(x) < nk_set(INFINITY); }
static inline vd nk_positive_part(vd x) { return nk_select(x > nk_set(0.0), x, nk_set(0.0) * x); }
static inline vd nk_where_gt(vd a, vd b, vd x, vd y) { return nk_select(a > b, x, y); }

/* a b + c, rounded once, in every build: the bits must not depend on the instruction set */
static inline vd nk_fma(vd a, vd b, vd c) {
#if NK_LANES == 8 && defined(__AVX512F__)
  return (vd)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif NK_LANES == 4 && defined(__FMA__)
  return (vd)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
  vd r = c;
  for (int l = 0; l < NK_LANES; l++) r[l] = __builtin_fma(a[l], b[l], c[l]);
  return r;
#endif
}
static inline vd nk_sqrt(vd x) {
  vd r = x;
  for (int l = 0; l < NK_LANES; l++) r[l] = sqrt(x[l]);
  return r;
}

static inline vd nk_exp(vd x) {
  const double shift = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to an integer */
  vd bounded = nk_select(x > nk_set(709.79), nk_set(709.79), x);
  bounded = nk_select(bounded < nk_set(-708.3), nk_set(-708.3), bounded);
  vd rounded = bounded * 1.4426950408889634074 + shift;
  vi n = (vi)rounded - (vi)nk_set(shift);
  vd k = rounded - shift;
  vd r = (bounded - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
  vd s = nk_set(1.0 / 6227020800.0);
  s = s * r + 1.0 / 479001600.0;
  s = s * r + 1.0 / 39916800.0;
  s = s * r + 1.0 / 3628800.0;
  s = s * r + 1.0 / 362880.0;
  s = s * r + 1.0 / 40320.0;
  s = s * r + 1.0 / 5040.0;
  s = s * r + 1.0 / 720.0;
  s = s * r + 1.0 / 120.0;
  s = s * r + 1.0 / 24.0;
  s = s * r + 1.0 / 6.0;
  s = s * r + 0.5;
  vd value = (s * r) * r + r + 1.0;
  /* 2^n in two factors, so that 2^1024 and 2^-1022 are reached without leaving the exponent range */
  vi half = n >> 1;
  value *= (vd)((half + 1023) << 52);
  value *= (vd)((n - half + 1023) << 52);
  value = nk_select(x > nk_set(709.782712893384), nk_set(INFINITY), value);
  value = nk_select(x < nk_set(-708.3), nk_set(0.0), value);
  return nk_select(x == x, value, x);
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

/* u/(e^u - 1): (u/2) coth(u/2) - u/2, by its Bernoulli series below |u| = 0.5 */
static inline vd nk_exprelr(vd u) {
  vi small = nk_abs(u) < nk_set(0.5);
  vd safe = nk_select(small, nk_set(1.0), u);
  vd direct = safe / (nk_exp(safe) - 1.0);
  vd z = u * u;
  vd even = nk_set(1.0 / 74724249600.0);
  even = even * z + -691.0 / 1307674368000.0;
  even = even * z + 1.0 / 47900160.0;
  even = even * z + -1.0 / 1209600.0;
  even = even * z + 1.0 / 30240.0;
  even = even * z + -1.0 / 720.0;
  even = even * z + 1.0 / 12.0;
  even = even * z + 1.0;
  return nk_select(small, even - 0.5 * u, direct);
}

/* its derivative, E (1 - E - u)/u away from 0 and the differentiated series near it */
static inline vd nk_exprelr_slope(vd u) {
  vi small = nk_abs(u) < nk_set(0.5);
  vd safe = nk_select(small, nk_set(1.0), u);
  vd growth = nk_exp(safe) - 1.0;
  vd e = safe / growth;
  vd direct = (1.0 - e - safe) / growth;
  direct = nk_select(nk_finite(growth), direct, nk_set(0.0));
  vd z = u * u;
  vd odd = nk_set(14.0 / 74724249600.0);
  odd = odd * z + 12.0 * -691.0 / 1307674368000.0;
  odd = odd * z + 10.0 / 47900160.0;
  odd = odd * z + -8.0 / 1209600.0;
  odd = odd * z + 6.0 / 30240.0;
  odd = odd * z + -4.0 / 720.0;
  odd = odd * z + 2.0 / 12.0;
  return nk_select(small, odd * u - 0.5, direct);
}

/* The same functions for one number: used once a run for parameter-only work. */
static inline double nk_exp_1(double x) { return nk_exp(nk_set(x))[0]; }
static inline double nk_log_1(double x) { return nk_log(nk_set(x))[0]; }
static inline double nk_sqrt_1(double x) { return sqrt(x); }
static inline double nk_exprelr_1(double u) { return nk_exprelr(nk_set(u))[0]; }
static inline double nk_positive_part_1(double x) { return x > 0.0 ? x : 0.0 * x; }
static inline double nk_where_gt_1(double a, double b, double x, double y) { return a > b ? x : y; }

#endif
