/* The first step after each edge of a protocol, from the first and second derivative of the state: y" = J f + df/dt, which the step has
 * at hand, so that no evaluation is spent. The estimate does not depend on the unit of time. */
#ifndef NK_FIRST_STEP_H
#define NK_FIRST_STEP_H

#include "jobs.h"

/* y" into w->f: the Jacobian times the right-hand side, and what the inputs add where they move. */
static void nk_second_derivative(const nk_model *m, const nk_work *w, vi moving, int varying, vd *to) {
  for (int i = 0; i < m->n_states; i++) to[i] = varying ? nk_select(moving, w->ft[i], nk_set(0.0)) : nk_set(0.0);
  for (int e = 0; e < m->n_jacobian; e++) to[m->info.rows[e]] = nk_fma(w->jac[e], w->f0[m->info.columns[e]], to[m->info.rows[e]]);
}

/* The step whose error is about one tolerance, from the state and its first two derivatives in units of the tolerance: the time in
 * which the motion changes is d1/d2, what it swings through in that time d1 d1/d2, and the error of a step of h that much times
 * (h d2/d1)^order. At most the time in which the state changes by its own size. */
static double nk_first_step(int order, double d0, double d1, double d2, double length) {
  if (d1 == 0.0) return d2 == 0.0 ? length : sqrt(1.0 / d2);
  double h = length;
  if (d2 > 0.0) {
    double change = d1 / d2;
    h = change * nk_exp_1(-nk_log_1(d1 * change) / order);
  }
  return d0 > 1e-5 && d0 / d1 < h ? d0 / d1 : h;
}

/* Choose the step of every lane that stands at the start of a segment; needs f0 and the Jacobian there. */
static void nk_first_steps(int order, const nk_model *m, const nk_batch *b, nk_lanes *lanes, nk_work *w, vi moving, int varying) {
  vd d0 = nk_set(0.0), d1 = nk_set(0.0), d2 = nk_set(0.0), rtol = nk_set(b->rtol);
  nk_second_derivative(m, w, moving, varying, w->f);
  for (int i = 0; i < m->n_states; i++) {
    vd scale = nk_fma(rtol, nk_abs(w->y[i]), nk_set(b->atol[i]));
    d0 = nk_max(nk_abs(w->y[i]) / scale, d0);
    d1 = nk_max(nk_abs(w->f0[i]) / scale, d1);
    d2 = nk_max(nk_abs(w->f[i]) / scale, d2);
  }
  for (int l = 0; l < NK_LANES; l++) {
    if (lanes->job[l] < 0 || lanes->started[l]) continue;
    double length = lanes->segment_length[l], h = nk_first_step(order, d0[l], d1[l], d2[l], length);
    if (!(h > 0.0) || !isfinite(h)) h = 1e-6 * length;
    lanes->h[l] = b->fixed_step > 0.0 ? b->fixed_step : h * b->first_step;
    lanes->last_step[l] = 0.0;
    lanes->started[l] = 1;
  }
}

#endif
