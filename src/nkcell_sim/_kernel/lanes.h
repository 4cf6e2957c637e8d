/* A block of lanes: one vector of doubles holds the same quantity of NK_LANES cells.
 *
 * Every operation is elementwise, so a lane's bits never depend on its neighbours. Multiply-adds are fused where they are written as
 * nk_fma, and nowhere else, so that every build gives the same bits; a processor without the instruction pays for it in time. */
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

#if NK_LANES == 8 && defined(__AVX512F__)
#define NK_512 1
#elif NK_LANES == 4 && defined(__AVX2__) && defined(__FMA__)
#define NK_256 1
#endif

typedef double vd __attribute__((vector_size(8 * NK_LANES)));
typedef int64_t vi __attribute__((vector_size(8 * NK_LANES)));

static inline vd nk_set(double x) { vd zero = {0}; return zero + x; }
static inline vi nk_seti(int64_t x) { vi zero = {0}; return zero + x; }
static inline vi nk_selecti(vi mask, vi a, vi b) { return (mask & a) | (~mask & b); }
static inline vd nk_abs(vd x) { return (vd)((vi)x & nk_seti(INT64_MAX)); }

/* a where the mask is set, else b; the mask is all ones or all zeros in each lane */
static inline vd nk_select(vi mask, vd a, vd b) {
#if defined(NK_512)
  return (vd)_mm512_mask_blend_pd(_mm512_movepi64_mask((__m512i)mask), (__m512d)b, (__m512d)a);
#elif defined(NK_256)
  return (vd)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)mask);
#else
  return (vd)((mask & (vi)a) | (~mask & (vi)b));
#endif
}

/* a < b ? a : b and a > b ? a : b in each lane: what is not a number in b goes through */
static inline vd nk_min(vd a, vd b) {
#if defined(NK_512)
  return (vd)_mm512_min_pd((__m512d)a, (__m512d)b);
#elif defined(NK_256)
  return (vd)_mm256_min_pd((__m256d)a, (__m256d)b);
#else
  return nk_select(a < b, a, b);
#endif
}
static inline vd nk_max(vd a, vd b) {
#if defined(NK_512)
  return (vd)_mm512_max_pd((__m512d)a, (__m512d)b);
#elif defined(NK_256)
  return (vd)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
  return nk_select(a > b, a, b);
#endif
}

/* a b + c and c - a b, rounded once */
static inline vd nk_fma(vd a, vd b, vd c) {
#if defined(NK_512)
  return (vd)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(NK_256)
  return (vd)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
  vd r = c;
  for (int l = 0; l < NK_LANES; l++) r[l] = __builtin_fma(a[l], b[l], c[l]);
  return r;
#endif
}
static inline vd nk_fnma(vd a, vd b, vd c) {
#if defined(NK_512)
  return (vd)_mm512_fnmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(NK_256)
  return (vd)_mm256_fnmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
  return nk_fma(-a, b, c);
#endif
}

/* x where a > b, else y */
static inline vd nk_where_gt(vd a, vd b, vd x, vd y) {
#if defined(NK_512)
  return (vd)_mm512_mask_blend_pd(_mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_GT_OQ), (__m512d)y, (__m512d)x);
#else
  return nk_select(a > b, x, y);
#endif
}

static inline vi nk_finite(vd x) { return nk_abs(x) < nk_set(INFINITY); }
static inline vd nk_positive_part(vd x) { return nk_max(nk_set(0.0), x); }

static inline vd nk_sqrt(vd x) {
  vd r = x;
  for (int l = 0; l < NK_LANES; l++) r[l] = sqrt(x[l]);
  return r;
}

#endif
