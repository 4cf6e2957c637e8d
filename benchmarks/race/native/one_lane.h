/* The generated header of a cell for one run at a time: a lane is a double, the elementary functions are libm's. */
#ifndef NK_LANES_H
#define NK_LANES_H
#define NK_ELEMENTARY_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define NK_LANES 1
typedef double vd;
typedef int64_t vi;

static inline double nk_set(double x) { return x; }
static inline double nk_abs(double x) { return fabs(x); }
static inline double nk_max(double a, double b) { return a > b ? a : b; }
static inline double nk_min(double a, double b) { return a < b ? a : b; }
static inline double nk_fma(double a, double b, double c) { return a * b + c; } /* the compiler contracts it where the target can */
static inline double nk_fnma(double a, double b, double c) { return c - a * b; }
static inline double nk_exp(double x) { return exp(x); }
static inline double nk_expm1(double x) { return expm1(x); }
static inline double nk_log(double x) { return log(x); }
static inline double nk_sqrt(double x) { return sqrt(x); }
static inline double nk_positive_part(double x) { return 0.0 > x ? 0.0 : x; }
static inline double nk_where_gt(double a, double b, double x, double y) { return a > b ? x : y; }
static inline double nk_cap(double x) { return x < 1e300 ? x : 1e300; }

/* u/(e^u - 1) from u and q = e^u - 1, and its derivative with a Bernoulli series near 0 */
static inline double nk_exprelr_from(double u, double q) { return q == 0.0 ? 1.0 : u / q; }
static inline double nk_exprelr_slope_from(double u, double q, double e) {
  if (fabs(u) > 0.1) return (1.0 - e - u) / q;
  const double z = u * u;
  return -0.5 + u * (1.0 / 6.0 - z * (1.0 / 180.0 - z * (1.0 / 5040.0 - z / 151200.0)));
}

static inline double nk_power(double x, double a) { return nk_cap(pow(x, a)); }

/* x^(twice/2) by squaring */
static inline __attribute__((always_inline)) double nk_power_chain(double x, int twice) {
  double r = twice & 1 ? sqrt(x) : 1.0, p = x;
  for (int whole = twice >> 1; whole; whole >>= 1) {
    if (whole & 1) r = r * p;
    if (whole > 1) p = p * p;
  }
  return nk_cap(r);
}

/* declared whole and half exponents by squaring, others by libm's pow */
static inline __attribute__((always_inline)) double nk_power_at(double x, double a, int twice, int usual) {
  return usual && twice >= 0 ? nk_power_chain(x, twice) : nk_power(x, a);
}

#define nk_exp_1 nk_exp
#define nk_expm1_1 nk_expm1
#define nk_log_1 nk_log
#define nk_sqrt_1 nk_sqrt
#define nk_abs_1 nk_abs
#define nk_cap_1 nk_cap
#define nk_power_1 nk_power
#define nk_exprelr_from_1 nk_exprelr_from
#define nk_exprelr_slope_from_1 nk_exprelr_slope_from
#define nk_positive_part_1 nk_positive_part
#define nk_where_gt_1 nk_where_gt

#endif
