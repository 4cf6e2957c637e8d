/* What follows from a step's verdict: the next step size, and whom to blame when no step is small enough. */
#ifndef NK_CONTROL_H
#define NK_CONTROL_H

#include <float.h>

#include "step.h"

/* Step factor after an accepted step: the elementary controller damped by the last step's error (Gustafsson 1994). Also the logarithm of
 * the present error, kept for the next step. */
static vd nk_growth(int order, double largest, const nk_lanes *lanes, vd h, vd error, vd *log_error) {
  vd log_e = nk_log(nk_max(error, nk_set(1e-10))), exponent = nk_set(1.0 / order);
  vd factor = 0.9 * nk_exp(-log_e * exponent);
  vi known = lanes->last_step > nk_set(0.0);
  vd predictive = 0.9 * (h / nk_select(known, lanes->last_step, h)) * nk_exp((lanes->last_error - 2.0 * log_e) * exponent);
  factor = nk_select(known & (predictive < factor), predictive, factor);
  factor = nk_max(nk_min(factor, nk_set(largest)), nk_set(0.2));
  *log_error = nk_max(log_e, nk_set(-4.605170185988091)); /* errors below 0.01 count as 0.01 */
  return factor;
}

static int nk_reject(int order, nk_lanes *lanes, const nk_verdict *v, int l, double h) {
  double factor;
  if (!v->finite[l]) {
    lanes->reason[l] = NK_NON_FINITE_RHS;
    factor = 0.25;
  } else if (!v->in_range[l] && v->error[l] <= 1.0) {
    lanes->reason[l] = NK_OUT_OF_RANGE;
    factor = 0.25;
  } else {
    lanes->reason[l] = NK_STEP_UNDERFLOW;
    factor = 0.9 * nk_exp_1(-nk_log_1(v->error[l]) / order);
    if (!(factor > 0.1)) factor = 0.1;
    if (factor > 0.9) factor = 0.9;
  }
  lanes->h[l] = h * factor;
  lanes->rejections[l]++;
  lanes->counters[l][NK_REJECTED]++;
  double floor = 4.0 * DBL_EPSILON * lanes->t[l];
  double least = 1e-22 * lanes->segment_length[l];
  return lanes->h[l] <= (floor > least ? floor : least);
}

/* The component whose equation breaks first in a step from the present state, or -1. Repeats the step (rare: once a failed run) and
 * leaves the new states of the other lanes as they were. */
static int nk_first_broken(int method, const nk_model *m, const nk_lanes *lanes, nk_work *w, int l, const nk_attempt *a) {
  vi broken = nk_seti(-1);
  nk_mark_broken(w->f0, m->n_states, &broken);
  for (int e = 0; e < m->n_jacobian; e++)
    if (broken[l] < 0 && !isfinite(w->jac[e][l])) broken[l] = m->info.rows[e];
  if (broken[l] >= 0) return (int)broken[l];
  memcpy(w->dense[0], w->y_new, (size_t)m->n_states * sizeof(vd));
  memcpy(w->dense[1], w->error, (size_t)m->n_states * sizeof(vd));
  nk_stages(method, m, lanes, w, a, &broken);
  memcpy(w->y_new, w->dense[0], (size_t)m->n_states * sizeof(vd));
  memcpy(w->error, w->dense[1], (size_t)m->n_states * sizeof(vd));
  return (int)broken[l];
}

/* The component to blame when no step is small enough. An equation that breaks because a bounded state is about to cross
 * its bound is a state out of range, whatever the equation then returned. */
static int nk_blame(const nk_model *m, const nk_batch *b, const nk_work *w, nk_lanes *lanes, int l, double h, int broken) {
  if (lanes->reason[l] == NK_NON_FINITE_RHS) {
    for (int i = 0; i < m->n_states; i++) {
      double next = w->y[i][l] + 10.0 * h * w->f0[i][l];
      if (next < b->lower[i] || next > b->upper[i]) {
        lanes->reason[l] = NK_OUT_OF_RANGE;
        return i;
      }
    }
    return broken >= 0 ? broken : nk_unfinite(m, w, l);
  }
  return lanes->reason[l] == NK_OUT_OF_RANGE ? nk_outside(m, b, w, l) : nk_worst(m, b, w, l);
}

/* A state that stands on its bound and is driven through it for good, or a start beyond it: the run has left the model's range. Drifts
 * that stay below the tolerance to the end of the segment are rounding. Looked at where a segment starts and after a state was put on
 * its bound: nowhere else can it stand there and be pressed. */
static vi nk_pressed(const nk_model *m, const nk_batch *b, const nk_work *w, vi standing, vd left, vi *which) {
  vi any = nk_seti(0);
  if (!nk_any(standing)) return any;
  for (int i = 0; i < m->n_states; i++) {
    vd drift = w->f0[i] * left;
    vd y = w->y[i], lower = nk_set(b->lower[i]), upper = nk_set(b->upper[i]), atol = nk_set(b->atol[i]);
    vi out = ((y == lower) & (drift < -atol)) | ((y == upper) & (drift > atol)) | (y < lower - atol) | (y > upper + atol);
    *which = nk_selecti(out, nk_seti(i), *which);
    any |= out & standing;
  }
  return any;
}

static int nk_diverged_component(const nk_model *m, const nk_batch *b, const nk_work *w, int l) {
  for (int i = 0; i < m->n_states; i++)
    if (fabs(w->y[i][l]) > b->diverged[i]) return i;
  return 0;
}

#endif
