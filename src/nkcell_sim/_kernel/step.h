/* One attempted step of every lane: the stages of a Rosenbrock method, then the error and the range of the new state. */
#ifndef NK_STEP_H
#define NK_STEP_H

#include "jobs.h"
#include "methods.h"

/* Lanes of ``broken`` that are still -1 take the first component that is not a finite number. */
static void nk_mark_broken(const vd *f, int n, vi *broken) {
  vi fresh = *broken < 0, found = *broken;
  for (int i = n - 1; i >= 0; i--) {
    vi bad = ~nk_finite(f[i]) & fresh;
    found = (bad & nk_seti(i)) | (~bad & found);
  }
  *broken = found;
}

/* What of a step belongs to the whole block. */
typedef struct {
  vd h;
  vi moving;              /* lanes whose inputs change within their segment */
  int varying, relaxing;  /* whether any lane's do */
} nk_attempt;

/* The argument of stage s (the result, for s = stages). */
static inline __attribute__((always_inline)) void nk_argument(const nk_method *method, int n, const nk_work *w, int s, const double *weights, int carried, vd *to) {
  if (carried) {
    for (int i = 0; i < n; i++) to[i] = w->stage[i] + w->k[s - 1][i];
    return;
  }
  for (int i = 0; i < n; i++) {
    vd sum = w->y[i];
#pragma GCC unroll 8
    for (int j = 0; j < s; j++)
      if (weights[j] != 0.0) sum = nk_fma(nk_set(weights[j]), w->k[j][i], sum);
    to[i] = sum;
  }
}

/* All stages of one method; every loop over stages is unrolled because the method is a constant where this is expanded.
 * ``broken``, when wanted, receives the first component of each lane whose equation stopped being finite, or stays -1. */
static inline __attribute__((always_inline)) void nk_stages_of(const nk_method *method, const nk_model *m, const nk_lanes *lanes, nk_work *w, const nk_attempt *a,
                                                               vi *broken) {
  int n = m->n_states;
  vd h = a->h, inverse = 1.0 / h;
  m->factor(inverse / method->gamma, w->jac, w->w);
#pragma GCC unroll 8
  for (int s = 0; s < method->stages; s++) {
    const vd *f = nk_starts_at_origin(method, s) ? w->f0 : w->f;
    vd *k = w->k[s];
    if (f != w->f0 && !nk_repeats_argument(method, s)) {
      const vd *u = w->u;
      nk_argument(method, n, w, s, method->a[s], s >= method->first_carry, w->stage);
      if (a->varying) {
        nk_inputs(w, m->n_inputs, a->relaxing, lanes->t + method->c[s] * h, w->u_stage, NULL);
        w->equations->settle(w->u_stage, w->fixed);
        u = w->u_stage;
      }
      w->equations->rhs(w->stage, u, w->fixed, w->f);
    }
    if (broken) nk_mark_broken(f, n, broken);
    for (int i = 0; i < n; i++) {
      vd sum = nk_set(0.0);
#pragma GCC unroll 8
      for (int j = 0; j < s; j++)
        if (method->C[s][j] != 0.0) sum = nk_fma(nk_set(method->C[s][j]), w->k[j][i], sum);
      k[i] = nk_fma(sum, inverse, f[i]);
    }
    if (a->varying && method->d[s] != 0.0)
      for (int i = 0; i < n; i++) k[i] = nk_select(a->moving, nk_fma(method->d[s] * h, w->ft[i], k[i]), k[i]);
    m->solve(w->w, k);
  }
  nk_argument(method, n, w, method->stages, method->m, method->carry_result, w->y_new);
  for (int i = 0; i < n; i++) {
    vd sum = w->k[method->stages - 1][i];
    if (!nk_error_is_last(method)) {
      sum = nk_set(0.0);
#pragma GCC unroll 8
      for (int j = 0; j < method->stages; j++)
        if (method->e[j] != 0.0) sum = nk_fma(nk_set(method->e[j]), w->k[j][i], sum);
    }
    w->error[i] = sum;
  }
}

static void nk_stages(int method, const nk_model *m, const nk_lanes *lanes, nk_work *w, const nk_attempt *a, vi *broken) {
#define NK_STAGES_CASE(index, name) \
  case index: nk_stages_of(&nk_##name, m, lanes, w, a, broken); return;
  switch (method) { NK_EACH_METHOD(NK_STAGES_CASE) }
#undef NK_STAGES_CASE
}

typedef struct {
  vd error;
  vi finite, in_range, clamped, diverged;
} nk_verdict;

static int nk_any(vi mask) {
  int64_t any = 0;
  for (int l = 0; l < NK_LANES; l++) any |= mask[l];
  return any != 0;
}

/* Largest error in units of the tolerance, and whether the new state is a finite number inside its declared range.
 * A state that misses its bound by less than its tolerance is put on the bound. Which component it was is looked up when somebody asks. */
static nk_verdict nk_judge(const nk_model *m, const nk_batch *b, nk_work *w) {
  int n = m->n_states;
  vd rtol = nk_set(b->rtol), zero = nk_set(0.0), error = zero, spoiled = zero, inside = nk_set(INFINITY), tolerated = inside, reach = inside;
  for (int i = 0; i < n; i++) {
    vd y = w->y_new[i], e = w->error[i], size = nk_abs(y), atol = nk_set(b->atol[i]);
    error = nk_max(error, nk_abs(e) / nk_fma(rtol, nk_max(size, nk_abs(w->y[i])), atol));
    spoiled = nk_fma(y, zero, nk_fma(e, zero, spoiled)); /* not a number as soon as one is not finite */
    vd room = nk_min(y - b->lower[i], b->upper[i] - y);
    inside = nk_min(inside, room);
    tolerated = nk_min(tolerated, room + atol);
    reach = nk_min(reach, b->diverged[i] - size);
  }
  nk_verdict v = {error, spoiled == zero, tolerated >= zero, inside < zero, reach < zero};
  v.clamped &= v.in_range & v.finite;
  if (nk_any(v.clamped))
    for (int i = 0; i < n; i++) w->y_new[i] = nk_select(v.clamped, nk_max(nk_set(b->lower[i]), nk_min(nk_set(b->upper[i]), w->y_new[i])), w->y_new[i]);
  return v;
}

/* The component with the largest error in a lane, the one out of range, the one that is not finite. */
static int nk_worst(const nk_model *m, const nk_batch *b, const nk_work *w, int l) {
  int worst = 0;
  double largest = -1.0;
  for (int i = 0; i < m->n_states; i++) {
    double size = fmax(fabs(w->y_new[i][l]), fabs(w->y[i][l])), scaled = fabs(w->error[i][l]) / (b->atol[i] + b->rtol * size);
    if (scaled > largest) largest = scaled, worst = i;
  }
  return worst;
}

static int nk_outside(const nk_model *m, const nk_batch *b, const nk_work *w, int l) {
  int found = 0;
  for (int i = 0; i < m->n_states; i++)
    if (w->y_new[i][l] < b->lower[i] - b->atol[i] || w->y_new[i][l] > b->upper[i] + b->atol[i]) found = i;
  return found;
}

static int nk_unfinite(const nk_model *m, const nk_work *w, int l) {
  int found = 0;
  for (int i = 0; i < m->n_states; i++)
    if (!isfinite(w->y_new[i][l]) || !isfinite(w->error[i][l])) found = i;
  return found;
}

#endif
